//! Requests of the KV service: what they become, and why they are refused.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use ::kv::command::{
    Command, CompareHow, CompareWith, DeleteRange, KeyRange, Put, RangeQuery, Sort, SortTarget,
    Txn, TxnOp,
};
use api::etcd::error::Status;
use api::etcd::kv::{self, Ask, Level, Query, TXN_DEPTH_MAX};
use api::etcd::wire::etcdserverpb::compare::TargetUnion;
use api::etcd::wire::etcdserverpb::request_op::Request;
use api::etcd::wire::etcdserverpb::{
    Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
};
use base::Revision;
use base::limits::{REQUEST_BYTES_MAX, TXN_OPS_MAX};
use bytes::Bytes;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn one(key: &'static str) -> KeyRange {
    KeyRange::One(bytes(key))
}

fn range_of(key: &'static str) -> RangeRequest {
    RangeRequest { key: bytes(key), ..Default::default() }
}

fn put_of(key: &'static str, value: &'static str) -> PutRequest {
    PutRequest { key: bytes(key), value: bytes(value), ..Default::default() }
}

fn op(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

fn range_op(key: &'static str) -> RequestOp {
    op(Request::RequestRange(range_of(key)))
}

fn put_op(key: &'static str) -> RequestOp {
    op(Request::RequestPut(put_of(key, "v")))
}

fn txn_of(success: Vec<RequestOp>) -> TxnRequest {
    TxnRequest { success, ..Default::default() }
}

fn query_of(key: &'static str) -> RangeQuery {
    RangeQuery {
        range: one(key),
        revision: None,
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        modified: (0, 0),
        create: (0, 0),
    }
}

fn written(ask: Result<Ask, Status>) -> Command {
    match ask {
        Ok(Ask::Write(command)) => command,
        other => panic!("not a write: {other:?}"),
    }
}

fn read_txn(ask: Result<Ask, Status>) -> (Txn, Level) {
    match ask {
        Ok(Ask::Read { query: Query::Txn(txn), level }) => (txn, level),
        other => panic!("not a transaction that reads: {other:?}"),
    }
}

#[test]
fn a_range_is_linearizable_unless_it_says_otherwise() {
    let ask = |level| Ask::Read { query: Query::Range(query_of("k")), level };
    assert_eq!(kv::range(range_of("k")), Ok(ask(Level::Linearizable)));
    let serializable = RangeRequest { serializable: true, ..range_of("k") };
    assert_eq!(kv::range(serializable), Ok(ask(Level::Serializable)));
}

#[test]
fn a_range_carries_every_field() {
    let request = RangeRequest {
        range_end: bytes("z"),
        limit: 10,
        revision: 7,
        keys_only: true,
        count_only: true,
        min_mod_revision: 1,
        max_mod_revision: 2,
        min_create_revision: 3,
        max_create_revision: 4,
        ..range_of("k")
    };
    let query = RangeQuery {
        range: KeyRange::Span { start: bytes("k"), end: bytes("z") },
        revision: Some(Revision(7)),
        limit: 10,
        sort: None,
        keys_only: true,
        count_only: true,
        modified: (1, 2),
        create: (3, 4),
    };
    let ask = Ask::Read { query: Query::Range(query), level: Level::Linearizable };
    assert_eq!(kv::range(request), Ok(ask));
}

#[test]
fn any_bound_of_a_range_makes_it_sort_before_it_cuts() {
    let bounded: [fn(&mut RangeRequest); 4] = [
        |range| range.min_mod_revision = 1,
        |range| range.max_mod_revision = 1,
        |range| range.min_create_revision = 1,
        |range| range.max_create_revision = 1,
    ];
    let sort = |request| match kv::range(request) {
        Ok(Ask::Read { query: Query::Range(query), .. }) => query.sort,
        other => panic!("not a range: {other:?}"),
    };
    let by_version = RangeRequest { sort_target: 1, ..range_of("k") };
    assert_eq!(sort(by_version.clone()), Some((SortTarget::Version, None)));
    for bound in bounded {
        let mut request = by_version.clone();
        bound(&mut request);
        let whole = Sort { target: SortTarget::Version, descending: false };
        assert_eq!(sort(request), Some((SortTarget::Version, Some(whole))));
    }
}

#[test]
fn a_range_needs_a_key_before_a_sort_order_that_exists() {
    let request = RangeRequest { sort_order: 9, ..range_of("") };
    assert_eq!(kv::range(request), Err(Status::EMPTY_KEY));
    let request = RangeRequest { sort_order: 9, ..range_of("k") };
    assert_eq!(kv::range(request), Err(Status::INVALID_SORT));
    let request = RangeRequest { sort_target: 9, ..range_of("k") };
    assert_eq!(kv::range(request), Err(Status::INVALID_SORT));
}

#[test]
fn a_put_writes_value_and_lease() {
    let request = PutRequest { lease: 5, prev_kv: true, ..put_of("k", "v") };
    let put = Put { key: bytes("k"), value: Some(bytes("v")), lease: Some(5), want_previous: true };
    assert_eq!(written(kv::put(request)), Command::Put(put));
}

#[test]
fn a_put_of_nothing_is_an_empty_value_and_no_lease() {
    let put =
        Put { key: bytes("k"), value: Some(Bytes::new()), lease: Some(0), want_previous: false };
    assert_eq!(written(kv::put(put_of("k", ""))), Command::Put(put));
}

#[test]
fn a_put_may_keep_value_and_lease() {
    let request = PutRequest { ignore_value: true, ignore_lease: true, ..put_of("k", "") };
    let put = Put { key: bytes("k"), value: None, lease: None, want_previous: false };
    assert_eq!(written(kv::put(request)), Command::Put(put));
}

#[test]
fn a_put_is_checked_for_key_then_value_then_lease() {
    let wrong = PutRequest { lease: 1, ignore_value: true, ignore_lease: true, ..put_of("", "v") };
    assert_eq!(kv::put(wrong.clone()), Err(Status::EMPTY_KEY));
    let wrong = PutRequest { key: bytes("k"), ..wrong };
    assert_eq!(kv::put(wrong.clone()), Err(Status::VALUE_PROVIDED));
    let wrong = PutRequest { value: Bytes::new(), ..wrong };
    assert_eq!(kv::put(wrong), Err(Status::LEASE_PROVIDED));
}

#[test]
fn a_command_does_not_share_the_buffer_it_came_in() {
    let buffer = Bytes::from(vec![b'x'; 4096]);
    let request =
        PutRequest { key: buffer.slice(10..20), value: buffer.slice(20..30), ..put_of("", "") };
    let Command::Put(put) = written(kv::put(request)) else { panic!("a put") };
    for part in [put.key, put.value.unwrap()] {
        assert!(!buffer.as_ptr_range().contains(&part.as_ptr()));
    }
}

#[test]
fn a_deletion_names_a_range() {
    let request = DeleteRangeRequest { key: bytes("a"), range_end: bytes("b"), prev_kv: true };
    let range = KeyRange::Span { start: bytes("a"), end: bytes("b") };
    let command = Command::DeleteRange(DeleteRange { range, want_previous: true });
    assert_eq!(written(kv::delete_range(request)), command);
    assert_eq!(kv::delete_range(DeleteRangeRequest::default()), Err(Status::EMPTY_KEY));
}

#[test]
fn a_write_larger_than_a_request_may_be_is_refused_and_one_just_as_large_is_not() {
    // Key: a tag, a length of one byte, a byte. Value: a tag, a length of three bytes.
    let fits = REQUEST_BYTES_MAX - 3 - 4 - 1;
    let request = |size| PutRequest { value: Bytes::from(vec![b'v'; size]), ..put_of("k", "") };
    assert!(kv::put(request(fits)).is_ok());
    assert_eq!(kv::put(request(fits + 2)), Err(Status::TOO_LARGE));
    let large = txn_of(vec![op(Request::RequestPut(request(fits + 2)))]);
    assert_eq!(kv::txn(large), Err(Status::TOO_LARGE));
}

#[test]
fn what_is_wrong_with_a_request_is_said_before_that_it_is_too_large() {
    let value = Bytes::from(vec![b'v'; REQUEST_BYTES_MAX]);
    assert_eq!(kv::put(PutRequest { value, ..put_of("", "") }), Err(Status::EMPTY_KEY));
}

#[test]
fn a_transaction_of_ranges_is_a_read() {
    let request = TxnRequest { failure: vec![range_op("b")], ..txn_of(vec![range_op("a")]) };
    let (txn, level) = read_txn(kv::txn(request));
    assert_eq!(txn.success, [TxnOp::Range(query_of("a"))]);
    assert_eq!(txn.failure, [TxnOp::Range(query_of("b"))]);
    assert_eq!(level, Level::Linearizable);
}

#[test]
fn a_transaction_with_any_other_operation_in_either_branch_is_a_write() {
    let delete = DeleteRangeRequest { key: bytes("k"), ..Default::default() };
    let inner = op(Request::RequestTxn(txn_of(vec![range_op("k")])));
    for other in [put_op("k"), op(Request::RequestDeleteRange(delete)), inner] {
        written(kv::txn(txn_of(vec![range_op("a"), other.clone()])));
        written(kv::txn(TxnRequest { failure: vec![other], ..txn_of(vec![range_op("a")]) }));
    }
}

#[test]
fn old_state_answers_a_transaction_only_of_serializable_ranges_without_comparisons() {
    let old = op(Request::RequestRange(RangeRequest { serializable: true, ..range_of("k") }));
    let compare = Compare { key: bytes("k"), ..Default::default() };
    let level = |request| read_txn(kv::txn(request)).1;
    assert_eq!(level(txn_of(vec![])), Level::Serializable);
    assert_eq!(level(txn_of(vec![old.clone()])), Level::Serializable);
    assert_eq!(level(txn_of(vec![old.clone(), range_op("k")])), Level::Linearizable);
    let branch = TxnRequest { failure: vec![range_op("k")], ..txn_of(vec![old.clone()]) };
    assert_eq!(level(branch), Level::Linearizable);
    let compared = TxnRequest { compare: vec![compare], ..txn_of(vec![old]) };
    assert_eq!(level(compared), Level::Linearizable);
}

#[test]
fn a_negative_revision_inside_a_transaction_is_older_than_anything() {
    let asked = RangeRequest { revision: -1, ..range_of("k") };
    let (txn, _) = read_txn(kv::txn(txn_of(vec![op(Request::RequestRange(asked))])));
    let query = RangeQuery { revision: Some(Revision::ZERO), ..query_of("k") };
    assert_eq!(txn.success, [TxnOp::Range(query)]);
}

#[test]
fn each_list_of_a_transaction_is_bounded() {
    let compare = Compare { key: bytes("k"), ..Default::default() };
    let fits = TxnRequest {
        compare: vec![compare.clone(); TXN_OPS_MAX],
        success: vec![range_op("k"); TXN_OPS_MAX],
        failure: vec![range_op("k"); TXN_OPS_MAX],
    };
    assert!(kv::txn(fits.clone()).is_ok());
    let mut wrong = [fits.clone(), fits.clone(), fits];
    wrong[0].compare.push(compare);
    wrong[1].success.push(range_op("k"));
    wrong[2].failure.push(range_op("k"));
    for request in wrong {
        assert_eq!(kv::txn(request), Err(Status::TOO_MANY_OPS));
    }
}

#[test]
fn a_transaction_inside_gets_the_operations_that_are_left() {
    let nested = |outer: usize, inner: usize| {
        let mut ops = vec![op(Request::RequestTxn(txn_of(vec![range_op("k"); inner])))];
        ops.resize(outer, range_op("k"));
        kv::txn(txn_of(ops))
    };
    assert!(nested(28, TXN_OPS_MAX - 28).is_ok());
    assert_eq!(nested(28, TXN_OPS_MAX - 27), Err(Status::TOO_MANY_OPS));
    assert!(nested(TXN_OPS_MAX, 0).is_ok());
}

#[test]
fn too_many_operations_are_said_before_what_is_wrong_with_one() {
    let request = txn_of(vec![RequestOp::default(); TXN_OPS_MAX + 1]);
    assert_eq!(kv::txn(request), Err(Status::TOO_MANY_OPS));
}

#[test]
fn transactions_lie_inside_each_other_only_so_deep() {
    let deep = |depth: usize| {
        (1..depth).fold(txn_of(vec![]), |inner, _| txn_of(vec![op(Request::RequestTxn(inner))]))
    };
    written(kv::txn(deep(TXN_DEPTH_MAX)));
    assert_eq!(kv::txn(deep(TXN_DEPTH_MAX + 1)), Err(Status::TOO_MANY_OPS));
}

#[test]
fn an_operation_without_content_and_a_key_that_is_empty_are_refused_in_both_branches() {
    let table = [
        (RequestOp::default(), Status::KEY_NOT_FOUND),
        (range_op(""), Status::EMPTY_KEY),
        (put_op(""), Status::EMPTY_KEY),
        (op(Request::RequestDeleteRange(DeleteRangeRequest::default())), Status::EMPTY_KEY),
        (op(Request::RequestTxn(txn_of(vec![put_op("")]))), Status::EMPTY_KEY),
    ];
    for (wrong, status) in table {
        assert_eq!(kv::txn(txn_of(vec![wrong.clone()])), Err(status.clone()));
        let other = TxnRequest { failure: vec![wrong], ..Default::default() };
        assert_eq!(kv::txn(other), Err(status));
    }
    let nameless = TxnRequest { compare: vec![Compare::default()], ..Default::default() };
    assert_eq!(kv::txn(nameless), Err(Status::EMPTY_KEY));
}

fn compared(compare: Compare) -> Result<::kv::command::Compare, Status> {
    let compare = Compare { key: bytes("k"), ..compare };
    match kv::txn(TxnRequest { compare: vec![compare], ..Default::default() })? {
        Ask::Read { query: Query::Txn(mut txn), .. } => Ok(txn.compare.remove(0)),
        other => panic!("not a read: {other:?}"),
    }
}

#[test]
fn every_target_is_compared_with_its_own_member_of_the_union() {
    let table = [
        (0, TargetUnion::Version(4), CompareWith::Version(4)),
        (1, TargetUnion::CreateRevision(4), CompareWith::Create(4)),
        (2, TargetUnion::ModRevision(-4), CompareWith::Modified(-4)),
        (3, TargetUnion::Value(bytes("v")), CompareWith::Value(bytes("v"))),
        (4, TargetUnion::Lease(4), CompareWith::Lease(4)),
    ];
    for (target, union, with) in table {
        let compare = Compare { target, target_union: Some(union), ..Default::default() };
        assert_eq!(compared(compare).unwrap().with, with);
    }
}

#[test]
fn a_union_that_is_unset_or_meant_for_another_target_is_zero() {
    let zeros = [
        CompareWith::Version(0),
        CompareWith::Create(0),
        CompareWith::Modified(0),
        CompareWith::Value(Bytes::new()),
        CompareWith::Lease(0),
    ];
    for (target, zero) in zeros.into_iter().enumerate() {
        let target = target as i32;
        let unset = Compare { target, ..Default::default() };
        assert_eq!(compared(unset.clone()).unwrap().with, zero);
        let other = if target == 4 { TargetUnion::Version(7) } else { TargetUnion::Lease(7) };
        let crossed = Compare { target_union: Some(other), ..unset };
        assert_eq!(compared(crossed).unwrap().with, zero);
    }
}

#[test]
fn every_operator_and_no_unknown_one() {
    use CompareHow::{Equal, Greater, Less, NotEqual};
    for (result, how) in [Equal, Greater, Less, NotEqual].into_iter().enumerate() {
        let compare = Compare { result: result as i32, ..Default::default() };
        assert_eq!(compared(compare).unwrap().how, how);
    }
    for wrong in [
        Compare { result: 4, ..Default::default() },
        Compare { result: -1, ..Default::default() },
        Compare { target: 5, ..Default::default() },
    ] {
        assert_eq!(compared(wrong), Err(Status::INVALID_COMPARE));
    }
}

#[test]
fn a_comparison_may_name_a_range() {
    let compare = Compare { range_end: bytes("\0"), ..Default::default() };
    assert_eq!(compared(compare).unwrap().range, KeyRange::From(bytes("k")));
}
