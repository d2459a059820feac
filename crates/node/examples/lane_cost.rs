//! What does a put cost the lanes of a cluster, apart from everything around them?
//!
//! `lane_cost put 10000 64`: three lanes in one thread, 10,000 puts of 256 bytes
//! (or linearizable `get`s) at the leader, 64 at a time. Nothing here is random
//! or timed, so that valgrind counts the same instructions and allocations every
//! time; `cargo xtask bench-cost` runs it so, with two counts, whose difference is
//! free of what the start costs.
//!
//! The disk is in memory, and after the start keeps nothing: what the lanes hand
//! over is whole, and what a kernel does with it is not theirs. Frames go from
//! lane to lane as they would go over a socket, encoded and read again.

#![expect(clippy::indexing_slicing, reason = "there are three lanes, and no others")]

use base::{AskId, GroupId, KeyspaceId, Time};
use bytes::Bytes;
use journal::disk::{DiskDone, DiskOp};
use journal::memory::MemoryDisk;
use kv::command::{Command, Envelope, KeyRange, Put, RangeQuery};
use node::boot::{BootOptions, Booted, Timing, boot};
use node::bootstrap::MemberSpec;
use node::event::{Action, Answer, Ask, Event, Level, Query};
use std::time::Duration;

const NAMES: [&str; 3] = ["a", "b", "c"];
const KEYSPACE: KeyspaceId = KeyspaceId(1);
const KEYS: u64 = 5_000;
const VALUE: [u8; 256] = [b'v'; 256];
/// What the way to another lane, or to a disk and back, takes.
const HOP: Duration = Duration::from_micros(100);
/// How many asks at a time write every key before anything is counted.
const FILL_TOGETHER: u64 = 100;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
    let (ask, count, together): (fn(u64) -> Ask, _, _) = match words.as_slice() {
        ["put", count, together] => (put, number(count), number(together)),
        ["get", count, together] => (get, number(count), number(together)),
        _ => return eprintln!("Usage: lane_cost put|get COUNT TOGETHER"),
    };
    let (Some(count), Some(together)) = (count, together) else {
        return eprintln!("COUNT and TOGETHER are numbers above 0");
    };
    let mut world = World::start();
    let leader = world.elect();
    world.ask_all(leader, put, KEYS, FILL_TOGETHER);
    world.counted = Counted::default();
    world.ask_all(leader, ask, count, together);
    world.counted.print(words[0], count);
}

/// What the lanes handed over.
#[derive(Default)]
struct Counted {
    turns: u64,
    frames: u64,
    frame_bytes: u64,
    disk_ops: u64,
    disk_bytes: u64,
}

impl Counted {
    /// One line, one name and number after the other.
    fn print(&self, verb: &str, count: u64) {
        let per = |number: u64| number as f64 / count as f64;
        println!(
            "{verb} turns {:.3} frames {:.3} frame-bytes {:.1} disk-ops {:.3} disk-bytes {:.1}",
            per(self.turns),
            per(self.frames),
            per(self.frame_bytes),
            per(self.disk_ops),
            per(self.disk_bytes)
        );
    }

    fn disk(&mut self, op: &DiskOp) {
        if let DiskOp::Write { parts, .. } = op {
            self.disk_ops += 1;
            self.disk_bytes += parts.iter().map(|part| part.len() as u64).sum::<u64>();
        }
    }
}

/// Three lanes, and what is on its way to each.
struct World {
    now: Time,
    nodes: Vec<Booted>,
    mail: [Vec<Event>; 3],
    actions: Vec<Action>,
    asked: u64,
    answered: u64,
    counted: Counted,
}

impl World {
    fn start() -> Self {
        let node = |at| boot(&mut MemoryDisk::new(), &options(at), Time::ZERO).expect("it boots");
        Self {
            now: Time::ZERO,
            nodes: (0..NAMES.len()).map(node).collect(),
            mail: Default::default(),
            actions: Vec::new(),
            asked: 0,
            answered: 0,
            counted: Counted::default(),
        }
    }

    /// Goes on until all groups have a leader; says who leads the keyspace.
    fn elect(&mut self) -> usize {
        loop {
            self.round();
            let leads = |node: &Booted| node.lane.leads(GroupId::DEFAULT);
            if let Some(leader) = self.nodes.iter().position(leads) {
                return leader;
            }
        }
    }

    /// Asks one after the other, so many at a time, each time until all are answered.
    fn ask_all(&mut self, at: usize, ask: fn(u64) -> Ask, count: u64, together: u64) {
        let end = self.asked + count;
        while self.asked < end {
            for _ in 0..together.min(end - self.asked) {
                self.asked += 1;
                let event = Event::Ask { id: AskId(self.asked), ask: ask(self.asked) };
                self.mail[at].push(event);
            }
            while self.answered < self.asked {
                self.round();
            }
        }
    }

    /// Every lane that has something to do takes a turn; what it sends arrives in
    /// the next round.
    fn round(&mut self) {
        self.now += HOP;
        let arrived = std::mem::take(&mut self.mail);
        for (at, events) in arrived.into_iter().enumerate() {
            let lane = &mut self.nodes[at].lane;
            let due = lane.deadline().is_some_and(|deadline| deadline <= self.now);
            if events.is_empty() && !due {
                continue;
            }
            for event in events {
                lane.step(self.now, event, &mut self.actions);
            }
            if lane.deadline().is_some_and(|deadline| deadline <= self.now) {
                lane.step(self.now, Event::Timeout, &mut self.actions);
            }
            lane.step(self.now, Event::TurnEnd, &mut self.actions);
            self.counted.turns += 1;
            self.perform(at);
        }
    }

    fn perform(&mut self, at: usize) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Disk(op) => {
                    self.counted.disk(&op);
                    self.mail[at].push(Event::Disk(DiskDone::Synced));
                }
                Action::Send { to, frame, .. } => {
                    self.counted.frames += 1;
                    self.counted.frame_bytes += frame.len() as u64;
                    let from = self.nodes[at].me;
                    let other = self.nodes.iter().position(|node| node.me == to);
                    self.mail[other.expect("a member")].push(Event::Frame { from, frame });
                }
                Action::Reply { answer: Answer::Kv(reply), .. } if reply.result.is_ok() => {
                    self.answered += 1;
                }
                Action::Job(mut job) => {
                    while job.next_op().is_some() {
                        job.on_done(DiskDone::Synced);
                    }
                    self.mail[at].push(Event::JobDone(job.finish()));
                }
                Action::Note(_) | Action::Watch { .. } => {}
                Action::Reply { answer, .. } => panic!("not done: {answer:?}"),
                Action::Halt(why) => panic!("{} stopped: {why:?}", NAMES[at]),
            }
        }
        self.actions = actions;
    }
}

/// A server's defaults, but that checkpoints stay out of it.
fn options(at: usize) -> BootOptions {
    let name = NAMES[at];
    let spec = |name: &&str| MemberSpec {
        name: (*name).into(),
        peer_urls: vec![format!("http://{name}:2380")],
    };
    BootOptions {
        name: name.into(),
        token: "cost".into(),
        members: NAMES.iter().map(spec).collect(),
        protocol: None,
        client_urls: vec![format!("http://{name}:2379")],
        timing: Timing {
            heartbeat: Duration::from_millis(100),
            election: Duration::from_millis(1000),
        },
        request_timeout: Duration::from_secs(7),
        quota: None,
        keep_history: None,
        segment_bytes: 64 << 20,
        checkpoint_bytes: u64::MAX,
        held_bytes: base::limits::HELD_BYTES,
        sweep_per_turn: base::limits::SWEEP_PER_TURN,
        pending_bytes: base::limits::LOG_PENDING_BYTES_MAX,
        seed: at as u64 + 1,
        incarnation: at as u64 + 1,
    }
}

/// Keys in an order that looks like none.
fn key(number: u64) -> Bytes {
    format!("bench/{:010}", number.wrapping_mul(2_654_435_761) % KEYS).into()
}

fn put(number: u64) -> Ask {
    let put = Put {
        key: key(number),
        value: Some(Bytes::from_static(&VALUE)),
        lease: Some(0),
        want_previous: false,
    };
    let envelope = Envelope { keyspace: KEYSPACE, ..Envelope::default() };
    Ask::Write { envelope, command: Command::Put(put) }
}

fn get(number: u64) -> Ask {
    let query = Query::Range(RangeQuery {
        range: KeyRange::One(key(number)),
        revision: None,
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        modified: (0, 0),
        create: (0, 0),
    });
    Ask::Read { keyspace: KEYSPACE, query, level: Level::Linearizable }
}
