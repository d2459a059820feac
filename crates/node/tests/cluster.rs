//! Whole lanes in lockstep: every letter arrives, every disk operation is done
//! at once, time moves from deadline to deadline. What the simulator shakes,
//! these tests tell as stories.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

use base::{AskId, GroupId, KeyspaceId, Revision, Time, WatchKey};
use bytes::Bytes;
use journal::disk::{Disk, DiskDone, DiskError};
use journal::memory::MemoryDisk;
use kv::command::{Command, Envelope, KeyRange, OpReply, Put, RangeQuery};
use node::boot::{BootOptions, Booted, Timing, boot};
use node::bootstrap::MemberSpec;
use node::event::{Action, Answer, Ask, Event, Level, Query, Refused, WatchEvent, WatchOpen};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const KEYSPACE: KeyspaceId = KeyspaceId(1);

fn options(name: &str, seed: u64) -> BootOptions {
    let spec = |name: &&str| MemberSpec {
        name: (*name).into(),
        peer_urls: vec![format!("http://{name}:2380")],
    };
    BootOptions {
        name: name.into(),
        token: "test".into(),
        members: ["a", "b", "c"].iter().map(spec).collect(),
        client_urls: vec![format!("http://{name}:2379")],
        timing: Timing {
            heartbeat: Duration::from_millis(50),
            election: Duration::from_millis(500),
        },
        request_timeout: Duration::from_secs(5),
        segment_bytes: 1 << 20,
        seed,
        incarnation: seed,
    }
}

struct Cluster {
    now: Time,
    nodes: Vec<Option<Booted>>,
    disks: Vec<MemoryDisk>,
    mail: VecDeque<(usize, Event)>,
    replies: BTreeMap<AskId, Answer>,
    watched: Vec<(WatchKey, WatchEvent)>,
    disks_work: bool,
    asks: u64,
}

impl Cluster {
    fn new() -> Self {
        let mut cluster = Self {
            now: Time::ZERO,
            nodes: (0..3).map(|_| None).collect(),
            disks: (0..3).map(|_| MemoryDisk::new()).collect(),
            mail: VecDeque::new(),
            replies: BTreeMap::new(),
            watched: Vec::new(),
            disks_work: true,
            asks: 0,
        };
        (0..3).for_each(|at| cluster.start(at));
        cluster
    }

    fn start(&mut self, at: usize) {
        let options = options(["a", "b", "c"][at], at as u64 + 1 + self.now.0);
        self.nodes[at] = Some(boot(&mut self.disks[at], &options, self.now).unwrap());
    }

    fn kill(&mut self, at: usize) {
        let peer = self.nodes[at].take().unwrap().me;
        for other in 0..3 {
            self.step(other, Event::Link { peer, up: false });
        }
    }

    fn step(&mut self, at: usize, event: Event) {
        let Some(node) = &mut self.nodes[at] else { return };
        let mut actions = Vec::new();
        node.lane.step(self.now, event, &mut actions);
        node.lane.step(self.now, Event::TurnEnd, &mut actions);
        let me = node.me;
        for action in actions {
            match action {
                Action::Disk(op) if self.disks_work => {
                    let done = self.disks[at].perform(op);
                    self.mail.push_back((at, Event::Disk(done)));
                }
                Action::Disk(_) => {
                    let error = DiskError { what: "write".into(), why: "broken".into() };
                    self.mail.push_back((at, Event::Disk(DiskDone::Failed(error))));
                }
                Action::Send { to, frame, .. } => {
                    let alive = |it: &Option<Booted>| it.as_ref().is_some_and(|it| it.me == to);
                    if let Some(other) = self.nodes.iter().position(alive) {
                        self.mail.push_back((other, Event::Frame { from: me, frame }));
                    }
                }
                Action::Reply { id, answer, .. } => {
                    assert!(self.replies.insert(id, answer).is_none(), "{id} answered twice");
                }
                Action::Watch { key, event, .. } => self.watched.push((key, event)),
                Action::Note(_) | Action::Halt(_) => {}
            }
        }
    }

    /// Goes on until `done`, at most for a minute of the cluster's own time.
    fn run(&mut self, mut done: impl FnMut(&Self) -> bool) {
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

    fn ask(&mut self, at: usize, ask: Ask) -> AskId {
        self.asks += 1;
        let id = AskId(self.asks);
        self.step(at, Event::Ask { id, ask });
        id
    }

    fn answer(&mut self, at: usize, ask: Ask) -> Answer {
        let id = self.ask(at, ask);
        self.run(|cluster| cluster.replies.contains_key(&id));
        self.replies[&id].clone()
    }

    fn put(&mut self, at: usize, key: &'static str, value: &'static str) -> Answer {
        self.answer(at, put(key, value))
    }

    fn get(&mut self, at: usize, key: &'static str) -> Option<Bytes> {
        let Answer::Kv(reply) = self.answer(at, get(key, Level::Linearizable)) else {
            panic!("no reply from {at}")
        };
        let Ok(OpReply::Range(range)) = reply.result else { panic!("no range from {at}") };
        range.kvs.first().map(|kv| kv.value.clone())
    }

    fn leader(&mut self) -> usize {
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

fn put(key: &'static str, value: &'static str) -> Ask {
    let envelope = Envelope { keyspace: KEYSPACE, ..Envelope::default() };
    let put = Put {
        key: Bytes::from_static(key.as_bytes()),
        value: Some(Bytes::from_static(value.as_bytes())),
        lease: Some(0),
        want_previous: false,
    };
    Ask::Write { envelope, command: Command::Put(put) }
}

fn get(key: &'static str, level: Level) -> Ask {
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

fn revision(answer: &Answer) -> Revision {
    match answer {
        Answer::Kv(reply) if reply.result.is_ok() => reply.revision,
        other => panic!("not done: {other:?}"),
    }
}

#[test]
fn every_node_takes_writes_and_serves_what_the_others_took() {
    let mut cluster = Cluster::new();
    for (at, key) in [(0, "x"), (1, "y"), (2, "z")] {
        let answer = cluster.put(at, key, key);
        assert_eq!(revision(&answer), Revision(at as u64 + 2));
    }
    for at in 0..3 {
        for key in ["x", "y", "z"] {
            assert_eq!(cluster.get(at, key).as_deref(), Some(key.as_bytes()));
        }
    }
}

#[test]
fn a_dead_leader_is_replaced_and_catches_up_when_it_returns() {
    let mut cluster = Cluster::new();
    cluster.put(0, "k", "before");
    let old = cluster.leader();
    let other = (old + 1) % 3;
    cluster.kill(old);
    assert_eq!(cluster.get(other, "k").as_deref(), Some(&b"before"[..]));
    revision(&cluster.put(other, "k", "after"));
    cluster.start(old);
    assert_eq!(cluster.get(old, "k").as_deref(), Some(&b"after"[..]));
    let hash = |cluster: &Cluster, at: usize| {
        cluster.nodes[at].as_ref().and_then(|it| it.lane.state_hash(GroupId::DEFAULT))
    };
    cluster.run(|cluster| hash(cluster, old) == hash(cluster, other));
}

#[test]
fn without_a_majority_nothing_is_acknowledged_and_the_reason_is_told() {
    let mut cluster = Cluster::new();
    cluster.put(0, "k", "v");
    let leader = cluster.leader();
    cluster.kill((leader + 1) % 3);
    cluster.kill((leader + 2) % 3);
    let answer = cluster.put(leader, "k", "lost");
    let told = [Refused::TimedOut, Refused::NoLeader, Refused::LeaderChanged];
    assert!(told.iter().any(|why| answer == Answer::Refused(*why)), "{answer:?}");
    let read = cluster.answer(leader, get("k", Level::Linearizable));
    assert_eq!(read, Answer::Refused(Refused::TimedOut));
    let Answer::Kv(stale) = cluster.answer(leader, get("k", Level::Serializable)) else {
        panic!("a serializable read asks nobody")
    };
    assert_eq!(stale.revision, Revision(2));
}

#[test]
fn a_watch_tells_the_past_then_the_present_and_never_more_than_there_is_room_for() {
    let mut cluster = Cluster::new();
    for value in ["1", "2", "3"] {
        cluster.put(0, "k", value);
    }
    let key = WatchKey(1);
    let open = WatchOpen {
        keyspace: KEYSPACE,
        range: KeyRange::One(Bytes::from_static(b"k")),
        no_put: false,
        no_delete: false,
        want_previous: false,
        from: Some(Revision(3)),
        credit: 1,
    };
    cluster.step(0, Event::Watch { key, open });
    cluster.put(0, "k", "4");
    let told = |cluster: &Cluster| -> Vec<u64> {
        let revisions = cluster.watched.iter().filter_map(|(_, event)| match event {
            WatchEvent::Changes { batches, .. } => Some(batches.iter().map(|it| it.revision.0)),
            _ => None,
        });
        revisions.flatten().collect()
    };
    assert!(matches!(cluster.watched[0].1, WatchEvent::Opened { revision: Revision(4) }));
    assert_eq!(told(&cluster), [3, 4], "one batch of credit, then nothing");
    cluster.step(0, Event::Credit { key, batches: 9 });
    assert_eq!(told(&cluster), [3, 4, 5]);
    cluster.step(0, Event::Unwatch { key });
    cluster.put(0, "k", "5");
    assert_eq!(told(&cluster), [3, 4, 5]);
}

#[test]
fn the_directory_learns_where_clients_reach_every_member() {
    let mut cluster = Cluster::new();
    let urls = |answer: &Answer| match answer {
        Answer::Members(members) => members.iter().flat_map(|it| it.client_urls.clone()).count(),
        _ => 0,
    };
    while urls(&cluster.answer(1, Ask::Members { level: Level::Linearizable })) < 3 {}
}

#[test]
fn a_lane_whose_disk_failed_acknowledges_nothing_more() {
    let mut cluster = Cluster::new();
    cluster.put(0, "k", "v");
    cluster.disks_work = false;
    let asks: Vec<AskId> = (0..3).map(|at| cluster.ask(at, put("k", "w"))).collect();
    cluster.run(|cluster| asks.iter().all(|id| cluster.replies.contains_key(id)));
    for id in asks {
        assert!(matches!(cluster.replies[&id], Answer::Refused(_)));
    }
    let late = cluster.answer(0, get("k", Level::Serializable));
    assert_eq!(late, Answer::Refused(Refused::Stopped));
}

#[test]
fn a_data_directory_of_another_cluster_is_refused() {
    let mut disk = MemoryDisk::new();
    boot(&mut disk, &options("a", 1), Time::ZERO).unwrap();
    let other = BootOptions { token: "other".into(), ..options("a", 1) };
    let refused = boot(&mut disk, &other, Time::ZERO).unwrap_err();
    assert!(matches!(refused, node::boot::BootError::Foreign { .. }), "{refused}");
    boot(&mut disk, &options("a", 9), Time::ZERO).unwrap();
}
