//! What a replica knows: what is true in every role, and what only in one.

use super::message::{Message, Say};
use crate::contract::{Outbox, Retention, Timing, Write};
use crate::entry::Place;
use crate::handover::Transfer;
use crate::letter::Letter;
use crate::log::Log;
use crate::progress::Progress;
use crate::quorum::Tally;
use crate::waiting::{Asked, Rounds};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use base::codec::Writer;
use base::prng::Prng;
use base::{Ballot, Index, NodeId, Serial, Time, invariant, mutant};
use core::time::Duration;

/// The version of the vote record that this code writes, and the only one it reads.
pub(super) const VOTE_VERSION: u8 = 1;

/// What a replica knows in every role.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Core {
    pub(super) me: NodeId,
    /// Whether its promises are lost: it votes for nobody and nobody counts it.
    pub(super) mute: bool,
    /// Whether it was told that it reaches no majority.
    pub(super) stranded: bool,
    /// Ascending, `me` among them.
    pub(super) voters: Vec<NodeId>,
    pub(super) timing: Timing,
    pub(super) prng: Prng,
    /// Never goes back. Every entry of the log has a term up to it.
    pub(super) term: u64,
    /// Whom this node voted for in `term`; once set it stays.
    pub(super) vote: Option<NodeId>,
    /// The write that holds `term` and `vote`.
    pub(super) promised: Serial,
    /// A mute replica's term is that of its checkpoint, and no record says so yet.
    pub(super) owed: bool,
    /// The newest term whose promise is durable. durable_term <= term.
    pub(super) durable_term: u64,
    /// Who was seen to lead `term`; there is one at most.
    pub(super) led: Option<NodeId>,
    /// Writes up to here are durable.
    pub(super) durable: Serial,
    pub(super) log: Log,
    pub(super) retention: Retention,
    /// The index of the newest checkpoint on this disk. base <= newest, but for
    /// a trim under way and where entries went that everybody has.
    pub(super) newest: Index,
    /// Up to where the log in memory is superfluous, unless somebody needs it.
    pub(super) spare: Index,
    /// The newest context of a read that went to a leader.
    pub(super) ctx: Option<u64>,
}

/// What a replica is. A field that means nothing in a role does not exist in it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Role {
    Follower(Follower),
    PreCandidate(Candidate),
    Candidate(Candidate),
    Puller(Puller),
    Leader(Leader),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Follower {
    /// Whom it follows.
    pub(super) leader: Option<NodeId>,
    /// When that leader was heard; nothing once it is forgotten.
    pub(super) heard: Option<Time>,
    /// When it stands for leader; nothing before the first step.
    pub(super) deadline: Option<Time>,
    /// The log agrees with that of the term's leader up to here. commit <= held <= last.
    pub(super) held: Index,
    pub(super) asked: Asked,
}

/// One who asks for votes, or whether there would be votes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Candidate {
    pub(super) tally: Tally,
    pub(super) deadline: Time,
    /// Whether it may fetch what its log lacks, because nobody else is there to stand.
    pub(super) claims: bool,
    /// Who refused it with the log that goes farthest beyond its own.
    pub(super) ahead: Option<(Place, NodeId)>,
}

/// One who fetches what its log lacks, in a term in which it follows nobody.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Puller {
    /// From whom.
    pub(super) from: NodeId,
    pub(super) deadline: Time,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Leader {
    /// The other voters.
    pub(super) progress: BTreeMap<NodeId, Progress>,
    /// The first entry of this term (Raft, 8: the no-op that makes it serve).
    pub(super) opening: Index,
    /// The log time at which this leader began, and the world's.
    pub(super) clock: u64,
    pub(super) since: Time,
    pub(super) rounds: Rounds,
    /// No proposals are taken while there is one.
    pub(super) transfer: Option<Transfer>,
}

impl Core {
    /// The other voters.
    pub(super) fn peers(&self) -> impl Iterator<Item = NodeId> {
        self.voters.iter().copied().filter(|voter| *voter != self.me)
    }

    /// Sends what must not overtake the write `after`.
    pub(super) fn send(&self, to: NodeId, say: Say, after: Serial, out: &mut Outbox) {
        self.send_in(self.term, to, say, after, out);
    }

    /// The same in a term that is not this node's: a pre-vote and what is pulled have that.
    pub(super) fn send_in(&self, term: u64, to: NodeId, say: Say, after: Serial, out: &mut Outbox) {
        invariant!(I25, after <= out.serial, "{after} is not written, {} is", out.serial);
        let mute = self.mute && say.counts();
        out.send(to, Letter::Raft(Message { term, mute, say }), after);
    }

    /// Writes down the term and the vote in it (Raft, figure 2: persistent state).
    pub(super) fn promise(&mut self, term: u64, vote: Option<NodeId>, out: &mut Outbox) {
        invariant!(I11, term >= self.term, "{term} after {}", self.term);
        let vow = vote == self.led && term == self.term;
        invariant!(I107, vote.is_none() || !self.mute || vow, "a mute replica votes in {term}");
        if term > self.term {
            self.led = None;
        } else {
            invariant!(I12, self.vote.is_none() || self.vote == vote, "two votes in {term}");
        }
        self.term = term;
        self.vote = vote;
        let vote = mutant!(VoteNotWritten, vote, None);
        let ballot = Ballot::new(term, vote.unwrap_or_default());
        self.promised = out.write(Write::Vote { ballot, body: vote_body(term, vote).into() });
    }

    /// Whoever starts without this record when it is mute no more has lost promises.
    pub(super) fn write_owed(&mut self, out: &mut Outbox) {
        if core::mem::take(&mut self.owed) {
            self.promise(self.term, self.vote, out);
        }
    }

    /// The write that a granted vote or a request for one must not overtake.
    pub(super) fn after_promise(&self) -> Serial {
        mutant!(VoteBeforeSync, self.promised, Serial::ZERO)
    }

    /// A time to wait, longer than `least` and up to twice that.
    pub(super) fn random(&mut self, least: Duration) -> Duration {
        self.prng.span(least, least * 2)
    }
}

pub(super) fn vote_body(term: u64, vote: Option<NodeId>) -> Vec<u8> {
    let mut body = Vec::with_capacity(17);
    body.put_u8(VOTE_VERSION);
    body.put_u64(term);
    body.put_u64(vote.unwrap_or_default().0);
    body
}
