//! One caller's mind: what it wants next, and what it learns from what it is told.
//!
//! Ordinary people read and write. Holders make a lease, hang a key on it,
//! renew it for a while and let it end. Whoever numbers its writes asks again
//! under the same number until it knows what became of them.

use crate::ask;
use crate::draw::CallerDraw;
use crate::history::{Number, Op, Outcome, What};
use base::Revision;
use base::prng::Prng;
use core::time::Duration;
use kv::command::{Alarm, AlarmChange, Command, Compact, KvError, LeaseGrant, OpReply, Put, Reply};
use node::event::{Answer, LeaseAsk, Level, Refused};

/// The longest time for which anybody asks for a lease, in seconds.
pub(crate) const TTL_S_MAX: u64 = 2;

/// Leases that people talk about.
const LEASES_KNOWN: usize = 6;

/// What everybody knows.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) draw: CallerDraw,
    pub(crate) prng: Prng,
    /// The newest revision that anybody was told.
    pub(crate) known: Revision,
    /// Whether room is limited.
    pub(crate) quota: bool,
    leases: Vec<i64>,
    alarms: Vec<Alarm>,
    /// Grows with every value: none is written twice.
    pub(crate) values: u64,
}

/// A lease in somebody's hands.
#[derive(Clone, Copy, Debug)]
struct Held {
    id: i64,
    ttl: Duration,
    hung: bool,
    /// How often it is renewed still.
    renewals: u64,
}

/// A caller.
#[derive(Debug)]
pub(crate) struct Person {
    /// The number of its last write, if it numbers them.
    number: Number,
    /// What it asked and does not know to be done or not done.
    again: Option<What>,
    holder: bool,
    held: Option<Held>,
}

impl Common {
    pub(crate) const fn new(draw: CallerDraw, prng: Prng, quota: bool) -> Self {
        let known = Revision(1);
        Self { draw, prng, known, quota, leases: Vec::new(), alarms: Vec::new(), values: 0 }
    }

    pub(crate) fn value(&mut self) -> String {
        self.values += 1;
        let large = self.prng.chance(self.draw.large, 10_000);
        let length = if large { self.prng.between(300_000, 700_000) } else { 0 };
        format!("v{}{}", self.values, "-".repeat(length as usize))
    }

    /// What anybody learns from an answer.
    fn learn(&mut self, answer: &Answer) {
        match answer {
            Answer::Kv(reply) => {
                self.known = self.known.max(reply.revision);
                if let Ok(OpReply::LeaseGrant { id, .. }) = &reply.result {
                    self.leases.push(*id);
                    let old = self.leases.len().saturating_sub(LEASES_KNOWN);
                    self.leases.drain(..old);
                }
            }
            Answer::Alarms(alarms) => self.alarms.clone_from(alarms),
            _ => {}
        }
    }

    fn write(&mut self) -> Command {
        let Self { prng, draw, known, .. } = self;
        if prng.chance(draw.compactions, 10_000) {
            let oldest = known.0.saturating_sub(20);
            let near = Revision(prng.between(oldest, known.0));
            let odd = prng.pick(&[Revision(0), Revision(known.0 + 9)]).copied();
            let revision = odd.filter(|_| prng.chance(1, 10)).unwrap_or(near);
            return Command::Compact(Compact { revision, physical: prng.chance(1, 3) });
        }
        if self.quota && self.prng.chance(1, 12) {
            return self.make_room();
        }
        if self.draw.holders > 0 && self.prng.chance(1, 20) {
            let id = self.some_lease();
            return match self.prng.below(3) {
                0 => Command::LeaseGrant(LeaseGrant { id, ttl_s: 1 }),
                _ => Command::LeaseRevoke { id },
            };
        }
        let value = self.value();
        ask::command(&mut self.prng, self.draw.keys, &value, &self.leases)
    }

    /// What an operator does when room is short.
    fn make_room(&mut self) -> Command {
        match (self.prng.below(3), self.alarms.first()) {
            (0, _) => Command::Compact(Compact { revision: self.known, physical: false }),
            (1, Some(alarm)) => Command::Alarm(AlarmChange { alarm: *alarm, raise: false }),
            _ => Command::DeleteRange(kv::command::DeleteRange {
                range: ask::everything(),
                want_previous: false,
            }),
        }
    }

    fn some_lease(&mut self) -> i64 {
        self.prng.pick(&self.leases).copied().unwrap_or(404)
    }

    fn question(&mut self) -> What {
        if self.draw.holders > 0 && self.prng.chance(1, 10) {
            let id = self.some_lease();
            return match self.prng.below(3) {
                0 => What::Leases,
                1 => What::Lease(LeaseAsk { id, renew: true }),
                _ => What::Lease(LeaseAsk { id, renew: false }),
            };
        }
        if self.quota && self.prng.chance(1, 10) {
            return What::Alarms;
        }
        let query = ask::query(&mut self.prng, self.draw.keys, self.known);
        let weak = self.prng.chance(1, 3);
        What::Read(query, if weak { Level::Serializable } else { Level::Linearizable })
    }
}

impl Person {
    pub(crate) fn new(caller: usize, common: &mut Common) -> Self {
        let numbers = common.prng.chance(common.draw.numbered, 10_000);
        let number = numbers.then_some((caller as u64 + 1, 0));
        Self { number, again: None, holder: caller >= common.draw.callers, held: None }
    }

    /// Whether it must know what became of a write.
    pub(crate) const fn wonders(&self) -> bool {
        self.again.is_some()
    }

    /// What it asks now.
    pub(crate) fn wants(&mut self, common: &mut Common) -> What {
        if let Some(again) = &self.again {
            return again.clone();
        }
        let what = if self.holder {
            self.hold(common)
        } else if common.prng.chance(3, 5) {
            What::Write(common.write(), None)
        } else {
            common.question()
        };
        match (what, &mut self.number) {
            (What::Write(command, _), Some((client, last))) => {
                *last += 1;
                let what = What::Write(command, Some((*client, *last)));
                self.again = Some(what.clone());
                what
            }
            (what, _) => what,
        }
    }

    fn hold(&mut self, common: &mut Common) -> What {
        let Some(held) = &mut self.held else {
            let (id, ttl_s) = (0, common.prng.between(1, TTL_S_MAX));
            return What::Write(Command::LeaseGrant(LeaseGrant { id, ttl_s }), None);
        };
        let id = held.id;
        if !core::mem::replace(&mut held.hung, true) {
            let key = format!("k{}", common.prng.below(common.draw.keys)).into();
            let value = common.value();
            let put = ask::put(&mut common.prng, key, &value);
            return What::Write(Command::Put(Put { lease: Some(id), ..put }), None);
        }
        if held.renewals > 0 {
            held.renewals -= 1;
            return What::Lease(LeaseAsk { id, renew: true });
        }
        self.held = None;
        match common.prng.below(3) {
            0 => What::Write(Command::LeaseRevoke { id }, None),
            _ => What::Lease(LeaseAsk { id, renew: false }),
        }
    }

    /// How long it waits before it asks again.
    pub(crate) fn pause(&self, common: &mut Common) -> Duration {
        let Common { prng, draw, .. } = common;
        match &self.held {
            Some(held) if held.hung && self.again.is_none() => {
                // Some are late, and find their lease gone or almost.
                let late = prng.chance(1, 6);
                let (low, high) = if late {
                    (held.ttl * 9 / 10, held.ttl * 11 / 10)
                } else {
                    (held.ttl / 5, held.ttl / 2)
                };
                prng.span(low, high)
            }
            _ => prng.span(Duration::ZERO, draw.think),
        }
    }

    /// What it learns from an answer to its last request.
    pub(crate) fn learns(&mut self, op: &Op, common: &mut Common) {
        if op.outcome == Outcome::Failed(Refused::TooLarge) {
            // No attempt was ever taken, so the number is free for something smaller.
            let free = self.again.take().and(self.number.as_mut());
            free.into_iter().for_each(|(_, last)| *last -= 1);
        }
        let Outcome::Ok(answer) = &op.outcome else { return };
        common.learn(answer);
        if let What::Write(_, Some(_)) = &op.what {
            self.again = None;
        }
        match answer {
            Answer::Kv(Reply { result: Ok(OpReply::LeaseGrant { id, ttl_s }), .. }) => {
                let renewals = common.prng.below(5);
                let ttl = Duration::from_secs(*ttl_s);
                self.held =
                    Some(Held { id: *id, ttl, hung: false, renewals }).filter(|_| self.holder);
            }
            Answer::Lease { told, .. } if told.ttl_s == 0 => self.held = None,
            Answer::Kv(Reply { result: Err(KvError::SequenceGap { .. }), .. }) => {
                // Its numbers are used up: it goes on as somebody else.
                self.number = self.number.map(|(client, _)| (client + 1_000, 0));
            }
            _ => {}
        }
    }
}
