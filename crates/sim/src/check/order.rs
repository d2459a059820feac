//! What must have been seen by whoever asks now: how far the log was, at the
//! least, when an earlier answer was given.

use crate::history::At;
use std::collections::BTreeSet;

/// Answers by their time, and the furthest place of those that are over.
#[derive(Clone, Debug, Default)]
pub struct Floor {
    ends: BTreeSet<(At, usize)>,
    floor: usize,
}

impl Floor {
    /// An answer was given then, by a state at least this far.
    pub fn add(&mut self, at: At, place: usize) {
        self.ends.insert((at, place));
    }

    /// The place that every request sees which begins then; the requests are
    /// asked about in the order in which they begin.
    pub fn at(&mut self, begin: At) -> usize {
        while let Some((_, place)) = self.ends.first().copied().filter(|(at, _)| *at < begin) {
            self.floor = self.floor.max(place);
            self.ends.pop_first();
        }
        self.floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Time;

    #[test]
    fn only_what_is_over_counts() {
        let at = |order| At { time: Time(order), order };
        let mut floor = Floor::default();
        floor.add(at(5), 7);
        floor.add(at(3), 9);
        assert_eq!(floor.at(at(3)), 0);
        assert_eq!(floor.at(at(4)), 9);
        assert_eq!(floor.at(at(6)), 9);
    }
}
