//! Disks that answer with an error or not at all, and crashes at bad moments:
//! what follows is what docs/reliability.md says.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::check::Mark;
use base::{GroupId, Index, NodeId};
use harness::{Cluster, KEYSPACE, Sick, get, options, put};
use journal::disk::{Disk, DiskOp};
use journal::memory::MemoryDisk;
use kv::command::{Command, Envelope, Put};
use node::boot::BootOptions;
use node::event::{Answer, Ask, Halt, Level, Refused};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const VALUE: &str =
    "a value of some length, so that the log grows as it would elsewhere, and checkpoints are due";
/// What may wait for a disk here: as it is in a server, it would take long to fill.
const PENDING: usize = 4 << 20;
const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn states(cluster: &Cluster) -> Vec<Vec<(Index, u64)>> {
    let state = |group| {
        let nodes = cluster.nodes.iter().flatten();
        nodes.map(move |it| it.lane.state_hash(group).unwrap()).collect::<Vec<_>>()
    };
    [GroupId::DIRECTORY, GroupId::DEFAULT].map(state).into()
}

fn in_step(cluster: &Cluster) -> bool {
    let nodes = cluster.nodes.iter().flatten().count();
    let same = |all: &Vec<(Index, u64)>| all.iter().all(|it| *it == all[0] && it.0 > Index::ZERO);
    nodes == 3 && states(cluster).iter().all(same)
}

/// Three nodes that have applied the same.
fn settled() -> Cluster {
    let mut cluster = Cluster::new();
    assert!(is_done(&cluster.put(0, "a", "first")));
    cluster.run(in_step);
    cluster
}

fn is_done(answer: &Answer) -> bool {
    matches!(answer, Answer::Kv(reply) if reply.result.is_ok())
}

fn fill(cluster: &mut Cluster, at: usize, puts: usize) {
    for count in 0..puts {
        cluster.put(at, KEYS[count % KEYS.len()], VALUE);
    }
}

/// A settled cluster whose node, the second value, was away until it lacks what
/// the others have dropped. The third has always been there and does not lead.
fn with_a_straggler() -> (Cluster, usize, usize) {
    let mut cluster = settled();
    let lost = (cluster.leader() + 1) % 3;
    cluster.kill(lost);
    let other = (lost + 1) % 3;
    fill(&mut cluster, other, 1500);
    (cluster, lost, other)
}

fn is_chunk(name: &str) -> bool {
    name.starts_with("state-1-") && name.ends_with(".chunk")
}

/// Fails at the first so many of the operations that `picks` picks.
fn fails(
    times: u64,
    mut picks: impl FnMut(usize, &DiskOp) -> bool + 'static,
) -> (Sick, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&count);
    let sick = move |at: usize, op: &DiskOp, _: &mut MemoryDisk| {
        picks(at, op) && seen.fetch_add(1, Ordering::Relaxed) < times
    };
    (Box::new(sick), count)
}

fn reads_chunk(op: &DiskOp) -> bool {
    matches!(op, DiskOp::Read { file, .. } if is_chunk(file))
}

fn writes_chunk(op: &DiskOp) -> bool {
    matches!(op, DiskOp::Replace { file, .. } if is_chunk(file))
}

/// A node that cannot write a chunk stops: what its disk did is unknown. The
/// others go on, and with a disk that works it starts from what it had.
#[test]
fn an_error_while_a_checkpoint_is_written_stops_the_node_and_loses_nothing() {
    let mut cluster = settled();
    let ill = (cluster.leader() + 1) % 3;
    let well = (ill + 1) % 3;
    fill(&mut cluster, well, 600);
    cluster.run(in_step);
    let (sick, count) = fails(1, move |at, op| at == ill && writes_chunk(op));
    cluster.sick = Some(sick);
    fill(&mut cluster, well, 600);
    assert_eq!(count.load(Ordering::Relaxed), 1, "it stopped at the first error");
    assert!(matches!(&cluster.halts[..], [(at, Halt::Disk(_))] if *at == ill));
    let stopped = cluster.answer(ill, get("a", Level::Serializable));
    assert_eq!(stopped, Answer::Refused(Refused::Stopped));

    cluster.kill(ill);
    cluster.start(ill);
    let report = &cluster.nodes[ill].as_ref().unwrap().report;
    assert!(report.contains("from a checkpoint"), "{report}");
    cluster.run(in_step);
    assert_eq!(cluster.get(ill, "a").as_deref(), Some(VALUE.as_bytes()));
}

/// A chunk that cannot be read for another node is as good as gone: the node that
/// has it goes on, and the other is helped all the same.
#[test]
fn an_error_while_a_chunk_is_read_for_another_node_stops_nobody() {
    let (mut cluster, lost, other) = with_a_straggler();
    let (sick, count) = fails(3, move |at, op| at != lost && reads_chunk(op));
    cluster.sick = Some(sick);
    let installed = Mark::CheckpointInstalled.count();
    cluster.start(lost);
    cluster.run(in_step);
    assert!(count.load(Ordering::Relaxed) > 3, "it was tried again");
    assert!(Mark::CheckpointInstalled.count() > installed);
    assert!(is_done(&cluster.put(other, "a", "after")));
    assert!(cluster.halts.is_empty(), "{:?}", cluster.halts);
}

/// What was fetched is read back before it becomes the state. A chunk that cannot be
/// read, or is not what its name says, is fetched once more, and only that one.
#[test]
fn a_fetched_chunk_that_went_bad_is_fetched_again() {
    for rots in [false, true] {
        let (mut cluster, lost, _) = with_a_straggler();
        let (mut fails, count) = fails(1, move |at, op| at == lost && reads_chunk(op));
        let sick: Sick = Box::new(move |at, op, disk| {
            let bad = fails(at, op, disk);
            if let DiskOp::Read { file, .. } = op
                && bad
                && rots
            {
                assert!(disk.rot(file, 70, 0x40));
            }
            bad && !rots
        });
        let damaged = Mark::FetchedChunkDamaged.count();
        cluster.start(lost);
        cluster.sick = Some(sick);
        cluster.run(in_step);
        assert!(count.load(Ordering::Relaxed) > 1, "it was read again");
        assert!(Mark::FetchedChunkDamaged.count() > damaged, "rots: {rots}");
        assert!(cluster.halts.is_empty(), "{:?}", cluster.halts);
        assert_eq!(cluster.get(lost, "e").as_deref(), Some(VALUE.as_bytes()));
        // What it has now is a good start.
        cluster.sick = None;
        cluster.kill(lost);
        cluster.start(lost);
        cluster.run(in_step);
    }
}

fn manifests(disk: &mut MemoryDisk) -> Vec<(String, Vec<u8>)> {
    let names = disk.list().unwrap().into_iter().map(|(name, _)| name);
    let names: Vec<String> =
        names.filter(|name| name.contains("state-1-") && name.contains("manifest")).collect();
    names
        .into_iter()
        .map(|name| {
            let content = disk.content(&name).unwrap().to_vec();
            (name, content)
        })
        .collect()
}

/// A leader of the past has written much that nobody chose. It takes over a
/// checkpoint, and dies after that is on its disk and before its log says so. The
/// log then holds another entry at that place, and all of it is void.
#[test]
fn a_crash_between_a_checkpoint_that_was_taken_over_and_the_log_brings_nothing_back() {
    let mut cluster = settled();
    let old = cluster.leader();
    cluster.cut = Some(old);
    let lost: Vec<_> = (0..2500).map(|_| cluster.ask(old, put("lost", VALUE))).collect();
    let other = (old + 1) % 3;
    fill(&mut cluster, other, 1500);
    assert!(lost.iter().all(|id| !cluster.replies.get(id).is_some_and(is_done)));
    let before = manifests(&mut cluster.disks[old]);
    cluster.cut = None;
    loop {
        let (at, event) =
            cluster.mail.pop_front().unwrap_or_else(|| panic!("nothing more happens"));
        cluster.step(at, event);
        if manifests(&mut cluster.disks[old]) != before {
            break;
        }
        if cluster.mail.is_empty() {
            let now = cluster.now;
            cluster.run(|cluster| cluster.now > now || !cluster.mail.is_empty());
        }
    }
    cluster.kill(old);
    let void = Mark::LogVoidAtBoot.count();
    cluster.start(old);
    assert!(Mark::LogVoidAtBoot.count() > void, "its log had another entry at that place");
    cluster.run(in_step);
    assert_eq!(cluster.get(old, "lost"), None);
    assert_eq!(cluster.get(old, "e").as_deref(), Some(VALUE.as_bytes()));
}

/// A node that lost its promises with its disk follows and never leads, whoever asks.
#[test]
fn leadership_is_not_moved_to_a_node_with_an_emptied_disk() {
    let mut cluster = settled();
    let leader = cluster.leader();
    let mute = (leader + 1) % 3;
    let to: NodeId = cluster.nodes[mute].as_ref().unwrap().me;
    let known = |it: &node::boot::Booted| it.lane.life(to).is_some();
    cluster.run(|cluster| cluster.nodes.iter().flatten().all(known));
    cluster.kill(mute);
    cluster.disks[mute] = MemoryDisk::new();
    let lost = Mark::DiskLost.count();
    cluster.start(mute);
    cluster.run(|cluster| Mark::DiskLost.count() > lost && in_step(cluster));
    let answer = cluster.answer(leader, Ask::MoveLeader { to });
    assert_eq!(answer, Answer::Refused(Refused::BadTransferee));
    assert_eq!(cluster.leader(), leader);
    assert!(is_done(&cluster.put(mute, "a", "after")));
}

fn command(command: Command) -> Ask {
    let envelope = Envelope { keyspace: KEYSPACE, ..Envelope::default() };
    Ask::Write { envelope, command }
}

fn large(key: &'static str, bytes: usize) -> Ask {
    let put = Put {
        key: key.into(),
        value: Some(vec![b'x'; bytes].into()),
        lease: Some(0),
        want_previous: false,
    };
    command(Command::Put(put))
}

/// What waits for the disk of a node.
fn log_bytes(cluster: &mut Cluster, at: usize) -> usize {
    let now = cluster.now;
    cluster.run(|cluster| cluster.now > now);
    let Answer::Status(status) = cluster.answer(at, Ask::Status) else { panic!("no status") };
    status.queues.log_bytes
}

/// The others choose without the leader's own disk. What waits for that is bounded,
/// and then one of them leads, and takes what the old leader would not.
#[test]
fn a_leader_whose_disk_does_nothing_takes_no_more_than_it_can_hold_and_hands_over() {
    let mut cluster = Cluster::started(|name, seed| BootOptions {
        segment_bytes: 8 << 20,
        checkpoint_bytes: 16 << 20,
        pending_bytes: PENDING,
        ..options(name, seed)
    });
    assert!(is_done(&cluster.put(0, "a", "first")));
    cluster.run(in_step);
    let leader = cluster.leader();
    cluster.stalled = Some(leader);
    let one = 1 << 18;
    let mut taken = 0;
    let refused = loop {
        let answer = cluster.answer(leader, large("k", one));
        if !is_done(&answer) {
            break answer;
        }
        taken += 1;
        assert!(taken * one < 2 * PENDING, "it would take for ever");
    };
    assert_eq!(refused, Answer::Refused(Refused::TooManyRequests));
    assert!(taken * one >= PENDING - 2 * one, "only {taken} were taken");
    cluster.run(|cluster| !cluster.nodes[leader].as_ref().unwrap().lane.leads(GroupId::DEFAULT));
    for at in (0..3).filter(|at| *at != leader) {
        assert!(is_done(&cluster.answer(at, large("k", one))), "at {at}");
    }
    assert_ne!(cluster.leader(), leader);
    cluster.unstall();
    while log_bytes(&mut cluster, leader) > one {
        cluster.run(in_step);
    }
    assert!(is_done(&cluster.put(leader, "k", "small again")));
}
