//! One version of a key.
//!
//! ```text
//! version   flags u8 | key b, unless SAME | revision v | place v?
//!           | revision - create v?, version v? | lease i64? | extension b?
//!           | value b, unless DELETED
//! ```
//!
//! What stands in a flag takes no bytes where it is as usual: the first change
//! of its revision, the first version of its pair, without lease or extension.

use super::fields::{Read, invalid, read_flags};
use crate::store::{Kept, Thawed, ThawedPair};
use alloc::vec::Vec;
use base::Revision;
use base::codec::{Reader, Writer};
use bytes::Bytes;

/// It is of the same key as the version before it in the chunk.
const SAME: u8 = 1;
/// It is of the same key as the last version of the chunk before.
const CONTINUED: u8 = 2;
const DELETED: u8 = 4;
const PLACE: u8 = 8;
const CREATED: u8 = 16;
const LEASE: u8 = 32;
const EXTENSION: u8 = 64;

/// Whose version it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    /// Of the key before.
    Same,
    /// Of this key, which the chunk before ended with.
    Continued(Bytes),
    /// Of this key, which is new.
    New(Bytes),
}

pub(super) fn write(out: &mut Vec<u8>, kept: &Kept<'_>, opening: bool) {
    let (same, kv) = (!kept.first && !opening, kept.version.fields());
    let lives = !kept.version.is_deleted();
    let created = lives && (kv.create != kv.modified || kv.version != 1);
    let (leased, extended) = (kv.lease != 0, !kv.extension.is_empty());
    out.put_u8(
        flag(same, SAME)
            | flag(!kept.first && opening, CONTINUED)
            | flag(!lives, DELETED)
            | flag(kept.place != 0, PLACE)
            | flag(created, CREATED)
            | flag(leased, LEASE)
            | flag(extended, EXTENSION),
    );
    if !same {
        out.put_bytes(kv.key);
    }
    out.put_varint(kv.modified.0);
    if kept.place != 0 {
        out.put_varint(u64::from(kept.place));
    }
    if created {
        out.put_varint(kv.modified.0 - kv.create.0);
        out.put_varint(kv.version);
    }
    if leased {
        out.put_u64(kv.lease.cast_unsigned());
    }
    if extended {
        out.put_bytes(kv.extension);
    }
    if lives {
        out.put_bytes(kv.value);
    }
}

/// The flags and whose version follows.
pub(super) fn read_whose(reader: &mut Reader) -> Read<(u8, Whose)> {
    let known = SAME | CONTINUED | DELETED | PLACE | CREATED | LEASE | EXTENSION;
    let flags = read_flags(reader, known, "flags of a version")?;
    let whose = match flags & (SAME | CONTINUED) {
        0 => Whose::New(reader.bytes()?),
        SAME => Whose::Same,
        CONTINUED => Whose::Continued(reader.bytes()?),
        both => return invalid("flags of a version", u64::from(both)),
    };
    if flags & DELETED != 0 && flags & (CREATED | LEASE | EXTENSION) != 0 {
        return invalid("flags of a deletion", u64::from(flags));
    }
    Ok((flags, whose))
}

/// The rest of a version.
pub(super) fn read(reader: &mut Reader, flags: u8) -> Read<Thawed> {
    let revision = Revision(reader.varint()?);
    let place = if flags & PLACE == 0 { 0 } else { read_place(reader)? };
    if flags & DELETED != 0 {
        return Ok(Thawed { revision, place, kv: None });
    }
    let (age, version) = match flags & CREATED {
        0 => (0, 1),
        _ => read_created(reader)?,
    };
    let create = match revision.0.checked_sub(age) {
        Some(create) => Revision(create),
        None => return invalid("age of a pair", age),
    };
    let lease = if flags & LEASE == 0 { 0 } else { read_lease(reader)? };
    let extension = if flags & EXTENSION == 0 { Bytes::new() } else { read_extension(reader)? };
    let value = reader.bytes()?;
    let kv = ThawedPair { create, version, lease, extension, value };
    Ok(Thawed { revision, place, kv: Some(kv) })
}

// What a flag stands for is told only if it is not as usual: one state has one encoding.

fn read_place(reader: &mut Reader) -> Read<u32> {
    match reader.varint()? {
        0 => invalid("place of a change", 0),
        place => u32::try_from(place).or_else(|_| invalid("place of a change", place)),
    }
}

fn read_created(reader: &mut Reader) -> Read<(u64, u64)> {
    match (reader.varint()?, reader.varint()?) {
        (0, 1) => invalid("age of a pair", 0),
        both => Ok(both),
    }
}

fn read_lease(reader: &mut Reader) -> Read<i64> {
    match reader.u64()? {
        0 => invalid("lease of a pair", 0),
        lease => Ok(lease.cast_signed()),
    }
}

fn read_extension(reader: &mut Reader) -> Read<Bytes> {
    match reader.bytes()? {
        empty if empty.is_empty() => invalid("extension of a pair", 0),
        bytes => Ok(bytes),
    }
}

const fn flag(on: bool, bit: u8) -> u8 {
    if on { bit } else { 0 }
}
