//! Whether this node may vote: what it asks the others, and what it tells them.

use super::Lane;
use crate::event::{Action, Note};
use crate::job::Job;
use crate::replica::Replica;
use crate::standing::Standing;
use crate::wire::Say;
use alloc::vec::Vec;
use base::{GroupId, Incarnation, NodeId, Time};
use consensus::contract::Input;

impl Lane {
    /// Asks those who have not answered yet.
    pub(super) fn ask_standing(&mut self) {
        let Some(directory) = self.groups.get(&GroupId::DIRECTORY) else { return };
        let others = self.own.bootstrap.members.iter().filter(|it| it.id != self.own.me);
        for peer in others.filter(|peer| self.standing.asks(peer.id)) {
            self.mail.say(directory.sender(), peer.id, Say::WhoAmI);
        }
    }

    /// Another node asks whether it is known with another disk.
    pub(super) fn on_who_am_i(&mut self, from: NodeId, asked: Incarnation) {
        let Some(directory) = self.groups.get(&GroupId::DIRECTORY) else { return };
        if self.is_healing() {
            // What was known here may be among what was lost.
            return;
        }
        let known = directory.life_of(from);
        self.mail.say(directory.sender(), from, Say::YouAre { asked, known });
    }

    /// Another node has answered.
    pub(super) fn on_you_are(
        &mut self,
        from: NodeId,
        asked: Incarnation,
        known: Option<Incarnation>,
        out: &mut Vec<Action>,
    ) {
        if !self.standing.on_answer(from, asked, known) {
            return;
        }
        if self.standing == Standing::Lost {
            return out.push(Action::Note(Note::Mute));
        }
        out.push(Action::Job(Job::unmute()));
    }

    /// It is written down that this node may vote.
    pub(super) fn on_unmuted(&mut self, now: Time, out: &mut Vec<Action>) {
        self.standing.on_written();
        if !self.is_healing() {
            self.each(now, out, Replica::unmute);
        }
    }
}

impl Replica {
    pub(super) fn unmute(&mut self, turn: &mut crate::replica::Turn<'_>) {
        self.mute = false;
        self.healing = None;
        self.step(turn, Input::Unmute);
    }
}
