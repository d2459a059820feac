//! What clients may ask and what they are told, whatever door they came through.

/// What is answered is made of what is kept.
pub use crate::pair::KeyValue;
use crate::pair::Pair;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{KeyspaceId, Revision};
use bytes::Bytes;

/// Which keys. `start <= key < end` in unsigned byte order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum KeyRange {
    /// That one key.
    One(Bytes),
    /// From `start` on, below `end`; `end <= start` is empty.
    Span {
        /// The first key.
        start: Bytes,
        /// The first key behind the range.
        end: Bytes,
    },
    /// Every key from this one on.
    From(Bytes),
}

/// In which order a range is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sort {
    /// By what.
    pub target: SortTarget,
    /// Largest first.
    pub descending: bool,
}

/// By what a range is sorted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SortTarget {
    Key = 0,
    Version = 1,
    Create = 2,
    Modified = 3,
    Value = 4,
}

/// A read of a range at one revision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RangeQuery {
    /// Which keys.
    pub range: KeyRange,
    /// At which revision; `None` is the newest. (The door maps etcd's rules for
    /// zero and negative numbers; inside a transaction a negative one arrives
    /// as `Some(Revision::ZERO)`, which is always compacted.)
    pub revision: Option<Revision>,
    /// At most so many pairs; 0 is no limit.
    pub limit: u64,
    /// `None` is key order. `Some((target, None))`: etcd's order NONE with a
    /// target other than KEY: cut to `limit + 1` in key order first, then sorted ascending.
    pub sort: Option<(SortTarget, Option<Sort>)>,
    /// Leave the values out.
    pub keys_only: bool,
    /// Only count.
    pub count_only: bool,
    /// Bounds of the modification revision, inclusive; 0 is off.
    pub modified: (u64, u64),
    /// Bounds of the creation revision, inclusive; 0 is off.
    pub create: (u64, u64),
}

/// A write of one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Put {
    /// The key, not empty.
    pub key: Bytes,
    /// The value; `None` keeps the one that is there.
    pub value: Option<Bytes>,
    /// The lease, 0 for none; `None` keeps the one that is there.
    pub lease: Option<i64>,
    /// Answer with the pair as it was before.
    pub want_previous: bool,
}

/// A deletion of a range.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteRange {
    /// Which keys.
    pub range: KeyRange,
    /// Answer with the pairs as they were before.
    pub want_previous: bool,
}

/// What a comparison looks at, and what it is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of KeyValue")]
pub enum CompareWith {
    Version(i64),
    Create(i64),
    Modified(i64),
    Value(Bytes),
    Lease(i64),
}

/// How the stored field must relate to the given one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CompareHow {
    Equal = 0,
    Greater = 1,
    Less = 2,
    NotEqual = 3,
}

/// A condition: it must hold for every key of the range. A single key that
/// does not exist counts as all zeros; its value compares false always.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compare {
    /// Which keys.
    pub range: KeyRange,
    /// How.
    pub how: CompareHow,
    /// With what.
    pub with: CompareWith,
}

/// One operation of a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TxnOp {
    Range(RangeQuery),
    Put(Put),
    DeleteRange(DeleteRange),
    /// A transaction inside the transaction.
    Txn(Txn),
}

/// If all comparisons hold the first branch, else the second; atomic, one revision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Txn {
    /// The conditions.
    pub compare: Vec<Compare>,
    /// Done if all hold.
    pub success: Vec<TxnOp>,
    /// Done otherwise.
    pub failure: Vec<TxnOp>,
}

/// What changes a keyspace: the content of a log entry.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Command {
    Put(Put),
    DeleteRange(DeleteRange),
    Txn(Txn),
    Compact(Compact),
    LeaseGrant(LeaseGrant),
    LeaseRevoke {
        id: i64,
    },
    /// Proposed by the leader alone, whose clock decides. What does not exist
    /// any more is passed over.
    LeaseExpire {
        ids: Vec<i64>,
    },
    Alarm(AlarmChange),
}

/// Forget what lies before a revision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compact {
    /// The oldest revision that stays readable; zero may be said once.
    pub revision: Revision,
    /// The caller wants to hear of it when the room is free again. It is the
    /// node that waits; the state does not depend on it.
    pub physical: bool,
}

/// Make a lease. Whoever proposes it has picked a free id and has raised the
/// time to the least that is allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaseGrant {
    /// Its id; 0 is the lease of pairs without one, and always taken.
    pub id: i64,
    /// How long it lives without renewal, in seconds.
    pub ttl_s: u64,
}

/// A lease as it was granted; renewals are known to the leader alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// Its id.
    pub id: i64,
    /// How long it lives without renewal, in seconds.
    pub ttl_s: u64,
    /// The log's clock when it was granted.
    pub granted_at: u64,
    /// The keys that hang on it, in order.
    pub keys: Vec<Bytes>,
}

/// What is wrong with a member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum AlarmKind {
    /// Its space is used up: nothing that takes more is accepted.
    NoSpace = 1,
    /// Its data differs from that of others: no write is accepted.
    Corrupt = 2,
}

/// An alarm of a member, which stands until it is called off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Alarm {
    /// Whose.
    pub member: u64,
    /// Which.
    pub kind: AlarmKind,
}

/// Raise an alarm or call it off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlarmChange {
    /// Which.
    pub alarm: Alarm,
    /// Raise it.
    pub raise: bool,
}

/// Who asks, and under what terms: travels with every command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Envelope {
    /// The keyspace asked.
    pub keyspace: KeyspaceId,
    /// Who asks; empty is the anonymous caller.
    pub caller: Bytes,
    /// The revision of the users' table that the caller was checked against.
    pub auth_revision: u64,
    /// The caller's clock in milliseconds since 1970, for people only.
    pub wall_ms: u64,
    /// (client, sequence): a retry under the same pair takes effect once.
    pub sequence: Option<(u64, u64)>,
    /// Reserved, kept byte for byte.
    pub extension: Bytes,
}

/// What a range answers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RangeReply {
    /// The pairs.
    pub kvs: Vec<KeyValue>,
    /// Whether `limit` cut something off.
    pub more: bool,
    /// How many keys the range has, whatever limit and filters say.
    pub count: u64,
}

/// What one operation answers.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum OpReply {
    Range(RangeReply),
    Put {
        previous: Option<KeyValue>,
    },
    DeleteRange {
        deleted: u64,
        previous: Vec<KeyValue>,
    },
    Txn(TxnReply),
    Compact,
    LeaseGrant {
        id: i64,
        ttl_s: u64,
    },
    LeaseRevoke,
    LeaseExpire {
        ended: Vec<i64>,
    },
    /// Those that were raised or called off.
    Alarm(Vec<Alarm>),
}

/// What a transaction answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxnReply {
    /// Whether the comparisons held.
    pub succeeded: bool,
    /// One reply for each operation of the branch that was taken.
    pub replies: Vec<OpReply>,
}

/// What a command or a query answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The keyspace's revision when the answer was made.
    pub revision: Revision,
    /// The answer, or why there is none. An error changed nothing.
    pub result: Result<OpReply, KvError>,
}

/// Why a command or a query was refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KvError {
    /// A key is empty.
    EmptyKey,
    /// A key must exist and does not.
    KeyNotFound,
    /// The lease does not exist.
    LeaseNotFound,
    /// The lease exists already.
    LeaseExists,
    /// A lease should live longer than is allowed.
    LeaseTtlTooLarge,
    /// The alarm "no space" stands, and the command would take some.
    NoSpace,
    /// The alarm "corrupt" stands, and the command would write.
    Corrupt,
    /// This client's command took effect before, but what was answered is not
    /// kept any more.
    SequenceOld {
        /// The newest of the client's that took effect.
        last: u64,
    },
    /// A command of this client is missing before this one; or the client was
    /// forgotten, and it cannot be told which of its commands took effect.
    SequenceGap {
        /// The only one that would be accepted.
        expected: u64,
    },
    /// A transaction has more operations than allowed.
    TooManyOps,
    /// One branch writes a key twice, or writes one that it also deletes.
    DuplicateKey,
    /// The revision is no longer kept.
    Compacted {
        /// The oldest revision that can be read.
        oldest: Revision,
    },
    /// The revision does not exist yet.
    FutureRevision,
}

/// One change, as watches see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The pair after the change; after a deletion only key and `modified` mean something.
    pub kv: Pair,
    /// Whether the key was deleted.
    pub deleted: bool,
    /// The pair before, if there was one and it is still kept.
    pub previous: Option<Pair>,
}

/// All changes of one revision, in the order in which they were made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// The revision.
    pub revision: Revision,
    /// The changes; shared, never copied.
    pub changes: Arc<[Change]>,
}
