//! Callers: each asks one thing at a time, at any node, and remembers what it was told.

use crate::ask;
use crate::draw::CallerDraw;
use crate::history::{History, Op, Outcome, What};
use crate::world::{Alarm, World};
use base::prng::Prng;
use base::{AskId, KeyspaceId, Revision};
use core::time::Duration;
use kv::command::{Command, Envelope};
use node::event::{Answer, Ask, Level, Refused};
use std::collections::BTreeMap;

/// The keyspace that callers use.
pub(crate) const KEYSPACE: KeyspaceId = KeyspaceId(1);

/// All callers.
#[derive(Debug)]
pub struct Callers {
    draw: CallerDraw,
    prng: Prng,
    /// Unanswered requests: their places in the history.
    waiting: BTreeMap<AskId, usize>,
    /// The newest revision that anybody was told.
    known: Revision,
    /// Grows with every value: none is written twice.
    values: u64,
    /// Nobody begins anything new.
    still: bool,
}

impl Callers {
    /// Callers that have not begun; the first alarms are set.
    pub fn new(draw: CallerDraw, mut prng: Prng, world: &mut World) -> Self {
        for caller in 0..draw.callers {
            world.remind(prng.span(Duration::ZERO, draw.think), Alarm::Caller(caller));
        }
        let waiting = BTreeMap::new();
        Self { draw, prng, waiting, known: Revision(1), values: 0, still: false }
    }

    /// Nobody begins anything new; what is under way ends as it ends.
    pub const fn stop(&mut self) {
        self.still = true;
    }

    /// Whether nobody waits for an answer.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether this request is under way.
    #[must_use]
    pub fn waits(&self, id: AskId) -> bool {
        self.waiting.contains_key(&id)
    }

    /// The newest revision that anybody was told.
    #[must_use]
    pub const fn known(&self) -> Revision {
        self.known
    }

    /// A pause is over: the caller asks for the next thing.
    pub fn on_alarm(&mut self, caller: usize, world: &mut World, history: &mut History) {
        if self.still {
            return;
        }
        let node = self.prng.pick(&world.up()).copied();
        let what = self.what();
        if node.and_then(|node| self.ask(caller, node, what, world, history)).is_none() {
            self.rest(caller, world);
        }
    }

    /// Asks a node for a write, whatever else goes on.
    pub fn prove(
        &mut self,
        caller: usize,
        node: usize,
        world: &mut World,
        history: &mut History,
    ) -> Option<AskId> {
        let value = self.value();
        let command = ask::put(&mut self.prng, format!("k{node}").into(), &value);
        self.ask(caller, node, What::Write(Command::Put(command)), world, history)
    }

    /// An answer came; returns its request's place in the history.
    pub fn on_answer(
        &mut self,
        id: AskId,
        answer: Answer,
        world: &mut World,
        history: &mut History,
    ) -> Option<usize> {
        let place = self.waiting.remove(&id)?;
        let op = history.ops.get_mut(place)?;
        op.outcome = outcome(answer);
        match &op.outcome {
            Outcome::Ok(reply) => {
                world.counts.ok += 1;
                self.known = self.known.max(reply.revision);
            }
            Outcome::Failed(_) => world.counts.failed += 1,
            Outcome::Unknown => world.counts.unknown += 1,
        }
        if op.outcome != Outcome::Unknown {
            op.complete = Some(world.at());
        }
        self.rest(op.client, world);
        Some(place)
    }

    /// A caller has waited long enough; what it asked for may still be done.
    pub fn on_patience(&mut self, id: AskId, world: &mut World, history: &History) {
        if let Some(op) = self.waiting.remove(&id).and_then(|place| history.ops.get(place)) {
            world.counts.unknown += 1;
            world.forget(op.node, id);
            self.rest(op.client, world);
        }
    }

    /// A node is gone: whoever waits for it will never know.
    pub fn on_gone(&mut self, node: usize, world: &mut World, history: &History) {
        let at_node = |place: &usize| history.ops.get(*place).is_some_and(|op| op.node == node);
        let lost: Vec<(AskId, usize)> = self
            .waiting
            .iter()
            .filter(|(_, place)| at_node(place))
            .map(|(id, place)| (*id, *place))
            .collect();
        for (id, place) in lost {
            self.waiting.remove(&id);
            world.counts.unknown += 1;
            if let Some(op) = history.ops.get(place) {
                self.rest(op.client, world);
            }
        }
    }

    fn rest(&mut self, caller: usize, world: &mut World) {
        if caller < self.draw.callers {
            world.remind(self.prng.span(Duration::ZERO, self.draw.think), Alarm::Caller(caller));
        }
    }

    fn ask(
        &mut self,
        client: usize,
        node: usize,
        what: What,
        world: &mut World,
        history: &mut History,
    ) -> Option<AskId> {
        let ask = match what.clone() {
            What::Write(command) => {
                let envelope = Envelope { keyspace: KEYSPACE, ..Envelope::default() };
                Ask::Write { envelope, command }
            }
            What::Read(query, level) => Ask::Read { keyspace: KEYSPACE, query, level },
        };
        let invoke = world.at();
        let id = world.ask(node, ask)?;
        world.remind(self.draw.patience, Alarm::Patience(id));
        self.waiting.insert(id, history.ops.len());
        let (life, outcome) = (world.life(node), Outcome::Unknown);
        history.ops.push(Op { client, node, life, what, invoke, complete: None, outcome });
        Some(id)
    }

    fn what(&mut self) -> What {
        if self.prng.chance(3, 5) {
            let value = self.value();
            return What::Write(ask::command(&mut self.prng, self.draw.keys, &value));
        }
        let query = ask::query(&mut self.prng, self.draw.keys, self.known);
        let weak = self.prng.chance(1, 3);
        What::Read(query, if weak { Level::Serializable } else { Level::Linearizable })
    }

    fn value(&mut self) -> String {
        self.values += 1;
        let large = self.prng.chance(self.draw.large, 10_000);
        let length = if large { self.prng.between(300_000, 700_000) } else { 0 };
        format!("v{}{}", self.values, "-".repeat(length as usize))
    }
}

/// "Unknown" is never folded into "failed".
fn outcome(answer: Answer) -> Outcome {
    match answer {
        Answer::Kv(reply) => Outcome::Ok(reply),
        Answer::Refused(
            why @ (Refused::NoLeader
            | Refused::TooManyRequests
            | Refused::TooLarge
            | Refused::NoSuchKeyspace),
        ) => Outcome::Failed(why),
        Answer::Refused(Refused::LeaderChanged | Refused::TimedOut | Refused::Stopped)
        | Answer::Members(_)
        | Answer::Lease { .. }
        | Answer::Leases(_)
        | Answer::Alarms(_)
        | Answer::HashKv { .. }
        | Answer::Status(_) => Outcome::Unknown,
    }
}
