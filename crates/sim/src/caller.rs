//! Callers: each asks one thing at a time, at any node, and remembers what it was told.

use crate::ask;
use crate::check::replay;
use crate::draw::CallerDraw;
use crate::history::{History, Op, Outcome, What};
use crate::person::{Common, Person};
use crate::script::Act;
use crate::world::{Alarm, World};
use base::prng::Prng;
use base::{AskId, KeyspaceId};
use core::time::Duration;
use kv::command::{Command, DeleteRange, Envelope, KeyRange};
use node::event::{Answer, Ask, Refused};
use std::collections::BTreeMap;

/// The keyspace that callers use.
pub(crate) const KEYSPACE: KeyspaceId = KeyspaceId(1);

/// All callers.
#[derive(Debug)]
pub struct Callers {
    common: Common,
    people: Vec<Person>,
    patience: Duration,
    /// Unanswered requests: their places in the history.
    waiting: BTreeMap<AskId, usize>,
    /// Nobody begins anything new.
    still: bool,
}

impl Callers {
    /// Callers that have not begun; the first alarms are set.
    pub fn new(draw: CallerDraw, quota: bool, prng: Prng, world: &mut World) -> Self {
        let (count, patience) = (draw.callers + draw.holders, draw.patience);
        let mut common = Common::new(draw, prng, quota);
        let people: Vec<Person> = (0..count).map(|it| Person::new(it, &mut common)).collect();
        for (caller, person) in people.iter().enumerate() {
            world.remind(person.pause(&mut common), Alarm::Caller(caller));
        }
        Self { common, people, patience, waiting: BTreeMap::new(), still: false }
    }

    /// Nobody begins anything new; what is under way ends as it ends.
    pub const fn stop(&mut self) {
        self.still = true;
    }

    /// From now on no value is like one of those that a script writes.
    pub(crate) const fn number_apart(&mut self) {
        self.common.values = 1 << 40;
    }

    /// Whether nobody waits for an answer, or wonders what became of a write.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.waiting.is_empty() && !self.people.iter().any(Person::wonders)
    }

    /// Whether this request is under way.
    #[must_use]
    pub fn waits(&self, id: AskId) -> bool {
        self.waiting.contains_key(&id)
    }

    /// A pause is over: the caller asks for the next thing.
    pub fn on_alarm(&mut self, caller: usize, world: &mut World, history: &mut History) {
        let Self { common, people, still, .. } = self;
        let Some(person) = people.get_mut(caller) else { return };
        if *still && !person.wonders() {
            return;
        }
        let node = common.prng.pick(&world.up()).copied();
        let what = person.wants(common);
        if node.and_then(|node| self.ask(caller, node, what, world, history)).is_none() {
            self.rest_longer(caller, world);
        }
    }

    /// Asks a node for a write, whatever else goes on. Where room is limited it
    /// is one that needs none.
    pub fn prove(
        &mut self,
        caller: usize,
        node: usize,
        world: &mut World,
        history: &mut History,
    ) -> Option<AskId> {
        let key = format!("k{node}").into();
        let command = if self.common.quota {
            Command::DeleteRange(DeleteRange { range: KeyRange::One(key), want_previous: false })
        } else {
            let value = self.common.value();
            Command::Put(ask::put(&mut self.common.prng, key, &value))
        };
        self.ask(caller, node, What::Write(command, None), world, history)
    }

    /// An answer came; returns its request's place in the history.
    pub fn on_answer(
        &mut self,
        id: AskId,
        (answer, whole): (Answer, bool),
        world: &mut World,
        history: &mut History,
    ) -> Option<usize> {
        let place = self.waiting.remove(&id)?;
        let op = history.ops.get_mut(place)?;
        op.outcome = outcome(answer);
        op.life = op.life.filter(|_| !whole);
        match &op.outcome {
            Outcome::Ok(_) => world.counts.ok += 1,
            Outcome::Failed(Refused::NoSpace) => world.counts.no_room += 1,
            Outcome::Failed(_) => world.counts.failed += 1,
            Outcome::Unknown => world.counts.unknown += 1,
        }
        if op.outcome != Outcome::Unknown {
            op.complete = Some(world.at());
            op.top = world.applied();
        }
        if let Some(person) = self.people.get_mut(op.client) {
            person.learns(op, &mut self.common);
        }
        let (client, refused) = (op.client, matches!(op.outcome, Outcome::Failed(_)));
        if refused {
            self.rest_longer(client, world)
        } else {
            self.rest(client, world)
        }
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
        if let Some(person) = self.people.get(caller) {
            world.remind(person.pause(&mut self.common), Alarm::Caller(caller));
        }
    }

    /// Whoever is refused at once asks no faster than anybody could answer.
    fn rest_longer(&mut self, caller: usize, world: &mut World) {
        if let Some(person) = self.people.get(caller) {
            let longer = self.common.prng.span(Duration::ZERO, self.patience / 8);
            world.remind(person.pause(&mut self.common) + longer, Alarm::Caller(caller));
        }
    }

    /// Asks a node, whatever else goes on.
    pub fn ask(
        &mut self,
        client: usize,
        node: usize,
        what: What,
        world: &mut World,
        history: &mut History,
    ) -> Option<AskId> {
        let place = history.ops.len();
        let keyspace = KEYSPACE;
        let ask = match what.clone() {
            What::Write(command, sequence) => {
                let wall_ms = replay::tag(place);
                let envelope = Envelope { keyspace, wall_ms, sequence, ..Envelope::default() };
                Ask::Write { envelope, command }
            }
            What::Read(query, level) => Ask::Read { keyspace, query, level },
            What::Lease(ask) => Ask::Lease { keyspace, ask },
            What::Leases => Ask::Leases { keyspace },
            What::Alarms => Ask::Alarms { keyspace },
        };
        let invoke = world.at();
        let id = world.ask(node, ask)?;
        world.done(|| Act::Call { client, node, what: what.clone() });
        world.remind(self.patience, Alarm::Patience(id));
        self.waiting.insert(id, place);
        let (life, outcome) = (Some(world.life(node)), Outcome::Unknown);
        history.ops.push(Op { client, node, life, what, invoke, complete: None, top: 0, outcome });
        Some(id)
    }
}

/// "Unknown" is never folded into "failed".
fn outcome(answer: Answer) -> Outcome {
    match answer {
        Answer::Refused(
            why @ (Refused::NoLeader
            | Refused::TooManyRequests
            | Refused::TooLarge
            | Refused::NoSpace
            | Refused::NoSuchKeyspace),
        ) => Outcome::Failed(why),
        Answer::Refused(Refused::LeaderChanged | Refused::TimedOut | Refused::Stopped) => {
            Outcome::Unknown
        }
        answer => Outcome::Ok(answer),
    }
}
