//! A full disk is no death: writes are refused, everything else goes on, and so
//! do writes when there is room again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::Time;
use harness::{Cluster, delete, get, put};
use journal::disk::Disk;
use node::event::{Answer, Level, Refused};
use std::time::Duration;

const VALUE: &str =
    "a value of some length, so that the log grows as it would elsewhere, and is full";

fn is_done(answer: &Answer) -> bool {
    matches!(answer, Answer::Kv(reply) if reply.result.is_ok())
}

/// There is a leader everywhere.
fn settled() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.run(|cluster| {
        cluster.nodes.iter().flatten().all(|it| {
            [base::GroupId::DIRECTORY, base::GroupId::DEFAULT]
                .iter()
                .all(|group| it.lane.state_hash(*group).unwrap().0 > base::Index::ZERO)
        })
    });
    cluster
}

fn fill(cluster: &mut Cluster, at: usize) {
    let used = cluster.disks[at].used();
    cluster.disks[at].limit(Some(used));
}

/// Puts at one node until it refuses for want of room; says how many were done.
fn put_until_refused(cluster: &mut Cluster, at: usize) -> usize {
    let mut done = 0;
    for _ in 0..5000 {
        match cluster.put(at, "fill", VALUE) {
            Answer::Refused(Refused::NoSpace) => return done,
            answer => done += usize::from(is_done(&answer)),
        }
    }
    panic!("never refused, {done} were done");
}

fn wait(cluster: &mut Cluster, span: Duration) {
    let until: Time = cluster.now + span;
    cluster.run(|cluster| cluster.now >= until);
}

#[test]
fn a_leader_without_room_hands_over_and_refuses_only_what_needs_room() {
    let mut cluster = settled();
    let full = cluster.leader();
    assert!(is_done(&cluster.put(full, "before", "kept")));
    fill(&mut cluster, full);
    assert!(put_until_refused(&mut cluster, full) > 0, "the log had room");
    cluster.run(|cluster| !cluster.nodes[full].as_ref().unwrap().lane.leads(base::GroupId(1)));
    assert!(cluster.has_no_room(full));
    let other = (full + 1) % 3;
    assert!(!cluster.has_no_room(other));
    assert!(is_done(&cluster.put(other, "other", "taken")));
    assert_eq!(cluster.get(full, "before").unwrap(), "kept");
    assert_eq!(cluster.get(full, "other").unwrap(), "taken");
    assert!(is_done(&cluster.answer(full, delete("fill"))), "what frees space is taken");

    cluster.kill(full);
    cluster.start(full);
    assert_eq!(cluster.get(full, "before").unwrap(), "kept", "a restart needs no room");
    assert_eq!(put_until_refused(&mut cluster, full), 0);

    cluster.disks[full].limit(None);
    wait(&mut cluster, Duration::from_secs(10));
    assert!(!cluster.has_no_room(full));
    assert!(is_done(&cluster.put(full, "after", "taken")));
}

/// The others go on without the full one, and it comes back by itself, however
/// far behind it is.
#[test]
fn a_follower_without_room_waits_and_catches_up() {
    let mut cluster = settled();
    let leader = cluster.leader();
    let full = (leader + 1) % 3;
    fill(&mut cluster, full);
    for _ in 0..3000 {
        assert!(is_done(&cluster.put(leader, "k", VALUE)));
    }
    assert!(cluster.has_no_room(full));
    assert!(matches!(
        cluster.answer(full, get("k", Level::Serializable)),
        Answer::Kv(reply) if reply.result.is_ok()
    ));
    assert!(is_done(&cluster.put(leader, "k", "last")));
    cluster.disks[full].limit(None);
    wait(&mut cluster, Duration::from_secs(20));
    assert!(!cluster.has_no_room(full));
    let groups = [base::GroupId::DIRECTORY, base::GroupId::DEFAULT];
    cluster.run(|cluster| {
        let lane = |at: usize| &cluster.nodes[at].as_ref().unwrap().lane;
        groups.iter().all(|group| lane(full).state_hash(*group) == lane(leader).state_hash(*group))
    });
}

#[test]
fn a_cluster_without_room_reads_restarts_and_writes_again_when_there_is_room() {
    let mut cluster = settled();
    assert!(is_done(&cluster.put(0, "before", "kept")));
    (0..3).for_each(|at| fill(&mut cluster, at));
    for at in 0..3 {
        put_until_refused(&mut cluster, at);
    }
    (0..3).for_each(|at| assert_eq!(cluster.get(at, "before").unwrap(), "kept"));
    (0..3).for_each(|at| cluster.kill(at));
    (0..3).for_each(|at| cluster.start(at));
    (0..3).for_each(|at| assert_eq!(cluster.get(at, "before").unwrap(), "kept"));
    (0..3).for_each(|at| assert_eq!(put_until_refused(&mut cluster, at), 0));
    (0..3).for_each(|at| cluster.disks[at].limit(None));
    wait(&mut cluster, Duration::from_secs(20));
    (0..3).for_each(|at| assert!(is_done(&cluster.answer(at, put("after", "taken")))));
}

/// A checkpoint that found no room leaves nothing behind, and the older ones stay.
#[test]
fn a_checkpoint_without_room_is_cleared_away_and_made_later() {
    let mut cluster = settled();
    let at = (cluster.leader() + 1) % 3;
    let chunks = |cluster: &mut Cluster| {
        let files = cluster.disks[at].list().unwrap().into_iter().map(|(name, _)| name);
        files
            .filter(|name| name.starts_with("state-1-") && name.ends_with(".chunk"))
            .collect::<Vec<_>>()
    };
    let many: Vec<String> = (0..400).map(|key| format!("key {key}")).collect();
    for key in &many {
        assert!(is_done(&cluster.put(at, Box::leak(key.clone().into_boxed_str()), VALUE)));
    }
    let before = chunks(&mut cluster);
    // Room for a segment, not for the state: the log goes on until it is short too.
    let used = cluster.disks[at].used();
    cluster.disks[at].limit(Some(used + (33 << 10)));
    put_until_refused(&mut cluster, at);
    wait(&mut cluster, Duration::from_secs(10));
    let after = chunks(&mut cluster);
    assert!(after.iter().all(|name| before.contains(name)), "{before:?} {after:?}");
    cluster.disks[at].limit(None);
    wait(&mut cluster, Duration::from_secs(10));
    assert!(is_done(&cluster.put(at, "after", "taken")));
    assert_ne!(chunks(&mut cluster), before, "it was made");
}
