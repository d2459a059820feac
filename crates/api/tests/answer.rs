//! Answers of the KV service: what the keyspace says, in etcd's words.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use api::etcd::answer;
use api::etcd::error::Status;
use api::etcd::header::Header;
use api::etcd::wire::etcdserverpb::ResponseHeader;
use api::etcd::wire::etcdserverpb::response_op::Response;
use base::{ClusterId, NodeId, Revision};
use bytes::Bytes;
use kv::command::{KeyValue, KvError, OpReply, RangeReply, Reply, TxnReply};

const HEADER: Header =
    Header { cluster_id: ClusterId(7), member_id: NodeId(2), revision: Revision(1), raft_term: 3 };

fn pair(key: &'static str) -> KeyValue {
    KeyValue {
        key: Bytes::from_static(key.as_bytes()),
        create: Revision(2),
        modified: Revision(3),
        version: 2,
        lease: 0,
        value: Bytes::from_static(b"v"),
        extension: Bytes::new(),
    }
}

fn reply(op: OpReply) -> Reply {
    Reply { revision: Revision(9), result: Ok(op) }
}

fn range_reply() -> OpReply {
    OpReply::Range(RangeReply { kvs: vec![pair("a")], more: true, count: 5 })
}

fn deletion(deleted: u64) -> OpReply {
    OpReply::DeleteRange { deleted, previous: vec![] }
}

fn txn_reply(replies: Vec<OpReply>) -> OpReply {
    OpReply::Txn(TxnReply { succeeded: true, replies })
}

fn full_header() -> Option<ResponseHeader> {
    Some(ResponseHeader { cluster_id: 7, member_id: 2, revision: 9, raft_term: 3 })
}

#[test]
fn a_header_shows_the_revision_of_the_answer() {
    let header = answer::range(reply(range_reply()), HEADER).unwrap().header;
    assert_eq!(header, full_header());
    let header = answer::put(reply(OpReply::Put { previous: None }), HEADER).unwrap().header;
    assert_eq!(header, full_header());
    let header = answer::delete_range(reply(deletion(0)), HEADER).unwrap().header;
    assert_eq!(header, full_header());
    let header = answer::txn(reply(txn_reply(vec![])), HEADER).unwrap().header;
    assert_eq!(header, full_header());
}

#[test]
fn a_range_shows_pairs_more_and_count() {
    let response = answer::range(reply(range_reply()), HEADER).unwrap();
    assert_eq!((response.more, response.count), (true, 5));
    assert_eq!(response.kvs.len(), 1);
    assert_eq!(&response.kvs[0].key[..], b"a");
}

#[test]
fn a_put_shows_the_pair_before_if_there_is_one() {
    let none = answer::put(reply(OpReply::Put { previous: None }), HEADER).unwrap();
    assert_eq!(none.prev_kv, None);
    let some = OpReply::Put { previous: Some(pair("a")) };
    assert_eq!(answer::put(reply(some), HEADER).unwrap().prev_kv.unwrap().version, 2);
}

#[test]
fn a_deletion_shows_how_many_and_which() {
    let op = OpReply::DeleteRange { deleted: 2, previous: vec![pair("a"), pair("b")] };
    let response = answer::delete_range(reply(op), HEADER).unwrap();
    assert_eq!(response.deleted, 2);
    let keys: Vec<_> = response.prev_kvs.into_iter().map(|kv| kv.key).collect();
    assert_eq!(keys, ["a", "b"]);
}

/// The header of every response of a transaction, those inside a transaction
/// inside it too.
fn inner_headers(replies: Vec<OpReply>) -> Vec<ResponseHeader> {
    fn collect(response: Response, into: &mut Vec<ResponseHeader>) {
        match response {
            Response::ResponseRange(range) => into.extend(range.header),
            Response::ResponsePut(put) => into.extend(put.header),
            Response::ResponseDeleteRange(delete) => into.extend(delete.header),
            Response::ResponseTxn(txn) => {
                into.extend(txn.header);
                for op in txn.responses {
                    collect(op.response.unwrap(), into);
                }
            }
        }
    }
    let mut headers = Vec::new();
    for op in answer::txn(reply(txn_reply(replies)), HEADER).unwrap().responses {
        collect(op.response.unwrap(), &mut headers);
    }
    headers
}

fn only(revision: i64) -> ResponseHeader {
    ResponseHeader { revision, ..Default::default() }
}

#[test]
fn inside_a_transaction_that_reads_headers_show_its_revision_alone() {
    assert_eq!(inner_headers(vec![range_reply(), range_reply()]), [only(9), only(9)]);
}

#[test]
fn before_the_first_change_of_a_transaction_headers_show_the_revision_before_it() {
    let put = OpReply::Put { previous: None };
    let ops = vec![range_reply(), deletion(0), put, range_reply()];
    assert_eq!(inner_headers(ops), [only(8), only(8), only(9), only(9)]);
    let ops = vec![range_reply(), deletion(1), range_reply()];
    assert_eq!(inner_headers(ops), [only(8), only(9), only(9)]);
}

#[test]
fn a_transaction_inside_has_an_empty_header_and_its_operations_do_not() {
    let put = OpReply::Put { previous: None };
    let ops = vec![txn_reply(vec![range_reply(), put]), range_reply()];
    assert_eq!(inner_headers(ops), [only(0), only(8), only(9), only(9)]);
}

#[test]
fn a_refusal_keeps_its_text() {
    let refused = Reply { revision: Revision(9), result: Err(KvError::FutureRevision) };
    assert_eq!(answer::range(refused, HEADER), Err(Status::FUTURE_REVISION));
}

#[test]
fn an_answer_of_another_kind_is_an_error_not_a_lie() {
    assert_eq!(answer::range(reply(deletion(0)), HEADER), Err(Status::WRONG_ANSWER));
    assert_eq!(answer::put(reply(deletion(0)), HEADER), Err(Status::WRONG_ANSWER));
    assert_eq!(answer::delete_range(reply(range_reply()), HEADER), Err(Status::WRONG_ANSWER));
    assert_eq!(answer::txn(reply(range_reply()), HEADER), Err(Status::WRONG_ANSWER));
}
