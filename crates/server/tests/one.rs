//! One node, seen by clients of etcd.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod world;

use api::etcd::wire::etcdserverpb as wire;
use server::{Server, ServerError};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use wire::compare::{CompareResult, CompareTarget, TargetUnion};
use wire::request_op::Request;
use wire::watch_request::RequestUnion;
use world::stub::cluster_client::ClusterClient;
use world::stub::kv_client::KvClient;
use world::stub::maintenance_client::MaintenanceClient;
use world::stub::watch_client::WatchClient;
use world::{World, put, range};

fn create(key: &str, start_revision: i64) -> wire::WatchRequest {
    let key = key.to_owned().into();
    let create = wire::WatchCreateRequest { key, start_revision, ..Default::default() };
    wire::WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }
}

#[test]
fn what_is_put_is_read_and_what_is_deleted_is_not() {
    let world = World::new("put", 1);
    world.ready();
    let mut kv = world.kv(0);
    world.run(async {
        let done = kv.put(put("k", "v")).await.unwrap().into_inner();
        let header = done.header.unwrap();
        assert_eq!(header.revision, 2);
        assert!(header.cluster_id != 0 && header.member_id != 0 && header.raft_term != 0);
        let found = kv.range(range("k")).await.unwrap().into_inner();
        assert_eq!((found.count, &found.kvs[0].value[..]), (1, &b"v"[..]));
        let delete = wire::DeleteRangeRequest { key: "k".into(), ..Default::default() };
        assert_eq!(kv.delete_range(delete).await.unwrap().into_inner().deleted, 1);
        assert_eq!(kv.range(range("k")).await.unwrap().into_inner().count, 0);
    });
}

#[test]
fn a_transaction_takes_one_branch() {
    let world = World::new("txn", 1);
    world.ready();
    let absent = wire::Compare {
        result: CompareResult::Equal as i32,
        target: CompareTarget::Version as i32,
        key: "lock".into(),
        target_union: Some(TargetUnion::Version(0)),
        ..Default::default()
    };
    let op = |request| wire::RequestOp { request: Some(request) };
    let txn = wire::TxnRequest {
        compare: vec![absent],
        success: vec![op(Request::RequestPut(put("lock", "me")))],
        failure: vec![op(Request::RequestRange(range("lock")))],
    };
    let mut kv = world.kv(0);
    world.run(async {
        let first = kv.txn(txn.clone()).await.unwrap().into_inner();
        assert!(first.succeeded);
        let second = kv.txn(txn).await.unwrap().into_inner();
        assert!(!second.succeeded);
        assert_eq!(second.responses.len(), 1);
    });
}

#[test]
fn a_watch_tells_history_and_then_what_happens() {
    let world = World::new("watch", 1);
    world.ready();
    let first = world.put(0, "k", "old");
    let mut watches = WatchClient::new(world.channel(0));
    world.run(async {
        let (requests, sent) = mpsc::channel(4);
        requests.send(create("k", first)).await.unwrap();
        let mut told = watches.watch(ReceiverStream::new(sent)).await.unwrap().into_inner();
        assert!(told.message().await.unwrap().unwrap().created);
        let mut values = Vec::new();
        let mut kv = world.kv(0);
        // More than the credit of a watch, so that it must be given back.
        for n in 0..20 {
            kv.put(put("k", &n.to_string())).await.unwrap();
        }
        while values.len() < 21 {
            let response = told.message().await.unwrap().unwrap();
            let events = response.events.into_iter().filter_map(|event| event.kv);
            values.extend(events.map(|kv| String::from_utf8(kv.value.to_vec()).unwrap()));
        }
        let expected = ["old".to_owned()].into_iter().chain((0..20).map(|n| n.to_string()));
        assert_eq!(values, expected.collect::<Vec<_>>());
        let cancel = RequestUnion::CancelRequest(wire::WatchCancelRequest { watch_id: 0 });
        requests.send(wire::WatchRequest { request_union: Some(cancel) }).await.unwrap();
        assert!(told.message().await.unwrap().unwrap().canceled);
    });
}

#[test]
fn a_watch_ends_with_its_server_and_the_server_ends_with_a_watch_open() {
    let mut world = World::new("watch-end", 1);
    world.ready();
    let mut watches = WatchClient::new(world.channel(0));
    let (requests, sent) = mpsc::channel(4);
    let mut told = world.run(async {
        requests.send(create("k", 0)).await.unwrap();
        let mut told = watches.watch(ReceiverStream::new(sent)).await.unwrap().into_inner();
        assert!(told.message().await.unwrap().unwrap().created);
        told
    });
    world.nodes[0].stop();
    let end = world.run(async { told.message().await });
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
}

#[test]
fn a_restart_keeps_everything_whether_in_good_order_or_not() {
    let mut world = World::new("restart", 1);
    for round in 0..4 {
        world.ready();
        let key = format!("k{round}");
        let revision = world.put(0, &key, "v");
        assert_eq!(revision, 2 + round);
        if round % 2 == 0 {
            world.nodes[0].stop()
        } else {
            world.nodes[0].kill()
        }
        world.nodes[0].start();
    }
    for round in 0..4 {
        assert_eq!(world.get(0, &format!("k{round}")).as_deref(), Some("v"));
    }
}

#[test]
fn a_node_says_how_it_is_and_who_belongs_to_it() {
    let world = World::new("status", 1);
    world.ready();
    world.put(0, "k", "v");
    let mut cluster = ClusterClient::new(world.channel(0));
    let mut maintenance = MaintenanceClient::new(world.channel(0));
    world.run(async {
        let status = maintenance.status(wire::StatusRequest::default()).await.unwrap();
        let status = status.into_inner();
        let header = status.header.unwrap();
        assert_eq!((status.leader, header.revision), (header.member_id, 2));
        let urls = &world.nodes[0].config.advertise_client_urls;
        loop {
            let list = wire::MemberListRequest { linearizable: true };
            let members = cluster.member_list(list).await.unwrap().into_inner().members;
            // Where clients reach it is told to the directory soon after the start.
            if members.len() == 1 && members[0].client_urls == *urls {
                assert_eq!((members[0].id, &members[0].name[..]), (header.member_id, "n1"));
                break;
            }
        }
    });
}

#[test]
fn what_is_refused_has_etcds_words() {
    let world = World::new("refused", 1);
    world.ready();
    let mut kv = world.kv(0).max_encoding_message_size(usize::MAX);
    world.run(async {
        let empty = kv.put(put("", "v")).await.unwrap_err();
        assert_eq!(empty.message(), "etcdserver: key is not provided");
        assert_eq!(empty.code(), Code::InvalidArgument);
        let large = kv.put(put("k", &"v".repeat(1_600_000))).await.unwrap_err();
        assert_eq!(large.message(), "etcdserver: request is too large");
        let larger = kv.put(put("k", &"v".repeat(3_000_000))).await.unwrap_err();
        assert!(matches!(larger.code(), Code::OutOfRange | Code::ResourceExhausted), "{larger}");
        let fits = kv.put(put("k", &"v".repeat(1_500_000))).await;
        assert_eq!(fits.unwrap().into_inner().header.unwrap().revision, 2);
        assert_eq!(
            unknown(&world, "/etcdserverpb.KV/RangeStream").await.code(),
            Code::Unimplemented
        );
        assert_eq!(unknown(&world, "/etcdserverpb.Lease/Grant").await.code(), Code::Unimplemented);
    });
}

/// Calls what this node does not serve.
async fn unknown(world: &World, path: &'static str) -> Status {
    let mut grpc = tonic::client::Grpc::new(world.channel(0));
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<wire::StatusRequest, wire::StatusResponse>::default();
    let request = tonic::Request::new(wire::StatusRequest::default());
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(path);
    grpc.unary(request, path, codec).await.unwrap_err()
}

#[test]
fn many_callers_at_once_are_all_served() {
    let world = World::new("many", 1);
    world.ready();
    let channels: Vec<_> = (0..4).map(|_| world.channel(0)).collect();
    world.run(async {
        let callers: Vec<_> = (0..64)
            .map(|n: usize| {
                let mut kv = KvClient::new(channels[n % 4].clone());
                tokio::spawn(async move {
                    for round in 0..20 {
                        kv.put(put(&format!("{n}"), &format!("{round}"))).await.unwrap();
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        let all = wire::RangeRequest {
            key: vec![0].into(),
            range_end: vec![0].into(),
            count_only: true,
            ..Default::default()
        };
        let found = world.kv(0).range(all).await.unwrap().into_inner();
        assert_eq!((found.count, found.header.unwrap().revision), (64, 1 + 64 * 20));
    });
}

#[test]
fn a_disk_that_fails_ends_the_server_and_nothing_more_is_acknowledged() {
    let mut world = World::new("failing", 1);
    world.ready();
    // The next file of the log cannot be made in a directory that is gone, or,
    // if it was made ahead of time, not be opened.
    std::fs::remove_dir_all(&world.nodes[0].config.data_dir).unwrap();
    let large = "v".repeat(1_000_000);
    let refused = world.run(async {
        let mut kv = world.kv(0);
        loop {
            if let Err(refused) = kv.put(put("k", &large)).await {
                return refused;
            }
        }
    });
    assert_eq!(refused.code(), Code::Unavailable);
    let mut server = world.nodes[0].server.take().unwrap();
    let why = world.run(server.ended());
    assert!(
        matches!(&why, ServerError::Disk(error) if error.why.starts_with("No such file")),
        "{why}"
    );
    server.stop();
}

#[test]
fn a_data_directory_has_one_server() {
    let world = World::new("lock", 1);
    let mut config = world.nodes[0].config.clone();
    config.listen_client.clear();
    config.listen_peer.clear();
    assert!(matches!(Server::start(&config), Err(ServerError::InUse(_))));
}

#[test]
fn an_address_that_is_taken_is_named() {
    let world = World::new("taken", 1);
    let mut config = world.nodes[0].config.clone();
    config.data_dir.set_extension("other");
    let address = config.listen_client[0].to_string();
    let refused = Server::start(&config).unwrap_err().to_string();
    assert!(refused.contains(&address), "{refused}");
}

#[test]
fn a_server_that_is_told_to_stop_ends_well() {
    let mut world = World::new("run", 1);
    world.ready();
    world.nodes[0].stop();
    let config = world.nodes[0].config.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = world.runtime.spawn(server::run(config, async move { drop(stopped.await) }));
    world.put(0, "k", "v");
    stop.send(()).unwrap();
    world.run(running).unwrap().unwrap();
    world.nodes[0].start();
    assert_eq!(world.get(0, "k").as_deref(), Some("v"));
}
