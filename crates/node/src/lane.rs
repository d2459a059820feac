//! The stepped machine: some groups, their one log, their timers, and the
//! clients who wait. Everything that a server or a simulator drives.

mod ask;
mod heal;
mod hire;
mod jobs;
mod pulse;
mod standing;

use crate::directory::Own;
use crate::event::{Action, Answer, Event, Halt, Note, Refused, WatchEvent};
use crate::fabric::Fabric;
use crate::intake::Intake;
use crate::mail::Mail;
use crate::replica::{Replica, Turn};
use crate::room::Room;
use crate::standing::Standing;
use crate::wire::{self, Post, Say};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use base::checksum::hash64;
use base::prng::Prng;
use base::time::earliest;
use base::{AskId, GroupId, Incarnation, Index, NodeId, Serial, Time, WatchKey};
use bytes::Bytes;
use consensus::contract::{Input, Timing};
use consensus::entry::Entry;
use consensus::trigger::lately;
use core::time::Duration;
use jobs::Jobs;
use journal::disk::DiskDone;
use journal::wal::Wal;

/// One lane of a node.
#[derive(Debug)]
pub struct Lane {
    own: Own,
    wal: Wal,
    /// I76: the log's word, never more: what is acknowledged rests on it.
    durable: Serial,
    groups: BTreeMap<GroupId, Replica>,
    fabric: Fabric,
    mail: Mail,
    intake: Intake,
    watches: BTreeMap<WatchKey, GroupId>,
    jobs: Jobs,
    room: Room,
    standing: Standing,
    heal: heal::Stage,
    /// What the node has lost and does not have again, for people.
    damage: Option<Box<str>>,
    /// Until when it waits for others to take over, if it is about to stop.
    leaving: Option<Time>,
    /// How long a change of leader may take.
    patience: Duration,
    /// Picks the ids of leases whose clients leave that to us.
    prng: Prng,
    lease_floor_s: u64,
    ready: bool,
    halt: Option<Halt>,
    /// Nothing is done after the lane has stopped.
    halted: bool,
}

/// What [`crate::boot::boot`] puts a lane together from.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) own: Own,
    pub(crate) wal: Wal,
    pub(crate) groups: BTreeMap<GroupId, Replica>,
    pub(crate) standing: Standing,
    pub(crate) healing: Option<String>,
    pub(crate) timing: Timing,
    pub(crate) patience: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) prng: Prng,
    pub(crate) lease_floor_s: u64,
}

impl Lane {
    pub(crate) fn new(parts: Parts, now: Time) -> Self {
        Self {
            own: parts.own,
            durable: parts.wal.durable(),
            wal: parts.wal,
            groups: parts.groups,
            fabric: Fabric::new(parts.timing.heartbeat, lately(parts.timing), now),
            mail: Mail::default(),
            intake: Intake::new(parts.request_timeout),
            watches: BTreeMap::new(),
            jobs: Jobs::default(),
            room: Room::default(),
            standing: parts.standing,
            heal: heal::Stage::new(parts.healing.is_some()),
            damage: parts.healing.map(String::into_boxed_str),
            leaving: None,
            patience: parts.patience,
            prng: parts.prng,
            lease_floor_s: parts.lease_floor_s,
            ready: false,
            halt: None,
            halted: false,
        }
    }

    /// The only way in. What is to be done is appended to `out`.
    pub fn step(&mut self, now: Time, event: Event, out: &mut Vec<Action>) {
        if self.halted {
            return refuse_for_ever(&event, out);
        }
        match event {
            Event::Timeout => self.on_timeout(now, out),
            Event::TurnEnd => self.end_turn(now, out),
            Event::Disk(done) => self.on_disk(now, done, out),
            Event::JobDone(done) => self.on_job_done(now, done, out),
            Event::Frame { from, frame } => self.on_frame(now, from, frame, out),
            Event::Link { peer, up } => {
                if self.fabric.link(peer, up) {
                    self.each(now, out, |replica, turn| {
                        replica.on_link(turn, peer, up);
                    });
                }
            }
            Event::Ask { id, ask } => self.on_ask(now, id, ask, out),
            Event::Forget { id } => {
                self.intake.finish(id);
            }
            Event::Watch { key, open } => self.on_watch(key, open, out),
            Event::Progress { key, all } => {
                self.with_watch(key, |replica| replica.progress(key, all));
            }
            Event::Credit { keys, batches } => {
                for key in keys {
                    self.with_watch(key, |replica| replica.credit(key, batches));
                }
            }
            Event::Leave => {
                self.leaving.get_or_insert(now + self.patience * 2);
                self.each(now, out, |replica, turn| replica.leave(turn));
            }
            Event::Unwatch { key } => {
                self.with_watch(key, |replica| replica.watches.close(key));
                self.watches.remove(&key);
            }
        }
        if let Some(why) = self.halt.take() {
            self.stop(why, out);
        }
    }

    /// Step again no later than this, with [`Event::Timeout`] if nothing else came.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        if self.halted {
            return None;
        }
        let own = earliest(Some(self.fabric.deadline()), self.intake.deadline());
        let own = earliest(earliest(own, self.wal.deadline()), self.leaving);
        let own = earliest(own, self.room.deadline());
        self.groups.values().fold(own, |soonest, it| earliest(soonest, it.deadline()))
    }

    /// How far a group's log is applied here.
    #[must_use]
    pub fn applied(&self, group: GroupId) -> Option<Index> {
        Some(self.groups.get(&group)?.machine().applied())
    }

    /// How far a group's state is here, and a hash of it: equal on every node
    /// that applied as much.
    #[must_use]
    pub fn state_hash(&self, group: GroupId) -> Option<(Index, u64)> {
        let machine = self.groups.get(&group)?.machine();
        Some((machine.applied(), machine.state_hash()))
    }

    /// The place of the newest checkpoint of a group on this node's disk, and a
    /// hash of the names of its chunks, which are named by their bytes: the same
    /// on every node that has a checkpoint of this place.
    #[must_use]
    pub fn checkpoint_hash(&self, group: GroupId) -> Option<(Index, u64)> {
        let contents = self.groups.get(&group)?.newest_checkpoint()?;
        Some((contents.index, hash64(&contents.encode())))
    }

    /// Whether this node leads a group, as far as it knows.
    #[must_use]
    pub fn leads(&self, group: GroupId) -> bool {
        self.groups.get(&group).is_some_and(Replica::leads)
    }

    /// Whether a group has applied here all that an earlier life of this node may
    /// have told of it.
    #[must_use]
    pub fn remembers(&self, group: GroupId) -> bool {
        self.groups.get(&group).is_some_and(Replica::remembers)
    }

    /// The life of a node's disk that the directory has, as far as it was applied here.
    #[must_use]
    pub fn life(&self, node: NodeId) -> Option<Incarnation> {
        self.groups.get(&GroupId::DIRECTORY)?.machine().life(node)
    }

    /// What stands at an index of a group's log, if it was applied here and is
    /// still in the log.
    #[must_use]
    pub fn entry(&self, group: GroupId, index: Index) -> Option<&Entry> {
        self.groups.get(&group)?.entry(index)
    }

    /// Does something with each replica.
    fn each(
        &mut self,
        now: Time,
        out: &mut Vec<Action>,
        mut work: impl FnMut(&mut Replica, &mut Turn<'_>),
    ) {
        let Self { own, wal, durable, groups, mail, jobs, room, intake, halt, .. } = self;
        let (durable, loads) = (*durable, &mut jobs.loads);
        let mut turn = Turn { now, durable, own, wal, mail, loads, room, intake, halt, out };
        groups.values_mut().for_each(|replica| work(replica, &mut turn));
    }

    /// Does something with one replica, if it is here.
    fn one<T>(
        &mut self,
        now: Time,
        out: &mut Vec<Action>,
        group: GroupId,
        work: impl FnOnce(&mut Replica, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let Self { own, wal, durable, groups, mail, jobs, room, intake, halt, .. } = self;
        let (durable, loads) = (*durable, &mut jobs.loads);
        let mut turn = Turn { now, durable, own, wal, mail, loads, room, intake, halt, out };
        groups.get_mut(&group).map(|replica| work(replica, &mut turn))
    }

    fn on_timeout(&mut self, now: Time, out: &mut Vec<Action>) {
        if self.fabric.beat(now) {
            self.each(now, out, |replica, turn| replica.step(turn, Input::Beat));
            self.send_pulses(now, out);
            self.ask_standing();
            self.each(now, out, Replica::ask_how_far);
        }
        self.each(now, out, |replica, turn| replica.on_timeout(turn));
        let mut late: BTreeMap<GroupId, BTreeSet<AskId>> = BTreeMap::new();
        for (group, id) in self.intake.expired(now) {
            late.entry(group).or_default().insert(id);
        }
        for (group, asks) in late {
            self.give_up(group, asks, out);
        }
    }

    /// The time of these asks is over. Only what was never proposed is known
    /// not to happen.
    fn give_up(&mut self, group: GroupId, asks: BTreeSet<AskId>, out: &mut Vec<Action>) {
        let Some(replica) = self.groups.get_mut(&group) else { return };
        let never = replica.forget(&asks);
        let term = replica.term();
        for id in asks {
            let why = if never.contains(&id) { Refused::NoLeader } else { Refused::TimedOut };
            if self.intake.finish(id) {
                out.push(Action::Reply { id, term, answer: Answer::Refused(why) });
            }
        }
    }

    fn on_disk(&mut self, now: Time, done: DiskDone, out: &mut Vec<Action>) {
        match self.wal.on_done(now, done) {
            Ok(durable) => self.on_durable(now, durable, out),
            Err(error) => self.halt = Some(Halt::Disk(error)),
        }
    }

    fn on_durable(&mut self, now: Time, durable: Serial, out: &mut Vec<Action>) {
        base::invariant!(I76, durable <= self.wal.last_serial());
        if durable > self.durable {
            self.durable = durable;
            self.mail.release(durable);
            self.each(now, out, |replica, turn| replica.on_durable(turn));
        }
    }

    fn on_frame(&mut self, now: Time, from: NodeId, frame: Bytes, out: &mut Vec<Action>) {
        let Ok(posts) = wire::decode_frame(frame) else {
            out.push(Action::Note(Note::Dropped { from, why: "frame cannot be read" }));
            return;
        };
        let member = self.own.bootstrap.members.iter().any(|it| it.id == from);
        if !member || from == self.own.me {
            out.push(Action::Note(Note::Dropped { from, why: "not a member" }));
            return;
        }
        for Post { group, incarnation, say, .. } in posts {
            let say = match say {
                Say::WhoAmI => {
                    self.on_who_am_i(from, incarnation);
                    continue;
                }
                Say::YouAre { asked, known } => {
                    self.on_you_are(from, asked, known, out);
                    continue;
                }
                Say::Pulse { hears, groups } => {
                    self.on_pulse(now, from, (hears, groups), out);
                    continue;
                }
                say => say,
            };
            let known = self.one(now, out, group, |replica, turn| match say {
                Say::Letter(letter) => replica.step(turn, Input::Letter { from, letter }),
                Say::Forward { ticket, ballot, body } => {
                    replica.on_forward(turn, from, ticket, ballot, body);
                }
                Say::Forwarded { ticket, place } => {
                    replica.on_forwarded(turn, from, ticket, place);
                }
                Say::NotProposed { ticket, why } => {
                    replica.on_not_proposed(turn, from, ticket, why);
                }
                Say::Lease { ticket, ask } => replica.on_lease(turn, from, ticket, ask),
                Say::Leased { ticket, told } => replica.on_leased(turn, ticket, told),
                Say::Offer(offer) => replica.on_offer(turn, from, offer),
                Say::Want { id } => replica.on_want(turn, from, id),
                Say::Part { id, plain } => replica.on_part(turn, from, id, plain),
                Say::Gone { id } => replica.on_gone(from, id),
                Say::HowFar { ctx } => replica.on_how_far(turn, from, ctx),
                Say::SoFar(said) => replica.on_so_far(from, said),
                Say::WhoAmI | Say::YouAre { .. } | Say::Pulse { .. } => {}
            });
            if known.is_none() {
                out.push(Action::Note(Note::Dropped { from, why: "unknown group" }));
            }
        }
    }

    fn with_watch(&mut self, key: WatchKey, work: impl FnOnce(&mut Replica)) {
        let group = self.watches.get(&key);
        if let Some(replica) = group.and_then(|group| self.groups.get_mut(group)) {
            work(replica);
        }
    }

    /// Puts together what the events of the turn owe: letters, one disk operation.
    fn end_turn(&mut self, now: Time, out: &mut Vec<Action>) {
        self.each(now, out, |replica, turn| replica.end_turn(turn));
        self.end_healing(now, out);
        self.begin_jobs(now, out);
        if let Some(op) = self.wal.next_op(now) {
            out.push(Action::Disk(op));
            let early = self.wal.last_serial();
            base::mutant!(AckBeforeSync, (), self.on_durable(now, early, out));
        }
        self.mail.flush(out);
        self.tell_watches(now, out);
        let leads = self.groups.values().any(Replica::leads);
        if self.leaving.take_if(|until| !leads || *until <= now).is_some() {
            out.push(Action::Note(Note::Left));
        }
        if !self.ready && self.groups.values().all(|it| it.serves(&self.own)) {
            self.ready = true;
            out.push(Action::Note(Note::Ready));
        }
    }

    fn tell_watches(&mut self, now: Time, out: &mut Vec<Action>) {
        let before = out.len();
        self.each(now, out, |replica, turn| replica.tell_watches(turn));
        for action in out.iter().skip(before) {
            if let Action::Watch { key, event: WatchEvent::Compacted { .. }, .. } = action {
                self.watches.remove(key);
            }
        }
    }

    /// Stops for good: nobody is left waiting, and nothing is acknowledged.
    fn stop(&mut self, why: Halt, out: &mut Vec<Action>) {
        self.halted = true;
        for id in self.intake.drain() {
            out.push(Action::Reply { id, term: 1, answer: Answer::Refused(Refused::Stopped) });
        }
        for key in core::mem::take(&mut self.watches).into_keys() {
            let event = WatchEvent::Refused(Refused::Stopped);
            out.push(Action::Watch { key, term: 1, event });
        }
        out.push(Action::Halt(why));
    }
}

fn refuse_for_ever(event: &Event, out: &mut Vec<Action>) {
    match event {
        Event::Ask { id, .. } => {
            let answer = Answer::Refused(Refused::Stopped);
            out.push(Action::Reply { id: *id, term: 1, answer });
        }
        Event::Watch { key, .. } => {
            let event = WatchEvent::Refused(Refused::Stopped);
            out.push(Action::Watch { key: *key, term: 1, event });
        }
        _ => {}
    }
}
