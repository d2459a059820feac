//! From the history of a new leader to that of its followers (DSN 2011, phase 2).
//!
//! A follower's log is made equal to the history with which the epoch begins: what it
//! lacks is sent (DIFF), what it has beyond it is cut (TRUNC), and where the leader's
//! log does not reach back a checkpoint takes its place (SNAP). Then it is accepted:
//! one write of f.a, made after all of that. A log is one order of writes, so whoever
//! finds f.a finds the log too; the answer leaves when that write is durable. (What
//! `ZooKeeper` got wrong in -3911, -4643, -4646 and -4785 has no place to stand.)
//!
//! Why a crash in between does no harm. Until f.a is written the log is what it was, or
//! a prefix of the new history that reaches at least to where both agree. Whatever was
//! committed is in both. So it is as good a log of its old epoch as it was.

use super::Zab;
use super::message::{History, Say};
use super::state::{Core, Leader, Peer, Role, Stage};
use crate::chain::{behind_base, check_entries};
use crate::contract::Outbox;
use crate::entry::{Entry, Place};
use crate::letter::Heard;
use crate::quorum;
use alloc::vec::Vec;
use base::limits::{LETTER_BYTES_MAX, LETTER_ENTRIES_MAX};
use base::{Index, NodeId, Serial, invariant, mutant, sometimes};
use core::iter::once;

impl Zab {
    /// Entries of the leader's history. They are confirmed for the flow of letters;
    /// what counts is that the history was accepted.
    pub(super) fn on_diff(
        &mut self,
        from: NodeId,
        prev: Place,
        entries: Vec<Entry>,
        out: &mut Outbox,
    ) {
        let core = &mut self.core;
        if core.in_sync() {
            return out.drop_letter("the log is in sync already");
        }
        let Some((prev, entries)) = behind_base(&core.log, prev, entries) else {
            return out.drop_letter("contradicts a checkpoint");
        };
        if core.log.place(prev.index) != Some(prev) {
            return core.reject(from, prev, out);
        }
        let below = core.promised.round.saturating_sub(1);
        if let Err(why) = check_entries(&core.log, core.log.commit(), below, prev, &entries) {
            return out.drop_letter(why);
        }
        let matched = entries.last().map_or(prev.index, |entry| entry.index);
        core.take(entries, out);
        let after = core.log.written(matched).max(core.promised_by);
        core.send(from, Say::Ack { matched }, after, out);
    }

    /// Z3: the log equals the leader's history, which ends here, then f.a says so, then
    /// the leader is told.
    pub(super) fn on_new_leader(&mut self, from: NodeId, history: Place, out: &mut Outbox) {
        let core = &mut self.core;
        if !core.in_sync() {
            let early = mutant!(ZabAcceptsBeforeLog, false, !core.holds(history));
            if !early && let Err(why) = core.end_at(history, out) {
                return out.drop_letter(why);
            }
            let last = core.log.last();
            if last.ballot.round >= core.promised.round && last.index > core.log.base().index {
                return out.drop_letter("entries of the epoch before its history");
            }
            core.accept(out);
        }
        let matched = core.log.last().index;
        let after = core.after_accept().max(core.log.written(matched));
        let after = mutant!(ZabAckNewLeaderEarly, after, Serial::ZERO);
        core.send(from, Say::AckNewLeader { matched }, after, out);
    }

    pub(super) fn on_ack_new_leader(&mut self, heard: Heard, matched: Index, out: &mut Outbox) {
        let Role::Leader(leader) = &mut self.role else { return out.drop_letter("not leading") };
        let Some(peer) = leader.peers.get_mut(&heard.from) else { return };
        if matched > self.core.log.last().index || matched < leader.history.index {
            return out.drop_letter("matched beyond the log, or before its history ends");
        }
        peer.on_synced(heard);
        peer.progress.on_matched(matched);
        if leader.established {
            // A late follower: everybody else has heard it.
            leader.send_beat(heard.from, &self.core, out);
        }
        leader.maybe_commit(&mut self.core, out);
    }
}

impl Core {
    /// Entries of another log, which was checked to follow on this one: what agrees is
    /// kept, and the log is cut only where an entry really differs.
    pub(super) fn take(&mut self, entries: Vec<Entry>, out: &mut Outbox) {
        for entry in entries {
            let known = self.log.place(entry.index).is_some_and(|it| it.ballot == entry.ballot);
            if !known && self.log.put(entry, out) {
                sometimes!(LogTruncated);
            }
        }
    }

    /// The last place where the logs can still agree is named.
    pub(super) fn reject(&self, from: NodeId, prev: Place, out: &mut Outbox) {
        let near = self.log.at_or_below(prev).unwrap_or(self.log.base());
        self.send(from, Say::Reject { tried: prev.index, near }, Serial::ZERO, out);
    }
}

impl Peer {
    /// What may have been lost is sent again.
    pub(super) const fn ask_again(&mut self) {
        if let Stage::Syncing { told } = &mut self.stage {
            *told = false;
        }
    }

    /// Its log is in sync with the leader's, on its disk.
    pub(super) fn on_synced(&mut self, heard: Heard) {
        self.progress.hear(heard.at, heard.mute);
        self.stage = Stage::Synced;
        if !self.progress.is_mute() {
            self.counts = true;
        }
    }
}

impl Leader {
    /// A follower has promised this epoch, and says which log it has. Where the two
    /// agree is known if the leader's has that place; else it is tried where they can.
    pub(super) fn join(&mut self, heard: Heard, history: History, core: &Core, out: &mut Outbox) {
        let Some(peer) = self.peers.get_mut(&heard.from) else { return };
        peer.progress.hear(heard.at, heard.mute);
        let last = history.last;
        let agrees = core.log.place(last.index) == Some(last);
        match peer.stage {
            Stage::Synced if !heard.mute => out.drop_letter("it is in sync since"),
            Stage::Syncing { .. } => {
                peer.progress.on_held(if agrees { last.index } else { Index::ZERO });
            }
            Stage::Unknown | Stage::Synced => {
                let near = core.log.at_or_below(last).unwrap_or(core.log.base());
                peer.progress.start_over(near.index.next());
                if agrees {
                    peer.progress.on_held(near.index);
                }
                peer.stage = Stage::Syncing { told: false };
            }
        }
    }

    /// Whether a quorum has accepted the history of this epoch, on its disks (Z4): then
    /// all of it is committed, and the leader serves.
    pub(super) fn is_accepted(&self, core: &Core) -> bool {
        let others = self.peers.values().map(|peer| peer.counts);
        let everybody = once(core.accepted_here()).chain(others);
        mutant!(ZabServesUnaccepted, quorum::reached(everybody), true)
    }

    /// What is to be committed first: all that was inherited, as a whole.
    pub(super) fn establish(&mut self, reached: Index) {
        let whole = reached >= self.history.index;
        invariant!(I142, mutant!(ZabServesUnaccepted, whole, true), "{reached}");
        sometimes!(HistoryAccepted);
        self.established = true;
    }
}

/// What a follower lacks of the history, then that this was all.
pub(super) fn send_history(
    to: NodeId,
    peer: &mut Peer,
    history: Place,
    core: &Core,
    out: &mut Outbox,
) {
    let progress = &mut peer.progress;
    while progress.ready() && (progress.next() <= history.index || progress.unsure()) {
        let prev = core.log.place(progress.next().prev());
        invariant!(I105, prev.is_some(), "{to} is tried at {}", progress.next());
        let Some(prev) = prev else { return };
        let left = (history.index.0 + 1).saturating_sub(progress.next().0);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(LETTER_ENTRIES_MAX);
        let (entries, bytes) = core.log.batch(progress.next(), count, LETTER_BYTES_MAX);
        progress.on_sent(entries.last().map_or(prev.index, |entry| entry.index), bytes);
        core.send(to, Say::Diff { prev, entries }, core.promised_by, out);
    }
    let all = progress.agrees() && progress.next() > history.index;
    if all && peer.stage == (Stage::Syncing { told: false }) {
        peer.stage = Stage::Syncing { told: true };
        core.send(to, Say::NewLeader { history }, core.promised_by, out);
    }
}
