//! Who leads: pre-votes, votes, and the four changes of role (Raft, 5.2 and
//! 5.4.1; dissertation, 9.6; pre-vote and check-quorum are always on).

use super::Raft;
use super::message::Say;
use super::state::{Candidate, Follower, Leader, Role};
use crate::contract::Outbox;
use crate::entry::{EntryKind, Place};
use crate::handover;
use crate::progress::Progress;
use crate::quorum::{Tally, Verdict};
use crate::waiting::{Asked, Rounds};
use base::{NodeId, Serial, Time, invariant, mutant, sometimes};
use bytes::Bytes;
use core::time::Duration;

impl Raft {
    /// The first step of a life learns the time. If a leader is alive it is
    /// heard within a beat or two; to ask for pre-votes after that disturbs
    /// nobody, and a cluster that starts together serves soon. A single voter
    /// waits for nobody.
    pub(super) fn arm(&mut self, now: Time) {
        let Role::Follower(follower) = &mut self.role else { return };
        if follower.deadline.is_none() {
            let alone = self.core.voters.len() == 1;
            let least = if alone { Duration::ZERO } else { self.core.timing.heartbeat * 2 };
            follower.deadline = Some(now + self.core.random(least));
        }
    }

    pub(super) fn on_timeout(&mut self, now: Time, out: &mut Outbox) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        let Role::Leader(leader) = &mut self.role else { return self.on_patience_over(now, out) };
        if handover::give_up(&mut leader.transfer, now) {
            out.lead = Some(self.lead);
        }
        if leader.quorum_deadline(&self.core).is_some_and(|deadline| deadline <= now) {
            sometimes!(QuorumLost);
            self.follow(now, None, out);
        }
    }

    /// Who does not lead has waited long enough. Whoever cannot win does not ask.
    fn on_patience_over(&mut self, now: Time, out: &mut Outbox) {
        let claims = matches!(self.role, Role::PreCandidate(Candidate { claims: true, .. }));
        let hopeless = self.core.mute || self.core.stranded;
        if hopeless || matches!(self.role, Role::Puller(_)) {
            self.follow(now, None, out);
        } else if !claims || !self.maybe_pull(now, out) {
            self.campaign(now, claims, out);
        }
    }

    /// The trigger lets this replica claim. One that stands already, or fetches
    /// what it lacks, goes on with that.
    pub(super) fn on_claim(&mut self, now: Time, out: &mut Outbox) {
        match &self.role {
            _ if self.core.mute => out.drop_letter("this replica is mute"),
            Role::Follower(_) | Role::PreCandidate(Candidate { claims: false, .. }) => {
                self.campaign(now, true, out);
            }
            _ => out.drop_letter("it claims already"),
        }
    }

    /// A mute replica never stands: who wins counts its own vote.
    pub(super) fn on_campaign(&mut self, now: Time, out: &mut Outbox) {
        if self.core.mute {
            return out.drop_letter("this replica is mute");
        }
        self.campaign(now, false, out);
    }

    /// Of all lost promises one is left that could be broken: a vote in this very
    /// term. It is given to the leader of the term, who has won it, and to nobody else.
    /// That is a second lock: whoever else stands in this term lacks the leader's
    /// opening entry, which a whole replica has, and would be refused for that.
    pub(super) fn vow(&mut self, out: &mut Outbox) {
        let led = self.core.led.filter(|_| self.core.mute && self.core.vote.is_none());
        if led.is_some() {
            self.core.promise(self.core.term, led, out);
        }
    }

    /// An ordinary voter from now on. The node knows that no promise was lost, or
    /// that all are kept again.
    pub(super) const fn unmute(&mut self, out: &mut Outbox) {
        if !self.core.mute {
            return out.drop_letter("this replica is not mute");
        }
        self.core.mute = false;
    }

    /// The link to the leader is closed: it is forgotten, and after a short
    /// random wait, so that not all stand at once, this node asks for votes.
    /// Only a hint: a leader that is heard again is followed again.
    pub(super) fn on_link(&mut self, now: Time, peer: NodeId, up: bool, out: &mut Outbox) {
        match &mut self.role {
            Role::Follower(follower) if !up && follower.leader == Some(peer) => {
                let beat = self.core.timing.heartbeat;
                let soon = now + self.core.prng.span(beat / 10, beat / 2);
                follower.leader = None;
                follower.heard = None;
                follower.deadline = follower.deadline.map(|deadline| deadline.min(soon));
                follower.asked.refuse(None, out);
            }
            Role::Leader(leader) => {
                if let Some(progress) = leader.progress.get_mut(&peer) {
                    progress.on_link();
                }
            }
            _ => {}
        }
    }

    /// Whether a leader is known to be alive, so that nobody else is helped to
    /// replace it (dissertation, 4.2.3). A leader without its quorum steps down
    /// by its own deadline.
    pub(super) fn sticks(&self, now: Time) -> bool {
        match &self.role {
            Role::Follower(follower) => {
                let election = self.core.timing.election;
                follower.heard.is_some_and(|heard| now.since(heard) < election)
            }
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Puller(_) => false,
            Role::Leader(_) => true,
        }
    }

    /// Follower -> `PreCandidate`: asks whether an election could be won. The
    /// term stays, so a node that cannot win disturbs nobody. One that `claims`
    /// may fetch what its log lacks.
    pub(super) fn campaign(&mut self, now: Time, claims: bool, out: &mut Outbox) {
        if matches!(self.role, Role::Leader(_)) {
            return;
        }
        self.leave_role(None, out);
        let mut tally = Tally::default();
        tally.note(self.core.me, true);
        let deadline = now + self.core.random(self.core.timing.heartbeat);
        self.role = Role::PreCandidate(Candidate { tally, deadline, claims, ahead: None });
        let last = self.core.log.last();
        for peer in self.core.peers() {
            let term = self.core.term + 1;
            self.core.send_in(term, peer, Say::PreVote { last }, Serial::ZERO, out);
        }
        self.conclude(now, out);
    }

    pub(super) fn on_pre_vote(
        &mut self,
        now: Time,
        from: NodeId,
        term: u64,
        last: Place,
        out: &mut Outbox,
    ) {
        let alive = self.sticks(now);
        if alive {
            sometimes!(PreVoteRefused);
        }
        let mine = self.core.log.last();
        let granted = !alive && term > self.core.term && last >= mine;
        let term = if granted { term } else { self.core.term };
        if mutant!(PreVoteRaisesTerm, false, term > self.core.term) {
            self.core.promise(term, None, out);
        }
        // Where a leader is alive nobody is to fetch anything.
        let last = if alive { Place::default() } else { mine };
        let say = Say::PreVoteAnswer { granted, last };
        self.core.send_in(term, from, say, Serial::ZERO, out);
        if granted && from < self.core.me && matches!(self.role, Role::PreCandidate(_)) {
            self.step_back(now, out);
        }
    }

    /// Two who ask at the same moment would both win the question and split the
    /// vote: the one with the greater number waits for the other a while.
    fn step_back(&mut self, now: Time, out: &mut Outbox) {
        self.follow(now, None, out);
        let soon = now + self.retry();
        if let Role::Follower(follower) = &mut self.role {
            follower.deadline = Some(soon);
        }
    }

    /// How long an election may take before the next one.
    fn retry(&mut self) -> Duration {
        let timing = self.core.timing;
        let (least, most) = (timing.heartbeat * 2, timing.election.max(timing.heartbeat * 3));
        self.core.prng.span(least, most)
    }

    pub(super) fn on_pre_vote_answer(
        &mut self,
        now: Time,
        from: NodeId,
        term: u64,
        granted: bool,
        last: Place,
        out: &mut Outbox,
    ) {
        let Role::PreCandidate(candidate) = &mut self.role else {
            return out.drop_letter("no pre-vote is open");
        };
        if granted && term != self.core.term + 1 {
            return out.drop_letter("a pre-vote for another term");
        }
        candidate.tally.note(from, granted);
        if candidate.claims && !granted && last > self.core.log.last() {
            candidate.ahead = candidate.ahead.max(Some((last, from)));
        }
        self.conclude(now, out);
    }

    /// An election may have been decided. One that is lost waits for its
    /// deadline, or for the winner, unless what it lacks can be fetched.
    pub(super) fn conclude(&mut self, now: Time, out: &mut Outbox) {
        let voters = self.core.voters.len();
        match &self.role {
            Role::PreCandidate(c) if c.tally.verdict(voters) == Verdict::Won => {
                self.stand(now, false, out);
            }
            Role::PreCandidate(c) if c.tally.verdict(voters) == Verdict::Lost => {
                self.maybe_pull(now, out);
            }
            Role::Candidate(c) if c.tally.verdict(voters) == Verdict::Won => self.lead(now, out),
            _ => {}
        }
    }

    /// `PreCandidate` -> Candidate: a new term and the own vote in it. The vote
    /// is counted, and asked for, once it is on disk. `forced` by a leader that
    /// hands over.
    pub(super) fn stand(&mut self, now: Time, forced: bool, out: &mut Outbox) {
        let me = self.core.me;
        self.core.promise(self.core.term + 1, Some(me), out);
        let deadline = now + self.retry();
        let tally = Tally::default();
        self.role = Role::Candidate(Candidate { tally, deadline, claims: false, ahead: None });
        let last = self.core.log.last();
        for peer in self.core.peers() {
            let say = if forced { Say::VoteForced { last } } else { Say::Vote { last } };
            self.core.send(peer, say, self.core.after_promise(), out);
        }
    }

    /// One vote per term, first come first served, and only for a log that
    /// misses nothing of one's own (Raft, 5.2 and 5.4.1). On disk before it is said.
    pub(super) fn on_vote(
        &mut self,
        now: Time,
        from: NodeId,
        term: u64,
        last: Place,
        out: &mut Outbox,
    ) {
        let mine = self.core.log.last();
        let newer = term > self.core.term;
        let vote = self.core.vote.filter(|_| !newer);
        let free = mutant!(VoteTwice, vote.is_none_or(|voted| voted == from), true);
        let granted = free && mutant!(VoteIgnoresLog, last >= mine, true);
        if newer || granted && vote.is_none() {
            self.core.promise(term, granted.then_some(from), out);
            self.follow(now, None, out);
        }
        let after = if granted { self.core.after_promise() } else { Serial::ZERO };
        self.core.send(from, Say::VoteAnswer { granted, last: mine }, after, out);
    }

    pub(super) fn on_vote_answer(
        &mut self,
        now: Time,
        from: NodeId,
        granted: bool,
        out: &mut Outbox,
    ) {
        let Role::Candidate(candidate) = &mut self.role else {
            return out.drop_letter("no vote is open");
        };
        candidate.tally.note(from, granted);
        self.conclude(now, out);
    }

    /// Candidate -> Leader. Its first entry has its own term: only with that
    /// can what it inherited be committed (Raft, 5.4.2 and 8).
    fn lead(&mut self, now: Time, out: &mut Outbox) {
        sometimes!(ElectionWon);
        invariant!(I10, self.core.led.is_none(), "two leaders in term {}", self.core.term);
        self.core.led = Some(self.core.me);
        let opening = self.core.log.last().index.next();
        let peers = self.core.peers().map(|peer| (peer, Progress::new(opening, now)));
        self.role = Role::Leader(Leader {
            progress: peers.collect(),
            opening,
            clock: self.core.log.clock(),
            since: now,
            rounds: Rounds::default(),
            transfer: None,
        });
        self.append(now, EntryKind::Open, Bytes::new(), out);
    }

    /// Any role -> Follower, of `leader` if one is known.
    pub(super) fn follow(&mut self, now: Time, leader: Option<NodeId>, out: &mut Outbox) {
        self.leave_role(leader, out);
        let deadline = Some(now + self.core.random(self.core.timing.election));
        self.role = Role::Follower(Follower {
            leader,
            heard: leader.map(|_| now),
            deadline,
            held: self.core.log.commit(),
            asked: Asked::default(),
        });
    }

    /// Nobody waits for an answer that the next role cannot give.
    pub(super) fn leave_role(&mut self, leader: Option<NodeId>, out: &mut Outbox) {
        match &mut self.role {
            Role::Follower(follower) => follower.asked.refuse(leader, out),
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Puller(_) => {}
            Role::Leader(old) => old.rounds.refuse(leader, out),
        }
    }

    /// A letter of a term that is over is answered with the term that is not
    /// (Raft, 5.1), so that a node left behind, or ahead, is never stuck.
    pub(super) fn on_old_term(&self, from: NodeId, say: &Say, out: &mut Outbox) {
        let say = match say {
            Say::Vote { .. } | Say::VoteForced { .. } => {
                Say::VoteAnswer { granted: false, last: self.core.log.last() }
            }
            Say::Append { .. } | Say::Heartbeat { .. } | Say::ReadAsk { .. } | Say::TimeoutNow => {
                Say::TermOver
            }
            _ => return out.drop_letter("an answer from a term that is over"),
        };
        self.core.send(from, say, Serial::ZERO, out);
    }
}
