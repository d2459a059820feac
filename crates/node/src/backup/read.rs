//! From bytes to the chunks of a backup. Nothing is believed: every byte is
//! covered by a checksum of its part and by the sum of all.

use super::error::BackupError;
use super::head::{HEAD_BYTES, Head};
use super::layout::{LISTED_BYTES, TOTALS_BYTES, padding};
use super::write::contents;
use base::ChunkId;
use base::checksum::content_id;
use base::codec::Reader;
use base::limits::{CHUNK_BYTES_MAX, CHUNKS_MAX};
use base::sha256::{SHA256_BYTES, Sha256};
use bytes::Bytes;
use journal::checkpoint::{Chunk, Contents};

/// A backup that is being read: it says how many bytes it wants, and is given them.
#[derive(Debug)]
pub struct Reading {
    stage: Stage,
    sum: Sha256,
    read: u64,
    /// What was listed so far.
    contents: Option<Contents>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Head,
    /// How long the next chunk is; zero behind the last one.
    Length,
    /// The id of a chunk of so many bytes, and the chunk.
    Chunk(u32),
    Totals,
    Padding(Totals),
    Sum(Totals),
    Done,
    Refused(BackupError),
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// The head, the first of all.
    Head(Head),
    /// The next chunk, in canonical order.
    Chunk(Bytes),
    /// The end. The file is whole, if no byte follows.
    End(Totals),
}

/// What all chunks come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Totals {
    /// How many there are.
    pub chunks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The id of the checkpoint that they are, equal on every replica.
    pub id: ChunkId,
    /// The SHA-256 of everything before itself.
    pub sum: [u8; SHA256_BYTES],
}

impl Default for Reading {
    fn default() -> Self {
        Self::new()
    }
}

impl Reading {
    /// Nothing was read yet.
    #[must_use]
    pub fn new() -> Self {
        Self { stage: Stage::Head, sum: Sha256::new(), read: 0, contents: None }
    }

    /// How many bytes to give next; none if there is nothing more to read.
    #[must_use]
    pub const fn wants(&self) -> usize {
        match self.stage {
            Stage::Head => HEAD_BYTES,
            Stage::Length => 4,
            Stage::Chunk(bytes) => LISTED_BYTES - 4 + bytes as usize,
            Stage::Totals => TOTALS_BYTES,
            Stage::Padding(_) => padding(self.read),
            Stage::Sum(_) => SHA256_BYTES,
            Stage::Done | Stage::Refused(_) => 0,
        }
    }

    /// Takes as many bytes as it wants; fewer are the end of the file. What was
    /// refused once stays refused. Never panics.
    pub fn take(&mut self, bytes: &Bytes) -> Result<Option<Found>, BackupError> {
        let taken = self.try_take(bytes);
        if let Err(why) = taken {
            self.stage = Stage::Refused(why);
        }
        taken
    }

    fn try_take(&mut self, bytes: &Bytes) -> Result<Option<Found>, BackupError> {
        match self.stage {
            // What it is can be said before its length matters.
            Stage::Head => drop(Head::decode(bytes)?),
            Stage::Done if !bytes.is_empty() => return Err(BackupError::Long),
            Stage::Done => return Ok(None),
            Stage::Refused(why) => return Err(why),
            _ => {}
        }
        if bytes.len() != self.wants() {
            let short = bytes.len() < self.wants();
            return Err(if short { BackupError::Short } else { BackupError::Long });
        }
        if !matches!(self.stage, Stage::Sum(_)) {
            self.sum.add(bytes);
        }
        self.read += bytes.len() as u64;
        let (stage, found) = self.next(bytes)?;
        self.stage = stage;
        Ok(found)
    }

    fn next(&mut self, bytes: &Bytes) -> Result<(Stage, Option<Found>), BackupError> {
        let mut reader = Reader::new(bytes.clone());
        Ok(match self.stage {
            Stage::Head => {
                let head = Head::decode(bytes)?;
                self.contents = Some(contents(&head));
                (Stage::Length, Some(Found::Head(head)))
            }
            Stage::Length => match reader.u32()? {
                0 => (Stage::Totals, None),
                length => (Stage::Chunk(self.check_length(length)?), None),
            },
            Stage::Chunk(bytes) => {
                let id = chunk_id(&mut reader)?;
                let plain = reader.rest();
                check(content_id(&plain) == id, "chunk")?;
                self.chunks().for_each(|contents| contents.chunks.push(Chunk { id, bytes }));
                (Stage::Length, Some(Found::Chunk(plain)))
            }
            Stage::Totals => (Stage::Padding(self.totals(reader)?), None),
            Stage::Padding(totals) => {
                check(bytes.iter().all(|byte| *byte == 0), "padding")?;
                (Stage::Sum(totals), None)
            }
            Stage::Sum(totals) => {
                let sum = core::mem::take(&mut self.sum).finish();
                check(bytes[..] == sum, "SHA-256")?;
                (Stage::Done, Some(Found::End(Totals { sum, ..totals })))
            }
            Stage::Done | Stage::Refused(_) => (self.stage, None),
        })
    }

    fn chunks(&mut self) -> impl Iterator<Item = &mut Contents> {
        self.contents.iter_mut()
    }

    /// Checked before so much is asked for.
    fn check_length(&self, length: u32) -> Result<u32, BackupError> {
        let chunks = self.contents.as_ref().map_or(0, |contents| contents.chunks.len());
        check(length as usize <= CHUNK_BYTES_MAX, "chunk length")?;
        check(chunks < CHUNKS_MAX, "count of chunks")?;
        Ok(length)
    }

    fn totals(&self, mut reader: Reader) -> Result<Totals, BackupError> {
        let (chunks, bytes) = (reader.u64()?, reader.u64()?);
        let id = chunk_id(&mut reader)?;
        let good = self.contents.as_ref().is_some_and(|contents| {
            let count = contents.chunks.len() as u64;
            (count, contents.bytes(), contents.id()) == (chunks, bytes, id)
        });
        check(good, "list of chunks")?;
        Ok(Totals { chunks, bytes, id, sum: [0; SHA256_BYTES] })
    }
}

fn chunk_id(reader: &mut Reader) -> Result<ChunkId, BackupError> {
    let mut id = [0; 32];
    id.copy_from_slice(&reader.take(32)?);
    Ok(ChunkId(id))
}

fn check(good: bool, what: &'static str) -> Result<(), BackupError> {
    if good { Ok(()) } else { Err(BackupError::Damaged { what }) }
}
