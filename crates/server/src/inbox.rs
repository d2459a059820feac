//! What waits for the lane, and who turns its wheel? One bounded queue, drained
//! whole. Who brings little to a lane that nobody has turns it himself, which
//! costs no waking of another thread; all else is turned by the lane's own.

use crate::bounds::INBOX_FRAME_BYTES_MAX;
use crate::clock;
use crate::error::ServerError;
use crate::item::Item;
use crate::wheel::{Hand, Next, Wheel};
use base::limits::{ASK_BYTES_MAX, ASKS_MAX};
use base::{NodeId, Time};
use bytes::Bytes;
use node::event::{Class, Event};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::panicking;
use std::time::Duration;
use tokio::sync::Semaphore;

/// So much is turned by whoever brings it. With more, or when more is under way, the
/// lane's thread is called: it takes a moment to come, and what comes within it is
/// written, synced and sent together.
const TURNED_ITEMS_MAX: usize = 4;
const TURNED_BYTES_MAX: usize = 1 << 10;

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

/// The queue in front of the lane, and whose turn it is.
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    bell: Condvar,
    /// Room for frames, one for each [`Class`]: bulk never keeps votes out.
    room: [Semaphore; 2],
    /// Locked by whoever turns, and by nobody else: there is never a wait for it.
    wheel: Mutex<Option<Driven>>,
}

/// The wheel and the batch of its turn, kept for its memory.
#[derive(Debug)]
struct Driven {
    wheel: Box<dyn Wheel>,
    batch: VecDeque<Item>,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    asks: usize,
    ask_bytes: usize,
    frame_bytes: [usize; 2],
    /// Somebody turns the wheel, and looks at the end what came meanwhile.
    turned: bool,
    /// The lane's thread, if it must be called. Otherwise it looks before it sleeps.
    asleep: Option<Sleep>,
    /// When the wheel is to be turned if nothing comes.
    deadline: Option<Time>,
    /// Whether much was under way when it was turned last.
    crowded: bool,
    /// How the wheel came to its end, until the lane's thread hears of it.
    over: Option<Result<(), ServerError>>,
    /// The lane has ended: what comes now is dropped, and whoever waits for an
    /// answer learns by that that there will be none.
    closed: bool,
}

/// The lane's thread sleeps.
#[derive(Clone, Copy, Debug)]
struct Sleep {
    /// Until then, or until it is called.
    until: Option<Time>,
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

    /// Whether a turn with what waits is a matter of microseconds, and company for
    /// it is not to be expected.
    fn is_little(&self) -> bool {
        let bytes = self.ask_bytes + self.frame_bytes.iter().sum::<usize>();
        self.items.len() <= TURNED_ITEMS_MAX && bytes <= TURNED_BYTES_MAX && !self.crowded
    }
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let room = [(); 2].map(|()| Semaphore::new(INBOX_FRAME_BYTES_MAX));
        Self { queue: Mutex::default(), bell: Condvar::new(), room, wheel: Mutex::default() }
    }

    /// Something that is bounded by what came before it: ends of operations,
    /// of links, of asks and of watches.
    pub(crate) fn push(&self, item: Item) {
        self.push_with(Hand::Busy, item);
    }

    /// The same by a thread that may turn the wheel.
    pub(crate) fn push_with(&self, hand: Hand, item: Item) {
        let mut queue = self.lock();
        if !queue.closed {
            queue.items.push_back(item);
            self.added(queue, hand);
        }
    }

    /// An ask, if it finds room.
    pub(crate) fn push_ask(&self, item: Item) -> Result<(), Full> {
        let mut queue = self.lock();
        queue.admit(&item)?;
        if !queue.closed {
            queue.items.push_back(item);
            self.added(queue, Hand::Busy);
        }
        Ok(())
    }

    /// Asks that came together; those that find no room stay.
    pub(crate) fn push_asks(&self, hand: Hand, asks: &mut Vec<Item>) {
        let mut queue = self.lock();
        let mut taken = 0;
        while asks.get(taken).is_some_and(|ask| queue.admit(ask).is_ok()) {
            taken += 1;
        }
        // What is dropped is answered by that, outside the lock's reach or in it:
        // answering takes no lock of this queue.
        let taken = asks.drain(..taken);
        if !queue.closed {
            queue.items.extend(taken);
            self.added(queue, hand);
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
        if !queue.closed {
            queue.items.push_back(Item::Event(Event::Frame { from, frame }));
            self.added(queue, Hand::Free);
        }
    }

    /// What waits, for whoever wants to see it.
    pub(crate) fn waits(&self) -> Waits {
        let queue = self.lock();
        let Queue { asks, ask_bytes, frame_bytes, .. } = *queue;
        Waits { asks, ask_bytes, frame_bytes }
    }

    /// Moves everything that waits into `batch`.
    pub(crate) fn take(&self, batch: &mut VecDeque<Item>) {
        let mut queue = self.lock();
        std::mem::swap(&mut queue.items, batch);
        (queue.asks, queue.ask_bytes) = (0, 0);
        let taken = std::mem::take(&mut queue.frame_bytes);
        drop(queue);
        for (room, bytes) in self.room.iter().zip(taken) {
            room.add_permits(bytes);
        }
    }

    /// Something was added. If nobody has the wheel, it is turned here, or the
    /// lane's thread is called. Only the first of a batch does either.
    fn added(&self, mut queue: MutexGuard<'_, Queue>, hand: Hand) {
        if queue.turned || queue.asleep.is_none() || queue.items.is_empty() {
            return;
        }
        if hand == Hand::Free && queue.is_little() {
            queue.turned = true;
            drop(queue);
            self.turn();
        } else {
            self.call(queue);
        }
    }

    /// Calls the lane's thread, if it sleeps.
    fn call(&self, mut queue: MutexGuard<'_, Queue>) {
        let sleeps = queue.asleep.take().is_some();
        drop(queue);
        if sleeps {
            self.bell.notify_one();
        }
    }

    /// One turn by whoever has the wheel. What came meanwhile is left to the
    /// lane's thread, so that nobody else turns for long.
    fn turn(&self) {
        let breakdown = Breakdown(self);
        let mut driven = self.wheel.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Driven { wheel, batch }) = &mut *driven else { return };
        self.take(batch);
        let outcome = wheel.turn(batch);
        let (deadline, crowded) = (wheel.deadline(), wheel.is_crowded());
        drop(driven);
        drop(breakdown);
        self.let_go(outcome, deadline, crowded);
    }

    fn let_go(&self, outcome: Result<Next, ServerError>, deadline: Option<Time>, crowded: bool) {
        let mut queue = self.lock();
        queue.turned = false;
        (queue.deadline, queue.crowded) = (deadline, crowded);
        queue.over = match outcome {
            Ok(Next::Turn) => None,
            Ok(Next::Stop) => Some(Ok(())),
            Err(why) => Some(Err(why)),
        };
        let sooner =
            |sleep: Sleep| deadline.is_some_and(|due| sleep.until.is_none_or(|it| due < it));
        if !queue.items.is_empty() || queue.over.is_some() || queue.asleep.is_some_and(sooner) {
            self.call(queue);
        }
    }

    /// Takes the wheel as soon as something waits or its time has come; tells the
    /// end if there is nothing to turn any more.
    fn wait(&self) -> Option<Result<(), ServerError>> {
        let mut queue = self.lock();
        loop {
            if let Some(over) = queue.over.take() {
                return Some(over);
            }
            let until = queue.deadline.filter(|_| !queue.turned);
            let longest = until.map(|due| due.since(clock::now()));
            if !queue.turned && (!queue.items.is_empty() || longest == Some(Duration::ZERO)) {
                queue.turned = true;
                return None;
            }
            queue.asleep = Some(Sleep { until });
            queue = match longest {
                None => self.bell.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(longest) => {
                    let woken = self.bell.wait_timeout(queue, longest);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            queue.asleep = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody takes anything any more.
    fn close(&self) {
        *self.lock() = Queue { closed: true, ..Queue::default() };
        self.room.iter().for_each(Semaphore::close);
        // Whoever waits for an answer of the lane learns that there will be none.
        let driven = self.wheel.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(driven);
    }
}

/// A turn that does not come to its end: the lane's thread tells the process.
struct Breakdown<'a>(&'a Inbox);

impl Drop for Breakdown<'_> {
    fn drop(&mut self) {
        if panicking() {
            self.0.let_go(Err(ServerError::BrokeDown("lane")), None, false);
        }
    }
}

/// The lane's end of the queue. However the lane's thread ends, dropping this
/// closes the queue, so that nobody waits for a lane that is gone.
#[derive(Debug)]
pub(crate) struct LaneEnd(Arc<Inbox>);

impl LaneEnd {
    /// From now on there is something to turn.
    pub(crate) fn new(inbox: &Arc<Inbox>, wheel: impl Wheel + 'static) -> Self {
        inbox.lock().deadline = wheel.deadline();
        let driven = Driven { wheel: Box::new(wheel), batch: VecDeque::new() };
        *inbox.wheel.lock().unwrap_or_else(PoisonError::into_inner) = Some(driven);
        Self(Arc::clone(inbox))
    }

    /// What the lane's thread does: it turns what nobody else has, until the end.
    pub(crate) fn serve(self) -> Result<(), ServerError> {
        loop {
            if let Some(over) = self.0.wait() {
                return over;
            }
            self.0.turn();
        }
    }
}

impl Drop for LaneEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replies::{Addressee, Answered};
    use base::AskId;
    use base::limits::FRAME_BYTES_MAX;
    use node::event::Ask;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread::{JoinHandle, ThreadId, current, spawn};
    use tokio::sync::oneshot;

    fn ask(bytes: usize) -> Item {
        let (answer, _) = oneshot::channel();
        Item::Ask { id: AskId(1), ask: Ask::Status, bytes, answer: Addressee::Caller(answer) }
    }

    #[test]
    fn of_asks_that_come_together_those_that_find_no_room_stay() {
        let inbox = Inbox::new();
        let mut asks = vec![ask(ASK_BYTES_MAX - 1), ask(1), ask(1)];
        inbox.push_asks(Hand::Busy, &mut asks);
        let mut batch = VecDeque::new();
        inbox.take(&mut batch);
        assert_eq!((batch.len(), asks.len()), (2, 1));
        inbox.push_asks(Hand::Busy, &mut asks);
        assert!(asks.is_empty());
    }

    #[test]
    fn asks_beyond_the_bound_are_refused_until_the_lane_takes_them() {
        let inbox = Inbox::new();
        assert_eq!(inbox.push_ask(ask(ASK_BYTES_MAX)), Ok(()));
        assert_eq!(inbox.push_ask(ask(1)), Err(Full));
        inbox.push(Item::Stop);
        let mut batch = VecDeque::new();
        inbox.take(&mut batch);
        assert_eq!(batch.len(), 2);
        assert_eq!(inbox.push_ask(ask(1)), Ok(()));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_lane_that_is_gone() {
        let inbox = Arc::new(Inbox::new());
        let asks: Vec<_> = (0..2).map(|_| oneshot::channel::<Answered>()).collect();
        let mut end = Some(LaneEnd::new(&inbox, script([]).0));
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

    /// What a turn of [`Script`] does.
    #[derive(Debug)]
    enum Then {
        Due(Time),
        Crowd(bool),
        Bring(Arc<Inbox>),
        Stop,
        Panic,
    }

    /// Tells who turned it and with how much.
    #[derive(Debug)]
    struct Script {
        then: VecDeque<Then>,
        told: Sender<(ThreadId, usize)>,
        deadline: Option<Time>,
        crowded: bool,
    }

    impl Wheel for Script {
        fn turn(&mut self, batch: &mut VecDeque<Item>) -> Result<Next, ServerError> {
            let _ = self.told.send((current().id(), batch.drain(..).count()));
            self.deadline = None;
            match self.then.pop_front() {
                Some(Then::Due(due)) => self.deadline = Some(due),
                Some(Then::Crowd(crowded)) => self.crowded = crowded,
                Some(Then::Bring(inbox)) => inbox.push_with(Hand::Free, Item::Forget(AskId(2))),
                Some(Then::Stop) => return Ok(Next::Stop),
                Some(Then::Panic) => panic!("as the script says"),
                None => {}
            }
            Ok(Next::Turn)
        }

        fn deadline(&self) -> Option<Time> {
            self.deadline
        }

        fn is_crowded(&self) -> bool {
            self.crowded
        }
    }

    fn script(then: impl IntoIterator<Item = Then>) -> (Script, Receiver<(ThreadId, usize)>) {
        let (told, turns) = channel();
        (Script { then: then.into_iter().collect(), told, deadline: None, crowded: false }, turns)
    }

    /// A lane whose thread sleeps, and what the wheel tells.
    struct Sleeping {
        inbox: Arc<Inbox>,
        turns: Receiver<(ThreadId, usize)>,
        lane: JoinHandle<Result<(), ServerError>>,
    }

    impl Sleeping {
        fn with(then: impl FnOnce(&Arc<Inbox>) -> Vec<Then>) -> Self {
            let inbox = Arc::new(Inbox::new());
            let (wheel, turns) = script(then(&inbox));
            let end = LaneEnd::new(&inbox, wheel);
            let sleeping = Self { inbox, turns, lane: spawn(move || end.serve()) };
            sleeping.settle();
            sleeping
        }

        fn settle(&self) {
            while self.inbox.lock().asleep.is_none() {
                std::thread::yield_now();
            }
        }

        /// Who turned next, and with how much.
        fn next(&self) -> (bool, usize) {
            let (who, count) = self.turns.recv().unwrap();
            (who == self.lane.thread().id(), count)
        }

        fn bring(&self, hand: Hand) {
            self.inbox.push_with(hand, Item::Forget(AskId(1)));
        }
    }

    #[test]
    fn who_brings_little_turns_and_who_brings_much_or_has_no_time_calls_the_lane() {
        let lane = Sleeping::with(|_| Vec::new());
        lane.bring(Hand::Free);
        assert_eq!(lane.turns.try_recv(), Ok((current().id(), 1)), "before it comes back");
        lane.bring(Hand::Busy);
        assert_eq!(lane.next(), (true, 1));
        lane.settle();
        let mut asks: Vec<_> = (0..=TURNED_ITEMS_MAX).map(|_| ask(1)).collect();
        lane.inbox.push_asks(Hand::Free, &mut asks);
        assert_eq!(lane.next(), (true, TURNED_ITEMS_MAX + 1));
        lane.settle();
        lane.inbox.push_asks(Hand::Free, &mut vec![ask(TURNED_BYTES_MAX + 1)]);
        assert_eq!(lane.next(), (true, 1));
    }

    #[test]
    fn when_much_is_under_way_the_lane_is_called() {
        let lane = Sleeping::with(|_| vec![Then::Crowd(true), Then::Crowd(false)]);
        lane.bring(Hand::Free);
        lane.bring(Hand::Free);
        assert_eq!([lane.next(), lane.next()], [(false, 1), (true, 1)]);
        lane.settle();
        lane.bring(Hand::Free);
        assert_eq!(lane.next(), (false, 1));
    }

    #[test]
    fn what_comes_while_somebody_turns_is_left_to_the_lane() {
        let lane = Sleeping::with(|inbox| vec![Then::Bring(Arc::clone(inbox))]);
        lane.bring(Hand::Free);
        assert_eq!([lane.next(), lane.next()], [(false, 1), (true, 1)]);
    }

    #[test]
    fn a_deadline_that_comes_nearer_by_a_turn_is_kept_by_the_lane() {
        let lane = Sleeping::with(|_| vec![Then::Due(Time::ZERO)]);
        lane.bring(Hand::Free);
        assert_eq!([lane.next(), lane.next()], [(false, 1), (true, 0)]);
        let (mut wheel, turns) = script([]);
        wheel.deadline = Some(Time::ZERO);
        let inbox = Arc::new(Inbox::new());
        let end = LaneEnd::new(&inbox, wheel);
        let _serving = spawn(move || end.serve());
        assert_eq!(turns.recv().map(|(_, count)| count), Ok(0), "the first one too");
    }

    #[test]
    fn the_end_is_told_to_the_lane_whoever_turned() {
        let lane = Sleeping::with(|_| vec![Then::Stop]);
        lane.bring(Hand::Free);
        assert!(lane.lane.join().unwrap().is_ok());
        assert!(lane.inbox.wheel.lock().unwrap().is_none());
        let lane = Sleeping::with(|_| vec![Then::Panic]);
        let broken = catch_unwind(AssertUnwindSafe(|| lane.bring(Hand::Free)));
        assert!(broken.is_err());
        let told = lane.lane.join().unwrap();
        assert!(matches!(told, Err(ServerError::BrokeDown("lane"))), "{told:?}");
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
        inbox.take(&mut batch);
        assert_eq!(batch.len(), 3);
        third.await;
    }
}
