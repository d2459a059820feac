//! What clients and other nodes want written.

use super::{Replica, Turn};
use crate::event::Refused;
use crate::forwards::Seen;
use crate::wire::{NotProposed, Say, Ticket};
use crate::writes::{Outcome, Owner};
use alloc::vec::Vec;
use base::{AskId, Ballot, Index, NodeId};
use bytes::Bytes;
use consensus::contract::{Answer, Input, Refusal};
use consensus::entry::EntryKind;
use core::time::Duration;
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
                let ticket = self.writes.forward(owner, leader, body.clone());
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
        if turn.wal.pending_bytes() > self.limits.pending_bytes {
            // What waits for a disk that hangs must not grow in memory. The others
            // choose without it, so one whose disk works should lead.
            base::sometimes!(DiskBehind);
            self.leave(turn);
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
    /// the first one has it. Whoever is told "not proposed" tries again elsewhere,
    /// so that must be certain.
    pub(crate) fn on_forward(
        &mut self,
        turn: &mut Turn<'_>,
        from: NodeId,
        ticket: Ticket,
        ballot: Ballot,
        body: Bytes,
    ) {
        let say = match self.forwards.take(ballot, from, ticket) {
            Seen::Before => return,
            Seen::Perhaps => Say::Forwarded { ticket, place: None },
            Seen::Never => match self.propose_for(turn, ballot, body) {
                Ok(place) => base::mutant!(
                    ProposedAndDenied,
                    Say::Forwarded { ticket, place: Some(place) },
                    Say::NotProposed { ticket, why: NotProposed::NotLeader }
                ),
                Err(why) => Say::NotProposed { ticket, why },
            },
        };
        turn.mail.say(self.sender, from, say);
    }

    /// Proposes what another node forwards, if this node leads as that believes.
    fn propose_for(
        &mut self,
        turn: &mut Turn<'_>,
        ballot: Ballot,
        body: Bytes,
    ) -> Result<(Index, Ballot), NotProposed> {
        let stays = self.protocol.status().transfer.is_none();
        if !stays || !self.leads() || self.lead.ballot != ballot {
            return Err(NotProposed::NotLeader);
        }
        let Some(frees) = self.machine.frees(&body) else {
            return Err(NotProposed::NotUnderstood);
        };
        if !turn.room.admits(frees, turn.wal.room().saturating_sub(body.len() as u64)) {
            return Err(NotProposed::NoSpace);
        }
        self.propose(turn, body).map_err(|why| match why {
            Refusal::NotLeader(_) => NotProposed::NotLeader,
            Refusal::Busy => NotProposed::Busy,
        })
    }

    /// A command that was forwarded is not proposed: it may be tried again.
    pub(crate) fn on_not_proposed(
        &mut self,
        turn: &mut Turn<'_>,
        from: NodeId,
        ticket: Ticket,
        why: NotProposed,
    ) {
        let still = self.lead.leader == Some(from);
        let after = if still { turn.now + self.doubt() } else { turn.now };
        let outcome = self.writes.on_not_proposed(from, ticket, why, after);
        self.dirty = true;
        self.tell(turn, outcome.into_iter().collect());
    }

    /// A connection to another node is open or closed: what is on its way
    /// through it may be lost.
    pub(crate) fn on_link(&mut self, turn: &mut Turn<'_>, peer: NodeId, up: bool) {
        self.step(turn, Input::Link { peer, up });
        if !up {
            let mut told = Vec::new();
            self.writes.on_lost(peer, &mut told);
            self.tell(turn, told);
        }
    }

    /// How long the word of a leader of the past is waited for, and how long a
    /// leader that takes nothing is left alone.
    pub(super) fn doubt(&self) -> Duration {
        self.patience / 4
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
