//! One revision in the history, and the sums up to it.

use super::cost;
use crate::command::{Change, Changes};
use crate::pair::Pair;
use crate::tree::Item;
use alloc::sync::Arc;
use base::Revision;

/// What was added up from the beginning to some revision. The difference of
/// two of these tells about any stretch of history without a walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sums {
    /// The digest of every change ever made.
    pub(super) written: u64,
    /// The digest of the pairs that exist.
    pub(super) live: u64,
    /// What every change ever made took.
    pub(super) written_bytes: u64,
    /// What the pairs that exist take.
    pub(super) live_bytes: u64,
}

/// What a version brings into the sums.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Weight {
    pub(super) digest: u64,
    bytes: u64,
}

impl Weight {
    pub(super) fn of(kv: &Pair) -> Self {
        Self { digest: kv.digest(), bytes: cost::of_version(kv) }
    }
}

impl Sums {
    /// A version was written, over a pair or over nothing.
    pub(super) fn add(&mut self, new: Weight, deleted: bool, over: Option<Weight>) {
        self.add_written(new);
        if let Some(over) = over {
            self.live = self.live.wrapping_sub(over.digest);
            self.live_bytes -= over.bytes;
        }
        if !deleted {
            self.add_live(new);
        }
    }

    pub(super) const fn add_written(&mut self, new: Weight) {
        self.written = self.written.wrapping_add(new.digest);
        self.written_bytes += new.bytes + cost::CHANGE;
    }

    pub(super) const fn add_live(&mut self, new: Weight) {
        self.live = self.live.wrapping_add(new.digest);
        self.live_bytes += new.bytes;
    }
}

/// One revision.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) revision: Revision,
    pub(super) changes: Arc<[Change]>,
    /// With this revision.
    pub(super) sums: Sums,
}

impl Item for Record {
    type Key = Revision;
    type Fence = Revision;

    fn key(&self) -> &Revision {
        &self.revision
    }

    fn fence(&self) -> Revision {
        self.revision
    }

    fn weight(&self) -> u64 {
        1
    }
}

impl Record {
    pub(super) fn changes(&self) -> Changes {
        Changes { revision: self.revision, changes: Arc::clone(&self.changes) }
    }

    /// Without the pairs before: those of the oldest revision are compacted.
    pub(super) fn forget_previous(&mut self) {
        let bare = |change: &Change| Change { previous: None, ..change.clone() };
        self.changes = self.changes.iter().map(bare).collect();
    }
}
