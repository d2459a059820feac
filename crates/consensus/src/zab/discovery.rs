//! Who leads the next epoch, and with which history (DSN 2011, phase 1).
//!
//! Anybody may be a prospective leader, however old its log is: it takes over the best
//! history of a quorum, the one that was accepted in the latest epoch and of these the
//! longest. `ZooKeeper` elects whoever has that already; here it is fetched, as the
//! paper says, but by its missing end instead of whole.
//!
//! Why an epoch has one leader. It leads who has the promise of a quorum for
//! (epoch, owner), each durable before it was said. Two quorums share a replica, and
//! that promised an epoch to one owner only: a claim with an equal epoch is refused.

use super::Zab;
use super::message::{History, Say};
use super::state::{Core, Follower, Leader, Peer, Phase, Prospect, Role, Stage};
use crate::chain::{Piece, behind_base, check_entries};
use crate::contract::Outbox;
use crate::entry::Place;
use crate::handover;
use crate::letter::Heard;
use crate::progress::Progress;
use crate::quorum::{Tally, Verdict};
use crate::waiting::{Asked, Rounds};
use alloc::collections::BTreeMap;
use base::limits::{LETTER_BYTES_MAX, LETTER_ENTRIES_MAX};
use base::{Ballot, NodeId, Serial, Time, mutant, sometimes};
use core::cmp::Reverse;
use core::time::Duration;

impl Zab {
    /// The first step of a life learns the time. If a leader is alive it is heard
    /// within a beat or two; a claim after that disturbs nobody, and a cluster that
    /// starts together serves soon. A single voter waits for nobody.
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
        match &mut self.role {
            Role::Leader(leader) => {
                if handover::give_up(&mut leader.transfer, now) {
                    out.lead = Some(self.lead);
                }
                if leader.quorum_deadline(&self.core).is_some_and(|deadline| deadline <= now) {
                    sometimes!(QuorumLost);
                    self.follow(now, None, out);
                }
            }
            _ if self.core.mute || self.core.stranded => self.follow(now, None, out),
            // Its source is gone, or has it in a checkpoint only.
            Role::Prospect(Prospect { phase: Phase::Pulling { .. }, .. }) => {
                self.follow(now, None, out);
            }
            _ => self.campaign(now, out),
        }
    }

    /// A mute replica never leads: who leads counts its own promise.
    pub(super) fn on_campaign(&mut self, now: Time, out: &mut Outbox) {
        match &self.role {
            _ if self.core.mute => out.drop_letter("this replica is mute"),
            Role::Follower(_) => self.campaign(now, out),
            Role::Prospect(_) | Role::Leader(_) => out.drop_letter("it claims already"),
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
    /// wait, so that not all claim at once, this node does. Only a hint: a leader that
    /// is heard again is followed again.
    pub(super) fn on_link(&mut self, now: Time, peer: NodeId, up: bool, out: &mut Outbox) {
        match &mut self.role {
            Role::Follower(follower) if !up && follower.leader == Some(peer) => {
                let beat = self.core.timing.heartbeat;
                let soon = now + self.core.prng.span(beat / 10, beat / 2);
                (follower.leader, follower.heard, follower.up_to_date) = (None, None, false);
                follower.deadline = follower.deadline.map(|deadline| deadline.min(soon));
                follower.asked.refuse(None, out);
            }
            Role::Leader(leader) => {
                if let Some(peer) = leader.peers.get_mut(&peer) {
                    peer.progress.on_link();
                    peer.ask_again();
                }
            }
            _ => {}
        }
    }

    /// Whether a leader is known to be alive, so that nobody else is helped to replace
    /// it. A leader without its quorum steps down by its own deadline.
    pub(super) fn sticks(&self, now: Time) -> bool {
        match &self.role {
            Role::Follower(follower) => {
                let election = self.core.timing.election;
                follower.heard.is_some_and(|heard| now.since(heard) < election)
            }
            Role::Prospect(_) => false,
            Role::Leader(_) => true,
        }
    }

    /// Follower -> Prospect: asks who hears no leader either, and what they promised
    /// (Z1). No promise changes, so a node that cannot win disturbs nobody.
    pub(super) fn campaign(&mut self, now: Time, out: &mut Outbox) {
        self.leave_role(None, out);
        let mut tally = Tally::default();
        tally.note(self.core.me, true);
        let deadline = now + self.core.random(self.core.timing.heartbeat);
        let phase = Phase::Asking { tally, highest: self.core.promised.round };
        self.role = Role::Prospect(Prospect { phase, deadline });
        let history = self.core.history();
        for peer in self.core.peers() {
            self.core.send(peer, Say::Claim { history }, Serial::ZERO, out);
        }
        self.conclude(now, out);
    }

    /// Whoever hears a leader does not answer.
    pub(super) fn on_claim(&mut self, now: Time, from: NodeId, history: History, out: &mut Outbox) {
        if self.core.mute {
            return out.drop_letter("this replica is mute");
        }
        if self.sticks(now) {
            sometimes!(PreVoteRefused);
            return out.drop_letter("a leader is alive");
        }
        self.core.send(from, Say::CEpoch, Serial::ZERO, out);
        // Two who ask at the same moment would split the promises: whoever has more
        // goes first, then the lower number.
        let asking =
            matches!(&self.role, Role::Prospect(Prospect { phase: Phase::Asking { .. }, .. }));
        if asking && (history, Reverse(from)) > (self.core.history(), Reverse(self.core.me)) {
            self.follow(now, None, out);
            let soon = now + self.retry();
            if let Some(follower) = self.following() {
                follower.deadline = Some(soon);
            }
        }
    }

    /// How long a claim may take before the next one.
    fn retry(&mut self) -> Duration {
        let timing = self.core.timing;
        let (least, most) = (timing.heartbeat * 2, timing.election.max(timing.heartbeat * 3));
        self.core.prng.span(least, most)
    }

    pub(super) fn on_cepoch(
        &mut self,
        now: Time,
        from: NodeId,
        promised: Ballot,
        out: &mut Outbox,
    ) {
        let Role::Prospect(Prospect { phase: Phase::Asking { tally, highest }, .. }) =
            &mut self.role
        else {
            return out.drop_letter("nothing was asked");
        };
        tally.note(from, true);
        *highest = promised.round.max(*highest);
        self.conclude(now, out);
    }

    /// A quorum may have answered.
    fn conclude(&mut self, now: Time, out: &mut Outbox) {
        let Role::Prospect(Prospect { phase, .. }) = &mut self.role else { return };
        let voters = self.core.voters.len();
        match phase {
            Phase::Asking { tally, highest } if tally.verdict(voters) == Verdict::Won => {
                let highest = *highest;
                self.claim(now, highest, false, out);
            }
            Phase::Claiming { tally, joined } if tally.verdict(voters) == Verdict::Won => {
                let joined = core::mem::take(joined);
                self.reconcile(now, joined, out);
            }
            _ => {}
        }
    }

    /// Asking -> Claiming: an epoch above all that a quorum has promised (Z1). The own
    /// promise is on disk before it is asked for, and counts when it is. `forced` by
    /// a leader that hands over.
    pub(super) fn claim(&mut self, now: Time, highest: u64, forced: bool, out: &mut Outbox) {
        let epoch = highest.max(self.core.promised.round).max(self.core.seen) + 1;
        self.core.promise(Ballot::new(epoch, self.core.me), false, out);
        let phase = Phase::Claiming { tally: Tally::default(), joined: BTreeMap::new() };
        self.role = Role::Prospect(Prospect { phase, deadline: now + self.retry() });
        for peer in self.core.peers() {
            self.core.send(peer, Say::NewEpoch { forced }, self.core.after_promise(), out);
        }
    }

    /// The own promise may be durable now.
    pub(super) fn on_promised(&mut self, now: Time, out: &mut Outbox) {
        let done = self.core.promised_by <= self.core.durable;
        if let Role::Prospect(Prospect { phase: Phase::Claiming { tally, .. }, .. }) =
            &mut self.role
            && done
        {
            tally.note(self.core.me, true);
            self.conclude(now, out);
        }
    }

    /// One promise per epoch, first come first served (Z2). On disk before it is said.
    pub(super) fn on_new_epoch(
        &mut self,
        now: Time,
        from: NodeId,
        ballot: Ballot,
        forced: bool,
        out: &mut Outbox,
    ) {
        if self.core.mute || ballot.node != from {
            return out.drop_letter("no promise is given");
        }
        let promised = self.core.promised;
        if ballot == promised && !self.core.in_sync() {
            return self.core.ack_epoch(from, out);
        }
        if self.sticks(now) && !forced {
            return out.drop_letter("a leader is alive");
        }
        let twice = ballot.round == promised.round && ballot != promised;
        let twice = mutant!(ZabEqualEpochTwice, false, twice && !self.core.in_sync());
        if ballot.round <= promised.round && !twice {
            return self.core.send(from, Say::EpochOver, Serial::ZERO, out);
        }
        self.core.promise(ballot, twice, out);
        self.follow(now, None, out);
        self.core.ack_epoch(from, out);
    }

    pub(super) fn on_ack_epoch(&mut self, heard: Heard, history: History, out: &mut Outbox) {
        match &mut self.role {
            Role::Leader(leader) => leader.join(heard, history, &self.core, out),
            Role::Prospect(Prospect { phase: Phase::Claiming { tally, joined }, .. })
                if !heard.mute =>
            {
                tally.note(heard.from, true);
                joined.insert(heard.from, history);
                self.conclude(heard.at, out);
            }
            Role::Prospect(Prospect { phase: Phase::Pulling { joined, .. }, .. }) => {
                joined.insert(heard.from, history);
            }
            _ => out.drop_letter("no epoch is claimed"),
        }
    }

    /// The epoch of a letter was over at its receiver, which names its own.
    pub(super) fn on_epoch_over(
        &mut self,
        now: Time,
        from: NodeId,
        ballot: Ballot,
        out: &mut Outbox,
    ) {
        self.core.seen = self.core.seen.max(ballot.round);
        let later = ballot.round > self.core.promised.round;
        match &mut self.role {
            Role::Follower(follower) if later && follower.leader == Some(from) => {
                self.follow(now, None, out);
            }
            Role::Prospect(Prospect { phase: Phase::Claiming { tally, .. }, .. })
                if ballot.round >= self.core.promised.round =>
            {
                tally.note(from, false);
            }
            // It could never follow this leader; both will follow the next.
            Role::Leader(_) if later => self.follow(now, None, out),
            _ => out.drop_letter("nothing is over here"),
        }
    }

    /// Claiming -> Leader, or Pulling first: the best history of the quorum is the one
    /// that the epoch begins with (step l.1.2).
    fn reconcile(&mut self, now: Time, joined: BTreeMap<NodeId, History>, out: &mut Outbox) {
        let mine = self.core.history();
        let order = |it: &History| (mutant!(ZabLongestWins, it.accepted, Ballot::ZERO), it.last);
        let best = joined.iter().max_by_key(|(_, history)| order(history));
        match best.map(|(from, history)| (*from, *history)) {
            Some((from, best)) if order(&best) > order(&mine) => {
                let near = self.core.log.at_or_below(best.last).unwrap_or(self.core.log.base());
                self.role = Role::Prospect(Prospect {
                    phase: Phase::Pulling { from, goal: best.last, joined },
                    deadline: self.pull_until(now),
                });
                self.go_on_pulling(now, near, out);
            }
            _ => self.lead(now, joined, out),
        }
    }

    /// A few beats without an answer, and it was in vain.
    fn pull_until(&mut self, now: Time) -> Time {
        now + self.core.random(self.core.timing.heartbeat * 2)
    }

    /// All is here, and what follows it is cut; or more is asked for.
    fn go_on_pulling(&mut self, now: Time, near: Place, out: &mut Outbox) {
        let Role::Prospect(Prospect { phase: Phase::Pulling { from, goal, joined }, .. }) =
            &mut self.role
        else {
            return;
        };
        let (from, goal) = (*from, *goal);
        if mutant!(ZabLeadsWithoutHistory, !self.core.holds(goal), false) {
            return self.core.send(from, Say::Pull { near }, self.core.after_promise(), out);
        }
        let joined = core::mem::take(joined);
        if self.core.holds(goal)
            && let Err(why) = self.core.end_at(goal, out)
        {
            self.follow(now, None, out);
            return out.drop_letter(why);
        }
        self.lead(now, joined, out);
    }

    /// A checkpoint took the place of the log while a history is fetched.
    pub(super) fn pull_again(&mut self, now: Time, out: &mut Outbox) {
        let near = self.core.log.last();
        self.go_on_pulling(now, near, out);
    }

    /// What this log has behind the last place that both may have. It stays as it is
    /// while the promise does: nobody else brings it into another shape.
    pub(super) fn on_pull(&self, from: NodeId, near: Place, out: &mut Outbox) {
        if self.core.promised.node != from {
            return out.drop_letter("nothing was promised to it");
        }
        let log = &self.core.log;
        let Some(prev) = log.at_or_below(near) else {
            sometimes!(PullerBehind);
            out.behind.push((from, near.index));
            return out.drop_letter("what is asked for is only in a checkpoint");
        };
        let (entries, _) = log.batch(prev.index.next(), LETTER_ENTRIES_MAX, LETTER_BYTES_MAX);
        let say = Say::Pulled { prev, last: log.last(), entries };
        self.core.send(from, say, self.core.after_promise(), out);
    }

    /// What agrees is kept, what differs is cut. Nothing is confirmed to anybody.
    pub(super) fn on_pulled(&mut self, now: Time, from: NodeId, piece: Piece, out: &mut Outbox) {
        let until = self.pull_until(now);
        let Role::Prospect(prospect) = &mut self.role else {
            return out.drop_letter("nothing was asked for");
        };
        let Phase::Pulling { from: source, goal, .. } = &mut prospect.phase else {
            return out.drop_letter("nothing was asked for");
        };
        if *source != from {
            return out.drop_letter("nothing was asked for");
        }
        let Piece { prev, last, entries } = piece;
        let core = &mut self.core;
        let Some((prev, entries)) = behind_base(&core.log, prev, entries) else {
            return out.drop_letter("contradicts a checkpoint");
        };
        if core.log.place(prev.index) != Some(prev) {
            let near = core.log.at_or_below(prev).unwrap_or(core.log.base());
            return core.send(from, Say::Pull { near }, core.after_promise(), out);
        }
        let below = core.promised.round.saturating_sub(1);
        if let Err(why) = check_entries(&core.log, core.log.commit(), below, prev, &entries) {
            return out.drop_letter(why);
        }
        sometimes!(HistoryPulled);
        (*goal, prospect.deadline) = (last, until);
        let end = entries.last().map_or(prev, |it| Place { ballot: it.ballot, index: it.index });
        if end == prev && end != last {
            return out.drop_letter("a history that does not go on");
        }
        core.take(entries, out);
        self.go_on_pulling(now, end, out);
    }

    /// Prospect -> Leader: the log is the history of the epoch, and accepted in it. It
    /// serves when a quorum has accepted it as well.
    fn lead(&mut self, now: Time, joined: BTreeMap<NodeId, History>, out: &mut Outbox) {
        sometimes!(ElectionWon);
        self.core.accept(out);
        let core = &self.core;
        let next = core.log.last().index.next();
        let peer =
            || Peer { progress: Progress::new(next, now), stage: Stage::Unknown, counts: false };
        let mut leader = Leader {
            peers: core.peers().map(|id| (id, peer())).collect(),
            history: core.log.last(),
            established: false,
            clock: core.log.clock(),
            since: now,
            rounds: Rounds::default(),
            transfer: None,
        };
        for (from, history) in joined {
            leader.join(Heard { from, at: now, mute: false }, history, core, out);
        }
        // Whoever has not promised hears that there is a leader, and joins.
        leader.send_pings(core, out);
        self.role = Role::Leader(leader);
    }

    /// Any role -> Follower, of `leader` if one is known.
    pub(super) fn follow(&mut self, now: Time, leader: Option<NodeId>, out: &mut Outbox) {
        self.leave_role(leader, out);
        let deadline = Some(now + self.core.random(self.core.timing.election));
        self.role = Role::Follower(Follower {
            leader,
            heard: leader.map(|_| now),
            deadline,
            up_to_date: false,
            asked: Asked::default(),
        });
    }

    /// Nobody waits for an answer that the next role cannot give.
    pub(super) fn leave_role(&mut self, leader: Option<NodeId>, out: &mut Outbox) {
        match &mut self.role {
            Role::Follower(follower) => follower.asked.refuse(leader, out),
            Role::Prospect(_) => {}
            Role::Leader(old) => old.rounds.refuse(leader, out),
        }
    }
}

impl Core {
    /// Promises this epoch to `to`, and says with which log. That was written before
    /// the promise was.
    pub(super) fn ack_epoch(&self, to: NodeId, out: &mut Outbox) {
        let after = self.after_promise().max(self.log.written(self.log.last().index));
        self.send(to, Say::AckEpoch { history: self.history() }, after, out);
    }
}
