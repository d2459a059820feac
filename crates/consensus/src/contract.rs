//! The one face that every protocol has: one way in, one outbox, one deadline.
//!
//! Order is data. The k-th write of a lane gets the k-th [`Serial`]; a letter
//! says after which serial it may leave and cannot be taken out earlier;
//! durability comes back as one growing serial. A rewritten index has a new
//! serial, so an old confirmation can never be mistaken for a new one.

use crate::entry::{Entry, EntryKind};
use crate::letter::Letter;
use alloc::vec::Vec;
use base::{AskId, Ballot, Index, NodeId, Serial};
use bytes::Bytes;

/// What happens to a replica. A bad letter is dropped, counted and named; no
/// input ever fails.
#[derive(Clone, Debug)]
pub enum Input {
    /// The deadline may have passed.
    Timeout,
    /// The node's pulse: a leader tells its followers that it is there.
    Beat,
    /// A letter of another replica of the group.
    Letter {
        /// Who sent it.
        from: NodeId,
        /// What it says.
        letter: Letter,
    },
    /// Put this into the log. Answered at once by `Accepted` or `Refused`.
    Propose {
        /// Names the answer.
        id: AskId,
        /// What it is for.
        kind: EntryKind,
        /// What it says.
        body: Bytes,
    },
    /// From which index on may a linearizable read that begins now be served?
    /// Answered, now or later, by `ReadAt` or `Refused`. An id is never used twice.
    Read {
        /// Names the answer.
        id: AskId,
    },
    /// Every write with a serial up to this one is on stable storage.
    Durable(Serial),
    /// What the node knows of the link to a peer: a hint, it may cost an
    /// election and never safety.
    Link {
        /// The peer.
        peer: NodeId,
        /// False: its sockets are closed or refused.
        up: bool,
    },
    /// Stand for leader now. A hint.
    Campaign,
    /// The turn is over: send what its inputs owe to the other replicas.
    /// Many proposals of one turn become one letter per follower.
    Flush,
}

/// What must survive a crash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// One entry of the log.
    Entry {
        /// The entry.
        entry: Entry,
        /// Entries written earlier at this index or above are void: the cut
        /// and the entry that replaces them are one record, so no crash can
        /// separate them.
        cut: bool,
    },
    /// What the replica promised, in its protocol's own bytes. The newest counts.
    Vote {
        /// The ballot that the promise is about, for people who read the log.
        ballot: Ballot,
        /// The promise.
        body: Bytes,
    },
}

/// A letter and the write it must not overtake.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The replica it goes to.
    pub to: NodeId,
    letter: Letter,
    after: Serial,
}

impl Parcel {
    /// The letter, once everything it vouches for is on stable storage; the
    /// parcel itself until then. There is no other way to the letter.
    pub fn release(self, durable: Serial) -> Result<(NodeId, Letter), Self> {
        if self.after <= durable { Ok((self.to, self.letter)) } else { Err(self) }
    }

    /// The write it waits for.
    #[must_use]
    pub const fn after(&self) -> Serial {
        self.after
    }
}

/// Why something was not done. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// This replica does not lead; perhaps that one does.
    NotLeader(Option<NodeId>),
    /// Too much is under way: try again later.
    Busy,
}

/// An answer to an [`Input`] that has an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The proposal stands at this place in the leader's log. It is committed
    /// if and only if the entry that is committed at `index` has this ballot.
    Accepted {
        /// Whose proposal.
        id: AskId,
        /// Where it stands.
        index: Index,
        /// Under which ballot.
        ballot: Ballot,
    },
    /// Not proposed, or not read.
    Refused {
        /// Whose request.
        id: AskId,
        /// Why.
        why: Refusal,
    },
    /// The read may be served by any state that has applied `index`.
    ReadAt {
        /// Whose read.
        id: AskId,
        /// How far the state must be.
        index: Index,
    },
}

/// Who leads, as far as this replica knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lead {
    /// The ballot in force here.
    pub ballot: Ballot,
    /// Its leader, if known.
    pub leader: Option<NodeId>,
}

/// What a replica wants done. Owned and reused by the caller; everything in it
/// is taken out after each step.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The serial of the newest write. Set by the caller to the lane's before
    /// a step; a step only adds to it.
    pub serial: Serial,
    /// Writes in order: the last one has the serial `self.serial`.
    pub writes: Vec<Write>,
    /// Letters, in the order they were written.
    pub parcels: Vec<Parcel>,
    /// Entries up to here are chosen: hand them to the state machine.
    pub commit: Option<Index>,
    /// Answers to requests.
    pub answers: Vec<Answer>,
    /// Who leads, if that changed.
    pub lead: Option<Lead>,
    /// Why the letter of this step was dropped, for people who watch. Nothing was changed by it.
    pub dropped: Option<&'static str>,
}

impl Outbox {
    /// Adds a write and says its serial.
    pub fn write(&mut self, write: Write) -> Serial {
        self.serial = self.serial.next();
        self.writes.push(write);
        self.serial
    }

    /// Adds a letter that must not leave before `after` is durable.
    pub fn send(&mut self, to: NodeId, letter: Letter, after: Serial) {
        self.parcels.push(Parcel { to, letter, after });
    }

    /// Says that this step's letter was dropped, and why.
    pub const fn drop_letter(&mut self, why: &'static str) {
        self.dropped = Some(why);
    }
}

/// What a replica finds on its disk when it starts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stable {
    /// The newest promise, in its protocol's own bytes.
    pub vote: Option<Bytes>,
    /// The log, from index 1 without a gap.
    pub entries: Vec<Entry>,
    /// The serial up to which all this was read back, hence is durable.
    pub durable: Serial,
}

/// Times of one group, the same on all its replicas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// How often the node's pulse beats.
    pub heartbeat: core::time::Duration,
    /// How long a follower hears nothing before it stands, at the least; at
    /// the most twice that.
    pub election: core::time::Duration,
}

/// What a replica is, and what it is allowed to know of the others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setup {
    /// This replica's node.
    pub me: NodeId,
    /// The voters of the era, `me` among them, in ascending order.
    pub voters: Vec<NodeId>,
    /// The times.
    pub timing: Timing,
    /// Decides every random choice.
    pub seed: u64,
}

/// What people and tests may see of a replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// The ballot in force.
    pub ballot: Ballot,
    /// Who leads, if known.
    pub leader: Option<NodeId>,
    /// Whether this replica leads.
    pub leads: bool,
    /// Whether it leads and an entry of its own ballot is committed.
    pub serves: bool,
    /// The last index of its log.
    pub last: Index,
    /// Everything up to here is chosen.
    pub commit: Index,
}
