//! The pulse of a node: what the others are told at every beat, and what they tell.

use super::Lane;
use crate::event::Action;
use crate::wire::Say;
use alloc::vec::Vec;
use base::{GroupId, NodeId, Time};
use consensus::trigger::Pulse;

impl Lane {
    /// Tells every other node whether it is heard, and of every group what the
    /// trigger of its elections asks for.
    pub(super) fn send_pulses(&mut self, now: Time, out: &mut Vec<Action>) {
        let mut groups = Vec::with_capacity(self.groups.len());
        self.each(now, out, |replica, turn| {
            let group = replica.sender().group;
            groups.push((group, replica.beat(turn)));
        });
        let Some(directory) = self.groups.get(&GroupId::DIRECTORY) else { return };
        for peer in self.own.bootstrap.members.iter().filter(|it| it.id != self.own.me) {
            let hears = self.fabric.hears(now, peer.id);
            let say = Say::Pulse { hears, groups: groups.clone() };
            self.mail.say(directory.sender(), peer.id, say);
        }
    }

    /// Another node's pulse. The link works both ways if that node hears this one.
    pub(super) fn on_pulse(
        &mut self,
        now: Time,
        from: NodeId,
        (hears, groups): (bool, Vec<(GroupId, Pulse)>),
        out: &mut Vec<Action>,
    ) {
        self.fabric.on_pulse(now, from);
        for (group, pulse) in groups {
            self.one(now, out, group, |replica, turn| replica.on_pulse(turn, from, hears, pulse));
        }
    }
}
