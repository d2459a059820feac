//! One key and all its versions that are kept.

use super::key::{Key, Short};
use crate::pair::Pair;
use crate::tree::{Change, Item, Tree};
use base::Revision;

/// A version that is not the newest any more.
#[derive(Clone, Debug)]
pub(super) struct Older {
    revision: Revision,
    pub(super) pair: Pair,
}

impl Item for Older {
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
    /// The key, if it is short; a longer one is that of the newest version.
    short: Option<Short>,
    /// Whether the key exists: the newest version is no deletion.
    live: bool,
    pub(super) last: Pair,
    pub(super) older: Option<Tree<Older>>,
}

/// It weighs 1 if the key exists, so that the weight of a range is its count.
impl Item for Line {
    type Key = [u8];
    type Fence = Key;

    fn key(&self) -> &[u8] {
        self.short.as_ref().map_or_else(|| self.last.key(), Short::bytes)
    }

    fn fence(&self) -> Key {
        Key::new(self.key())
    }

    fn weight(&self) -> u64 {
        u64::from(self.live)
    }
}

impl Line {
    pub(super) fn new(last: Pair) -> Self {
        let (short, live) = (Short::new(last.key()), !last.is_deleted());
        Self { short, live, last, older: None }
    }

    /// The pair as it is now.
    pub(super) fn now(&self) -> Option<&Pair> {
        Some(&self.last).filter(|_| self.live)
    }

    /// The pair as it was at `at`.
    pub(super) fn at(&self, at: Revision) -> Option<&Pair> {
        self.version_at(at).filter(|version| !version.is_deleted())
    }

    pub(super) fn version_at(&self, at: Revision) -> Option<&Pair> {
        if self.last.modified() <= at {
            return Some(&self.last);
        }
        self.older.as_ref()?.floor(&at).map(|older| &older.pair)
    }

    /// Takes a newer version.
    pub(super) fn push(&mut self, version: Pair) {
        let revision = self.last.modified();
        base::invariant!(I56, version.modified() > revision, "{version:?} after {revision}");
        self.live = !version.is_deleted();
        let pair = core::mem::replace(&mut self.last, version);
        self.older.get_or_insert_default().insert(Older { revision, pair });
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
        let gone = drop_deletion && self.last.modified() == revision && !self.live;
        !gone
    }

    /// Every version, the oldest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Pair> {
        let older = self.older.iter().flat_map(Tree::iter);
        older.map(|older| &older.pair).chain([&self.last])
    }
}

/// What becomes of a line that was trimmed.
pub(super) const fn keep_if(left: bool) -> Change<Line> {
    if left { Change::Keep } else { Change::Remove }
}
