//! The leases of one keyspace as a node sees them: the leader's count of their
//! time, and the questions to the leader that this node's clients wait for.

use crate::event::{LeaseAsk, LeaseTold};
use crate::wire::Ticket;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use base::{AskId, Time};
use core::time::Duration;
use kv::expiry::Expiry;
use kv::machine::Machine;

/// Leases whose end is proposed in one turn.
const ENDS_PER_TURN_MAX: usize = 500;

/// What became of a question about a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// This is known of it.
    Told(LeaseTold),
    /// Its end is proposed and not decided: ask again later.
    Ending,
    /// This node does not lead, or not yet.
    NotHere,
}

#[derive(Debug)]
struct Call {
    id: AskId,
    ask: LeaseAsk,
    asked: Time,
}

/// The leases of one keyspace as a node sees them.
#[derive(Debug)]
pub(crate) struct Leases {
    /// Only while this node leads and an entry of its own ballot is applied.
    expiry: Option<Expiry>,
    /// Leases whose end is proposed, by the number of the proposal.
    ending: BTreeMap<u64, Vec<i64>>,
    proposals: u64,
    /// When the next end may be proposed.
    patient_until: Time,
    /// Questions on their way to the leader. Asking twice is harmless: a
    /// renewal that is repeated late only makes a lease live longer.
    calls: BTreeMap<Ticket, Call>,
    /// Questions for which no leader is known.
    parked: Vec<(AskId, LeaseAsk)>,
    last: Ticket,
}

impl Leases {
    /// None yet, in a life of the process that this random number names.
    pub(crate) const fn new(life: u64) -> Self {
        Self {
            expiry: None,
            ending: BTreeMap::new(),
            proposals: 0,
            patient_until: Time::ZERO,
            calls: BTreeMap::new(),
            parked: Vec::new(),
            last: Ticket { life, number: 0 },
        }
    }

    /// Whether this node leads and serves. Each lease has its full time from
    /// the moment it begins to: renewals that another leader acknowledged are
    /// not known here.
    pub(crate) fn serve(&mut self, serves: bool, machine: &Machine, now: Time) {
        let counts = base::mutant!(LeaseNotExtended, serves, true);
        if !counts {
            self.expiry = None;
            self.ending.clear();
        } else if self.expiry.is_none() {
            let mut expiry = Expiry::new();
            expiry.on_lead(machine.leases(), now);
            self.expiry = Some(expiry);
        }
    }

    /// An entry granted a lease.
    pub(crate) fn granted(&mut self, lease: kv::command::LeaseGrant, now: Time) {
        if let Some(expiry) = &mut self.expiry {
            expiry.granted(lease, now);
        }
    }

    /// An entry ended these.
    pub(crate) fn ended(&mut self, ids: &[i64]) {
        if let Some(expiry) = &mut self.expiry {
            ids.iter().for_each(|id| expiry.revoked(*id));
        }
    }

    /// Answers a question, after a round of leadership that began after it.
    pub(crate) fn answer(&mut self, ask: LeaseAsk, machine: &Machine, now: Time) -> Verdict {
        let Some(expiry) = &mut self.expiry else { return Verdict::NotHere };
        let counted = || expiry.remaining(ask.id, now).is_some();
        if !base::mutant!(RenewedAfterRevoke, machine.has_lease(ask.id), counted()) {
            expiry.revoked(ask.id);
            return Verdict::Told(LeaseTold { ttl_s: 0, remaining_ms: 0 });
        }
        let ttl_s = match ask.renew {
            true => expiry.renewed(ask.id, now),
            false => machine.lease(ask.id).map(|lease| lease.ttl_s),
        };
        let Some(ttl_s) = ttl_s else {
            base::sometimes!(LeaseEnding);
            return Verdict::Ending;
        };
        let remaining = expiry.remaining(ask.id, now).unwrap_or_default();
        let remaining_ms = u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX);
        Verdict::Told(LeaseTold { ttl_s, remaining_ms })
    }

    /// Leases whose end is to be proposed now, and the number of the proposal.
    pub(crate) fn due(&mut self, machine: &Machine, now: Time) -> Option<(u64, Vec<i64>)> {
        if now < self.patient_until {
            return None;
        }
        let expiry = self.expiry.as_mut()?;
        let (live, gone): (Vec<i64>, Vec<i64>) =
            expiry.due(now, ENDS_PER_TURN_MAX).into_iter().partition(|id| machine.has_lease(*id));
        gone.into_iter().for_each(|id| expiry.revoked(id));
        if live.is_empty() {
            return None;
        }
        self.proposals += 1;
        self.ending.insert(self.proposals, live.clone());
        Some((self.proposals, live))
    }

    /// What became of a proposal: decided, or certain never to be. Then the
    /// leases are due again, after a while.
    pub(crate) fn on_ending(&mut self, number: u64, done: bool, again: Time) {
        let Some(ids) = self.ending.remove(&number) else { return };
        if let Some(expiry) = self.expiry.as_mut().filter(|_| !done) {
            expiry.withdrawn(&ids);
            self.patient_until = again;
        }
    }

    /// Notes a question that goes to the leader; says the name of its answer.
    pub(crate) fn call(&mut self, id: AskId, ask: LeaseAsk, asked: Time) -> Ticket {
        self.last.number += 1;
        self.calls.insert(self.last, Call { id, ask, asked });
        self.last
    }

    /// The leader's answer has come; `None` if nobody waits for it.
    pub(crate) fn on_told(&mut self, ticket: Ticket) -> Option<(AskId, LeaseAsk)> {
        self.calls.remove(&ticket).map(|call| (call.id, call.ask))
    }

    /// Keeps a question until a leader is known.
    pub(crate) fn park(&mut self, id: AskId, ask: LeaseAsk) {
        self.parked.push((id, ask));
    }

    /// The questions that can be asked again.
    pub(crate) fn unpark(&mut self) -> Vec<(AskId, LeaseAsk)> {
        core::mem::take(&mut self.parked)
    }

    /// Whether questions wait to be asked.
    pub(crate) const fn any_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// Parks the questions that were asked before `since`: they, or their
    /// answers, were lost.
    pub(crate) fn retry(&mut self, since: Time) {
        let Self { calls, parked, .. } = self;
        calls.retain(|_, call| {
            let keep = call.asked > since;
            if !keep {
                parked.push((call.id, call.ask));
            }
            keep
        });
    }

    /// Nobody waits for these any more.
    pub(crate) fn forget(&mut self, asks: &BTreeSet<AskId>) {
        self.calls.retain(|_, call| !asks.contains(&call.id));
        self.parked.retain(|(id, _)| !asks.contains(id));
    }

    /// When an end is to be proposed, or a question asked again.
    pub(crate) fn deadline(&self, patience: Duration) -> Option<Time> {
        let due = self.expiry.as_ref().and_then(Expiry::deadline);
        let due = due.map(|due| due.max(self.patient_until));
        let retry = self.calls.values().next().map(|oldest| oldest.asked + patience);
        base::time::earliest(due, retry)
    }
}

impl Verdict {
    /// What another node is told.
    pub(crate) const fn told(self) -> Option<LeaseTold> {
        match self {
            Self::Told(told) => Some(told),
            Self::Ending | Self::NotHere => None,
        }
    }
}
