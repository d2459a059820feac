//! The KV service, outwards: what the keyspace says becomes etcd's responses.

use crate::etcd::error::Status;
use crate::etcd::header::{Header, pair, signed};
use crate::etcd::wire::etcdserverpb as wire;
use crate::etcd::wire::etcdserverpb::response_op::Response;
use alloc::vec::Vec;
use base::Revision;
use kv::command::{KeyValue, OpReply, RangeReply, Reply, TxnReply};

/// The answer to `Range`.
pub fn range(reply: Reply, header: Header) -> Result<wire::RangeResponse, Status> {
    match reply.result? {
        OpReply::Range(range) => Ok(range_response(range, header.at(reply.revision).wire())),
        _ => Err(Status::WRONG_ANSWER),
    }
}

/// The answer to `Put`.
pub fn put(reply: Reply, header: Header) -> Result<wire::PutResponse, Status> {
    match reply.result? {
        OpReply::Put { previous } => Ok(put_response(previous, header.at(reply.revision).wire())),
        _ => Err(Status::WRONG_ANSWER),
    }
}

/// The answer to `DeleteRange`.
pub fn delete_range(reply: Reply, header: Header) -> Result<wire::DeleteRangeResponse, Status> {
    match reply.result? {
        OpReply::DeleteRange { deleted, previous } => {
            Ok(delete_response(deleted, previous, header.at(reply.revision).wire()))
        }
        _ => Err(Status::WRONG_ANSWER),
    }
}

/// The answer to `Txn`, whether it wrote or only read.
pub fn txn(reply: Reply, header: Header) -> Result<wire::TxnResponse, Status> {
    match reply.result? {
        OpReply::Txn(txn) => {
            let wrote = txn.replies.iter().any(changed);
            let mut seen = if wrote { reply.revision.prev() } else { reply.revision };
            Ok(wire::TxnResponse {
                header: Some(header.at(reply.revision).wire()),
                succeeded: txn.succeeded,
                responses: op_responses(txn.replies, &mut seen, reply.revision),
            })
        }
        _ => Err(Status::WRONG_ANSWER),
    }
}

/// The answer to `Compact`.
pub fn compact(reply: Reply, header: Header) -> Result<wire::CompactionResponse, Status> {
    match reply.result? {
        OpReply::Compact => {
            Ok(wire::CompactionResponse { header: Some(header.at(reply.revision).wire()) })
        }
        _ => Err(Status::WRONG_ANSWER),
    }
}

/// Whether an operation changed anything.
fn changed(reply: &OpReply) -> bool {
    match reply {
        OpReply::Range(_)
        | OpReply::Compact
        | OpReply::LeaseGrant { .. }
        | OpReply::LeaseRevoke
        | OpReply::LeaseExpire { .. }
        | OpReply::Alarm(_) => false,
        OpReply::Put { .. } => true,
        OpReply::DeleteRange { deleted, .. } => *deleted > 0,
        OpReply::Txn(txn) => txn.replies.iter().any(changed),
    }
}

/// Inside a transaction a header shows nothing but a revision: the one before
/// the transaction until its first change, then the transaction's own.
fn op_responses(
    replies: Vec<OpReply>,
    seen: &mut Revision,
    own: Revision,
) -> Vec<wire::ResponseOp> {
    replies.into_iter().map(|reply| op_response(reply, seen, own)).collect()
}

fn op_response(reply: OpReply, seen: &mut Revision, own: Revision) -> wire::ResponseOp {
    if !matches!(reply, OpReply::Txn(_)) && changed(&reply) {
        *seen = own;
    }
    let header = wire::ResponseHeader { revision: signed(seen.0), ..Default::default() };
    let response = match reply {
        OpReply::Range(range) => Response::ResponseRange(range_response(range, header)),
        OpReply::Put { previous } => Response::ResponsePut(put_response(previous, header)),
        OpReply::DeleteRange { deleted, previous } => {
            Response::ResponseDeleteRange(delete_response(deleted, previous, header))
        }
        OpReply::Txn(txn) => Response::ResponseTxn(inner_txn(txn, seen, own)),
        // No transaction holds these.
        OpReply::Compact
        | OpReply::LeaseGrant { .. }
        | OpReply::LeaseRevoke
        | OpReply::LeaseExpire { .. }
        | OpReply::Alarm(_) => return wire::ResponseOp { response: None },
    };
    wire::ResponseOp { response: Some(response) }
}

/// A transaction inside another has a header with nothing in it.
fn inner_txn(txn: TxnReply, seen: &mut Revision, own: Revision) -> wire::TxnResponse {
    wire::TxnResponse {
        header: Some(wire::ResponseHeader::default()),
        succeeded: txn.succeeded,
        responses: op_responses(txn.replies, seen, own),
    }
}

fn range_response(range: RangeReply, header: wire::ResponseHeader) -> wire::RangeResponse {
    wire::RangeResponse {
        header: Some(header),
        kvs: range.kvs.into_iter().map(pair).collect(),
        more: range.more,
        count: signed(range.count),
    }
}

fn put_response(previous: Option<KeyValue>, header: wire::ResponseHeader) -> wire::PutResponse {
    wire::PutResponse { header: Some(header), prev_kv: previous.map(pair) }
}

fn delete_response(
    deleted: u64,
    previous: Vec<KeyValue>,
    header: wire::ResponseHeader,
) -> wire::DeleteRangeResponse {
    wire::DeleteRangeResponse {
        header: Some(header),
        deleted: signed(deleted),
        prev_kvs: previous.into_iter().map(pair).collect(),
    }
}
