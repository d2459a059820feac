//! Leadership that is handed over while the leader lives: no more proposals, the
//! next leader gets all there is, and then prepares a ballot at once.
//!
//! Reads stay safe: none is answered by the assumption that a live leader cannot be
//! replaced, each is by a round that a majority answered under this ballot.

use super::Paxos;
use super::message::Say;
use super::state::{Core, Leader, Role};
use crate::contract::Outbox;
use crate::handover::Transfer;
use crate::progress::Progress;
use base::{NodeId, Time, sometimes};
use core::cmp::Reverse;

impl Paxos {
    pub(super) fn transfer(&mut self, now: Time, to: Option<NodeId>, out: &mut Outbox) {
        let Role::Leader(leader) = &mut self.role else {
            return out.drop_letter("only a leader hands over");
        };
        if leader.transfer.is_some() {
            return out.drop_letter("a transfer is under way");
        }
        let to = to.or_else(|| leader.best_placed(now, &self.core));
        let able = |to: &NodeId| leader.peers.get(to).is_some_and(|it| !it.flow.is_mute());
        match to.filter(able) {
            Some(to) => {
                let deadline = now + self.core.timing.election;
                leader.transfer = Some(Transfer { to, deadline, told: false });
            }
            None => out.drop_letter("nobody to hand over to"),
        }
    }

    /// The leader hands over: no canvass, and promises that stickiness does not
    /// refuse. Everything else is a prepare like any other.
    pub(super) fn on_take_over(&mut self, now: Time, from: NodeId, out: &mut Outbox) {
        if self.core.mute {
            return out.drop_letter("this replica is mute");
        }
        self.on_leader(now, from, out);
        sometimes!(ToldToStand);
        self.leave_role(None, out);
        self.prepare(now, true, out);
    }
}

impl Leader {
    /// Who needs least, of those who are there.
    fn best_placed(&self, now: Time, core: &Core) -> Option<NodeId> {
        let there = |flow: &Progress| {
            let near = now.since(flow.heard) < core.timing.election;
            !flow.is_mute() && flow.pin().is_none() && near
        };
        let candidates = self.peers.iter().filter(|(_, peer)| there(&peer.flow));
        candidates.max_by_key(|(id, peer)| (peer.flow.matched(), Reverse(**id))).map(|(id, _)| *id)
    }

    /// Tells the next leader to stand, as soon as it has accepted all there is.
    pub(super) fn hand_over(&mut self, core: &Core, out: &mut Outbox) {
        let Some(transfer) = self.transfer.as_mut().filter(|transfer| !transfer.told) else {
            return;
        };
        let matched = self.peers.get(&transfer.to).map(|peer| peer.flow.matched());
        if matched == Some(core.end()) {
            transfer.told = true;
            core.send(transfer.to, Say::TakeOver, core.promise, out);
        }
    }
}
