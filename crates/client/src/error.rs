//! What can go wrong with a call, sorted by what it did to the store.

use tonic::{Code, Status};

/// Why a call has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The address of a member cannot be used. Nothing was sent.
    #[error("endpoint {endpoint:?}: {why}")]
    BadEndpoint {
        /// What was given.
        endpoint: String,
        /// What is wrong with it.
        why: String,
    },
    /// No member could be connected to. Nothing was sent.
    #[error("no endpoint can be reached: {tried}")]
    Unreachable {
        /// Each endpoint with what happened there.
        tried: String,
    },
    /// The server refused. Nothing was changed.
    #[error("{text}")]
    Refused {
        /// gRPC's code.
        code: Code,
        /// The server's words.
        text: String,
    },
    /// No answer in time, or only "try later", to a call that changes nothing.
    #[error("{text}")]
    Unavailable {
        /// What was heard last.
        text: String,
    },
    /// A write was sent and no answer came: it may have happened or may yet
    /// happen. Read before you write again.
    #[error("unknown outcome: the write was sent to {endpoint} and may have happened ({text})")]
    UnknownOutcome {
        /// Where it was sent.
        endpoint: String,
        /// What was heard instead of an answer.
        text: String,
    },
    /// A watch asked for history that is no longer kept.
    #[error("etcdserver: mvcc: required revision has been compacted (kept from {oldest} on)")]
    Compacted {
        /// The oldest revision that is kept.
        oldest: i64,
    },
}

impl Error {
    /// Whether the member does not know the call at all.
    #[must_use]
    pub fn unimplemented(&self) -> bool {
        matches!(self, Self::Refused { code: Code::Unimplemented, .. })
    }
}

/// Whether the request certainly never left: the connection could not be opened.
pub(crate) fn never_sent(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// Whether another member, or the same one later, may answer.
///
/// A connection that breaks shows as Unavailable, Unknown, Cancelled or Internal,
/// depending on what was in flight; the server's own refusals begin with its name.
pub(crate) fn try_elsewhere(status: &Status) -> bool {
    let said_by_server = status.message().starts_with("etcdserver:");
    match status.code() {
        Code::Unavailable => true,
        Code::Unknown | Code::Cancelled | Code::Internal => !said_by_server,
        _ => false,
    }
}

/// Whether the server says that it looked at the request and did nothing.
pub(crate) fn refused(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated
    )
}

impl From<Status> for Error {
    /// For a call that changes nothing, or whose refusal is certain.
    fn from(status: Status) -> Self {
        let text = status.message().to_owned();
        if refused(&status) {
            return Self::Refused { code: status.code(), text };
        }
        Self::Unavailable { text: if text.is_empty() { status.code().to_string() } else { text } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_final_and_a_silence_is_not() {
        let refusal = Status::invalid_argument("etcdserver: key is not provided");
        assert!(refused(&refusal) && !try_elsewhere(&refusal));
        let later = Status::unavailable("etcdserver: no leader");
        assert!(!refused(&later) && try_elsewhere(&later));
        let broken = Status::unknown("h2 protocol error: error reading a body");
        assert!(!refused(&broken) && try_elsewhere(&broken));
        let worded =
            Status::unknown("etcdserver: request timed out, leader transfer took too long");
        assert!(!try_elsewhere(&worded));
    }

    #[test]
    fn a_status_without_a_connect_error_may_have_been_sent() {
        assert!(!never_sent(&Status::unavailable("connection refused")));
    }
}
