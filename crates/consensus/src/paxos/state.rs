//! What a replica knows: as acceptor and learner in every role, and as proposer
//! only in some.

use super::message::{Accepted, Message, Say};
use super::window::{Slot, Window};
use crate::contract::{Outbox, Retention, Timing, Write};
use crate::entry::Entry;
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
use base::{Ballot, Index, NodeId, Serial, Time, invariant};
use core::time::Duration;

/// The version of the promise record that this code writes, and the only one it reads.
pub(super) const PROMISE_VERSION: u8 = 1;

/// What a replica knows in every role.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Core {
    pub(super) me: NodeId,
    /// Whether its promises are lost: it promises nobody and nobody counts it.
    pub(super) mute: bool,
    /// Whether it was told that it reaches no majority.
    pub(super) stranded: bool,
    /// Ascending, `me` among them.
    pub(super) voters: Vec<NodeId>,
    pub(super) timing: Timing,
    pub(super) prng: Prng,
    /// The acceptor's promise: nothing lower is served. Never goes back.
    pub(super) promised: Ballot,
    /// The write that holds it, and whether any such write is durable.
    pub(super) promise: Serial,
    pub(super) kept: bool,
    /// The highest round that anybody named: the next ballot is above it. Hearsay,
    /// hence no promise.
    pub(super) seen: u64,
    /// Whether the owner of the promised ballot was seen to be past its prepare.
    pub(super) led: bool,
    /// Writes up to here are durable.
    pub(super) durable: Serial,
    /// The newest write of an entry or a checkpoint.
    pub(super) written: Serial,
    /// The learner's log: all of it is chosen.
    pub(super) log: Log,
    /// What the acceptor has accepted above that.
    pub(super) window: Window,
    /// Everything up to here is chosen or was accepted under the promised ballot.
    /// commit <= held <= end of the window.
    pub(super) held: Index,
    /// The same on this disk, as far as was looked. Never above `held`.
    pub(super) sound: Index,
    /// The log does not say that it begins at the checkpoint: a record is owed.
    pub(super) stale: bool,
    /// A mute replica's promise is that of its checkpoint, and no record says so yet.
    pub(super) owed: bool,
    /// What the disk knew to be chosen when this life began, until that is told.
    pub(super) hint: Option<Index>,
    pub(super) retention: Retention,
    /// The index of the newest checkpoint on this disk.
    pub(super) newest: Index,
    /// Up to where the log in memory is superfluous, unless somebody needs it.
    pub(super) spare: Index,
    /// The newest context of a read that went to a leader.
    pub(super) ctx: Option<u64>,
}

/// What a replica is beside acceptor and learner.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Role {
    Follower(Follower),
    Canvasser(Canvasser),
    Proposer(Proposer),
    Leader(Leader),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Follower {
    /// Whom it follows.
    pub(super) leader: Option<NodeId>,
    /// When that leader was heard; nothing once it is forgotten.
    pub(super) heard: Option<Time>,
    /// When it stands for leader; nothing before the first step.
    pub(super) deadline: Option<Time>,
    pub(super) asked: Asked,
}

/// One who asks whether a prepare would be answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Canvasser {
    /// The ballot that it would prepare.
    pub(super) ballot: Ballot,
    pub(super) tally: Tally,
    pub(super) deadline: Time,
}

/// One who has asked for promises of its ballot, and gathers what was accepted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Proposer {
    /// What the others have said so far.
    pub(super) promises: BTreeMap<NodeId, Said>,
    /// Whether its own promise is on its disk.
    pub(super) own: bool,
    /// By place, what was accepted there under the highest ballot.
    pub(super) found: BTreeMap<Index, (Ballot, Entry)>,
    pub(super) forced: bool,
    pub(super) deadline: Time,
}

/// How far the promise of one acceptor has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Said {
    /// The next part begins here.
    pub(super) next: Index,
    /// What it knows to be chosen.
    pub(super) commit: Index,
    /// Whether it has said all.
    pub(super) done: bool,
}

/// One part of an acceptor's promise.
pub(super) struct Part {
    pub(super) from: Index,
    pub(super) upto: Index,
    pub(super) last: Index,
    pub(super) commit: Index,
    pub(super) slots: Vec<Accepted>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Leader {
    /// The other voters.
    pub(super) peers: BTreeMap<NodeId, Peer>,
    /// The first place above everything that was inherited: once it is chosen, so is
    /// all of that.
    pub(super) opening: Index,
    /// The log time at which this leader began, and the world's.
    pub(super) clock: u64,
    pub(super) since: Time,
    pub(super) rounds: Rounds,
    /// No proposals are taken while there is one.
    pub(super) transfer: Option<Transfer>,
}

/// A leader's knowledge of one acceptor.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Peer {
    pub(super) flow: Progress,
    /// What it has accepted beyond a gap, if that counts.
    pub(super) beyond: Vec<(Index, Index)>,
}

impl Core {
    /// The other voters.
    pub(super) fn peers(&self) -> impl Iterator<Item = NodeId> {
        self.voters.iter().copied().filter(|voter| *voter != self.me)
    }

    /// Sends what must not overtake the write `after`, about the promised ballot.
    pub(super) fn send(&self, to: NodeId, say: Say, after: Serial, out: &mut Outbox) {
        self.send_in(self.promised, to, say, after, out);
    }

    /// The same about another ballot.
    pub(super) fn send_in(
        &self,
        ballot: Ballot,
        to: NodeId,
        say: Say,
        after: Serial,
        out: &mut Outbox,
    ) {
        invariant!(I25, after <= out.serial, "{after} is not written, {} is", out.serial);
        let mute = self.mute && say.counts();
        out.send(to, Letter::Paxos(Message { ballot, mute, say }), after);
    }

    /// Promises a ballot: nothing lower is served from now on. What was accepted
    /// under lower ones stays; nothing of it is held under this one, but for what is
    /// chosen. How far that is, is written down too: the owner of the ballot will
    /// count on it, and it will not come again under this ballot.
    pub(super) fn promise(&mut self, ballot: Ballot, out: &mut Outbox) {
        invariant!(I130, ballot > self.promised, "{ballot} after {}", self.promised);
        self.promised = ballot;
        self.seen = self.seen.max(ballot.round);
        self.led = false;
        (self.held, self.sound) = (self.log.commit(), self.log.commit());
        let body = promise_body(ballot, self.log.commit()).into();
        self.promise = out.write(Write::Vote { ballot, body });
    }

    /// Writes what a replica owes its disk since it was opened.
    pub(super) fn write_owed(&mut self, out: &mut Outbox) {
        if core::mem::take(&mut self.owed) {
            let (ballot, chosen) = (self.promised, self.log.commit());
            let body = promise_body(ballot, chosen).into();
            self.promise = out.write(Write::Vote { ballot, body });
        }
        if core::mem::take(&mut self.stale) {
            self.written = out.write(Write::Restore { place: self.log.base(), keep: true });
        }
    }

    /// The lowest ballot of this node above all that it knows of. Rounds are dealt
    /// out in turn, so a round alone names its owner.
    pub(super) fn next_ballot(&self) -> Ballot {
        let voters = self.voters.len() as u64;
        let mine = self.voters.iter().position(|voter| *voter == self.me).unwrap_or(0) as u64;
        let least = self.seen.max(self.promised.round) + 1;
        let ahead = (mine + voters - least % voters) % voters;
        Ballot::new(least + ahead, self.me)
    }

    /// The last index of which this replica has anything.
    pub(super) fn end(&self) -> Index {
        self.window.end().max(self.log.commit())
    }

    /// The entry at `index`, chosen or accepted, if it is in memory.
    pub(super) fn entry(&self, index: Index) -> Option<&Entry> {
        self.log.entry(index).or_else(|| self.window.get(index).map(|slot| &slot.entry))
    }

    /// Accepts `entry` under the promised ballot (phase 2b): on disk before anybody
    /// is told. What is accepted under it already is the same.
    pub(super) fn accept(&mut self, entry: Entry, out: &mut Outbox) {
        let (index, accepted) = (entry.index, self.promised);
        invariant!(I131, entry.ballot <= accepted, "{} under {accepted}", entry.ballot);
        let chosen = self.log.commit();
        let serial = out.write(Write::Slot { entry: entry.clone(), accepted, chosen });
        self.written = serial;
        self.window.put(Slot { entry, accepted, serial });
        if index == self.held.next() {
            self.hold();
        }
    }

    /// What is held goes on as far as there is no gap.
    pub(super) fn hold(&mut self) {
        let here = |slot: &Slot| slot.accepted == self.promised;
        while self.window.get(self.held.next()).is_some_and(here) {
            self.held = self.held.next();
        }
    }

    /// Everything up to `index` is chosen, with the entries that stand here.
    pub(super) fn learn(&mut self, index: Index, out: &mut Outbox) {
        while self.log.commit() < index {
            let Some(Slot { entry, serial, .. }) = self.window.pop() else {
                invariant!(I132, false, "{index} is chosen, {} is here", self.log.commit());
                return;
            };
            self.log.learn(entry, Some(serial).filter(|serial| *serial > self.durable), out);
        }
        let commit = self.log.commit();
        self.sound = self.sound.max(commit);
        if self.held < commit {
            self.held = commit;
        }
        self.hold();
    }

    /// Up to where everything is chosen or accepted under the promised ballot, and
    /// on this disk.
    pub(super) fn sound(&mut self) -> Index {
        let sound = self.sound_now();
        if sound > self.log.commit() {
            self.sound = sound;
        }
        sound
    }

    /// The same, and it is not remembered how far that was looked at.
    pub(super) fn sound_now(&self) -> Index {
        if self.log.durable() < self.log.commit() {
            return self.log.durable();
        }
        let durable = |slot: &Slot| slot.serial <= self.durable;
        let mut sound = self.sound;
        while sound < self.held && self.window.get(sound.next()).is_some_and(durable) {
            sound = sound.next();
        }
        sound
    }

    /// A time to wait, longer than `least` and up to twice that.
    pub(super) fn random(&mut self, least: Duration) -> Duration {
        self.prng.span(least, least * 2)
    }
}

pub(super) fn promise_body(ballot: Ballot, chosen: Index) -> Vec<u8> {
    let mut body = Vec::with_capacity(25);
    body.put_u8(PROMISE_VERSION);
    body.put_u64(ballot.round);
    body.put_u64(ballot.node.0);
    body.put_u64(chosen.0);
    body
}
