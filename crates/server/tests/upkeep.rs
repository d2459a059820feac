//! Leases, compaction, alarms, progress and health, seen by clients of etcd.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod world;

use api::etcd::wire::etcdserverpb as wire;
use api::etcd::wire::health::HealthCheckRequest;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use wire::watch_request::RequestUnion;
use world::health_stub::health_client::HealthClient;
use world::stub::lease_client::LeaseClient;
use world::stub::maintenance_client::MaintenanceClient;
use world::stub::watch_client::WatchClient;
use world::{World, put, range};

fn ready(name: &str) -> World {
    let world = World::new(name, 1);
    world.ready();
    world
}

fn grant(id: i64, ttl: i64) -> wire::LeaseGrantRequest {
    wire::LeaseGrantRequest { ttl, id }
}

fn look(id: i64) -> wire::LeaseTimeToLiveRequest {
    wire::LeaseTimeToLiveRequest { id, keys: true }
}

#[test]
fn a_lease_is_granted_seen_and_revoked_with_its_keys() {
    let world = ready("lease");
    let (mut kv, mut leases) = (world.kv(0), LeaseClient::new(world.channel(0)));
    world.run(async {
        let lease = leases.lease_grant(grant(0, 3600)).await.unwrap().into_inner();
        assert!(lease.id > 0 && lease.ttl == 3600 && lease.error.is_empty());
        kv.put(wire::PutRequest { lease: lease.id, ..put("k", "v") }).await.unwrap();
        let seen = leases.lease_time_to_live(look(lease.id)).await.unwrap().into_inner();
        assert_eq!((seen.id, seen.granted_ttl, seen.keys.len()), (lease.id, 3600, 1));
        assert!((0..=3600).contains(&seen.ttl));
        let all = leases.lease_leases(wire::LeaseLeasesRequest {}).await.unwrap().into_inner();
        assert_eq!(all.leases, [wire::LeaseStatus { id: lease.id }]);
        let revoke = wire::LeaseRevokeRequest { id: lease.id };
        leases.lease_revoke(revoke).await.unwrap();
        assert_eq!(kv.range(range("k")).await.unwrap().into_inner().count, 0);
        let gone = leases.lease_time_to_live(look(lease.id)).await.unwrap().into_inner();
        assert_eq!((gone.id, gone.ttl, gone.granted_ttl), (lease.id, -1, 0));
        let refused = leases.lease_revoke(revoke).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        assert_eq!(refused.message(), "etcdserver: requested lease not found");
    });
}

#[test]
fn grants_that_cannot_be_are_refused_and_short_ones_are_raised() {
    let world = ready("grants");
    let mut leases = LeaseClient::new(world.channel(0));
    world.run(async {
        let raised = leases.lease_grant(grant(7, -5)).await.unwrap().into_inner();
        assert!(raised.id == 7 && raised.ttl >= 1);
        let taken = leases.lease_grant(grant(7, 60)).await.unwrap_err();
        assert_eq!(taken.code(), Code::FailedPrecondition);
        assert_eq!(taken.message(), "etcdserver: lease already exists");
        let long = leases.lease_grant(grant(8, 9_000_000_001)).await.unwrap_err();
        assert_eq!(
            (long.code(), long.message()),
            (Code::OutOfRange, "etcdserver: too large lease TTL")
        );
    });
}

async fn renewed(leases: &mut LeaseClient<Channel>, ids: &[i64]) -> Vec<(i64, i64)> {
    let asks: Vec<_> = ids.iter().map(|&id| wire::LeaseKeepAliveRequest { id }).collect();
    let answers = leases.lease_keep_alive(tokio_stream::iter(asks)).await.unwrap();
    let mut answers = answers.into_inner();
    let mut told = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        told.push((answer.id, answer.ttl));
    }
    told
}

#[test]
fn renewals_are_answered_in_order_and_the_stream_ends_with_its_client() {
    let world = ready("renewals");
    let mut leases = LeaseClient::new(world.channel(0));
    world.run(async {
        for id in 1..=3 {
            leases.lease_grant(grant(id, 100 * id)).await.unwrap();
        }
        let told = renewed(&mut leases, &[3, 1, 99, 2, 3]).await;
        assert_eq!(told, [(3, 300), (1, 100), (99, 0), (2, 200), (3, 300)]);
        assert_eq!(renewed(&mut leases, &[]).await, []);
    });
}

#[test]
fn what_is_compacted_cannot_be_read() {
    let world = ready("compact");
    world.put(0, "k", "1");
    let newest = world.put(0, "k", "2");
    let mut kv = world.kv(0);
    let compact = |revision| wire::CompactionRequest { revision, physical: true };
    world.run(async {
        let done = kv.compact(compact(newest)).await.unwrap().into_inner();
        assert_eq!(done.header.unwrap().revision, newest);
        let old = wire::RangeRequest { revision: newest - 1, ..range("k") };
        assert_eq!(kv.range(old).await.unwrap_err().code(), Code::OutOfRange);
        let again = kv.compact(compact(newest)).await.unwrap_err();
        let text = "etcdserver: mvcc: required revision has been compacted";
        assert_eq!((again.code(), again.message()), (Code::OutOfRange, text));
        let future = kv.compact(compact(newest + 1)).await.unwrap_err();
        let text = "etcdserver: mvcc: required revision is a future revision";
        assert_eq!((future.code(), future.message()), (Code::OutOfRange, text));
    });
}

#[test]
fn an_alarm_stops_what_takes_room_until_it_is_called_off() {
    let world = ready("alarm");
    let (mut kv, mut upkeep) = (world.kv(0), MaintenanceClient::new(world.channel(0)));
    let ask = |action| wire::AlarmRequest { action, member_id: 5, alarm: 1 };
    let full = wire::AlarmMember { member_id: 5, alarm: 1 };
    world.run(async {
        let raised = upkeep.alarm(ask(1)).await.unwrap().into_inner();
        assert_eq!(raised.alarms, [full]);
        let refused = kv.put(put("k", "v")).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(refused.message(), "etcdserver: mvcc: database space exceeded");
        assert_eq!(upkeep.alarm(ask(0)).await.unwrap().into_inner().alarms, [full]);
        assert_eq!(upkeep.alarm(ask(2)).await.unwrap().into_inner().alarms, [full]);
        assert_eq!(upkeep.alarm(ask(0)).await.unwrap().into_inner().alarms, []);
        kv.put(put("k", "v")).await.unwrap();
    });
}

#[test]
fn an_alarm_is_told_with_the_status_and_by_the_health_checks() {
    let world = ready("alarming");
    let mut upkeep = MaintenanceClient::new(world.channel(0));
    let mut change = |action, alarm| {
        let ask = wire::AlarmRequest { action, member_id: 5, alarm };
        world.run(async {
            upkeep.alarm(ask).await.unwrap();
            upkeep.status(wire::StatusRequest {}).await.unwrap().into_inner()
        })
    };
    let unwell = |why: &str| {
        let body = format!(r#"{{"health":"false","reason":"{why}"}}"#);
        ("HTTP/1.1 503 Service Unavailable".to_owned(), body)
    };
    let well = || ("HTTP/1.1 200 OK".to_owned(), r#"{"health":"true","reason":""}"#.to_owned());

    let full = change(1, 1);
    assert_eq!(full.errors, ["memberID:5 alarm:NOSPACE"]);
    assert_eq!(full.db_size_quota, 2 << 30);
    assert_eq!(world.get_page("/health"), unwell("ALARM NOSPACE"));
    assert_eq!(world.get_page("/health?serializable=true"), unwell("ALARM NOSPACE"));
    assert_eq!(world.get_page("/health?exclude=NOSPACE"), well());
    assert_eq!(world.get_page("/readyz").1, "ok\n");
    assert_eq!(world.get_page("/livez").1, "ok\n");

    let both = change(1, 2);
    assert_eq!(both.errors, ["memberID:5 alarm:NOSPACE", "memberID:5 alarm:CORRUPT"]);
    assert_eq!(world.get_page("/health?exclude=NOSPACE"), unwell("ALARM CORRUPT"));
    assert_eq!(world.get_page("/health?exclude=NOSPACE&exclude=CORRUPT"), well());
    let (line, why) = world.get_page("/readyz");
    assert_eq!(line, "HTTP/1.1 503 Service Unavailable");
    assert!(why.contains("[-]data_corruption failed: alarm activated: CORRUPT\n"), "{why}");
    assert!(why.contains("[+]linearizable_read ok\n"), "{why}");
    assert_eq!(world.get_page("/readyz?exclude=data_corruption").1, "ok\n");
    assert_eq!(world.get_page("/livez").1, "ok\n");

    change(2, 1);
    assert!(change(2, 2).errors.is_empty());
    assert_eq!(world.get_page("/health"), well());
}

#[test]
fn hashes_name_what_was_hashed() {
    let world = ready("hash");
    let first = world.put(0, "k", "1");
    let mut upkeep = MaintenanceClient::new(world.channel(0));
    let at = |revision| wire::HashKvRequest { revision };
    world.run(async {
        let before = upkeep.hash_kv(at(0)).await.unwrap().into_inner();
        assert_eq!((before.hash_revision, before.compact_revision), (first, -1));
        world.kv(0).put(put("k", "2")).await.unwrap();
        let after = upkeep.hash_kv(at(first)).await.unwrap().into_inner();
        assert_eq!((after.hash, after.hash_revision), (before.hash, first));
        assert_eq!(after.header.unwrap().revision, first + 1);
        let newest = upkeep.hash_kv(at(0)).await.unwrap().into_inner();
        assert_ne!(newest.hash, before.hash);
        assert_eq!(upkeep.hash_kv(at(99)).await.unwrap_err().code(), Code::OutOfRange);
        assert_ne!(upkeep.hash(wire::HashRequest {}).await.unwrap().into_inner().hash, 0);
        let done = upkeep.defragment(wire::DefragmentRequest {}).await.unwrap().into_inner();
        assert_eq!(done.header, None);
    });
}

async fn next(answers: &mut tonic::Streaming<wire::WatchResponse>) -> wire::WatchResponse {
    answers.message().await.unwrap().unwrap()
}

#[test]
fn a_watch_tells_how_far_it_is_when_asked_and_now_and_then() {
    let world = ready("progress");
    let revision = world.put(0, "other", "v");
    let mut watches = WatchClient::new(world.channel(0));
    world.run(async {
        let (asks, sent) = mpsc::channel(4);
        let ask = |union| wire::WatchRequest { request_union: Some(union) };
        let create = |progress_notify| {
            let key = "k".into();
            let create = wire::WatchCreateRequest { key, progress_notify, ..Default::default() };
            ask(RequestUnion::CreateRequest(create))
        };
        asks.send(create(false)).await.unwrap();
        let mut answers = watches.watch(ReceiverStream::new(sent)).await.unwrap().into_inner();
        assert!(next(&mut answers).await.created);
        let progress = ask(RequestUnion::ProgressRequest(wire::WatchProgressRequest {}));
        asks.send(progress).await.unwrap();
        let told = next(&mut answers).await;
        assert_eq!((told.watch_id, told.header.unwrap().revision), (-1, revision));
        assert!(told.events.is_empty() && !told.canceled);
        asks.send(create(true)).await.unwrap();
        assert!(next(&mut answers).await.created);
        for _ in 0..2 {
            let told = next(&mut answers).await;
            assert_eq!((told.watch_id, told.header.unwrap().revision), (1, revision));
            assert!(told.events.is_empty() && !told.canceled);
        }
    });
}

/// The same call by a client that wants a leader to be there.
fn with_leader<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
    request
}

#[test]
fn whoever_wants_a_leader_is_refused_without_one_and_nobody_else_is() {
    let mut world = World::new("leaderless", 3);
    world.ready();
    let mut kv = world.kv(0);
    let mut watches = WatchClient::new(world.channel(0));
    let mut leases = LeaseClient::new(world.channel(0));
    let create = || {
        let create = wire::WatchCreateRequest { key: "k".into(), ..Default::default() };
        wire::WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }
    };
    let (mut wanting, mut patient, asks) = world.run(async {
        kv.put(with_leader(put("k", "v"))).await.unwrap();
        let only = tokio_stream::iter([create()]);
        let mut wanting = watches.watch(with_leader(only)).await.unwrap().into_inner();
        assert!(next(&mut wanting).await.created);
        let (asks, sent) = mpsc::channel(4);
        asks.send(create()).await.unwrap();
        let mut patient = watches.watch(ReceiverStream::new(sent)).await.unwrap().into_inner();
        assert!(next(&mut patient).await.created);
        (wanting, patient, asks)
    });
    world.nodes[1].kill();
    world.nodes[2].kill();
    world.run(async {
        let ended = loop {
            if let Err(ended) = wanting.message().await {
                break ended;
            }
        };
        assert_eq!((ended.code(), ended.message()), (Code::Unavailable, "etcdserver: no leader"));
        for refused in [
            kv.put(with_leader(put("k", "w"))).await.unwrap_err(),
            kv.range(with_leader(range("k"))).await.unwrap_err(),
            leases.lease_grant(with_leader(grant(0, 60))).await.unwrap_err(),
            watches.watch(with_leader(tokio_stream::iter([create()]))).await.unwrap_err(),
        ] {
            let said = (refused.code(), refused.message());
            assert_eq!(said, (Code::Unavailable, "etcdserver: no leader"));
        }
        asks.send(create()).await.unwrap();
        assert!(next(&mut patient).await.created, "it is still open");
    });
}

#[test]
fn the_server_as_a_whole_serves() {
    let mut world = ready("health");
    let mut health = HealthClient::new(world.channel(0));
    let ask = |service: &str| HealthCheckRequest { service: service.into() };
    let mut watched = world.run(async {
        assert_eq!(health.check(ask("")).await.unwrap().into_inner().status, 1);
        assert_eq!(health.check(ask("x")).await.unwrap_err().code(), Code::NotFound);
        let mut unknown = health.watch(ask("x")).await.unwrap().into_inner();
        assert_eq!(unknown.message().await.unwrap().unwrap().status, 3);
        let mut watched = health.watch(ask("")).await.unwrap().into_inner();
        assert_eq!(watched.message().await.unwrap().unwrap().status, 1);
        watched
    });
    world.nodes[0].stop();
    world.run(async {
        assert_eq!(watched.message().await.unwrap().unwrap().status, 2);
        assert_eq!(watched.message().await.unwrap(), None);
    });
}

/// The sum over the lines of `/metrics` that begin like this, if there are any.
fn number(numbers: &str, start: &str) -> Option<f64> {
    let lines = numbers.lines().filter(|line| line.starts_with(start));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.reduce(|sum, value| sum + value)
}

#[test]
fn every_queue_has_a_number() {
    let mut world = World::new("queues", 3);
    world.ready();
    for node in 0..3 {
        world.put(node, "k", "v");
    }
    let mut watches = WatchClient::new(world.channel(0));
    let create = wire::WatchCreateRequest { key: "k".into(), ..Default::default() };
    let create = RequestUnion::CreateRequest(create);
    let create = wire::WatchRequest { request_union: Some(create) };
    let _watch = world.run(async {
        let only = tokio_stream::iter([create]);
        let mut answers = watches.watch(only).await.unwrap().into_inner();
        assert!(next(&mut answers).await.created);
        answers
    });
    let (_, numbers) = world.get_page("/metrics");
    for (name, least, most) in [
        ("trimaran_inbox_asks ", 0.0, 0.0),
        ("trimaran_inbox_ask_bytes ", 0.0, 0.0),
        ("trimaran_inbox_frame_bytes{class=\"urgent\"} ", 0.0, 1e6),
        ("trimaran_inbox_frame_bytes{class=\"bulk\"} ", 0.0, 1e6),
        ("trimaran_inbox_frame_bytes_max ", 1e6, 1e9),
        ("trimaran_asks_in_hand ", 0.0, 0.0),
        ("trimaran_asks_in_hand_max ", 65_536.0, 65_536.0),
        ("trimaran_ask_bytes_in_hand ", 0.0, 0.0),
        ("trimaran_replies_queued ", 0.0, 0.0),
        ("trimaran_writes_parked ", 0.0, 0.0),
        ("trimaran_writes_forwarded ", 0.0, 0.0),
        ("etcd_server_proposals_pending ", 0.0, 0.0),
        ("trimaran_log_pending_bytes ", 0.0, 1e6),
        ("trimaran_letters_waiting ", 0.0, 1e3),
        ("etcd_debugging_mvcc_watcher_total ", 1.0, 1.0),
        ("etcd_debugging_mvcc_watch_stream_total ", 1.0, 1.0),
        ("etcd_debugging_mvcc_slow_watcher_total ", 0.0, 0.0),
        ("trimaran_watch_stalls ", 0.0, 0.0),
        ("trimaran_peer_queue_bytes{To=", 0.0, 1e6),
        ("trimaran_peer_queue_bytes_max ", 1e6, 1e9),
        ("etcd_network_peer_sent_bytes_total{To=", 1.0, 1e9),
        ("etcd_network_peer_received_bytes_total{From=", 1.0, 1e9),
        ("etcd_network_peer_sent_failures_total{To=", 0.0, 1e9),
        ("trimaran_peer_frames_lost_total{To=", 0.0, 1e9),
    ] {
        let value = number(&numbers, name);
        assert!(value.is_some_and(|it| (least..=most).contains(&it)), "{name}{value:?} {numbers}");
    }
    world.nodes[1].kill();
    world.nodes[2].kill();
    world.run(async {
        let refused = world.kv(0).put(put("k", "v")).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
    });
    let (_, numbers) = world.get_page("/metrics");
    let refused = number(&numbers, "trimaran_asks_refused_total{reason=");
    assert!(refused.is_some_and(|it| it >= 1.0), "{numbers}");
    let lost = number(&numbers, "trimaran_peer_frames_lost_total{To=");
    assert!(lost.is_some_and(|it| it >= 1.0), "{numbers}");
}
