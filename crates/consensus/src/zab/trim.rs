//! Where the log begins: what a checkpoint makes superfluous and who needs it still,
//! and a checkpoint that takes the place of the log (SNAP; the state itself travels on
//! other ways than these).

use super::Zab;
use super::message::Say;
use super::state::{Core, Leader, Phase, Prospect, Role};
use crate::contract::Outbox;
use crate::entry::Place;
use base::{Index, Time, mutant, sometimes};

impl Zab {
    /// A checkpoint at `upto` is on this disk. While a follower is given one, the log
    /// goes on from there, unless that takes too much.
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

    /// Forgets what nobody needs any more, and what is likely not to be needed if it
    /// takes too much. In a step that commits nothing: what was committed before is
    /// applied.
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

    /// The state machine stands at `place` now. A leader whose log does not have that
    /// place was replaced and did not know it yet. A follower says what it has; the
    /// leader goes on from there.
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
        let serial = core.log.restore(place, clock, out);
        core.newest = core.newest.max(place.index);
        match &self.role {
            Role::Follower(follower) => {
                let Some(leader) = follower.leader else { return };
                if core.in_sync() {
                    let after = serial.max(core.after_accept());
                    core.send(leader, Say::Ack { matched: place.index }, after, out);
                } else {
                    core.ack_epoch(leader, out);
                }
            }
            Role::Prospect(Prospect { phase: Phase::Pulling { .. }, .. }) => {
                self.pull_again(now, out);
            }
            Role::Prospect(_) | Role::Leader(_) => {}
        }
    }
}

impl Leader {
    /// Names who needs a checkpoint and is there to get it.
    pub(super) fn name_behind(&self, now: Time, core: &Core, out: &mut Outbox) {
        for (id, peer) in &self.peers {
            let there = now.since(peer.progress.heard) < core.timing.election;
            if there && peer.progress.pin().is_some() {
                out.behind.push((*id, peer.progress.matched()));
            }
        }
    }

    /// Up to where every follower has the log on its disk.
    fn had_by_all(&self) -> Index {
        let matched = self.peers.values().map(|peer| peer.progress.matched());
        matched.min().unwrap_or(Index(u64::MAX))
    }

    /// Where the log must not begin later, so that those who are given a checkpoint
    /// can go on from it.
    fn pin(&self, now: Time, core: &Core) -> Option<Index> {
        let peers = self.peers.values().map(|peer| &peer.progress);
        let there = peers.filter(|progress| now.since(progress.heard) < core.timing.election);
        there.filter_map(|progress| progress.pin()).min()
    }
}
