//! Bytes to commands; `write` is the mirror, line by line.
//!
//! The bytes may say anything: what is counted is bounded by what is there,
//! what nests is bounded by the limits, and every value that the format does
//! not give is an error that names its field.

use super::{FORMAT, kind, put, query, span, target};
use crate::command::{
    Alarm, AlarmChange, AlarmKind, Command, Compact, Compare, CompareHow, CompareWith, DeleteRange,
    Envelope, KeyRange, LeaseGrant, Put, RangeQuery, Sort, SortTarget, Txn, TxnOp,
};
use alloc::vec::Vec;
use base::codec::{CodecError, Reader};
use base::limits::{LEASES_PER_EXPIRE_MAX, TXN_DEPTH_MAX, TXN_OPS_MAX};
use base::{KeyspaceId, Revision};

type Read<T> = Result<T, CodecError>;

pub(super) fn body(reader: &mut Reader) -> Read<(Envelope, Command)> {
    match reader.u8()? {
        FORMAT => {}
        other => return invalid("command format", other),
    }
    let envelope = read_envelope(reader)?;
    let command = match reader.u8()? {
        kind::PUT => Command::Put(read_put(reader)?),
        kind::DELETE_RANGE => Command::DeleteRange(read_delete(reader)?),
        kind::TXN => Command::Txn(read_txn(reader, TXN_DEPTH_MAX)?),
        kind::COMPACT => Command::Compact(Compact {
            revision: Revision(reader.varint()?),
            physical: read_flags(reader, 1, "compaction flags")? != 0,
        }),
        kind::LEASE_GRANT => {
            Command::LeaseGrant(LeaseGrant { id: read_signed(reader)?, ttl_s: reader.varint()? })
        }
        kind::LEASE_REVOKE => Command::LeaseRevoke { id: read_signed(reader)? },
        kind::LEASE_EXPIRE => Command::LeaseExpire { ids: read_ids(reader)? },
        kind::ALARM => Command::Alarm(read_alarm(reader)?),
        other => return invalid("kind of command", other),
    };
    Ok((envelope, command))
}

fn read_ids(reader: &mut Reader) -> Read<Vec<i64>> {
    let ids = read_list(reader, read_signed)?;
    if ids.len() > LEASES_PER_EXPIRE_MAX {
        return invalid("leases to end", ids.len() as u64);
    }
    Ok(ids)
}

fn read_alarm(reader: &mut Reader) -> Read<AlarmChange> {
    let member = reader.varint()?;
    let kind = match reader.u8()? {
        1 => AlarmKind::NoSpace,
        2 => AlarmKind::Corrupt,
        other => return invalid("kind of alarm", other),
    };
    let raise = read_flags(reader, 1, "alarm flags")? != 0;
    Ok(AlarmChange { alarm: Alarm { member, kind }, raise })
}

fn read_envelope(reader: &mut Reader) -> Read<Envelope> {
    Ok(Envelope {
        keyspace: KeyspaceId(reader.varint()?),
        caller: reader.bytes()?,
        auth_revision: reader.varint()?,
        wall_ms: reader.varint()?,
        sequence: match read_flags(reader, 1, "sequence mark")? {
            0 => None,
            _ => Some((reader.varint()?, reader.varint()?)),
        },
        extension: reader.bytes()?,
    })
}

fn read_put(reader: &mut Reader) -> Read<Put> {
    let key = reader.bytes()?;
    let flags = read_flags(reader, put::VALUE | put::LEASE | put::PREVIOUS, "put flags")?;
    Ok(Put {
        key,
        value: if flags & put::VALUE != 0 { Some(reader.bytes()?) } else { None },
        lease: if flags & put::LEASE != 0 { Some(read_signed(reader)?) } else { None },
        want_previous: flags & put::PREVIOUS != 0,
    })
}

fn read_delete(reader: &mut Reader) -> Read<DeleteRange> {
    Ok(DeleteRange {
        range: read_range(reader)?,
        want_previous: read_flags(reader, 1, "delete flags")? != 0,
    })
}

fn read_txn(reader: &mut Reader, depth: usize) -> Read<Txn> {
    let Some(deeper) = depth.checked_sub(1) else {
        return invalid("depth of transactions", TXN_DEPTH_MAX as u64 + 1);
    };
    Ok(Txn {
        compare: read_list(reader, read_compare)?,
        success: read_list(reader, |reader| read_op(reader, deeper))?,
        failure: read_list(reader, |reader| read_op(reader, deeper))?,
    })
}

/// A count and so many items. Each item takes at least a byte, so a count
/// beyond the bytes that are left is refused; and room is made ahead only for
/// what an honest transaction holds.
fn read_list<T>(reader: &mut Reader, mut item: impl FnMut(&mut Reader) -> Read<T>) -> Read<Vec<T>> {
    let count = reader.varint()?;
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    if wanted > reader.left() {
        return Err(CodecError::Short { wanted, left: reader.left() });
    }
    let mut items = Vec::with_capacity(wanted.min(TXN_OPS_MAX));
    for _ in 0..wanted {
        items.push(item(reader)?);
    }
    Ok(items)
}

fn read_op(reader: &mut Reader, depth: usize) -> Read<TxnOp> {
    Ok(match reader.u8()? {
        kind::PUT => TxnOp::Put(read_put(reader)?),
        kind::DELETE_RANGE => TxnOp::DeleteRange(read_delete(reader)?),
        kind::TXN => TxnOp::Txn(read_txn(reader, depth)?),
        kind::RANGE => TxnOp::Range(read_query(reader)?),
        other => return invalid("kind of operation", other),
    })
}

fn read_compare(reader: &mut Reader) -> Read<Compare> {
    Ok(Compare {
        range: read_range(reader)?,
        how: match reader.u8()? {
            0 => CompareHow::Equal,
            1 => CompareHow::Greater,
            2 => CompareHow::Less,
            3 => CompareHow::NotEqual,
            other => return invalid("comparison", other),
        },
        with: match reader.u8()? {
            target::VERSION => CompareWith::Version(read_signed(reader)?),
            target::CREATE => CompareWith::Create(read_signed(reader)?),
            target::MODIFIED => CompareWith::Modified(read_signed(reader)?),
            target::LEASE => CompareWith::Lease(read_signed(reader)?),
            target::VALUE => CompareWith::Value(reader.bytes()?),
            other => return invalid("target of a comparison", other),
        },
    })
}

fn read_range(reader: &mut Reader) -> Read<KeyRange> {
    Ok(match reader.u8()? {
        span::ONE => KeyRange::One(reader.bytes()?),
        span::SPAN => KeyRange::Span { start: reader.bytes()?, end: reader.bytes()? },
        span::FROM => KeyRange::From(reader.bytes()?),
        other => return invalid("kind of range", other),
    })
}

fn read_query(reader: &mut Reader) -> Read<RangeQuery> {
    let range = read_range(reader)?;
    let known = query::REVISION | query::KEYS_ONLY | query::COUNT_ONLY;
    let flags = read_flags(reader, known, "query flags")?;
    let dated = flags & query::REVISION != 0;
    Ok(RangeQuery {
        range,
        revision: if dated { Some(Revision(reader.varint()?)) } else { None },
        limit: reader.varint()?,
        sort: read_sort(reader)?,
        keys_only: flags & query::KEYS_ONLY != 0,
        count_only: flags & query::COUNT_ONLY != 0,
        modified: (reader.varint()?, reader.varint()?),
        create: (reader.varint()?, reader.varint()?),
    })
}

fn read_sort(reader: &mut Reader) -> Read<Option<(SortTarget, Option<Sort>)>> {
    let Some(target) = reader.u8()?.checked_sub(1) else { return Ok(None) };
    let target = sort_target(target)?;
    let Some(order) = reader.u8()?.checked_sub(1) else { return Ok(Some((target, None))) };
    let sort = Sort { target: sort_target(order / 2)?, descending: order % 2 == 1 };
    Ok(Some((target, Some(sort))))
}

fn sort_target(number: u8) -> Read<SortTarget> {
    Ok(match number {
        0 => SortTarget::Key,
        1 => SortTarget::Version,
        2 => SortTarget::Create,
        3 => SortTarget::Modified,
        4 => SortTarget::Value,
        other => return invalid("target of a sort", other),
    })
}

fn read_flags(reader: &mut Reader, known: u8, what: &'static str) -> Read<u8> {
    let flags = reader.u8()?;
    if flags & !known == 0 { Ok(flags) } else { invalid(what, flags) }
}

fn read_signed(reader: &mut Reader) -> Read<i64> {
    reader.u64().map(u64::cast_signed)
}

fn invalid<T>(what: &'static str, got: impl Into<u64>) -> Read<T> {
    Err(CodecError::Invalid { what, got: got.into() })
}
