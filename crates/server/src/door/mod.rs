//! How do strangers come in? The gRPC services of etcd, each a thin pane: the
//! door's words are `api`'s, what is done is the lane's.

mod cluster;
mod desk;
mod kv;
mod line;
mod maintenance;
mod serve;
mod watch;

pub(crate) use desk::Desk;
pub(crate) use serve::serve;

use api::etcd::error::{ServeError, Status};
use base::{GroupId, KeyspaceId};
use node::event::Refused;

/// The keyspace that clients of etcd speak with.
const KEYSPACE: KeyspaceId = KeyspaceId(GroupId::DEFAULT.0);

/// The stubs of the services; the messages are `api`'s.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, reason = "generated")]
mod stub {
    tonic::include_proto!("etcdserverpb");
}

/// The door's refusal as gRPC knows it: the numbers of the codes are the same.
fn refusal(status: Status) -> tonic::Status {
    tonic::Status::new(tonic::Code::from_i32(status.code as i32), status.text)
}

/// The node's refusal in the words of the door.
fn refused(why: Refused) -> tonic::Status {
    let why = match why {
        Refused::NoLeader => ServeError::NoLeader,
        Refused::LeaderChanged => ServeError::LeaderChanged,
        Refused::TimedOut => ServeError::TimedOut,
        Refused::TooManyRequests => ServeError::TooManyRequests,
        Refused::TooLarge => ServeError::TooLarge,
        Refused::NoSuchKeyspace => ServeError::NoSuchKeyspace,
        Refused::Stopped => ServeError::Stopped,
    };
    refusal(why.into())
}

/// An answer of another kind than the question: a mistake of ours, not the client's.
fn mismatch() -> tonic::Status {
    refusal(Status::WRONG_ANSWER)
}
