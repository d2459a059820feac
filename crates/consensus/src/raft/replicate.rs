//! From the leader's log to the others', and what is committed by it (Raft,
//! 5.3 and 5.4.2).

use super::Raft;
use super::message::Say;
use super::state::{Core, Follower, Leader, Role};
use crate::chain::{behind_base, check_entries};
use crate::contract::{Answer, Outbox, Refusal};
use crate::entry::{Entry, EntryKind, Place};
use crate::handover;
use crate::letter::Heard;
use crate::progress::Progress;
use crate::quorum;
use alloc::vec::Vec;
use base::limits::{ENTRY_BYTES_MAX, LETTER_BYTES_MAX, LETTER_ENTRIES_MAX, UNCOMMITTED_BYTES_MAX};
use base::{AskId, Ballot, Index, NodeId, Serial, Time, invariant, mutant, sometimes};
use bytes::Bytes;
use core::iter::once;

impl Raft {
    /// A body that no letter could carry, or that the log has no room for now,
    /// is refused as busy.
    pub(super) fn propose(
        &mut self,
        now: Time,
        id: AskId,
        kind: EntryKind,
        body: Bytes,
        out: &mut Outbox,
    ) {
        let full = self.core.log.uncommitted_bytes() + body.len() > UNCOMMITTED_BYTES_MAX;
        let why = match &self.role {
            Role::Leader(leader) if leader.transfer.is_some() => Some(Refusal::NotLeader(None)),
            Role::Leader(_) if full || body.len() > ENTRY_BYTES_MAX => Some(Refusal::Busy),
            Role::Leader(_) => None,
            _ => Some(Refusal::NotLeader(self.leader())),
        };
        if let Some(why) = why {
            return out.answers.push(Answer::Refused { id, why });
        }
        self.append(now, kind, body, out);
        let Place { ballot, index } = self.core.log.last();
        out.answers.push(Answer::Accepted { id, index, ballot });
    }

    /// Adds to the leader's own log; letters leave at the end of the turn. The
    /// entry's clock goes on from the log's, however the world's clocks stand.
    pub(super) fn append(&mut self, now: Time, kind: EntryKind, body: Bytes, out: &mut Outbox) {
        let Role::Leader(leader) = &self.role else { return };
        invariant!(I106, leader.transfer.is_none(), "appends while it hands over");
        let elapsed = u64::try_from(now.since(leader.since).as_millis()).unwrap_or(u64::MAX);
        let log = &mut self.core.log;
        let clock = log.clock().max(leader.clock.saturating_add(elapsed));
        let ballot = Ballot::new(self.core.term, self.core.me);
        let index = log.last().index.next();
        let cut = log.put(Entry { index, ballot, kind, clock, body }, out);
        invariant!(I22, !cut, "a leader rewrote {index}");
    }

    /// The end of a turn: everything that its inputs owe to others leaves.
    pub(super) fn flush(&mut self, now: Time, out: &mut Outbox) {
        match &mut self.role {
            Role::Leader(leader) => {
                if leader.begin_round(&self.core, out) {
                    leader.send_heartbeats(&self.core, out);
                }
                leader.send_appends(&self.core, out);
                leader.hand_over(&self.core, out);
            }
            Role::Follower(follower) => follower.send_ask(now, &mut self.core, out),
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Puller(_) => {}
        }
    }

    pub(super) fn beat(&mut self, now: Time, out: &mut Outbox) {
        match &mut self.role {
            Role::Leader(leader) => {
                leader.progress.values_mut().for_each(Progress::on_beat);
                leader.send_heartbeats(&self.core, out);
                leader.name_behind(now, &self.core, out);
                handover::again(&mut leader.transfer);
            }
            Role::Follower(follower) => follower.ask_again(&self.core, out),
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Puller(_) => {}
        }
        self.forget(now);
    }

    pub(super) fn on_durable(&mut self, now: Time, serial: Serial, out: &mut Outbox) {
        self.core.durable = self.core.durable.max(serial);
        self.core.log.on_durable(serial);
        if self.core.promised <= self.core.durable {
            self.core.durable_term = self.core.term;
        }
        match &mut self.role {
            Role::Candidate(candidate) if self.core.promised <= self.core.durable => {
                candidate.tally.note(self.core.me, true);
                self.conclude(now, out);
            }
            Role::Leader(leader) => leader.maybe_commit(&mut self.core, out),
            _ => {}
        }
    }

    /// The leader of this term spoke: it is followed, and nobody stands for a while.
    pub(super) fn on_leader(
        &mut self,
        now: Time,
        from: NodeId,
        out: &mut Outbox,
    ) -> Option<&mut Follower> {
        if self.core.led.is_some_and(|led| led != from) {
            out.drop_letter("a second leader of the term");
            return None;
        }
        self.core.led = Some(from);
        if self.leader() != Some(from) {
            self.follow(now, Some(from), out);
        }
        let Role::Follower(follower) = &mut self.role else { return None };
        follower.heard = Some(now);
        follower.deadline = Some(now + self.core.random(self.core.timing.election));
        Some(follower)
    }

    /// What agrees is kept, whatever follows it; the log is cut only where an
    /// entry really differs, for a late letter may know less than the log does
    /// (Raft, figure 2, `AppendEntries` 3 and 4). The answer vouches for entries
    /// on disk, so it waits for the write of these, however old that is.
    /// What is below this log is chosen, so the leader's is the same.
    pub(super) fn on_append(
        &mut self,
        now: Time,
        from: NodeId,
        prev: Place,
        commit: Index,
        entries: Vec<Entry>,
        out: &mut Outbox,
    ) {
        if self.on_leader(now, from, out).is_none() {
            return;
        }
        // Without entries it only tells what is chosen: there is nothing to confirm.
        let asks = !entries.is_empty();
        let (core, Role::Follower(follower)) = (&mut self.core, &mut self.role) else { return };
        let Some((prev, entries)) = behind_base(&core.log, prev, entries) else {
            return out.drop_letter("contradicts a checkpoint");
        };
        if core.log.place(prev.index) != Some(prev) {
            let near = core.log.at_or_below(prev).unwrap_or(core.log.base());
            let say = Say::Reject { tried: prev.index, near };
            return core.send(from, say, Serial::ZERO, out);
        }
        if let Err(why) = check_entries(&core.log, follower.held, core.term, prev, &entries) {
            return out.drop_letter(why);
        }
        let matched = entries.last().map_or(prev.index, |entry| entry.index);
        for entry in entries {
            let (index, held) = (entry.index, follower.held);
            let known = core.log.place(index).is_some_and(|p| p.ballot == entry.ballot);
            let known = mutant!(AppendCutsWhatFollows, known, false);
            if !known && core.log.put(entry, out) {
                sometimes!(LogTruncated);
                invariant!(I23, index > held, "cut at {index}, agreed up to {held}");
            }
        }
        invariant!(I24, core.log.last().ballot.round <= core.term, "in term {}", core.term);
        follower.held = follower.held.max(matched);
        let agreed = mutant!(CommitBeyondLetter, matched, core.log.last().index);
        core.log.commit_to(commit.min(agreed), out);
        if asks {
            let written = core.log.written(matched).max(core.promised);
            let after = mutant!(AppendAckBeforeSync, written, Serial::ZERO);
            core.send(from, Say::AppendAnswer { matched }, after, out);
        }
    }

    /// The leader never names a commit that this node did not confirm to have.
    pub(super) fn on_heartbeat(
        &mut self,
        now: Time,
        from: NodeId,
        commit: Index,
        round: u64,
        out: &mut Outbox,
    ) {
        if self.on_leader(now, from, out).is_none() {
            return;
        }
        let (core, Role::Follower(follower)) = (&mut self.core, &mut self.role) else { return };
        // What a mute replica confirmed in an earlier life is on no disk any more.
        let commit = if core.mute { commit.min(follower.held) } else { commit };
        if commit <= core.log.last().index {
            follower.held = follower.held.max(commit);
            core.log.commit_to(commit, out);
        }
        let held = follower.held;
        let matched = held.min(core.log.durable());
        core.send(from, Say::HeartbeatAnswer { held, matched, round }, core.promised, out);
    }

    pub(super) fn on_append_answer(&mut self, heard: Heard, matched: Index, out: &mut Outbox) {
        let Role::Leader(leader) = &mut self.role else { return out.drop_letter("not leading") };
        let Some(progress) = leader.progress.get_mut(&heard.from) else { return };
        if matched > self.core.log.last().index {
            return out.drop_letter("matched beyond the log");
        }
        progress.hear(heard.at, heard.mute);
        if progress.on_matched(matched) {
            leader.maybe_commit(&mut self.core, out);
        }
    }

    pub(super) fn on_reject(&mut self, heard: Heard, tried: Index, near: Place, out: &mut Outbox) {
        let Role::Leader(leader) = &mut self.role else { return out.drop_letter("not leading") };
        let Some(progress) = leader.progress.get_mut(&heard.from) else { return };
        progress.hear(heard.at, heard.mute);
        let (log, newest) = (&self.core.log, self.core.newest);
        match log.at_or_below(near).filter(|_| tried >= log.first()) {
            Some(agree) if progress.on_reject(tried, agree.index) => sometimes!(AppendRejected),
            None if progress.on_behind(tried, log.first(), newest) => {
                sometimes!(FollowerBehind);
                out.behind.push((heard.from, progress.matched()));
            }
            _ => {}
        }
    }

    pub(super) fn on_heartbeat_answer(
        &mut self,
        heard: Heard,
        held: Index,
        matched: Index,
        round: u64,
        out: &mut Outbox,
    ) {
        let Role::Leader(leader) = &mut self.role else { return out.drop_letter("not leading") };
        let Some(progress) = leader.progress.get_mut(&heard.from) else { return };
        if held.max(matched) > self.core.log.last().index || round > leader.rounds.newest() {
            return out.drop_letter("an answer beyond the question");
        }
        progress.hear(heard.at, heard.mute);
        progress.on_round(round);
        progress.on_held(held);
        let news = progress.on_matched(matched);
        if news {
            leader.maybe_commit(&mut self.core, out);
        }
        leader.end_round(&self.core, out);
    }
}

impl Leader {
    /// When this leader has not heard a majority for an election timeout. Its
    /// own voice is always heard, so alone it has no such time.
    pub(super) fn quorum_deadline(&self, core: &Core) -> Option<Time> {
        let forever = Time(u64::MAX);
        let heard = self.progress.values().map(|progress| progress.voice().heard);
        let heard = quorum::reached(once(forever).chain(heard));
        let some = mutant!(LeadsUnheard, heard < forever, false);
        some.then(|| heard + core.timing.election)
    }

    /// Commits what a majority has on disk, the leader's own disk being one
    /// vote like the others; only through an entry of its own term (Raft,
    /// 5.4.2, figure 8).
    fn maybe_commit(&self, core: &mut Core, out: &mut Outbox) {
        let own = mutant!(OwnDiskCountsEarly, core.log.durable(), core.log.last().index);
        let matched = self.progress.values().map(|progress| progress.voice().matched);
        let reached = quorum::reached(once(own).chain(matched));
        let Some(place) = core.log.place(reached) else { return };
        let allowed = mutant!(CommitEarlierTerm, place.ballot.round == core.term, true);
        if allowed && core.log.commit_to(reached, out) && own < reached {
            sometimes!(CommitWithoutOwnDisk);
        }
    }

    fn send_heartbeats(&self, core: &Core, out: &mut Outbox) {
        let round = self.rounds.newest();
        for (peer, progress) in &self.progress {
            let chosen = core.log.commit();
            let commit = mutant!(HeartbeatCommitsAll, chosen.min(progress.matched()), chosen);
            core.send(*peer, Say::Heartbeat { commit, round }, core.promised, out);
        }
    }

    fn send_appends(&mut self, core: &Core, out: &mut Outbox) {
        let last = core.log.last().index;
        for (peer, progress) in &mut self.progress {
            progress.on_trimmed(core.log.first(), core.newest);
            while progress.ready() && (progress.next() <= last || progress.unsure()) {
                send_append(*peer, progress, core, out);
            }
            // What the follower has may have been chosen since: it must not
            // wait for the next heartbeat to say so to its clients.
            let news = core.log.commit().min(progress.next().prev()) > progress.told;
            if news && progress.ready() {
                send_append(*peer, progress, core, out);
            }
        }
    }
}

/// One letter to one follower: the next entries, or none if it has all, or if
/// the question is whether it has.
fn send_append(peer: NodeId, progress: &mut Progress, core: &Core, out: &mut Outbox) {
    let prev = core.log.place(progress.next().prev());
    invariant!(I105, prev.is_some(), "{peer} is tried at {}", progress.next());
    let Some(prev) = prev else { return };
    let (entries, bytes) = core.log.batch(progress.next(), LETTER_ENTRIES_MAX, LETTER_BYTES_MAX);
    let end = entries.last().map_or(prev.index, |entry| entry.index);
    let commit = core.log.commit();
    progress.told = progress.told.max(commit.min(end));
    if end > prev.index || progress.unsure() {
        progress.on_sent(end, bytes);
    }
    core.send(peer, Say::Append { prev, commit, entries }, core.promised, out);
}
