//! Who can vote, and how many are enough.

use alloc::vec::Vec;
use base::NodeId;
use base::limits::VOTERS_MAX;

/// How many of `voters` are a majority: any two majorities share a voter.
#[must_use]
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// The greatest value that a majority has reached, where each voter gives the
/// value it has reached; the default if there are no voters.
///
/// One routine for every question of that shape: up to which index a majority
/// has the log, when a majority was last heard, which round it has answered.
///
/// ```text
/// values   2 5 3 9 5      sorted downwards   9 5 5 3 2
///                                                ^ the third of five: 5
/// ```
pub fn reached<T: Ord + Copy + Default>(values: impl Iterator<Item = T>) -> T {
    // Asked for every answer of a follower, hence without a heap.
    let mut sorted = [T::default(); VOTERS_MAX];
    let count = sorted.iter_mut().zip(values).map(|(place, value)| *place = value).count();
    let voters = sorted.get_mut(..count).unwrap_or_default();
    voters.sort_unstable_by(|a, b| b.cmp(a));
    voters.get(majority(count) - 1).copied().unwrap_or_default()
}

/// How a vote stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A majority said yes.
    Won,
    /// So many said no that no majority can say yes any more.
    Lost,
    /// Neither yet.
    Open,
}

/// The answers to one request for votes. A voter counts once, and its first
/// answer stands.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Tally {
    yes: Vec<NodeId>,
    no: Vec<NodeId>,
}

impl Tally {
    /// Notes the answer of `voter`, who is known to be one.
    pub fn note(&mut self, voter: NodeId, granted: bool) {
        if self.yes.contains(&voter) || self.no.contains(&voter) {
            return;
        }
        if granted { self.yes.push(voter) } else { self.no.push(voter) }
    }

    /// Forgets who answered first.
    pub fn order(&mut self) {
        self.yes.sort_unstable();
        self.no.sort_unstable();
    }

    /// How it stands among `voters`.
    #[must_use]
    pub const fn verdict(&self, voters: usize) -> Verdict {
        let enough = majority(voters);
        if self.yes.len() >= enough {
            Verdict::Won
        } else if voters - self.no.len() < enough {
            Verdict::Lost
        } else {
            Verdict::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majorities() {
        let table = [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)];
        for (voters, enough) in table {
            assert_eq!(majority(voters), enough, "of {voters}");
            assert!(2 * majority(voters) > voters, "two majorities of {voters} share a voter");
        }
    }

    #[test]
    fn reached_by_a_majority() {
        let table: [(&[u64], u64); 6] = [
            (&[], 0),
            (&[4], 4),
            (&[4, 0], 0),
            (&[4, 2, 0], 2),
            (&[9, 9, 1, 1], 1),
            (&[2, 5, 3, 9, 5], 5),
        ];
        for (values, expected) in table {
            assert_eq!(reached(values.iter().copied()), expected, "{values:?}");
        }
    }

    #[test]
    fn a_voter_counts_once() {
        let mut tally = Tally::default();
        tally.note(NodeId(1), true);
        tally.note(NodeId(1), true);
        assert_eq!(tally.verdict(3), Verdict::Open);
        tally.note(NodeId(2), false);
        tally.note(NodeId(2), true);
        assert_eq!(tally.verdict(3), Verdict::Open);
        tally.note(NodeId(3), true);
        assert_eq!(tally.verdict(3), Verdict::Won);
    }

    #[test]
    fn lost_when_a_majority_is_out_of_reach() {
        let mut tally = Tally::default();
        tally.note(NodeId(1), true);
        tally.note(NodeId(2), false);
        tally.note(NodeId(3), false);
        assert_eq!(tally.verdict(5), Verdict::Open);
        tally.note(NodeId(4), false);
        assert_eq!(tally.verdict(5), Verdict::Lost);
    }
}
