//! How far are all watches of a stream? One round of questions, one bookmark.

use alloc::collections::BTreeSet;
use base::{Revision, WatchKey};

/// Watches that were asked how far they are, until the last of them has answered.
#[derive(Debug)]
pub(super) struct Round {
    waiting: BTreeSet<WatchKey>,
    /// The least of what was answered: everything up to here was said by all.
    least: Revision,
}

impl Round {
    /// A round of questions to these; none to nobody.
    pub(super) fn of(keys: &[WatchKey]) -> Option<Self> {
        let waiting: BTreeSet<WatchKey> = keys.iter().copied().collect();
        (!waiting.is_empty()).then_some(Self { waiting, least: Revision(u64::MAX) })
    }

    /// One answers; with the last answer, how far all of them are at least.
    pub(super) fn heard(&mut self, key: WatchKey, revision: Revision) -> Option<Revision> {
        if self.waiting.remove(&key) {
            self.least = self.least.min(revision);
        }
        self.waiting.is_empty().then_some(self.least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_says_how_far_all_are() {
        let keys = [1, 2, 3].map(WatchKey);
        let mut round = Round::of(&keys).unwrap();
        assert_eq!(round.heard(WatchKey(2), Revision(9)), None);
        assert_eq!(round.heard(WatchKey(1), Revision(7)), None);
        assert_eq!(round.heard(WatchKey(1), Revision(5)), None, "it has answered already");
        assert_eq!(round.heard(WatchKey(4), Revision(1)), None, "it was not asked");
        assert_eq!(round.heard(WatchKey(3), Revision(8)), Some(Revision(7)));
    }

    #[test]
    fn nobody_is_not_asked() {
        assert!(Round::of(&[]).is_none());
    }
}
