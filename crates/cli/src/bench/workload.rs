//! What is asked next, and whether the answer is one.

use super::answer::{has_field, unframed};
use super::fault::Fault;
use super::plan::{Plan, STAMP, Verb};
use super::random::Random;
use super::tally::{Kind, Success};
use super::template::{Template, framed, key};
use super::wire::request::Method;
use bytes::{Bytes, BytesMut};
use client::wire::compare::{CompareResult, CompareTarget, TargetUnion};
use client::wire::request_op::Request;
use client::wire::response_op::Response;
use client::wire::{Compare, PutRequest, RangeRequest, RequestOp, TxnRequest, TxnResponse};
use prost::Message;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

/// `kvs` of a RangeResponse.
const KVS: u32 = 2;
/// Where the time goes in a template; a value has it only there.
const NO_TIME: [u8; STAMP] = [0xfe; STAMP];

/// The revision at which each key was last seen, shared by all lanes.
pub(crate) type Known = Rc<RefCell<HashMap<u64, i64>>>;

/// Which operations are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mix {
    /// Each key once: this lane's share.
    Fill {
        next: u64,
        step: u64,
    },
    Put,
    Get,
    Half,
    Txn,
}

/// Makes the operations of one lane.
#[derive(Debug)]
pub(crate) struct Workload {
    mix: Mix,
    keys: u64,
    random: Random,
    space: BytesMut,
    put: Template,
    get: Template,
    value: Bytes,
    known: Known,
    /// Stamps are nanoseconds since then.
    origin: Instant,
}

/// The next operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    pub(crate) key: u64,
    pub(crate) body: Bytes,
}

/// The method of a kind of operation.
pub(crate) fn method(kind: Kind) -> Method {
    match kind {
        Kind::Put | Kind::Event => Method::Put,
        Kind::Get => Method::Range,
        Kind::Txn => Method::Txn,
    }
}

impl Workload {
    /// The operations of this lane during the run.
    pub(crate) fn new(plan: &Plan, lane: u64, known: Known, origin: Instant) -> Option<Self> {
        let mix = match plan.verb {
            Verb::Put | Verb::Watch { .. } => Mix::Put,
            Verb::Get { .. } => Mix::Get,
            Verb::Mixed { .. } => Mix::Half,
            Verb::Txn => Mix::Txn,
        };
        Self::of(plan, mix, lane, known, origin)
    }

    /// This lane's share of writing every key once, and how many that are.
    pub(crate) fn fill(plan: &Plan, lane: u64, lanes: u64) -> Option<(Self, u64)> {
        let share = plan.keys.saturating_sub(lane).div_ceil(lanes.max(1));
        let mix = Mix::Fill { next: lane, step: lanes };
        Some((Self::of(plan, mix, lane, Known::default(), Instant::now())?, share))
    }

    fn of(plan: &Plan, mix: Mix, lane: u64, known: Known, origin: Instant) -> Option<Self> {
        let stamped = matches!(plan.verb, Verb::Watch { .. }).then_some(NO_TIME.as_slice());
        let value = value(plan.val_size, stamped.is_some());
        let (put, get) = (put(0, &value), range(0, plan.verb.serializable() == Some(true)));
        Some(Self {
            mix,
            keys: plan.keys,
            random: Random::new(plan.seed, lane),
            space: BytesMut::new(),
            put: Template::new(&put, stamped)?,
            get: Template::new(&get, None)?,
            value,
            known,
            origin,
        })
    }

    /// Draws the next operation.
    pub(crate) fn next(&mut self, due: Instant) -> Operation {
        let (kind, key) = self.draw();
        let body = match kind {
            Kind::Put | Kind::Event => {
                let stamp = due.saturating_duration_since(self.origin).as_nanos();
                self.put.fill(&mut self.space, key, u64::try_from(stamp).unwrap_or(u64::MAX))
            }
            Kind::Get => self.get.fill(&mut self.space, key, 0),
            Kind::Txn => framed(&self.txn(key)),
        };
        Operation { kind, key, body }
    }

    fn draw(&mut self) -> (Kind, u64) {
        if let Mix::Fill { next, step } = &mut self.mix {
            let key = *next;
            *next = next.saturating_add(*step);
            return (Kind::Put, key);
        }
        let kind = match self.mix {
            Mix::Half if self.random.below(2) == 0 => Kind::Get,
            Mix::Get => Kind::Get,
            Mix::Txn => Kind::Txn,
            Mix::Half | Mix::Put | Mix::Fill { .. } => Kind::Put,
        };
        (kind, self.random.below(self.keys))
    }

    /// Put if the key is as it was last seen; otherwise look at it.
    fn txn(&self, number: u64) -> TxnRequest {
        let seen = self.known.borrow().get(&number).copied().unwrap_or_default();
        let compare = Compare {
            result: CompareResult::Equal.into(),
            target: CompareTarget::Mod.into(),
            key: key(number).into(),
            target_union: Some(TargetUnion::ModRevision(seen)),
            ..Compare::default()
        };
        let op = |request| vec![RequestOp { request: Some(request) }];
        TxnRequest {
            compare: vec![compare],
            success: op(Request::RequestPut(put(number, &self.value))),
            failure: op(Request::RequestRange(range(number, false))),
        }
    }

    /// Looks at an answer, and learns from that of a transaction.
    pub(crate) fn judge(&self, kind: Kind, key: u64, body: &[u8]) -> Result<Success, Fault> {
        let message = unframed(body)?;
        match kind {
            Kind::Put | Kind::Event => Ok(Success::Done),
            Kind::Get if has_field(message, KVS)? => Ok(Success::Done),
            Kind::Get => Err(Fault::NoKey),
            Kind::Txn => self.learn(key, message),
        }
    }

    fn learn(&self, key: u64, message: &[u8]) -> Result<Success, Fault> {
        let answer = TxnResponse::decode(message).map_err(|_| Fault::Answer)?;
        let (revision, success) = if answer.succeeded {
            (answer.header.map(|header| header.revision), Success::Done)
        } else {
            (looked_at(&answer), Success::Conflict)
        };
        let mut known = self.known.borrow_mut();
        let known = known.entry(key).or_default();
        *known = revision.ok_or(Fault::Answer)?.max(*known);
        Ok(success)
    }
}

/// The revision of the key, as the other branch read it.
fn looked_at(answer: &TxnResponse) -> Option<i64> {
    match answer.responses.first()?.response.as_ref()? {
        Response::ResponseRange(range) => {
            Some(range.kvs.first().map_or(0, |pair| pair.mod_revision))
        }
        _ => None,
    }
}

fn put(number: u64, value: &Bytes) -> PutRequest {
    PutRequest { key: key(number).into(), value: value.clone(), ..PutRequest::default() }
}

fn range(number: u64, serializable: bool) -> RangeRequest {
    RangeRequest { key: key(number).into(), serializable, ..RangeRequest::default() }
}

/// A value of this size: letters that do not compress well, after the place of a time.
fn value(size: usize, stamped: bool) -> Bytes {
    let mut random = Random::new(size as u64, 0);
    let letter = |_| b'a' + u8::try_from(random.below(26)).unwrap_or_default();
    let mut value: Vec<u8> = (0..size).map(letter).collect();
    if let Some(place) = value.get_mut(..STAMP).filter(|_| stamped) {
        place.copy_from_slice(&NO_TIME);
    }
    value.into()
}
