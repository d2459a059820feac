//! How long does a caller wait? What it says in a header of its call.

use api::etcd::error::{Code, Status};
use http::HeaderMap;
use std::time::Duration;
use tokio::time::Instant;

/// The name of that header.
const GRPC_TIMEOUT: &str = "grpc-timeout";

/// gRPC allows so many digits.
const DIGITS_MAX: usize = 8;

/// Waiting longer is waiting for ever, and the clock cannot count all hours
/// that eight digits can.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// When the caller stops waiting, if it ever does.
pub(super) fn deadline(headers: &HeaderMap) -> Result<Option<Instant>, Status> {
    let Some(timeout) = headers.get(GRPC_TIMEOUT) else { return Ok(None) };
    let wait = timeout.to_str().ok().and_then(wait).ok_or_else(|| {
        let why = format!("malformed grpc-timeout: {timeout:?}");
        Status { code: Code::Internal, text: why.into() }
    })?;
    Ok(Instant::now().checked_add(wait.min(LONGEST)))
}

/// What a caller is told that has waited long enough.
pub(super) const fn exceeded() -> Status {
    let text = std::borrow::Cow::Borrowed("context deadline exceeded");
    Status { code: Code::DeadlineExceeded, text }
}

fn wait(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 60 * 60),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_known_and_nothing_else_is() {
        let table = [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("4m", Some(Duration::from_millis(4))),
            ("5u", Some(Duration::from_micros(5))),
            ("00000006n", Some(Duration::from_nanos(6))),
            ("", None),
            ("S", None),
            ("1", None),
            ("-1S", None),
            ("1s", None),
            ("123456789S", None),
            ("1\u{e9}", None),
        ];
        for (text, expected) in table {
            assert_eq!(wait(text), expected, "{text}");
        }
    }

    #[test]
    fn the_longest_wait_is_one_that_the_clock_can_count() {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, http::HeaderValue::from_static("99999999H"));
        assert!(deadline(&headers).unwrap().is_some());
        headers.insert(GRPC_TIMEOUT, http::HeaderValue::from_static("soon"));
        assert_eq!(deadline(&headers).unwrap_err().code, Code::Internal);
        assert_eq!(deadline(&HeaderMap::new()), Ok(None));
    }
}
