//! The files of a log: their names, and the block that each begins with.

use crate::record::{Owner, is_zero};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base::checksum::crc32c;
use base::codec::{CodecError, Reader, Writer};
use base::{ClusterId, Incarnation, NodeId, Serial};
use bytes::Bytes;

/// Bytes of the block that a segment begins with; the first record follows it.
pub const HEAD_BYTES: usize = 4096;

const MAGIC: &[u8; 8] = b"TRIMWAL\0";
const FORMAT: u16 = 1;
const CRC_AT: usize = HEAD_BYTES - 4;

/// What a segment says about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Whose log it is.
    pub owner: Owner,
    /// Which lane of the node.
    pub lane: u16,
    /// The number in its name.
    pub number: u64,
    /// Which use of a file this is: one more than that of the segment before
    /// it in the log. Records of another generation do not count.
    pub generation: u64,
    /// Bytes of the file.
    pub size: u64,
    /// The serial of its first record. Everything before it is durable, for the
    /// head is written after that was synced.
    pub first: Serial,
    /// The hash that its first record carries as `prev_hash`.
    pub prev_hash: u64,
}

/// A file of a segment that is no longer of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Loose {
    /// The number in its name.
    pub(crate) number: u64,
    /// Bytes of the file.
    pub(crate) size: u64,
}

/// What stands where a head should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FoundHead {
    /// Zeros: the file was made and never opened.
    Nothing,
    /// Bytes that are no head.
    Bad,
    /// A good head that this build must not read on from.
    Newer {
        /// The field.
        what: &'static str,
        /// What stands there.
        got: u64,
    },
    /// A head.
    Good(Head),
}

/// The name of a segment's file.
#[must_use]
pub fn file_name(lane: u16, number: u64) -> String {
    format!("wal-{lane}-{number:016x}.seg")
}

/// The number of the segment of `lane` that has this name, if it is one.
#[must_use]
pub fn number_of(lane: u16, name: &str) -> Option<u64> {
    let digits = name.strip_prefix(&format!("wal-{lane}-"))?.strip_suffix(".seg")?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    (file_name(lane, number) == name).then_some(number)
}

/// The block that a segment begins with.
#[must_use]
pub fn encode(head: &Head) -> Bytes {
    let mut block = Vec::with_capacity(HEAD_BYTES);
    block.extend_from_slice(MAGIC);
    block.put_u16(FORMAT);
    block.put_u16(FORMAT);
    block.put_u16(head.lane);
    block.put_u16(0);
    block.put_u64(0);
    block.put_u64(0);
    block.put_u64(0);
    block.put_u64(head.owner.cluster.0);
    block.put_u64(head.owner.node.0);
    block.put_u64(head.owner.incarnation.0);
    block.put_u64(head.number);
    block.put_u64(head.generation);
    block.put_u64(head.size);
    block.put_u64(head.first.0);
    block.put_u64(head.prev_hash);
    block.resize(CRC_AT, 0);
    block.put_u32(crc32c(&block));
    block.into()
}

/// What `block`, the first [`HEAD_BYTES`] of a file, says. Never panics.
#[must_use]
pub fn decode(block: &[u8]) -> FoundHead {
    if is_zero(block) {
        return FoundHead::Nothing;
    }
    let whole = block.get(..CRC_AT).zip(block.get(CRC_AT..HEAD_BYTES));
    let Some((fields, _)) = whole.filter(|(fields, crc)| crc32c(fields).to_le_bytes() == **crc)
    else {
        return FoundHead::Bad;
    };
    match parse(fields) {
        Ok(head) => FoundHead::Good(head),
        Err(CodecError::Invalid { what, got }) => FoundHead::Newer { what, got },
        Err(_) => FoundHead::Bad,
    }
}

fn parse(fields: &[u8]) -> Result<Head, CodecError> {
    let mut reader = Reader::new(Bytes::copy_from_slice(fields));
    if reader.take(MAGIC.len())? != MAGIC[..] {
        return Err(CodecError::Trailing { left: fields.len() });
    }
    reader.u16()?;
    let least_reader = reader.u16()?;
    if least_reader > FORMAT {
        let got = u64::from(least_reader);
        return Err(CodecError::Invalid { what: "segment format", got });
    }
    let lane = reader.u16()?;
    reader.u16()?;
    refuse("feature bits of a segment", reader.u64()?)?;
    refuse("cipher of a segment", reader.u64()?)?;
    refuse("key id of a segment", reader.u64()?)?;
    let owner = Owner {
        cluster: ClusterId(reader.u64()?),
        node: NodeId(reader.u64()?),
        incarnation: Incarnation(reader.u64()?),
    };
    Ok(Head {
        owner,
        lane,
        number: reader.u64()?,
        generation: reader.u64()?,
        size: reader.u64()?,
        first: Serial(reader.u64()?),
        prev_hash: reader.u64()?,
    })
}

fn refuse(what: &'static str, got: u64) -> Result<(), CodecError> {
    if got == 0 { Ok(()) } else { Err(CodecError::Invalid { what, got }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            owner: Owner { cluster: ClusterId(1), node: NodeId(2), incarnation: Incarnation(3) },
            lane: 4,
            number: 5,
            generation: 6,
            size: 7,
            first: Serial(8),
            prev_hash: 9,
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let block = encode(&head());
        assert_eq!(block.len(), HEAD_BYTES);
        assert_eq!(decode(&block), FoundHead::Good(head()));
    }

    #[test]
    fn every_flipped_byte_and_every_shortening_is_seen() {
        let block = encode(&head());
        for at in 0..HEAD_BYTES {
            let mut bytes = block.to_vec();
            bytes[at] ^= 0x40;
            assert_eq!(decode(&bytes), FoundHead::Bad, "at {at}");
        }
        assert_eq!(decode(&block[..HEAD_BYTES - 1]), FoundHead::Bad);
        assert_eq!(decode(&[]), FoundHead::Nothing);
        assert_eq!(decode(&[0; HEAD_BYTES]), FoundHead::Nothing);
    }

    #[test]
    fn a_name_stands_for_one_segment_of_one_lane() {
        assert_eq!(file_name(3, 0x1f), "wal-3-000000000000001f.seg");
        assert_eq!(number_of(3, "wal-3-000000000000001f.seg"), Some(0x1f));
        for other in [
            "wal-3-1f.seg",
            "wal-3-000000000000001F.seg",
            "wal-3-+00000000000001f.seg",
            "wal-30-000000000000001f.seg",
            "wal-3-000000000000001f.seg.tmp",
            "node.id",
        ] {
            assert_eq!(number_of(3, other), None, "{other}");
        }
    }
}
