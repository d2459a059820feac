//! A log that goes bad in silence: only what some other record or head vouches for,
//! so that no start can take it for the torn end of the last write.

use crate::disk::SimDisk;
use base::prng::Prng;
use journal::memory::{Piece, SECTOR_BYTES};

/// The file that says where the log begins.
const FLOOR: &str = "wal-0.floor";

/// Sectors that one misfortune spoils, at most.
const SECTORS_MAX: u64 = 8;

/// What happens to the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    /// One bit of one of them is the other way round.
    Bit,
    /// Whole sectors are zeros.
    Zeros,
    /// Whole sectors hold what belongs to others: a write went to the wrong place.
    Misplaced,
}

/// Something durable changes; says what and where.
pub(super) fn spoil(disk: &mut SimDisk, prng: &mut Prng) -> Option<String> {
    let memory = disk.memory();
    let floor = memory.content(FLOOR).map(<[u8]>::len);
    if let Some(bytes) = floor.filter(|_| prng.chance(1, 20)) {
        memory.rot(FLOOR, prng.below(bytes as u64), 1 << prng.below(8));
        return Some(FLOOR.into());
    }
    let pieces = memory.pieces(0);
    let piece = prng.pick(&pieces)?;
    let how = [How::Bit, How::Bit, How::Zeros, How::Misplaced];
    let how = prng.pick(&how).copied().unwrap_or(How::Bit);
    let mut content = memory.content(&piece.file)?.to_vec();
    let (begin, end) = range(piece, how, prng);
    let end = end.min(content.len());
    if !is_vouched(&pieces, &piece.file, begin, end) {
        return None;
    }
    let other = memory.content(&prng.pick(&pieces)?.file)?.to_vec();
    let spoiled = content.get_mut(begin..end)?;
    let before = spoiled.to_vec();
    match how {
        How::Bit => spoiled.iter_mut().for_each(|byte| *byte ^= 1 << prng.below(8)),
        How::Zeros => spoiled.fill(0),
        How::Misplaced => {
            let sectors = other.len() / SECTOR_BYTES as usize;
            let from = prng.below(sectors as u64) as usize * SECTOR_BYTES as usize;
            let from = other.get(from..from + spoiled.len())?;
            spoiled.copy_from_slice(from);
        }
    }
    if before == *spoiled {
        return None;
    }
    let file = piece.file.clone();
    memory.put(&file, &content);
    Some(format!("{how:?} at {begin} of {file}"))
}

/// Which bytes go bad, of this piece or from its first sector on.
fn range(piece: &Piece, how: How, prng: &mut Prng) -> (usize, usize) {
    let sector = SECTOR_BYTES as usize;
    match how {
        How::Bit => {
            let at = prng.between(piece.begin as u64, piece.end as u64 - 1) as usize;
            (at, at + 1)
        }
        How::Zeros | How::Misplaced => {
            let begin = piece.begin / sector * sector;
            (begin, begin + prng.between(1, SECTORS_MAX) as usize * sector)
        }
    }
}

/// Whether some piece that stays whole says that one of those that are hit was durable.
fn is_vouched(pieces: &[Piece], file: &str, begin: usize, end: usize) -> bool {
    let hit = |it: &&Piece| it.file == file && it.begin < end && begin < it.end;
    let vouched = pieces.iter().filter(|it| !hit(it)).map(|it| it.durable).max();
    let first = pieces.iter().filter(hit).map(|it| it.serial).min();
    first.is_some_and(|first| vouched >= Some(first))
}
