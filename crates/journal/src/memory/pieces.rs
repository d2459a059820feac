//! Where in a directory the heads and records of a log stand, and what each of them
//! vouches for: for worlds whose disks go bad in silence.

use super::content::Content;
use crate::floor::{self, FoundFloor};
use crate::record::{Found, Seal, decode};
use crate::segment::{self, FoundHead, HEAD_BYTES};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use base::Serial;
use bytes::Bytes;

/// A head or a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// In which file.
    pub file: String,
    /// Where it begins there.
    pub begin: usize,
    /// Where it ends.
    pub end: usize,
    /// Its serial; a head's is that of the first record behind it.
    pub serial: Serial,
    /// Everything up to here was durable when it was written.
    pub durable: Serial,
}

/// The heads and records of a lane's log as a start would read them.
pub(super) fn pieces(files: &BTreeMap<String, Content>, lane: u16) -> Vec<Piece> {
    let floor = files.get(&floor::file_name(lane)).map(|it| floor::decode(&all(it)));
    let floor = match floor {
        Some(FoundFloor::Good { floor, .. }) => floor.number,
        _ => 1,
    };
    let number = |name: &str| segment::number_of(lane, name).filter(|it| *it >= floor);
    let live = files.iter().filter_map(|(name, it)| Some((name, number(name)?, it)));
    live.flat_map(|(name, number, content)| pieces_of(name, number, content)).collect()
}

fn all(content: &Content) -> Bytes {
    content.read(0, usize::MAX)
}

fn pieces_of(file: &str, number: u64, content: &Content) -> Vec<Piece> {
    let content = all(content);
    let block = content.get(..HEAD_BYTES).unwrap_or_default();
    let FoundHead::Good(head) = segment::decode(block) else { return Vec::new() };
    if head.number != number {
        // What an earlier use of the file left.
        return Vec::new();
    }
    let seal = Seal::new(&head.owner, head.lane, head.generation);
    let piece =
        |begin, end, serial, durable| Piece { file: file.into(), begin, end, serial, durable };
    let mut pieces = Vec::new();
    let mut begin = HEAD_BYTES;
    while begin < content.len()
        && let Found::Good { link, stored, .. } = decode(&content.slice(begin..), &seal)
    {
        pieces.push(piece(begin, begin + stored, link.serial, link.durable));
        begin += stored;
    }
    if !pieces.is_empty() {
        pieces.push(piece(0, HEAD_BYTES, head.first, head.first.prev()));
    }
    pieces
}
