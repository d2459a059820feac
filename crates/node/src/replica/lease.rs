//! The leases of the group's keyspace: questions to the leader and the end of
//! what is not renewed.

use super::{Replica, Turn};
use crate::event::{Answer, LeaseAsk, LeaseTold};
use crate::leases::Verdict;
use crate::machine::Look;
use crate::reads::Who;
use crate::wire::{Say, Ticket};
use crate::writes::Owner;
use alloc::vec::Vec;
use base::{AskId, NodeId, Time};
use kv::command::{Command, Envelope, LeaseGrant, OpReply, Reply};

impl Replica {
    /// A client asks about a lease: here if this node leads, else at the leader.
    pub(crate) fn lease(&mut self, turn: &mut Turn<'_>, id: AskId, ask: LeaseAsk) {
        self.dirty = true;
        match self.lead.leader {
            Some(leader) if leader == self.me => base::mutant!(
                RenewedWithoutQuorum,
                self.read(Who::Client(id), Look::Lease(ask)),
                self.serve_lease(turn, Who::Client(id), ask)
            ),
            Some(leader) => {
                let ticket = self.leases.call(id, ask, turn.now);
                turn.mail.say(self.sender, leader, Say::Lease { ticket, ask });
            }
            None => self.leases.park(id, ask),
        }
    }

    /// Another node asks about a lease.
    pub(crate) fn on_lease(
        &mut self,
        turn: &mut Turn<'_>,
        from: NodeId,
        ticket: Ticket,
        ask: LeaseAsk,
    ) {
        if self.leads() {
            self.read(Who::Peer(from, ticket), Look::Lease(ask));
        } else {
            turn.mail.say(self.sender, from, Say::Leased { ticket, told: None });
        }
    }

    /// The leader answers, or says that it is none.
    pub(crate) fn on_leased(
        &mut self,
        turn: &mut Turn<'_>,
        ticket: Ticket,
        told: Option<LeaseTold>,
    ) {
        match (self.leases.on_told(ticket), told) {
            (Some((id, ask)), Some(told)) => self.tell_lease(turn, id, ask, told),
            (Some((id, ask)), None) => self.leases.park(id, ask),
            (None, _) => {}
        }
    }

    /// A round of leadership that began after the question has passed.
    pub(super) fn serve_lease(&mut self, turn: &mut Turn<'_>, who: Who, ask: LeaseAsk) {
        let Some(machine) = self.machine.keyspace() else { return };
        let verdict = self.leases.answer(ask, machine, turn.now);
        match (who, verdict) {
            (Who::Peer(from, ticket), verdict) => {
                turn.mail.say(self.sender, from, Say::Leased { ticket, told: verdict.told() });
            }
            (Who::Client(id), Verdict::Told(told)) => self.tell_lease(turn, id, ask, told),
            (Who::Client(id), Verdict::Ending | Verdict::NotHere) => self.leases.park(id, ask),
            // Neither asks about a lease.
            (Who::Weak(_) | Who::Replica, _) => {}
        }
    }

    /// A renewal is answered; whoever asks for the keys as well reads them
    /// from a state that is as new as the leader's word.
    fn tell_lease(&mut self, turn: &mut Turn<'_>, id: AskId, ask: LeaseAsk, told: LeaseTold) {
        if ask.renew || told.ttl_s == 0 {
            self.reply(turn, id, Answer::Lease { told, keys: Vec::new() });
        } else {
            self.read(Who::Client(id), Look::LeaseKeys(ask, told));
        }
    }

    /// What an applied entry says about leases.
    pub(super) fn leases_applied(&mut self, now: Time, answer: Option<&Answer>) {
        let Some(Answer::Kv(Reply { result: Ok(reply), .. })) = answer else { return };
        match reply {
            OpReply::LeaseGrant { id, ttl_s } => {
                self.leases.granted(LeaseGrant { id: *id, ttl_s: *ttl_s }, now);
            }
            OpReply::LeaseExpire { ended } => self.leases.ended(ended),
            _ => {}
        }
    }

    /// Proposes the end of what is due, if this node leads and serves.
    pub(super) fn end_leases(&mut self, turn: &mut Turn<'_>) {
        let serves = self.leads() && self.protocol.status().serves;
        let Some(machine) = self.machine.keyspace() else { return };
        self.leases.serve(serves, machine, turn.now);
        let Some((number, ids)) = self.leases.due(machine, turn.now) else { return };
        let envelope = Envelope { keyspace: machine.keyspace(), ..Envelope::default() };
        let body = kv::encode::encode(&envelope, &Command::LeaseExpire { ids });
        match self.propose(turn, body) {
            Ok((index, ballot)) => self.writes.place(Owner::Ending(number), index, ballot),
            Err(_) => self.leases.on_ending(number, false, turn.now + self.patience),
        }
    }
}
