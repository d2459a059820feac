//! Do replicas that applied as much hold the same, are checkpoints of one place
//! the same bytes, and has a term one leader?

use super::Violation;
use crate::history::name;
use base::{GroupId, Index};
use std::collections::BTreeMap;

/// What nodes were seen to hold and to say, over all their lives.
#[derive(Clone, Debug, Default)]
pub struct Agree {
    hashes: BTreeMap<(GroupId, Index), (u64, usize)>,
    checkpoints: BTreeMap<(GroupId, Index), (u64, usize)>,
    leaders: BTreeMap<(GroupId, u64), usize>,
    /// Checkpoints that were held against another node's.
    compared: u64,
}

impl Agree {
    /// A replica has applied this far and its state has this hash.
    pub fn state(
        &mut self,
        node: usize,
        group: GroupId,
        (applied, hash): (Index, u64),
    ) -> Option<Violation> {
        let (other_hash, other) = *self.hashes.entry((group, applied)).or_insert((hash, node));
        let what = || {
            let (node, other) = (name(node), name(other));
            format!("{group} at {applied}: {node} holds {hash:x} and {other} held {other_hash:x}")
        };
        (other_hash != hash).then(|| Violation::new("agree", what()))
    }

    /// A node has a checkpoint of this place, and its chunks have names that
    /// give this hash. Chunks are named by their bytes.
    pub fn checkpoint(
        &mut self,
        node: usize,
        group: GroupId,
        (index, hash): (Index, u64),
    ) -> Option<Violation> {
        let (other_hash, other) = *self.checkpoints.entry((group, index)).or_insert((hash, node));
        self.compared += u64::from(other != node);
        let what = || {
            let (node, other) = (name(node), name(other));
            format!("{group}: the checkpoint of {index} at {node} is not that of {other}")
        };
        (other_hash != hash).then(|| Violation::new("agree", what()))
    }

    /// A node says who leads.
    pub fn leader(
        &mut self,
        node: usize,
        group: GroupId,
        term: u64,
        leader: usize,
    ) -> Option<Violation> {
        let known = *self.leaders.entry((group, term)).or_insert(leader);
        let what = || {
            let (known, node, leader) = (name(known), name(node), name(leader));
            format!("{group} term {term}: {known} leads, and {node} says that {leader} does")
        };
        (known != leader).then(|| Violation::new("agree", what()))
    }

    /// Terms that had a leader.
    #[must_use]
    pub fn elections(&self) -> usize {
        self.leaders.len()
    }

    /// Checkpoints of one place that two nodes had.
    #[must_use]
    pub const fn checkpoints(&self) -> u64 {
        self.compared
    }

    /// States that were compared.
    #[must_use]
    pub fn states(&self) -> usize {
        self.hashes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: GroupId = GroupId::DEFAULT;

    #[test]
    fn two_states_at_one_index_are_seen() {
        let mut agree = Agree::default();
        assert_eq!(agree.state(1, GROUP, (Index(5), 7)), None);
        assert_eq!(agree.state(2, GROUP, (Index(5), 7)), None);
        assert_eq!(agree.state(2, GROUP, (Index(6), 8)), None);
        assert!(agree.state(1, GROUP, (Index(6), 9)).is_some());
        assert!(agree.state(1, GroupId::DIRECTORY, (Index(6), 9)).is_none());
    }

    #[test]
    fn two_checkpoints_of_one_place_are_seen() {
        let mut agree = Agree::default();
        assert_eq!(agree.checkpoint(1, GROUP, (Index(5), 7)), None);
        assert_eq!(agree.checkpoint(2, GROUP, (Index(5), 7)), None);
        assert_eq!(agree.checkpoint(2, GROUP, (Index(6), 8)), None);
        let found = agree.checkpoint(0, GROUP, (Index(6), 9)).expect("other bytes");
        assert!(found.what.contains("i6 at n1 is not that of n3"));
        assert_eq!(agree.checkpoints(), 2);
    }

    #[test]
    fn two_leaders_of_one_term_are_seen() {
        let mut agree = Agree::default();
        assert_eq!(agree.leader(1, GROUP, 3, 1), None);
        assert_eq!(agree.leader(2, GROUP, 3, 1), None);
        assert_eq!(agree.leader(2, GROUP, 4, 2), None);
        assert!(agree.leader(3, GROUP, 3, 3).is_some());
    }
}
