//! The one face that every protocol has: one way in, one outbox, one deadline.
//!
//! Order is data. The k-th write of a lane gets the k-th [`Serial`]; a letter
//! says after which serial it may leave and cannot be taken out earlier;
//! durability comes back as one growing serial. A rewritten index has a new
//! serial, so an old confirmation can never be mistaken for a new one.

use crate::entry::{Entry, EntryKind, Place};
use crate::letter::Letter;
use alloc::vec::Vec;
use base::limits::{HELD_BYTES, PINNED_BYTES_MAX, TAIL_BYTES, TAIL_ENTRIES};
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
    /// The same, because nobody else is there to do it (see `trigger`): whoever is
    /// refused for what its log lacks may fetch that before it asks again.
    Claim,
    /// Whether a majority hears this node and is heard by it. A hint: who is told
    /// that none does does not stand by its own timer.
    Reach {
        /// True until something else is said.
        quorum: bool,
    },
    /// Hand the leadership over, to `to` or to the best placed follower. No
    /// proposals are taken (`NotLeader(None)`) until that is done or an
    /// election timeout is over; then `lead` is told again.
    Transfer {
        /// To whom.
        to: Option<NodeId>,
    },
    /// The state up to here is in a checkpoint on this disk, the newest there
    /// is: entries that nobody needs any more may go from memory. A tail below
    /// it stays for slow followers.
    Trim {
        /// The index of the checkpoint.
        upto: Index,
    },
    /// The state machine was replaced by one that has applied everything up to
    /// `place`, from a checkpoint that is on this disk; all that is chosen. What
    /// follows the place is kept if the log has it, else the log is void. Ask
    /// `Protocol::takes` before anything is replaced: what it would refuse is
    /// dropped here. Not told again by `commit`.
    Restore {
        /// Where the checkpoint stands in the log.
        place: Place,
        /// The log time of the entry that stands there.
        clock: u64,
    },
    /// This mute replica is about to be an ordinary voter again, though promises were
    /// lost: what it could still break by a vote in this term is written down.
    Vow,
    /// This replica has broken no promise by losing its disk after all (see
    /// [`Setup::mute`]): it is an ordinary voter from now on.
    Unmute,
    /// The turn is over: send what its inputs owe to the other replicas.
    /// Many proposals of one turn become one letter per follower.
    Flush,
}

/// What must survive a crash.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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
    /// One entry of a log whose places are filled in any order. It takes the place
    /// of what was written at its index before, and voids nothing else.
    Slot {
        /// The entry, with the ballot under which it was proposed first.
        entry: Entry,
        /// Under which ballot it was accepted.
        accepted: Ballot,
        /// Everything up to here is known to be chosen, with the entries that were
        /// written here or are in a checkpoint.
        chosen: Index,
    },
    /// What the replica promised, in its protocol's own bytes. The newest counts.
    Vote {
        /// The ballot that the promise is about, for people who read the log.
        ballot: Ballot,
        /// The promise.
        body: Bytes,
    },
    /// Entries written earlier at this index or above are void, and nothing takes
    /// their place.
    Cut {
        /// The first that is void.
        from: Index,
    },
    /// A checkpoint on this disk takes the place of the log up to `place`: the
    /// log begins there from now on.
    Restore {
        /// The place of the checkpoint.
        place: Place,
        /// Whether the entries behind the place stay. If not, every entry that
        /// was written earlier is void.
        keep: bool,
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
    /// This replica does not lead, or is about to hand over; perhaps that one leads.
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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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
    /// Who leads, if that changed; also when a leader takes proposals again
    /// because a transfer came to nothing.
    pub lead: Option<Lead>,
    /// Followers that need entries which this leader's log does not hold any
    /// more, and up to where each is known to have the log: a checkpoint must
    /// be offered. Named when it is found out and again at every beat, as long
    /// as the follower is heard. So are those who want to stand for leader and
    /// ask this replica for what they lack.
    pub behind: Vec<(NodeId, Index)>,
    /// Why the letter or the request of this step was dropped, for people who
    /// watch. Nothing was changed by it.
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

    /// Says that this step's letter or request was dropped, and why.
    pub const fn drop_letter(&mut self, why: &'static str) {
        self.dropped = Some(why);
    }
}

/// What a replica finds on its disk when it starts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stable {
    /// The newest promise, in its protocol's own bytes.
    pub vote: Option<Bytes>,
    /// The place of the checkpoint that the state machine starts from; everything
    /// up to it is chosen and applied. The default is the place before every entry.
    pub base: Place,
    /// The log time of the entry that stands there.
    pub base_clock: u64,
    /// The highest index of entries that are void because they do not follow on
    /// `base`, though no record says so yet: a crash came between a checkpoint
    /// and its [`Write::Restore`]. The first step writes that record.
    pub stale: Option<Index>,
    /// The log behind `base`, ascending; without a gap, unless the protocol has them
    /// (see [`crate::kind::ProtocolKind::has_gaps`]).
    pub entries: Vec<Entry>,
    /// Under which ballot each of these was accepted last, for a protocol that
    /// accepts an entry more than once; else empty.
    pub accepted: Vec<Ballot>,
    /// Everything up to here is known to be chosen, with these entries.
    pub chosen: Index,
    /// The serial up to which all this was read back, hence is durable.
    pub durable: Serial,
}

/// Times of one group, the same on all its replicas.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timing {
    /// How often the node's pulse beats.
    pub heartbeat: core::time::Duration,
    /// How long a follower hears nothing before it stands, at the least; at
    /// the most twice that.
    pub election: core::time::Duration,
}

/// What stays in memory below the newest checkpoint. Bodies count with what an
/// entry costs beside its body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Retention {
    /// Entries, for followers that are slow.
    pub entries: usize,
    /// Bytes of these at most.
    pub bytes: usize,
    /// Bytes beyond that, while a follower is given a checkpoint.
    pub pinned_bytes: usize,
    /// Bytes of entries that no checkpoint holds yet: older ones go, as far as
    /// they were applied here and no follower is known to lack them. Whoever
    /// lacks them nevertheless needs a newer checkpoint.
    pub held_bytes: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            entries: TAIL_ENTRIES,
            bytes: TAIL_BYTES,
            pinned_bytes: PINNED_BYTES_MAX,
            held_bytes: HELD_BYTES,
        }
    }
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
    /// How much of the log stays in memory.
    pub retention: Retention,
    /// Decides every random choice.
    pub seed: u64,
    /// Whether this replica's promises are lost, with its disk. It follows and
    /// applies, and is part of every quorum's size; but it votes for nobody,
    /// never stands, and its answers count for nothing but the flow of letters.
    pub mute: bool,
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
    /// Whether its promises are lost (see [`Setup::mute`]).
    pub mute: bool,
    /// To whom it is handing its leadership over.
    pub transfer: Option<NodeId>,
    /// The first index that its log holds in memory, or would hold.
    pub first: Index,
    /// The last index of its log.
    pub last: Index,
    /// Everything up to here is chosen.
    pub commit: Index,
    /// Up to here the log is on this disk and agrees with that of the leader who is
    /// followed; a leader's own is that far.
    pub confirmed: Index,
}
