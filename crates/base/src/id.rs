//! Who, where and how far: one type per kind of number, so that swapped
//! arguments stop compiling.

use core::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// The number before every number that is ever given out.
            pub const ZERO: Self = Self(0);

            /// The number that follows this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }

            /// The number before this one; `ZERO` stays `ZERO`.
            #[must_use]
            pub const fn prev(self) -> Self {
                Self(self.0.saturating_sub(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

number!(
    /// A node of the cluster: one process with one data directory. Never 0 on the wire.
    NodeId, "n"
);
number!(
    /// A replica group: the copies of one shard. 0 is the directory, 1 the keyspace `default`.
    GroupId, "g"
);
number!(
    /// A position in a group's log, dense, starting at 1, never reset.
    Index, "i"
);
number!(
    /// The place of a write in a lane's log. Every write gets the next one;
    /// durability is one growing serial, never an index.
    Serial, "s"
);
number!(
    /// A stretch of a group's log under one protocol and one set of members.
    Era, "e"
);
number!(
    /// One life of a replica's disk: a wiped disk comes back with another one.
    Incarnation, "x"
);
number!(
    /// The cluster that a file or a connection belongs to.
    ClusterId, "c"
);
number!(
    /// A named key space with its own revisions.
    KeyspaceId, "ks"
);
number!(
    /// A position in a keyspace's history as clients see it; 1 is the empty store.
    Revision, "r"
);
number!(
    /// A request that somebody outside the node waits for; given by the caller, never reused.
    AskId, "a"
);
number!(
    /// An open watch of this node; given by the caller, never reused.
    WatchKey, "w"
);

impl GroupId {
    /// The group that replicates the directory: nodes, keyspaces, shard map, users.
    pub const DIRECTORY: Self = Self(0);
    /// The group that replicates the keyspace `default`.
    pub const DEFAULT: Self = Self(1);
}

/// Who may decide: Raft's term, Paxos's ballot, Zab's epoch, with its owner.
///
/// Ordered by round first, so two claims of one round by different nodes differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ballot {
    /// Grows with every claim.
    pub round: u64,
    /// The node that claims.
    pub node: NodeId,
}

impl Ballot {
    /// Before the first claim.
    pub const ZERO: Self = Self { round: 0, node: NodeId(0) };

    /// The claim of `node` in `round`.
    #[must_use]
    pub const fn new(round: u64, node: NodeId) -> Self {
        Self { round, node }
    }
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}.{}", self.round, self.node.0)
    }
}

impl fmt::Debug for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Some bytes, by their content: see [`crate::checksum::content_id`]. Shown as
/// 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub [u8; 32]);

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Eight bytes at a time: many files are named after chunks.
        let (parts, _) = self.0.as_chunks();
        parts.iter().try_for_each(|part| write!(f, "{:016x}", u64::from_be_bytes(*part)))
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
