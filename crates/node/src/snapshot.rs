//! A group's whole state at rest, whichever machine it has: for a checkpoint, or
//! for a backup that is streamed to a client.

use alloc::boxed::Box;
use base::Revision;
use bytes::Bytes;
use consensus::entry::Place;
use kv::snapshot::Frozen;

/// The state of a keyspace at one place of its log. Costs nothing until its
/// chunks are taken, which is best done on a thread of the taker's own.
#[derive(Clone, Debug)]
pub struct Snapshot {
    place: Place,
    clock: u64,
    source: Source,
}

impl Snapshot {
    pub(crate) const fn new(place: Place, clock: u64, source: Source) -> Self {
        Self { place, clock, source }
    }

    /// Of which place of the log it is.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The log time of the entry that stands there.
    #[must_use]
    pub const fn clock(&self) -> u64 {
        self.clock
    }

    /// The keyspace's newest revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.source.keyspace().map_or(Revision::ZERO, Frozen::revision)
    }

    /// How many keys exist.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.source.keyspace().map_or(0, Frozen::keys)
    }

    /// The next chunk, in canonical order: what a checkpoint at this place consists of.
    pub fn next_chunk(&mut self) -> Option<Bytes> {
        self.source.next_chunk()
    }
}

/// States of one place of one log are equal.
impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Snapshot {}

/// A state at rest that is turned into chunks.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The directory: one chunk, until it was taken.
    Directory(Option<Bytes>),
    /// A keyspace.
    Keyspace(Box<Frozen>),
}

impl Source {
    fn keyspace(&self) -> Option<&Frozen> {
        match self {
            Self::Directory(_) => None,
            Self::Keyspace(frozen) => Some(frozen),
        }
    }

    /// The next chunk, in canonical order.
    pub(crate) fn next_chunk(&mut self) -> Option<Bytes> {
        match self {
            Self::Directory(chunk) => chunk.take(),
            Self::Keyspace(frozen) => frozen.next_chunk(),
        }
    }
}
