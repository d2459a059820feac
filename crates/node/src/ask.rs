//! What clients ask of a lane, and what they hear.

use crate::snapshot::Snapshot;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{Index, KeyspaceId, NodeId, Revision, WatchKey};
use bytes::Bytes;
use consensus::kind::ProtocolKind;
use kv::command::{Alarm, Changes, Command, Envelope, KeyRange, KvError, RangeQuery, Reply, Txn};

/// What a client asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Change the keyspace of the envelope.
    Write {
        /// Who asks, and where.
        envelope: Envelope,
        /// What to change.
        command: Command,
    },
    /// Read a keyspace.
    Read {
        /// Which one.
        keyspace: KeyspaceId,
        /// What to read.
        query: Query,
        /// How fresh the answer must be.
        level: Level,
    },
    /// The members of the cluster.
    Members {
        /// How fresh the answer must be.
        level: Level,
    },
    /// Renew a lease, or hear how long it lives still. The leader alone knows;
    /// any node asks it. Linearizable: it is answered only after a round of
    /// leadership that began after the ask.
    Lease {
        /// The keyspace.
        keyspace: KeyspaceId,
        /// Which lease, and whether to renew it.
        ask: LeaseAsk,
    },
    /// The ids of all leases. Linearizable.
    Leases {
        /// The keyspace.
        keyspace: KeyspaceId,
    },
    /// The alarms that stand. Linearizable.
    Alarms {
        /// The keyspace.
        keyspace: KeyspaceId,
    },
    /// A hash of the pairs as of a revision, as this node has applied them.
    HashKv {
        /// The keyspace.
        keyspace: KeyspaceId,
        /// The revision; `None` is the newest.
        revision: Option<Revision>,
    },
    /// How this node is. Answered without asking anybody.
    Status,
    /// The whole state of a keyspace, as this node has applied it.
    Snapshot {
        /// The keyspace.
        keyspace: KeyspaceId,
    },
    /// Hand the leadership over to another node. Only the leader does it.
    MoveLeader {
        /// To whom.
        to: NodeId,
    },
}

/// What is asked about a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaseAsk {
    /// Its id.
    pub id: i64,
    /// Give it its full time again.
    pub renew: bool,
}

/// What the leader knows of a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaseTold {
    /// The time it was granted, in seconds; 0: there is no such lease.
    pub ttl_s: u64,
    /// What is left of it, in milliseconds.
    pub remaining_ms: u64,
}

/// What to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Query {
    /// A range.
    Range(RangeQuery),
    /// A transaction that only reads.
    Txn(Txn),
}

/// How fresh a read must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// It sees everything that was acknowledged before it began.
    Linearizable,
    /// It sees some true past state: what this node has applied.
    Serializable,
}

/// What is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchOpen {
    /// The keyspace.
    pub keyspace: KeyspaceId,
    /// The keys.
    pub range: KeyRange,
    /// Leave out puts.
    pub no_put: bool,
    /// Leave out deletions.
    pub no_delete: bool,
    /// Tell the pair before each change.
    pub want_previous: bool,
    /// From which revision on; `None` is from the next one on.
    pub from: Option<Revision>,
    /// Batches of events that may be sent before more credit is given.
    pub credit: u32,
}

/// An answer to an [`Ask`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// What the keyspace says.
    Kv(Reply),
    /// The members, in the order of their ids.
    Members(Vec<Member>),
    /// A lease, renewed or not; its keys only if it was not to be renewed.
    Lease {
        /// What the leader knows of it.
        told: LeaseTold,
        /// The keys that hang on it, in order.
        keys: Vec<Bytes>,
    },
    /// The ids of all leases.
    Leases(Vec<i64>),
    /// The alarms that stand.
    Alarms(Vec<Alarm>),
    /// A hash of the pairs.
    HashKv {
        /// The keyspace's revision.
        revision: Revision,
        /// The hash, or why there is none.
        hash: Result<u64, KvError>,
        /// The revision that was hashed.
        at: Revision,
        /// The revision of the last compaction, if there was one.
        compacted: Option<Revision>,
    },
    /// How this node is.
    Status(Status),
    /// A whole state.
    Snapshot(Snapshot),
    /// Leadership was handed over.
    Moved,
    /// Not done, or not known to be done.
    Refused(Refused),
}

/// Why an ask got no answer from a keyspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Nothing was done: no leader was found in time.
    NoLeader,
    /// It is unknown whether it was or will be done: leadership moved meanwhile.
    LeaderChanged,
    /// It is unknown whether it was or will be done: no decision came in time.
    TimedOut,
    /// Nothing was done: too much is in hand.
    TooManyRequests,
    /// Nothing was done: the request is larger than allowed.
    TooLarge,
    /// Nothing was done: the disk of this node has no room for it.
    NoSpace,
    /// Nothing was done: there is no such keyspace.
    NoSuchKeyspace,
    /// Nothing was done: this node does not lead.
    NotLeader,
    /// Nothing was done: leadership cannot be handed over to that node.
    BadTransferee,
    /// It is unknown whether it was or will be done: this node has stopped.
    Stopped,
}

/// A member of the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its id.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Where other nodes reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty until it has started once.
    pub client_urls: Vec<String>,
}

/// How a node is, seen from itself, about its default keyspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// What its groups speak.
    pub protocol: ProtocolKind,
    /// Who leads, if known.
    pub leader: Option<NodeId>,
    /// The term that clients see.
    pub term: u64,
    /// The last index of the log that is known to be chosen.
    pub commit: Index,
    /// The last index that the state has applied.
    pub applied: Index,
    /// The revision of the state.
    pub revision: Revision,
    /// Bytes that the state holds.
    pub bytes: u64,
    /// Bytes that it may hold; `None` is no limit.
    pub quota: Option<u64>,
    /// The alarms that stand, as far as this node has applied.
    pub alarms: Vec<Alarm>,
    /// The disk of this node has no room for something that must be made.
    pub no_room: bool,
    /// What this node has lost of its log and does not have again: until it has, it
    /// neither votes nor counts.
    pub healing: Option<Box<str>>,
    /// What waits in the lane.
    pub queues: Queues,
}

/// What waits in a lane, queue by queue.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Queues {
    /// Asks in hand, of at most [`base::limits::ASKS_MAX`].
    pub asks: usize,
    /// Their bytes, of at most [`base::limits::ASK_BYTES_MAX`].
    pub ask_bytes: usize,
    /// Writes for which no leader is known.
    pub writes_parked: usize,
    /// Writes that went to the leader, which has not said yet where they stand.
    pub writes_forwarded: usize,
    /// Writes that have a place in the log and are not applied yet.
    pub writes_placed: usize,
    /// Record bytes that are not durable yet.
    pub log_bytes: usize,
    /// Letters that wait for their writes.
    pub letters: usize,
    /// Watches that are open.
    pub watches: usize,
    /// Those that have something to hear and no room for it.
    pub watches_stalled: usize,
    /// How often a watch got there, since the lane began.
    pub watch_stalls: u64,
}

/// What a watch is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchEvent {
    /// It is open; the first of all its events.
    Opened {
        /// The keyspace's revision at that moment.
        revision: Revision,
    },
    /// Whole revisions in order, none twice, none left out. Takes one credit.
    Changes {
        /// The keyspace's revision at that moment.
        revision: Revision,
        /// The revisions that hold something for this watch; shared by all that
        /// are told the same.
        batches: Arc<[Changes]>,
    },
    /// Everything up to here was told, to all that were asked about.
    Progress {
        /// The keyspace's revision.
        revision: Revision,
        /// Those that were asked about.
        all: Vec<WatchKey>,
    },
    /// It asked for what is no longer kept, and is closed.
    Compacted {
        /// The oldest revision that can be watched.
        oldest: Revision,
    },
    /// It was not opened.
    Refused(Refused),
}
