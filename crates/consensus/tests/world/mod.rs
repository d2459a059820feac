//! A cluster in one process: replicas, their disks and the letters between
//! them, all moved by hand. Nothing happens that a test did not ask for.
//!
//! A checkpoint is its place here: what a state machine would be is known from
//! the entries up to there.
#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part of it")]

pub mod say;
mod zab;

use base::{AskId, Index, NodeId, Serial, Time};
use consensus::contract::{Answer, Input, Outbox, Parcel, Retention, Setup, Stable, Timing, Write};
use consensus::entry::{Entry, EntryKind, Place};
use consensus::letter::Letter;
use consensus::protocol::{Protocol, ProtocolKind};
use std::collections::BTreeMap;
use std::time::Duration;

pub const TIMING: Timing =
    Timing { heartbeat: Duration::from_millis(100), election: Duration::from_millis(1000) };

/// A letter on its way.
#[derive(Clone, Debug)]
pub struct Flight {
    pub from: NodeId,
    pub to: NodeId,
    pub letter: Letter,
}

pub struct Node {
    pub id: NodeId,
    /// Nothing while the node is down.
    pub replica: Option<Protocol>,
    /// Whether the disk waits to be told; else it is as fast as the turn.
    pub slow_disk: bool,
    /// Whether the log of its protocol has gaps.
    pub gaps: bool,
    pub setup: Setup,
    /// Everything written and not lost, in order of serials.
    pub disk: Vec<(Serial, Write)>,
    pub serial: Serial,
    pub durable: Serial,
    /// Letters that wait for the disk.
    pub gated: Vec<Parcel>,
    pub commit: Index,
    pub answers: Vec<Answer>,
    /// The newest checkpoint on the disk.
    pub checkpoint: Checkpoint,
    /// What was on a disk that was lost.
    pub lost: Vec<Write>,
    /// Whom this leader named as behind, and what they have.
    pub behind: Vec<(NodeId, Index)>,
}

/// A place and the log time of the entry there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Checkpoint {
    pub place: Place,
    pub clock: u64,
}

pub struct World {
    pub kind: ProtocolKind,
    pub now: Time,
    pub nodes: BTreeMap<NodeId, Node>,
    pub net: Vec<Flight>,
    pub asks: u64,
    pub lives: u64,
}

impl World {
    pub fn new(kind: ProtocolKind, count: u64, seed: u64) -> Self {
        let voters: Vec<NodeId> = (1..=count).map(NodeId).collect();
        let nodes = voters.iter().map(|id| {
            let setup = Setup {
                me: *id,
                voters: voters.clone(),
                timing: TIMING,
                seed,
                mute: false,
                retention: Retention::default(),
            };
            (*id, Node::new(kind, setup))
        });
        let nodes = nodes.collect();
        let net = Vec::new();
        Self { kind, now: Time::ZERO, nodes, net, asks: 0, lives: 0 }
    }

    /// Everybody starts anew on empty disks and keeps less in memory.
    pub fn retain(&mut self, retention: Retention) {
        for node in self.nodes.values_mut() {
            node.setup.retention = retention;
            *node = Node::new(self.kind, node.setup.clone());
        }
    }

    pub fn node(&mut self, id: u64) -> &mut Node {
        self.nodes.get_mut(&NodeId(id)).expect("the node exists")
    }

    pub fn replica(&mut self, id: u64) -> &mut Protocol {
        self.node(id).replica.as_mut().expect("the node is up")
    }

    /// One input and the end of its turn; returns what the replica wanted, for
    /// those who read along. The disk answers at once if it is fast.
    pub fn turn(&mut self, id: u64, input: Input) -> Vec<Output> {
        let mut seen = Vec::new();
        self.step(id, input, &mut seen);
        self.end_turn(id, &mut seen);
        seen
    }

    pub fn end_turn(&mut self, id: u64, seen: &mut Vec<Output>) {
        self.step(id, Input::Flush, seen);
        while !self.node(id).slow_disk && self.node(id).waits() {
            let all = self.node(id).serial;
            self.step(id, Input::Durable(all), seen);
            self.step(id, Input::Flush, seen);
        }
    }

    pub fn slow_disk(&mut self, id: u64, slow: bool) {
        self.node(id).slow_disk = slow;
    }

    pub fn step(&mut self, id: u64, input: Input, seen: &mut Vec<Output>) {
        let now = self.now;
        let node = self.nodes.get_mut(&NodeId(id)).expect("the node exists");
        let Some(replica) = &mut node.replica else { return };
        if let Input::Durable(serial) = &input {
            node.durable = node.durable.max(*serial);
        }
        let mut out = Outbox { serial: node.serial, ..Outbox::default() };
        replica.step(now, input, &mut out);
        node.take(out, seen, &mut self.net);
    }

    pub fn durable(&mut self, id: u64, upto: Serial) -> Vec<Output> {
        let mut seen = Vec::new();
        self.step(id, Input::Durable(upto), &mut seen);
        self.step(id, Input::Flush, &mut seen);
        seen
    }

    pub fn propose(&mut self, id: u64, body: &str) -> Vec<Output> {
        let (ask, body) = (self.ask(), body.as_bytes().to_vec().into());
        self.turn(id, Input::Propose { id: ask, kind: EntryKind::Command, body })
    }

    /// A checkpoint of all that is applied, and the log is trimmed to it.
    pub fn checkpoint(&mut self, id: u64) -> Vec<Output> {
        let upto = self.take_checkpoint(id);
        self.turn(id, Input::Trim { upto })
    }

    /// Only the disk has it.
    pub fn take_checkpoint(&mut self, id: u64) -> Index {
        let node = self.node(id);
        let upto = node.commit;
        if let Some(entry) = node.replica.as_ref().and_then(|replica| replica.entry(upto)) {
            let place = Place { ballot: entry.ballot, index: upto };
            node.checkpoint = Checkpoint { place, clock: entry.clock };
        }
        node.checkpoint.place.index
    }

    /// A checkpoint comes to a node, which puts it in force if it is of use.
    pub fn install(&mut self, id: u64, checkpoint: Checkpoint) -> Vec<Output> {
        if !self.flip(id, checkpoint) {
            return Vec::new();
        }
        let Checkpoint { place, clock } = checkpoint;
        let node = self.node(id);
        node.commit = node.commit.max(place.index);
        self.turn(id, Input::Restore { place, clock })
    }

    /// Only the disk has it: the machine is not replaced yet.
    pub fn flip(&mut self, id: u64, checkpoint: Checkpoint) -> bool {
        let node = self.node(id);
        let takes = node.replica.as_ref().is_some_and(|replica| replica.takes(checkpoint.place));
        if takes {
            node.checkpoint = checkpoint;
        }
        takes
    }

    pub fn ask(&mut self) -> AskId {
        self.asks += 1;
        AskId(self.asks)
    }

    pub fn deliver(&mut self, flight: Flight) -> Vec<Output> {
        let Flight { from, to, letter } = flight;
        self.turn(to.0, Input::Letter { from, letter })
    }

    /// Delivers everything that is on its way, and what follows from it.
    pub fn settle(&mut self) {
        while !self.net.is_empty() {
            let flight = self.net.remove(0);
            self.deliver(flight);
        }
    }

    pub fn settle_without(&mut self, cut: &[u64]) {
        while !self.net.is_empty() {
            let flight = self.net.remove(0);
            if !cut.contains(&flight.from.0) && !cut.contains(&flight.to.0) {
                self.deliver(flight);
            }
        }
    }

    pub fn elect(&mut self, id: u64) {
        self.turn(id, Input::Campaign);
        self.settle();
        assert!(self.replica(id).status().leads, "n{id} leads");
    }

    /// Time passes for everybody; deadlines on the way are kept.
    pub fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            for id in self.due() {
                self.turn(id, Input::Timeout);
            }
        }
        self.now = end;
    }

    pub fn next_deadline(&self) -> Option<Time> {
        self.nodes.values().filter_map(|node| node.replica.as_ref()?.deadline()).min()
    }

    pub fn due(&self) -> Vec<u64> {
        let now = self.now;
        let due = |node: &&Node| {
            node.replica.as_ref().and_then(Protocol::deadline).is_some_and(|at| at <= now)
        };
        self.nodes.values().filter(due).map(|node| node.id.0).collect()
    }

    /// The power goes; of what was not synced, the first `keep` writes happen
    /// to be on the disk.
    pub fn crash(&mut self, id: u64, keep: usize) {
        let node = self.node(id);
        let synced = node.disk.partition_point(|(serial, _)| *serial <= node.durable);
        node.disk.truncate(synced + keep);
        node.replica = None;
        node.gated.clear();
        node.serial = node.disk.last().map_or(Serial::ZERO, |(serial, _)| *serial);
        node.durable = node.serial;
        node.commit = Index::ZERO;
    }

    /// The disk is gone, with every promise on it. The next life begins on an
    /// empty one.
    pub fn lose_disk(&mut self, id: u64) {
        self.crash(id, 0);
        let node = self.node(id);
        let writes = std::mem::take(&mut node.disk).into_iter().map(|(_, write)| write);
        // What a mute replica wrote never counted.
        node.lost.extend(writes.filter(|_| !node.setup.mute));
        (node.serial, node.durable) = (Serial::ZERO, Serial::ZERO);
        (node.checkpoint, node.behind) = (Checkpoint::default(), Vec::new());
    }

    pub fn restart(&mut self, id: u64) {
        let (kind, lives) = (self.kind, self.lives);
        self.lives += 1;
        let node = self.node(id);
        let setup = Setup { seed: node.setup.seed.wrapping_add(lives), ..node.setup.clone() };
        let stable = node.stable();
        node.commit = stable.base.index;
        let opened = Protocol::open(kind, setup, stable);
        node.replica = Some(opened.expect("what was written can be read"));
    }

    pub fn leader(&self) -> Option<u64> {
        let leads = |node: &&Node| node.replica.as_ref().is_some_and(|r| r.status().leads);
        self.nodes.values().find(leads).map(|node| node.id.0)
    }
}

/// What a step wanted, in the order in which people read it.
#[derive(Clone, Debug)]
pub enum Output {
    Write(Serial, Write),
    Letter {
        to: NodeId,
        letter: Letter,
        after: Serial,
        gated: bool,
    },
    /// A letter that waited for the disk and leaves now.
    Leaves(NodeId, Letter),
    Commit(Index),
    Answer(Answer),
    Lead(consensus::contract::Lead),
    /// A follower that needs a checkpoint, and what it has.
    Behind(NodeId, Index),
    Dropped(&'static str),
}

impl Node {
    fn new(kind: ProtocolKind, setup: Setup) -> Self {
        let replica = Protocol::open(kind, setup.clone(), Stable::default());
        Self {
            id: setup.me,
            replica: Some(replica.expect("an empty disk is a first start")),
            slow_disk: false,
            gaps: kind.has_gaps(),
            setup,
            disk: Vec::new(),
            serial: Serial::ZERO,
            durable: Serial::ZERO,
            gated: Vec::new(),
            commit: Index::ZERO,
            answers: Vec::new(),
            checkpoint: Checkpoint::default(),
            lost: Vec::new(),
            behind: Vec::new(),
        }
    }

    fn take(&mut self, out: Outbox, seen: &mut Vec<Output>, net: &mut Vec<Flight>) {
        for parcel in std::mem::take(&mut self.gated) {
            match parcel.release(self.durable) {
                Ok((to, letter)) => {
                    seen.push(Output::Leaves(to, letter.clone()));
                    net.push(Flight { from: self.id, to, letter });
                }
                Err(parcel) => self.gated.push(parcel),
            }
        }
        let first = out.serial.0 - out.writes.len() as u64;
        for (serial, write) in (first + 1..).zip(out.writes) {
            seen.push(Output::Write(Serial(serial), write.clone()));
            self.disk.push((Serial(serial), write));
        }
        self.serial = out.serial;
        if let Some(why) = out.dropped {
            seen.push(Output::Dropped(why));
        }
        if let Some(lead) = out.lead {
            seen.push(Output::Lead(lead));
        }
        if let Some(commit) = out.commit {
            assert!(commit > self.commit, "the commit index grows");
            self.commit = commit;
            seen.push(Output::Commit(commit));
        }
        seen.extend(out.behind.iter().map(|(peer, has)| Output::Behind(*peer, *has)));
        self.behind.extend(out.behind);
        seen.extend(out.answers.iter().copied().map(Output::Answer));
        self.answers.extend(out.answers);
        for parcel in out.parcels {
            self.post(parcel, seen, net);
        }
    }

    fn post(&mut self, parcel: Parcel, seen: &mut Vec<Output>, net: &mut Vec<Flight>) {
        let after = parcel.after();
        let all = parcel.clone().release(Serial(u64::MAX));
        let (to, letter) = all.expect("everything is durable in the end");
        let gated = after > self.durable;
        seen.push(Output::Letter { to, letter: letter.clone(), after, gated });
        if gated {
            self.gated.push(parcel);
        } else {
            net.push(Flight { from: self.id, to, letter });
        }
    }

    /// Whether writes wait for the disk.
    pub fn waits(&self) -> bool {
        self.durable < self.serial
    }

    /// What a recovery makes of the disk.
    pub fn stable(&self) -> Stable {
        let mut stable = Stable { durable: self.serial, ..Stable::default() };
        let mut slots = BTreeMap::new();
        for (_, write) in &self.disk {
            match write {
                Write::Vote { body, .. } => stable.vote = Some(body.clone()),
                Write::Entry { entry, cut } => put(&mut stable.entries, entry, *cut),
                Write::Slot { entry, accepted, chosen } => {
                    slots.insert(entry.index, (entry.clone(), *accepted));
                    stable.chosen = stable.chosen.max(*chosen);
                }
                Write::Restore { place, keep: true } => {
                    stable.entries.retain(|entry| entry.index > place.index);
                    slots = slots.split_off(&place.index.next());
                }
                Write::Cut { from } => stable.entries.retain(|entry| entry.index < *from),
                Write::Restore { keep: false, .. } => stable.entries.clear(),
            }
        }
        if self.gaps {
            let base = self.checkpoint;
            (stable.base, stable.base_clock) = (base.place, base.clock);
            (stable.entries, stable.accepted) =
                slots.split_off(&base.place.index.next()).into_values().unzip();
        } else {
            self.begin(&mut stable);
        }
        stable
    }

    /// The log goes on from the checkpoint, if it has that place or begins
    /// right behind it; else it is void.
    fn begin(&self, stable: &mut Stable) {
        let Checkpoint { place, clock } = self.checkpoint;
        (stable.base, stable.base_clock) = (place, clock);
        let first = stable.entries.first().map(|entry| entry.index);
        let at = stable.entries.iter().find(|entry| entry.index == place.index);
        if at.is_some_and(|entry| entry.ballot == place.ballot) {
            stable.entries.retain(|entry| entry.index > place.index);
        } else if first.is_some_and(|first| first != place.index.next()) {
            stable.stale = stable.entries.last().map(|entry| entry.index);
            stable.entries.clear();
        }
    }

    /// The log as the replica has it in memory.
    pub fn log(&self) -> Vec<Entry> {
        let Some(replica) = &self.replica else { return Vec::new() };
        let first = replica.status().first.0;
        (first..).map_while(|index| replica.entry(Index(index)).cloned()).collect()
    }
}

fn put(entries: &mut Vec<Entry>, entry: &Entry, cut: bool) {
    let before = entries.len();
    entries.retain(|old| old.index < entry.index);
    assert_eq!(cut, before != entries.len(), "a record says whether it cuts");
    entries.push(entry.clone());
}
