//! A walk over a range as it was at an old revision.

use super::{Memory, Version};
use crate::command::{KeyRange, KeyValue};
use alloc::sync::Arc;
use base::Revision;
use bytes::Bytes;
use core::iter::Peekable;
use core::ops::Bound;
use imbl::ordmap::RangedIter;
use imbl::shared_ptr::DefaultSharedPtr;

/// Versions of one key that are passed one by one, before it is cheaper to
/// descend the tree twice: to the wanted version, and behind the last one.
/// A step costs a fiftieth of a descent.
const STEPS_MAX: usize = 32;

type Walk<'a> = Peekable<RangedIter<'a, (Bytes, Revision), Version, DefaultSharedPtr>>;

/// The pairs of `range` at revision `at`, in key order.
pub(super) struct Past<'a> {
    memory: &'a Memory,
    range: &'a KeyRange,
    at: Revision,
    walk: Walk<'a>,
}

impl<'a> Past<'a> {
    pub(super) fn new(memory: &'a Memory, range: &'a KeyRange, at: Revision) -> Self {
        let walk = walk(memory, Bound::Included((range.start().clone(), Revision::ZERO)));
        Self { memory, range, at, walk }
    }

    /// The last version of `key` that is not too new; `seen` is the last so far.
    fn last(
        &mut self,
        key: &Bytes,
        mut seen: Option<&'a Arc<KeyValue>>,
    ) -> Option<&'a Arc<KeyValue>> {
        for _ in 0..STEPS_MAX {
            let next = self.walk.next_if(|((next, _), _)| next == key);
            let Some(((_, revision), version)) = next else { return seen };
            if *revision <= self.at {
                seen = version.as_ref();
            }
        }
        self.walk = walk(self.memory, Bound::Excluded((key.clone(), Revision(u64::MAX))));
        self.memory.get(key, self.at)
    }
}

impl<'a> Iterator for Past<'a> {
    type Item = &'a Arc<KeyValue>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let ((key, revision), version) = self.walk.next()?;
            if !self.range.contains(key) {
                return None;
            }
            let seen = version.as_ref().filter(|_| *revision <= self.at);
            if let Some(kv) = self.last(key, seen) {
                return Some(kv);
            }
        }
    }
}

fn walk(memory: &Memory, from: Bound<(Bytes, Revision)>) -> Walk<'_> {
    memory.versions.range((from, Bound::Unbounded)).peekable()
}
