//! Zab as published (Junqueira, Reed and Serafini, "Zab: high-performance broadcast
//! for primary-backup systems", DSN 2011): the state and the one match. What each
//! input means is in the file that is named after the job.
//!
//! ```text
//!               discovery                                    synchronization, broadcast
//!   Follower --deadline--> Prospect: Asking -> Claiming -> Pulling --> Leader
//!      ^                   CEPOCH       NEWEPOCH, ACKEPOCH  (the best history)  |
//!      |------ a leader is heard, or a higher epoch is promised, or no quorum is heard --|
//! ```
//!
//! What a zxid is: the epoch of an entry's ballot and its index. An entry keeps both
//! for ever. The whole log is tagged anew by one write of f.a (see `Core::accepted`).

mod broadcast;
mod discovery;
pub mod message;
mod read;
pub mod recover;
mod state;
mod synchronize;
mod timeless;
mod transfer;
mod trim;

use crate::chain::Piece;
use crate::contract::{Input, Lead, Outbox, Status};
use crate::entry::{Entry, Place};
use crate::letter::{Heard, Letter};
use base::time::earliest;
use base::{Ballot, Index, NodeId, Serial, Time};
use message::{Message, Say};
use state::{Core, Follower, Role};

/// One replica that speaks Zab.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Zab {
    core: Core,
    role: Role,
    /// What the outside was told last.
    lead: Lead,
}

impl Zab {
    fn new(core: Core, role: Role) -> Self {
        let lead = Lead { ballot: core.promised, leader: None };
        Self { core, role, lead }
    }

    /// The only way in.
    pub fn step(&mut self, now: Time, input: Input, out: &mut Outbox) {
        out.dropped = None;
        self.arm(now);
        self.core.log.void_stale(out);
        self.core.write_owed(out);
        match input {
            Input::Timeout => self.on_timeout(now, out),
            Input::Beat => self.beat(now, out),
            Input::Letter { from, letter: Letter::Zab(message) } => {
                self.on_letter(now, from, message, out);
            }
            Input::Letter { .. } => out.drop_letter("of another protocol"),
            Input::Propose { id, kind, body } => self.propose(now, id, kind, body, out),
            Input::Read { id } => self.read(id, out),
            Input::Durable(serial) => self.on_durable(now, serial, out),
            Input::Link { peer, up } => self.on_link(now, peer, up, out),
            Input::Campaign | Input::Claim => self.on_campaign(now, out),
            Input::Reach { quorum } => self.core.stranded = !quorum,
            Input::Trim { upto } => self.trim(now, upto),
            Input::Restore { place, clock } => self.restore(now, place, clock, out),
            Input::Transfer { to } => self.transfer(now, to, out),
            // Its promise is to the leader whom it follows, and to nobody else, already.
            Input::Vow => {}
            Input::Unmute => self.unmute(out),
            Input::Flush => self.flush(now, out),
        }
        let lead = Lead { ballot: self.core.promised, leader: self.serving() };
        if lead != self.lead {
            self.lead = lead;
            out.lead = Some(lead);
        }
    }

    /// When to step with a timeout: a leader gives up without its quorum, or a
    /// transfer that came to nothing; any other claims. Before the first step at
    /// once, to learn the time.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        match &self.role {
            Role::Follower(follower) => Some(follower.deadline.unwrap_or_default()),
            Role::Prospect(prospect) => Some(prospect.deadline),
            Role::Leader(leader) => {
                let transfer = leader.transfer.as_ref().map(|transfer| transfer.deadline);
                earliest(leader.quorum_deadline(&self.core), transfer)
            }
        }
    }

    /// What people and tests may see. A leader whose history is not committed yet is
    /// known as the leader, and does not lead.
    #[must_use]
    pub fn status(&self) -> Status {
        let log = &self.core.log;
        let leading = match &self.role {
            Role::Leader(leader) if leader.established => Some(leader),
            _ => None,
        };
        Status {
            ballot: self.core.promised,
            leader: self.leader(),
            leads: leading.is_some(),
            serves: leading.is_some(),
            mute: self.core.mute,
            transfer: leading.and_then(|leader| Some(leader.transfer.as_ref()?.to)),
            first: log.first(),
            last: log.last().index,
            commit: log.commit(),
            confirmed: self.confirmed(),
        }
    }

    /// Whether a checkpoint at `place` would bring this replica forward and
    /// contradicts nothing. Its epoch must be promised on disk, or a crash would
    /// leave a checkpoint that is newer than the promises. While the log is not in
    /// sync it may be of an epoch that came to nothing, however it ends: what is
    /// committed takes its place (SNAP).
    #[must_use]
    pub fn takes(&self, place: Place) -> bool {
        let (core, log) = (&self.core, &self.core.log);
        let fits = log.takes(place) || !core.in_sync() && place.index > log.commit();
        place.ballot.round <= core.durable_epoch && fits
    }

    /// When the leader that is followed was heard, if one is.
    #[must_use]
    pub const fn heard(&self) -> Option<Time> {
        match &self.role {
            Role::Follower(follower) => follower.heard,
            _ => None,
        }
    }

    /// Where the log ends, in the order in which histories are compared: all of it
    /// was accepted in one epoch.
    #[must_use]
    pub fn last(&self) -> Place {
        Place { ballot: self.core.accepted, index: self.core.log.last().index }
    }

    /// The entry at `index`, if the log in memory reaches there.
    #[must_use]
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        self.core.log.entry(index)
    }

    /// What is in sync is a prefix of the leader's log.
    fn confirmed(&self) -> Index {
        let log = &self.core.log;
        if self.core.accepted_here() { log.durable() } else { log.commit().min(log.durable()) }
    }

    fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower(follower) => follower.leader,
            Role::Prospect(_) => None,
            Role::Leader(_) => Some(self.core.me),
        }
    }

    /// The leader, if it serves and this replica knows (UPTODATE).
    fn serving(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower(follower) => follower.leader.filter(|_| follower.up_to_date),
            Role::Prospect(_) => None,
            Role::Leader(leader) => Some(self.core.me).filter(|_| leader.established),
        }
    }

    /// The one match over letters. The rules about epochs come first, so that every
    /// handler below sees the epoch that was promised only.
    fn on_letter(&mut self, now: Time, from: NodeId, message: Message, out: &mut Outbox) {
        let Message { ballot, mute, say } = message;
        if from == self.core.me || !self.core.voters.contains(&from) {
            return out.drop_letter("not from a voter");
        }
        let heard = Heard { from, at: now, mute };
        match say {
            Say::Claim { history } => return self.on_claim(now, from, history, out),
            Say::CEpoch => return self.on_cepoch(now, from, ballot, out),
            Say::EpochOver => return self.on_epoch_over(now, from, ballot, out),
            Say::NewEpoch { forced } => {
                return self.on_new_epoch(now, from, ballot, forced, out);
            }
            _ => {}
        }
        if say.is_leaders() {
            if !self.on_epoch(now, from, ballot, &say, out) {
                return;
            }
        } else if ballot != self.core.promised {
            return self.on_other_epoch(from, ballot, &say, out);
        }
        match say {
            Say::AckEpoch { history } => self.on_ack_epoch(heard, history, out),
            Say::Pull { near } => self.on_pull(from, near, out),
            Say::Pulled { prev, last, entries } => {
                self.on_pulled(now, from, Piece { prev, last, entries }, out);
            }
            Say::Diff { prev, entries } => self.on_diff(from, prev, entries, out),
            Say::NewLeader { history } => self.on_new_leader(from, history, out),
            Say::AckNewLeader { matched } => self.on_ack_new_leader(heard, matched, out),
            Say::Proposal { prev, commit, entries } | Say::Inform { prev, commit, entries } => {
                self.on_proposal(from, prev, commit, entries, out);
            }
            Say::Commit { commit } => self.on_commit(commit, out),
            Say::Ack { matched } => self.on_ack(heard, matched, out),
            Say::Reject { tried, near } => self.on_reject(heard, tried, near, out),
            Say::Ping => self.on_ping(from, 0, out),
            Say::UpToDate { commit, round } => self.on_up_to_date(from, commit, round, out),
            Say::Pong { held, matched, round } => self.on_pong(heard, held, matched, round, out),
            Say::ReadAsk { ctx } => self.on_read_ask(from, ctx, out),
            Say::ReadAnswer { ctx, index } => self.on_read_answer(from, ctx, index, out),
            Say::HandOver => self.on_hand_over(now, out),
            Say::Claim { .. } | Say::CEpoch | Say::NewEpoch { .. } | Say::EpochOver => {}
        }
    }

    /// A leader speaks: one to whom a quorum has promised its epoch. A later epoch is
    /// promised as well, and so is this one if the promise was given to somebody who
    /// cannot come to lead it any more. Says whether the letter is of the epoch that
    /// this replica was in before.
    fn on_epoch(
        &mut self,
        now: Time,
        from: NodeId,
        ballot: Ballot,
        say: &Say,
        out: &mut Outbox,
    ) -> bool {
        let promised = self.core.promised;
        if ballot.node != from {
            out.drop_letter("not the leader of its epoch");
            return false;
        }
        if ballot.round < promised.round {
            self.on_other_epoch(from, ballot, say, out);
            return false;
        }
        if matches!(say, Say::ReadAnswer { .. }) {
            return ballot == promised;
        }
        if ballot != promised {
            if ballot.round == promised.round && self.core.in_sync() {
                out.drop_letter("a second leader of the epoch");
                return false;
            }
            // A follower that comes late passes through all phases (step f.1).
            self.core.promise(ballot, true, out);
            self.follow(now, Some(from), out);
            self.core.ack_epoch(from, out);
            return false;
        }
        self.on_leader(now, from, out);
        true
    }

    /// The leader of the epoch that was promised spoke: nobody claims for a while.
    fn on_leader(&mut self, now: Time, from: NodeId, out: &mut Outbox) {
        if self.leader() != Some(from) {
            self.follow(now, Some(from), out);
        }
        if let Role::Follower(follower) = &mut self.role {
            follower.heard = Some(now);
            follower.deadline = Some(now + self.core.random(self.core.timing.election));
        }
    }

    /// Of an epoch that is over or that was promised to somebody else (Z2: an equal
    /// epoch never counts twice), or of one that is not promised here.
    fn on_other_epoch(&self, from: NodeId, ballot: Ballot, say: &Say, out: &mut Outbox) {
        if ballot.round > self.core.promised.round {
            return out.drop_letter("of an epoch that was not promised");
        }
        match say {
            say if say.counts() => out.drop_letter("an answer from an epoch that is over"),
            Say::Pulled { .. } | Say::ReadAnswer { .. } => {
                out.drop_letter("an answer from an epoch that is over");
            }
            _ => self.core.send(from, Say::EpochOver, Serial::ZERO, out),
        }
    }

    fn following(&mut self) -> Option<&mut Follower> {
        if let Role::Follower(follower) = &mut self.role { Some(follower) } else { None }
    }
}
