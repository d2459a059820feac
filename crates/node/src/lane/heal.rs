//! A log that lost something is healed from the other nodes: what this node asks
//! them, what it tells them, and what happens when all of its replicas are whole.

use super::Lane;
use crate::event::{Action, Note};
use crate::job::Job;
use crate::replica::{Replica, Turn};
use crate::standing::Standing;
use crate::wire::Say;
use alloc::vec::Vec;
use base::{NodeId, Serial, Time};
use consensus::contract::Input;
use consensus::heal::SoFar;

/// How far a node is that lost part of its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// It has lost nothing, or is whole again.
    Whole,
    /// Its replicas lack something.
    Lacking,
    /// None does: the vote that each could still break is being written down.
    Vowing(Serial),
    /// That is durable: what says that something is lacking is being removed.
    Closing,
}

impl Stage {
    pub(super) const fn new(healing: bool) -> Self {
        if healing { Self::Lacking } else { Self::Whole }
    }
}

impl Lane {
    /// Whether what this node has promised is not all on its disk.
    #[must_use]
    pub fn is_healing(&self) -> bool {
        self.heal != Stage::Whole
    }

    /// Once every replica is whole, the node is.
    pub(super) fn end_healing(&mut self, now: Time, out: &mut Vec<Action>) {
        // Every replica is asked: each must see its own moment.
        let lacking = |replica: &mut Replica| usize::from(!replica.is_whole());
        if self.heal == Stage::Lacking && self.groups.values_mut().map(lacking).sum::<usize>() == 0
        {
            self.each(now, out, |replica, turn| replica.step(turn, Input::Vow));
            self.heal = Stage::Vowing(self.wal.last_serial());
        }
        if let Stage::Vowing(serial) = self.heal
            && serial <= self.durable
        {
            self.heal = Stage::Closing;
            out.push(Action::Job(Job::healed()));
        }
    }

    /// It is written down that this node is whole.
    pub(super) fn on_healed(&mut self, now: Time, out: &mut Vec<Action>) {
        base::sometimes!(Healed);
        self.heal = Stage::Whole;
        self.damage = None;
        out.push(Action::Note(Note::Healed));
        if self.standing == Standing::Voter {
            self.each(now, out, Replica::unmute);
        }
    }
}

impl Replica {
    /// Asks all others how far they are, as long as it matters.
    pub(crate) fn ask_how_far(&mut self, turn: &mut Turn<'_>) {
        let Some(healing) = &self.healing else { return };
        for peer in turn.own.bootstrap.members.iter().filter(|it| it.id != turn.own.me) {
            turn.mail.say(self.sender(), peer.id, Say::HowFar { ctx: healing.ctx() });
        }
    }

    /// Another replica has lost part of its log and asks.
    pub(crate) fn on_how_far(&mut self, turn: &mut Turn<'_>, from: NodeId, ctx: u64) {
        let said = SoFar::new(ctx, &self.protocol_status());
        turn.mail.say(self.sender(), from, Say::SoFar(said));
    }

    /// It has answered.
    pub(crate) fn on_so_far(&mut self, from: NodeId, said: SoFar) {
        if let Some(healing) = &mut self.healing {
            healing.on_answer(from, said);
        }
    }

    fn is_whole(&mut self) -> bool {
        let status = self.protocol_status();
        self.healing.as_mut().is_none_or(|healing| healing.is_whole(&status))
    }
}
