//! Is it a gRPC call at all? Its method and its content type tell.

use api::etcd::error::{Code, Status};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, StatusCode};

/// What is answered over HTTP if it is none.
pub(super) fn check(parts: &Parts) -> Result<(), (StatusCode, Status)> {
    if parts.method != Method::POST {
        let why = format!(
            "Received a HEADERS frame with :method {:?} which should be POST",
            parts.method.as_str()
        );
        return Err((
            StatusCode::METHOD_NOT_ALLOWED,
            Status { code: Code::Internal, text: why.into() },
        ));
    }
    let kind = parts.headers.get(CONTENT_TYPE).map_or(&[][..], |kind| kind.as_bytes());
    if is_grpc(kind) {
        return Ok(());
    }
    let why = format!("invalid gRPC request content-type {:?}", String::from_utf8_lossy(kind));
    let status = Status { code: Code::InvalidArgument, text: why.into() };
    Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, status))
}

fn is_grpc(kind: &[u8]) -> bool {
    let rest = kind.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_content_types_of_grpc_pass() {
        for good in ["application/grpc", "application/grpc+proto", "application/grpc;charset=x"] {
            assert!(is_grpc(good.as_bytes()), "{good}");
        }
        for bad in ["", "application/json", "application/grpc-web", "text/application/grpc"] {
            assert!(!is_grpc(bad.as_bytes()), "{bad}");
        }
    }
}
