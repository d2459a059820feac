//! Who proposes: a canvass, which disturbs nobody, and the changes of role. Like
//! Raft's pre-vote and check-quorum, both are always on (protocols: M5; Ongaro's
//! dissertation, 9.6). Which ballots are promised is in `prepare`.

use super::Paxos;
use super::message::Say;
use super::state::{Canvasser, Follower, Leader, Role};
use crate::contract::Outbox;
use crate::handover;
use crate::quorum::{Tally, Verdict};
use crate::waiting::Asked;
use base::{Ballot, Index, NodeId, Serial, Time, sometimes};
use core::time::Duration;

impl Paxos {
    /// The first step of a life learns the time, and tells what the disk knew to be
    /// chosen. If a leader is alive it is heard within a beat or two; to canvass
    /// after that disturbs nobody. A single voter waits for nobody.
    pub(super) fn arm(&mut self, now: Time, out: &mut Outbox) {
        self.core.write_owed(out);
        if let Some(chosen) = self.core.hint.take() {
            self.core.learn(chosen, out);
        }
        self.core.hold();
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
        if self.core.mute || self.core.stranded {
            self.follow(now, None, out);
        } else {
            self.canvass(now, out);
        }
    }

    /// The trigger, or a person, lets this replica stand. A mute one never does: who
    /// wins counts its own promise. One that stands already goes on with that.
    pub(super) fn on_campaign(&mut self, now: Time, out: &mut Outbox) {
        match &self.role {
            _ if self.core.mute => out.drop_letter("this replica is mute"),
            Role::Proposer(_) => out.drop_letter("it stands already"),
            _ => self.canvass(now, out),
        }
    }

    /// An ordinary voter from now on. The node knows that no promise was lost.
    pub(super) const fn unmute(&mut self, out: &mut Outbox) {
        if !self.core.mute {
            return out.drop_letter("this replica is not mute");
        }
        self.core.mute = false;
    }

    /// The link to the leader is closed: it is forgotten, and after a short random
    /// wait, so that not all stand at once, this node canvasses. Only a hint: a
    /// leader that is heard again is followed again.
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
                if let Some(peer) = leader.peers.get_mut(&peer) {
                    peer.flow.on_link();
                }
            }
            _ => {}
        }
    }

    /// Whether a leader is known to be alive, so that nobody else is helped to
    /// replace it. A leader without its quorum steps down by its own deadline.
    pub(super) fn sticks(&self, now: Time) -> bool {
        match &self.role {
            Role::Follower(follower) => {
                let election = self.core.timing.election;
                follower.heard.is_some_and(|heard| now.since(heard) < election)
            }
            Role::Canvasser(_) | Role::Proposer(_) => false,
            Role::Leader(_) => true,
        }
    }

    /// Follower -> Canvasser: asks whether a ballot would be promised. Nothing
    /// changes by it, so a node that cannot win disturbs nobody.
    fn canvass(&mut self, now: Time, out: &mut Outbox) {
        if matches!(self.role, Role::Leader(_)) {
            return;
        }
        self.leave_role(None, out);
        let ballot = self.core.next_ballot();
        let mut tally = Tally::default();
        tally.note(self.core.me, true);
        let deadline = now + self.core.random(self.core.timing.heartbeat);
        self.role = Role::Canvasser(Canvasser { ballot, tally, deadline });
        let commit = self.core.log.commit();
        for peer in self.core.peers() {
            self.core.send_in(ballot, peer, Say::Canvass { commit }, Serial::ZERO, out);
        }
        self.conclude_canvass(now, out);
    }

    /// A candidate that lacks what is only in a checkpoint here could not be told
    /// what was accepted: it is refused, and named as behind.
    pub(super) fn on_canvass(
        &mut self,
        now: Time,
        from: NodeId,
        ballot: Ballot,
        commit: Index,
        out: &mut Outbox,
    ) {
        let alive = self.sticks(now);
        if alive {
            sometimes!(PreVoteRefused);
        }
        let lacks = commit.next() < self.core.log.first();
        if lacks && !alive {
            out.behind.push((from, commit));
        }
        let granted = !alive && !lacks && ballot > self.core.promised;
        let about = if granted { ballot } else { self.core.promised };
        self.core.send_in(about, from, Say::CanvassAnswer { granted }, Serial::ZERO, out);
        if granted && from < self.core.me && matches!(self.role, Role::Canvasser(_)) {
            self.step_back(now, out);
        }
    }

    /// Two who ask at the same moment would overtake each other: the one with the
    /// greater number waits for the other a while.
    pub(super) fn step_back(&mut self, now: Time, out: &mut Outbox) {
        self.follow(now, None, out);
        let soon = now + self.retry();
        if let Role::Follower(follower) = &mut self.role {
            follower.deadline = Some(soon);
        }
    }

    /// How long a prepare may take before the next one.
    pub(super) fn retry(&mut self) -> Duration {
        let timing = self.core.timing;
        let (least, most) = (timing.heartbeat * 2, timing.election.max(timing.heartbeat * 3));
        self.core.prng.span(least, most)
    }

    pub(super) fn on_canvass_answer(
        &mut self,
        now: Time,
        from: NodeId,
        ballot: Ballot,
        granted: bool,
        out: &mut Outbox,
    ) {
        let Role::Canvasser(canvasser) = &mut self.role else {
            return out.drop_letter("no canvass is open");
        };
        if granted && ballot != canvasser.ballot {
            return out.drop_letter("a canvass for another ballot");
        }
        canvasser.tally.note(from, granted);
        self.conclude_canvass(now, out);
    }

    /// One that is lost waits for its deadline, or for the winner.
    fn conclude_canvass(&mut self, now: Time, out: &mut Outbox) {
        if let Role::Canvasser(canvasser) = &self.role
            && canvasser.tally.verdict(self.core.voters.len()) == Verdict::Won
        {
            self.prepare(now, false, out);
        }
    }

    /// Any role -> Follower, of `leader` if one is known.
    pub(super) fn follow(&mut self, now: Time, leader: Option<NodeId>, out: &mut Outbox) {
        self.leave_role(leader, out);
        let deadline = Some(now + self.core.random(self.core.timing.election));
        let (heard, asked) = (leader.map(|_| now), Asked::default());
        self.role = Role::Follower(Follower { leader, heard, deadline, asked });
    }

    /// Nobody waits for an answer that the next role cannot give.
    pub(super) fn leave_role(&mut self, leader: Option<NodeId>, out: &mut Outbox) {
        match &mut self.role {
            Role::Follower(follower) => follower.asked.refuse(leader, out),
            Role::Canvasser(_) | Role::Proposer(_) => {}
            Role::Leader(Leader { rounds, .. }) => rounds.refuse(leader, out),
        }
    }
}
