//! Whole lanes in lockstep: every letter arrives, every disk operation is done
//! at once, time moves from deadline to deadline. What the simulator shakes,
//! these tests tell as stories.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::{AskId, GroupId, Revision, Time, WatchKey};
use bytes::Bytes;
use harness::{Cluster, KEYSPACE, get, options, put, revision};
use journal::memory::MemoryDisk;
use kv::command::KeyRange;
use node::boot::{BootOptions, boot};
use node::event::{Answer, Ask, Event, Level, Refused, WatchEvent, WatchOpen};

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

/// What a leader sent before it died may be read after its sockets are seen to
/// close. It sounds alive then, and whoever heard it would neither stand nor let
/// another one stand for an election timeout.
#[test]
fn a_last_letter_of_a_dead_leader_does_not_put_off_the_next_one() {
    let mut cluster = Cluster::new();
    cluster.put(0, "k", "v");
    let old = cluster.leader();
    let peer = cluster.nodes[old].as_ref().unwrap().me;
    cluster.ask(old, put("k", "sent, and nobody knows"));
    cluster.kill(old);
    let (killed, on_its_way) = (cluster.now, cluster.mail.len());
    assert!(on_its_way > 0, "its last letters");
    cluster.run(|cluster| cluster.mail.is_empty());
    let others = [(old + 1) % 3, (old + 2) % 3];
    let knows = |cluster: &mut Cluster, at: usize| match cluster.answer(at, Ask::Status) {
        Answer::Status(status) => status.leader == Some(peer),
        other => panic!("{other:?}"),
    };
    assert!(others.iter().any(|at| knows(&mut cluster, *at)), "it was heard again");
    // Now the connections that it spoke on have closed too.
    others.iter().for_each(|at| cluster.step(*at, Event::Link { peer, up: false }));
    let leads = |cluster: &Cluster, at: usize| {
        cluster.nodes[at].as_ref().is_some_and(|it| it.lane.leads(GroupId::DEFAULT))
    };
    cluster.run(|cluster| others.iter().any(|at| leads(cluster, *at)));
    let took = cluster.now.since(killed);
    assert!(took < options("a", 1).timing.election / 2, "{took:?}");
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
    cluster.step(0, Event::Credit { keys: vec![key], batches: 9 });
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

#[test]
fn a_node_that_has_applied_nothing_names_the_members_it_was_started_with() {
    let mut cluster = Cluster::new();
    let Answer::Members(members) = cluster.answer(0, Ask::Members { level: Level::Serializable })
    else {
        panic!("no members")
    };
    assert_eq!(members.iter().map(|it| it.name.len()).collect::<Vec<_>>(), [1, 1, 1]);
}
