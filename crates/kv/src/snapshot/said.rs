//! Leases, and what clients said last.
//!
//! ```text
//! lease     id i64 | seconds v | clock of the grant v
//! said      client u64 | sequence v | index v | 0, or 1 and the reply
//! ```

use super::fields::{Read, read_flags};
use super::reply;
use crate::command::LeaseGrant;
use crate::sequence::Said;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::Index;
use base::codec::{Reader, Writer};

pub(super) fn write_lease(out: &mut Vec<u8>, (grant, clock): &(LeaseGrant, u64)) {
    out.put_u64(grant.id.cast_unsigned());
    out.put_varint(grant.ttl_s);
    out.put_varint(*clock);
}

pub(super) fn read_lease(reader: &mut Reader) -> Read<(LeaseGrant, u64)> {
    let grant = LeaseGrant { id: reader.u64()?.cast_signed(), ttl_s: reader.varint()? };
    Ok((grant, reader.varint()?))
}

pub(super) fn write_said(out: &mut Vec<u8>, said: &Said) {
    out.put_u64(said.client);
    out.put_varint(said.sequence);
    out.put_varint(said.index.0);
    out.put_u8(u8::from(said.reply.is_some()));
    if let Some(reply) = &said.reply {
        reply::write(out, reply);
    }
}

pub(super) fn read_said(reader: &mut Reader) -> Read<Said> {
    Ok(Said {
        client: reader.u64()?,
        sequence: reader.varint()?,
        index: Index(reader.varint()?),
        reply: match read_flags(reader, 1, "mark of a reply")? {
            0 => None,
            _ => Some(Arc::new(reply::read(reader)?)),
        },
    })
}
