//! Which checkpoints of a group are on this disk, and when the next one is due.

use crate::job::Kept;
use alloc::vec::Vec;
use base::{ChunkId, Index};
use journal::checkpoint::{Chunk, Slot};

/// The checkpoints of one group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keep {
    /// I79: newest.index >= older.index, and they are in different slots.
    newest: Option<Kept>,
    older: Option<Kept>,
    /// One is being made; bytes of the log behind it.
    writing: Option<u64>,
    /// Bytes of entries that the log holds behind the newest.
    since: u64,
}

impl Keep {
    /// What was found on disk: what the state was made from, and the other one
    /// if it can be fallen back to.
    pub(crate) const fn found(newest: Option<Kept>, older: Option<Kept>) -> Self {
        Self { newest, older, writing: None, since: 0 }
    }

    /// An entry of so many bytes went to the log.
    pub(crate) const fn on_entry(&mut self, bytes: usize) {
        self.since = self.since.saturating_add(bytes as u64);
        if let Some(behind) = &mut self.writing {
            *behind = behind.saturating_add(bytes as u64);
        }
    }

    /// Bytes of entries that the log holds behind the newest checkpoint.
    pub(crate) const fn since(&self) -> u64 {
        self.since
    }

    /// Whether one is being made.
    pub(crate) const fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Whether both kept checkpoints hold all of the log that there is: another
    /// one would change nothing.
    pub(crate) fn is_settled(&self, applied: Index) -> bool {
        let holds =
            |kept: &Option<Kept>| kept.as_ref().is_some_and(|it| it.contents.index == applied);
        holds(&self.newest) && holds(&self.older)
    }

    /// Where the next one goes: over the older one.
    pub(crate) fn next_slot(&self) -> Slot {
        self.newest.as_ref().map_or(Slot::A, |newest| newest.slot.other())
    }

    /// One is being made from the state as it is now. The slot's files change
    /// from now on: what was there counts until the manifest is replaced.
    pub(crate) const fn begin(&mut self) {
        self.writing = Some(0);
    }

    /// It came to nothing: both that are kept are as they were.
    pub(crate) const fn abandon(&mut self) {
        self.writing = None;
    }

    /// The chunks of the checkpoint that the next one takes the place of; none if
    /// none is kept there, whatever the disk holds: a damaged one, or one from
    /// before another node's was taken over.
    pub(crate) fn next_in_place_of(&self) -> Option<Vec<Chunk>> {
        let slot = self.next_slot();
        let older = self.older.as_ref().filter(|older| older.slot == slot)?;
        Some(older.contents.chunks.clone())
    }

    /// It is on disk and current.
    pub(crate) fn on_written(&mut self, kept: Kept) {
        self.since = self.writing.take().unwrap_or(self.since);
        if self.newest.as_ref().is_none_or(|newest| newest.contents.index <= kept.contents.index) {
            self.older = self.newest.replace(kept);
        }
        if let (Some(newest), Some(older)) = (&self.newest, &self.older) {
            base::invariant!(I79, newest.contents.index >= older.contents.index);
            base::invariant!(I79, newest.slot != older.slot, "both are in one slot");
        }
    }

    /// One of another node was taken over. The log between the older one and it
    /// is not here, so the older one is of no use.
    pub(crate) fn on_installed(&mut self, kept: Kept) {
        (self.newest, self.older) = (Some(kept), None);
        self.since = 0;
    }

    /// The newest.
    pub(crate) const fn newest(&self) -> Option<&Kept> {
        self.newest.as_ref()
    }

    /// Up to here the log is not needed any more, whichever of the two must be
    /// used: zero as long as there is only one that the log reaches back behind.
    pub(crate) fn released(&self) -> Index {
        let index = |kept: &Option<Kept>| kept.as_ref().map_or(Index::ZERO, |it| it.contents.index);
        base::mutant!(LogReleasedToNewest, index(&self.older), index(&self.newest))
    }

    /// Where a chunk of a kept checkpoint is.
    pub(crate) fn find(&self, id: ChunkId) -> Option<(Slot, Chunk)> {
        [&self.newest, &self.older].into_iter().flatten().find_map(|kept| {
            let chunk = kept.contents.chunks.iter().find(|chunk| chunk.id == id)?;
            Some((kept.slot, *chunk))
        })
    }
}
