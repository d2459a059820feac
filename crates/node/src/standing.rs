//! May this node vote? A disk that was lost took its promises with it, and a
//! node that has forgotten a vote must not vote again.
//!
//! An empty disk looks alike at the first start of a cluster and after a loss.
//! So a node with a new disk is mute until it knows better: it follows, but
//! neither votes nor counts. It asks the others whether they have known it with
//! an earlier disk. Every node writes the life of its disk into the directory,
//! so a majority has it; once as many others as make a majority have never
//! heard of an earlier life, there was none, for any majority would have met
//! one of them. If one has, this node stays mute until membership says otherwise.
//!
//! What this does not see: a disk that is lost before the directory knew its
//! life, in the first moments of a new cluster.

use alloc::collections::BTreeSet;
use base::{Incarnation, NodeId};

/// Whether a node may vote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It may.
    Voter,
    /// It asks.
    Asking {
        /// This life of its disk.
        life: Incarnation,
        /// Who has never heard of an earlier one.
        heard: BTreeSet<NodeId>,
        /// How many of them there must be.
        needed: usize,
    },
    /// It has found that it may; that is being written down.
    Proven,
    /// It had another life.
    Lost,
}

impl Standing {
    /// A node of `members` that is mute.
    pub(crate) const fn mute(life: Incarnation, members: usize) -> Self {
        Self::Asking { life, heard: BTreeSet::new(), needed: members / 2 + 1 }
    }

    /// Whether this peer is still to be asked.
    pub(crate) fn asks(&self, peer: NodeId) -> bool {
        matches!(self, Self::Asking { heard, .. } if !heard.contains(&peer))
    }

    /// A peer's answer: whose life was asked about, and which it knows of. Says
    /// whether the standing changed.
    pub(crate) fn on_answer(
        &mut self,
        from: NodeId,
        asked: Incarnation,
        known: Option<Incarnation>,
    ) -> bool {
        let Self::Asking { life, heard, needed } = self else { return false };
        if asked != *life {
            return false;
        }
        if known.is_some_and(|known| known != *life) {
            base::sometimes!(DiskLost);
            *self = Self::Lost;
            return true;
        }
        heard.insert(from);
        let proven = heard.len() >= *needed;
        if proven {
            *self = Self::Proven;
        }
        proven
    }

    /// It is written down that the node may vote.
    pub(crate) fn on_written(&mut self) {
        *self = Self::Voter;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Incarnation = Incarnation(5);

    #[test]
    fn of_three_both_others_must_never_have_heard_of_it() {
        let mut standing = Standing::mute(LIFE, 3);
        assert!(!standing.on_answer(NodeId(1), LIFE, None));
        assert!(!standing.on_answer(NodeId(1), LIFE, None), "one voice counts once");
        assert!(!standing.on_answer(NodeId(2), Incarnation(4), None), "not about this life");
        assert!(
            standing != Standing::Voter && standing.asks(NodeId(2)) && !standing.asks(NodeId(1))
        );
        assert!(standing.on_answer(NodeId(2), LIFE, Some(LIFE)));
        assert_eq!(standing, Standing::Proven);
        standing.on_written();
        assert_eq!(standing, Standing::Voter);
    }

    #[test]
    fn who_had_another_life_stays_mute_whatever_the_others_say() {
        let mut standing = Standing::mute(LIFE, 3);
        assert!(standing.on_answer(NodeId(1), LIFE, Some(Incarnation(4))));
        for from in [1, 2] {
            assert!(!standing.on_answer(NodeId(from), LIFE, None));
        }
        assert_eq!(standing, Standing::Lost);
    }
}
