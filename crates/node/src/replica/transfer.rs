//! Handing leadership over: because somebody asks for it, or because this node leaves.

use super::{Replica, Turn};
use crate::event::{Answer, Refused};
use base::{AskId, NodeId};
use consensus::contract::Input;

impl Replica {
    /// Hands over what it leads to whoever is best placed.
    pub(crate) fn leave(&mut self, turn: &mut Turn<'_>) {
        if self.leads() {
            self.step(turn, Input::Transfer { to: None });
        }
    }

    /// Hands over what it leads to `to`, if that may lead; somebody may wait for it.
    pub(crate) fn hand_over(&mut self, turn: &mut Turn<'_>, to: NodeId, id: Option<AskId>) {
        self.step(turn, Input::Transfer { to: Some(to) });
        let Some(id) = id else { return };
        if self.protocol.status().transfer == Some(to) {
            self.moves.push((id, to));
        } else {
            self.reply(turn, id, Answer::Refused(Refused::BadTransferee));
        }
    }

    /// Who leads was told: whoever waited for that hears it.
    pub(super) fn on_moved(&mut self, turn: &mut Turn<'_>) {
        let Some(leader) = self.lead.leader else { return };
        for (id, to) in core::mem::take(&mut self.moves) {
            let answer = if leader == to {
                base::sometimes!(LeadershipMoved);
                Answer::Moved
            } else {
                Answer::Refused(Refused::TimedOut)
            };
            self.reply(turn, id, answer);
        }
    }
}
