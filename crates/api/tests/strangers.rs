//! Whatever bytes a stranger sends: decoded or refused, translated or refused, never a panic.

use api::etcd::header::Header;
use api::etcd::watch::{StreamOut, WatchEvent, WatchStream};
use api::etcd::wire::etcdserverpb::compare::TargetUnion;
use api::etcd::wire::etcdserverpb::request_op::Request;
use api::etcd::wire::etcdserverpb::watch_request::RequestUnion;
use api::etcd::wire::etcdserverpb::{
    AlarmRequest, CompactionRequest, Compare, DefragmentRequest, DeleteRangeRequest,
    DowngradeRequest, HashKvRequest, HashRequest, LeaseCheckpointRequest, LeaseGrantRequest,
    LeaseKeepAliveRequest, LeaseLeasesRequest, LeaseRevokeRequest, LeaseTimeToLiveRequest,
    MemberListRequest, MoveLeaderRequest, PutRequest, RangeRequest, RequestOp, SnapshotRequest,
    StatusRequest, TxnRequest, WatchCancelRequest, WatchCreateRequest, WatchProgressRequest,
    WatchRequest,
};
use api::etcd::wire::health::HealthCheckRequest;
use api::etcd::{alarm, downgrade, health, kv, lease, maintenance};
use base::{ClusterId, NodeId, Revision, WatchKey};
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

const HEADER: Header =
    Header { cluster_id: ClusterId(7), member_id: NodeId(2), revision: Revision(10), raft_term: 3 };

/// Every door that takes bytes, with the same bytes.
fn knock(bytes: &[u8]) {
    let _ = RangeRequest::decode(bytes).map(kv::range);
    let _ = PutRequest::decode(bytes).map(kv::put);
    let _ = DeleteRangeRequest::decode(bytes).map(kv::delete_range);
    let _ = TxnRequest::decode(bytes).map(kv::txn);
    let _ = MemberListRequest::decode(bytes);
    let _ = StatusRequest::decode(bytes);
    knock_for_leases(bytes);
    knock_for_upkeep(bytes);
    let mut stream = WatchStream::new();
    if let Ok(request) = WatchRequest::decode(bytes) {
        let _ = stream.on_request(request, HEADER, || WatchKey(1));
    }
}

fn knock_for_leases(bytes: &[u8]) {
    let _ = LeaseGrantRequest::decode(bytes).map(|request| lease::grant(request, 2));
    let _ = LeaseRevokeRequest::decode(bytes).map(lease::revoke);
    let _ = LeaseKeepAliveRequest::decode(bytes).map(|it| lease::kept_alive(it.id, 0, HEADER));
    let _ =
        LeaseTimeToLiveRequest::decode(bytes).map(|it| lease::time_to_live(it.id, None, HEADER));
    let _ = LeaseLeasesRequest::decode(bytes);
    let _ = LeaseCheckpointRequest::decode(bytes);
}

fn knock_for_upkeep(bytes: &[u8]) {
    let _ = CompactionRequest::decode(bytes).map(kv::compact);
    let _ = AlarmRequest::decode(bytes).map(alarm::alarm);
    let _ = DowngradeRequest::decode(bytes).map(|request| downgrade::downgrade(&request));
    let _ = HashKvRequest::decode(bytes).map(maintenance::hash_kv);
    let _ = MoveLeaderRequest::decode(bytes).map(maintenance::move_leader);
    let _ = HashRequest::decode(bytes);
    let _ = DefragmentRequest::decode(bytes);
    let _ = SnapshotRequest::decode(bytes);
    let _ = HealthCheckRequest::decode(bytes).map(|it| health::check(&it.service, true));
}

fn small() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(0_u8..4, 0..4).prop_map(Bytes::from)
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![-2_i64..8, any::<i64>()]
}

prop_compose! {
    fn range()(
        key in small(), range_end in small(),
        limit in number(), revision in number(),
        sort_order in -1..5_i32, sort_target in -1..7_i32,
        flags in any::<[bool; 3]>(), bounds in [number(), number(), number(), number()],
    ) -> RangeRequest {
        let [serializable, keys_only, count_only] = flags;
        let [min_mod_revision, max_mod_revision, min_create_revision, max_create_revision] = bounds;
        RangeRequest {
            key, range_end, limit, revision, sort_order, sort_target,
            serializable, keys_only, count_only,
            min_mod_revision, max_mod_revision, min_create_revision, max_create_revision,
        }
    }
}

prop_compose! {
    fn put()(
        key in small(), value in small(), lease in number(), flags in any::<[bool; 3]>(),
    ) -> PutRequest {
        let [prev_kv, ignore_value, ignore_lease] = flags;
        PutRequest { key, value, lease, prev_kv, ignore_value, ignore_lease }
    }
}

prop_compose! {
    fn deletion()(key in small(), range_end in small(), prev_kv: bool) -> DeleteRangeRequest {
        DeleteRangeRequest { key, range_end, prev_kv }
    }
}

prop_compose! {
    fn compare()(
        result in -1..6_i32, target in -1..6_i32, key in small(), range_end in small(),
        target_union in prop::option::of(prop_oneof![
            number().prop_map(TargetUnion::Version),
            number().prop_map(TargetUnion::ModRevision),
            small().prop_map(TargetUnion::Value),
        ]),
    ) -> Compare {
        Compare { result, target, key, range_end, target_union }
    }
}

fn lists<S>(op: S) -> impl Strategy<Value = TxnRequest>
where
    S: Strategy<Value = Option<Request>> + Clone,
{
    let ops = prop::collection::vec(op.prop_map(|request| RequestOp { request }), 0..3);
    (prop::collection::vec(compare(), 0..3), ops.clone(), ops)
        .prop_map(|(compare, success, failure)| TxnRequest { compare, success, failure })
}

fn txn() -> impl Strategy<Value = TxnRequest> {
    let leaf = prop_oneof![
        Just(None),
        range().prop_map(|range| Some(Request::RequestRange(range))),
        put().prop_map(|put| Some(Request::RequestPut(put))),
        deletion().prop_map(|delete| Some(Request::RequestDeleteRange(delete))),
    ];
    let op = leaf.prop_recursive(3, 12, 3, |inner| {
        lists(inner).prop_map(|txn| Some(Request::RequestTxn(txn))).boxed()
    });
    lists(op)
}

prop_compose! {
    fn creation()(
        key in small(), range_end in small(), start_revision in number(),
        filters in prop::collection::vec(-1..3_i32, 0..3),
        flags in any::<[bool; 3]>(), watch_id in -2..4_i64,
    ) -> RequestUnion {
        let [progress_notify, prev_kv, fragment] = flags;
        RequestUnion::CreateRequest(WatchCreateRequest {
            key, range_end, start_revision, progress_notify, filters, prev_kv, watch_id, fragment,
        })
    }
}

fn watch() -> impl Strategy<Value = WatchRequest> {
    let cancel = (-2..6_i64).prop_map(|watch_id| WatchCancelRequest { watch_id });
    let progress = Just(RequestUnion::ProgressRequest(WatchProgressRequest {}));
    let cancel = cancel.prop_map(RequestUnion::CancelRequest);
    let union = prop_oneof![3 => creation(), 1 => cancel, 1 => progress];
    prop::option::of(union).prop_map(|request_union| WatchRequest { request_union })
}

fn upkeep() -> impl Strategy<Value = Vec<u8>> {
    let alarm = (-1..4_i32, any::<u64>(), -1..4_i32).prop_map(|(action, member_id, alarm)| {
        AlarmRequest { action, member_id, alarm }.encode_to_vec()
    });
    let downgrade = (-1..4_i32, "[0-9.x+-]{0,12}")
        .prop_map(|(action, version)| DowngradeRequest { action, version }.encode_to_vec());
    let compact = (number(), any::<bool>())
        .prop_map(|(revision, physical)| CompactionRequest { revision, physical }.encode_to_vec());
    prop_oneof![alarm, downgrade, compact]
}

/// A request that was well-formed before a byte of it changed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![
        range().prop_map(|request| request.encode_to_vec()),
        put().prop_map(|request| request.encode_to_vec()),
        txn().prop_map(|request| request.encode_to_vec()),
        watch().prop_map(|request| request.encode_to_vec()),
        (number(), number()).prop_map(|(ttl, id)| LeaseGrantRequest { ttl, id }.encode_to_vec()),
        upkeep(),
    ];
    (whole, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut bytes, place, byte)| {
        if !bytes.is_empty() {
            let place = place.index(bytes.len());
            if let Some(there) = bytes.get_mut(place) {
                *there = byte;
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn noise(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        knock(&bytes);
    }

    #[test]
    fn damage(bytes in damaged()) {
        knock(&bytes);
    }

    #[test]
    fn what_is_encoded_is_decoded(request in txn()) {
        let bytes = request.encode_to_vec();
        prop_assert_eq!(TxnRequest::decode(&bytes[..]), Ok(request.clone()));
        let _ = kv::txn(request);
    }

    /// Every creation is answered exactly once by the time the node has
    /// answered, whatever comes between.
    #[test]
    fn every_creation_of_a_stream_is_answered(
        steps in prop::collection::vec((watch(), 0..4_u8), 0..40),
    ) {
        let mut stream = WatchStream::new();
        let (mut keys, mut waiting) = (0_u64, Vec::new());
        let (mut creations, mut answers) = (0, 0);
        for (request, event) in steps {
            creations += usize::from(matches!(
                request.request_union, Some(RequestUnion::CreateRequest(_))
            ));
            let out = stream.on_request(request, HEADER, || { keys += 1; WatchKey(keys) });
            for out in out {
                match out {
                    StreamOut::Open { key, .. } => waiting.push(key),
                    StreamOut::Close { key } => waiting.retain(|waits| *waits != key),
                    StreamOut::Progress { .. } => {}
                    StreamOut::Say(response) => answers += usize::from(response.created),
                }
            }
            let event = match event {
                0 => continue,
                1 => WatchEvent::Ended,
                2 => WatchEvent::Compacted { oldest: Revision(4) },
                _ => WatchEvent::Opened { revision: Revision(10) },
            };
            for key in waiting.drain(..) {
                let said = stream.on_event(key, event.clone(), HEADER);
                answers += said.iter().filter(|response| response.created).count();
            }
        }
        for key in waiting {
            let said = stream.on_event(key, WatchEvent::Ended, HEADER);
            answers += said.iter().filter(|response| response.created).count();
        }
        prop_assert_eq!(answers, creations);
    }
}
