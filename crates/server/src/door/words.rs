//! What do all doors say alike? The stubs they share, and refusals as gRPC knows them.

use api::etcd::error::{ServeError, Status};
use base::{GroupId, KeyspaceId};
use node::event::Refused;

/// The keyspace that clients of etcd speak with.
pub(super) const KEYSPACE: KeyspaceId = KeyspaceId(GroupId::DEFAULT.0);

/// The stubs of the services; the messages are `api`'s.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, reason = "generated")]
pub(super) mod stub {
    include!(concat!(env!("OUT_DIR"), "/serving/etcdserverpb.rs"));
}

/// The stubs of the health service.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, reason = "generated")]
pub(super) mod health_stub {
    include!(concat!(env!("OUT_DIR"), "/serving/grpc.health.v1.rs"));
}

/// The door's refusal as gRPC knows it: the numbers of the codes are the same.
pub(super) fn refusal(status: Status) -> tonic::Status {
    tonic::Status::new(tonic::Code::from_i32(status.code as i32), status.text)
}

/// The node's refusal as gRPC knows it.
pub(super) fn refused(why: Refused) -> tonic::Status {
    refusal(node_refusal(why))
}

/// The node's refusal in the words of the door.
pub(super) fn node_refusal(why: Refused) -> Status {
    let why = match why {
        Refused::NoLeader => ServeError::NoLeader,
        Refused::LeaderChanged => ServeError::LeaderChanged,
        Refused::TimedOut => ServeError::TimedOut,
        Refused::TooManyRequests => ServeError::TooManyRequests,
        Refused::NoSpace => ServeError::NoSpace,
        Refused::TooLarge => ServeError::TooLarge,
        Refused::NoSuchKeyspace => ServeError::NoSuchKeyspace,
        Refused::NotLeader => ServeError::NotLeader,
        Refused::BadTransferee => ServeError::BadTransferee,
        Refused::Stopped => ServeError::Stopped,
    };
    why.into()
}

/// An answer of another kind than the question: a mistake of ours, not the client's.
pub(super) fn mismatch() -> tonic::Status {
    refusal(Status::WRONG_ANSWER)
}
