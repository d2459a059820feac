//! Linearizable reads without writing, as every protocol does them: who waits for
//! an index, on the side of a leader and of a follower (dissertation of Raft, 6.4).
//!
//! Rounds are counted by the leader and never used twice; a read is answered
//! by a round that began after it arrived. One round runs at a time, and what
//! arrives meanwhile shares the next one.

use crate::contract::{Answer, Outbox, Refusal};
use alloc::vec::Vec;
use base::limits::READS_WAITING_MAX;
use base::prng::Prng;
use base::{AskId, Index, NodeId, Time, invariant, mutant};

/// Who waits for an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Reader {
    /// A read of this node.
    Own(AskId),
    /// A follower, by the name of its question.
    Peer(NodeId, u64),
}

/// A leader's rounds.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Rounds {
    pub(crate) number: u64,
    pub(crate) running: Option<Round>,
    pub(crate) waiting: Vec<Reader>,
}

/// The round that runs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Round {
    /// What was committed when it began.
    pub(crate) commit: Index,
    pub(crate) readers: Vec<Reader>,
}

/// A follower's reads: one question is on its way, the rest share the next.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) running: Option<Question>,
    pub(crate) waiting: Vec<AskId>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Question {
    pub(crate) ctx: u64,
    pub(crate) ids: Vec<AskId>,
    /// Whether a beat passed since it was asked.
    pub(crate) stale: bool,
}

impl Rounds {
    /// The newest round.
    pub(crate) const fn newest(&self) -> u64 {
        self.number
    }

    /// Forgets who came first, and who came more than once.
    pub(crate) fn order(&mut self) {
        let running = self.running.as_mut().map(|round| &mut round.readers);
        for readers in running.into_iter().chain([&mut self.waiting]) {
            readers.sort_unstable();
            readers.dedup();
        }
    }

    fn count(&self) -> usize {
        self.waiting.len() + self.running.as_ref().map_or(0, |round| round.readers.len())
    }

    /// Somebody waits for the next round, unless too many do. Says whether he does.
    pub(crate) fn wait(&mut self, reader: Reader, out: &mut Outbox) -> bool {
        if self.count() >= READS_WAITING_MAX {
            refuse(reader, Refusal::Busy, out);
            return false;
        }
        self.waiting.push(reader);
        true
    }

    /// Begins a round for all that wait, if none runs: their index is what is
    /// committed now. Says whether it did.
    pub(crate) fn begin(&mut self, commit: Index) -> bool {
        if self.running.is_some() || self.waiting.is_empty() {
            return false;
        }
        self.number += mutant!(RoundUsedTwice, 1, u64::from(self.number == 0));
        let readers = core::mem::take(&mut self.waiting);
        self.running = Some(Round { commit, readers });
        true
    }

    /// Ends the round that runs if a majority has answered it: `reached` is the
    /// newest that one has. The leader has answered all of its own.
    pub(crate) fn end(&mut self, reached: u64) -> Option<Round> {
        let own = self.number;
        invariant!(I27, reached <= own, "round {reached} of {own}");
        self.running.take_if(|_| reached == own)
    }

    /// This leader's time is over.
    pub(crate) fn refuse(&mut self, leader: Option<NodeId>, out: &mut Outbox) {
        let running = self.running.take().map(|round| round.readers).unwrap_or_default();
        for reader in running.into_iter().chain(self.waiting.drain(..)) {
            refuse(reader, Refusal::NotLeader(leader), out);
        }
    }
}

impl Asked {
    fn count(&self) -> usize {
        self.waiting.len() + self.running.as_ref().map_or(0, |question| question.ids.len())
    }

    /// A read of this node waits for the next question, unless too many do.
    pub(crate) fn wait(&mut self, id: AskId, out: &mut Outbox) {
        if self.count() < READS_WAITING_MAX {
            return self.waiting.push(id);
        }
        refuse(Reader::Own(id), Refusal::Busy, out);
    }

    /// The next question, if none is on its way; its name is made only then.
    pub(crate) fn next(&mut self, name: impl FnOnce() -> u64) -> Option<u64> {
        if self.running.is_some() || self.waiting.is_empty() {
            return None;
        }
        let ctx = name();
        let ids = core::mem::take(&mut self.waiting);
        self.running = Some(Question { ctx, ids, stale: false });
        Some(ctx)
    }

    /// A beat: a question, or its answer, may have been lost. The same one again,
    /// if it is old enough.
    pub(crate) const fn again(&mut self) -> Option<u64> {
        let Some(question) = &mut self.running else { return None };
        let stale = core::mem::replace(&mut question.stale, true);
        if stale { Some(question.ctx) } else { None }
    }

    /// The answer to the question with this name, if that is open.
    pub(crate) fn answer(&mut self, ctx: u64, index: Index, out: &mut Outbox) {
        match self.running.take_if(|question| question.ctx == ctx) {
            Some(question) => {
                let answers = question.ids.into_iter().map(|id| Answer::ReadAt { id, index });
                out.answers.extend(answers);
            }
            None => out.drop_letter("no such question is open"),
        }
    }

    /// The leader that was asked, or would have been, is not there any more.
    pub(crate) fn refuse(&mut self, leader: Option<NodeId>, out: &mut Outbox) {
        let running = self.running.take().map(|question| question.ids).unwrap_or_default();
        for id in running.into_iter().chain(self.waiting.drain(..)) {
            refuse(Reader::Own(id), Refusal::NotLeader(leader), out);
        }
    }
}

/// A follower is not told: it asks again, or learns of the next leader.
pub(crate) fn refuse(reader: Reader, why: Refusal, out: &mut Outbox) {
    if let Reader::Own(id) = reader {
        out.answers.push(Answer::Refused { id, why });
    }
}

/// A late answer to a question of an earlier life must not fit one of this
/// life, and a node may wake up in the same `round` with the same seed; but never
/// at the same time. So the first name comes from the time, the rest count on.
pub(crate) fn next_ctx(now: Time, round: u64, prng: &mut Prng, last: &mut Option<u64>) -> u64 {
    let ctx = match *last {
        Some(ctx) => ctx.wrapping_add(1),
        None => Prng::new(prng.next() ^ now.0.rotate_left(17) ^ round).next(),
    };
    *last = Some(ctx);
    ctx
}
