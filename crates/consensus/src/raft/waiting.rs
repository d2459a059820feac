//! Who waits for an index: the readers of a leader and of a follower.

use crate::contract::{Answer, Outbox, Refusal};
use alloc::vec::Vec;
use base::{AskId, Index, NodeId};

/// Who waits for an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Reader {
    /// A read of this node.
    Own(AskId),
    /// A follower, by the name of its question.
    Peer(NodeId, u64),
}

/// A leader's rounds.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Rounds {
    pub(super) number: u64,
    pub(super) running: Option<Round>,
    pub(super) waiting: Vec<Reader>,
}

/// The round that runs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Round {
    /// What was committed when it began.
    pub(super) commit: Index,
    pub(super) readers: Vec<Reader>,
}

/// A follower's reads: one question is on its way, the rest share the next.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Asked {
    pub(super) running: Option<Question>,
    pub(super) waiting: Vec<AskId>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Question {
    pub(super) ctx: u64,
    pub(super) ids: Vec<AskId>,
    /// Whether a beat passed since it was asked.
    pub(super) stale: bool,
}

impl Rounds {
    /// The newest round.
    pub(super) const fn newest(&self) -> u64 {
        self.number
    }

    /// Forgets who came first, and who came more than once.
    pub(super) fn order(&mut self) {
        let running = self.running.as_mut().map(|round| &mut round.readers);
        for readers in running.into_iter().chain([&mut self.waiting]) {
            readers.sort_unstable();
            readers.dedup();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.waiting.len() + self.running.as_ref().map_or(0, |round| round.readers.len())
    }

    /// This leader's time is over.
    pub(super) fn refuse(&mut self, leader: Option<NodeId>, out: &mut Outbox) {
        let running = self.running.take().map(|round| round.readers).unwrap_or_default();
        for reader in running.into_iter().chain(self.waiting.drain(..)) {
            refuse(reader, Refusal::NotLeader(leader), out);
        }
    }
}

impl Asked {
    pub(super) fn count(&self) -> usize {
        self.waiting.len() + self.running.as_ref().map_or(0, |question| question.ids.len())
    }

    /// The leader that was asked, or would have been, is not there any more.
    pub(super) fn refuse(&mut self, leader: Option<NodeId>, out: &mut Outbox) {
        let running = self.running.take().map(|question| question.ids).unwrap_or_default();
        for id in running.into_iter().chain(self.waiting.drain(..)) {
            refuse(Reader::Own(id), Refusal::NotLeader(leader), out);
        }
    }
}

/// A follower is not told: it asks again, or learns of the next leader.
pub(super) fn refuse(reader: Reader, why: Refusal, out: &mut Outbox) {
    if let Reader::Own(id) = reader {
        out.answers.push(Answer::Refused { id, why });
    }
}
