//! A log that lacks entries, and nobody else who could be elected: what is lacking
//! is fetched before one stands (after Omni-Paxos, whose new leader does the same;
//! for Raft a derivation of our own, explored in all small worlds).
//!
//! Why it is safe. What is pulled is a prefix of some leader's log, as every log
//! is. What is cut for it ends in a lower term than the other log does, so the
//! leader of that later term was elected without it, and it was not chosen. The
//! puller first stores a term above every one that it knows: whatever it confirmed
//! was in earlier terms, and no leader of its term counts on what it holds. It
//! confirms nothing of what it pulls; votes are given by the same rule as ever.
//!
//! What the other log does not hold any more is in a checkpoint, and that is
//! offered. All of it was chosen, so it is taken over like any other: it cuts
//! nothing that was chosen. Then the rest is pulled.

use super::Raft;
use super::message::Say;
use super::state::{Candidate, Core, Puller, Role};
use crate::chain::{Piece, behind_base, check_entries};
use crate::contract::Outbox;
use crate::entry::{Entry, Place};
use alloc::vec::Vec;
use base::limits::{LETTER_BYTES_MAX, LETTER_ENTRIES_MAX};
use base::{Index, NodeId, Serial, Time, invariant, mutant, sometimes};

impl Raft {
    /// `PreCandidate` -> Puller, if somebody refused who has more. Says whether it did.
    pub(super) fn maybe_pull(&mut self, now: Time, out: &mut Outbox) -> bool {
        let Role::PreCandidate(Candidate { ahead: Some((_, from)), .. }) = self.role else {
            return false;
        };
        sometimes!(LogPulled);
        // Before anything is cut, and on disk before anything is asked for.
        let term = self.core.term + 1;
        mutant!(PullKeepsTerm, self.core.promise(term, None, out), ());
        self.role = Role::Puller(Puller { from, deadline: self.pull_until(now) });
        self.core.send_pull(from, self.core.log.last(), out);
        true
    }

    /// A few beats without an answer, and it was in vain.
    fn pull_until(&mut self, now: Time) -> Time {
        now + self.core.random(self.core.timing.heartbeat * 2)
    }

    /// What this log has behind the last place that both may have, or the checkpoint
    /// before it. A leader that is alive here will send what is lacking.
    pub(super) fn on_pull(
        &mut self,
        now: Time,
        from: NodeId,
        term: u64,
        near: Place,
        out: &mut Outbox,
    ) {
        if term < self.core.term {
            return self.core.send(from, Say::TermOver, Serial::ZERO, out);
        }
        if self.sticks(now) {
            return out.drop_letter("a leader is alive");
        }
        let log = &self.core.log;
        let Some(prev) = log.at_or_below(near) else {
            sometimes!(PullerBehind);
            // Its log may differ from the chosen one: nothing of it is counted on.
            return out.behind.push((from, Index::ZERO));
        };
        let (entries, _) = log.batch(prev.index.next(), LETTER_ENTRIES_MAX, LETTER_BYTES_MAX);
        let say = Say::Pulled { prev, last: log.last(), entries };
        self.core.send_in(term, from, say, Serial::ZERO, out);
    }

    /// What agrees is kept. What differs is cut if it ends in a lower term than
    /// the other log. Nothing is confirmed to anybody.
    pub(super) fn on_pulled(
        &mut self,
        now: Time,
        from: NodeId,
        term: u64,
        piece: Piece,
        out: &mut Outbox,
    ) {
        let asked = matches!(&self.role, Role::Puller(puller) if puller.from == from);
        if !asked || term != self.core.term {
            return out.drop_letter("nothing was asked for");
        }
        let Piece { prev, last, entries } = piece;
        let core = &mut self.core;
        invariant!(I120, core.led.is_none(), "pulls in term {term}, which has a leader");
        let Some((prev, entries)) = behind_base(&core.log, prev, entries) else {
            return out.drop_letter("contradicts a checkpoint");
        };
        if core.log.place(prev.index) != Some(prev) {
            let near = core.log.at_or_below(prev).unwrap_or(core.log.base());
            return core.send_pull(from, near, out);
        }
        if let Err(why) = check_entries(&core.log, core.log.commit(), core.term, prev, &entries) {
            return out.drop_letter(why);
        }
        if let Err(why) = core.take(last, entries, out) {
            return out.drop_letter(why);
        }
        self.go_on_pulling(now, from, last, out);
    }

    /// A checkpoint took the place of the log, or of its front: what is behind it
    /// is asked for.
    pub(super) fn pull_behind_checkpoint(&mut self, now: Time, out: &mut Outbox) {
        let deadline = self.pull_until(now);
        let Role::Puller(puller) = &mut self.role else { return };
        puller.deadline = deadline;
        let from = puller.from;
        self.core.send_pull(from, self.core.log.last(), out);
    }

    /// All is here, and it stands; or it asks for more.
    fn go_on_pulling(&mut self, now: Time, from: NodeId, last: Place, out: &mut Outbox) {
        let mine = self.core.log.last();
        if mutant!(PullerConfirms, false, true) {
            let matched = mine.index;
            let (term, leader) = (mine.ballot.round, mine.ballot.node);
            let after = self.core.log.written(matched).max(self.core.promised);
            self.core.send_in(term, leader, Say::AppendAnswer { matched }, after, out);
        }
        if mine >= last {
            return self.campaign(now, true, out);
        }
        let deadline = self.pull_until(now);
        if let Role::Puller(puller) = &mut self.role {
            puller.deadline = deadline;
        }
        self.core.send_pull(from, mine, out);
    }
}

impl Core {
    fn send_pull(&self, to: NodeId, near: Place, out: &mut Outbox) {
        self.send(to, Say::Pull { near }, self.promised, out);
    }

    /// Takes entries of a log that ends at `last`.
    fn take(
        &mut self,
        last: Place,
        entries: Vec<Entry>,
        out: &mut Outbox,
    ) -> Result<(), &'static str> {
        for entry in entries {
            let mine = self.log.place(entry.index);
            if mine.is_some_and(|mine| mine.ballot == entry.ballot) {
                continue;
            }
            let older = self.log.last().ballot.round < last.ballot.round;
            if mine.is_some() && !mutant!(PullCutsNewer, older, true) {
                return Err("would cut what another log does not replace");
            }
            self.log.put(entry, out);
        }
        Ok(())
    }
}
