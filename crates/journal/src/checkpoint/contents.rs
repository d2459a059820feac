//! What a checkpoint holds: where it stands, and the chunks that make it up.

use alloc::vec::Vec;
use base::checksum::content_id;
use base::codec::{CodecError, Reader, Writer};
use base::limits::{CHUNK_BYTES_MAX, CHUNKS_MAX};
use base::{Ballot, ChunkId, GroupId, Index, NodeId};
use bytes::Bytes;

const FORMAT: u16 = 1;
/// Of one chunk in the list.
const LISTED_BYTES: usize = 36;

/// One chunk, as a manifest lists it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Chunk {
    /// Its name: the hash of its plain bytes.
    pub id: ChunkId,
    /// How many plain bytes it has.
    pub bytes: u32,
}

/// What a checkpoint holds: the same on every replica of the group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contents {
    /// The group.
    pub group: GroupId,
    /// The last entry that is in the state.
    pub index: Index,
    /// The ballot of that entry.
    pub ballot: Ballot,
    /// The log time of that entry.
    pub clock: u64,
    /// The state, chunk behind chunk; at most [`CHUNKS_MAX`].
    pub chunks: Vec<Chunk>,
}

impl Contents {
    /// The contents as bytes: in a manifest and in a letter alike, one encoding
    /// for one checkpoint.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(64 + self.chunks.len() * LISTED_BYTES);
        out.put_u16(FORMAT);
        out.put_u64(self.group.0);
        out.put_u64(self.index.0);
        out.put_u64(self.ballot.round);
        out.put_u64(self.ballot.node.0);
        out.put_u64(self.clock);
        out.put_varint(self.chunks.len() as u64);
        for chunk in &self.chunks {
            out.extend_from_slice(&chunk.id.0);
            out.put_u32(chunk.bytes);
        }
        out.into()
    }

    /// What the bytes say. Never panics, and takes no more memory than they have.
    pub fn decode(bytes: Bytes) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let format = reader.u16()?;
        refuse("format of contents", u64::from(format), format != FORMAT)?;
        let group = GroupId(reader.u64()?);
        let index = Index(reader.u64()?);
        let ballot = Ballot::new(reader.u64()?, NodeId(reader.u64()?));
        let clock = reader.u64()?;
        let count = reader.varint()?;
        refuse("count of chunks", count, count > CHUNKS_MAX as u64)?;
        let wanted = count as usize * LISTED_BYTES;
        if wanted > reader.left() {
            return Err(CodecError::Short { wanted, left: reader.left() });
        }
        let chunks = (0..count).map(|_| listed(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { group, index, ballot, clock, chunks })
    }

    /// The checkpoint by its content: two replicas that name it alike have the same.
    #[must_use]
    pub fn id(&self) -> ChunkId {
        content_id(&self.encode())
    }

    /// The plain bytes of all chunks.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum()
    }
}

fn listed(reader: &mut Reader) -> Result<Chunk, CodecError> {
    let id = chunk_id(reader)?;
    let bytes = reader.u32()?;
    refuse("chunk length", u64::from(bytes), bytes as usize > CHUNK_BYTES_MAX)?;
    Ok(Chunk { id, bytes })
}

fn chunk_id(reader: &mut Reader) -> Result<ChunkId, CodecError> {
    let mut id = [0; 32];
    id.copy_from_slice(&reader.take(32)?);
    Ok(ChunkId(id))
}

fn refuse(what: &'static str, got: u64, bad: bool) -> Result<(), CodecError> {
    if bad { Err(CodecError::Invalid { what, got }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contents() -> Contents {
        let plain = [Bytes::from("one"), Bytes::from(vec![2; 3000])];
        let chunk = |plain: &Bytes| Chunk { id: content_id(plain), bytes: plain.len() as u32 };
        Contents {
            group: GroupId(1),
            index: Index(42),
            ballot: Ballot::new(5, NodeId(3)),
            clock: 77,
            chunks: plain.iter().map(chunk).collect(),
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_and_named_alike() {
        let contents = contents();
        assert_eq!(Contents::decode(contents.encode()), Ok(contents.clone()));
        assert_eq!((contents.bytes(), contents.id()), (3003, contents.clone().id()));
        let other = Contents { clock: 78, ..contents.clone() };
        assert_ne!(other.id(), contents.id());
    }

    #[test]
    fn every_shortening_and_every_addition_is_refused() {
        let whole = contents().encode();
        for cut in 0..whole.len() {
            assert!(Contents::decode(whole.slice(..cut)).is_err(), "cut at {cut}");
        }
        let longer = [&whole[..], &[0]].concat();
        assert_eq!(Contents::decode(longer.into()), Err(CodecError::Trailing { left: 1 }));
    }

    #[test]
    fn a_count_is_not_believed_without_its_bytes() {
        let mut bytes = contents().encode()[..42].to_vec();
        bytes.put_varint(CHUNKS_MAX as u64);
        let short = CodecError::Short { wanted: CHUNKS_MAX * LISTED_BYTES, left: 0 };
        assert_eq!(Contents::decode(bytes.clone().into()), Err(short));
        bytes.truncate(42);
        bytes.put_varint(1 << 60);
        let invalid = CodecError::Invalid { what: "count of chunks", got: 1 << 60 };
        assert_eq!(Contents::decode(bytes.into()), Err(invalid));
    }

    #[test]
    fn no_chunk_is_larger_than_one_may_be() {
        let mut contents = contents();
        contents.chunks[1].bytes = CHUNK_BYTES_MAX as u32 + 1;
        let got = CHUNK_BYTES_MAX as u64 + 1;
        let invalid = CodecError::Invalid { what: "chunk length", got };
        assert_eq!(Contents::decode(contents.encode()), Err(invalid));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Contents::decode(bytes.clone().into());
            if let Some(format) = bytes.get_mut(..2) {
                format.copy_from_slice(&FORMAT.to_le_bytes());
                if let Ok(contents) = Contents::decode(bytes.clone().into()) {
                    prop_assert_eq!(contents.encode(), bytes);
                }
            }
        }
    }
}
