//! Raft (Ongaro and Ousterhout, "In search of an understandable consensus
//! algorithm", extended version; Ongaro's dissertation): the state and the one
//! match. What each input means is in the file that is named after the job.
//!
//! ```text
//!   Follower --deadline--> PreCandidate --majority--> Candidate --majority--> Leader
//!      ^------ a leader is heard, or a higher term is seen, or no quorum is heard --|
//!
//!   PreCandidate --refused for its log, and nobody else can be elected--> Puller
//!      ^------------------------- has what it lacked ------------------------|
//! ```

mod elect;
pub mod message;
mod pull;
mod read;
pub mod recover;
mod replicate;
mod state;
mod timeless;
mod transfer;
mod trim;

use crate::chain::Piece;
use crate::contract::{Input, Lead, Outbox, Status};
use crate::entry::{Entry, Place};
use crate::letter::{Heard, Letter};
use base::time::earliest;
use base::{Ballot, Index, NodeId, Time, mutant};
use message::{Message, Say};
use state::{Core, Role};

/// One replica that speaks Raft.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Raft {
    core: Core,
    role: Role,
    /// What the outside was told last.
    lead: Lead,
}

impl Raft {
    fn new(core: Core, role: Role) -> Self {
        let lead = Lead { ballot: Ballot::new(core.term, NodeId::ZERO), leader: None };
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
            Input::Letter { from, letter: Letter::Raft(message) } => {
                self.on_letter(now, from, message, out);
            }
            Input::Letter { .. } => out.drop_letter("of another protocol"),
            Input::Propose { id, kind, body } => self.propose(now, id, kind, body, out),
            Input::Read { id } => self.read(id, out),
            Input::Durable(serial) => self.on_durable(now, serial, out),
            Input::Link { peer, up } => self.on_link(now, peer, up, out),
            Input::Campaign => self.on_campaign(now, out),
            Input::Claim => self.on_claim(now, out),
            Input::Reach { quorum } => self.core.stranded = !quorum,
            Input::Trim { upto } => self.trim(now, upto),
            Input::Restore { place, clock } => self.restore(now, place, clock, out),
            Input::Transfer { to } => self.transfer(now, to, out),
            Input::Vow => self.vow(out),
            Input::Unmute => self.unmute(out),
            Input::Flush => self.flush(now, out),
        }
        let lead = Lead { ballot: self.ballot(), leader: self.leader() };
        if lead != self.lead {
            self.lead = lead;
            out.lead = Some(lead);
        }
    }

    /// When to step with a timeout: a leader gives up without its quorum, or a
    /// transfer that came to nothing; any other stands. Before the first step at once, to learn the time.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        match &self.role {
            Role::Follower(follower) => Some(follower.deadline.unwrap_or_default()),
            Role::PreCandidate(candidate) | Role::Candidate(candidate) => Some(candidate.deadline),
            Role::Puller(puller) => Some(puller.deadline),
            Role::Leader(leader) => {
                let transfer = leader.transfer.as_ref().map(|transfer| transfer.deadline);
                earliest(leader.quorum_deadline(&self.core), transfer)
            }
        }
    }

    /// What people and tests may see.
    #[must_use]
    pub fn status(&self) -> Status {
        let log = &self.core.log;
        let leading = if let Role::Leader(leader) = &self.role { Some(leader) } else { None };
        Status {
            ballot: self.ballot(),
            leader: self.leader(),
            leads: leading.is_some(),
            serves: leading.is_some_and(|leader| leader.opening <= log.commit()),
            mute: self.core.mute,
            transfer: leading.and_then(|leader| Some(leader.transfer.as_ref()?.to)),
            first: log.first(),
            last: log.last().index,
            commit: log.commit(),
            confirmed: self.confirmed(),
        }
    }

    /// Whether a checkpoint at `place` would bring this replica forward and
    /// contradicts nothing. Its term must be promised on disk, or a crash would
    /// leave a checkpoint that is newer than the promises.
    #[must_use]
    pub fn takes(&self, place: Place) -> bool {
        place.ballot.round <= self.core.durable_term && self.core.log.takes(place)
    }

    /// When the leader that is followed was heard, if one is.
    #[must_use]
    pub const fn heard(&self) -> Option<Time> {
        match &self.role {
            Role::Follower(follower) => follower.heard,
            _ => None,
        }
    }

    /// Where the log ends.
    #[must_use]
    pub fn last(&self) -> Place {
        self.core.log.last()
    }

    /// The entry at `index`, if the log in memory reaches there.
    #[must_use]
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        self.core.log.entry(index)
    }

    /// The term, and who leads it if that is known.
    fn ballot(&self) -> Ballot {
        Ballot::new(self.core.term, self.core.led.unwrap_or_default())
    }

    fn confirmed(&self) -> Index {
        let durable = self.core.log.durable();
        match &self.role {
            Role::Follower(follower) => follower.held.min(durable),
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Puller(_) => {
                self.core.log.commit().min(durable)
            }
            Role::Leader(_) => durable,
        }
    }

    fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower(follower) => follower.leader,
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Puller(_) => None,
            Role::Leader(_) => Some(self.core.me),
        }
    }

    /// The one match over letters. The rules about terms (Raft, 5.1) come
    /// first, so that every handler below sees its own term only.
    fn on_letter(&mut self, now: Time, from: NodeId, message: Message, out: &mut Outbox) {
        let Message { term, mute, say } = message;
        if from == self.core.me || !self.core.voters.contains(&from) {
            return out.drop_letter("not from a voter");
        }
        match say {
            Say::PreVote { .. } | Say::Vote { .. } | Say::VoteForced { .. }
                if mutant!(MuteVotes, self.core.mute, false) =>
            {
                return out.drop_letter("this replica is mute");
            }
            Say::PreVote { last } => return self.on_pre_vote(now, from, term, last, out),
            Say::PreVoteAnswer { granted, last } if granted || term <= self.core.term => {
                return self.on_pre_vote_answer(now, from, term, granted, last, out);
            }
            Say::Pull { near } => return self.on_pull(now, from, term, near, out),
            Say::Pulled { prev, last, entries } => {
                return self.on_pulled(now, from, term, Piece { prev, last, entries }, out);
            }
            Say::Vote { .. } if self.sticks(now) => return out.drop_letter("a leader is alive"),
            _ => {}
        }
        let counts = matches!(say, Say::VoteAnswer { .. });
        if term < self.core.term && mutant!(StaleVoteCounts, true, !counts) {
            return self.on_old_term(from, &say, out);
        }
        if term > self.core.term && !matches!(say, Say::Vote { .. } | Say::VoteForced { .. }) {
            self.core.promise(term, None, out);
            self.follow(now, None, out);
        }
        let heard = Heard { from, at: now, mute };
        match say {
            Say::VoteForced { .. } if mutant!(TransferIgnoresLog, false, true) => {
                let last = Place { ballot: Ballot::new(term, from), ..Place::default() };
                self.on_vote(now, from, term, last, out);
            }
            Say::Vote { last } | Say::VoteForced { last } => {
                self.on_vote(now, from, term, last, out);
            }
            Say::TimeoutNow => self.on_timeout_now(now, from, out),
            Say::VoteAnswer { granted, .. } => self.on_vote_answer(now, from, granted, out),
            Say::Append { prev, commit, entries } => {
                self.on_append(now, from, prev, commit, entries, out);
            }
            Say::AppendAnswer { matched } => self.on_append_answer(heard, matched, out),
            Say::Reject { tried, near } => self.on_reject(heard, tried, near, out),
            Say::Heartbeat { commit, round } => self.on_heartbeat(now, from, commit, round, out),
            Say::HeartbeatAnswer { held, matched, round } => {
                self.on_heartbeat_answer(heard, held, matched, round, out);
            }
            Say::ReadAsk { ctx } => self.on_read_ask(from, ctx, out),
            Say::ReadAnswer { ctx, index } => self.on_read_answer(from, ctx, index, out),
            Say::PreVoteAnswer { .. } | Say::TermOver | Say::PreVote { .. } => {}
            Say::Pull { .. } | Say::Pulled { .. } => {}
        }
    }
}
