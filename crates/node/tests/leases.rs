//! Leases over whole clusters: never early, known to the leader alone, asked
//! for anywhere.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::Time;
use bytes::Bytes;
use harness::{Cluster, KEYSPACE};
use kv::command::{Command, Envelope, KvError, LeaseGrant, OpReply, Put, Reply};
use node::event::{Answer, Ask, LeaseAsk, LeaseTold};
use std::time::Duration;

const TTL: Duration = Duration::from_secs(10);

fn write(command: Command) -> Ask {
    let envelope = Envelope { keyspace: KEYSPACE, ..Envelope::default() };
    Ask::Write { envelope, command }
}

fn grant(cluster: &mut Cluster, at: usize, id: i64) -> i64 {
    let lease = LeaseGrant { id, ttl_s: TTL.as_secs() };
    let answer = cluster.answer(at, write(Command::LeaseGrant(lease)));
    match answer {
        Answer::Kv(Reply { result: Ok(OpReply::LeaseGrant { id, ttl_s: 10 }), .. }) => id,
        other => panic!("not granted: {other:?}"),
    }
}

fn hang(cluster: &mut Cluster, at: usize, lease: i64) {
    let put = Put {
        key: Bytes::from_static(b"k"),
        value: Some(Bytes::from_static(b"v")),
        lease: Some(lease),
        want_previous: false,
    };
    harness::revision(&cluster.answer(at, write(Command::Put(put))));
}

fn ask(cluster: &mut Cluster, at: usize, id: i64, renew: bool) -> (LeaseTold, Vec<Bytes>) {
    let lease = Ask::Lease { keyspace: KEYSPACE, ask: LeaseAsk { id, renew } };
    match cluster.answer(at, lease) {
        Answer::Lease { told, keys } => (told, keys),
        other => panic!("no answer about the lease: {other:?}"),
    }
}

/// Lets the cluster live until this time, with reads that keep it going.
fn live_until(cluster: &mut Cluster, end: Time) {
    cluster.run(|cluster| cluster.now >= end);
}

/// The time at which the key is found to be gone, as a client at `at` sees it.
fn gone(cluster: &mut Cluster, at: usize) -> Time {
    while cluster.get(at, "k").is_some() {
        let next = cluster.now + Duration::from_millis(100);
        live_until(cluster, next);
    }
    cluster.now
}

#[test]
fn a_lease_that_is_not_renewed_takes_its_keys_with_it_and_not_before_its_time() {
    let mut cluster = Cluster::new();
    for at in 0..3 {
        let lease = grant(&mut cluster, at, 0);
        let granted = cluster.now;
        hang(&mut cluster, (at + 1) % 3, lease);
        let (told, keys) = ask(&mut cluster, at, lease, false);
        assert_eq!((told.ttl_s, keys), (10, vec![Bytes::from_static(b"k")]));
        assert!(told.remaining_ms <= 10_000);
        let end = gone(&mut cluster, at);
        assert!(end >= granted + TTL, "{end} after {granted}");
        assert_eq!(ask(&mut cluster, at, lease, false).0.ttl_s, 0);
        assert_eq!(ask(&mut cluster, at, lease, true).0.ttl_s, 0);
    }
}

#[test]
fn a_renewal_at_any_node_gives_the_full_time_again() {
    let mut cluster = Cluster::new();
    let lease = grant(&mut cluster, 0, 77);
    assert_eq!(lease, 77);
    hang(&mut cluster, 0, lease);
    let mut renewed = cluster.now;
    for at in [0, 1, 2, 0, 1, 2] {
        let next = renewed + TTL * 2 / 3;
        live_until(&mut cluster, next);
        renewed = cluster.now;
        assert_eq!(ask(&mut cluster, at, lease, true).0.ttl_s, 10);
    }
    let end = gone(&mut cluster, 2);
    assert!(end >= renewed + TTL, "{end} after {renewed}");
}

#[test]
fn a_new_leader_gives_every_lease_its_full_time() {
    let mut cluster = Cluster::new();
    let lease = grant(&mut cluster, 0, 5);
    hang(&mut cluster, 0, lease);
    let almost = cluster.now + (TTL - Duration::from_secs(1));
    live_until(&mut cluster, almost);
    let leader = cluster.leader();
    let killed = cluster.now;
    cluster.kill(leader);
    let end = gone(&mut cluster, (leader + 1) % 3);
    assert!(end >= killed + TTL, "{end} after {killed}");
}

#[test]
fn what_cannot_be_granted_is_refused() {
    let mut cluster = Cluster::new();
    grant(&mut cluster, 0, 5);
    let again = LeaseGrant { id: 5, ttl_s: 10 };
    let Answer::Kv(reply) = cluster.answer(1, write(Command::LeaseGrant(again))) else {
        panic!("no answer")
    };
    assert_eq!(reply.result, Err(KvError::LeaseExists));
    let Answer::Leases(leases) = cluster.answer(2, Ask::Leases { keyspace: KEYSPACE }) else {
        panic!("no answer")
    };
    assert_eq!(leases, [5]);
}
