//! The wire to the byte: field numbers that were taken for others would be found here.

use api::etcd::wire::etcdserverpb::compare::TargetUnion;
use api::etcd::wire::etcdserverpb::request_op::Request;
use api::etcd::wire::etcdserverpb::watch_request::RequestUnion;
use api::etcd::wire::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmResponse, CompactionRequest, Compare, DeleteRangeRequest,
    DowngradeInfo, DowngradeRequest, HashKvResponse, HashResponse, LeaseCheckpoint,
    LeaseCheckpointRequest, LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest,
    LeaseKeepAliveResponse, LeaseLeasesResponse, LeaseRevokeRequest, LeaseStatus,
    LeaseTimeToLiveRequest, LeaseTimeToLiveResponse, Member, MoveLeaderRequest, PutRequest,
    RangeRequest, RequestOp, ResponseHeader, SnapshotResponse, StatusResponse, TxnRequest,
    WatchCreateRequest, WatchRequest, WatchResponse,
};
use api::etcd::wire::health::{HealthCheckRequest, HealthCheckResponse};
use api::etcd::wire::mvccpb::{Event, KeyValue};
use bytes::Bytes;
use prost::Message;

/// The tag of field `number`: 0 is a number, 2 has a length (Protocol Buffers,
/// "Encoding").
const fn tag(number: u8, kind: u8) -> u8 {
    number << 3 | kind
}

/// Fields 1, 2, 3... with these kinds, each number field holding its own
/// number, each field with a length holding one byte, "a".
fn fields(kinds: &[(u8, u8)]) -> Vec<u8> {
    let field = |&(number, kind): &(u8, u8)| match kind {
        0 => vec![tag(number, 0), number],
        _ => vec![tag(number, 2), 1, b'a'],
    };
    kinds.iter().flat_map(field).collect()
}

fn a() -> Bytes {
    Bytes::from_static(b"a")
}

#[test]
fn a_pair() {
    let pair = KeyValue {
        key: a(),
        create_revision: 2,
        mod_revision: 3,
        version: 4,
        value: a(),
        lease: 6,
    };
    let bytes = fields(&[(1, 2), (2, 0), (3, 0), (4, 0), (5, 2), (6, 0)]);
    assert_eq!(pair.encode_to_vec(), bytes);
}

#[test]
fn an_event() {
    let kv = || Some(KeyValue { key: a(), ..Default::default() });
    let event = Event { r#type: 1, kv: kv(), prev_kv: kv() };
    let inner = [3, tag(1, 2), 1, b'a'];
    let mut bytes = vec![tag(1, 0), 1];
    for number in [2, 3] {
        bytes.push(tag(number, 2));
        bytes.extend(inner);
    }
    assert_eq!(event.encode_to_vec(), bytes);
}

#[test]
fn a_header() {
    let header = ResponseHeader { cluster_id: 1, member_id: 2, revision: 3, raft_term: 4 };
    assert_eq!(header.encode_to_vec(), fields(&[(1, 0), (2, 0), (3, 0), (4, 0)]));
}

#[test]
fn a_range() {
    let range = RangeRequest {
        key: a(),
        range_end: a(),
        limit: 3,
        revision: 4,
        sort_order: 5,
        sort_target: 6,
        serializable: true,
        keys_only: true,
        count_only: true,
        min_mod_revision: 10,
        max_mod_revision: 11,
        min_create_revision: 12,
        max_create_revision: 13,
    };
    let mut bytes = fields(&[(1, 2), (2, 2), (3, 0), (4, 0), (5, 0), (6, 0)]);
    bytes.extend([tag(7, 0), 1, tag(8, 0), 1, tag(9, 0), 1]);
    bytes.extend(fields(&[(10, 0), (11, 0), (12, 0), (13, 0)]));
    assert_eq!(range.encode_to_vec(), bytes);
}

#[test]
fn a_put_and_a_deletion() {
    let put = PutRequest {
        key: a(),
        value: a(),
        lease: 3,
        prev_kv: true,
        ignore_value: true,
        ignore_lease: true,
    };
    let mut bytes = fields(&[(1, 2), (2, 2), (3, 0)]);
    bytes.extend([tag(4, 0), 1, tag(5, 0), 1, tag(6, 0), 1]);
    assert_eq!(put.encode_to_vec(), bytes);
    let deletion = DeleteRangeRequest { key: a(), range_end: a(), prev_kv: true };
    let mut bytes = fields(&[(1, 2), (2, 2)]);
    bytes.extend([tag(3, 0), 1]);
    assert_eq!(deletion.encode_to_vec(), bytes);
}

#[test]
fn a_comparison_has_its_end_in_field_64() {
    let union = |target_union| {
        let compare = Compare {
            result: 1,
            target: 2,
            key: a(),
            target_union: Some(target_union),
            range_end: a(),
        };
        let bytes = compare.encode_to_vec();
        assert!(bytes.starts_with(&[tag(1, 0), 1, tag(2, 0), 2, tag(3, 2), 1, b'a']));
        // 64 << 3 | 2, seven bits a byte, lowest first.
        assert!(bytes.ends_with(&[0x82, 0x04, 1, b'a']));
        bytes.into_iter().skip(7).take(2).collect::<Vec<_>>()
    };
    assert_eq!(union(TargetUnion::Version(4)), [tag(4, 0), 4]);
    assert_eq!(union(TargetUnion::CreateRevision(5)), [tag(5, 0), 5]);
    assert_eq!(union(TargetUnion::ModRevision(6)), [tag(6, 0), 6]);
    assert_eq!(union(TargetUnion::Value(a())), [tag(7, 2), 1]);
    assert_eq!(union(TargetUnion::Lease(8)), [tag(8, 0), 8]);
}

#[test]
fn a_transaction() {
    let ops = [
        Request::RequestRange(RangeRequest::default()),
        Request::RequestPut(PutRequest::default()),
        Request::RequestDeleteRange(DeleteRangeRequest::default()),
        Request::RequestTxn(TxnRequest::default()),
    ];
    let ops = ops.map(|op| RequestOp { request: Some(op) }).to_vec();
    let txn = TxnRequest { compare: vec![Compare::default()], success: ops, failure: vec![] };
    let mut bytes = vec![tag(1, 2), 0];
    for number in 1..=4 {
        bytes.extend([tag(2, 2), 2, tag(number, 2), 0]);
    }
    assert_eq!(txn.encode_to_vec(), bytes);
    let failure = vec![RequestOp::default()];
    let txn = TxnRequest { failure, ..Default::default() };
    assert_eq!(txn.encode_to_vec(), [tag(3, 2), 0]);
}

#[test]
fn a_watch() {
    let create = WatchCreateRequest {
        key: a(),
        range_end: a(),
        start_revision: 3,
        progress_notify: true,
        filters: vec![0, 1],
        prev_kv: true,
        watch_id: 7,
        fragment: true,
    };
    let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let mut bytes = vec![tag(1, 2), 20];
    bytes.extend(fields(&[(1, 2), (2, 2), (3, 0)]));
    bytes.extend([tag(4, 0), 1, tag(5, 2), 2, 0, 1, tag(6, 0), 1, tag(7, 0), 7, tag(8, 0), 1]);
    assert_eq!(request.encode_to_vec(), bytes);
}

#[test]
fn a_watch_response_has_its_events_in_field_11() {
    let response = WatchResponse {
        header: Some(ResponseHeader::default()),
        watch_id: 2,
        created: true,
        canceled: true,
        compact_revision: 5,
        cancel_reason: "a".into(),
        fragment: true,
        events: vec![Event::default()],
    };
    let mut bytes = vec![tag(1, 2), 0, tag(2, 0), 2, tag(3, 0), 1, tag(4, 0), 1];
    bytes.extend([tag(5, 0), 5, tag(6, 2), 1, b'a', tag(7, 0), 1, tag(11, 2), 0]);
    assert_eq!(response.encode_to_vec(), bytes);
}

#[test]
fn a_member_and_its_status() {
    let member = Member {
        id: 1,
        name: "a".into(),
        peer_urls: vec!["a".into()],
        client_urls: vec!["a".into()],
        is_learner: true,
    };
    let mut bytes = fields(&[(1, 0), (2, 2), (3, 2), (4, 2)]);
    bytes.extend([tag(5, 0), 1]);
    assert_eq!(member.encode_to_vec(), bytes);
    let status = StatusResponse {
        header: Some(ResponseHeader::default()),
        version: "a".into(),
        db_size: 3,
        leader: 4,
        raft_index: 5,
        raft_term: 6,
        raft_applied_index: 7,
        errors: vec!["a".into()],
        db_size_in_use: 9,
        is_learner: true,
        storage_version: "a".into(),
        db_size_quota: 12,
        downgrade_info: Some(DowngradeInfo::default()),
    };
    let mut bytes = vec![tag(1, 2), 0];
    bytes.extend(fields(&[(2, 2), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 2), (9, 0)]));
    bytes.extend([tag(10, 0), 1]);
    bytes.extend(fields(&[(11, 2), (12, 0)]));
    bytes.extend([tag(13, 2), 0]);
    assert_eq!(status.encode_to_vec(), bytes);
}

fn header() -> Option<ResponseHeader> {
    Some(ResponseHeader::default())
}

/// An empty header in field 1, then these.
fn under_header(kinds: &[(u8, u8)]) -> Vec<u8> {
    [vec![tag(1, 2), 0], fields(kinds)].concat()
}

#[test]
fn a_lease_that_is_granted_and_revoked() {
    let request = LeaseGrantRequest { ttl: 1, id: 2 };
    assert_eq!(request.encode_to_vec(), fields(&[(1, 0), (2, 0)]));
    let response = LeaseGrantResponse { header: header(), id: 2, ttl: 3, error: "a".into() };
    assert_eq!(response.encode_to_vec(), under_header(&[(2, 0), (3, 0), (4, 2)]));
    assert_eq!(LeaseRevokeRequest { id: 1 }.encode_to_vec(), fields(&[(1, 0)]));
}

#[test]
fn a_lease_that_is_kept_alive() {
    assert_eq!(LeaseKeepAliveRequest { id: 1 }.encode_to_vec(), fields(&[(1, 0)]));
    let response = LeaseKeepAliveResponse { header: header(), id: 2, ttl: 3 };
    assert_eq!(response.encode_to_vec(), under_header(&[(2, 0), (3, 0)]));
}

#[test]
fn a_lease_that_is_looked_at() {
    let request = LeaseTimeToLiveRequest { id: 1, keys: true };
    assert_eq!(request.encode_to_vec(), [tag(1, 0), 1, tag(2, 0), 1]);
    let response = LeaseTimeToLiveResponse {
        header: header(),
        id: 2,
        ttl: 3,
        granted_ttl: 4,
        keys: vec![a(), a()],
    };
    let bytes = under_header(&[(2, 0), (3, 0), (4, 0), (5, 2), (5, 2)]);
    assert_eq!(response.encode_to_vec(), bytes);
    let leases = vec![LeaseStatus { id: 1 }];
    let response = LeaseLeasesResponse { header: header(), leases };
    assert_eq!(response.encode_to_vec(), [tag(1, 2), 0, tag(2, 2), 2, tag(1, 0), 1]);
}

#[test]
fn what_members_tell_each_other_of_leases() {
    let checkpoints = vec![LeaseCheckpoint { id: 1, remaining_ttl: 2 }];
    let bytes = LeaseCheckpointRequest { checkpoints }.encode_to_vec();
    assert_eq!(bytes, [tag(1, 2), 4, tag(1, 0), 1, tag(2, 0), 2]);
}

#[test]
fn a_compaction() {
    let request = CompactionRequest { revision: 1, physical: true };
    assert_eq!(request.encode_to_vec(), [tag(1, 0), 1, tag(2, 0), 1]);
}

#[test]
fn alarms() {
    let request = AlarmRequest { action: 1, member_id: 2, alarm: 3 };
    assert_eq!(request.encode_to_vec(), fields(&[(1, 0), (2, 0), (3, 0)]));
    let alarms = vec![AlarmMember { member_id: 1, alarm: 2 }];
    let response = AlarmResponse { header: header(), alarms };
    let bytes = [tag(1, 2), 0, tag(2, 2), 4, tag(1, 0), 1, tag(2, 0), 2];
    assert_eq!(response.encode_to_vec(), bytes);
}

#[test]
fn hashes() {
    let response = HashResponse { header: header(), hash: 2 };
    assert_eq!(response.encode_to_vec(), under_header(&[(2, 0)]));
    let response =
        HashKvResponse { header: header(), hash: 2, compact_revision: 3, hash_revision: 4 };
    assert_eq!(response.encode_to_vec(), under_header(&[(2, 0), (3, 0), (4, 0)]));
}

#[test]
fn upkeep() {
    let snapshot =
        SnapshotResponse { header: header(), remaining_bytes: 2, blob: a(), version: "a".into() };
    assert_eq!(snapshot.encode_to_vec(), under_header(&[(2, 0), (3, 2), (4, 2)]));
    assert_eq!(MoveLeaderRequest { target_id: 1 }.encode_to_vec(), fields(&[(1, 0)]));
    let downgrade = DowngradeRequest { action: 1, version: "a".into() };
    assert_eq!(downgrade.encode_to_vec(), fields(&[(1, 0), (2, 2)]));
}

#[test]
fn health() {
    let request = HealthCheckRequest { service: "a".into() };
    assert_eq!(request.encode_to_vec(), fields(&[(1, 2)]));
    assert_eq!(HealthCheckResponse { status: 1 }.encode_to_vec(), fields(&[(1, 0)]));
}
