//! How do answers reach whoever asked? One queue for each connection: the lane
//! adds to it and rings once for everything that one turn has said.

use base::AskId;
use futures_util::task::AtomicWaker;
use node::event::{Answer, Refused};
use prometheus_client::metrics::gauge::Gauge;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use tokio::sync::oneshot;

/// An answer of the lane and the term it was given in.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) term: u64,
    pub(crate) answer: Answer,
}

/// Answers that wait for their connection. Each belongs to an ask that the
/// connection has handed in, so there are never more than it has streams.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    queue: Mutex<Vec<(AskId, Answered)>>,
    bell: AtomicWaker,
    /// How many wait in all such queues.
    count: Gauge,
}

impl Replies {
    /// A queue that is counted with others.
    pub(crate) fn counted(count: Gauge) -> Self {
        Self { queue: Mutex::default(), bell: AtomicWaker::new(), count }
    }

    /// Moves everything that waits into `taken`, which is empty; what comes
    /// later wakes `waker`.
    pub(crate) fn take(&self, taken: &mut Vec<(AskId, Answered)>, waker: &Waker) {
        self.bell.register(waker);
        mem::swap(&mut *self.lock(), taken);
        if !taken.is_empty() {
            self.count.dec_by(length(taken));
        }
    }

    /// True if it is the first that waits: somebody must ring.
    fn add(&self, id: AskId, answered: Answered) -> bool {
        let mut queue = self.lock();
        queue.push((id, answered));
        self.count.inc();
        queue.len() == 1
    }

    pub(crate) fn ring(&self) {
        self.bell.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(AskId, Answered)>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.count.dec_by(length(&self.lock()));
    }
}

fn length(queue: &[(AskId, Answered)]) -> i64 {
    i64::try_from(queue.len()).unwrap_or(i64::MAX)
}

/// Where one answer goes.
#[derive(Debug)]
pub(crate) enum Addressee {
    /// To one caller who waits for nothing else.
    Caller(oneshot::Sender<Answered>),
    /// Into the queue of a connection.
    Connection(Place),
}

impl Addressee {
    /// Says it. A queue that must be rung when the turn is over is given back.
    pub(crate) fn say(self, answered: Answered) -> Option<Arc<Replies>> {
        match self {
            Self::Caller(caller) => {
                // A caller that has gone meanwhile hears nothing.
                let _ = caller.send(answered);
                None
            }
            Self::Connection(place) => place.say(answered),
        }
    }
}

/// A place in the queue of a connection. One that nothing was said at says, when
/// it is dropped, that nothing will be: the lane has gone.
#[derive(Debug)]
pub(crate) struct Place {
    id: AskId,
    replies: Option<Arc<Replies>>,
}

impl Place {
    pub(crate) fn new(id: AskId, replies: &Arc<Replies>) -> Self {
        Self { id, replies: Some(Arc::clone(replies)) }
    }

    fn say(mut self, answered: Answered) -> Option<Arc<Replies>> {
        self.replies.take().filter(|replies| replies.add(self.id, answered))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let stopped = Answered { term: 0, answer: Answer::Refused(Refused::Stopped) };
        if let Some(replies) = self.replies.take()
            && replies.add(self.id, stopped)
        {
            replies.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(term: u64) -> Answered {
        Answered { term, answer: Answer::Refused(Refused::NoLeader) }
    }

    #[test]
    fn only_the_first_answer_of_a_turn_rings() {
        let replies = Arc::new(Replies::default());
        let places: Vec<_> = (0..3).map(|id| Place::new(AskId(id), &replies)).collect();
        let rings: Vec<_> = places.into_iter().map(|it| it.say(said(5)).is_some()).collect();
        assert_eq!(rings, [true, false, false]);
        let mut taken = Vec::new();
        replies.take(&mut taken, Waker::noop());
        assert_eq!(taken.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(Place::new(AskId(3), &replies).say(said(5)).is_some());
    }

    #[test]
    fn a_place_that_is_dropped_says_that_nobody_will_answer() {
        let replies = Arc::new(Replies::default());
        drop(Place::new(AskId(7), &replies));
        let mut taken = Vec::new();
        replies.take(&mut taken, Waker::noop());
        let [(AskId(7), Answered { answer, .. })] = taken.as_slice() else { panic!("{taken:?}") };
        assert_eq!(*answer, Answer::Refused(Refused::Stopped));
    }
}
