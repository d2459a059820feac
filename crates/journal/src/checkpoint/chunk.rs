//! A chunk's file: what every file begins with, then the plain bytes. It says
//! whose state it is part of, not who wrote it.

use super::contents::Chunk;
use super::slot::Slot;
use crate::disk::DiskOp;
use crate::record::Owner;
use crate::reserved::{put_reserved, take_newer};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base::checksum::{content_id, crc32c};
use base::codec::{CodecError, Reader, Writer};
use base::limits::{CHUNK_BYTES_MAX, DISK_FILE_BYTES_MAX};
use base::{ChunkId, GroupId, invariant};
use bytes::Bytes;
use core::fmt;

/// Bytes that stand before the plain bytes in a chunk's file.
pub const CHUNK_HEAD_BYTES: usize = 64;

const MAGIC: &[u8; 8] = b"TRIMCHNK";
const CRC_AT: usize = CHUNK_HEAD_BYTES - 4;

const _: () =
    assert!(CHUNK_BYTES_MAX + CHUNK_HEAD_BYTES <= DISK_FILE_BYTES_MAX, "a chunk is one file");

/// Why a chunk's file is not the chunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChunkError {
    /// It is not as it was written.
    Damaged {
        /// What does not fit.
        what: &'static str,
    },
    /// It belongs to another cluster or group.
    Foreign {
        /// The field that differs.
        what: &'static str,
        /// What it is here.
        expected: u64,
        /// What it is there.
        got: u64,
    },
    /// A newer build wrote it.
    Newer {
        /// The field.
        what: &'static str,
        /// What it holds.
        got: u64,
    },
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { what } => write!(f, "the chunk is damaged: its {what} does not fit"),
            Self::Foreign { what, expected, got } => {
                write!(f, "the chunk belongs elsewhere: its {what} is {got}, not {expected}")
            }
            Self::Newer { what, got } => {
                write!(f, "the chunk was written by a newer version ({what} {got})")
            }
        }
    }
}

impl core::error::Error for ChunkError {}

impl From<CodecError> for ChunkError {
    fn from(_: CodecError) -> Self {
        Self::Damaged { what: "length" }
    }
}

/// The name of a chunk's file.
#[must_use]
pub fn chunk_name(group: GroupId, slot: Slot, id: ChunkId) -> String {
    format!("state-{}-{}-{id}.chunk", group.0, slot.letter())
}

/// Puts a chunk under its name. Once more under the same name does no harm: it
/// is the same bytes.
#[must_use]
pub fn write_chunk(
    owner: &Owner,
    group: GroupId,
    slot: Slot,
    id: ChunkId,
    plain: &Bytes,
) -> DiskOp {
    invariant!(I38, plain.len() <= CHUNK_BYTES_MAX, "a chunk of {} bytes", plain.len());
    let mut out = Vec::with_capacity(CHUNK_HEAD_BYTES + plain.len());
    put_reserved(MAGIC, owner.cluster, &mut out);
    out.put_u64(group.0);
    out.put_u32(plain.len() as u32);
    out.put_u32(crc32c(&out));
    out.extend_from_slice(plain);
    DiskOp::Replace { file: chunk_name(group, slot, id), content: out.into() }
}

/// Reads the whole file of a chunk.
#[must_use]
pub fn read_chunk(group: GroupId, slot: Slot, chunk: &Chunk) -> DiskOp {
    let length = CHUNK_HEAD_BYTES + chunk.bytes as usize;
    DiskOp::Read { file: chunk_name(group, slot, chunk.id), offset: 0, length }
}

/// Bytes of the file of a chunk.
#[must_use]
pub fn file_bytes(chunk: &Chunk) -> u64 {
    CHUNK_HEAD_BYTES as u64 + u64::from(chunk.bytes)
}

/// The plain bytes in a chunk's file, without a copy, if they are what the name
/// says. Never panics.
pub fn open_chunk(
    owner: &Owner,
    group: GroupId,
    chunk: &Chunk,
    file: &Bytes,
) -> Result<Bytes, ChunkError> {
    let mut reader = Reader::new(file.clone());
    let head = reader.take(CHUNK_HEAD_BYTES)?;
    check_head(owner, group, chunk, &head)?;
    let plain = reader.rest();
    if plain.len() != chunk.bytes as usize {
        return Err(ChunkError::Damaged { what: "length" });
    }
    if content_id(&plain) != chunk.id {
        return Err(ChunkError::Damaged { what: "content" });
    }
    Ok(plain)
}

fn check_head(
    owner: &Owner,
    group: GroupId,
    chunk: &Chunk,
    head: &Bytes,
) -> Result<(), ChunkError> {
    let (fields, crc) = head.split_at_checked(CRC_AT).unwrap_or_default();
    if crc32c(fields).to_le_bytes() != crc {
        return Err(ChunkError::Damaged { what: "head" });
    }
    let mut reader = Reader::new(head.clone());
    if reader.take(MAGIC.len())? != MAGIC[..] {
        return Err(ChunkError::Damaged { what: "magic" });
    }
    if let Some((what, got)) = take_newer(&mut reader)? {
        return Err(ChunkError::Newer { what, got });
    }
    for (what, expected) in [("cluster id", owner.cluster.0), ("group", group.0)] {
        let got = reader.u64()?;
        if got != expected {
            return Err(ChunkError::Foreign { what, expected, got });
        }
    }
    match reader.u32()? == chunk.bytes {
        true => Ok(()),
        false => Err(ChunkError::Damaged { what: "length" }),
    }
}
