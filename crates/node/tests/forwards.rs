//! A write that another node should have proposed and did not: it is done all the
//! same, or the reason is told, and never is it done twice.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::check::Mark;
use base::{GroupId, NodeId, Revision};
use harness::{Cluster, delete, put, revision};
use node::event::{Answer, Ask, Refused};

fn id(cluster: &Cluster, at: usize) -> NodeId {
    cluster.nodes[at].as_ref().unwrap().me
}

fn leads(cluster: &Cluster, at: usize) -> bool {
    cluster.nodes[at].as_ref().is_some_and(|it| it.lane.leads(GroupId::DEFAULT))
}

#[test]
fn a_write_that_meets_a_handover_is_done_by_the_next_leader() {
    let mut cluster = Cluster::new();
    let before = revision(&cluster.put(0, "k", "before"));
    let old = cluster.leader();
    let (next, other) = ((old + 1) % 3, (old + 2) % 3);
    let seen = Mark::TriedAgain.count();
    let to = id(&cluster, next);
    let moved = cluster.ask(old, Ask::MoveLeader { to });
    let asks: Vec<_> = [next, other].map(|at| cluster.ask(at, put("k", "after"))).into();
    cluster.run(|cluster| {
        cluster.replies.contains_key(&moved)
            && asks.iter().all(|id| cluster.replies.contains_key(id))
    });
    assert_eq!(cluster.replies[&moved], Answer::Moved);
    let mut revisions: Vec<Revision> =
        asks.iter().map(|id| revision(&cluster.replies[id])).collect();
    revisions.sort();
    assert_eq!(revisions, [Revision(before.0 + 1), Revision(before.0 + 2)], "each was done once");
    assert!(Mark::TriedAgain.count() > seen, "the old leader was asked in vain");
    assert!(leads(&cluster, next));
}

/// It became full as a follower, and leads because somebody wants it to.
#[test]
fn a_leader_without_room_says_so_to_the_clients_of_others() {
    let mut cluster = Cluster::new();
    revision(&cluster.put(0, "k", "before"));
    let old = cluster.leader();
    let (full, other) = ((old + 1) % 3, (old + 2) % 3);
    let used = cluster.disks[full].used();
    cluster.disks[full].limit(Some(used));
    for _ in 0..5000 {
        if cluster.has_no_room(full) {
            break;
        }
        revision(&cluster.put(old, "k", "a value that makes the log of all nodes longer"));
    }
    let to = id(&cluster, full);
    assert_eq!(cluster.answer(old, Ask::MoveLeader { to }), Answer::Moved);
    for at in [full, old, other] {
        assert_eq!(cluster.put(at, "k", "more"), Answer::Refused(Refused::NoSpace), "at {at}");
    }
    revision(&cluster.answer(other, delete("k")));
    assert!(leads(&cluster, full), "it is still the leader");
}
