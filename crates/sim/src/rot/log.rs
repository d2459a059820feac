//! A log that goes bad in silence: only what some other record or head vouches for,
//! so that no start can take it for the torn end of the last write.

use crate::disk::SimDisk;
use base::Serial;
use base::prng::Prng;
use bytes::Bytes;
use journal::disk::Disk;
use journal::record::{Found, Seal, decode};
use journal::segment::{self, FoundHead, HEAD_BYTES};

/// The file that says where the log begins, and where in it the number of the first
/// segment stands (docs/formats.md).
const FLOOR: &str = "wal-0.floor";
const FLOOR_NUMBER_AT: usize = 66;

/// Sectors that one misfortune makes zeros, at most.
const ZERO_SECTORS_MAX: u64 = 8;
const SECTOR_BYTES: usize = 512;

/// Something in the log, and what it proves.
struct Piece {
    file: String,
    begin: usize,
    end: usize,
    serial: Serial,
    /// Everything up to here was durable when this was written.
    durable: Serial,
}

/// Something durable changes; says what and where.
pub(super) fn spoil(disk: &mut SimDisk, prng: &mut Prng) -> Option<String> {
    let pieces = pieces(disk)?;
    let floor = disk.memory().content(FLOOR).is_some();
    if floor && prng.chance(1, 20) {
        let bytes = disk.memory().content(FLOOR)?.len() as u64;
        disk.memory().rot(FLOOR, prng.below(bytes), 1 << prng.below(8));
        return Some(FLOOR.into());
    }
    let piece = pieces.get(prng.below(pieces.len().max(1) as u64) as usize)?;
    let zeros = prng.chance(1, 4);
    let (begin, end) = if zeros {
        let begin = piece.begin / SECTOR_BYTES * SECTOR_BYTES;
        (begin, begin + prng.between(1, ZERO_SECTORS_MAX) as usize * SECTOR_BYTES)
    } else {
        let at = prng.between(piece.begin as u64, piece.end as u64 - 1) as usize;
        (at, at + 1)
    };
    let hit = |it: &&Piece| it.file == piece.file && it.begin < end && begin < it.end;
    let vouched = pieces.iter().filter(|it| !hit(it)).map(|it| it.durable).max()?;
    let first = pieces.iter().filter(hit).map(|it| it.serial).min()?;
    if first > vouched {
        return None;
    }
    let file = piece.file.clone();
    let memory = disk.memory();
    let mut content = memory.content(&file)?.to_vec();
    let before = content.clone();
    let end = end.min(content.len());
    match content.get_mut(begin..end)? {
        [byte] => *byte ^= 1 << prng.below(8),
        bytes => bytes.fill(0),
    }
    memory.put(&file, &content);
    let what = if zeros { "zeros" } else { "a bit" };
    (before != content).then(|| format!("{what} at {begin} of {file}"))
}

/// The heads and records of the log as a start would read them.
fn pieces(disk: &mut SimDisk) -> Option<Vec<Piece>> {
    let memory = disk.memory();
    let floor = memory.content(FLOOR).and_then(|it| it.get(FLOOR_NUMBER_AT..)?.first_chunk());
    let floor = floor.map_or(1, |it: &[u8; 8]| u64::from_le_bytes(*it));
    let mut pieces = Vec::new();
    for (file, _) in memory.list().ok()? {
        let Some(number) = segment::number_of(0, &file).filter(|it| *it >= floor) else { continue };
        let content = Bytes::copy_from_slice(memory.content(&file)?);
        let FoundHead::Good(head) = segment::decode(content.get(..HEAD_BYTES)?) else { continue };
        if head.number != number {
            continue;
        }
        let seal = Seal::new(&head.owner, head.lane, head.generation);
        let before = pieces.len();
        let mut begin = HEAD_BYTES;
        while begin < content.len()
            && let Found::Good { link, stored, .. } = decode(&content.slice(begin..), &seal)
        {
            let (end, serial, durable) = (begin + stored, link.serial, link.durable);
            pieces.push(Piece { file: file.clone(), begin, end, serial, durable });
            begin = end;
        }
        if pieces.len() > before {
            let (serial, durable) = (head.first, head.first.prev());
            let end = HEAD_BYTES;
            pieces.push(Piece { file, begin: 0, end, serial, durable });
        }
    }
    (!pieces.is_empty()).then_some(pieces)
}
