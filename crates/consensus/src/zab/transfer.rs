//! Leadership that is handed over while the leader lives: no more proposals, the
//! follower gets all there is, and then claims the next epoch at once.
//!
//! Reads stay safe: none is answered by the assumption that a live leader cannot be
//! replaced, each is by a round that a majority answered in this epoch.

use super::Zab;
use super::message::Say;
use super::state::{Core, Leader, Peer, Role, Stage};
use crate::contract::Outbox;
use crate::handover::Transfer;
use base::{NodeId, Time, sometimes};
use core::cmp::Reverse;

impl Zab {
    pub(super) fn transfer(&mut self, now: Time, to: Option<NodeId>, out: &mut Outbox) {
        let Role::Leader(leader) = &mut self.role else {
            return out.drop_letter("only a leader hands over");
        };
        if leader.transfer.is_some() || !leader.established {
            return out.drop_letter("a transfer is under way, or nothing to hand over yet");
        }
        let to = to.or_else(|| leader.best_placed(now, &self.core));
        let able = |to: &NodeId| leader.peers.get(to).is_some_and(|it| !it.progress.is_mute());
        match to.filter(able) {
            Some(to) => {
                let deadline = now + self.core.timing.election;
                leader.transfer = Some(Transfer { to, deadline, told: false });
            }
            None => out.drop_letter("nobody to hand over to"),
        }
    }

    /// The leader hands over: the others are asked for their promise though it lives.
    /// Everything else is a claim like any other.
    pub(super) fn on_hand_over(&mut self, now: Time, out: &mut Outbox) {
        if self.core.mute || !self.core.in_sync() {
            return out.drop_letter("this replica is mute, or not in sync");
        }
        sometimes!(ToldToStand);
        self.leave_role(None, out);
        self.claim(now, self.core.promised.round, true, out);
    }
}

impl Leader {
    /// Who needs least, of those who are there.
    fn best_placed(&self, now: Time, core: &Core) -> Option<NodeId> {
        let there = |peer: &Peer| {
            !peer.progress.is_mute()
                && peer.stage == Stage::Synced
                && now.since(peer.progress.heard) < core.timing.election
        };
        let candidates = self.peers.iter().filter(|(_, peer)| there(peer));
        candidates
            .max_by_key(|(id, peer)| (peer.progress.matched(), Reverse(**id)))
            .map(|(id, _)| *id)
    }

    /// Tells the next leader to claim, as soon as it has the whole log.
    pub(super) fn hand_over(&mut self, core: &Core, out: &mut Outbox) {
        let Some(transfer) = self.transfer.as_mut().filter(|transfer| !transfer.told) else {
            return;
        };
        let peer = self.peers.get(&transfer.to).filter(|peer| peer.stage == Stage::Synced);
        if peer.map(|peer| peer.progress.matched()) == Some(core.log.last().index) {
            transfer.told = true;
            core.send(transfer.to, Say::HandOver, core.promised_by, out);
        }
    }
}
