//! How one record of the log looks: a fixed header, then the body, both checked.
//!
//! Every record names its place (generation, serial, the hash of the record
//! before it) and its owner (group, replica, era), so a block that was written
//! to the wrong place, or left over from an earlier life, is never believed.
//! The layout is drawn to the byte in docs/formats.md.

use alloc::vec::Vec;
use base::checksum::{crc32c, crc32c_append, hash64};
use base::codec::{CodecError, Reader, Writer};
use base::{Ballot, ClusterId, Era, GroupId, Incarnation, Index, NodeId, Serial};
use bytes::Bytes;

/// The record format that this build writes, and the only one it reads.
pub const FORMAT: u8 = 1;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 112;

/// What stands before the body of an inherited entry: round and node of the ballot
/// under which it was proposed first (see [`crate::slot`]).
pub const ORIGIN_BYTES: usize = 16;

/// Records begin at multiples of this many bytes.
pub const ALIGN: usize = 8;

const HEADER_WORDS: u8 = (HEADER_BYTES / ALIGN) as u8;
const FLAG_CUT: u16 = 1;
const FLAG_KEEP: u16 = 2;
const FLAG_INHERITED: u16 = 4;
const KIND_ENTRY: u8 = 1;
const KIND_VOTE: u8 = 2;
const KIND_WITNESS: u8 = 3;
const KIND_RESTORE: u8 = 4;
const KIND_CUT: u8 = 6;
const KIND_SLOT: u8 = 5;

const _: () = assert!(HEADER_BYTES.is_multiple_of(ALIGN), "a body begins aligned");
const _: () =
    assert!(base::limits::ENTRY_BYTES_MAX <= u32::MAX as usize, "a length fits its field");

/// What a record is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// One entry of a group's log.
    Entry {
        /// Its position in the group's log.
        index: Index,
        /// Under which ballot it was proposed.
        ballot: Ballot,
        /// What the entry is for, in the protocol's own number.
        entry_kind: u8,
        /// The leader's clock when it was proposed.
        clock: u64,
        /// Entries of this group with an older serial, at this index or above, are void.
        cut: bool,
    },
    /// What a replica promised. The newest counts.
    Vote {
        /// The ballot that the promise is about.
        ballot: Ballot,
    },
    /// Nothing but the `durable` of its header. Written by the log itself.
    Witness,
    /// The group's log begins behind this place: a checkpoint holds what is up to
    /// it. Entries of this group with an older serial are void as far as they
    /// stand at this index or below; without `keep`, all of them are.
    Restore {
        /// The last index that the checkpoint holds.
        index: Index,
        /// The ballot of the entry there.
        ballot: Ballot,
        /// Older entries behind this index stay.
        keep: bool,
    },
    /// Entries of this group with an older serial, at this index or above, are void,
    /// and nothing takes their place.
    Cut {
        /// The first index that is void.
        index: Index,
    },
    /// One entry of a log whose places are filled in any order: it takes the place
    /// of what was written at this index before, and voids nothing else.
    Slot {
        /// Its position in the group's log.
        index: Index,
        /// Under which ballot it was accepted.
        accepted: Ballot,
        /// What the entry is for, in the protocol's own number.
        entry_kind: u8,
        /// The leader's clock when it was proposed first.
        clock: u64,
        /// How far below this index everything is known to be chosen, with what is
        /// written here; 0: nothing is said.
        distance: u32,
        /// It was proposed first under another ballot: the body begins with that
        /// (see [`crate::slot`]).
        inherited: bool,
    },
}

/// What is written for a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The group.
    pub group: GroupId,
    /// The life of the replica that writes.
    pub incarnation: Incarnation,
    /// The era that is in force.
    pub era: Era,
    /// What it is for.
    pub kind: RecordKind,
    /// The group's own bytes.
    pub body: Bytes,
}

impl Record {
    pub(crate) const fn witness() -> Self {
        Self {
            group: GroupId(0),
            incarnation: Incarnation(0),
            era: Era(0),
            kind: RecordKind::Witness,
            body: Bytes::new(),
        }
    }

    /// How many bytes the record takes in a segment.
    #[must_use]
    pub const fn stored_bytes(&self) -> usize {
        stored_bytes(self.body.len())
    }
}

const fn stored_bytes(body: usize) -> usize {
    HEADER_BYTES + body.next_multiple_of(ALIGN)
}

/// How a record hangs in the lane's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Its place: one more than the record before.
    pub serial: Serial,
    /// Everything up to here was known durable when this was written.
    ///
    /// I31: `durable < serial`.
    pub durable: Serial,
    /// [`hash64`] of the header of the record before, which holds the checksum
    /// of its body: the chain covers every byte. 0 before the first record.
    pub prev_hash: u64,
}

/// Who owns a log: the first thing that every segment says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// The life of the node's disk.
    pub incarnation: Incarnation,
}

impl Owner {
    /// The first field in which `other` differs, what it is here, and what there.
    pub(crate) fn differs(&self, other: &Self) -> Option<(&'static str, u64, u64)> {
        let fields = [
            ("cluster id", self.cluster.0, other.cluster.0),
            ("node id", self.node.0, other.node.0),
            ("incarnation", self.incarnation.0, other.incarnation.0),
        ];
        fields.into_iter().find(|(_, here, there)| here != there)
    }
}

/// What the header checksums of one segment begin with, so that a header is
/// valid in its own segment, lane, node and life only. Clients are never told
/// the incarnation, which is random: they cannot store a value that looks like
/// a record of the segment it lies in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seal {
    generation: u64,
    seed: u32,
}

impl Seal {
    /// The seal of generation `generation` of a lane.
    #[must_use]
    pub fn new(owner: &Owner, lane: u16, generation: u64) -> Self {
        let mut bytes = Vec::with_capacity(34);
        bytes.put_u64(owner.cluster.0);
        bytes.put_u64(owner.node.0);
        bytes.put_u64(owner.incarnation.0);
        bytes.put_u16(lane);
        bytes.put_u64(generation);
        Self { generation, seed: hash64(&bytes) as u32 }
    }

    /// The generation it stands for.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }
}

/// What stands at a place where a record may begin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Zeros: nothing was written here.
    Nothing,
    /// Bytes that are no header of this segment.
    BadHeader,
    /// A good header whose body is not what was written. It says whose it was.
    BadBody {
        /// Its place in the log.
        link: Link,
        /// The bytes it takes, or would take.
        stored: usize,
    },
    /// A good header of a kind that this build does not know.
    Unknown {
        /// The field.
        what: &'static str,
        /// What stands there.
        got: u64,
    },
    /// A record.
    Good {
        /// Its place in the log.
        link: Link,
        /// What it says. The body is a slice of the bytes given to [`decode`].
        record: Record,
        /// The hash that the next record carries as `prev_hash`.
        hash: u64,
        /// The bytes it takes.
        stored: usize,
    },
}

/// Writes the header of `record` to `out` and says its hash.
pub fn encode_header(record: &Record, link: &Link, seal: &Seal, out: &mut Vec<u8>) -> u64 {
    base::invariant!(I31, link.durable < link.serial);
    let mut distance = 0;
    let (kind, entry_kind, index, ballot, clock, flags) = match record.kind {
        RecordKind::Entry { index, ballot, entry_kind, clock, cut } => {
            (KIND_ENTRY, entry_kind, index, ballot, clock, if cut { FLAG_CUT } else { 0 })
        }
        RecordKind::Vote { ballot } => (KIND_VOTE, 0, Index::ZERO, ballot, 0, 0),
        RecordKind::Witness => (KIND_WITNESS, 0, Index::ZERO, Ballot::ZERO, 0, 0),
        RecordKind::Restore { index, ballot, keep } => {
            (KIND_RESTORE, 0, index, ballot, 0, if keep { FLAG_KEEP } else { 0 })
        }
        RecordKind::Cut { index } => (KIND_CUT, 0, index, Ballot::ZERO, 0, 0),
        RecordKind::Slot { index, accepted, entry_kind, clock, distance: below, inherited } => {
            distance = below;
            let flags = if inherited { FLAG_INHERITED } else { 0 };
            (KIND_SLOT, entry_kind, index, accepted, clock, flags)
        }
    };
    let start = out.len();
    out.reserve(HEADER_BYTES);
    out.put_u32(0);
    out.put_u8(FORMAT);
    out.put_u8(HEADER_WORDS);
    out.put_u8(kind);
    out.put_u8(entry_kind);
    out.put_u64(seal.generation);
    out.put_u64(link.serial.0);
    out.put_u64(link.durable.0);
    out.put_u64(record.group.0);
    out.put_u64(record.incarnation.0);
    out.put_u64(record.era.0);
    out.put_u64(index.0);
    out.put_u64(ballot.round);
    out.put_u64(ballot.node.0);
    out.put_u64(clock);
    out.put_u64(link.prev_hash);
    out.put_u32(record.body.len() as u32);
    out.put_u32(crc32c(&record.body));
    out.put_u16(flags);
    out.put_u16(0);
    out.put_u32(distance);
    let header = out.get_mut(start..).unwrap_or_default();
    if let Some((checksum, fields)) = header.split_first_chunk_mut() {
        *checksum = crc32c_append(seal.seed, fields).to_le_bytes();
    }
    hash64(header)
}

/// What stands at the front of `bytes`, which reach to the end of the segment.
/// Never panics, whatever the bytes are.
#[must_use]
pub fn decode(bytes: &Bytes, seal: &Seal) -> Found {
    let Some(header) = header_of(bytes, seal) else {
        let front = bytes.get(..HEADER_BYTES.min(bytes.len())).unwrap_or_default();
        return if is_zero(front) { Found::Nothing } else { Found::BadHeader };
    };
    match parse(header) {
        Ok(fields) => with_body(bytes, header, fields),
        Err(CodecError::Invalid { what, got }) => Found::Unknown { what, got },
        Err(_) => Found::BadHeader,
    }
}

/// Whether a header may stand at the front of `bytes`: a cheap comparison, for
/// recovery asks at every eighth byte of a segment.
pub(crate) fn may_begin(bytes: &[u8], seal: &Seal) -> bool {
    bytes.get(8..16).is_some_and(|generation| generation == seal.generation.to_le_bytes())
}

/// Whether a header of this generation was begun at the front of `bytes`, whole or
/// not: its first sixteen bytes say so.
pub(crate) fn looks_begun(bytes: &[u8], seal: &Seal) -> bool {
    may_begin(bytes, seal) && bytes.get(4..6) == Some(&[FORMAT, HEADER_WORDS])
}

/// The header at the front of `bytes`, if its checksum fits this segment.
fn header_of<'a>(bytes: &'a [u8], seal: &Seal) -> Option<&'a [u8]> {
    let words = *bytes.get(5)?;
    if !may_begin(bytes, seal) || words < HEADER_WORDS {
        return None;
    }
    let header = bytes.get(..usize::from(words) * ALIGN)?;
    let (crc, fields) = header.split_first_chunk::<4>()?;
    (u32::from_le_bytes(*crc) == crc32c_append(seal.seed, fields)).then_some(header)
}

/// The fields of a header, all but the body.
struct Fields {
    link: Link,
    group: GroupId,
    incarnation: Incarnation,
    era: Era,
    kind: RecordKind,
    body_bytes: usize,
    body_crc: u32,
}

fn parse(header: &[u8]) -> Result<Fields, CodecError> {
    let mut reader = Reader::new(Bytes::copy_from_slice(header));
    reader.u32()?;
    expect("record format", u64::from(FORMAT), u64::from(reader.u8()?))?;
    expect("header length", u64::from(HEADER_WORDS), u64::from(reader.u8()?))?;
    let kind = reader.u8()?;
    let entry_kind = reader.u8()?;
    reader.u64()?;
    let serial = Serial(reader.u64()?);
    let durable = Serial(reader.u64()?);
    let group = GroupId(reader.u64()?);
    let incarnation = Incarnation(reader.u64()?);
    let era = Era(reader.u64()?);
    let index = Index(reader.u64()?);
    let ballot = Ballot::new(reader.u64()?, NodeId(reader.u64()?));
    let clock = reader.u64()?;
    let link = Link { serial, durable, prev_hash: reader.u64()? };
    let body_bytes = reader.u32()? as usize;
    let body_crc = reader.u32()?;
    let flags = reader.u16()?;
    reader.u16()?;
    let distance = reader.u32()?;
    let known = match kind {
        KIND_ENTRY => FLAG_CUT,
        KIND_RESTORE => FLAG_KEEP,
        KIND_SLOT => FLAG_INHERITED,
        _ => 0,
    };
    let kind = match kind {
        KIND_ENTRY => {
            RecordKind::Entry { index, ballot, entry_kind, clock, cut: flags & FLAG_CUT != 0 }
        }
        KIND_VOTE => RecordKind::Vote { ballot },
        KIND_WITNESS => RecordKind::Witness,
        KIND_RESTORE => RecordKind::Restore { index, ballot, keep: flags & FLAG_KEEP != 0 },
        KIND_CUT => RecordKind::Cut { index },
        KIND_SLOT => {
            let (accepted, inherited) = (ballot, flags & FLAG_INHERITED != 0);
            if inherited && body_bytes < ORIGIN_BYTES {
                return Err(CodecError::Invalid { what: "body length", got: body_bytes as u64 });
            }
            RecordKind::Slot { index, accepted, entry_kind, clock, distance, inherited }
        }
        other => return Err(CodecError::Invalid { what: "record kind", got: u64::from(other) }),
    };
    expect("record flags", 0, u64::from(flags & !known))?;
    Ok(Fields { link, group, incarnation, era, kind, body_bytes, body_crc })
}

fn expect(what: &'static str, wanted: u64, got: u64) -> Result<(), CodecError> {
    if wanted == got { Ok(()) } else { Err(CodecError::Invalid { what, got }) }
}

fn with_body(bytes: &Bytes, header: &[u8], fields: Fields) -> Found {
    let Fields { link, group, incarnation, era, kind, body_bytes, body_crc } = fields;
    let stored = stored_bytes(body_bytes);
    let end = HEADER_BYTES + body_bytes;
    let padding = bytes.get(end..stored);
    let body = bytes.get(HEADER_BYTES..end);
    match (body, padding) {
        (Some(body), Some(padding)) if crc32c(body) == body_crc && is_zero(padding) => {
            let record = Record { group, incarnation, era, kind, body: bytes.slice_ref(body) };
            Found::Good { link, record, hash: hash64(header), stored }
        }
        _ => Found::BadBody { link, stored },
    }
}

/// Whether all bytes are zero. In blocks without a branch inside, because a
/// segment that is nearly empty is 64 MiB of them.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(512).all(|block| block.iter().fold(0, |any, byte| any | byte) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seal() -> Seal {
        let (cluster, node, incarnation) = (ClusterId(1), NodeId(2), Incarnation(3));
        Seal::new(&Owner { cluster, node, incarnation }, 4, 5)
    }

    fn stored(body: &[u8]) -> Vec<u8> {
        let kind = RecordKind::Vote { ballot: Ballot::new(6, NodeId(2)) };
        let record = Record { kind, body: Bytes::copy_from_slice(body), ..Record::witness() };
        let link = Link { serial: Serial(9), durable: Serial(8), prev_hash: 7 };
        let mut bytes = Vec::new();
        encode_header(&record, &link, &seal(), &mut bytes);
        bytes.extend_from_slice(body);
        bytes.resize(record.stored_bytes(), 0);
        bytes
    }

    /// Checks `bytes` as a header of so many words, with the checksum made good.
    fn with_good_crc(mut bytes: Vec<u8>, words: u8) -> Found {
        bytes[5] = words;
        let crc = crc32c_append(seal().seed, &bytes[4..usize::from(words) * ALIGN]);
        bytes[..4].copy_from_slice(&crc.to_le_bytes());
        decode(&bytes.into(), &seal())
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let whole = stored(b"a promise");
        assert_eq!(whole.len(), HEADER_BYTES + 16);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let found = decode(&bytes.into(), &seal());
            match bit / 8 < HEADER_BYTES {
                true => assert_eq!(found, Found::BadHeader, "bit {bit}"),
                false => assert!(matches!(found, Found::BadBody { .. }), "bit {bit}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_record_that_ends_early_still_says_whose_it_was() {
        let whole = Bytes::from(stored(b"a promise"));
        for cut in HEADER_BYTES..whole.len() {
            let Found::BadBody { link, .. } = decode(&whole.slice(..cut), &seal()) else {
                panic!("cut at {cut}")
            };
            assert_eq!(link.serial, Serial(9));
        }
        assert_eq!(decode(&whole.slice(..HEADER_BYTES - 1), &seal()), Found::BadHeader);
    }

    #[test]
    fn zeros_are_nothing() {
        for length in [0, 8, HEADER_BYTES, 4096] {
            assert_eq!(decode(&vec![0; length].into(), &seal()), Found::Nothing);
        }
    }

    #[test]
    fn what_a_newer_build_wrote_is_named() {
        let whole = stored(&[1; 200]);
        for (at, what) in [(4, "record format"), (6, "record kind"), (104, "record flags")] {
            let mut bytes = whole.clone();
            bytes[at] = 200;
            let got = 200;
            assert_eq!(with_good_crc(bytes, HEADER_WORDS), Found::Unknown { what, got });
        }
        let (what, got) = ("header length", 15);
        assert_eq!(with_good_crc(whole, 15), Found::Unknown { what, got });
    }

    proptest! {
        /// What has a good checksum reaches the code behind it.
        #[test]
        fn a_header_of_any_fields_is_read_or_refused(
            mut bytes in proptest::collection::vec(any::<u8>(), 256..400),
            words in 14u8..32,
            known in any::<bool>(),
        ) {
            bytes[8..16].copy_from_slice(&5u64.to_le_bytes());
            if known {
                bytes[4] = FORMAT;
                bytes[6] %= 7;
                bytes[104..106].fill(0);
            }
            prop_assert_ne!(with_good_crc(bytes, words), Found::BadHeader);
        }
    }
}
