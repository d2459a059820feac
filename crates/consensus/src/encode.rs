//! The pieces of letters that protocols have in common, and their bytes.
//!
//! Numbers are varints; a place is (round, node, index).

use crate::entry::{Entry, EntryKind, Place};
use alloc::vec::Vec;
use base::codec::{CodecError, Reader, Writer};
use base::limits::{ENTRY_BYTES_MAX, LETTER_ENTRIES_MAX};
use base::{Ballot, Index, NodeId};

/// No honest counter gets here; a larger one is refused before it is counted on.
const NUMBER_MAX: u64 = 1 << 62;

/// The least bytes of an entry: five fields of one byte.
const ENTRY_BYTES_MIN: usize = 5;

/// A ballot: round and node.
pub(crate) fn put_ballot(into: &mut Vec<u8>, ballot: Ballot) {
    into.put_varint(ballot.round);
    into.put_varint(ballot.node.0);
}

/// A place: ballot and index.
pub(crate) fn put_place(into: &mut Vec<u8>, place: Place) {
    put_ballot(into, place.ballot);
    into.put_varint(place.index.0);
}

/// Entries without their indexes: they are dense.
pub(crate) fn put_entries(into: &mut Vec<u8>, entries: &[Entry]) {
    into.put_varint(entries.len() as u64);
    entries.iter().for_each(|entry| put_entry(into, entry));
}

/// An entry without its index.
pub(crate) fn put_entry(into: &mut Vec<u8>, entry: &Entry) {
    put_ballot(into, entry.ballot);
    into.put_u8(entry.kind as u8);
    into.put_varint(entry.clock);
    into.put_bytes(&entry.body);
}

/// The entries that follow on `prev`.
pub(crate) fn read_entries(reader: &mut Reader, prev: Index) -> Result<Vec<Entry>, CodecError> {
    let claimed = reader.varint()?;
    let count = usize::try_from(claimed).unwrap_or(usize::MAX);
    if count > LETTER_ENTRIES_MAX || count > reader.left() / ENTRY_BYTES_MIN {
        return Err(invalid("count of entries", claimed));
    }
    let mut entries = Vec::with_capacity(count);
    let mut index = prev;
    for _ in 0..count {
        index = index.next();
        entries.push(read_entry(reader, index)?);
    }
    Ok(entries)
}

/// The entry at `index`.
pub(crate) fn read_entry(reader: &mut Reader, index: Index) -> Result<Entry, CodecError> {
    let ballot = read_ballot(reader)?;
    let byte = reader.u8()?;
    let kind =
        EntryKind::from_u8(byte).ok_or_else(|| invalid("kind of an entry", u64::from(byte)))?;
    let clock = read_number(reader, "clock")?;
    let body = reader.bytes()?;
    if body.len() > ENTRY_BYTES_MAX {
        return Err(invalid("length of an entry", body.len() as u64));
    }
    Ok(Entry { index, ballot, kind, clock, body })
}

/// A counter, named for whoever reads the error.
pub(crate) fn read_number(reader: &mut Reader, what: &'static str) -> Result<u64, CodecError> {
    match reader.varint()? {
        number if number <= NUMBER_MAX => Ok(number),
        number => Err(invalid(what, number)),
    }
}

/// An index.
pub(crate) fn read_index(reader: &mut Reader) -> Result<Index, CodecError> {
    read_number(reader, "index").map(Index)
}

/// A ballot.
pub(crate) fn read_ballot(reader: &mut Reader) -> Result<Ballot, CodecError> {
    Ok(Ballot { round: read_number(reader, "round of a ballot")?, node: NodeId(reader.varint()?) })
}

/// A place.
pub(crate) fn read_place(reader: &mut Reader) -> Result<Place, CodecError> {
    Ok(Place { ballot: read_ballot(reader)?, index: read_index(reader)? })
}

/// Yes or no.
pub(crate) fn read_bool(reader: &mut Reader) -> Result<bool, CodecError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(invalid("yes or no", u64::from(other))),
    }
}

/// What was read is nothing that an honest node writes.
pub(crate) const fn invalid(what: &'static str, got: u64) -> CodecError {
    CodecError::Invalid { what, got }
}
