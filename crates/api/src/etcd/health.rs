//! The health service of gRPC: whether this server serves.

use crate::etcd::error::{Code, Status};
use crate::etcd::wire::health::HealthCheckResponse;
use crate::etcd::wire::health::health_check_response::ServingStatus;
use alloc::borrow::Cow;

/// How the server is. Only the server as a whole, the empty name, is known:
/// its parts come and go together.
fn known(service: &str, serving: bool) -> Option<ServingStatus> {
    let whole = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    service.is_empty().then_some(whole)
}

/// The answer to `Check`.
pub fn check(service: &str, serving: bool) -> Result<HealthCheckResponse, Status> {
    // The text is gRPC's own, without the prefix of etcd.
    let unknown = Status { code: Code::NotFound, text: Cow::Borrowed("unknown service") };
    known(service, serving).map(response).ok_or(unknown)
}

/// What `Watch` says at first and at each change; it goes on for a name that is
/// not known, which may become known.
#[must_use]
pub fn watch(service: &str, serving: bool) -> HealthCheckResponse {
    response(known(service, serving).unwrap_or(ServingStatus::ServiceUnknown))
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_as_a_whole_serves_until_it_stops() {
        assert_eq!(check("", true).map(|it| it.status), Ok(1));
        assert_eq!(check("", false).map(|it| it.status), Ok(2));
        assert_eq!((watch("", true).status, watch("", false).status), (1, 2));
    }

    #[test]
    fn another_name_is_not_found_and_a_watch_of_it_waits() {
        let refused = check("etcdserverpb.KV", true).unwrap_err();
        assert_eq!((refused.code, refused.text.as_ref()), (Code::NotFound, "unknown service"));
        assert_eq!(watch("etcdserverpb.KV", true).status, 3);
    }
}
