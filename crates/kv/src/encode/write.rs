//! Commands to bytes; `read` is the mirror, line by line.

use super::{FORMAT, kind, put, query, span, target};
use crate::command::{
    Command, Compare, CompareWith, DeleteRange, Envelope, KeyRange, Put, RangeQuery, Sort,
    SortTarget, Txn, TxnOp,
};
use alloc::vec::Vec;
use base::codec::Writer;
use base::limits::LEASES_PER_EXPIRE_MAX;

pub(super) fn body(out: &mut Vec<u8>, envelope: &Envelope, command: &Command) {
    out.put_u8(FORMAT);
    write_envelope(out, envelope);
    match command {
        Command::Put(put) => write_put(out, put),
        Command::DeleteRange(delete) => write_delete(out, delete),
        Command::Txn(txn) => write_txn(out, txn),
        Command::Compact(compact) => {
            out.put_u8(kind::COMPACT);
            out.put_varint(compact.revision.0);
            out.put_u8(u8::from(compact.physical));
        }
        Command::LeaseGrant(grant) => {
            out.put_u8(kind::LEASE_GRANT);
            out.put_u64(grant.id.cast_unsigned());
            out.put_varint(grant.ttl_s);
        }
        Command::LeaseRevoke { id } => {
            out.put_u8(kind::LEASE_REVOKE);
            out.put_u64(id.cast_unsigned());
        }
        Command::LeaseExpire { ids } => write_expire(out, ids),
        Command::Alarm(change) => {
            out.put_u8(kind::ALARM);
            out.put_varint(change.alarm.member);
            out.put_u8(change.alarm.kind as u8);
            out.put_u8(u8::from(change.raise));
        }
    }
}

fn write_expire(out: &mut Vec<u8>, ids: &[i64]) {
    base::invariant!(I65, ids.len() <= LEASES_PER_EXPIRE_MAX);
    out.put_u8(kind::LEASE_EXPIRE);
    out.put_varint(ids.len() as u64);
    ids.iter().for_each(|id| out.put_u64(id.cast_unsigned()));
}

fn write_envelope(out: &mut Vec<u8>, envelope: &Envelope) {
    out.put_varint(envelope.keyspace.0);
    out.put_bytes(&envelope.caller);
    out.put_varint(envelope.auth_revision);
    out.put_varint(envelope.wall_ms);
    out.put_u8(u8::from(envelope.sequence.is_some()));
    if let Some((client, sequence)) = envelope.sequence {
        out.put_varint(client);
        out.put_varint(sequence);
    }
    out.put_bytes(&envelope.extension);
}

fn write_put(out: &mut Vec<u8>, put: &Put) {
    out.put_u8(kind::PUT);
    out.put_bytes(&put.key);
    out.put_u8(
        flag(put.value.is_some(), put::VALUE)
            | flag(put.lease.is_some(), put::LEASE)
            | flag(put.want_previous, put::PREVIOUS),
    );
    if let Some(value) = &put.value {
        out.put_bytes(value);
    }
    if let Some(lease) = put.lease {
        out.put_u64(lease.cast_unsigned());
    }
}

fn write_delete(out: &mut Vec<u8>, delete: &DeleteRange) {
    out.put_u8(kind::DELETE_RANGE);
    write_range(out, &delete.range);
    out.put_u8(u8::from(delete.want_previous));
}

fn write_txn(out: &mut Vec<u8>, txn: &Txn) {
    out.put_u8(kind::TXN);
    out.put_varint(txn.compare.len() as u64);
    txn.compare.iter().for_each(|compare| write_compare(out, compare));
    for branch in [&txn.success, &txn.failure] {
        out.put_varint(branch.len() as u64);
        branch.iter().for_each(|op| write_op(out, op));
    }
}

fn write_op(out: &mut Vec<u8>, op: &TxnOp) {
    match op {
        TxnOp::Put(put) => write_put(out, put),
        TxnOp::DeleteRange(delete) => write_delete(out, delete),
        TxnOp::Txn(txn) => write_txn(out, txn),
        TxnOp::Range(query) => write_query(out, query),
    }
}

fn write_compare(out: &mut Vec<u8>, compare: &Compare) {
    write_range(out, &compare.range);
    out.put_u8(compare.how as u8);
    let (target, number) = match &compare.with {
        CompareWith::Version(number) => (target::VERSION, number),
        CompareWith::Create(number) => (target::CREATE, number),
        CompareWith::Modified(number) => (target::MODIFIED, number),
        CompareWith::Lease(number) => (target::LEASE, number),
        CompareWith::Value(value) => {
            out.put_u8(target::VALUE);
            return out.put_bytes(value);
        }
    };
    out.put_u8(target);
    out.put_u64(number.cast_unsigned());
}

fn write_range(out: &mut Vec<u8>, range: &KeyRange) {
    out.put_u8(match range {
        KeyRange::One(_) => span::ONE,
        KeyRange::Span { .. } => span::SPAN,
        KeyRange::From(_) => span::FROM,
    });
    out.put_bytes(range.start());
    if let KeyRange::Span { end, .. } = range {
        out.put_bytes(end);
    }
}

fn write_query(out: &mut Vec<u8>, query: &RangeQuery) {
    out.put_u8(kind::RANGE);
    write_range(out, &query.range);
    out.put_u8(
        flag(query.revision.is_some(), query::REVISION)
            | flag(query.keys_only, query::KEYS_ONLY)
            | flag(query.count_only, query::COUNT_ONLY),
    );
    if let Some(revision) = query.revision {
        out.put_varint(revision.0);
    }
    out.put_varint(query.limit);
    write_sort(out, query.sort);
    for bound in [query.modified.0, query.modified.1, query.create.0, query.create.1] {
        out.put_varint(bound);
    }
}

fn write_sort(out: &mut Vec<u8>, sort: Option<(SortTarget, Option<Sort>)>) {
    let Some((target, order)) = sort else { return out.put_u8(0) };
    out.put_u8(1 + target as u8);
    out.put_u8(order.map_or(0, |sort| 1 + 2 * sort.target as u8 + u8::from(sort.descending)));
}

const fn flag(on: bool, bit: u8) -> u8 {
    if on { bit } else { 0 }
}
