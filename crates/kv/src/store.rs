//! The narrow boundary between what a keyspace means and where it is kept.
//!
//! Nothing above this file knows which member is in use: another engine is
//! another member. A revision is built by [`Store::put`] and [`Store::delete`],
//! one change at a time, and becomes history by [`Store::seal`]; reads name the revision that
//! they want to see, so what is built is seen by the transaction that made it
//! (it reads at the coming revision) and by nobody who reads at the current one.

mod kept;
mod memory;
mod page;

use crate::command::{Change, Changes, KeyRange};
use crate::pair::Pair;
use base::Revision;
pub(crate) use kept::{Contradiction, Kept, Spot, Thawed, ThawedPair};
use memory::Memory;
pub use page::{Page, REVISION_EMPTY};

/// Where the versions of a keyspace are kept.
#[derive(Clone, Debug)]
pub enum Store {
    /// In memory, in persistent trees: a clone costs nothing.
    Memory(Memory),
}

impl Store {
    /// An empty store in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self::Memory(Memory::new())
    }

    /// The pair of `key` as it was at revision `at`.
    #[must_use]
    pub fn get(&self, key: &[u8], at: Revision) -> Option<Pair> {
        match self {
            Self::Memory(memory) => memory.get(key, at).cloned(),
        }
    }

    /// The first `limit` pairs of the range as it was at revision `at`, and
    /// the count of all of them.
    #[must_use]
    pub fn range(&self, range: &KeyRange, at: Revision, limit: usize) -> Page {
        match self {
            Self::Memory(memory) => memory.range(range, at, limit),
        }
    }

    /// Writes `key` in the revision that is being built: `make` is given the
    /// pair that is there and the place of the change in the revision, and says
    /// what the pair becomes.
    pub fn put(&mut self, key: &[u8], make: impl FnOnce(Option<&Pair>, u32) -> Pair) -> Change {
        match self {
            Self::Memory(memory) => memory.put(key, make),
        }
    }

    /// Deletes `key` in the revision that is being built, if it exists.
    pub fn delete(&mut self, key: &[u8]) -> Option<Change> {
        match self {
            Self::Memory(memory) => memory.delete(key),
        }
    }

    /// Ends the revision that is being built: all its changes, in order.
    pub fn seal(&mut self, changes: Changes) {
        base::invariant!(I50, changes.revision == self.revision().next());
        base::invariant!(I53, !changes.changes.is_empty());
        match self {
            Self::Memory(memory) => memory.seal(changes),
        }
    }

    /// The state as it is now, for a reader who is slower than the writers.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        self.clone()
    }

    /// The newest sealed revision.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        match self {
            Self::Memory(memory) => memory.revision(),
        }
    }

    /// The oldest revision that can be read.
    #[must_use]
    pub fn oldest(&self) -> Revision {
        self.compacted().map_or(REVISION_EMPTY, |revision| revision.max(REVISION_EMPTY))
    }

    /// The revision of the last compaction, if there was one.
    #[must_use]
    pub const fn compacted(&self) -> Option<Revision> {
        match self {
            Self::Memory(memory) => memory.compacted(),
        }
    }

    /// From now on nothing below `revision` is read, and no watch starts there.
    /// It is above the last such revision, and exists or is zero.
    pub fn compact(&mut self, revision: Revision) {
        base::invariant!(I61, revision <= self.revision());
        base::invariant!(I61, self.compacted().is_none_or(|last| last < revision));
        match self {
            Self::Memory(memory) => memory.compact(revision),
        }
    }

    /// Takes out what compactions made unreadable, by about `budget` changes;
    /// says whether there is more. Nothing that can be read depends on it.
    pub fn sweep(&mut self, budget: usize) -> bool {
        match self {
            Self::Memory(memory) => memory.sweep(budget),
        }
    }

    /// Whether nothing unreadable is left.
    #[must_use]
    pub fn is_swept(&self) -> bool {
        match self {
            Self::Memory(memory) => memory.is_swept(),
        }
    }

    /// What was changed from revision `from` on, whole revisions in order.
    /// Nothing below the compacted revision may be asked for.
    pub fn since(&self, from: Revision) -> impl Iterator<Item = Changes> + '_ {
        match self {
            Self::Memory(memory) => memory.since(from),
        }
    }

    /// What data and history take, in bytes. Decided by the history alone, so
    /// that replicas agree; see the table of costs at the member.
    #[must_use]
    pub const fn bytes_held(&self) -> u64 {
        match self {
            Self::Memory(memory) => memory.bytes_held(),
        }
    }

    /// What of [`Store::bytes_held`] is not the pairs that exist: history, as far
    /// as it was not compacted.
    #[must_use]
    pub const fn bytes_of_history(&self) -> u64 {
        match self {
            Self::Memory(memory) => memory.bytes_of_history(),
        }
    }

    /// The revision in the middle of the history by its bytes: who compacts it
    /// halves the history.
    #[must_use]
    pub fn middle(&self) -> Revision {
        match self {
            Self::Memory(memory) => memory.middle(),
        }
    }

    /// How many keys exist.
    #[must_use]
    pub fn keys(&self) -> u64 {
        match self {
            Self::Memory(memory) => memory.keys(),
        }
    }

    /// Equal in two stores that keep the same versions up to revision `at`,
    /// which can be read, whatever their insides.
    #[must_use]
    pub fn hash(&self, at: Revision) -> u64 {
        match self {
            Self::Memory(memory) => memory.hash(at),
        }
    }

    /// The same for a walk over what is kept and nothing else: without history.
    pub(crate) fn at_rest(&self) -> Self {
        match self {
            Self::Memory(memory) => Self::Memory(memory.at_rest()),
        }
    }

    /// Of a store at rest, what lies below the key is not walked over again.
    pub(crate) fn forget_below(&mut self, key: &[u8]) {
        match self {
            Self::Memory(memory) => memory.forget_below(key),
        }
    }

    /// Every version that can still be read or watched, by key and revision,
    /// from a spot on: equal in two stores that keep the same, whatever their
    /// insides.
    pub(crate) fn kept_from<'a>(&'a self, spot: &Spot) -> impl Iterator<Item = Kept<'a>> {
        match self {
            Self::Memory(memory) => memory.kept_from(spot),
        }
    }

    /// Walks everything that is kept and stops the process if it does not fit
    /// together. For tests and simulated worlds: it takes long.
    pub fn validate(&self) {
        match self {
            Self::Memory(memory) => memory.validate(),
        }
    }
}

/// A store that is being made anew of what [`Store::kept_from`] told.
#[derive(Debug)]
pub(crate) enum Thawing {
    /// In memory.
    Memory(memory::thaw::Thawing),
}

impl Thawing {
    /// Nothing yet of a store at `revision`, which was compacted or not.
    pub(crate) fn memory(revision: Revision, compacted: Option<Revision>) -> Self {
        Self::Memory(memory::thaw::Thawing::new(revision, compacted))
    }

    /// The key whose versions come; empty before the first.
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Memory(memory) => memory.key(),
        }
    }

    /// The next versions are of this key, above the one before.
    pub(crate) fn begin(&mut self, key: &[u8]) -> Result<(), Contradiction> {
        match self {
            Self::Memory(memory) => memory.begin(key),
        }
    }

    /// The next version of the key.
    pub(crate) fn add(&mut self, version: Thawed) -> Result<(), Contradiction> {
        match self {
            Self::Memory(memory) => memory.add(version),
        }
    }

    /// That was all.
    pub(crate) fn finish(self) -> Result<Store, Contradiction> {
        match self {
            Self::Memory(memory) => memory.finish().map(Store::Memory),
        }
    }
}
