//! Where a member can be reached, parsed once.

use crate::error::Error;
use crate::timeouts::Timeouts;
use std::time::Duration;
use tonic::transport;

/// Pings find a member that is silent though its connection is open. etcd's
/// servers refuse pings that come more often than every 5 s.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads `host:port` or `http://host:port`.
pub(crate) fn parse(text: &str, timeouts: &Timeouts) -> Result<transport::Endpoint, Error> {
    let text = text.trim();
    let bad = |why: &str| Error::BadEndpoint { endpoint: text.to_owned(), why: why.to_owned() };
    let address = match text.split_once("://") {
        None => text,
        Some(("http", address)) => address,
        Some(("https", _)) => return Err(bad("TLS is not implemented yet; use http://")),
        Some(_) => return Err(bad("only http:// is known")),
    };
    let address = address.trim_end_matches('/');
    if !address.contains(':') {
        return Err(bad("it has no port; write host:port"));
    }
    let endpoint = transport::Endpoint::from_shared(format!("http://{address}"))
        .map_err(|_| bad("write host:port"))?;
    Ok(endpoint
        .connect_timeout(timeouts.dial)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_stand_alone_or_with_its_scheme() {
        for text in ["127.0.0.1:2379", "http://127.0.0.1:2379", "http://localhost:1/", "[::1]:2"] {
            assert!(parse(text, &Timeouts::default()).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_reached_is_refused_with_the_reason() {
        for (text, part) in [
            ("https://a:1", "TLS is not implemented yet"),
            ("unix://a", "only http://"),
            ("localhost", "no port"),
            ("a b:1", "write host:port"),
        ] {
            let error = parse(text, &Timeouts::default()).err().map(|error| error.to_string());
            assert!(error.as_deref().unwrap_or_default().contains(part), "{text}: {error:?}");
        }
    }
}
