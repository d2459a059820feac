//! When is a replica whole again that lost part of its log? See
//! docs/decisions/0015.
//!
//! It is mute, and to the group like a node that stopped when its disk went bad.
//! It may speak again when it is in a state that an ordinary follower with its
//! promises could be in. Three things make it so. Every other replica has said in
//! which term it is, after this one started: whoever stood with a vote of this one
//! had that term on its own disk first, so no promise of it is of a later term than
//! the highest that was heard. It follows the leader of such a term or a later one.
//! And it has, on its disk, that leader's log up to where this ended when it was
//! asked: all that was ever chosen before that term, and all that this replica can
//! have acknowledged in it.

use crate::contract::Status;
use alloc::collections::BTreeMap;
use base::{Index, NodeId, mutant};

/// How far another replica is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SoFar {
    /// The question that this answers.
    pub ctx: u64,
    /// Its term.
    pub term: u64,
    /// It has lost its promises: its term says nothing.
    pub mute: bool,
    /// It leads that term.
    pub leads: bool,
    /// Where its log ends.
    pub last: Index,
}

impl SoFar {
    /// What a replica with this status answers.
    #[must_use]
    pub const fn new(ctx: u64, status: &Status) -> Self {
        let Status { ballot, mute, leads, last, .. } = *status;
        Self { ctx, term: ballot.round, mute, leads, last }
    }
}

/// A replica on its way to be whole.
#[derive(Clone, Debug)]
pub struct Healing {
    /// Names the questions of this life: an answer to an earlier one says nothing.
    ctx: u64,
    /// The other voters.
    others: usize,
    heard: BTreeMap<NodeId, SoFar>,
    whole: bool,
}

impl Healing {
    /// Nothing is known yet; there are so many `others`.
    #[must_use]
    pub const fn new(ctx: u64, others: usize) -> Self {
        Self { ctx, others, heard: BTreeMap::new(), whole: false }
    }

    /// What its questions are named.
    #[must_use]
    pub const fn ctx(&self) -> u64 {
        self.ctx
    }

    /// Another replica has answered. Of what a leader says in its term the first
    /// answer counts: all that this replica can have acknowledged to it was there
    /// then, and a log that grows all the time is not run after.
    pub fn on_answer(&mut self, from: NodeId, said: SoFar) {
        let before = self.heard.get(&from);
        let known = before.is_some_and(|it| said.leads && it.leads && it.term == said.term);
        if said.ctx == self.ctx && !known {
            self.heard.insert(from, said);
        }
    }

    /// Whether the replica with this status is whole. It stays so.
    pub fn is_whole(&mut self, status: &Status) -> bool {
        self.whole |= mutant!(WholeWithoutLog, self.is_level(status), status.leader.is_some());
        self.whole
    }

    fn is_level(&self, status: &Status) -> bool {
        let voters = self.heard.values().filter(|said| !said.mute);
        let enough =
            self.heard.len() == self.others && voters.clone().count() > self.others.div_ceil(2);
        let newest = voters.map(|said| said.term).max().unwrap_or(u64::MAX);
        let term = status.ballot.round;
        let leader = status.leader.and_then(|leader| self.heard.get(&leader));
        let leader = leader.filter(|said| said.leads && said.term == term);
        let bar = mutant!(WholeInOldTerm, newest <= term, true);
        enough && bar && leader.is_some_and(|said| said.last <= status.confirmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Ballot;

    const L: NodeId = NodeId(1);

    fn said(term: u64) -> SoFar {
        SoFar { ctx: 9, term, mute: false, leads: false, last: Index(99) }
    }

    fn status(term: u64, confirmed: u64) -> Status {
        Status {
            ballot: Ballot::new(term, L),
            leader: Some(L),
            leads: false,
            serves: false,
            mute: true,
            transfer: None,
            first: Index(1),
            last: Index(50),
            commit: Index(1),
            confirmed: Index(confirmed),
        }
    }

    fn healing(heard: &[(u64, SoFar)]) -> Healing {
        let mut healing = Healing::new(9, 2);
        heard.iter().for_each(|(from, said)| healing.on_answer(NodeId(*from), *said));
        healing
    }

    #[test]
    fn the_leaders_log_and_no_later_term_anywhere() {
        let leader = SoFar { leads: true, last: Index(7), ..said(4) };
        let whole = |heard: &[(u64, SoFar)], term, confirmed| {
            healing(heard).is_whole(&status(term, confirmed))
        };
        assert!(whole(&[(1, leader), (3, said(3))], 4, 7));
        assert!(!whole(&[(1, leader), (3, said(3))], 4, 6), "it lacks an entry");
        assert!(!whole(&[(1, leader)], 4, 7), "a vote for the silent one may be lost");
        assert!(!whole(&[(1, leader), (3, said(5))], 4, 7), "a later term");
        assert!(!whole(&[(1, leader), (3, said(3))], 5, 7), "the log of an earlier leader");
        let other = SoFar { ctx: 8, ..said(3) };
        assert!(!whole(&[(1, leader), (3, other)], 4, 7), "said to an earlier life");
        let mute = SoFar { mute: true, ..said(3) };
        assert!(!whole(&[(1, leader), (3, mute)], 4, 7), "two of three have forgotten");
    }

    #[test]
    fn what_its_leader_writes_later_is_not_waited_for() {
        let leader = |last| SoFar { leads: true, last: Index(last), ..said(4) };
        let all = [(1, leader(7)), (3, said(3)), (1, leader(9))];
        assert!(healing(&all).is_whole(&status(4, 7)));
        let again = SoFar { term: 6, ..leader(9) };
        assert!(!healing(&[(1, leader(7)), (3, said(3)), (1, again)]).is_whole(&status(6, 7)));
    }

    #[test]
    fn of_five_one_other_may_be_mute() {
        let mut healing = Healing::new(9, 4);
        let leader = SoFar { leads: true, last: Index(7), ..said(4) };
        let all = [leader, said(1), said(4), SoFar { mute: true, ..said(0) }];
        for (from, said) in (1..).zip(all) {
            assert!(!healing.is_whole(&status(4, 7)));
            healing.on_answer(NodeId(from), said);
        }
        assert!(healing.is_whole(&status(4, 7)));
        assert!(healing.is_whole(&status(9, 0)), "for good");
    }
}
