//! How does a call end? gRPC says it in headers behind the answer, or in the
//! only ones if there is none.

use api::etcd::error::{Code, Status};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use std::fmt::Write;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The headers before an answer.
pub(super) fn head() -> Response<()> {
    let mut head = Response::new(());
    head.headers_mut().insert(CONTENT_TYPE, GRPC);
    head
}

/// The headers behind an answer.
pub(super) fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}

/// The only headers of a call without an answer.
pub(super) fn refusal(status: &Status) -> Response<()> {
    let mut head = head();
    head.headers_mut().extend(failed(status));
    head
}

/// The headers behind an answer that was not finished.
pub(super) fn failed(status: &Status) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(GRPC_STATUS, HeaderValue::from(status.code as u16));
    // What is encoded has no byte that a header may not have.
    if let Ok(text) = HeaderValue::from_str(&encoded(&status.text)) {
        headers.insert(GRPC_MESSAGE, text);
    }
    headers
}

/// The same, for what is not even a gRPC call.
pub(super) fn not_grpc(http: StatusCode, status: &Status) -> Response<()> {
    let mut head = refusal(status);
    *head.status_mut() = http;
    head
}

/// A text of a status in the bytes that a header may have.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            // A string takes everything, so this never fails.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

/// The code in such headers.
pub(super) fn code(headers: &HeaderMap) -> i32 {
    let code = headers.get(GRPC_STATUS).and_then(|code| code.to_str().ok());
    code.and_then(|code| code.parse().ok()).unwrap_or(Code::Unknown as i32)
}

/// The name of a code, as the metrics of gRPC have it.
pub(super) const fn code_name(code: i32) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    let place = if 0 <= code && code < 17 { code } else { Code::Unknown as i32 };
    #[expect(clippy::indexing_slicing, reason = "the place is within")]
    NAMES[place as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_goes_through_a_header_whatever_is_in_it() {
        assert_eq!(encoded("etcdserver: too large"), "etcdserver: too large");
        assert_eq!(encoded("100%\n\u{e9}"), "100%25%0A%C3%A9");
    }

    #[test]
    fn a_refusal_is_a_well_kept_call_over_http() {
        let refusal = refusal(&Status::EMPTY_KEY);
        assert_eq!(refusal.status(), StatusCode::OK);
        assert_eq!(refusal.headers()["grpc-status"], "3");
        assert_eq!(refusal.headers()["grpc-message"], "etcdserver: key is not provided");
    }

    #[test]
    fn every_code_has_its_name() {
        assert_eq!(code_name(Code::Ok as i32), "OK");
        assert_eq!(code_name(Code::Unauthenticated as i32), "Unauthenticated");
        assert_eq!(code_name(99), "Unknown");
    }
}
