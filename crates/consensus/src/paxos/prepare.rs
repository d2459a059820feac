//! One prepare for all that follows: promises, and what a new leader makes of what
//! was accepted before (Lamport, "Paxos made simple", 2.2 and 3; protocols: M1-M3).
//!
//! ```text
//!   accepted by    1    2    3    4    5
//!   one            b3   b3   --   b1
//!   another        b3   --   --   b2
//!   proposed       b3's b3's nop  b2's open      all of it under the new ballot
//! ```

use super::Paxos;
use super::message::{Accepted, Say};
use super::state::{Core, Leader, Part, Peer, Proposer, Role, Said};
use crate::contract::Outbox;
use crate::entry::{Entry, EntryKind};
use crate::progress::Progress;
use crate::quorum::majority;
use crate::waiting::Rounds;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use base::limits::{LETTER_BYTES_MAX, LETTER_ENTRIES_MAX, WINDOW_SLOTS_MAX};
use base::{Ballot, Index, NodeId, Serial, Time, invariant, mutant, sometimes};
use bytes::Bytes;

impl Paxos {
    /// Canvasser -> Proposer: a new ballot, promised by its owner first. It is asked
    /// for once that is on disk, or a crash could use it twice. `forced` by a leader
    /// that hands over.
    pub(super) fn prepare(&mut self, now: Time, forced: bool, out: &mut Outbox) {
        let ballot = self.core.next_ballot();
        self.core.promise(ballot, out);
        let from = self.core.log.commit().next();
        let said = Said { next: from, commit: Index::ZERO, done: false };
        let promises = self.core.peers().map(|peer| (peer, said)).collect();
        let (own, found) = (false, BTreeMap::new());
        let deadline = now + self.retry();
        self.role = Role::Proposer(Proposer { promises, own, found, forced, deadline });
        for peer in self.core.peers() {
            let after = mutant!(PrepareBeforeSync, self.core.promise, Serial::ZERO);
            self.core.send(peer, Say::Prepare { from, forced }, after, out);
        }
    }

    /// A promise, and what was accepted under lower ballots (phase 1b). The same
    /// owner is answered again: a part may have been lost, or another one is wanted.
    pub(super) fn on_prepare(
        &mut self,
        now: Time,
        from: NodeId,
        ballot: Ballot,
        first: Index,
        out: &mut Outbox,
    ) {
        if ballot > self.core.promised {
            self.core.promise(ballot, out);
            self.follow(now, None, out);
        }
        let core = &mut self.core;
        if first < core.log.first() {
            // What was accepted there cannot be told any more.
            out.behind.push((from, first.prev()));
            return out.drop_letter("what is asked for is only in a checkpoint");
        }
        let patience = now + core.random(core.timing.election);
        if let Role::Follower(follower) = &mut self.role {
            follower.deadline = Some(patience);
        }
        let say = core.promised_part(first);
        let after = mutant!(PromiseBeforeSync, core.promise.max(core.written), Serial::ZERO);
        core.send(from, say, after, out);
    }

    pub(super) fn on_promise(&mut self, now: Time, from: NodeId, part: Part, out: &mut Outbox) {
        let patience = now + self.retry();
        let Role::Proposer(proposer) = &mut self.role else {
            return out.drop_letter("no prepare is open");
        };
        let Some(said) = proposer.promises.get_mut(&from) else { return };
        if said.done || part.from != said.next {
            return out.drop_letter("not the part that was asked for");
        }
        if let Err(why) = check_part(&part, self.core.promised) {
            return out.drop_letter(why);
        }
        said.commit = part.commit;
        said.next = part.upto.next();
        said.done = part.upto >= part.last.max(part.commit);
        let Said { next, done, .. } = *said;
        let chosen = self.core.promised;
        for Accepted { accepted, entry } in part.slots {
            let known = entry.index <= part.commit;
            proposer.find(if known { chosen } else { accepted }, entry);
        }
        if !done {
            sometimes!(PromiseInParts);
            proposer.deadline = patience;
            let say = Say::Prepare { from: next, forced: proposer.forced };
            return self.core.send(from, say, self.core.promise, out);
        }
        self.conclude_prepare(now, out);
    }

    /// Its own promise may be on disk now.
    pub(super) fn on_own_promise(&mut self, now: Time, out: &mut Outbox) {
        if let Role::Proposer(proposer) = &mut self.role
            && self.core.promise <= self.core.durable
        {
            proposer.own = true;
            self.conclude_prepare(now, out);
        }
    }

    fn conclude_prepare(&mut self, now: Time, out: &mut Outbox) {
        let Role::Proposer(proposer) = &mut self.role else { return };
        let others = proposer.promises.values().filter(|said| said.done).count();
        let enough = majority(self.core.voters.len());
        let enough = mutant!(PromisesOfAMinority, enough, enough - usize::from(enough > 1));
        if proposer.own && 1 + others >= enough {
            let (found, promises) =
                (core::mem::take(&mut proposer.found), core::mem::take(&mut proposer.promises));
            self.take_over(now, found, promises, out);
        }
    }

    /// Proposer -> Leader. A majority has told all that it has accepted, so nothing
    /// can be chosen under a lower ballot that is not in it.
    fn take_over(
        &mut self,
        now: Time,
        mut found: BTreeMap<Index, (Ballot, Entry)>,
        promises: BTreeMap<NodeId, Said>,
        out: &mut Outbox,
    ) {
        sometimes!(ElectionWon);
        invariant!(I133, !self.core.led, "two leaders under {}", self.core.promised);
        let core = &mut self.core;
        core.led = true;
        // A checkpoint may have come meanwhile.
        found = found.split_off(&core.log.commit().next());
        let done = promises.values().filter(|said| said.done);
        let chosen = done.map(|said| said.commit).max().unwrap_or_default();
        core.adopt_chosen(&mut found, chosen, out);
        let clock = core.adopt_open(found, out);
        let opening = core.end().next();
        let peers = promises.into_iter().map(|(peer, said)| (peer, Peer::new(said, opening, now)));
        self.role = Role::Leader(Leader {
            peers: peers.collect(),
            opening,
            clock,
            since: now,
            rounds: Rounds::default(),
            transfer: None,
        });
        self.append(now, EntryKind::Open, Bytes::new(), out);
    }
}

impl Proposer {
    /// Of what was accepted at a place, the highest ballot counts.
    fn find(&mut self, accepted: Ballot, entry: Entry) {
        let lower = |known: &(Ballot, Entry)| known.0 < accepted;
        let lower = |known| mutant!(LowestBallotWins, lower(known), !lower(known));
        if self.found.get(&entry.index).is_none_or(lower) {
            self.found.insert(entry.index, (accepted, entry));
        }
    }

    /// A beat: a part, or what asked for it, may have been lost.
    pub(super) fn ask_again(&self, core: &Core, out: &mut Outbox) {
        for (peer, said) in self.promises.iter().filter(|(_, said)| !said.done) {
            let say = Say::Prepare { from: said.next, forced: self.forced };
            core.send(*peer, say, core.promise, out);
        }
    }
}

impl Peer {
    /// Who has promised is known to have what it knows to be chosen.
    fn new(said: Said, opening: Index, now: Time) -> Self {
        let next = if said.done { said.commit.next() } else { opening };
        let mut flow = Progress::new(next, now);
        if said.done {
            flow.on_matched(said.commit);
        }
        Self { flow, beyond: Vec::new() }
    }
}

impl Core {
    /// What this acceptor has accepted from `first` on, as far as one letter goes.
    fn promised_part(&self, first: Index) -> Say {
        let (commit, last) = (self.log.commit(), self.end());
        let (mut slots, mut bytes, mut upto): (Vec<Accepted>, _, _) = (Vec::new(), 0, first.prev());
        if first <= commit {
            let (entries, size) = self.log.batch(first, LETTER_ENTRIES_MAX, LETTER_BYTES_MAX);
            let told = |entry: Entry| Accepted { accepted: entry.ballot, entry };
            slots.extend(entries.into_iter().map(told));
            bytes = size;
            upto = slots.last().map_or(upto, |slot| slot.entry.index);
        }
        if upto >= commit.min(last) {
            upto = last.max(upto);
            for slot in self.window.from(first.max(commit.next())) {
                let size = slot.entry.body.len();
                let full = slots.len() == LETTER_ENTRIES_MAX || bytes + size > LETTER_BYTES_MAX;
                if full && !slots.is_empty() {
                    upto = slot.entry.index.prev();
                    break;
                }
                bytes += size;
                slots.push(Accepted { accepted: slot.accepted, entry: slot.entry.clone() });
            }
        }
        Say::Promise { from: first, upto, last, commit, slots }
    }

    /// What somebody knows to be chosen is chosen here too: it need not be proposed
    /// again, and may be applied.
    fn adopt_chosen(
        &mut self,
        found: &mut BTreeMap<Index, (Ballot, Entry)>,
        chosen: Index,
        out: &mut Outbox,
    ) {
        let behind = found.split_off(&chosen.next());
        for (index, (_, entry)) in core::mem::replace(found, behind) {
            let here = self.window.get(index).is_some_and(|it| it.entry.ballot == entry.ballot);
            if index > self.log.commit() && !here {
                self.accept(entry, out);
            }
        }
        if chosen > self.log.commit() {
            sometimes!(ChosenInherited);
            self.learn(chosen, out);
        }
    }

    /// All other places up to the last are proposed again, under the own ballot:
    /// with what was accepted there under the highest, else with a no-op. Says the
    /// log time of the last. This node's own places count like another's.
    fn adopt_open(&mut self, mut found: BTreeMap<Index, (Ballot, Entry)>, out: &mut Outbox) -> u64 {
        let commit = self.log.commit();
        for slot in self.window.from(commit.next()) {
            let entry = &slot.entry;
            let lower = |known: &(Ballot, Entry)| known.0 < slot.accepted;
            if found.get(&entry.index).is_none_or(lower) {
                found.insert(entry.index, (slot.accepted, entry.clone()));
            }
        }
        let mut clock = self.log.clock();
        let mut index = commit;
        for (place, (_, entry)) in found {
            while index.next() < place {
                index = index.next();
                sometimes!(HoleFilled);
                self.accept(no_op(index, self.promised, clock), out);
            }
            index = place;
            clock = clock.max(entry.clock);
            sometimes!(EntryInherited);
            let origin = mutant!(InheritedAsNew, entry.ballot, self.promised);
            self.accept(Entry { ballot: origin, ..entry }, out);
        }
        invariant!(I134, self.held == self.end(), "held {}, {} is open", self.held, self.end());
        clock
    }
}

/// What is proposed where nobody of a majority has accepted anything: it does
/// nothing, and its time is that of the place below.
fn no_op(index: Index, ballot: Ballot, clock: u64) -> Entry {
    Entry { index, ballot, kind: EntryKind::Open, clock, body: Bytes::new() }
}

/// What a letter says is input: what no honest acceptor says is refused before
/// anything of it is taken.
fn check_part(part: &Part, ballot: Ballot) -> Result<(), &'static str> {
    let mut before = part.from.prev();
    for Accepted { accepted, entry } in &part.slots {
        let index = entry.index;
        if index <= before || index > part.upto {
            return Err("accepted places out of order");
        }
        if index <= part.commit && index != before.next() {
            return Err("a hole in what is chosen");
        }
        if entry.ballot > *accepted || *accepted >= ballot && index > part.commit {
            return Err("accepted under a ballot that cannot be");
        }
        before = index;
    }
    let told = part.commit.min(part.upto);
    if told >= part.from && before < told {
        return Err("what is chosen is not told");
    }
    let span = before.0 - part.from.prev().0;
    let holes = span - part.slots.len() as u64;
    if holes > 2 * WINDOW_SLOTS_MAX { Err("more holes than a window has") } else { Ok(()) }
}
