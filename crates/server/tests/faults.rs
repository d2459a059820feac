//! Bad input and bad manners, with etcd's codes and words; and a disk that was emptied.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod world;

use api::etcd::wire::etcdserverpb as wire;
use std::fs;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use wire::watch_request::RequestUnion;
use world::stub::maintenance_client::MaintenanceClient;
use world::stub::watch_client::WatchClient;
use world::{World, put, range};

fn watch(key: &str) -> wire::WatchRequest {
    let create = wire::WatchCreateRequest { key: key.to_owned().into(), ..Default::default() };
    wire::WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }
}

fn words(status: &Status) -> (Code, &str) {
    (status.code(), status.message())
}

fn operations(count: usize) -> wire::TxnRequest {
    let op = |number: usize| wire::RequestOp {
        request: Some(wire::request_op::Request::RequestPut(put(&format!("{number}"), "v"))),
    };
    wire::TxnRequest { success: (0..count).map(op).collect(), ..Default::default() }
}

#[test]
fn numbers_that_make_no_sense_are_answered_as_etcd_does() {
    let world = World::new("numbers", 1);
    world.ready();
    let revisions: Vec<i64> = ["a", "b", "c"].map(|key| world.put(0, key, "v")).into();
    let newest = revisions[2];
    let mut kv = world.kv(0);
    let all = || wire::RangeRequest { range_end: "z".into(), ..range("a") };
    world.run(async {
        for odd in [
            wire::RangeRequest { limit: -1, ..all() },
            wire::RangeRequest { limit: i64::MIN, ..all() },
            wire::RangeRequest { revision: -1, ..all() },
            wire::RangeRequest { revision: i64::MIN, limit: i64::MAX, ..all() },
        ] {
            let found = kv.range(odd).await.unwrap().into_inner();
            assert_eq!((found.kvs.len(), found.count, found.more), (3, 3, false));
        }
        let future = "etcdserver: mvcc: required revision is a future revision";
        for revision in [newest + 1, i64::MAX] {
            let asked = wire::RangeRequest { revision, ..all() };
            let refused = kv.range(asked).await.unwrap_err();
            assert_eq!(words(&refused), (Code::OutOfRange, future));
        }
        let compacted = "etcdserver: mvcc: required revision has been compacted";
        let compact = |revision| wire::CompactionRequest { revision, physical: false };
        let refused = kv.compact(compact(-1)).await.unwrap_err();
        assert_eq!(words(&refused), (Code::OutOfRange, compacted));
        kv.compact(compact(newest)).await.unwrap();
        let asked = wire::RangeRequest { revision: revisions[0], ..all() };
        let refused = kv.range(asked).await.unwrap_err();
        assert_eq!(words(&refused), (Code::OutOfRange, compacted));
        let leased = wire::PutRequest { lease: -5, ..put("a", "v") };
        let refused = kv.put(leased).await.unwrap_err();
        assert_eq!(words(&refused), (Code::NotFound, "etcdserver: requested lease not found"));
    });
}

#[test]
fn a_transaction_holds_128_operations_and_not_one_more() {
    let world = World::new("operations", 1);
    world.ready();
    let mut kv = world.kv(0);
    world.run(async {
        let refused = kv.txn(operations(129)).await.unwrap_err();
        let text = "etcdserver: too many operations in txn request";
        assert_eq!(words(&refused), (Code::InvalidArgument, text));
        let done = kv.txn(operations(128)).await.unwrap().into_inner();
        assert_eq!(done.responses.len(), 128);
    });
}

/// Whoever has said all that it will say may listen on.
#[test]
fn a_watch_goes_on_when_its_client_has_nothing_more_to_say() {
    let world = World::new("half-closed", 1);
    world.ready();
    let mut watches = WatchClient::new(world.channel(0));
    world.run(async {
        let (requests, sent) = mpsc::channel(1);
        requests.send(watch("k")).await.unwrap();
        drop(requests);
        let mut told = watches.watch(ReceiverStream::new(sent)).await.unwrap().into_inner();
        assert!(told.message().await.unwrap().unwrap().created);
        for value in ["1", "2", "3"] {
            world.kv(0).put(put("k", value)).await.unwrap();
            let event = told.message().await.unwrap().unwrap().events.remove(0);
            assert_eq!(event.kv.unwrap().value, value.as_bytes());
        }
        drop(told);
        world.kv(0).put(put("k", "4")).await.unwrap();
    });
}

/// A number of `/metrics`.
fn number(world: &World, name: &str) -> f64 {
    let (_, numbers) = world.get_page("/metrics");
    let line = numbers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.expect("it is told").parse().unwrap()
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < world::LONG, "it never comes to be");
    }
}

/// It costs its place in history and one window of its connection, and is told
/// everything in order when it reads again.
#[test]
fn a_watcher_who_does_not_read_is_waited_for_by_nobody() {
    const VALUES: usize = 240;
    let world = World::new("slow-reader", 1);
    world.ready();
    let mut watches = WatchClient::new(world.channel(0));
    let (mut slow, _requests) = world.run(async {
        let (requests, sent) = mpsc::channel(1);
        requests.send(watch("k")).await.unwrap();
        let mut told = watches.watch(ReceiverStream::new(sent)).await.unwrap().into_inner();
        assert!(told.message().await.unwrap().unwrap().created);
        (told, requests)
    });
    let value = "v".repeat(64 << 10);
    for number in 0..VALUES {
        world.put(0, "k", &format!("{number} {value}"));
    }
    wait_until(|| number(&world, "etcd_debugging_mvcc_slow_watcher_total") >= 1.0);
    world.put(0, "other", "served");
    assert_eq!(world.get(0, "other").as_deref(), Some("served"));
    world.run(async {
        let mut next = 0;
        while next < VALUES {
            for event in slow.message().await.unwrap().unwrap().events {
                let value = String::from_utf8(event.kv.unwrap().value.to_vec()).unwrap();
                assert!(value.starts_with(&format!("{next} ")), "{:.10} is not {next}", value);
                next += 1;
            }
        }
    });
    wait_until(|| number(&world, "etcd_debugging_mvcc_slow_watcher_total") < 1.0);
}

/// It has forgotten what it promised, so it follows and never leads.
#[test]
fn leadership_is_not_moved_to_a_node_whose_disk_was_emptied() {
    let mut world = World::new("emptied", 3);
    world.ready();
    world.put(0, "k", "kept");
    let status = |world: &World, node: usize| {
        let mut upkeep = MaintenanceClient::new(world.channel(node));
        world.run(upkeep.status(wire::StatusRequest {})).map(tonic::Response::into_inner)
    };
    let id = |world: &World, node: usize| status(world, node).unwrap().header.unwrap().member_id;
    let leads = |world: &World, node: usize| {
        status(world, node).is_ok_and(|it| it.leader == it.header.unwrap().member_id)
    };
    let leader = |world: &World| loop {
        if let Some(node) = (0..3).find(|node| leads(world, *node)) {
            return node;
        }
    };
    let emptied = (leader(&world) + 1) % 3;
    let target_id = id(&world, emptied);
    world.nodes[emptied].kill();
    fs::remove_dir_all(&world.nodes[emptied].config.data_dir).unwrap();
    world.nodes[emptied].start();
    world.ready();
    assert_eq!(world.get(emptied, "k").as_deref(), Some("kept"));
    let refused = loop {
        let mut upkeep = MaintenanceClient::new(world.channel(leader(&world)));
        let refused = world.run(upkeep.move_leader(wire::MoveLeaderRequest { target_id }));
        let refused = refused.expect_err("it never leads");
        // The leader may have changed since it was looked for.
        if refused.message() != "etcdserver: not leader" {
            break refused;
        }
    };
    assert_eq!(words(&refused), (Code::FailedPrecondition, "etcdserver: bad leader transferee"));
    assert_ne!(leader(&world), emptied);
}
