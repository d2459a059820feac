//! One replica of a group, whichever protocol it speaks: chosen once, by match.

pub use crate::kind::ProtocolKind;

use crate::contract::{Input, Outbox, Setup, Stable, Status};
use crate::entry::{Entry, Place};
pub use crate::open::OpenError;
use crate::paxos::Paxos;
use crate::raft::Raft;
use crate::zab::Zab;
use base::{Ballot, Index, Serial, Time};
use bytes::Bytes;

/// One replica of one group. Pure: the same stable state, setup and inputs
/// give the same outputs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// It speaks Raft.
    Raft(Raft),
    /// It speaks Multi-Paxos.
    Paxos(Paxos),
    /// It speaks Zab.
    Zab(Zab),
}

impl Protocol {
    /// The replica that a disk gave back; an empty [`Stable`] is a first start.
    pub fn open(kind: ProtocolKind, setup: Setup, stable: Stable) -> Result<Self, OpenError> {
        match kind {
            ProtocolKind::Raft => Raft::open(setup, stable).map(Self::Raft),
            ProtocolKind::Paxos => Paxos::open(setup, stable).map(Self::Paxos),
            ProtocolKind::Zab => Zab::open(setup, stable).map(Self::Zab),
        }
    }

    /// The ballot of a state that a new group begins with, though none of its
    /// members has decided it, and the promise that each of them has given: without
    /// it a replica that has the state would look like one that lost its promises.
    #[must_use]
    pub fn founding(kind: ProtocolKind) -> (Ballot, Bytes) {
        match kind {
            ProtocolKind::Raft => Raft::founding(),
            ProtocolKind::Paxos => Paxos::founding(),
            ProtocolKind::Zab => Zab::founding(),
        }
    }

    /// The only way in. Never fails: a bad letter is dropped and named.
    pub fn step(&mut self, now: Time, input: Input, out: &mut Outbox) {
        match self {
            Self::Raft(raft) => raft.step(now, input, out),
            Self::Paxos(paxos) => paxos.step(now, input, out),
            Self::Zab(zab) => zab.step(now, input, out),
        }
    }

    /// Takes away what changes nothing but when things happen, for whoever tells
    /// states apart: all that is remembered has just happened at `now`, every
    /// deadline is there, chance begins anew from `seed`, and writes are counted
    /// from the newest that is durable. Its serial is returned.
    pub fn timeless(&mut self, now: Time, seed: u64) -> Serial {
        match self {
            Self::Raft(raft) => raft.timeless(now, seed),
            Self::Paxos(paxos) => paxos.timeless(now, seed),
            Self::Zab(zab) => zab.timeless(now, seed),
        }
    }

    /// Which protocol it is.
    #[must_use]
    pub const fn kind(&self) -> ProtocolKind {
        match self {
            Self::Raft(_) => ProtocolKind::Raft,
            Self::Paxos(_) => ProtocolKind::Paxos,
            Self::Zab(_) => ProtocolKind::Zab,
        }
    }

    /// When to step with [`Input::Timeout`], if nothing comes first.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        match self {
            Self::Raft(raft) => raft.deadline(),
            Self::Paxos(paxos) => paxos.deadline(),
            Self::Zab(zab) => zab.deadline(),
        }
    }

    /// What people and tests may see.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Raft(raft) => raft.status(),
            Self::Paxos(paxos) => paxos.status(),
            Self::Zab(zab) => zab.status(),
        }
    }

    /// Whether a checkpoint at `place` would bring this replica forward and
    /// contradicts nothing. If not, it must not be put in force here, and
    /// [`Input::Restore`] drops it. A yes is taken back only when the log has
    /// been committed up to there.
    #[must_use]
    pub fn takes(&self, place: Place) -> bool {
        match self {
            Self::Raft(raft) => raft.takes(place),
            Self::Paxos(paxos) => paxos.takes(place),
            Self::Zab(zab) => zab.takes(place),
        }
    }

    /// When the leader that is followed was heard, if one is.
    #[must_use]
    pub const fn heard(&self) -> Option<Time> {
        match self {
            Self::Raft(raft) => raft.heard(),
            Self::Paxos(paxos) => paxos.heard(),
            Self::Zab(zab) => zab.heard(),
        }
    }

    /// Where the log ends.
    #[must_use]
    pub fn last(&self) -> Place {
        match self {
            Self::Raft(raft) => raft.last(),
            Self::Paxos(paxos) => paxos.last(),
            Self::Zab(zab) => zab.last(),
        }
    }

    /// The entry at `index`, if the log in memory reaches there: what is handed to the
    /// state machine once it is committed.
    #[must_use]
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        match self {
            Self::Raft(raft) => raft.entry(index),
            Self::Paxos(paxos) => paxos.entry(index),
            Self::Zab(zab) => zab.entry(index),
        }
    }
}
