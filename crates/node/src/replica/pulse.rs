//! When this replica should stand for leader: the trigger, and what it is told.

use super::{Replica, Turn};
use base::NodeId;
use consensus::contract::Input;
use consensus::trigger::{Own, Pulse};

impl Replica {
    /// A beat: what the other nodes are to be told of this replica.
    pub(crate) fn beat(&mut self, turn: &mut Turn<'_>) -> Pulse {
        let own = self.own();
        if let Some(quorum) = self.trigger.beat(turn.now, &own) {
            self.step(turn, Input::Reach { quorum });
        }
        self.trigger.pulse(turn.now, &own)
    }

    /// Another replica's pulse. A leader that says that it leads no more is as
    /// good as gone.
    pub(crate) fn on_pulse(
        &mut self,
        turn: &mut Turn<'_>,
        from: NodeId,
        both_ways: bool,
        pulse: Pulse,
    ) {
        if self.trigger.on_pulse(turn.now, from, both_ways, pulse, &self.own()) {
            base::sometimes!(Abdicated);
            self.step(turn, Input::Link { peer: from, up: false });
        }
    }

    /// Claims, if it is time.
    pub(super) fn maybe_claim(&mut self, turn: &mut Turn<'_>) {
        if self.trigger.deadline().is_some_and(|due| due <= turn.now)
            && self.trigger.claims(turn.now, &self.own())
        {
            self.step(turn, Input::Claim);
        }
    }

    fn own(&self) -> Own {
        let (status, heard) = (self.protocol.status(), self.protocol.heard());
        Own { ballot: status.ballot, leader: status.leader, heard, last: self.protocol.last() }
    }
}
