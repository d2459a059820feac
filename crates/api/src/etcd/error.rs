//! Every refusal of the etcd door: its gRPC code and its exact text.

use alloc::borrow::Cow;
use kv::command::KvError;

/// The codes of gRPC, by their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of gRPC")]
pub enum Code {
    Ok = 0,
    Canceled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// A refusal as the client sees it. etcd's clients restore the kind of error
/// from the text, so spelling and case are part of the interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// The kind, for gRPC.
    pub code: Code,
    /// The text, for etcd's clients and for people.
    pub text: Cow<'static, str>,
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:ident, $text:literal;)+) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self =
                Self::new(Code::$code, concat!("etcdserver: ", $text));)+
        }
    };
}

statuses! {
    /// A key is empty.
    EMPTY_KEY = InvalidArgument, "key is not provided";
    /// A key must exist and does not; also an operation that names nothing to do.
    KEY_NOT_FOUND = InvalidArgument, "key not found";
    /// A put shall keep the value and brings one.
    VALUE_PROVIDED = InvalidArgument, "value is provided";
    /// A put shall keep the lease and brings one.
    LEASE_PROVIDED = InvalidArgument, "lease is provided";
    /// A transaction is too large or too deep.
    TOO_MANY_OPS = InvalidArgument, "too many operations in txn request";
    /// One branch writes a key twice, or writes one that it also deletes.
    DUPLICATE_KEY = InvalidArgument, "duplicate key given in txn request";
    /// A sort order or target that does not exist.
    INVALID_SORT = InvalidArgument, "invalid sort option";
    /// The request is larger than a log entry may be.
    TOO_LARGE = InvalidArgument, "request is too large";
    /// A comparison that does not exist. etcd takes it for one that holds;
    /// a condition that is not understood must not let a write through.
    INVALID_COMPARE = InvalidArgument, "invalid comparison in txn request";
    /// The revision is no longer kept.
    COMPACTED = OutOfRange, "mvcc: required revision has been compacted";
    /// The revision does not exist yet.
    FUTURE_REVISION = OutOfRange, "mvcc: required revision is a future revision";
    /// The lease does not exist.
    LEASE_NOT_FOUND = NotFound, "requested lease not found";
    /// The lease exists already.
    LEASE_EXISTS = FailedPrecondition, "lease already exists";
    /// A lease should live longer than is allowed.
    LEASE_TTL_TOO_LARGE = OutOfRange, "too large lease TTL";
    /// The space is used up and the command would take more.
    NO_SPACE = ResourceExhausted, "mvcc: database space exceeded";
    /// The command took effect before; its answer is not kept any more. etcd
    /// has no numbered commands and no text for this one and the next.
    SEQUENCE_OLD = FailedPrecondition, "sequence number is old";
    /// A command with a smaller number is missing, or the client is forgotten.
    SEQUENCE_GAP = FailedPrecondition, "sequence number has a gap";
    /// There is no such keyspace. etcd has none and no text for it.
    KEYSPACE_NOT_FOUND = NotFound, "requested keyspace not found";
    /// Too much is in hand. (etcd's own server sends this text as `Unknown`;
    /// its clients know it by this code.)
    TOO_MANY_REQUESTS = ResourceExhausted, "too many requests";
    /// No leader is known.
    NO_LEADER = Unavailable, "no leader";
    /// Leadership moved while the request was under way.
    LEADER_CHANGED = Unavailable, "leader changed";
    /// No decision came in time.
    TIMED_OUT = Unavailable, "request timed out";
    /// Only the leader can do that, and this member is not the leader.
    NOT_LEADER = FailedPrecondition, "not leader";
    /// Leadership cannot go to that member.
    BAD_TRANSFEREE = FailedPrecondition, "bad leader transferee";
    /// Leadership was to go to another member and has not arrived in time.
    TRANSFER_TIMED_OUT = Unknown, "request timed out, leader transfer took too long";
    /// A version that a downgrade names is not one.
    DOWNGRADE_VERSION_FORMAT = InvalidArgument, "wrong downgrade target version format";
    /// A downgrade names a version that is not one minor below.
    DOWNGRADE_TARGET = InvalidArgument, "invalid downgrade target version";
    /// There is no downgrade that could be called off.
    NO_DOWNGRADE = FailedPrecondition, "no inflight downgrade job";
    /// The cluster cannot do that.
    NOT_CAPABLE = FailedPrecondition, "not capable";
    /// An action that does not exist.
    UNKNOWN_METHOD = Unknown, "unknown method";
    /// This server has stopped or is stopping.
    STOPPED = Unavailable, "server stopped";
    /// The members do not agree, or the data is damaged.
    CORRUPT = DataLoss, "corrupt cluster";
    /// The server ended a watch.
    WATCH_CANCELED = Canceled, "watch canceled";
    /// An answer of another kind than the question: a mistake of ours.
    WRONG_ANSWER = Internal, "answer does not match the request";
}

/// Why a watch is refused whose id is taken. etcd says this one and the next
/// without its usual prefix, inside a response.
pub const WATCH_DUPLICATE_ID: &str = "mvcc: duplicate watch ID provided on the WatchStream";

/// Why a watch is refused that could never see a key.
pub const WATCH_EMPTY_RANGE: &str = "mvcc: watcher range is empty";

impl Status {
    const fn new(code: Code, text: &'static str) -> Self {
        Self { code, text: Cow::Borrowed(text) }
    }
}

impl From<KvError> for Status {
    fn from(error: KvError) -> Self {
        match error {
            KvError::EmptyKey => Self::EMPTY_KEY,
            KvError::KeyNotFound => Self::KEY_NOT_FOUND,
            KvError::LeaseNotFound => Self::LEASE_NOT_FOUND,
            KvError::TooManyOps => Self::TOO_MANY_OPS,
            KvError::DuplicateKey => Self::DUPLICATE_KEY,
            KvError::Compacted { .. } => Self::COMPACTED,
            KvError::FutureRevision => Self::FUTURE_REVISION,
            KvError::LeaseExists => Self::LEASE_EXISTS,
            KvError::LeaseTtlTooLarge => Self::LEASE_TTL_TOO_LARGE,
            KvError::NoSpace => Self::NO_SPACE,
            KvError::Corrupt => Self::CORRUPT,
            KvError::SequenceOld { .. } => Self::SEQUENCE_OLD,
            KvError::SequenceGap { .. } => Self::SEQUENCE_GAP,
        }
    }
}

/// Why the node, not the keyspace, gave no answer.
///
/// No text of these is one on which clients repeat a write by themselves, so
/// an unknown outcome stays the caller's to judge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServeError {
    /// Nothing was done: no leader was found in time.
    NoLeader,
    /// Unknown outcome: leadership moved meanwhile.
    LeaderChanged,
    /// Unknown outcome: no decision came in time.
    TimedOut,
    /// Nothing was done: too much is in hand.
    TooManyRequests,
    /// Nothing was done: the disk has no room for it.
    NoSpace,
    /// Nothing was done: the request is larger than allowed.
    TooLarge,
    /// Nothing was done: there is no such keyspace.
    NoSuchKeyspace,
    /// Unknown outcome: this node has stopped.
    Stopped,
    /// Nothing was done: the data is damaged.
    Corrupt,
    /// Nothing was done: only the leader can, and this member is not the leader.
    NotLeader,
    /// Nothing was done: leadership cannot go to that member.
    BadTransferee,
    /// Unknown outcome: leadership may still go to the other member.
    TransferTimedOut,
}

impl From<ServeError> for Status {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::NoLeader => Self::NO_LEADER,
            ServeError::LeaderChanged => Self::LEADER_CHANGED,
            ServeError::TimedOut => Self::TIMED_OUT,
            ServeError::TooManyRequests => Self::TOO_MANY_REQUESTS,
            ServeError::NoSpace => Self::NO_SPACE,
            ServeError::TooLarge => Self::TOO_LARGE,
            ServeError::NoSuchKeyspace => Self::KEYSPACE_NOT_FOUND,
            ServeError::Stopped => Self::STOPPED,
            ServeError::Corrupt => Self::CORRUPT,
            ServeError::NotLeader => Self::NOT_LEADER,
            ServeError::BadTransferee => Self::BAD_TRANSFEREE,
            ServeError::TransferTimedOut => Self::TRANSFER_TIMED_OUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Revision;

    fn seen(status: impl Into<Status>) -> (u8, alloc::string::String) {
        let status = status.into();
        (status.code as u8, status.text.into_owned())
    }

    #[test]
    fn what_the_keyspace_refuses_has_etcds_code_and_text() {
        let oldest = Revision(5);
        let table = [
            (KvError::EmptyKey, 3, "etcdserver: key is not provided"),
            (KvError::KeyNotFound, 3, "etcdserver: key not found"),
            (KvError::LeaseNotFound, 5, "etcdserver: requested lease not found"),
            (KvError::TooManyOps, 3, "etcdserver: too many operations in txn request"),
            (KvError::DuplicateKey, 3, "etcdserver: duplicate key given in txn request"),
            (
                KvError::Compacted { oldest },
                11,
                "etcdserver: mvcc: required revision has been compacted",
            ),
            (
                KvError::FutureRevision,
                11,
                "etcdserver: mvcc: required revision is a future revision",
            ),
            (KvError::LeaseExists, 9, "etcdserver: lease already exists"),
            (KvError::LeaseTtlTooLarge, 11, "etcdserver: too large lease TTL"),
            (KvError::NoSpace, 8, "etcdserver: mvcc: database space exceeded"),
            (KvError::Corrupt, 15, "etcdserver: corrupt cluster"),
        ];
        for (error, code, text) in table {
            assert_eq!(seen(error), (code, text.into()));
        }
    }

    #[test]
    fn what_the_node_refuses_has_etcds_code_and_text() {
        let table = [
            (ServeError::NoLeader, 14, "etcdserver: no leader"),
            (ServeError::LeaderChanged, 14, "etcdserver: leader changed"),
            (ServeError::TimedOut, 14, "etcdserver: request timed out"),
            (ServeError::TooManyRequests, 8, "etcdserver: too many requests"),
            (ServeError::TooLarge, 3, "etcdserver: request is too large"),
            (ServeError::Stopped, 14, "etcdserver: server stopped"),
            (ServeError::Corrupt, 15, "etcdserver: corrupt cluster"),
            (ServeError::NoSuchKeyspace, 5, "etcdserver: requested keyspace not found"),
            (ServeError::NoSpace, 8, "etcdserver: mvcc: database space exceeded"),
            (ServeError::NotLeader, 9, "etcdserver: not leader"),
            (ServeError::BadTransferee, 9, "etcdserver: bad leader transferee"),
            (
                ServeError::TransferTimedOut,
                2,
                "etcdserver: request timed out, leader transfer took too long",
            ),
        ];
        for (error, code, text) in table {
            assert_eq!(seen(error), (code, text.into()));
        }
    }

    #[test]
    fn what_the_door_refuses_has_etcds_code_and_text() {
        let table = [
            (Status::VALUE_PROVIDED, 3, "etcdserver: value is provided"),
            (Status::LEASE_PROVIDED, 3, "etcdserver: lease is provided"),
            (Status::INVALID_SORT, 3, "etcdserver: invalid sort option"),
            (Status::WATCH_CANCELED, 1, "etcdserver: watch canceled"),
            (Status::DOWNGRADE_TARGET, 3, "etcdserver: invalid downgrade target version"),
            (
                Status::DOWNGRADE_VERSION_FORMAT,
                3,
                "etcdserver: wrong downgrade target version format",
            ),
            (Status::NO_DOWNGRADE, 9, "etcdserver: no inflight downgrade job"),
            (Status::NOT_CAPABLE, 9, "etcdserver: not capable"),
            (Status::UNKNOWN_METHOD, 2, "etcdserver: unknown method"),
        ];
        for (status, code, text) in table {
            assert_eq!(seen(status), (code, text.into()));
        }
    }
}
