//! Multi-Paxos (Lamport, "The part-time parliament" and "Paxos made simple"): the
//! state and the one match. What each input means is in the file that is named
//! after the job.
//!
//! Every replica is an acceptor and a learner; one at a time is the proposer, who
//! leads. It prepares its ballot once, for all places that follow.
//!
//! ```text
//!   Follower --deadline--> Canvasser --majority--> Proposer --promises--> Leader
//!      ^------ a leader is heard, or a higher ballot is, or no quorum is heard ----|
//! ```
//!
//! An acceptor takes each place for itself: it need not have the one before, and a
//! place may be accepted anew under a higher ballot, with another entry even. So
//! what is chosen at a place is known there only by who has accepted it under the
//! ballot of whoever says that it is chosen.

mod elect;
pub mod message;
mod prepare;
mod read;
pub(crate) mod recover;
mod replicate;
mod state;
mod timeless;
mod transfer;
mod trim;
mod window;

use crate::contract::{Input, Lead, Outbox, Status};
use crate::entry::{Entry, Place};
use crate::letter::{Heard, Letter};
use base::time::earliest;
use base::{Ballot, Index, NodeId, Serial, Time, mutant};
use message::{Message, Say};
use state::{Core, Part, Role};

/// One replica that speaks Multi-Paxos.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Paxos {
    core: Core,
    role: Role,
    /// What the outside was told last.
    lead: Lead,
}

impl Paxos {
    const fn new(core: Core, role: Role) -> Self {
        let lead = Lead { ballot: core.promised, leader: None };
        Self { core, role, lead }
    }

    /// The only way in.
    pub fn step(&mut self, now: Time, input: Input, out: &mut Outbox) {
        out.dropped = None;
        if let Input::Restore { place, .. } = &input
            && self.takes(*place)
        {
            // The state machine has all of that already.
            self.core.hint = None;
        }
        self.arm(now, out);
        match input {
            Input::Timeout => self.on_timeout(now, out),
            Input::Beat => self.beat(now, out),
            Input::Letter { from, letter: Letter::Paxos(message) } => {
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
            Input::Unmute => self.unmute(out),
            // A promise names its ballot, and that of the leader is written down.
            Input::Vow => {}
            Input::Flush => self.flush(now, out),
        }
        let lead = Lead { ballot: self.core.promised, leader: self.leader() };
        if lead != self.lead {
            self.lead = lead;
            out.lead = Some(lead);
        }
    }

    /// When to step with a timeout: a leader gives up without its quorum, or a
    /// transfer that came to nothing; any other stands. Before the first step at
    /// once, to learn the time.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        match &self.role {
            Role::Follower(follower) => Some(follower.deadline.unwrap_or_default()),
            Role::Canvasser(canvasser) => Some(canvasser.deadline),
            Role::Proposer(proposer) => Some(proposer.deadline),
            Role::Leader(leader) => {
                let transfer = leader.transfer.as_ref().map(|transfer| transfer.deadline);
                earliest(leader.quorum_deadline(&self.core), transfer)
            }
        }
    }

    /// What people and tests may see.
    #[must_use]
    pub fn status(&self) -> Status {
        let core = &self.core;
        let leading = if let Role::Leader(leader) = &self.role { Some(leader) } else { None };
        Status {
            ballot: core.promised,
            leader: self.leader(),
            leads: leading.is_some(),
            serves: leading.is_some_and(|leader| leader.opening <= core.log.commit()),
            mute: core.mute,
            transfer: leading.and_then(|leader| Some(leader.transfer.as_ref()?.to)),
            first: core.log.first(),
            last: core.held,
            commit: core.log.commit(),
            confirmed: core.sound_now(),
        }
    }

    /// Whether a checkpoint at `place` would bring this replica forward: all of it is
    /// chosen, so it contradicts nothing. Some promise must be on disk, or a crash
    /// would leave a checkpoint that looks as if all had been lost.
    #[must_use]
    pub fn takes(&self, place: Place) -> bool {
        self.core.kept && Some(place.index) > self.core.hint.max(Some(self.core.log.commit()))
    }

    /// When the leader that is followed was heard, if one is.
    #[must_use]
    pub const fn heard(&self) -> Option<Time> {
        match &self.role {
            Role::Follower(follower) => follower.heard,
            _ => None,
        }
    }

    /// How far this replica has come. Whoever has come farthest needs least to lead,
    /// whatever the ballots: any of them may.
    #[must_use]
    pub const fn last(&self) -> Place {
        Place { ballot: Ballot::ZERO, index: self.core.held }
    }

    /// The entry at `index`, chosen or only accepted, if it is in memory.
    #[must_use]
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        self.core.entry(index)
    }

    fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower(follower) => follower.leader,
            Role::Canvasser(_) | Role::Proposer(_) => None,
            Role::Leader(_) => Some(self.core.me),
        }
    }

    /// The one match over letters. The rules about ballots come first, so that every
    /// handler below sees its own ballot only.
    fn on_letter(&mut self, now: Time, from: NodeId, message: Message, out: &mut Outbox) {
        let Message { ballot, mute, say } = message;
        if from == self.core.me || !self.core.voters.contains(&from) {
            return out.drop_letter("not from a voter");
        }
        // A canvass is a question, and its yes an echo.
        if !matches!(say, Say::Canvass { .. } | Say::CanvassAnswer { granted: true }) {
            self.core.seen = self.core.seen.max(ballot.round);
        }
        match say {
            Say::Canvass { .. } | Say::Prepare { .. }
                if mutant!(MuteVotes, self.core.mute, false) =>
            {
                out.drop_letter("this replica is mute");
            }
            Say::Canvass { commit } => self.on_canvass(now, from, ballot, commit, out),
            Say::CanvassAnswer { granted } => {
                self.on_canvass_answer(now, from, ballot, granted, out);
            }
            Say::Prepare { forced: false, .. }
                if self.sticks(now) && ballot > self.core.promised =>
            {
                out.drop_letter("a leader is alive");
            }
            Say::Nack => self.on_nack(now, ballot, out),
            Say::Prepare { .. }
            | Say::Accept { .. }
            | Say::Learn { .. }
            | Say::ReadAsk { .. }
            | Say::TakeOver
                if ballot < self.core.promised =>
            {
                self.core.send(from, Say::Nack, Serial::ZERO, out);
            }
            Say::Prepare { .. } | Say::Accept { .. } | Say::Learn { .. } | Say::TakeOver
                if ballot.node != from =>
            {
                out.drop_letter("a ballot of somebody else");
            }
            Say::Prepare { from: first, .. } => self.on_prepare(now, from, ballot, first, out),
            Say::Accept { .. } | Say::Learn { .. } if ballot > self.core.promised => {
                self.core.promise(ballot, out);
                self.on_own_letter(now, Heard { from, at: now, mute }, say, out);
            }
            _ if ballot != self.core.promised => out.drop_letter("about another ballot"),
            say => self.on_own_letter(now, Heard { from, at: now, mute }, say, out),
        }
    }

    /// About the promised ballot.
    fn on_own_letter(&mut self, now: Time, heard: Heard, say: Say, out: &mut Outbox) {
        let from = heard.from;
        match say {
            Say::Promise { from: first, upto, last, commit, slots } => {
                let part = Part { from: first, upto, last, commit, slots };
                self.on_promise(now, from, part, out);
            }
            Say::Accept { prev, commit, entries } => {
                self.on_accept(now, from, prev, commit, entries, out);
            }
            Say::Accepted { prev, matched, beyond } => {
                self.on_accepted(heard, prev, matched, beyond, out);
            }
            Say::Learn { commit, round } => self.on_learn(now, from, commit, round, out),
            Say::LearnAnswer { held, matched, round } => {
                self.on_learn_answer(heard, held, matched, round, out);
            }
            Say::ReadAsk { ctx } => self.on_read_ask(from, ctx, out),
            Say::ReadAnswer { ctx, index } => self.on_read_answer(from, ctx, index, out),
            Say::TakeOver => self.on_take_over(now, from, out),
            Say::Canvass { .. } | Say::CanvassAnswer { .. } => {}
            Say::Prepare { .. } | Say::Nack => {}
        }
    }

    /// Somebody has promised a higher ballot, and will not serve this one again. Who
    /// proposes waits a while for the owner of that one, and then takes a higher.
    fn on_nack(&mut self, now: Time, promised: Ballot, out: &mut Outbox) {
        let proposes = matches!(self.role, Role::Proposer(_) | Role::Leader(_));
        if !proposes || promised <= self.core.promised {
            return out.drop_letter("no news");
        }
        self.step_back(now, out);
    }
}
