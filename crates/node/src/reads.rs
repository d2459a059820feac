//! The linearizable reads of one group: all that arrive in a turn share one
//! question to the leadership, then wait until the state is far enough.

use crate::machine::Look;
use crate::wire::Ticket;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use base::{AskId, Index, NodeId, Time};
use core::time::Duration;

/// Who waits for a read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// A client of this node.
    Client(AskId),
    /// A client of this node that would do with what is here, if that were as
    /// much as an earlier life of the node may have told.
    Weak(AskId),
    /// This replica itself: it wants to be as far as it ever was.
    Replica,
    /// Another node, for a client of its own.
    Peer(NodeId, Ticket),
}

/// A read that somebody waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Read {
    /// Who waits.
    pub(crate) who: Who,
    /// What is read.
    pub(crate) look: Look,
}

#[derive(Debug)]
struct Question {
    asked: Time,
    reads: Vec<Read>,
}

/// The linearizable reads of one group.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    gathering: Vec<Read>,
    /// Reads whose question was put to the protocol, by the question's name.
    /// A name is never used twice: an answer to an old question must not
    /// answer a new one (etcd issue 20418).
    asked: BTreeMap<AskId, Question>,
    /// Reads that may be served once the state has applied an index.
    waiting: BTreeMap<Index, Vec<Read>>,
    last_question: u64,
}

impl Reads {
    /// Takes a read; it is asked for at the end of the turn.
    pub(crate) fn gather(&mut self, read: Read) {
        self.gathering.push(read);
    }

    /// Whether a question can be asked.
    pub(crate) const fn any_gathered(&self) -> bool {
        !self.gathering.is_empty()
    }

    /// One question for everything gathered.
    pub(crate) fn ask(&mut self, now: Time) -> AskId {
        self.last_question += 1;
        let question = AskId(self.last_question);
        let reads = core::mem::take(&mut self.gathering);
        self.asked.insert(question, Question { asked: now, reads });
        question
    }

    /// The protocol answered: serve these when `index` is applied.
    pub(crate) fn on_read_at(&mut self, question: AskId, index: Index) {
        if let Some(it) = self.asked.remove(&question) {
            let index = base::mutant!(ReadNotApplied, index, Index::ZERO);
            self.waiting.entry(index).or_default().extend(it.reads);
        }
    }

    /// The protocol could not answer: the reads are gathered again. Asking
    /// twice is harmless, a read changes nothing.
    pub(crate) fn on_refused(&mut self, question: AskId) {
        if let Some(it) = self.asked.remove(&question) {
            self.gathering.extend(it.reads);
        }
    }

    /// Gathers again what was asked before `patience` ago: the question or its
    /// answer was lost.
    pub(crate) fn retry(&mut self, now: Time, patience: Duration) {
        let lost = |it: &Question| now >= it.asked + patience;
        let late: Vec<AskId> =
            self.asked.iter().filter(|(_, it)| lost(it)).map(|(id, _)| *id).collect();
        late.into_iter().for_each(|question| self.on_refused(question));
    }

    /// When [`Reads::retry`] has something to do.
    pub(crate) fn deadline(&self, patience: Duration) -> Option<Time> {
        self.asked.values().next().map(|oldest| oldest.asked + patience)
    }

    /// The reads that a state at `applied` may serve.
    pub(crate) fn ready(&mut self, applied: Index) -> Vec<Read> {
        if self.waiting.first_key_value().is_none_or(|(index, _)| *index > applied) {
            return Vec::new();
        }
        let later = self.waiting.split_off(&applied.next());
        core::mem::replace(&mut self.waiting, later).into_values().flatten().collect()
    }

    /// Takes out the reads that do with what is here.
    pub(crate) fn take_weak(&mut self) -> Vec<Read> {
        let weak = |read: &mut Read| matches!(read.who, Who::Weak(_));
        let mut taken: Vec<Read> = self.gathering.extract_if(.., weak).collect();
        for it in self.asked.values_mut() {
            taken.extend(it.reads.extract_if(.., weak));
        }
        for reads in self.waiting.values_mut() {
            taken.extend(reads.extract_if(.., weak));
        }
        taken
    }

    /// Nobody waits for these any more.
    pub(crate) fn forget(&mut self, asks: &BTreeSet<AskId>) {
        let keep = |read: &Read| match read.who {
            Who::Client(id) | Who::Weak(id) => !asks.contains(&id),
            Who::Replica | Who::Peer(..) => true,
        };
        self.gathering.retain(keep);
        self.asked.values_mut().for_each(|it| it.reads.retain(keep));
        self.waiting.retain(|_, reads| {
            reads.retain(keep);
            !reads.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: u64) -> Read {
        Read { who: Who::Client(AskId(id)), look: Look::Members }
    }

    #[test]
    fn reads_of_one_turn_share_a_question_and_wait_for_its_index() {
        let mut reads = Reads::default();
        reads.gather(read(1));
        reads.gather(read(2));
        let question = reads.ask(Time::ZERO);
        assert!(!reads.any_gathered());
        reads.on_read_at(question, Index(5));
        assert_eq!(reads.ready(Index(4)), []);
        assert_eq!(reads.ready(Index(5)), [read(1), read(2)]);
    }

    #[test]
    fn a_lost_question_is_asked_again_under_another_name() {
        let (mut reads, patience) = (Reads::default(), Duration::from_secs(1));
        reads.gather(read(1));
        let lost = reads.ask(Time::ZERO);
        assert_eq!(reads.deadline(patience), Some(Time::ZERO + patience));
        reads.retry(Time::ZERO + patience, patience);
        let again = reads.ask(Time::ZERO + patience);
        assert_ne!(lost, again);
        reads.on_read_at(lost, Index(1));
        assert_eq!(reads.ready(Index(9)), [], "the late answer is to a question of the past");
        reads.on_read_at(again, Index(2));
        assert_eq!(reads.ready(Index(9)), [read(1)]);
    }

    #[test]
    fn weak_reads_are_taken_out_wherever_they_wait() {
        let weak = |id| Read { who: Who::Weak(AskId(id)), ..read(id) };
        let mut reads = Reads::default();
        for id in 1..4 {
            reads.gather(read(10 * id));
            reads.gather(weak(id));
            if id < 3 {
                let question = reads.ask(Time::ZERO);
                (id < 2).then(|| reads.on_read_at(question, Index(5)));
            }
        }
        let mut taken = reads.take_weak();
        taken.sort_by_key(|read| match read.who {
            Who::Weak(AskId(id)) => id,
            _ => 0,
        });
        assert_eq!(taken, [weak(1), weak(2), weak(3)]);
        assert_eq!(reads.ready(Index(5)), [read(10)]);
        assert!(reads.take_weak().is_empty() && reads.any_gathered());
    }

    #[test]
    fn what_is_forgotten_is_never_served() {
        let mut reads = Reads::default();
        reads.gather(read(1));
        let question = reads.ask(Time::ZERO);
        reads.forget(&BTreeSet::from([AskId(1)]));
        reads.on_read_at(question, Index(1));
        assert_eq!(reads.ready(Index(1)), []);
    }
}
