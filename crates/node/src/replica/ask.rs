//! What clients and other nodes want written.

use super::{Replica, Turn};
use crate::event::Refused;
use crate::wire::{Say, Ticket};
use crate::writes::{Outcome, Owner};
use alloc::vec::Vec;
use base::limits::LOG_PENDING_BYTES_MAX;
use base::{AskId, Ballot, Index, NodeId};
use bytes::Bytes;
use consensus::contract::{Answer, Input, Refusal};
use consensus::entry::EntryKind;
use kv::command::Command;

impl Replica {
    /// A write that somebody waits for: to the log, to the leader, or parked.
    pub(crate) fn write(&mut self, turn: &mut Turn<'_>, owner: Owner, body: Bytes) {
        match self.lead.leader {
            Some(leader) if leader == self.me => match self.propose(turn, body.clone()) {
                Ok((index, ballot)) => self.writes.place(owner, index, ballot),
                Err(Refusal::NotLeader(_)) => self.writes.park(owner, body),
                Err(Refusal::Busy) => {
                    let result = Err(Refused::TooManyRequests);
                    self.tell(turn, Vec::from([Outcome { owner, result }]));
                }
            },
            Some(leader) => {
                let ticket = self.writes.forward(owner, leader);
                let say = Say::Forward { ticket, ballot: self.lead.ballot, body };
                turn.mail.say(self.sender, leader, say);
            }
            None => self.writes.park(owner, body),
        }
    }

    /// Puts a command into the log, if this replica leads.
    pub(super) fn propose(
        &mut self,
        turn: &mut Turn<'_>,
        body: Bytes,
    ) -> Result<(Index, Ballot), Refusal> {
        if turn.wal.pending_bytes() > LOG_PENDING_BYTES_MAX {
            // A log that waits for its next segment must not grow in memory.
            return Err(Refusal::Busy);
        }
        self.proposals += 1;
        let id = AskId(self.proposals);
        self.outbox.serial = turn.wal.last_serial();
        let propose = Input::Propose { id, kind: EntryKind::Command, body };
        self.protocol.step(turn.now, propose, &mut self.outbox);
        let answer = self.outbox.answers.pop();
        self.drain(turn);
        match answer {
            Some(Answer::Accepted { index, ballot, .. }) => Ok((index, ballot)),
            Some(Answer::Refused { why, .. }) => Err(why),
            Some(Answer::ReadAt { .. }) | None => Err(Refusal::NotLeader(None)),
        }
    }

    /// A command that another node forwards. A repeated letter gets no answer:
    /// the first one has it.
    pub(crate) fn on_forward(
        &mut self,
        turn: &mut Turn<'_>,
        from: NodeId,
        ticket: Ticket,
        ballot: Ballot,
        body: Bytes,
    ) {
        let leads = self.leads() && self.lead.ballot == ballot;
        if leads && !self.forwards.take(ballot, from, ticket) {
            return;
        }
        let sound = leads && self.machine.understands(&body);
        let place = if sound { self.propose(turn, body).ok() } else { None };
        turn.mail.say(self.sender, from, Say::Forwarded { ticket, place });
    }

    /// The leader says where a command that was forwarded stands.
    pub(crate) fn on_forwarded(
        &mut self,
        turn: &mut Turn<'_>,
        from: NodeId,
        ticket: Ticket,
        place: Option<(Index, Ballot)>,
    ) {
        let applied = self.machine.applied();
        let outcome = self.writes.on_forwarded(from, ticket, place, applied);
        self.tell(turn, outcome.into_iter().collect());
    }

    /// Whether the keyspace has room for what a command may take; if not, an
    /// alarm is raised at the end of the turn.
    pub(crate) fn has_room(&mut self, command: &Command) -> bool {
        let cost = kv::quota::cost(command);
        let (Some(quota), Some(machine)) = (self.limits.quota, self.machine.keyspace()) else {
            return true;
        };
        let fits = cost == 0 || machine.bytes_held().saturating_add(cost) <= quota;
        self.alarm |= !fits;
        self.dirty |= !fits;
        fits
    }

    /// This ask is answered when the room is free, not when the log says so.
    pub(crate) fn wait_for_room(&mut self, id: AskId) {
        self.physical.insert(id);
    }
}
