//! What the leader of an epoch proposes, in its order, and what is committed by it
//! (DSN 2011, phase 3).
//!
//! Every follower that gets a proposal is in sync: its log is a prefix of the leader's.
//! So it only ever appends, and whatever index the leader calls committed is right for
//! what it has: primary order needs no check of epochs at commit, as Raft's does.

use super::Zab;
use super::message::Say;
use super::state::{Core, Leader, Peer, Role, Stage};
use super::synchronize::send_history;
use crate::chain::{behind_base, check_entries};
use crate::contract::{Answer, Outbox, Refusal};
use crate::entry::{Entry, EntryKind, Place};
use crate::handover;
use crate::letter::Heard;
use crate::progress::Progress;
use crate::quorum;
use alloc::vec::Vec;
use base::limits::{ENTRY_BYTES_MAX, LETTER_BYTES_MAX, LETTER_ENTRIES_MAX, UNCOMMITTED_BYTES_MAX};
use base::{AskId, Index, NodeId, Serial, Time, invariant, mutant, sometimes};
use bytes::Bytes;
use core::iter::once;

impl Zab {
    /// A body that no letter could carry, or that the log has no room for now, is
    /// refused as busy. Nobody proposes before its history is committed.
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
            Role::Leader(leader) if leader.transfer.is_some() || !leader.established => {
                Some(Refusal::NotLeader(None))
            }
            Role::Leader(_) if full || body.len() > ENTRY_BYTES_MAX => Some(Refusal::Busy),
            Role::Leader(_) => None,
            _ => Some(Refusal::NotLeader(self.serving())),
        };
        if let Some(why) = why {
            return out.answers.push(Answer::Refused { id, why });
        }
        self.append(now, kind, body, out);
        let Place { ballot, index } = self.core.log.last();
        out.answers.push(Answer::Accepted { id, index, ballot });
    }

    /// Adds to the leader's own log; letters leave at the end of the turn. The entry's
    /// clock goes on from the log's, however the world's clocks stand.
    fn append(&mut self, now: Time, kind: EntryKind, body: Bytes, out: &mut Outbox) {
        let Role::Leader(leader) = &self.role else { return };
        invariant!(I144, leader.established, "proposes before its history is committed");
        let elapsed = u64::try_from(now.since(leader.since).as_millis()).unwrap_or(u64::MAX);
        let log = &mut self.core.log;
        let clock = log.clock().max(leader.clock.saturating_add(elapsed));
        let (ballot, index) = (self.core.promised, log.last().index.next());
        let cut = log.put(Entry { index, ballot, kind, clock, body }, out);
        invariant!(I143, !cut, "a leader rewrote {index}");
    }

    /// The end of a turn: everything that its inputs owe to others leaves.
    pub(super) fn flush(&mut self, now: Time, out: &mut Outbox) {
        match &mut self.role {
            Role::Leader(leader) => {
                if leader.begin_round(&self.core, out) {
                    leader.send_beats(&self.core, out);
                }
                leader.send_letters(&self.core, out);
                leader.hand_over(&self.core, out);
            }
            Role::Follower(follower) => follower.send_ask(now, &mut self.core, out),
            Role::Prospect(_) => {}
        }
    }

    pub(super) fn beat(&mut self, now: Time, out: &mut Outbox) {
        match &mut self.role {
            Role::Leader(leader) => {
                for peer in leader.peers.values_mut() {
                    peer.progress.on_beat();
                    peer.ask_again();
                }
                leader.send_beats(&self.core, out);
                leader.name_behind(now, &self.core, out);
                handover::again(&mut leader.transfer);
            }
            Role::Follower(follower) => follower.ask_again(&self.core, out),
            Role::Prospect(_) => {}
        }
        self.forget(now);
    }

    pub(super) fn on_durable(&mut self, now: Time, serial: Serial, out: &mut Outbox) {
        let core = &mut self.core;
        core.durable = core.durable.max(serial);
        core.log.on_durable(serial);
        if core.promised_by <= core.durable {
            core.durable_epoch = core.promised.round;
        }
        match &mut self.role {
            Role::Prospect(_) => self.on_promised(now, out),
            Role::Leader(leader) => leader.maybe_commit(core, out),
            Role::Follower(_) => {}
        }
    }

    /// Z5. The answer vouches for entries on disk, so it waits for the write of these,
    /// however old that is. What is below this log is committed, so the leader's is
    /// the same.
    pub(super) fn on_proposal(
        &mut self,
        from: NodeId,
        prev: Place,
        commit: Index,
        entries: Vec<Entry>,
        out: &mut Outbox,
    ) {
        let core = &mut self.core;
        if !core.in_sync() {
            return out.drop_letter("the log is not in sync yet");
        }
        let Some((prev, entries)) = behind_base(&core.log, prev, entries) else {
            return out.drop_letter("contradicts a checkpoint");
        };
        if core.log.place(prev.index) != Some(prev) {
            return core.reject(from, prev, out);
        }
        let (last, epoch) = (core.log.last().index, core.promised);
        let own = |entry: &Entry| entry.ballot.round < epoch.round || entry.ballot == epoch;
        if !entries.iter().all(own) {
            return out.drop_letter("an entry of another leader of the epoch");
        }
        if let Err(why) = check_entries(&core.log, last, epoch.round, prev, &entries) {
            return out.drop_letter(why);
        }
        let matched = entries.last().map_or(prev.index, |entry| entry.index);
        for entry in entries {
            if entry.index > core.log.last().index {
                let cut = core.log.put(entry, out);
                invariant!(I143, !cut, "a follower in sync cuts its log");
            }
        }
        self.on_commit(commit, out);
        let core = &self.core;
        let after = core.log.written(matched).max(core.after_accept());
        let after = mutant!(ZabAckBeforeSync, after, Serial::ZERO);
        core.send(from, Say::Ack { matched }, after, out);
    }

    /// Only a leader that serves says so (COMMIT), to who is in sync.
    pub(super) fn on_commit(&mut self, commit: Index, out: &mut Outbox) {
        if !self.core.in_sync() {
            return out.drop_letter("the log is not in sync yet");
        }
        self.core.log.commit_to(commit.min(self.core.log.last().index), out);
        if let Some(follower) = self.following() {
            follower.up_to_date = true;
        }
    }

    /// The follower's clients may be served.
    pub(super) fn on_up_to_date(
        &mut self,
        from: NodeId,
        commit: Index,
        round: u64,
        out: &mut Outbox,
    ) {
        if self.core.in_sync() {
            self.on_commit(commit, out);
        }
        self.on_ping(from, round, out);
    }

    /// Who is not in sync says again which log it has: the leader may not know it.
    pub(super) fn on_ping(&self, from: NodeId, round: u64, out: &mut Outbox) {
        let core = &self.core;
        if mutant!(ZabPongUnsynced, !core.in_sync(), false) {
            return core.ack_epoch(from, out);
        }
        let held = core.log.last().index;
        let matched = held.min(core.log.durable());
        core.send(from, Say::Pong { held, matched, round }, core.after_accept(), out);
    }

    pub(super) fn on_pong(
        &mut self,
        heard: Heard,
        held: Index,
        matched: Index,
        round: u64,
        out: &mut Outbox,
    ) {
        let Role::Leader(leader) = &mut self.role else { return out.drop_letter("not leading") };
        let Some(peer) = leader.peers.get_mut(&heard.from) else { return };
        if held.max(matched) > self.core.log.last().index || round > leader.rounds.newest() {
            return out.drop_letter("an answer beyond the question");
        }
        peer.progress.hear(heard.at, heard.mute);
        if matched >= leader.history.index {
            // As good as an acknowledgement of NEWLEADER, which may have been lost.
            peer.on_synced(heard);
        }
        if peer.stage == Stage::Synced {
            peer.progress.on_round(round);
            peer.progress.on_held(held);
            peer.progress.on_matched(matched);
        }
        leader.maybe_commit(&mut self.core, out);
        leader.end_round(&self.core, out);
    }

    pub(super) fn on_ack(&mut self, heard: Heard, matched: Index, out: &mut Outbox) {
        let Role::Leader(leader) = &mut self.role else { return out.drop_letter("not leading") };
        let Some(peer) = leader.peers.get_mut(&heard.from) else { return };
        if matched > self.core.log.last().index {
            return out.drop_letter("matched beyond the log");
        }
        peer.progress.hear(heard.at, heard.mute);
        if peer.progress.on_matched(matched) {
            leader.maybe_commit(&mut self.core, out);
        }
    }

    pub(super) fn on_reject(&mut self, heard: Heard, tried: Index, near: Place, out: &mut Outbox) {
        let Role::Leader(leader) = &mut self.role else { return out.drop_letter("not leading") };
        let Some(peer) = leader.peers.get_mut(&heard.from) else { return };
        peer.progress.hear(heard.at, heard.mute);
        let (log, newest) = (&self.core.log, self.core.newest);
        match log.at_or_below(near).filter(|_| tried >= log.first()) {
            Some(agree) if peer.progress.on_reject(tried, agree.index) => {
                sometimes!(AppendRejected);
            }
            None if peer.progress.on_behind(tried, log.first(), newest) => {
                sometimes!(FollowerBehind);
                out.behind.push((heard.from, peer.progress.matched()));
            }
            _ => {}
        }
    }
}

impl Leader {
    /// When this leader has not heard a majority for an election timeout. Its own
    /// voice is always heard, so alone it has no such time.
    pub(super) fn quorum_deadline(&self, core: &Core) -> Option<Time> {
        let forever = Time(u64::MAX);
        let heard = self.peers.values().map(|peer| peer.progress.voice().heard);
        let heard = quorum::reached(once(forever).chain(heard));
        (heard < forever).then(|| heard + core.timing.election)
    }

    /// Commits what a majority has on disk in this epoch, the leader's own disk being
    /// one vote like the others; first all that was inherited, and not before a
    /// majority has accepted that (Z4).
    pub(super) fn maybe_commit(&mut self, core: &mut Core, out: &mut Outbox) {
        let own = if core.accepted_here() { core.log.durable() } else { Index::ZERO };
        let matched = self.peers.values().map(Peer::matched);
        let reached = quorum::reached(once(own).chain(matched));
        let news = !self.established && self.is_accepted(core);
        if news {
            self.establish(reached);
        }
        if !self.established {
            return;
        }
        if core.log.commit_to(reached, out) && own < reached {
            sometimes!(CommitWithoutOwnDisk);
        }
        if news {
            self.send_beats(core, out);
        }
    }

    pub(super) fn send_pings(&self, core: &Core, out: &mut Outbox) {
        let unknown = self.peers.iter().filter(|(_, peer)| peer.stage == Stage::Unknown);
        unknown.for_each(|(to, _)| core.send(*to, Say::Ping, core.promised_by, out));
    }

    pub(super) fn send_beats(&mut self, core: &Core, out: &mut Outbox) {
        for to in core.peers() {
            self.send_beat(to, core, out);
        }
    }

    /// Past phase 2 on both sides a beat says UPTODATE.
    pub(super) fn send_beat(&mut self, to: NodeId, core: &Core, out: &mut Outbox) {
        let Some(peer) = self.peers.get_mut(&to) else { return };
        let say = if self.established && peer.stage == Stage::Synced {
            let (commit, round) = (core.log.commit(), self.rounds.newest());
            peer.progress.told = peer.progress.told.max(commit.min(peer.progress.next().prev()));
            Say::UpToDate { commit, round }
        } else {
            Say::Ping
        };
        core.send(to, say, core.promised_by, out);
    }

    fn send_letters(&mut self, core: &Core, out: &mut Outbox) {
        for (to, peer) in &mut self.peers {
            peer.progress.on_trimmed(core.log.first(), core.newest);
            match peer.stage {
                Stage::Unknown => {}
                Stage::Syncing { .. } => send_history(*to, peer, self.history, core, out),
                Stage::Synced if self.established => send_proposals(*to, peer, core, out),
                Stage::Synced => {}
            }
        }
    }
}

impl Peer {
    /// Up to where it counts that it has the log.
    const fn matched(&self) -> Index {
        if self.counts { self.progress.voice().matched } else { Index::ZERO }
    }
}

/// The entries that a follower lacks, in order; for an observer those that are
/// committed. What it has may have been committed since: it must not wait for the
/// next beat to say so to its clients.
fn send_proposals(to: NodeId, peer: &mut Peer, core: &Core, out: &mut Outbox) {
    let (progress, commit) = (&mut peer.progress, core.log.commit());
    let observer = progress.is_mute();
    let last = if observer { commit } else { core.log.last().index };
    while progress.ready() && (progress.next() <= last || progress.unsure()) {
        send_entries(to, progress, last, core, out);
    }
    if commit.min(progress.next().prev()) > progress.told && progress.ready() {
        progress.told = commit.min(progress.next().prev());
        core.send(to, Say::Commit { commit }, core.promised_by, out);
    }
}

/// One letter: the next entries, or none if the question is what it has.
fn send_entries(to: NodeId, progress: &mut Progress, last: Index, core: &Core, out: &mut Outbox) {
    let prev = core.log.place(progress.next().prev());
    invariant!(I105, prev.is_some(), "{to} is tried at {}", progress.next());
    let Some(prev) = prev else { return };
    let left = (last.0 + 1).saturating_sub(progress.next().0);
    let count = usize::try_from(left).unwrap_or(usize::MAX).min(LETTER_ENTRIES_MAX);
    let (entries, bytes) = core.log.batch(progress.next(), count, LETTER_BYTES_MAX);
    let end = entries.last().map_or(prev.index, |entry| entry.index);
    let commit = core.log.commit();
    progress.told = progress.told.max(commit.min(end));
    progress.on_sent(end, bytes);
    let say = if progress.is_mute() {
        Say::Inform { prev, commit, entries }
    } else {
        Say::Proposal { prev, commit, entries }
    };
    core.send(to, say, core.promised_by, out);
}
