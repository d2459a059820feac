//! The KV service, inwards: etcd's requests become commands and queries.
//!
//! Checks come in etcd's order. What needs a look at two operations together
//! (duplicate keys) or at the store is left to kv; `error` has its texts.
//! Keys and values are copied out of the receive buffer here and nowhere else.

use crate::etcd::error::Status;
use crate::etcd::range::{self, Place};
use crate::etcd::wire::etcdserverpb as wire;
use crate::etcd::wire::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use crate::etcd::wire::etcdserverpb::request_op::Request;
use alloc::vec::Vec;
use base::Revision;
use base::limits::{REQUEST_BYTES_MAX, TXN_OPS_MAX};
use bytes::Bytes;
use kv::command::{
    Command, Compact, Compare, CompareHow, CompareWith, DeleteRange, Put, RangeQuery, Txn, TxnOp,
};
use prost::Message;

/// How deep transactions may lie inside each other. The decoder gives up at
/// about 50; a smaller number of ours leaves room for the stack of every room
/// that walks the tree.
pub const TXN_DEPTH_MAX: usize = 32;

/// What a client asks of a keyspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// To change it: goes through the log.
    Write(Command),
    /// To read it.
    Read {
        /// What to read.
        query: Query,
        /// How fresh the answer must be.
        level: Level,
    },
}

/// What to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Query {
    /// A range.
    Range(RangeQuery),
    /// A transaction that only reads.
    Txn(Txn),
}

/// How fresh a read must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// It sees everything that was acknowledged before it began.
    Linearizable,
    /// It sees some true past state: what this member has applied.
    Serializable,
}

/// `Range`.
pub fn range(request: wire::RangeRequest) -> Result<Ask, Status> {
    let level = if request.serializable { Level::Serializable } else { Level::Linearizable };
    let query = Query::Range(range_query(&request, Place::Alone)?);
    Ok(Ask::Read { query, level })
}

/// `Put`.
pub fn put(request: wire::PutRequest) -> Result<Ask, Status> {
    let command = Command::Put(put_command(&request)?);
    write(command, &request)
}

/// `DeleteRange`.
pub fn delete_range(request: wire::DeleteRangeRequest) -> Result<Ask, Status> {
    let command = Command::DeleteRange(delete_command(&request)?);
    write(command, &request)
}

/// `Txn`. One that consists of ranges alone is a read; one with another
/// transaction inside never is.
pub fn txn(request: wire::TxnRequest) -> Result<Ask, Status> {
    let txn = txn_command(&request, TXN_OPS_MAX, TXN_DEPTH_MAX)?;
    let mut ops = txn.success.iter().chain(&txn.failure);
    if !ops.all(|op| matches!(op, TxnOp::Range(_))) {
        return write(Command::Txn(txn), &request);
    }
    Ok(Ask::Read { level: txn_level(&request), query: Query::Txn(txn) })
}

/// `Compact`. A negative revision is older than any that was ever kept; zero
/// may be asked for once.
pub fn compact(request: wire::CompactionRequest) -> Result<Ask, Status> {
    let revision = u64::try_from(request.revision).map_err(|_| Status::COMPACTED)?;
    let compact = Compact { revision: Revision(revision), physical: request.physical };
    Ok(Ask::Write(Command::Compact(compact)))
}

/// A write must fit in a log entry.
fn write(command: Command, request: &impl Message) -> Result<Ask, Status> {
    if request.encoded_len() > REQUEST_BYTES_MAX {
        return Err(Status::TOO_LARGE);
    }
    Ok(Ask::Write(command))
}

/// A transaction of serializable ranges may be answered from old state, but a
/// comparison may not (etcd does): its outcome reads like a statement about now.
fn txn_level(request: &wire::TxnRequest) -> Level {
    let old_will_do = |op: &wire::RequestOp| match &op.request {
        Some(Request::RequestRange(range)) => range.serializable,
        _ => false,
    };
    let mut ops = request.success.iter().chain(&request.failure);
    if request.compare.is_empty() && ops.all(old_will_do) {
        Level::Serializable
    } else {
        Level::Linearizable
    }
}

fn range_query(request: &wire::RangeRequest, place: Place) -> Result<RangeQuery, Status> {
    let range = range::keys_given(&request.key, &request.range_end)?;
    let modified = range::bounds(request.min_mod_revision, request.max_mod_revision);
    let create = range::bounds(request.min_create_revision, request.max_create_revision);
    let bounds = [
        request.min_mod_revision,
        request.max_mod_revision,
        request.min_create_revision,
        request.max_create_revision,
    ];
    let bounded = bounds != [0; 4];
    Ok(RangeQuery {
        range,
        revision: range::revision(request.revision, place),
        limit: range::limit(request.limit),
        sort: range::sort(request.sort_order, request.sort_target, bounded)?,
        keys_only: request.keys_only,
        count_only: request.count_only,
        modified,
        create,
    })
}

fn put_command(request: &wire::PutRequest) -> Result<Put, Status> {
    if request.key.is_empty() {
        return Err(Status::EMPTY_KEY);
    }
    if request.ignore_value && !request.value.is_empty() {
        return Err(Status::VALUE_PROVIDED);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Status::LEASE_PROVIDED);
    }
    Ok(Put {
        key: Bytes::copy_from_slice(&request.key),
        value: (!request.ignore_value).then(|| Bytes::copy_from_slice(&request.value)),
        lease: (!request.ignore_lease).then_some(request.lease),
        want_previous: request.prev_kv,
    })
}

fn delete_command(request: &wire::DeleteRangeRequest) -> Result<DeleteRange, Status> {
    let range = range::keys_given(&request.key, &request.range_end)?;
    Ok(DeleteRange { range, want_previous: request.prev_kv })
}

/// A transaction of at most `ops_max` operations, counted as its longest list;
/// what lies inside gets what is left.
fn txn_command(
    request: &wire::TxnRequest,
    ops_max: usize,
    depth_max: usize,
) -> Result<Txn, Status> {
    let longest = request.compare.len().max(request.success.len()).max(request.failure.len());
    let ops_left = ops_max.checked_sub(longest).ok_or(Status::TOO_MANY_OPS)?;
    let depth_left = depth_max.checked_sub(1).ok_or(Status::TOO_MANY_OPS)?;
    let branch = |ops: &[wire::RequestOp]| -> Result<Vec<TxnOp>, Status> {
        ops.iter().map(|op| txn_op(op, ops_left, depth_left)).collect()
    };
    Ok(Txn {
        compare: request.compare.iter().map(compare).collect::<Result<_, _>>()?,
        success: branch(&request.success)?,
        failure: branch(&request.failure)?,
    })
}

fn txn_op(op: &wire::RequestOp, ops_max: usize, depth_max: usize) -> Result<TxnOp, Status> {
    Ok(match &op.request {
        Some(Request::RequestRange(range)) => TxnOp::Range(range_query(range, Place::InTxn)?),
        Some(Request::RequestPut(put)) => TxnOp::Put(put_command(put)?),
        Some(Request::RequestDeleteRange(delete)) => TxnOp::DeleteRange(delete_command(delete)?),
        Some(Request::RequestTxn(txn)) => TxnOp::Txn(txn_command(txn, ops_max, depth_max)?),
        None => return Err(Status::KEY_NOT_FOUND),
    })
}

fn compare(request: &wire::Compare) -> Result<Compare, Status> {
    let range = range::keys_given(&request.key, &request.range_end)?;
    let how = CompareResult::try_from(request.result).map_err(|_| Status::INVALID_COMPARE)?;
    let how = match how {
        CompareResult::Equal => CompareHow::Equal,
        CompareResult::Greater => CompareHow::Greater,
        CompareResult::Less => CompareHow::Less,
        CompareResult::NotEqual => CompareHow::NotEqual,
    };
    Ok(Compare { range, how, with: compare_with(request)? })
}

/// The target says which field is looked at. A union that is unset, or set to
/// another field, counts as zero: clients leave a zero out.
fn compare_with(request: &wire::Compare) -> Result<CompareWith, Status> {
    let target = CompareTarget::try_from(request.target).map_err(|_| Status::INVALID_COMPARE)?;
    Ok(match (target, &request.target_union) {
        (CompareTarget::Version, Some(TargetUnion::Version(n))) => CompareWith::Version(*n),
        (CompareTarget::Version, _) => CompareWith::Version(0),
        (CompareTarget::Create, Some(TargetUnion::CreateRevision(n))) => CompareWith::Create(*n),
        (CompareTarget::Create, _) => CompareWith::Create(0),
        (CompareTarget::Mod, Some(TargetUnion::ModRevision(n))) => CompareWith::Modified(*n),
        (CompareTarget::Mod, _) => CompareWith::Modified(0),
        (CompareTarget::Lease, Some(TargetUnion::Lease(n))) => CompareWith::Lease(*n),
        (CompareTarget::Lease, _) => CompareWith::Lease(0),
        (CompareTarget::Value, Some(TargetUnion::Value(value))) => {
            CompareWith::Value(Bytes::copy_from_slice(value))
        }
        (CompareTarget::Value, _) => CompareWith::Value(Bytes::new()),
    })
}
