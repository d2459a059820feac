//! A log that lost something: its node is mute until it is whole, and healed by the
//! others without a person.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::{GroupId, Index};
use harness::Cluster;
use journal::disk::Disk;
use journal::memory::MemoryDisk;
use node::boot::boot;
use node::event::Answer;

fn in_step(cluster: &Cluster) -> bool {
    [GroupId::DIRECTORY, GroupId::DEFAULT].into_iter().all(|group| {
        let mut states =
            cluster.nodes.iter().map(|it| it.as_ref().and_then(|it| it.lane.state_hash(group)));
        let first = states.next().unwrap();
        first.is_some_and(|(index, _)| index > Index::ZERO) && states.all(|it| it == first)
    })
}

fn whole(cluster: &Cluster) -> bool {
    in_step(cluster) && cluster.nodes.iter().flatten().all(|it| !it.lane.is_healing())
}

fn filled() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.run(in_step);
    for (key, value) in [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4")] {
        cluster.put(0, key, value);
    }
    cluster.run(in_step);
    cluster
}

/// One bit of a body in the middle of the log.
fn spoil(disk: &mut MemoryDisk) {
    let (file, _) = disk.list().unwrap().into_iter().find(|(it, _)| it.ends_with(".seg")).unwrap();
    let content = disk.content(&file).unwrap();
    let at = content.windows(5).position(|it| it == b"http:").unwrap();
    assert!(disk.rot(&file, at as u64, 4));
}

fn traces(disk: &mut MemoryDisk) -> Vec<String> {
    let names = disk.list().unwrap().into_iter().map(|(name, _)| name);
    names.filter(|it| it.starts_with("lost-") || it == "node.healing").collect()
}

#[test]
fn a_damaged_log_is_healed_and_its_node_may_lead_again() {
    let mut cluster = filled();
    let hurt = cluster.leader();
    let others = [(hurt + 1) % 3, (hurt + 2) % 3];
    cluster.kill(hurt);
    spoil(&mut cluster.disks[hurt]);
    cluster.start(hurt);
    let report = cluster.nodes[hurt].as_ref().unwrap().report.clone();
    assert!(report.contains("is damaged at byte") && report.contains("is healed"), "{report}");
    assert!(traces(&mut cluster.disks[hurt]).len() > 1, "a mark, and what was set aside");
    cluster.put(others[0], "d", "5");
    cluster.run(whole);
    assert_eq!(traces(&mut cluster.disks[hurt]), [""; 0]);
    cluster.kill(others[0]);
    cluster.put(hurt, "e", "6");
    for (key, value) in [("a", "4"), ("b", "2"), ("d", "5"), ("e", "6")] {
        assert_eq!(cluster.get(hurt, key).as_deref(), Some(value.as_bytes()));
    }
    cluster.kill(hurt);
    cluster.start(hurt);
    let report = &cluster.nodes[hurt].as_ref().unwrap().report;
    assert!(!report.contains("healed"), "{report}");
}

/// A new log needs room. Without it the start is refused, wherever it ends, and nothing
/// is lost by that.
#[test]
fn without_room_for_a_new_log_it_starts_when_there_is_some() {
    let mut cluster = filled();
    let hurt = (cluster.leader() + 1) % 3;
    cluster.kill(hurt);
    let disk = &mut cluster.disks[hurt];
    spoil(disk);
    let options = harness::options(["a", "b", "c"][hurt], 9);
    // Not even for the mark, then for nothing but the mark, twice.
    for room in [0, 4096, 4096] {
        disk.limit(Some(disk.used() + room));
        let refused = boot(disk, &options, cluster.now).map(|it| it.report).unwrap_err();
        assert!(refused.wants_room() && refused.to_string().contains("make room"), "{refused}");
        assert_eq!(traces(disk).len() > 1, room > 0);
    }
    disk.limit(None);
    cluster.start(hurt);
    cluster.run(whole);
    assert_eq!(traces(&mut cluster.disks[hurt]), [""; 0]);
}

/// Until every other node has spoken it counts for nothing, however often it starts.
#[test]
fn it_does_not_count_before_it_is_whole() {
    let mut cluster = filled();
    let hurt = (cluster.leader() + 1) % 3;
    let away = (hurt + 1) % 3;
    cluster.kill(hurt);
    spoil(&mut cluster.disks[hurt]);
    cluster.kill(away);
    for _ in 0..2 {
        cluster.start(hurt);
        let end = cluster.now + std::time::Duration::from_secs(20);
        cluster.run(|cluster| cluster.now > end);
        assert!(cluster.nodes[hurt].as_ref().unwrap().lane.is_healing());
        for at in [0, 1, 2].into_iter().filter(|at| *at != away) {
            let Answer::Status(status) = cluster.answer(at, node::event::Ask::Status) else {
                panic!("no status")
            };
            assert_eq!(status.leader, None, "two of three, and one has forgotten");
            assert_eq!(status.healing.is_some(), at == hurt);
        }
        cluster.kill(hurt);
    }
    cluster.start(away);
    cluster.start(hurt);
    cluster.run(whole);
}

/// A majority lost something: nobody leads, and all that was lost is still there.
#[test]
fn damage_on_a_majority_halts_and_destroys_nothing() {
    let mut cluster = filled();
    for at in [0, 1] {
        cluster.kill(at);
        spoil(&mut cluster.disks[at]);
    }
    for at in [0, 1] {
        cluster.start(at);
    }
    let end = cluster.now + std::time::Duration::from_secs(30);
    cluster.run(|cluster| cluster.now > end);
    for at in 0..3 {
        let Answer::Status(status) = cluster.answer(at, node::event::Ask::Status) else {
            panic!("no status")
        };
        assert_eq!((status.leader, status.healing.is_some()), (None, at != 2));
    }
    assert!(traces(&mut cluster.disks[0]).iter().any(|it| it.ends_with(".seg")));
}
