//! Where the log begins: the file that takes the place of the segments that are
//! no longer needed. Replaced whole, so it says the old beginning or the new one.
//!
//! It holds what all records before the beginning add up to, apart from entries:
//! a promise outlives the segment it was written in.

use crate::record::Owner;
use crate::reserved::{Opened, open, put_owner, take_owner};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base::checksum::crc32c;
use base::codec::{CodecError, Reader, Writer};
use base::limits::DISK_FILE_BYTES_MAX;
use base::{Ballot, Era, GroupId, Incarnation, Index, NodeId, Serial, invariant};
use bytes::Bytes;

const MAGIC: &[u8; 8] = b"TRIMFLR\0";
const FLAG_VOTE: u8 = 1;
const FLAG_BASE: u8 = 2;

/// The beginning of a lane's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Floor {
    /// The first segment.
    pub(crate) number: u64,
    /// Its generation.
    pub(crate) generation: u64,
    /// The serial of its first record.
    pub(crate) first: Serial,
    /// What that record carries as `prev_hash`.
    pub(crate) prev_hash: u64,
    /// Everything up to here was durable when this was written.
    pub(crate) durable: Serial,
    /// What the records before `first` add up to.
    pub(crate) groups: BTreeMap<GroupId, Summary>,
}

/// What some records of one group add up to, apart from its entries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Summary {
    /// The replica's life: what an earlier one wrote does not count.
    pub(crate) incarnation: Incarnation,
    pub(crate) era: Era,
    pub(crate) vote: Option<(Ballot, Bytes)>,
    pub(crate) base: Option<(Index, Ballot)>,
    /// Entries up to here are gone with the segments that held them.
    pub(crate) released: Index,
}

impl Summary {
    pub(crate) const fn new(incarnation: Incarnation, era: Era) -> Self {
        Self { incarnation, era, vote: None, base: None, released: Index::ZERO }
    }

    /// Adds what `later` says, which is about newer records.
    pub(crate) fn add(&mut self, later: &Self) {
        if self.incarnation != later.incarnation {
            *self = Self::new(later.incarnation, later.era);
        }
        self.era = later.era;
        let vote = later.vote.clone().or_else(|| self.vote.take());
        self.vote = base::mutant!(FloorForgetsPromise, vote, None);
        self.base = later.base.or(self.base);
        self.released = self.released.max(later.released);
    }
}

impl Default for Floor {
    /// The beginning of every log.
    fn default() -> Self {
        let (first, durable, groups) = (Serial(1), Serial::ZERO, BTreeMap::new());
        Self { number: 1, generation: 1, first, prev_hash: 0, durable, groups }
    }
}

/// What stands in a floor's file.
pub(crate) enum FoundFloor {
    Good { owner: Owner, lane: u16, floor: Floor },
    Newer { what: &'static str, got: u64 },
    Bad(CodecError),
}

/// The name of a lane's floor.
#[must_use]
pub(crate) fn file_name(lane: u16) -> String {
    format!("wal-{lane}.floor")
}

pub(crate) fn encode(owner: &Owner, lane: u16, floor: &Floor) -> Bytes {
    let mut out = Vec::new();
    put_owner(MAGIC, owner, &mut out);
    out.put_u16(lane);
    out.put_u64(floor.number);
    out.put_u64(floor.generation);
    out.put_u64(floor.first.0);
    out.put_u64(floor.prev_hash);
    out.put_u64(floor.durable.0);
    out.put_varint(floor.groups.len() as u64);
    for (group, summary) in &floor.groups {
        out.put_u64(group.0);
        put_summary(summary, &mut out);
    }
    out.put_u32(crc32c(&out));
    invariant!(I38, out.len() <= DISK_FILE_BYTES_MAX, "{} groups", floor.groups.len());
    out.into()
}

fn put_summary(summary: &Summary, out: &mut Vec<u8>) {
    out.put_u64(summary.incarnation.0);
    out.put_u64(summary.era.0);
    out.put_u64(summary.released.0);
    let vote = if summary.vote.is_some() { FLAG_VOTE } else { 0 };
    let base = if summary.base.is_some() { FLAG_BASE } else { 0 };
    out.put_u8(vote | base);
    if let Some((ballot, body)) = &summary.vote {
        put_ballot(*ballot, out);
        out.put_bytes(body);
    }
    if let Some((index, ballot)) = summary.base {
        out.put_u64(index.0);
        put_ballot(ballot, out);
    }
}

fn put_ballot(ballot: Ballot, out: &mut Vec<u8>) {
    out.put_u64(ballot.round);
    out.put_u64(ballot.node.0);
}

/// What the content of a floor's file says. Never panics.
pub(crate) fn decode(content: &Bytes) -> FoundFloor {
    parse(content).unwrap_or_else(FoundFloor::Bad)
}

fn parse(content: &Bytes) -> Result<FoundFloor, CodecError> {
    let mut reader = match open(MAGIC, content)? {
        Opened::Fields(reader) => reader,
        Opened::Newer { what, got } => return Ok(FoundFloor::Newer { what, got }),
    };
    let owner = take_owner(&mut reader)?;
    let lane = reader.u16()?;
    let mut floor = Floor {
        number: reader.u64()?,
        generation: reader.u64()?,
        first: Serial(reader.u64()?),
        prev_hash: reader.u64()?,
        durable: Serial(reader.u64()?),
        groups: BTreeMap::new(),
    };
    for _ in 0..reader.varint()? {
        let group = GroupId(reader.u64()?);
        let summary = summary(&mut reader)?;
        if floor.groups.last_key_value().is_some_and(|(last, _)| *last >= group) {
            return Err(CodecError::Invalid { what: "group order", got: group.0 });
        }
        floor.groups.insert(group, summary);
    }
    reader.finish()?;
    Ok(FoundFloor::Good { owner, lane, floor })
}

fn summary(reader: &mut Reader) -> Result<Summary, CodecError> {
    let mut summary = Summary::new(Incarnation(reader.u64()?), Era(reader.u64()?));
    summary.released = Index(reader.u64()?);
    let flags = reader.u8()?;
    if flags & !(FLAG_VOTE | FLAG_BASE) != 0 {
        return Err(CodecError::Invalid { what: "flags of a group", got: u64::from(flags) });
    }
    if flags & FLAG_VOTE != 0 {
        let ballot = ballot(reader)?;
        summary.vote = Some((ballot, Bytes::copy_from_slice(&reader.bytes()?)));
    }
    if flags & FLAG_BASE != 0 {
        summary.base = Some((Index(reader.u64()?), ballot(reader)?));
    }
    Ok(summary)
}

fn ballot(reader: &mut Reader) -> Result<Ballot, CodecError> {
    Ok(Ballot::new(reader.u64()?, NodeId(reader.u64()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::ClusterId;

    fn owner() -> Owner {
        Owner { cluster: ClusterId(1), node: NodeId(2), incarnation: Incarnation(3) }
    }

    fn floor() -> Floor {
        let vote = Some((Ballot::new(9, NodeId(2)), Bytes::from("a promise")));
        let base = Some((Index(7), Ballot::new(8, NodeId(1))));
        let with = |vote, base| {
            let none = Summary::new(Incarnation(3), Era(1));
            Summary { vote, base, released: Index(5), ..none }
        };
        let groups = [(0, with(None, None)), (1, with(vote, None)), (2, with(None, base))];
        Floor {
            number: 4,
            generation: 5,
            first: Serial(60),
            prev_hash: 6,
            durable: Serial(70),
            groups: groups.into_iter().map(|(group, it)| (GroupId(group), it)).collect(),
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for floor in [floor(), Floor::default()] {
            let FoundFloor::Good { owner: whose, lane, floor: read } =
                decode(&encode(&owner(), 7, &floor))
            else {
                panic!("not good")
            };
            assert_eq!((whose, lane, read), (owner(), 7, floor));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_shortening_is_seen() {
        let whole = encode(&owner(), 7, &floor());
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(decode(&bytes.into()), FoundFloor::Bad(_)), "bit {bit}");
        }
        for cut in 0..whole.len() {
            assert!(matches!(decode(&whole.slice(..cut)), FoundFloor::Bad(_)), "cut at {cut}");
        }
    }

    /// What has a good checksum reaches the code behind it.
    #[test]
    fn any_fields_are_read_or_refused() {
        let whole = encode(&owner(), 7, &floor());
        let mut prng = base::prng::Prng::new(1);
        for _ in 0..5000 {
            let mut bytes = whole[..whole.len() - 4].to_vec();
            for _ in 0..=prng.below(3) {
                let at = prng.below(bytes.len() as u64) as usize;
                bytes[at] = prng.next() as u8;
            }
            bytes.truncate(prng.below(2 * bytes.len() as u64) as usize);
            let crc = crc32c(&bytes).to_le_bytes();
            bytes.extend_from_slice(&crc);
            if let FoundFloor::Good { owner, lane, floor } = decode(&bytes.clone().into()) {
                // What nobody looks at, as in every file: the format and what is reserved.
                bytes[8..16].copy_from_slice(&whole[8..16]);
                let end = bytes.len() - 4;
                assert_eq!(encode(&owner, lane, &floor)[..end], bytes[..end]);
            }
        }
    }

    #[test]
    fn a_newer_one_is_named() {
        for (at, what) in [(10, "format"), (16, "feature bits"), (24, "cipher"), (32, "key id")] {
            let mut bytes = encode(&owner(), 7, &floor()).to_vec();
            bytes[at] = 9;
            let end = bytes.len() - 4;
            let crc = crc32c(&bytes[..end]).to_le_bytes();
            bytes[end..].copy_from_slice(&crc);
            let found = decode(&bytes.into());
            assert!(
                matches!(found, FoundFloor::Newer { what: it, got: 9 } if it == what),
                "{what}"
            );
        }
    }
}
