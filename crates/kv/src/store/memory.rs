//! Versions and history in persistent ordered trees.
//!
//! Three views of the same pairs, each for one kind of question:
//!
//! ```text
//! live      key             -> the pair now             newest reads, counts
//! versions  (key, revision) -> pair, or none: deleted   reads at an old revision
//! history   revision        -> its changes, in order    watches
//! ```
//!
//! The pairs behind `live` and `versions` are one allocation. Clones share
//! everything until one of them is written to. Trees are never compared by
//! `==`: checks walk them.

mod past;

use crate::command::{Change, Changes, KeyRange, KeyValue};
use crate::hash::digest_of;
use crate::store::page::{Page, REVISION_EMPTY};
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::Revision;
use bytes::Bytes;
use core::mem::size_of;
use imbl::OrdMap;
use past::Past;

/// What a version costs beside its bytes: its pair, its change in the history
/// and its places in the trees, with what trees and allocator leave unused.
/// Measured: 790 for a first version, 660 for a further one of the same key. A
/// fixed number, because every replica must come to the same sum everywhere.
const VERSION_COST: u64 = 768;

const _: () = assert!(
    size_of::<KeyValue>() + size_of::<Change>() + 2 * size_of::<(Bytes, Revision, usize)>()
        <= VERSION_COST as usize,
    "the cost covers what is stored"
);

/// A pair, or nothing where the key was deleted.
type Version = Option<Arc<KeyValue>>;

/// A keyspace in memory. `create <= modified <= newest` for each pair (I51).
#[derive(Clone, Debug)]
pub struct Memory {
    live: OrdMap<Bytes, Arc<KeyValue>>,
    versions: OrdMap<(Bytes, Revision), Version>,
    history: OrdMap<Revision, Arc<[Change]>>,
    /// The newest sealed revision.
    revision: Revision,
    /// The newest revision in the trees: `revision`, or the one being built.
    newest: Revision,
    bytes: u64,
    digest: u64,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            live: OrdMap::new(),
            versions: OrdMap::new(),
            history: OrdMap::new(),
            revision: REVISION_EMPTY,
            newest: REVISION_EMPTY,
            bytes: 0,
            digest: 0,
        }
    }

    pub(super) fn get(&self, key: &Bytes, at: Revision) -> Option<&Arc<KeyValue>> {
        if at >= self.newest {
            return self.live.get(key);
        }
        let ((found, _), version) = self.versions.get_prev(&(key.clone(), at))?;
        version.as_ref().filter(|_| found == key)
    }

    pub(super) fn range(&self, range: &KeyRange, at: Revision, limit: usize) -> Page {
        if let KeyRange::One(key) = range {
            return page(self.get(key, at).into_iter(), limit);
        }
        if range.is_empty() {
            return Page::default();
        }
        if at >= self.newest {
            return self.range_live(range, limit);
        }
        page(Past::new(self, range, at), limit)
    }

    /// A count walks its range, but for the commonest large one: everything.
    fn range_live(&self, range: &KeyRange, limit: usize) -> Page {
        let pairs = self.live.range::<_, [u8]>(range.bounds()).map(|(_, kv)| kv);
        let holds = |end: Option<&(Bytes, _)>| end.is_none_or(|(key, _)| range.contains(key));
        if holds(self.live.get_min()) && holds(self.live.get_max()) {
            return Page { pairs: pairs.take(limit).cloned().collect(), count: self.keys() };
        }
        page(pairs, limit)
    }

    pub(super) fn stage(&mut self, change: &Change) {
        let kv = &change.kv;
        base::invariant!(I51, kv.create <= kv.modified);
        base::invariant!(I50, kv.modified == self.revision.next());
        self.newest = kv.modified;
        self.bytes += cost(kv);
        self.digest = self.digest.wrapping_add(digest_of(change));
        let version = if change.deleted {
            self.live.remove(&kv.key);
            None
        } else {
            base::invariant!(I52, kv.version >= 1);
            let kv = Arc::new(kv.clone());
            self.live.insert(kv.key.clone(), Arc::clone(&kv));
            Some(kv)
        };
        let replaced = self.versions.insert((kv.key.clone(), kv.modified), version);
        base::invariant!(I56, replaced.is_none(), "{:?} twice in {}", kv.key, kv.modified);
    }

    pub(super) fn seal(&mut self, changes: Changes) {
        base::invariant!(I50, self.newest == changes.revision);
        self.revision = changes.revision;
        self.history.insert(changes.revision, changes.changes);
    }

    pub(super) const fn revision(&self) -> Revision {
        self.revision
    }

    pub(super) fn since(&self, from: Revision) -> impl Iterator<Item = Changes> + '_ {
        self.history.range(from..).map(|(revision, changes)| Changes {
            revision: *revision,
            changes: Arc::clone(changes),
        })
    }

    pub(super) const fn bytes_held(&self) -> u64 {
        self.bytes
    }

    pub(super) fn keys(&self) -> u64 {
        self.live.len() as u64
    }

    pub(super) const fn digest(&self) -> u64 {
        self.digest
    }

    /// The three views say the same, and so do the running sums.
    pub(super) fn validate(&self) {
        let (mut bytes, mut digest, mut expected) = (0, 0u64, REVISION_EMPTY);
        for (revision, changes) in &self.history {
            expected = expected.next();
            base::invariant!(I53, *revision == expected && !changes.is_empty());
            for change in changes.iter() {
                base::invariant!(I51, change.kv.modified == *revision);
                bytes += cost(&change.kv);
                digest = digest.wrapping_add(digest_of(change));
                self.validate_version(change);
            }
        }
        base::invariant!(I50, expected == self.revision && expected == self.newest);
        base::invariant!(I58, digest == self.digest && bytes == self.bytes);
        self.validate_live();
    }

    fn validate_version(&self, change: &Change) {
        let stored = self.versions.get(&(change.kv.key.clone(), change.kv.modified));
        let wanted = (!change.deleted).then_some(&change.kv);
        base::invariant!(I57, stored.map(Option::as_deref) == Some(wanted), "{change:?}");
    }

    /// `live` is the last version of each key, where that is a pair.
    fn validate_live(&self) {
        let mut live = self.live.values();
        let mut versions = self.versions.iter().peekable();
        while let Some(((key, _), version)) = versions.next() {
            let last = versions.peek().is_none_or(|((next, _), _)| next != key);
            if let (true, Some(kv)) = (last, version) {
                base::invariant!(I57, live.next().is_some_and(|now| Arc::ptr_eq(now, kv)));
            }
        }
        base::invariant!(I57, live.next().is_none());
    }
}

const fn cost(kv: &KeyValue) -> u64 {
    VERSION_COST + (kv.key.len() + kv.value.len() + kv.extension.len()) as u64
}

fn page<'a>(mut pairs: impl Iterator<Item = &'a Arc<KeyValue>>, limit: usize) -> Page {
    let first: Vec<_> = pairs.by_ref().take(limit).cloned().collect();
    let count = (first.len() + pairs.count()) as u64;
    Page { pairs: first, count }
}
