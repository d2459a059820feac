//! Where the log begins: what a checkpoint makes superfluous and who needs it
//! still, and a checkpoint that takes the place of the log (Raft, 7; the state
//! itself travels on other ways than these).

use super::Raft;
use super::message::Say;
use super::state::{Core, Leader, Role};
use crate::contract::Outbox;
use crate::entry::Place;
use crate::progress::Progress;
use base::{Index, Time, invariant, mutant, sometimes};

impl Raft {
    /// A checkpoint at `upto` is on this disk. While a follower is given one,
    /// the log goes on from there, unless that takes too much.
    pub(super) fn trim(&mut self, now: Time, upto: Index) {
        let core = &mut self.core;
        core.newest = core.newest.max(upto.min(core.log.commit()));
        let covered = mutant!(TrimBeyondCheckpoint, core.newest, core.log.commit());
        core.spare = core.log.spare(covered, core.retention);
        if let Role::Leader(leader) = &self.role
            && let Some(pin) = leader.pin(now, core)
            && core.log.bytes(pin, core.spare) > core.retention.pinned_bytes
        {
            sometimes!(PinAbandoned);
            core.log.forget(core.spare);
        }
        self.forget(now);
    }

    /// Forgets what nobody needs any more, and what is likely not to be needed
    /// if it takes too much. In a step that chooses nothing: what was chosen
    /// before is applied.
    pub(super) fn forget(&mut self, now: Time) {
        let core = &mut self.core;
        let leader = if let Role::Leader(leader) = &self.role { Some(leader) } else { None };
        let had = leader.map_or(core.log.commit(), Leader::had_by_all);
        let spare = core.spare.max(core.log.beyond(core.retention.held_bytes).min(had));
        let pin = leader.and_then(|leader| leader.pin(now, core));
        if core.log.forget(pin.map_or(spare, |pin| pin.min(spare))) {
            sometimes!(LogForgotten);
        }
    }

    /// The state machine stands at `place` now. A leader whose log does not
    /// have that place was replaced and did not know it yet.
    pub(super) fn restore(&mut self, now: Time, place: Place, clock: u64, out: &mut Outbox) {
        if !self.takes(place) {
            return out.drop_letter("a checkpoint that leads no further");
        }
        let kept = self.core.log.place(place.index) == Some(place);
        if !kept && matches!(self.role, Role::Leader(_)) {
            self.follow(now, None, out);
        }
        if kept {
            sometimes!(RestoreKeptLog);
        } else {
            sometimes!(RestoreVoidedLog);
        }
        let core = &mut self.core;
        let before = core.log.last();
        let serial = core.log.restore(place, clock, out);
        // Votes were given to logs that miss nothing of this one (Raft, 5.4.1).
        let last = core.log.last();
        invariant!(I29, last >= before, "{last:?} after {before:?}");
        core.newest = core.newest.max(place.index);
        let Role::Follower(follower) = &mut self.role else {
            return self.pull_behind_checkpoint(now, out);
        };
        follower.held = follower.held.max(place.index);
        if let Some(leader) = follower.leader {
            let matched = place.index;
            core.send(leader, Say::AppendAnswer { matched }, serial.max(core.promised), out);
        }
    }
}

impl Leader {
    /// Names who needs a checkpoint and is there to get it.
    pub(super) fn name_behind(&self, now: Time, core: &Core, out: &mut Outbox) {
        for (peer, progress) in &self.progress {
            let there = now.since(progress.heard) < core.timing.election;
            if there && progress.pin().is_some() {
                out.behind.push((*peer, progress.matched()));
            }
        }
    }

    /// Up to where every follower has the log on its disk.
    fn had_by_all(&self) -> Index {
        let matched = self.progress.values().map(Progress::matched);
        matched.min().unwrap_or(Index(u64::MAX))
    }

    /// Where the log must not begin later, so that those who are given a
    /// checkpoint can go on from it.
    fn pin(&self, now: Time, core: &Core) -> Option<Index> {
        let there = self
            .progress
            .values()
            .filter(|progress| now.since(progress.heard) < core.timing.election);
        there.filter_map(Progress::pin).min()
    }
}
