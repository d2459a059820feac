//! Checkpoints: made beside the writes, started from, fallen back to, and taken
//! over by those that are behind.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::{GroupId, Index};
use harness::{Cluster, get};
use journal::memory::MemoryDisk;
use node::boot::{BootOptions, boot};
use node::event::Level;

/// Writes, once both groups have a leader: time stands still meanwhile.
fn fill(cluster: &mut Cluster, at: usize, puts: usize) {
    let led = |(index, _): &(Index, u64)| *index > Index::ZERO;
    cluster.run(|cluster| states(cluster).iter().flatten().all(led));
    for count in 0..puts {
        let key: &'static str = KEYS[count % KEYS.len()];
        let value: &'static str = VALUES[count % VALUES.len()];
        cluster.put(at, key, value);
    }
}

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];
const VALUES: [&str; 3] = [
    "one value of some length, so that the log grows as it would elsewhere, one value of some len",
    "two value of some length, so that the log grows as it would elsewhere, two value of some len",
    "tri value of some length, so that the log grows as it would elsewhere, tri value of some len",
];

fn states(cluster: &Cluster) -> Vec<Option<(Index, u64)>> {
    let state = |group| {
        cluster.nodes.iter().flatten().map(move |it| it.lane.state_hash(group)).collect::<Vec<_>>()
    };
    [GroupId::DIRECTORY, GroupId::DEFAULT].into_iter().flat_map(state).collect()
}

fn in_step(cluster: &Cluster) -> bool {
    states(cluster).chunks(3).all(|group| group.iter().all(|state| *state == group[0]))
}

fn files(disk: &mut MemoryDisk, part: &str) -> Vec<String> {
    use journal::disk::Disk;
    let files = disk.list().unwrap().into_iter().map(|(name, _)| name);
    files.filter(|name| name.contains(part)).collect()
}

#[test]
fn the_log_is_dropped_behind_the_older_checkpoint_and_a_restart_needs_no_more() {
    let mut cluster = Cluster::new();
    fill(&mut cluster, 0, 3000);
    cluster.run(in_step);
    for at in 0..3 {
        let log = files(&mut cluster.disks[at], "wal-");
        assert!(log.len() <= 16, "{log:?}");
        assert!(!log.contains(&"wal-0-0000000000000001.seg".into()), "{log:?}");
        assert_eq!(files(&mut cluster.disks[at], "manifest").len(), 4, "two of each group");
    }
    let before = states(&cluster);
    for at in 0..3 {
        cluster.kill(at);
    }
    for at in 0..3 {
        cluster.start(at);
        let report = &cluster.nodes[at].as_ref().unwrap().report;
        assert!(report.contains("from a checkpoint"), "{report}");
    }
    assert_eq!(cluster.get(1, "a").as_deref(), Some(VALUES[1].as_bytes()));
    assert_eq!(cluster.get(2, "e").as_deref(), Some(VALUES[2].as_bytes()));
    cluster.run(in_step);
    assert_ne!(before, [], "there was something to compare");
}

#[test]
fn a_node_that_is_behind_takes_over_a_checkpoint_while_the_others_go_on() {
    let mut cluster = Cluster::new();
    cluster.put(0, "a", "old");
    cluster.run(in_step);
    let lost = (cluster.leader() + 1) % 3;
    let other = (lost + 1) % 3;
    cluster.kill(lost);
    fill(&mut cluster, other, 3000);
    let installed = base::check::Mark::CheckpointInstalled.count();
    cluster.start(lost);
    for round in 0..20 {
        fill(&mut cluster, other, 10);
        assert!(cluster.get(other, "a").is_some(), "round {round}");
    }
    cluster.run(in_step);
    assert!(base::check::Mark::CheckpointInstalled.count() > installed);
    assert!(cluster.get(lost, "e").is_some());
    // What it took over is as good a start as what it made itself.
    cluster.kill(lost);
    cluster.start(lost);
    cluster.run(in_step);
    assert!(cluster.answer(lost, get("a", Level::Serializable)) != node::event::Answer::Moved);
}

/// The log in memory holds next to nothing, and no checkpoint is due: one is
/// made for the node that needs it.
#[test]
fn who_lacks_what_no_log_and_no_checkpoint_holds_is_given_a_new_one() {
    let mut cluster = Cluster::started(|name, seed| BootOptions {
        held_bytes: 0,
        checkpoint_bytes: 1 << 30,
        ..harness::options(name, seed)
    });
    fill(&mut cluster, 0, 300);
    cluster.run(in_step);
    assert_eq!(files(&mut cluster.disks[0], "manifest"), [""; 0]);
    let lost = (cluster.leader() + 1) % 3;
    cluster.kill(lost);
    cluster.disks[lost] = MemoryDisk::default();
    let installed = base::check::Mark::CheckpointInstalled.count();
    cluster.start(lost);
    cluster.run(in_step);
    assert!(base::check::Mark::CheckpointInstalled.count() > installed);
    assert!(cluster.get(lost, "e").is_some());
}

#[test]
fn a_damaged_checkpoint_is_passed_over_by_name_and_two_are_lacked() {
    let mut cluster = Cluster::new();
    fill(&mut cluster, 0, 3000);
    cluster.run(in_step);
    cluster.kill(0);
    let options = harness::options("a", 99);
    let chunks = files(&mut cluster.disks[0], ".chunk");
    let of = |slot: &str| {
        let begins = format!("state-1-{slot}-");
        chunks.iter().filter(|name| name.starts_with(&begins)).cloned().collect::<Vec<_>>()
    };
    let slots = ["a", "b"].map(of);
    assert!(slots.iter().all(|names| !names.is_empty()), "{chunks:?}");
    for names in &slots {
        let mut disk = cluster.disks[0].clone();
        assert!(disk.rot(&names[0], 70, 0x40));
        let booted = boot(&mut disk, &options, cluster.now).unwrap();
        let told = booted.report.contains(&names[0]);
        let newest = booted.report.contains("passed over");
        assert_eq!(told, newest, "{}", booted.report);
    }
    let mut disk = cluster.disks[0].clone();
    for names in &slots {
        assert!(disk.rot(&names[0], 70, 0x40));
    }
    let booted = boot(&mut disk, &options, cluster.now).unwrap();
    assert!(booted.lane.is_healing());
    assert!(slots.iter().all(|names| booted.report.contains(&names[0])), "{}", booted.report);
}

#[test]
fn leadership_moves_to_whom_it_is_given_and_away_from_who_leaves() {
    use node::event::{Answer, Ask, Event, Refused};
    let mut cluster = Cluster::new();
    cluster.put(0, "a", "1");
    cluster.run(in_step);
    let leader = cluster.leader();
    let next = (leader + 1) % 3;
    let to = cluster.nodes[next].as_ref().unwrap().me;
    let nobody = Ask::MoveLeader { to: base::NodeId(77) };
    assert_eq!(cluster.answer(next, Ask::MoveLeader { to }), Answer::Refused(Refused::NotLeader));
    assert_eq!(cluster.answer(leader, nobody), Answer::Refused(Refused::BadTransferee));
    assert_eq!(cluster.answer(leader, Ask::MoveLeader { to }), Answer::Moved);
    assert_eq!(cluster.leader(), next);
    cluster.step(next, Event::Leave);
    cluster.run(|cluster| {
        let led = |it: &node::boot::Booted| it.lane.leads(GroupId::DEFAULT);
        !led(cluster.nodes[next].as_ref().unwrap())
    });
    cluster.put(next, "a", "2");
    assert_ne!(cluster.leader(), next);
}
