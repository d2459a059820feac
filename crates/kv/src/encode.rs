//! Commands as bytes: the body of a log entry.
//!
//! Encoded once, at the node that took the request; log, peers and apply see
//! the same bytes. One command has one encoding.
//!
//! ```text
//! body      format u8 = 1 | envelope | kind u8 | command
//! envelope  keyspace v | caller b | auth revision v | wall ms v
//!           | sequence u8: 0, or 1 and client v, sequence v | extension b
//! put       (kind 1)  key b | flags u8: 1 value follows, 2 lease follows,
//!           4 previous wanted | value b? | lease i64?
//! delete    (kind 2)  range | previous wanted u8
//! txn       (kind 3)  n v, n compares | n v, n ops | n v, n ops
//! compact   (kind 5)  revision v | physical u8
//! grant     (kind 6)  lease i64 | seconds v
//! revoke    (kind 7)  lease i64
//! expire    (kind 8)  n v | n leases i64, n at most 500
//! alarm     (kind 9)  member v | kind u8: 1 no space, 2 corrupt | raise u8
//! op        kind u8: 1, 2, 3 as above, or 4 and a query
//! compare   range | how u8 | target u8 | i64, or b for the value
//! range     0 key b | 1 start b, end b | 2 start b        (first a u8)
//! query     range | flags u8: 1 revision follows, 2 keys only, 4 count only
//!           | revision v? | limit v | sort
//!           | modified low v, high v | create low v, high v
//! sort      0 | 1 + target u8, then 0 | 1 + 2 * target + descending   (each a u8)
//! ```
//!
//! `v` is a LEB128 number, `b` such a length and so many bytes, other numbers
//! are little-endian. A transaction may nest as deep as the limits say.

mod read;
mod write;

use crate::command::{Command, Envelope};
use alloc::vec::Vec;
use base::codec::{CodecError, Reader};
use bytes::Bytes;

/// The format that is written. A reader refuses every other one.
pub const FORMAT: u8 = 1;

/// The command in its envelope as the body of an entry.
#[must_use]
pub fn encode(envelope: &Envelope, command: &Command) -> Bytes {
    let mut out = Vec::with_capacity(128);
    write::body(&mut out, envelope, command);
    out.into()
}

/// The mirror of [`encode`]. Byte strings are slices of `body`: nothing is copied.
pub fn decode(body: Bytes) -> Result<(Envelope, Command), CodecError> {
    let mut reader = Reader::new(body);
    let both = read::body(&mut reader)?;
    reader.finish()?;
    Ok(both)
}

/// Kinds of commands and operations.
mod kind {
    pub(super) const PUT: u8 = 1;
    pub(super) const DELETE_RANGE: u8 = 2;
    pub(super) const TXN: u8 = 3;
    /// An operation only: a read alone needs no entry.
    pub(super) const RANGE: u8 = 4;
    pub(super) const COMPACT: u8 = 5;
    pub(super) const LEASE_GRANT: u8 = 6;
    pub(super) const LEASE_REVOKE: u8 = 7;
    pub(super) const LEASE_EXPIRE: u8 = 8;
    pub(super) const ALARM: u8 = 9;
}

/// Kinds of ranges.
mod span {
    pub(super) const ONE: u8 = 0;
    pub(super) const SPAN: u8 = 1;
    pub(super) const FROM: u8 = 2;
}

/// What a comparison looks at.
mod target {
    pub(super) const VERSION: u8 = 0;
    pub(super) const CREATE: u8 = 1;
    pub(super) const MODIFIED: u8 = 2;
    pub(super) const VALUE: u8 = 3;
    pub(super) const LEASE: u8 = 4;
}

/// Flags of a put.
mod put {
    pub(super) const VALUE: u8 = 1;
    pub(super) const LEASE: u8 = 2;
    pub(super) const PREVIOUS: u8 = 4;
}

/// Flags of a query.
mod query {
    pub(super) const REVISION: u8 = 1;
    pub(super) const KEYS_ONLY: u8 = 2;
    pub(super) const COUNT_ONLY: u8 = 4;
}
