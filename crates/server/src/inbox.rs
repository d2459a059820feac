//! What waits for the lane? One bounded queue, drained whole: one wake-up for
//! everything that came meanwhile.

use crate::bounds::INBOX_FRAME_BYTES_MAX;
use crate::page::Page;
use crate::replies::Addressee;
use base::limits::{ASK_BYTES_MAX, ASKS_MAX};
use base::{AskId, NodeId, Revision, WatchKey};
use bytes::Bytes;
use node::event::{Ask, Class, Event, WatchEvent, WatchOpen};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// What the lane tells a watch, and the term it was told in.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) key: WatchKey,
    pub(crate) term: u64,
    pub(crate) news: News,
}

/// What a watch is told.
#[derive(Debug)]
pub(crate) enum News {
    /// Changes, when the keyspace was at this revision.
    Page(Revision, Arc<Page>),
    /// Anything else.
    Event(WatchEvent),
}

/// Something for the lane.
#[derive(Debug)]
pub(crate) enum Item {
    /// An event that nobody waits for.
    Event(Event),
    /// A client asks and waits.
    Ask { id: AskId, ask: Ask, bytes: usize, answer: Addressee },
    /// The client of an ask has gone.
    Forget(AskId),
    /// A stream opens a watch. What it is told is bounded by its credit.
    Watch { key: WatchKey, open: WatchOpen, events: mpsc::UnboundedSender<Told> },
    /// A stream closes a watch.
    Unwatch(WatchKey),
    /// The process ends.
    Stop,
}

/// Why an ask was not taken: too many wait already. Nothing was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

/// What waits for the lane right now.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Waits {
    pub(crate) asks: usize,
    pub(crate) ask_bytes: usize,
    /// By [`Class`].
    pub(crate) frame_bytes: [usize; 2],
}

/// The queue in front of the lane.
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    bell: Condvar,
    /// Room for frames, one for each [`Class`]: bulk never keeps votes out.
    room: [Semaphore; 2],
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    asks: usize,
    ask_bytes: usize,
    frame_bytes: [usize; 2],
    /// The lane has ended: what comes now is dropped, and whoever waits for an
    /// answer learns by that that there will be none.
    closed: bool,
}

impl Queue {
    /// Counts an ask, if there is room for it.
    fn admit(&mut self, item: &Item) -> Result<(), Full> {
        let bytes = if let Item::Ask { bytes, .. } = item { *bytes } else { 0 };
        let bytes_after = self.ask_bytes.saturating_add(bytes);
        if self.asks >= ASKS_MAX || bytes_after > ASK_BYTES_MAX {
            return Err(Full);
        }
        self.asks += 1;
        self.ask_bytes = bytes_after;
        Ok(())
    }
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let room = [(); 2].map(|()| Semaphore::new(INBOX_FRAME_BYTES_MAX));
        Self { queue: Mutex::default(), bell: Condvar::new(), room }
    }

    /// Something that is bounded by what came before it: ends of operations,
    /// of links, of asks and of watches.
    pub(crate) fn push(&self, item: Item) {
        self.add(self.lock(), item);
    }

    /// An ask, if it finds room.
    pub(crate) fn push_ask(&self, item: Item) -> Result<(), Full> {
        let mut queue = self.lock();
        queue.admit(&item)?;
        self.add(queue, item);
        Ok(())
    }

    /// Asks that came together; those that find no room stay.
    pub(crate) fn push_asks(&self, asks: &mut Vec<Item>) {
        let mut queue = self.lock();
        let idle = queue.items.is_empty();
        let mut taken = 0;
        while asks.get(taken).is_some_and(|ask| queue.admit(ask).is_ok()) {
            taken += 1;
        }
        // What is dropped is answered by that, outside the lock's reach or in it:
        // answering takes no lock of this queue.
        let taken = asks.drain(..taken);
        if queue.closed {
            return;
        }
        queue.items.extend(taken);
        let wake = idle && !queue.items.is_empty();
        drop(queue);
        if wake {
            self.bell.notify_one();
        }
    }

    /// A frame; waits for room, and so lets its socket fill up.
    pub(crate) async fn push_frame(&self, from: NodeId, class: Class, frame: Bytes) {
        let bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        if let Some(room) = self.room.get(class as usize)
            && let Ok(permit) = room.acquire_many(bytes).await
        {
            permit.forget();
        }
        let mut queue = self.lock();
        if let Some(waiting) = queue.frame_bytes.get_mut(class as usize) {
            *waiting += frame.len();
        }
        self.add(queue, Item::Event(Event::Frame { from, frame }));
    }

    /// Moves everything that waits into `batch`; waits for the first of it, but
    /// no longer than `longest`.
    pub(crate) fn take(&self, batch: &mut VecDeque<Item>, longest: Option<Duration>) {
        let mut queue = self.lock();
        if queue.items.is_empty() {
            queue = self.wait(queue, longest);
        }
        std::mem::swap(&mut queue.items, batch);
        (queue.asks, queue.ask_bytes) = (0, 0);
        let taken = std::mem::take(&mut queue.frame_bytes);
        drop(queue);
        for (room, bytes) in self.room.iter().zip(taken) {
            room.add_permits(bytes);
        }
    }

    /// What waits, for whoever wants to see it.
    pub(crate) fn waits(&self) -> Waits {
        let queue = self.lock();
        let Queue { asks, ask_bytes, frame_bytes, .. } = *queue;
        Waits { asks, ask_bytes, frame_bytes }
    }

    fn wait<'a>(
        &self,
        queue: MutexGuard<'a, Queue>,
        longest: Option<Duration>,
    ) -> MutexGuard<'a, Queue> {
        let empty = |queue: &mut Queue| queue.items.is_empty();
        match longest {
            None => self.bell.wait_while(queue, empty).unwrap_or_else(PoisonError::into_inner),
            Some(longest) => {
                let woken = self.bell.wait_timeout_while(queue, longest, empty);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Only the first of a batch wakes the lane.
    fn add(&self, mut queue: MutexGuard<'_, Queue>, item: Item) {
        if queue.closed {
            return;
        }
        queue.items.push_back(item);
        let first = queue.items.len() == 1;
        drop(queue);
        if first {
            self.bell.notify_one();
        }
    }

    /// Nobody takes anything any more.
    fn close(&self) {
        *self.lock() = Queue { closed: true, ..Queue::default() };
        self.room.iter().for_each(Semaphore::close);
    }
}

/// The lane's end of the queue. However the lane's thread ends, dropping this
/// closes the queue, so that nobody waits for a lane that is gone.
#[derive(Debug)]
pub(crate) struct LaneEnd(pub(crate) Arc<Inbox>);

impl Drop for LaneEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replies::Answered;
    use base::limits::FRAME_BYTES_MAX;
    use tokio::sync::oneshot;

    fn ask(bytes: usize) -> Item {
        let (answer, _) = oneshot::channel();
        Item::Ask { id: AskId(1), ask: Ask::Status, bytes, answer: Addressee::Caller(answer) }
    }

    #[test]
    fn of_asks_that_come_together_those_that_find_no_room_stay() {
        let inbox = Inbox::new();
        let mut asks = vec![ask(ASK_BYTES_MAX - 1), ask(1), ask(1)];
        inbox.push_asks(&mut asks);
        let mut batch = VecDeque::new();
        inbox.take(&mut batch, Some(Duration::ZERO));
        assert_eq!((batch.len(), asks.len()), (2, 1));
        inbox.push_asks(&mut asks);
        assert!(asks.is_empty());
    }

    #[test]
    fn asks_beyond_the_bound_are_refused_until_the_lane_takes_them() {
        let inbox = Inbox::new();
        assert_eq!(inbox.push_ask(ask(ASK_BYTES_MAX)), Ok(()));
        assert_eq!(inbox.push_ask(ask(1)), Err(Full));
        inbox.push(Item::Stop);
        let mut batch = VecDeque::new();
        inbox.take(&mut batch, None);
        assert_eq!(batch.len(), 2);
        assert_eq!(inbox.push_ask(ask(1)), Ok(()));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_lane_that_is_gone() {
        let inbox = Arc::new(Inbox::new());
        let asks: Vec<_> = (0..2).map(|_| oneshot::channel::<Answered>()).collect();
        let mut end = Some(LaneEnd(Arc::clone(&inbox)));
        for (answer, answered) in asks {
            let answer = Addressee::Caller(answer);
            let item = Item::Ask { id: AskId(1), ask: Ask::Status, bytes: 1, answer };
            assert_eq!(inbox.push_ask(item), Ok(()));
            drop(end.take());
            assert!(answered.await.is_err());
        }
        let large = Bytes::from(vec![0; FRAME_BYTES_MAX]);
        for _ in 0..4 {
            inbox.push_frame(NodeId(1), Class::Bulk, large.clone()).await;
        }
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let mut batch = VecDeque::new();
        Inbox::new().take(&mut batch, Some(Duration::ZERO));
        assert!(batch.is_empty());
    }

    #[tokio::test]
    async fn bulk_that_waits_keeps_no_urgent_frame_out() {
        let inbox = Inbox::new();
        let large = Bytes::from(vec![0; FRAME_BYTES_MAX]);
        for _ in 0..2 {
            inbox.push_frame(NodeId(1), Class::Bulk, large.clone()).await;
        }
        let mut third = Box::pin(inbox.push_frame(NodeId(1), Class::Bulk, large));
        let polled = tokio::select! { biased; () = &mut third => true, () = async {} => false };
        assert!(!polled, "bulk beyond the bound waits");
        inbox.push_frame(NodeId(1), Class::Urgent, Bytes::from_static(b"vote")).await;
        let mut batch = VecDeque::new();
        inbox.take(&mut batch, None);
        assert_eq!(batch.len(), 3);
        third.await;
    }
}
