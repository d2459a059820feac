//! The writes of one group that somebody waits for: parked, forwarded, or
//! placed in the log.
//!
//! A write is proposed once. From the moment it may have been proposed, its
//! outcome is known only from the log: the entry that is applied at its index
//! has its ballot, or it never took effect there. A node that was asked to
//! propose it can say that it did not, and then it is tried again.

use crate::event::{Answer, Refused};
use crate::wire::{NotProposed, Ticket};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use base::time::earliest;
use base::{AskId, Ballot, Index, NodeId, Time, sometimes};
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
    /// For another leader, if this one says that it proposed nothing.
    body: Bytes,
    /// Until when its word is waited for, if it leads no more.
    until: Option<Time>,
}

/// The writes of one group that somebody waits for.
#[derive(Debug)]
pub(crate) struct Writes {
    /// Never proposed: no leader is known. These can be proposed later.
    parked: VecDeque<(Owner, Bytes)>,
    /// Not proposed by the leader that is known: for the next one, or for the
    /// same one after this time.
    refused: VecDeque<(Time, Owner, Bytes)>,
    /// Sent to a leader that has not said yet where they stand.
    forwarded: BTreeMap<Ticket, Forwarded>,
    /// No later than the earliest `until` of these.
    doubt: Option<Time>,
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
            refused: VecDeque::new(),
            forwarded: BTreeMap::new(),
            doubt: None,
            placed: BTreeMap::new(),
            recent: VecDeque::new(),
            last: Ticket { life, number: 0 },
        }
    }

    /// How many writes have no leader, are on their way to one, and have a place.
    pub(crate) fn waiting(&self) -> (usize, usize, usize) {
        let placed = self.placed.values().map(Vec::len).sum();
        (self.parked.len() + self.refused.len(), self.forwarded.len(), placed)
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
    pub(crate) fn forward(&mut self, owner: Owner, to: NodeId, body: Bytes) -> Ticket {
        sometimes!(Forwarded);
        self.last.number += 1;
        self.forwarded.insert(self.last, Forwarded { owner, to, body, until: None });
        self.last
    }

    /// The leader said where a forwarded write stands, or that it does not know.
    /// Says the outcome if it is known already.
    pub(crate) fn on_forwarded(
        &mut self,
        from: NodeId,
        ticket: Ticket,
        place: Option<(Index, Ballot)>,
        applied: Index,
    ) -> Option<Outcome> {
        let owner = self.answered(from, ticket)?.owner;
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
        self.forget_recent();
        outcome
    }

    /// A forwarded write was not proposed, and never will be by that letter. It is
    /// tried again after this time, or by the next leader, if only the place was
    /// wrong. Says the outcome otherwise; this node's own writes come again anyway.
    pub(crate) fn on_not_proposed(
        &mut self,
        from: NodeId,
        ticket: Ticket,
        why: NotProposed,
        after: Time,
    ) -> Option<Outcome> {
        let Forwarded { owner, body, .. } = self.answered(from, ticket)?;
        self.forget_recent();
        let result = match (why, owner) {
            (NotProposed::NotLeader, Owner::Client(_)) => {
                self.refused.push_back((after, owner, body));
                return None;
            }
            (NotProposed::NotLeader | NotProposed::NotUnderstood, _) => Err(Refused::LeaderChanged),
            (NotProposed::Busy, _) => Err(Refused::TooManyRequests),
            (NotProposed::NoSpace, _) => Err(Refused::NoSpace),
        };
        Some(Outcome { owner, result })
    }

    fn answered(&mut self, from: NodeId, ticket: Ticket) -> Option<Forwarded> {
        let waits = self.forwarded.get(&ticket).is_some_and(|it| it.to == from);
        waits.then(|| self.forwarded.remove(&ticket)).flatten()
    }

    /// Outcomes are kept only for those who do not know their place.
    fn forget_recent(&mut self) {
        if self.forwarded.is_empty() {
            self.recent.clear();
        }
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
            let won = base::mutant!(AnsweredByPlaceAlone, by == ballot, true);
            let result = if won { Ok(answer.clone()) } else { lost() };
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

    /// The leader changed. What was sent to another one may or may not stand in
    /// a log, and that one's word is waited for until `until` at most: it is on its
    /// way, as a rule. What nobody proposed goes to the next leader.
    pub(crate) fn on_lead(&mut self, leader: Option<NodeId>, until: Time) {
        for it in self.forwarded.values_mut().filter(|it| Some(it.to) != leader) {
            it.until.get_or_insert(until);
            self.doubt.get_or_insert(until);
        }
        self.again(|_| true);
    }

    /// What was sent to this node may be lost, and so may its word: if it leads no
    /// more, nobody will say what became of that.
    pub(crate) fn on_lost(&mut self, peer: NodeId, tell: &mut Vec<Outcome>) {
        if self.doubt.is_some() {
            self.give_up(|it| it.to == peer && it.until.is_some(), tell);
        }
    }

    /// The time has come for what it says.
    pub(crate) fn on_timeout(&mut self, now: Time, tell: &mut Vec<Outcome>) {
        if self.doubt.is_some_and(|doubt| doubt <= now) {
            self.give_up(|it| it.until.is_some_and(|until| until <= now), tell);
        }
        self.again(|after| after <= now);
    }

    /// When [`Writes::on_timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Time> {
        earliest(self.doubt, self.refused.iter().map(|(after, ..)| *after).min())
    }

    fn give_up(&mut self, gone: impl Fn(&Forwarded) -> bool, tell: &mut Vec<Outcome>) {
        let Self { forwarded, parked, .. } = self;
        forwarded.retain(|_, it| {
            let gone = gone(it);
            if gone {
                sometimes!(OutcomeUnknown);
                let lost = Outcome { owner: it.owner, result: Err(Refused::LeaderChanged) };
                let again = (it.owner, it.body.clone());
                base::mutant!(DoubtTriedAgain, tell.push(lost), parked.push_back(again));
            }
            !gone
        });
        self.doubt = self.forwarded.values().filter_map(|it| it.until).min();
        self.forget_recent();
    }

    fn again(&mut self, due: impl Fn(Time) -> bool) {
        for (after, owner, body) in core::mem::take(&mut self.refused) {
            if due(after) {
                sometimes!(TriedAgain);
                self.parked.push_back((owner, body));
            } else {
                self.refused.push_back((after, owner, body));
            }
        }
    }

    /// Nobody waits for these asks any more. Says which of them were never proposed.
    pub(crate) fn forget(&mut self, asks: &BTreeSet<AskId>) -> BTreeSet<AskId> {
        let gone = |owner: &Owner| matches!(owner, Owner::Client(id) if asks.contains(id));
        let mut never = BTreeSet::new();
        let mut keeps = |owner: &Owner| match owner {
            Owner::Client(id) if asks.contains(id) => !never.insert(*id),
            _ => true,
        };
        self.parked.retain(|(owner, _)| keeps(owner));
        self.refused.retain(|(_, owner, _)| keeps(owner));
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

    const BODY: Bytes = Bytes::from_static(b"put");

    #[test]
    fn the_word_of_the_leader_may_come_after_the_entry() {
        let mut writes = Writes::new(1);
        let id = writes.forward(CLIENT, LEADER, BODY);
        assert_eq!(applied(&mut writes, 4, BALLOT), []);
        let outcome = writes.on_forwarded(LEADER, id, Some((Index(4), BALLOT)), Index(4));
        assert_eq!(outcome, Some(Outcome { owner: CLIENT, result: Ok(None) }));
    }

    #[test]
    fn a_forwarded_write_is_in_doubt_when_the_leader_changes_and_says_nothing() {
        let lost = [Outcome { owner: CLIENT, result: Err(Refused::LeaderChanged) }];
        let told = |end: fn(&mut Writes, &mut Vec<Outcome>)| {
            let mut writes = Writes::new(1);
            let id = writes.forward(CLIENT, LEADER, BODY);
            writes.on_lead(Some(LEADER), Time(5));
            assert_eq!(writes.deadline(), None);
            writes.on_lead(Some(NodeId(2)), Time(5));
            assert_eq!(writes.deadline(), Some(Time(5)));
            let mut told = Vec::new();
            end(&mut writes, &mut told);
            let late = writes.on_forwarded(LEADER, id, None, Index(0));
            assert_eq!(late.is_none(), !told.is_empty());
            told
        };
        assert_eq!(told(|writes, told| writes.on_timeout(Time(4), told)), []);
        assert_eq!(told(|writes, told| writes.on_timeout(Time(5), told)), lost);
        assert_eq!(told(|writes, told| writes.on_lost(NodeId(2), told)), []);
        assert_eq!(told(|writes, told| writes.on_lost(LEADER, told)), lost);
    }

    #[test]
    fn what_a_leader_did_not_propose_is_tried_again() {
        let mut writes = Writes::new(1);
        let id = writes.forward(CLIENT, LEADER, BODY);
        let why = NotProposed::NotLeader;
        assert_eq!(writes.on_not_proposed(NodeId(3), id, why, Time(5)), None, "was not asked");
        assert_eq!(writes.deadline(), None);
        assert_eq!(writes.on_not_proposed(LEADER, id, why, Time(5)), None);
        assert_eq!((writes.deadline(), writes.any_parked()), (Some(Time(5)), false));
        let mut told = Vec::new();
        writes.on_timeout(Time(5), &mut told);
        assert_eq!((told, writes.unpark()), (Vec::new(), VecDeque::from([(CLIENT, BODY)])));

        let id = writes.forward(CLIENT, LEADER, BODY);
        assert_eq!(writes.on_not_proposed(LEADER, id, why, Time(9)), None);
        writes.on_lead(Some(NodeId(2)), Time(9));
        assert_eq!(writes.unpark(), [(CLIENT, BODY)], "the next leader is asked at once");
    }

    #[test]
    fn a_leader_that_can_take_nothing_is_not_asked_again() {
        let mut writes = Writes::new(1);
        for (why, refused) in [
            (NotProposed::Busy, Refused::TooManyRequests),
            (NotProposed::NoSpace, Refused::NoSpace),
        ] {
            let id = writes.forward(CLIENT, LEADER, BODY);
            let outcome = writes.on_not_proposed(LEADER, id, why, Time(5));
            assert_eq!(outcome, Some(Outcome { owner: CLIENT, result: Err(refused) }));
        }
        assert_eq!(writes.waiting(), (0, 0, 0));
    }

    #[test]
    fn what_was_never_proposed_is_told_apart() {
        let mut writes = Writes::new(1);
        writes.park(CLIENT, Bytes::new());
        writes.place(Owner::Client(AskId(8)), Index(1), BALLOT);
        let id = writes.forward(Owner::Client(AskId(9)), LEADER, BODY);
        assert_eq!(writes.on_not_proposed(LEADER, id, NotProposed::NotLeader, Time(5)), None);
        writes.forward(Owner::Client(AskId(10)), LEADER, BODY);
        let asks: BTreeSet<AskId> = (7..=10).map(AskId).collect();
        assert_eq!(writes.forget(&asks), BTreeSet::from([AskId(7), AskId(9)]));
        assert!(!writes.any_parked());
        assert_eq!(writes.deadline(), None);
        assert_eq!(applied(&mut writes, 1, BALLOT), []);
    }
}
