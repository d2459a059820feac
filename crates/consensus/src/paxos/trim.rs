//! Where the log begins: what a checkpoint makes superfluous and who needs it still,
//! and a checkpoint that takes the place of what is chosen here.

use super::Paxos;
use super::message::Say;
use super::state::{Core, Leader, Role};
use crate::contract::Outbox;
use crate::entry::Place;
use base::{Index, Time, mutant, sometimes};

impl Paxos {
    /// A checkpoint at `upto` is on this disk. While an acceptor is given one, the
    /// log goes on from there, unless that takes too much.
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
    /// takes too much. In a step that chooses nothing: what was chosen before is
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

    /// The state machine stands at `place` now. What was accepted above it stays:
    /// each place is a promise of its own. A leader that has not come so far was
    /// replaced and did not know it yet.
    pub(super) fn restore(&mut self, now: Time, place: Place, clock: u64, out: &mut Outbox) {
        if !self.takes(place) {
            return out.drop_letter("a checkpoint that leads no further");
        }
        if matches!(self.role, Role::Leader(_)) && self.core.end() < place.index {
            self.follow(now, None, out);
        }
        let core = &mut self.core;
        if core.window.end() > place.index {
            sometimes!(RestoreKeptLog);
        } else {
            sometimes!(RestoreVoidedLog);
        }
        core.restore(place, clock, out);
        let Role::Follower(follower) = &self.role else { return };
        if let Some(leader) = follower.leader {
            let (matched, prev) = (self.core.held, self.core.held);
            let after = self.core.written.max(self.core.promise);
            let say = Say::Accepted { prev, matched, beyond: [].into() };
            self.core.send(leader, say, after, out);
        }
    }
}

impl Core {
    fn restore(&mut self, place: Place, clock: u64, out: &mut Outbox) {
        self.written = self.log.skip_to(place, clock, out);
        self.window.skip_to(place.index);
        self.newest = self.newest.max(place.index);
        self.sound = self.sound.max(place.index);
        self.held = self.held.max(place.index);
        self.hold();
    }
}

impl Leader {
    /// Names who needs a checkpoint and is there to get it.
    pub(super) fn name_behind(&self, now: Time, core: &Core, out: &mut Outbox) {
        for (id, peer) in &self.peers {
            let there = now.since(peer.flow.heard) < core.timing.election;
            if there && peer.flow.pin().is_some() {
                out.behind.push((*id, peer.flow.matched()));
            }
        }
    }

    /// Up to where every acceptor has the log on its disk.
    fn had_by_all(&self) -> Index {
        let matched = self.peers.values().map(|peer| peer.flow.matched());
        matched.min().unwrap_or(Index(u64::MAX))
    }

    /// Where the log must not begin later, so that those who are given a
    /// checkpoint can go on from it.
    fn pin(&self, now: Time, core: &Core) -> Option<Index> {
        let flows = self.peers.values().map(|peer| &peer.flow);
        let there = flows.filter(|flow| now.since(flow.heard) < core.timing.election);
        there.filter_map(|flow| flow.pin()).min()
    }
}
