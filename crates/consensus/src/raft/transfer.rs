//! Leadership that is handed over while the leader lives (dissertation, 3.10):
//! no more proposals, the follower gets all there is, and then stands at once.
//!
//! Reads stay safe: none is answered by the assumption that a live leader
//! cannot be replaced, each is by a round that a majority answered in this term.

use super::Raft;
use super::message::Say;
use super::state::{Core, Leader, Role};
use crate::contract::Outbox;
use crate::handover::Transfer;
use crate::progress::Progress;
use base::{NodeId, Time, sometimes};
use core::cmp::Reverse;

impl Raft {
    pub(super) fn transfer(&mut self, now: Time, to: Option<NodeId>, out: &mut Outbox) {
        let Role::Leader(leader) = &mut self.role else {
            return out.drop_letter("only a leader hands over");
        };
        if leader.transfer.is_some() {
            return out.drop_letter("a transfer is under way");
        }
        let to = to.or_else(|| leader.best_placed(now, &self.core));
        let able = |to: &NodeId| leader.progress.get(to).is_some_and(|it| !it.is_mute());
        match to.filter(able) {
            Some(to) => {
                let deadline = now + self.core.timing.election;
                leader.transfer = Some(Transfer { to, deadline, told: false });
            }
            None => out.drop_letter("nobody to hand over to"),
        }
    }

    /// The leader hands over: no pre-vote, and votes that stickiness does not
    /// refuse. Everything else is an election like any other.
    pub(super) fn on_timeout_now(&mut self, now: Time, from: NodeId, out: &mut Outbox) {
        if self.on_leader(now, from, out).is_none() {
            return;
        }
        if self.core.mute {
            return out.drop_letter("this replica is mute");
        }
        sometimes!(ToldToStand);
        self.leave_role(None, out);
        self.stand(now, true, out);
    }
}

impl Leader {
    /// Who needs least, of those who are there.
    fn best_placed(&self, now: Time, core: &Core) -> Option<NodeId> {
        let there = |progress: &Progress| {
            !progress.is_mute()
                && progress.pin().is_none()
                && now.since(progress.heard) < core.timing.election
        };
        let candidates = self.progress.iter().filter(|(_, progress)| there(progress));
        candidates
            .max_by_key(|(peer, progress)| (progress.matched(), Reverse(**peer)))
            .map(|(peer, _)| *peer)
    }

    /// Tells the next leader to stand, as soon as it has the whole log.
    pub(super) fn hand_over(&mut self, core: &Core, out: &mut Outbox) {
        let Some(transfer) = self.transfer.as_mut().filter(|transfer| !transfer.told) else {
            return;
        };
        let matched = self.progress.get(&transfer.to).map(Progress::matched);
        if matched == Some(core.log.last().index) {
            transfer.told = true;
            core.send(transfer.to, Say::TimeoutNow, core.promised, out);
        }
    }
}
