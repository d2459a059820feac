//! What a replica knows: what is true in every role, and what only in one.

use super::message::{History, Message, Say};
use crate::contract::{Outbox, Retention, Timing, Write};
use crate::entry::Place;
use crate::handover::Transfer;
use crate::letter::Letter;
use crate::log::Log;
use crate::progress::Progress;
use crate::quorum::Tally;
use crate::waiting::{Asked, Rounds};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use base::codec::Writer;
use base::prng::Prng;
use base::{Ballot, Index, NodeId, Serial, Time, invariant, mutant};
use core::time::Duration;

/// The version of the vote record that this code writes, and the only one it reads.
pub(super) const VOTE_VERSION: u8 = 1;

/// What a replica knows in every role.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Core {
    pub(super) me: NodeId,
    /// Whether its promises are lost: it answers no claim and nobody counts it.
    pub(super) mute: bool,
    /// Whether it was told that it reaches no majority.
    pub(super) stranded: bool,
    /// Ascending, `me` among them.
    pub(super) voters: Vec<NodeId>,
    pub(super) timing: Timing,
    pub(super) prng: Prng,
    /// f.p (`acceptedEpoch`): nothing of an earlier epoch is served, nor this one if
    /// somebody else claims it. Its epoch never goes back.
    pub(super) promised: Ballot,
    /// f.a (`currentEpoch`): the epoch in which the log as a whole was accepted last;
    /// with it every entry is tagged anew, and none is rewritten. accepted <= promised.
    /// If they are one, the log is a prefix of the log of that epoch's leader.
    pub(super) accepted: Ballot,
    /// The write that holds `promised`.
    pub(super) promised_by: Serial,
    /// The write that holds `accepted`. All that was accepted with it was written before.
    pub(super) accepted_by: Serial,
    /// A mute replica's promise is the epoch of its checkpoint, and no record says so yet.
    pub(super) owed: bool,
    /// The newest epoch whose promise is durable. `durable_epoch` <= promised.
    pub(super) durable_epoch: u64,
    /// The highest epoch that anybody has named who refused something: a number to
    /// begin above, and no promise.
    pub(super) seen: u64,
    /// Writes up to here are durable.
    pub(super) durable: Serial,
    pub(super) log: Log,
    pub(super) retention: Retention,
    /// The index of the newest checkpoint on this disk. base <= newest, but for
    /// a trim under way and where entries went that everybody has.
    pub(super) newest: Index,
    /// Up to where the log in memory is superfluous, unless somebody needs it.
    pub(super) spare: Index,
    /// The newest context of a read that went to a leader.
    pub(super) ctx: Option<u64>,
}

/// What a replica is. A field that means nothing in a role does not exist in it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Role {
    Follower(Follower),
    Prospect(Prospect),
    Leader(Leader),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Follower {
    /// Whom it follows.
    pub(super) leader: Option<NodeId>,
    /// When that leader was heard; nothing once it is forgotten.
    pub(super) heard: Option<Time>,
    /// When it claims; nothing before the first step.
    pub(super) deadline: Option<Time>,
    /// Whether that leader has said that it serves (UPTODATE).
    pub(super) up_to_date: bool,
    pub(super) asked: Asked,
}

/// A prospective leader (DSN 2011, phase 1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Prospect {
    pub(super) phase: Phase,
    pub(super) deadline: Time,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Phase {
    /// It asks who would follow, and what they promised (CEPOCH).
    Asking {
        tally: Tally,
        /// The highest epoch that was named.
        highest: u64,
    },
    /// It has an epoch, and asks for the promise (NEWEPOCH).
    Claiming { tally: Tally, joined: BTreeMap<NodeId, History> },
    /// A quorum has promised; it fetches the best of their histories.
    Pulling {
        from: NodeId,
        /// Where that history ends.
        goal: Place,
        joined: BTreeMap<NodeId, History>,
    },
}

/// The leader of an epoch: a quorum has promised it, and the log is the history with
/// which the epoch begins.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Leader {
    /// The other voters.
    pub(super) peers: BTreeMap<NodeId, Peer>,
    /// Where the history that it inherited ends. All of this is committed at once.
    pub(super) history: Place,
    /// Whether a quorum has accepted that history (DSN 2011, phase 3): it serves.
    pub(super) established: bool,
    /// The log time at which this leader began, and the world's.
    pub(super) clock: u64,
    pub(super) since: Time,
    pub(super) rounds: Rounds,
    /// No proposals are taken while there is one.
    pub(super) transfer: Option<Transfer>,
}

/// A leader's knowledge of another voter.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Peer {
    pub(super) progress: Progress,
    pub(super) stage: Stage,
    /// Whether it has accepted the history of this epoch and said so while it could
    /// keep promises: only then what it has on disk counts.
    pub(super) counts: bool,
}

/// How far a follower has come with its leader (DSN 2011, phases 1 to 3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Stage {
    /// It has not promised this epoch, as far as is known.
    Unknown,
    /// Its log is made equal to the leader's history.
    Syncing {
        /// NEWLEADER was sent since the last beat.
        told: bool,
    },
    /// Its log is a prefix of the leader's.
    Synced,
}

impl Core {
    /// The other voters.
    pub(super) fn peers(&self) -> impl Iterator<Item = NodeId> {
        self.voters.iter().copied().filter(|voter| *voter != self.me)
    }

    /// Says something about the epoch that this replica has promised to, not before
    /// the write `after` is durable.
    pub(super) fn send(&self, to: NodeId, say: Say, after: Serial, out: &mut Outbox) {
        invariant!(I25, after <= out.serial, "{after} is not written, {} is", out.serial);
        let mute = self.mute && say.counts();
        out.send(to, Letter::Zab(Message { ballot: self.promised, mute, say }), after);
    }

    /// The log and the epoch that it was accepted in.
    pub(super) fn history(&self) -> History {
        History { accepted: self.accepted, last: self.log.last() }
    }

    /// Whether the log was accepted in the epoch that was promised: whatever its
    /// leader proposes follows on it.
    pub(super) fn in_sync(&self) -> bool {
        self.accepted == self.promised
    }

    /// Whether this replica's own disk says so too.
    pub(super) fn accepted_here(&self) -> bool {
        self.in_sync() && mutant!(ZabOwnSyncEarly, self.accepted_by <= self.durable, true)
    }

    /// Writes down that nothing of an earlier epoch is served any more (DSN 2011,
    /// step f.1.1). `settled`: by a leader whom a quorum has promised that epoch, so
    /// that nobody else can come to lead it: then a promise to somebody else who
    /// claimed the same epoch binds nobody any more.
    pub(super) fn promise(&mut self, ballot: Ballot, settled: bool, out: &mut Outbox) {
        let newer = ballot.round > self.promised.round;
        let moved = settled && ballot.round == self.promised.round && !self.in_sync();
        invariant!(I140, newer || moved, "{ballot} after {}", self.promised);
        self.promised = ballot;
        self.promised_by = self.write_vote(out);
    }

    /// The log as it is now is accepted in the epoch that was promised (step f.2.1).
    /// What makes it so was written before: this write is durable after that.
    pub(super) fn accept(&mut self, out: &mut Outbox) {
        invariant!(I141, self.accepted.round < self.promised.round, "{}", self.accepted);
        self.accepted = self.promised;
        self.accepted_by = self.write_vote(out);
    }

    /// Whoever starts without this record when it is mute no more has lost promises.
    pub(super) fn write_owed(&mut self, out: &mut Outbox) {
        if core::mem::take(&mut self.owed) {
            self.promised_by = self.write_vote(out);
        }
    }

    fn write_vote(&self, out: &mut Outbox) -> Serial {
        let promised = mutant!(ZabPromiseNotWritten, self.promised, self.accepted);
        let body = vote_body(promised, self.accepted).into();
        out.write(Write::Vote { ballot: self.promised, body })
    }

    /// What says that this replica has promised must not overtake that.
    pub(super) fn after_promise(&self) -> Serial {
        mutant!(ZabAckEpochBeforeSync, self.promised_by, Serial::ZERO)
    }

    /// What says that the log was accepted must not overtake that, nor the log.
    pub(super) fn after_accept(&self) -> Serial {
        self.accepted_by.max(self.promised_by)
    }

    /// Whether the log has `place`, or a checkpoint what is there.
    pub(super) fn holds(&self, place: Place) -> bool {
        place.index < self.log.base().index || self.log.place(place.index) == Some(place)
    }

    /// Makes the log end at `place`, which it holds, or where its checkpoint does
    /// (TRUNC). Not if that would cut what is committed.
    pub(super) fn end_at(&mut self, place: Place, out: &mut Outbox) -> Result<(), &'static str> {
        let end = place.index.max(self.log.base().index);
        if !self.holds(place) {
            return Err("the history is not here yet");
        }
        if end < self.log.commit() {
            return Err("would cut what was committed");
        }
        if mutant!(ZabNoTrunc, self.log.cut_above(end, out), false) {
            base::sometimes!(LogTruncated);
        }
        Ok(())
    }

    /// A time to wait, longer than `least` and up to twice that.
    pub(super) fn random(&mut self, least: Duration) -> Duration {
        self.prng.span(least, least * 2)
    }
}

pub(super) fn vote_body(promised: Ballot, accepted: Ballot) -> Vec<u8> {
    let mut body = Vec::with_capacity(33);
    body.put_u8(VOTE_VERSION);
    for ballot in [promised, accepted] {
        body.put_u64(ballot.round);
        body.put_u64(ballot.node.0);
    }
    body
}
