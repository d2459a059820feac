//! Do replicas that applied as much hold the same, and has a term one leader?

use super::Violation;
use base::{GroupId, Index, NodeId};
use std::collections::BTreeMap;

/// What nodes were seen to hold and to say, over all their lives.
#[derive(Clone, Debug, Default)]
pub struct Agree {
    hashes: BTreeMap<(GroupId, Index), (u64, NodeId)>,
    leaders: BTreeMap<(GroupId, u64), NodeId>,
}

impl Agree {
    /// A replica has applied this far and its state has this hash.
    pub fn state(
        &mut self,
        node: NodeId,
        group: GroupId,
        (applied, hash): (Index, u64),
    ) -> Option<Violation> {
        let (other_hash, other) = *self.hashes.entry((group, applied)).or_insert((hash, node));
        let what = || {
            format!("{group} at {applied}: {node} holds {hash:x} and {other} held {other_hash:x}")
        };
        (other_hash != hash).then(|| Violation::new("agree", what()))
    }

    /// A node says who leads.
    pub fn leader(
        &mut self,
        node: NodeId,
        group: GroupId,
        term: u64,
        leader: NodeId,
    ) -> Option<Violation> {
        let known = *self.leaders.entry((group, term)).or_insert(leader);
        let what =
            || format!("{group} term {term}: {known} leads, and {node} says that {leader} does");
        (known != leader).then(|| Violation::new("agree", what()))
    }

    /// Terms that had a leader.
    #[must_use]
    pub fn elections(&self) -> usize {
        self.leaders.len()
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
        assert_eq!(agree.state(NodeId(1), GROUP, (Index(5), 7)), None);
        assert_eq!(agree.state(NodeId(2), GROUP, (Index(5), 7)), None);
        assert_eq!(agree.state(NodeId(2), GROUP, (Index(6), 8)), None);
        assert!(agree.state(NodeId(1), GROUP, (Index(6), 9)).is_some());
        assert!(agree.state(NodeId(1), GroupId::DIRECTORY, (Index(6), 9)).is_none());
    }

    #[test]
    fn two_leaders_of_one_term_are_seen() {
        let mut agree = Agree::default();
        assert_eq!(agree.leader(NodeId(1), GROUP, 3, NodeId(1)), None);
        assert_eq!(agree.leader(NodeId(2), GROUP, 3, NodeId(1)), None);
        assert_eq!(agree.leader(NodeId(2), GROUP, 4, NodeId(2)), None);
        assert!(agree.leader(NodeId(3), GROUP, 3, NodeId(3)).is_some());
    }
}
