//! A cluster of three lanes in lockstep: every letter arrives, every disk
//! operation is done at once, time moves from deadline to deadline.

#![allow(dead_code, reason = "each test file uses its part")]

use base::{AskId, KeyspaceId, Revision, Time, WatchKey};
use bytes::Bytes;
use journal::disk::{Disk, DiskDone, DiskError, DiskOp};
use journal::memory::MemoryDisk;
use kv::command::{Command, DeleteRange, Envelope, KeyRange, OpReply, Put, RangeQuery};
use node::boot::{BootOptions, Booted, Timing, boot};
use node::bootstrap::MemberSpec;
use node::event::{Action, Answer, Ask, Event, Halt, Level, Query, WatchEvent};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(crate) const KEYSPACE: KeyspaceId = KeyspaceId(1);

pub(crate) fn options(name: &str, seed: u64) -> BootOptions {
    let spec = |name: &&str| MemberSpec {
        name: (*name).into(),
        peer_urls: vec![format!("http://{name}:2380")],
    };
    BootOptions {
        name: name.into(),
        token: "test".into(),
        members: ["a", "b", "c"].iter().map(spec).collect(),
        protocol: None,
        client_urls: vec![format!("http://{name}:2379")],
        timing: Timing {
            heartbeat: Duration::from_millis(50),
            election: Duration::from_millis(500),
        },
        request_timeout: Duration::from_secs(5),
        quota: None,
        keep_history: None,
        segment_bytes: 1 << 15,
        checkpoint_bytes: 1 << 15,
        held_bytes: base::limits::HELD_BYTES,
        sweep_per_turn: base::limits::SWEEP_PER_TURN,
        pending_bytes: base::limits::LOG_PENDING_BYTES_MAX,
        seed,
        incarnation: seed,
    }
}

/// Says whether a node's disk fails at an operation, and may do more to it.
pub(crate) type Sick = Box<dyn FnMut(usize, &DiskOp, &mut MemoryDisk) -> bool>;

pub(crate) struct Cluster {
    pub(crate) now: Time,
    pub(crate) nodes: Vec<Option<Booted>>,
    pub(crate) disks: Vec<MemoryDisk>,
    pub(crate) mail: VecDeque<(usize, Event)>,
    pub(crate) replies: BTreeMap<AskId, Answer>,
    pub(crate) watched: Vec<(WatchKey, WatchEvent)>,
    pub(crate) disks_work: bool,
    /// Which disks fail at what; whoever sets it has to look at `halts`.
    pub(crate) sick: Option<Sick>,
    /// Who stopped, and why, if disks are sick.
    pub(crate) halts: Vec<(usize, Halt)>,
    /// A node whose log's disk does nothing, and what it should have done.
    pub(crate) stalled: Option<usize>,
    held: Vec<(usize, DiskOp)>,
    /// A node that no letter reaches or leaves.
    pub(crate) cut: Option<usize>,
    asks: u64,
    options: fn(&str, u64) -> BootOptions,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self::on((0..3).map(|_| MemoryDisk::new()).collect())
    }

    /// A cluster on these disks.
    pub(crate) fn on(disks: Vec<MemoryDisk>) -> Self {
        Self::with(disks, options)
    }

    /// A new cluster with other options.
    pub(crate) fn started(options: fn(&str, u64) -> BootOptions) -> Self {
        Self::with((0..3).map(|_| MemoryDisk::new()).collect(), options)
    }

    /// A cluster on these disks with other options.
    pub(crate) fn with(disks: Vec<MemoryDisk>, options: fn(&str, u64) -> BootOptions) -> Self {
        let mut cluster = Self {
            now: Time::ZERO,
            nodes: (0..3).map(|_| None).collect(),
            disks,
            mail: VecDeque::new(),
            replies: BTreeMap::new(),
            watched: Vec::new(),
            disks_work: true,
            sick: None,
            halts: Vec::new(),
            stalled: None,
            held: Vec::new(),
            cut: None,
            asks: 0,
            options,
        };
        (0..3).for_each(|at| cluster.start(at));
        cluster
    }

    pub(crate) fn start(&mut self, at: usize) {
        let options = (self.options)(["a", "b", "c"][at], at as u64 + 1 + self.now.0);
        self.nodes[at] = Some(boot(&mut self.disks[at], &options, self.now).unwrap());
    }

    pub(crate) fn kill(&mut self, at: usize) {
        let peer = self.nodes[at].take().unwrap().me;
        self.mail.retain(|(to, _)| *to != at);
        for other in 0..3 {
            self.step(other, Event::Link { peer, up: false });
        }
    }

    pub(crate) fn step(&mut self, at: usize, event: Event) {
        let Some(node) = &mut self.nodes[at] else { return };
        let mut actions = Vec::new();
        node.lane.step(self.now, event, &mut actions);
        node.lane.step(self.now, Event::TurnEnd, &mut actions);
        let me = node.me;
        for action in actions {
            match action {
                Action::Disk(op) if self.stalled == Some(at) => self.held.push((at, op)),
                Action::Disk(op) if self.disks_work => {
                    let done = self.perform(at, op);
                    self.mail.push_back((at, Event::Disk(done)));
                }
                Action::Disk(_) => {
                    let error =
                        DiskError { what: "write".into(), why: "broken".into(), full: false };
                    self.mail.push_back((at, Event::Disk(DiskDone::Failed(error))));
                }
                Action::Job(mut work) => {
                    while let Some(op) = work.next_op() {
                        let done = self.perform(at, op);
                        work.on_done(done);
                    }
                    self.mail.push_back((at, Event::JobDone(work.finish())));
                }
                Action::Send { to, frame, .. } => {
                    let alive = |it: &Option<Booted>| it.as_ref().is_some_and(|it| it.me == to);
                    let other = self.nodes.iter().position(alive);
                    let cut = |it: &usize| self.cut == Some(*it) || self.cut == Some(at);
                    if let Some(other) = other.filter(|it| !cut(it)) {
                        self.mail.push_back((other, Event::Frame { from: me, frame }));
                    }
                }
                Action::Reply { id, answer, .. } => {
                    assert!(self.replies.insert(id, answer).is_none(), "{id} answered twice");
                }
                Action::Watch { key, event, .. } => self.watched.push((key, event)),
                Action::Halt(why) if self.sick.is_some() => self.halts.push((at, why)),
                Action::Halt(why) if self.disks_work => panic!("{at} stopped: {why:?}"),
                Action::Note(_) | Action::Halt(_) => {}
            }
        }
    }

    fn perform(&mut self, at: usize, op: DiskOp) -> DiskDone {
        let disk = &mut self.disks[at];
        if self.sick.as_mut().is_some_and(|sick| sick(at, &op, disk)) {
            let (what, why) = (format!("{op:?}"), "input/output error".into());
            return DiskDone::Failed(DiskError { what, why, full: false });
        }
        disk.perform(op)
    }

    /// The disk that stood still does what it should have done.
    pub(crate) fn unstall(&mut self) {
        self.stalled = None;
        for (at, op) in std::mem::take(&mut self.held) {
            let done = self.perform(at, op);
            self.mail.push_back((at, Event::Disk(done)));
        }
    }

    /// Goes on until `done`, at most for a minute of the cluster's own time.
    pub(crate) fn run(&mut self, mut done: impl FnMut(&Self) -> bool) {
        let end = self.now + Duration::from_secs(60);
        while !done(self) {
            assert!(self.now < end, "the cluster makes no progress");
            if let Some((at, event)) = self.mail.pop_front() {
                self.step(at, event);
                continue;
            }
            let soonest = self.nodes.iter().flatten().filter_map(|it| it.lane.deadline()).min();
            self.now = soonest.unwrap().max(self.now + Duration::from_nanos(1));
            (0..3).for_each(|at| self.step(at, Event::Timeout));
        }
    }

    pub(crate) fn ask(&mut self, at: usize, ask: Ask) -> AskId {
        self.asks += 1;
        let id = AskId(self.asks);
        self.step(at, Event::Ask { id, ask });
        id
    }

    pub(crate) fn answer(&mut self, at: usize, ask: Ask) -> Answer {
        let id = self.ask(at, ask);
        self.run(|cluster| cluster.replies.contains_key(&id));
        self.replies[&id].clone()
    }

    pub(crate) fn put(&mut self, at: usize, key: &'static str, value: &'static str) -> Answer {
        self.answer(at, put(key, value))
    }

    /// Whether a node says that its disk is full.
    pub(crate) fn has_no_room(&mut self, at: usize) -> bool {
        let Answer::Status(status) = self.answer(at, Ask::Status) else { panic!("no status") };
        status.no_room
    }

    pub(crate) fn get(&mut self, at: usize, key: &'static str) -> Option<Bytes> {
        let Answer::Kv(reply) = self.answer(at, get(key, Level::Linearizable)) else {
            panic!("no reply from {at}")
        };
        let Ok(OpReply::Range(range)) = reply.result else { panic!("no range from {at}") };
        range.kvs.first().map(|kv| kv.value.clone())
    }

    pub(crate) fn leader(&mut self) -> usize {
        let mut found = None;
        for at in 0..3 {
            if self.nodes[at].is_some()
                && let Answer::Status(status) = self.answer(at, Ask::Status)
            {
                found = found.or(status.leader);
            }
        }
        let is = |it: &Option<Booted>| it.as_ref().is_some_and(|it| Some(it.me) == found);
        self.nodes.iter().position(is).expect("a leader that is alive")
    }
}

pub(crate) fn put(key: &'static str, value: &'static str) -> Ask {
    let envelope = Envelope { keyspace: KEYSPACE, ..Envelope::default() };
    let put = Put {
        key: Bytes::from_static(key.as_bytes()),
        value: Some(Bytes::from_static(value.as_bytes())),
        lease: Some(0),
        want_previous: false,
    };
    Ask::Write { envelope, command: Command::Put(put) }
}

pub(crate) fn delete(key: &'static str) -> Ask {
    let envelope = Envelope { keyspace: KEYSPACE, ..Envelope::default() };
    let range = KeyRange::One(key.into());
    Ask::Write {
        envelope,
        command: Command::DeleteRange(DeleteRange { range, want_previous: false }),
    }
}

pub(crate) fn get(key: &'static str, level: Level) -> Ask {
    let query = Query::Range(RangeQuery {
        range: KeyRange::One(Bytes::from_static(key.as_bytes())),
        revision: None,
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        modified: (0, 0),
        create: (0, 0),
    });
    Ask::Read { keyspace: KEYSPACE, query, level }
}

pub(crate) fn revision(answer: &Answer) -> Revision {
    match answer {
        Answer::Kv(reply) if reply.result.is_ok() => reply.revision,
        other => panic!("not done: {other:?}"),
    }
}
