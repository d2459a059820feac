//! Fields that several kinds of chunks have in common.

use crate::command::{Alarm, AlarmKind, KeyValue};
use alloc::vec::Vec;
use base::Revision;
use base::codec::{CodecError, Reader, Writer};
use bytes::Bytes;

pub(super) type Read<T> = Result<T, CodecError>;

/// The largest number that counts something over a keyspace's life: clients
/// know these as signed ones, and a next one must always be there.
const NUMBER_MAX: u64 = i64::MAX as u64;

pub(super) fn invalid<T>(what: &'static str, got: u64) -> Read<T> {
    Err(CodecError::Invalid { what, got })
}

/// Eight bytes that count something.
pub(super) fn read_number(reader: &mut Reader, what: &'static str) -> Read<u64> {
    match reader.u64()? {
        number if number <= NUMBER_MAX => Ok(number),
        got => invalid(what, got),
    }
}

pub(super) fn read_flags(reader: &mut Reader, known: u8, what: &'static str) -> Read<u8> {
    let flags = reader.u8()?;
    if flags & !known == 0 { Ok(flags) } else { invalid(what, u64::from(flags)) }
}

/// A count and so many items, each of which takes at least a byte.
pub(super) fn read_list<T>(
    reader: &mut Reader,
    mut item: impl FnMut(&mut Reader) -> Read<T>,
) -> Read<Vec<T>> {
    let count = reader.varint()?;
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    if wanted > reader.left() {
        return Err(CodecError::Short { wanted, left: reader.left() });
    }
    (0..wanted).map(|_| item(reader)).collect()
}

pub(super) fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl ExactSizeIterator<Item = T>,
    mut item: impl FnMut(&mut Vec<u8>, T),
) {
    out.put_varint(items.len() as u64);
    items.for_each(|it| item(out, it));
}

pub(super) fn write_alarm(out: &mut Vec<u8>, alarm: &Alarm) {
    out.put_varint(alarm.member);
    out.put_u8(alarm.kind as u8);
}

pub(super) fn read_alarm(reader: &mut Reader) -> Read<Alarm> {
    let member = reader.varint()?;
    let kind = match reader.u8()? {
        1 => AlarmKind::NoSpace,
        2 => AlarmKind::Corrupt,
        other => return invalid("kind of alarm", u64::from(other)),
    };
    Ok(Alarm { member, kind })
}

pub(super) fn write_pair(out: &mut Vec<u8>, kv: &KeyValue) {
    out.put_bytes(&kv.key);
    out.put_varint(kv.create.0);
    out.put_varint(kv.modified.0);
    out.put_varint(kv.version);
    out.put_u64(kv.lease.cast_unsigned());
    out.put_bytes(&kv.value);
    out.put_bytes(&kv.extension);
}

/// What is read is a copy: a slice would hold the whole chunk.
pub(super) fn read_pair(reader: &mut Reader) -> Read<KeyValue> {
    let copied = |bytes: Bytes| Bytes::copy_from_slice(&bytes);
    Ok(KeyValue {
        key: copied(reader.bytes()?),
        create: Revision(reader.varint()?),
        modified: Revision(reader.varint()?),
        version: reader.varint()?,
        lease: reader.u64()?.cast_signed(),
        value: copied(reader.bytes()?),
        extension: copied(reader.bytes()?),
    })
}
