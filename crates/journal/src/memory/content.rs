//! The bytes of one file in memory.

use alloc::vec::Vec;
use bytes::Bytes;

/// The bytes of one file. One that was written as a whole shares them with its
/// writer until one of them changes: checkpoints are large, and never written again.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// As they were given.
    Shared(Bytes),
    /// To be written into.
    Own(Vec<u8>),
}

impl Content {
    /// So many zeros.
    pub(super) fn zeros(size: u64) -> Self {
        Self::Own(alloc::vec![0; size as usize])
    }

    /// All of them.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }

    /// Those from `start` on and before `end`, as far as there are any.
    pub(super) fn read(&self, start: usize, end: usize) -> Bytes {
        let end = end.min(self.bytes().len());
        let start = start.min(end);
        match self {
            Self::Shared(bytes) => bytes.slice(start..end),
            Self::Own(bytes) => Bytes::copy_from_slice(bytes.get(start..end).unwrap_or_default()),
        }
    }

    /// The same bytes, to be changed.
    pub(super) fn own(&mut self) -> &mut Vec<u8> {
        if let Self::Shared(bytes) = self {
            *self = Self::Own(bytes.to_vec());
        }
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(_) => unreachable!("it was made our own just now"),
        }
    }

    /// Puts bytes at a place; a file that is too short gets longer.
    pub(super) fn put(&mut self, at: usize, piece: &[u8]) {
        let bytes = self.own();
        bytes.resize(bytes.len().max(at + piece.len()), 0);
        if let Some(place) = bytes.get_mut(at..at + piece.len()) {
            place.copy_from_slice(piece);
        }
    }
}
