//! The writes of one group that somebody waits for: parked, forwarded, or
//! placed in the log.
//!
//! A write is proposed once. From the moment it may have been proposed, its
//! outcome is known only from the log: the entry that is applied at its index
//! has its ballot, or it never took effect there.

use crate::event::{Answer, Refused};
use crate::wire::Ticket;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use base::{AskId, Ballot, Index, NodeId, sometimes};
use bytes::Bytes;

/// How many outcomes are kept for forwarded writes whose place is not known yet.
const RECENT_MAX: usize = 8192;

/// Who waits for a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// A client.
    Client(AskId),
    /// This node itself.
    Chore,
    /// The leader, for the leases whose end it proposed under this number.
    Ending(u64),
}

/// What became of a write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    /// Who waits.
    pub(crate) owner: Owner,
    /// The state machine's answer, or why there is none.
    pub(crate) result: Result<Option<Answer>, Refused>,
}

/// A write on its way through another node.
#[derive(Debug)]
struct Forwarded {
    owner: Owner,
    to: NodeId,
}

/// The writes of one group that somebody waits for.
#[derive(Debug)]
pub(crate) struct Writes {
    /// Never proposed: no leader is known. These can be proposed later.
    parked: VecDeque<(Owner, Bytes)>,
    /// Sent to a leader that has not said yet where they stand.
    forwarded: BTreeMap<Ticket, Forwarded>,
    /// In a log, by place: at most one of a place is the one that is chosen.
    placed: BTreeMap<Index, Vec<(Ballot, Owner)>>,
    /// What was applied while forwarded writes did not know their place: the
    /// word of the leader may come later than the entry itself.
    recent: VecDeque<(Index, Ballot, Option<Answer>)>,
    last: Ticket,
}

impl Writes {
    /// No writes yet, in a life of the process that this random number names.
    pub(crate) const fn new(life: u64) -> Self {
        Self {
            parked: VecDeque::new(),
            forwarded: BTreeMap::new(),
            placed: BTreeMap::new(),
            recent: VecDeque::new(),
            last: Ticket { life, number: 0 },
        }
    }

    /// How many writes have no leader, are on their way to one, and have a place.
    pub(crate) fn waiting(&self) -> (usize, usize, usize) {
        let placed = self.placed.values().map(Vec::len).sum();
        (self.parked.len(), self.forwarded.len(), placed)
    }

    /// Keeps a write until a leader is known.
    pub(crate) fn park(&mut self, owner: Owner, body: Bytes) {
        sometimes!(AskParked);
        self.parked.push_back((owner, body));
    }

    /// Everything that waits for a leader, to be tried again.
    pub(crate) fn unpark(&mut self) -> VecDeque<(Owner, Bytes)> {
        core::mem::take(&mut self.parked)
    }

    /// Notes that a write goes to the leader `to`; returns the name of its answer.
    pub(crate) fn forward(&mut self, owner: Owner, to: NodeId) -> Ticket {
        sometimes!(Forwarded);
        self.last.number += 1;
        self.forwarded.insert(self.last, Forwarded { owner, to });
        self.last
    }

    /// The leader said where a forwarded write stands, or that it stands nowhere.
    /// Says the outcome if it is known already.
    pub(crate) fn on_forwarded(
        &mut self,
        from: NodeId,
        ticket: Ticket,
        place: Option<(Index, Ballot)>,
        applied: Index,
    ) -> Option<Outcome> {
        if self.forwarded.get(&ticket).is_none_or(|it| it.to != from) {
            return None;
        }
        let owner = self.forwarded.remove(&ticket)?.owner;
        let outcome = match place {
            None => Some(Outcome { owner, result: Err(Refused::LeaderChanged) }),
            Some((index, ballot)) if index <= applied => {
                Some(Outcome { owner, result: self.recall(index, ballot) })
            }
            Some((index, ballot)) => {
                self.place(owner, index, ballot);
                None
            }
        };
        if self.forwarded.is_empty() {
            self.recent.clear();
        }
        outcome
    }

    fn recall(&self, index: Index, ballot: Ballot) -> Result<Option<Answer>, Refused> {
        let found = self.recent.iter().find(|(at, by, _)| (*at, *by) == (index, ballot));
        found.map(|(_, _, answer)| answer.clone()).ok_or(Refused::LeaderChanged)
    }

    /// Notes where a write stands.
    pub(crate) fn place(&mut self, owner: Owner, index: Index, ballot: Ballot) {
        self.placed.entry(index).or_default().push((ballot, owner));
    }

    /// An entry was applied: who waited for this place?
    pub(crate) fn on_applied(
        &mut self,
        index: Index,
        ballot: Ballot,
        answer: Option<Answer>,
        tell: &mut Vec<Outcome>,
    ) {
        if !self.forwarded.is_empty() {
            self.recent.push_back((index, ballot, answer.clone()));
            if self.recent.len() > RECENT_MAX {
                self.recent.pop_front();
            }
        }
        let Some(waiting) = self.placed.remove(&index) else { return };
        for (by, owner) in waiting {
            let lost = || Err(Refused::LeaderChanged);
            let result = if by == ballot { Ok(answer.clone()) } else { lost() };
            tell.push(Outcome { owner, result });
        }
    }

    /// Everything up to `index` was taken over as a state: what became of a
    /// write that was placed there is not known here, and never will be.
    pub(crate) fn on_skipped(&mut self, index: Index, tell: &mut Vec<Outcome>) {
        let behind = self.placed.split_off(&index.next());
        for (_, owner) in core::mem::replace(&mut self.placed, behind).into_values().flatten() {
            tell.push(Outcome { owner, result: Err(Refused::LeaderChanged) });
        }
        self.recent.clear();
    }

    /// The leader changed: what was sent to another one may or may not stand
    /// in a log, and nobody will say where.
    pub(crate) fn on_lead(&mut self, leader: Option<NodeId>, tell: &mut Vec<Outcome>) {
        self.forwarded.retain(|_, it| {
            let keep = Some(it.to) == leader;
            if !keep {
                sometimes!(OutcomeUnknown);
                tell.push(Outcome { owner: it.owner, result: Err(Refused::LeaderChanged) });
            }
            keep
        });
        if self.forwarded.is_empty() {
            self.recent.clear();
        }
    }

    /// Nobody waits for these asks any more. Says which of them were never proposed.
    pub(crate) fn forget(&mut self, asks: &BTreeSet<AskId>) -> BTreeSet<AskId> {
        let gone = |owner: &Owner| matches!(owner, Owner::Client(id) if asks.contains(id));
        let mut never = BTreeSet::new();
        self.parked.retain(|(owner, _)| {
            if let Owner::Client(id) = owner
                && asks.contains(id)
            {
                never.insert(*id);
                return false;
            }
            true
        });
        self.forwarded.retain(|_, it| !gone(&it.owner));
        self.placed.retain(|_, waiting| {
            waiting.retain(|(_, owner)| !gone(owner));
            !waiting.is_empty()
        });
        never
    }

    /// Whether anything waits for a leader.
    pub(crate) fn any_parked(&self) -> bool {
        !self.parked.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEADER: NodeId = NodeId(1);
    const BALLOT: Ballot = Ballot::new(3, LEADER);
    const CLIENT: Owner = Owner::Client(AskId(7));

    fn applied(writes: &mut Writes, index: u64, ballot: Ballot) -> Vec<Outcome> {
        let mut told = Vec::new();
        writes.on_applied(Index(index), ballot, None, &mut told);
        told
    }

    #[test]
    fn a_place_is_won_by_the_ballot_that_is_applied_there() {
        let mut writes = Writes::new(1);
        writes.place(CLIENT, Index(5), BALLOT);
        writes.place(Owner::Chore, Index(5), Ballot::new(2, NodeId(2)));
        assert_eq!(
            applied(&mut writes, 5, BALLOT),
            [
                Outcome { owner: CLIENT, result: Ok(None) },
                Outcome { owner: Owner::Chore, result: Err(Refused::LeaderChanged) },
            ]
        );
        assert_eq!(applied(&mut writes, 5, BALLOT), []);
    }

    #[test]
    fn the_word_of_the_leader_may_come_after_the_entry() {
        let mut writes = Writes::new(1);
        let id = writes.forward(CLIENT, LEADER);
        assert_eq!(applied(&mut writes, 4, BALLOT), []);
        let outcome = writes.on_forwarded(LEADER, id, Some((Index(4), BALLOT)), Index(4));
        assert_eq!(outcome, Some(Outcome { owner: CLIENT, result: Ok(None) }));
    }

    #[test]
    fn a_forwarded_write_is_in_doubt_when_the_leader_changes() {
        let mut writes = Writes::new(1);
        let id = writes.forward(CLIENT, LEADER);
        let mut told = Vec::new();
        writes.on_lead(Some(LEADER), &mut told);
        assert_eq!(told, []);
        writes.on_lead(Some(NodeId(2)), &mut told);
        assert_eq!(told, [Outcome { owner: CLIENT, result: Err(Refused::LeaderChanged) }]);
        assert_eq!(writes.on_forwarded(LEADER, id, None, Index(0)), None);
    }

    #[test]
    fn what_was_never_proposed_is_told_apart() {
        let mut writes = Writes::new(1);
        writes.park(CLIENT, Bytes::new());
        writes.place(Owner::Client(AskId(8)), Index(1), BALLOT);
        let asks = BTreeSet::from([AskId(7), AskId(8)]);
        assert_eq!(writes.forget(&asks), BTreeSet::from([AskId(7)]));
        assert!(!writes.any_parked());
        assert_eq!(applied(&mut writes, 1, BALLOT), []);
    }
}
