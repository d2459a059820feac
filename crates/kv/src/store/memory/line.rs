//! One key and all its versions that are kept.

use super::key::Key;
use crate::command::KeyValue;
use crate::tree::{Change, Item, Tree};
use alloc::sync::Arc;
use base::Revision;
use core::borrow::Borrow;

/// A key as it is since some revision.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) revision: Revision,
    /// Which change of its revision made it, counted from 0 (I91). Of a
    /// revision that nobody can watch any more it means nothing.
    pub(super) place: u32,
    /// Its part in the digest of the store.
    pub(super) digest: u64,
    /// The pair; `None` where the key was deleted.
    pub(super) kv: Option<Arc<KeyValue>>,
}

impl Item for Version {
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

/// The versions of one key. Most keys have one, which then needs no tree.
#[derive(Clone, Debug)]
pub(super) struct Line {
    key: Key,
    pub(super) last: Version,
    pub(super) older: Option<Tree<Version>>,
}

/// It weighs 1 if the key exists, so that the weight of a range is its count.
impl Item for Line {
    type Key = [u8];
    type Fence = Key;

    fn key(&self) -> &[u8] {
        self.key.borrow()
    }

    fn fence(&self) -> Key {
        self.key.clone()
    }

    fn weight(&self) -> u64 {
        u64::from(self.last.kv.is_some())
    }
}

impl Line {
    pub(super) fn new(key: &[u8], last: Version) -> Self {
        Self { key: Key::new(key), last, older: None }
    }

    /// The pair as it was at `at`.
    pub(super) fn at(&self, at: Revision) -> Option<&Arc<KeyValue>> {
        self.version_at(at)?.kv.as_ref()
    }

    pub(super) fn version_at(&self, at: Revision) -> Option<&Version> {
        if self.last.revision <= at {
            return Some(&self.last);
        }
        self.older.as_ref()?.floor(&at)
    }

    /// Takes a newer version.
    pub(super) fn push(&mut self, version: Version) {
        base::invariant!(I56, version.revision > self.last.revision, "{:?} twice", self.key);
        let before = core::mem::replace(&mut self.last, version);
        self.older.get_or_insert_default().insert(before);
    }

    /// Drops what nobody can read any more when nothing below `revision` is
    /// read: the versions before, and the one at it if it is a deletion that
    /// no watch may start at. Says whether anything of the key is left.
    pub(super) fn trim(&mut self, revision: Revision, drop_deletion: bool) -> bool {
        if let Some(older) = &mut self.older {
            while let Some(first) = older.first().map(|first| first.revision)
                && (first < revision || (drop_deletion && first == revision))
            {
                older.remove(&first);
            }
            if older.first().is_none() {
                self.older = None;
            }
        }
        let gone = drop_deletion && self.last.revision == revision && self.last.kv.is_none();
        !gone
    }

    /// Every version, the oldest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.older.iter().flat_map(Tree::iter).chain([&self.last])
    }
}

/// What becomes of a line that was trimmed.
pub(super) const fn keep_if(left: bool) -> Change<Line> {
    if left { Change::Keep } else { Change::Remove }
}
