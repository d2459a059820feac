//! Accept and learn: from the leader to the acceptors, and what is chosen by it
//! (Lamport, "Paxos made simple", 2.2 and 2.3; protocols: M3-M5).

use super::Paxos;
use super::message::Say;
use super::state::{Core, Leader, Peer, Role};
use crate::contract::{Answer, Outbox, Refusal};
use crate::entry::{Entry, EntryKind};
use crate::handover;
use crate::letter::Heard;
use crate::progress::Progress;
use crate::quorum::{self, majority};
use alloc::vec::Vec;
use base::limits::{
    ENTRY_BYTES_MAX, LETTER_BYTES_MAX, LETTER_ENTRIES_MAX, UNCOMMITTED_BYTES_MAX, WINDOW_SLOTS_MAX,
};
use base::{AskId, Index, NodeId, Serial, Time, invariant, mutant, sometimes};
use bytes::Bytes;
use core::iter::once;

impl Paxos {
    /// A body that no letter could carry, or that the window has no room for now, is
    /// refused as busy.
    pub(super) fn propose(
        &mut self,
        now: Time,
        id: AskId,
        kind: EntryKind,
        body: Bytes,
        out: &mut Outbox,
    ) {
        let full = self.core.is_full(body.len());
        let why = match &self.role {
            Role::Leader(leader) if leader.transfer.is_some() => Some(Refusal::NotLeader(None)),
            Role::Leader(_) if full || body.len() > ENTRY_BYTES_MAX => Some(Refusal::Busy),
            Role::Leader(_) => None,
            _ => Some(Refusal::NotLeader(self.leader())),
        };
        if let Some(why) = why {
            return out.answers.push(Answer::Refused { id, why });
        }
        let index = self.append(now, kind, body, out);
        out.answers.push(Answer::Accepted { id, index, ballot: self.core.promised });
    }

    /// The next place gets a new entry; letters leave at the end of the turn. The
    /// entry's clock goes on from the log's, however the world's clocks stand.
    pub(super) fn append(
        &mut self,
        now: Time,
        kind: EntryKind,
        body: Bytes,
        out: &mut Outbox,
    ) -> Index {
        let core = &mut self.core;
        let index = core.end().next();
        let Role::Leader(leader) = &mut self.role else { return index };
        invariant!(I106, leader.transfer.is_none(), "proposes while it hands over");
        let elapsed = u64::try_from(now.since(leader.since).as_millis()).unwrap_or(u64::MAX);
        let before = core.entry(index.prev()).map_or(core.log.clock(), |entry| entry.clock);
        let clock = before.max(leader.clock.saturating_add(elapsed));
        core.accept(Entry { index, ballot: core.promised, kind, clock, body }, out);
        invariant!(I135, core.held == index, "proposed {index}, held {}", core.held);
        index
    }

    /// The end of a turn: everything that its inputs owe to others leaves.
    pub(super) fn flush(&mut self, now: Time, out: &mut Outbox) {
        match &mut self.role {
            Role::Leader(leader) => {
                if leader.begin_round(&self.core, out) {
                    leader.send_learns(&self.core, out);
                }
                leader.send_accepts(&self.core, out);
                leader.hand_over(&self.core, out);
            }
            Role::Follower(follower) => follower.send_ask(now, &mut self.core, out),
            Role::Canvasser(_) | Role::Proposer(_) => {}
        }
    }

    pub(super) fn beat(&mut self, now: Time, out: &mut Outbox) {
        match &mut self.role {
            Role::Leader(leader) => {
                leader.peers.values_mut().for_each(|peer| peer.flow.on_beat());
                leader.send_learns(&self.core, out);
                leader.name_behind(now, &self.core, out);
                handover::again(&mut leader.transfer);
            }
            Role::Follower(follower) => follower.ask_again(&self.core, out),
            Role::Proposer(proposer) => proposer.ask_again(&self.core, out),
            Role::Canvasser(_) => {}
        }
        self.forget(now);
    }

    pub(super) fn on_durable(&mut self, now: Time, serial: Serial, out: &mut Outbox) {
        let core = &mut self.core;
        core.durable = core.durable.max(serial);
        core.log.on_durable(serial);
        core.kept |= core.promised.round > 0 && core.promise <= core.durable;
        match &mut self.role {
            Role::Leader(leader) => leader.maybe_commit(&mut self.core, out),
            _ => self.on_own_promise(now, out),
        }
    }

    /// The owner of a ballot that is not below the promise has prepared it: it is
    /// followed, and nobody stands for a while.
    pub(super) fn on_leader(&mut self, now: Time, from: NodeId, out: &mut Outbox) {
        self.core.led = true;
        if self.leader() != Some(from) {
            self.follow(now, Some(from), out);
        }
        let deadline = now + self.core.random(self.core.timing.election);
        if let Role::Follower(follower) = &mut self.role {
            (follower.heard, follower.deadline) = (Some(now), Some(deadline));
        }
    }

    /// Each place is accepted for itself, whatever stands before it or is missing
    /// there. The answer vouches for what is on disk, so it waits for the newest
    /// write of all that it names.
    pub(super) fn on_accept(
        &mut self,
        now: Time,
        from: NodeId,
        prev: Index,
        commit: Index,
        entries: Vec<Entry>,
        out: &mut Outbox,
    ) {
        self.on_leader(now, from, out);
        let core = &mut self.core;
        if let Err(why) = core.check_entries(&entries) {
            return out.drop_letter(why);
        }
        // Without entries it only tells what is chosen: there is nothing to confirm.
        let asks = !entries.is_empty() || core.held < prev;
        if prev > core.held && !entries.is_empty() {
            sometimes!(AcceptedBeyondGap);
        }
        for entry in entries {
            let index = entry.index;
            let known = core.window.get(index).is_some_and(|it| it.accepted == core.promised);
            let near = index.0 <= core.end().0 + WINDOW_SLOTS_MAX;
            if index > core.log.commit() && !known && near {
                core.accept(entry, out);
            }
        }
        core.learn_told(commit, out);
        if asks {
            let (matched, ballot) = (core.held, core.promised);
            let beyond = if core.window.end() > core.held {
                core.window.stretches(core.held, ballot)
            } else {
                Vec::new()
            };
            let after = mutant!(AcceptedBeforeSync, core.written.max(core.promise), Serial::ZERO);
            core.send(from, Say::Accepted { prev, matched, beyond }, after, out);
        }
    }

    pub(super) fn on_learn(
        &mut self,
        now: Time,
        from: NodeId,
        commit: Index,
        round: u64,
        out: &mut Outbox,
    ) {
        self.on_leader(now, from, out);
        let core = &mut self.core;
        core.learn_told(commit, out);
        let (held, matched) = (core.held, core.sound());
        core.send(from, Say::LearnAnswer { held, matched, round }, core.promise, out);
    }

    pub(super) fn on_accepted(
        &mut self,
        heard: Heard,
        prev: Index,
        matched: Index,
        beyond: Vec<(Index, Index)>,
        out: &mut Outbox,
    ) {
        let Role::Leader(leader) = &mut self.role else { return out.drop_letter("not leading") };
        let Some(peer) = leader.peers.get_mut(&heard.from) else { return };
        let (first, last) = (self.core.log.first(), self.core.end());
        let ends = beyond.iter().map(|(_, end)| *end).max().unwrap_or_default();
        if matched.max(ends) > last {
            return out.drop_letter("accepted beyond what was proposed");
        }
        peer.flow.hear(heard.at, heard.mute);
        let news = peer.flow.on_matched(matched);
        let counts = !heard.mute && peer.beyond != beyond;
        if counts {
            peer.beyond = beyond;
        }
        if matched < prev && matched.next() >= first {
            peer.flow.on_gap(prev, matched);
        } else if matched < prev && peer.flow.on_behind(prev, first, self.core.newest) {
            sometimes!(FollowerBehind);
            out.behind.push((heard.from, matched));
        }
        if news || counts {
            leader.maybe_commit(&mut self.core, out);
        }
    }

    pub(super) fn on_learn_answer(
        &mut self,
        heard: Heard,
        held: Index,
        matched: Index,
        round: u64,
        out: &mut Outbox,
    ) {
        let Role::Leader(leader) = &mut self.role else { return out.drop_letter("not leading") };
        let Some(peer) = leader.peers.get_mut(&heard.from) else { return };
        if held.max(matched) > self.core.end() || round > leader.rounds.newest() {
            return out.drop_letter("an answer beyond the question");
        }
        peer.flow.hear(heard.at, heard.mute);
        peer.flow.on_round(round);
        peer.flow.on_held(held);
        if peer.flow.on_matched(matched) {
            leader.maybe_commit(&mut self.core, out);
        }
        leader.end_round(&self.core, out);
    }
}

impl Core {
    /// Whether nothing more may be proposed now.
    fn is_full(&self, bytes: usize) -> bool {
        let open = self.end().0 - self.log.commit().0;
        open >= WINDOW_SLOTS_MAX || self.window.bytes() + bytes > UNCOMMITTED_BYTES_MAX
    }

    /// The leader says that everything up to `commit` is chosen: what it proposed,
    /// that is. A place that was accepted under a lower ballot only may hold
    /// something else (protocols: M4).
    fn learn_told(&mut self, commit: Index, out: &mut Outbox) {
        let told = mutant!(CommitOfAnyBallot, commit.min(self.held), commit.min(self.dense()));
        self.learn(told, out);
    }

    /// The deliberate bug `CommitOfAnyBallot`: how far there is no gap.
    fn dense(&self) -> Index {
        let mut index = self.held;
        while self.window.get(index.next()).is_some() {
            index = index.next();
        }
        index
    }

    /// What a letter says is input: what no honest leader proposes is refused before
    /// anything of it is taken.
    fn check_entries(&self, entries: &[Entry]) -> Result<(), &'static str> {
        for entry in entries {
            let chosen = self.log.entry(entry.index).map(|known| known.ballot);
            let accepted = self.window.get(entry.index);
            let accepted = accepted.filter(|known| known.accepted == self.promised);
            let known = chosen.or_else(|| accepted.map(|known| known.entry.ballot));
            if entry.ballot > self.promised {
                return Err("an entry from the future");
            }
            if known.is_some_and(|known| known != entry.ballot) {
                return Err("contradicts what was chosen or accepted");
            }
        }
        Ok(())
    }

    /// The entries from `from` on, as many as a letter carries, and their bytes.
    fn batch(&self, from: Index) -> (Vec<Entry>, usize) {
        if from <= self.log.commit() {
            return self.log.batch(from, LETTER_ENTRIES_MAX, LETTER_BYTES_MAX);
        }
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let fits = bytes == 0 || bytes + entry.body.len() <= LETTER_BYTES_MAX;
            bytes += if fits { entry.body.len() } else { 0 };
            fits
        };
        let entries = self.window.from(from).map(|slot| &slot.entry);
        let entries = entries.take(LETTER_ENTRIES_MAX).take_while(fits).cloned().collect();
        (entries, bytes)
    }
}

impl Leader {
    /// When this leader has not heard a majority for an election timeout. Its
    /// own voice is always heard, so alone it has no such time.
    pub(super) fn quorum_deadline(&self, core: &Core) -> Option<Time> {
        let forever = Time(u64::MAX);
        let heard = self.peers.values().map(|peer| peer.flow.voice().heard);
        let heard = quorum::reached(once(forever).chain(heard));
        let some = mutant!(LeadsUnheard, heard < forever, false);
        some.then(|| heard + core.timing.election)
    }

    /// A place is chosen when a majority has accepted it under this ballot, the
    /// leader's own disk being one acceptor like the others; what is told is how far
    /// there is no gap.
    pub(super) fn maybe_commit(&self, core: &mut Core, out: &mut Outbox) {
        let sound = core.sound();
        let own = mutant!(OwnDiskCountsEarly, sound, core.held);
        let matched = self.peers.values().map(|peer| peer.flow.voice().matched);
        let mut upto = quorum::reached(once(own).chain(matched));
        if self.peers.values().any(|peer| !peer.beyond.is_empty()) {
            let enough = majority(core.voters.len());
            while upto < core.held && self.acceptors(upto.next(), own) >= enough {
                sometimes!(ChosenAcrossGap);
                upto = upto.next();
            }
        }
        if upto > core.log.commit() {
            core.learn(upto, out);
            if own < upto {
                sometimes!(CommitWithoutOwnDisk);
            }
        }
    }

    /// How many have accepted what stands at `index`.
    fn acceptors(&self, index: Index, own: Index) -> usize {
        let has = |peer: &&Peer| {
            let within = |(first, last): &(Index, Index)| (*first..=*last).contains(&index);
            peer.flow.voice().matched >= index || peer.beyond.iter().any(within)
        };
        self.peers.values().filter(has).count() + usize::from(own >= index)
    }

    pub(super) fn send_learns(&self, core: &Core, out: &mut Outbox) {
        let (round, commit) = (self.rounds.newest(), core.log.commit());
        for peer in self.peers.keys() {
            core.send(*peer, Say::Learn { commit, round }, core.promise, out);
        }
    }

    fn send_accepts(&mut self, core: &Core, out: &mut Outbox) {
        let last = core.end();
        for (peer, Peer { flow, .. }) in &mut self.peers {
            flow.on_trimmed(core.log.first(), core.newest);
            while flow.ready() && (flow.next() <= last || flow.unsure()) {
                send_accept(*peer, flow, core, out);
            }
            // What it has may have been chosen since: it must not wait for the
            // next beat to say so to its clients.
            let news = core.log.commit().min(flow.next().prev()) > flow.told;
            if news && flow.ready() {
                send_accept(*peer, flow, core, out);
            }
        }
    }
}

/// One letter to one acceptor: the next entries, or none if it has all, or if the
/// question is whether it has.
fn send_accept(peer: NodeId, flow: &mut Progress, core: &Core, out: &mut Outbox) {
    let prev = flow.next().prev();
    let tried = prev.next() >= core.log.first() && prev <= core.end();
    invariant!(I105, tried, "{peer} is tried at {}", flow.next());
    let (entries, bytes) = core.batch(flow.next());
    let end = entries.last().map_or(prev, |entry| entry.index);
    let commit = core.log.commit();
    flow.told = flow.told.max(commit.min(end));
    if end > prev || flow.unsure() {
        flow.on_sent(end, bytes);
    }
    core.send(peer, Say::Accept { prev, commit, entries }, core.promise, out);
}
