//! Versions and history in persistent ordered trees.
//!
//! Two views of the same pairs, each for one kind of question:
//!
//! ```text
//! lines     key       -> its versions, the newest at hand   reads and counts
//! history   revision  -> its changes, in order              watches
//! ```
//!
//! A pair in both is one allocation. Clones share everything until one of
//! them is written to.

mod audit;
mod cost;
mod kept;
mod key;
mod line;
mod record;
mod sweep;
pub(super) mod thaw;

use crate::command::{Change, Changes, KeyRange};
use crate::hash::digest;
use crate::pair::Pair;
use crate::store::page::{Page, REVISION_EMPTY};
use crate::tree::{self, Tree};
use alloc::vec::Vec;
use base::Revision;
use core::mem::size_of;
use line::{Line, Older};
use record::{Record, Sums, Weight};
use sweep::Sweep;

const _: () = assert!(
    2 * (size_of::<Line>() + size_of::<Pair>()) <= cost::VERSION as usize,
    "the cost covers a version"
);
const _: () = assert!(size_of::<Line>() == 64, "a line of the cache");
const _: () = assert!(size_of::<Older>() < size_of::<Line>(), "an older version takes less");
const _: () = assert!(
    size_of::<Record>() + size_of::<Change>() + size_of::<[usize; 2]>() <= cost::CHANGE as usize,
    "the cost covers a change"
);

/// A keyspace in memory. `create <= modified <= newest` for each pair (I51).
#[derive(Clone, Debug)]
pub struct Memory {
    lines: Tree<Line>,
    history: Tree<Record>,
    /// The newest sealed revision.
    revision: Revision,
    /// The newest revision in the trees: `revision`, or the one being built.
    newest: Revision,
    /// Changes in the revision that is being built.
    drafted: u32,
    sums: Sums,
    compacted: Option<Revision>,
    floor: Floor,
    sweep: Sweep,
}

/// What has to be known of the compacted revision, to tell in constant time
/// what is kept. It does not depend on how far the sweep has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Floor {
    /// The digest and the bytes of the pairs that existed then.
    live: u64,
    live_bytes: u64,
    /// The digest of all changes before it. Those at it are kept for watches.
    written_before: u64,
    /// The bytes of all changes up to it.
    written_bytes: u64,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            lines: Tree::default(),
            history: Tree::default(),
            revision: REVISION_EMPTY,
            newest: REVISION_EMPTY,
            drafted: 0,
            sums: Sums::default(),
            compacted: None,
            floor: Floor::default(),
            sweep: Sweep::default(),
        }
    }

    pub(super) fn get(&self, key: &[u8], at: Revision) -> Option<&Pair> {
        self.lines.get(key)?.at(at)
    }

    pub(super) fn range(&self, range: &KeyRange, at: Revision, limit: usize) -> Page {
        if let KeyRange::One(key) = range {
            return page(self.get(key, at).into_iter(), limit);
        }
        if range.is_empty() {
            return Page::default();
        }
        let lines = self.lines.iter_from(range.start());
        let lines = lines.take_while(|line| range.contains(tree::Item::key(*line)));
        let pairs = lines.filter_map(|line| line.at(at));
        if at < self.newest {
            return page(pairs, limit);
        }
        let pairs = pairs.take(limit).cloned().collect();
        Page { pairs, count: self.lines.weight_of(range.bounds()) }
    }

    /// Writes what `make` makes of the pair that is there, as the change at
    /// the place that it is given.
    pub(super) fn put(
        &mut self,
        key: &[u8],
        make: impl FnOnce(Option<&Pair>, u32) -> Pair,
    ) -> Change {
        self.newest = self.revision.next();
        let (revision, place) = (self.newest, self.drafted);
        let change = self.lines.alter(key, |line| {
            let previous = line.as_ref().and_then(|line| line.now().cloned());
            let kv = make(previous.as_ref(), place);
            check(&kv, revision);
            let made = match line {
                Some(line) => {
                    line.push(kv.clone());
                    tree::Change::Keep
                }
                None => tree::Change::Set(Line::new(kv.clone())),
            };
            (made, Change { kv, deleted: false, previous })
        });
        self.drafted += 1;
        self.count(&change);
        change
    }

    /// Deletes a key, if it exists.
    pub(super) fn delete(&mut self, key: &[u8]) -> Option<Change> {
        let (revision, place) = (self.revision.next(), self.drafted);
        let change = self.lines.alter(key, |line| {
            let done = line.and_then(|line| {
                let previous = line.now()?.clone();
                let kv = Pair::deletion(key, revision, place);
                line.push(kv.clone());
                Some(Change { kv, deleted: true, previous: Some(previous) })
            });
            (tree::Change::Keep, done)
        })?;
        self.newest = revision;
        self.drafted += 1;
        self.count(&change);
        Some(change)
    }

    fn count(&mut self, change: &Change) {
        let over = change.previous.as_ref().map(Weight::of);
        self.sums.add(Weight::of(&change.kv), change.deleted, over);
    }

    pub(super) fn seal(&mut self, changes: Changes) {
        let Changes { revision, changes } = changes;
        base::invariant!(I50, self.newest == revision);
        base::invariant!(I91, changes.len() == self.drafted as usize);
        self.sweep.owe(changes.len());
        self.drafted = 0;
        self.revision = revision;
        self.history.insert(Record { revision, changes, sums: self.sums });
    }

    /// Nothing below `revision`, which exists, is read any more.
    pub(super) fn compact(&mut self, revision: Revision) {
        let (before, at) = (self.sums_at(revision.prev()), self.sums_at(revision));
        self.floor = Floor {
            live: at.live,
            live_bytes: at.live_bytes,
            written_before: before.written,
            written_bytes: at.written_bytes,
        };
        if self.is_swept() {
            self.sweep.owe_nothing();
        }
        self.compacted = Some(revision);
        self.sweep.begin_again();
        self.history.alter(&revision, |record| {
            (tree::Change::Keep, record.into_iter().for_each(Record::forget_previous))
        });
    }

    /// The sums with a revision that is kept, or with the empty one.
    fn sums_at(&self, revision: Revision) -> Sums {
        let record = self.history.get(&revision);
        base::invariant!(I61, record.is_some() || revision <= REVISION_EMPTY);
        record.map_or_else(Sums::default, |record| record.sums)
    }

    pub(super) fn sweep(&mut self, budget: usize) -> bool {
        let Some(to) = self.compacted else { return false };
        self.sweep.go_on(to, &mut self.lines, &mut self.history, budget)
    }

    pub(super) fn is_swept(&self) -> bool {
        self.compacted.is_none_or(|to| self.sweep.reached(to, &self.history))
    }

    pub(super) const fn revision(&self) -> Revision {
        self.revision
    }

    pub(super) const fn compacted(&self) -> Option<Revision> {
        self.compacted
    }

    pub(super) fn since(&self, from: Revision) -> impl Iterator<Item = Changes> + '_ {
        self.history.iter_from(&from).map(Record::changes)
    }

    /// The pairs at the compacted revision, and every change behind it.
    pub(super) const fn bytes_held(&self) -> u64 {
        self.floor.live_bytes + self.sums.written_bytes - self.floor.written_bytes
    }

    /// What of this would not count if the newest revision were compacted.
    pub(super) const fn bytes_of_history(&self) -> u64 {
        self.bytes_held() - self.sums.live_bytes
    }

    /// The first revision with which half of the bytes behind the compacted one
    /// were written; the compacted one itself if nothing was.
    pub(super) fn middle(&self) -> Revision {
        let (mut low, mut high) = (self.compacted.unwrap_or_default(), self.revision);
        low = low.max(REVISION_EMPTY).min(high);
        let half = self.floor.written_bytes.midpoint(self.sums.written_bytes);
        while low.next() < high {
            let middle = Revision(low.0.midpoint(high.0));
            if self.sums_at(middle).written_bytes < half {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    pub(super) fn keys(&self) -> u64 {
        self.lines.weight()
    }

    /// What is kept is the state at the compacted revision and every change
    /// from there on; `at` is a revision that can be read.
    pub(super) fn hash(&self, at: Revision) -> u64 {
        let sums = if at == self.revision { self.sums } else { self.sums_at(at) };
        let compacted = self.compacted.map_or(0, |revision| revision.next().0);
        let written = sums.written.wrapping_sub(self.floor.written_before);
        digest(&[at.0, compacted, self.floor.live, written])
    }
}

fn check(kv: &Pair, revision: Revision) {
    let kv = kv.fields();
    base::invariant!(I51, kv.create <= kv.modified && kv.modified == revision);
    base::invariant!(I52, kv.version >= 1);
}

fn page<'a>(mut pairs: impl Iterator<Item = &'a Pair>, limit: usize) -> Page {
    let first: Vec<_> = pairs.by_ref().take(limit).cloned().collect();
    let count = (first.len() + pairs.count()) as u64;
    Page { pairs: first, count }
}
