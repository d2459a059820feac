//! Where do doors hand in what clients want? Every ask gets its name, waits for
//! its one answer, and is forgotten when its client leaves.

use super::words::refused;
use crate::clock;
use crate::face::Face;
use crate::inbox::{Inbox, Waits};
use crate::item::{Item, Told};
use crate::metrics::Metrics;
use crate::replies::{Addressee, Place, Replies};
use crate::wheel::Hand;
use api::etcd::header::Header;
use base::{AskId, WatchKey};
use node::event::{Answer, Ask, Event, Refused, WatchOpen};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

/// etcd's time between progress notices.
const NOTICES: Duration = Duration::from_secs(600);

/// How long etcd's streams do without a leader: three of its elections.
const PATIENCE: Duration = Duration::from_secs(3);

/// Backups that are streamed at one time.
const BACKUPS_MAX: usize = 4;

/// What the doors of a node share.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    inbox: Arc<Inbox>,
    face: Arc<Face>,
    metrics: Arc<Metrics>,
    next: Arc<AtomicU64>,
    closing: watch::Receiver<bool>,
    /// How often watches that want it hear how far they are.
    notices: Duration,
    /// Whether a leader is known, and how long streams that want one do without.
    led: watch::Receiver<bool>,
    patience: Duration,
    /// For so many more backups there is room.
    backups: Arc<Semaphore>,
}

impl Desk {
    pub(crate) fn new(
        inbox: Arc<Inbox>,
        face: Arc<Face>,
        metrics: Arc<Metrics>,
        closing: watch::Receiver<bool>,
    ) -> Self {
        // Another start in each life, so that no name of an older one comes again.
        let next = Arc::new(AtomicU64::new(clock::random() >> 2));
        let led = face.led();
        let (notices, patience) = (NOTICES, PATIENCE);
        let backups = Arc::new(Semaphore::new(BACKUPS_MAX));
        Self { inbox, face, metrics, next, closing, notices, led, patience, backups }
    }

    /// The same with another time between progress notices.
    pub(crate) fn noticing(self, notices: Duration) -> Self {
        Self { notices, ..self }
    }

    /// The same with another patience of streams without a leader.
    pub(crate) fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Whether a leader is known.
    pub(crate) fn is_led(&self) -> bool {
        *self.led.borrow()
    }

    /// Ends when no leader has been known for longer than streams do without.
    pub(crate) fn forsaken(&self) -> impl Future<Output = ()> + Send + use<> {
        let (mut led, patience) = (self.led.clone(), self.patience);
        async move {
            // No sender any more is the end of the server, which others tell.
            while led.wait_for(|led| !*led).await.is_ok() {
                if timeout(patience, led.wait_for(|led| *led)).await.is_err() {
                    return;
                }
            }
            std::future::pending().await
        }
    }

    /// Room for a backup as long as it is held, if there is any.
    pub(crate) fn room_for_backup(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.backups).try_acquire_owned().ok()
    }

    /// How often watches that want it hear how far they are.
    pub(crate) const fn notice_interval(&self) -> Duration {
        self.notices
    }

    /// Asks the lane and waits. A caller that is dropped meanwhile is forgotten.
    pub(crate) async fn ask(
        &self,
        ask: Ask,
        bytes: usize,
    ) -> Result<(Answer, Header), tonic::Status> {
        let id = AskId(self.number());
        let (answer, answered) = oneshot::channel();
        let item = Item::Ask { id, ask, bytes, answer: Addressee::Caller(answer) };
        self.inbox.push_ask(item).map_err(|_| refused(Refused::TooManyRequests))?;
        let mut waiting = Waiting { inbox: &self.inbox, id, answered: false };
        let outcome = answered.await;
        waiting.answered = true;
        match outcome {
            Ok(said) => match said.answer {
                Answer::Refused(why) => Err(refused(why)),
                answer => Ok((answer, self.face.header_in(said.term))),
            },
            Err(_) => Err(refused(Refused::Stopped)),
        }
    }

    /// An ask whose answer goes to `replies`, not handed in yet.
    pub(crate) fn prepare(&self, ask: Ask, bytes: usize, replies: &Arc<Replies>) -> (AskId, Item) {
        let id = AskId(self.number());
        let answer = Addressee::Connection(Place::new(id, replies));
        (id, Item::Ask { id, ask, bytes, answer })
    }

    /// Hands in what was prepared; what finds no room stays.
    pub(crate) fn hand_in(&self, hand: Hand, asks: &mut Vec<Item>) {
        self.inbox.push_asks(hand, asks);
    }

    /// The answer to an ask that was handed in is not wanted any more.
    pub(crate) fn forget(&self, id: AskId) {
        self.inbox.push(Item::Forget(id));
    }

    /// What waits for the lane.
    pub(crate) fn waits(&self) -> Waits {
        self.inbox.waits()
    }

    /// What is counted.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The header of an answer that needs no lane.
    pub(crate) fn header(&self) -> Header {
        self.face.header()
    }

    /// The header of an answer given in this term.
    pub(crate) fn header_in(&self, term: u64) -> Header {
        self.face.header_in(term)
    }

    /// A name for a watch.
    pub(crate) fn watch_key(&self) -> WatchKey {
        WatchKey(self.number())
    }

    pub(crate) fn open(&self, key: WatchKey, open: WatchOpen, events: mpsc::UnboundedSender<Told>) {
        self.inbox.push(Item::Watch { key, open, events });
    }

    /// Room for one more page, for each of these.
    pub(crate) fn credit(&self, keys: Vec<WatchKey>) {
        if !keys.is_empty() {
            self.inbox.push(Item::Event(Event::Credit { keys, batches: 1 }));
        }
    }

    /// Has the first of these told how far they are, behind their events, if all
    /// of them are up to date.
    pub(crate) fn progress(&self, all: Vec<WatchKey>) {
        if let Some(key) = all.first().copied() {
            self.inbox.push(Item::Event(Event::Progress { key, all }));
        }
    }

    pub(crate) fn close(&self, key: WatchKey) {
        self.inbox.push(Item::Unwatch(key));
    }

    /// Ends when the server stops.
    pub(crate) fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closing = self.closing.clone();
        // No sender any more is the end too.
        async move { drop(closing.wait_for(|closing| *closing).await) }
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

struct Waiting<'a> {
    inbox: &'a Inbox,
    id: AskId,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.inbox.push(Item::Forget(self.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{ClusterId, NodeId, Revision};
    use std::collections::VecDeque;

    fn desk() -> (Desk, Arc<Inbox>, watch::Sender<bool>) {
        let inbox = Arc::new(Inbox::new());
        let face = Arc::new(Face::new(ClusterId(7), NodeId(1)));
        let (open, closing) = watch::channel(false);
        let metrics = Arc::new(Metrics::new(NodeId(1)));
        (Desk::new(Arc::clone(&inbox), face, metrics, closing), inbox, open)
    }

    fn taken(inbox: &Inbox) -> VecDeque<Item> {
        let mut batch = VecDeque::new();
        inbox.take(&mut batch);
        batch
    }

    #[tokio::test]
    async fn a_caller_that_leaves_is_forgotten() {
        let (desk, inbox, _open) = desk();
        let mut asking = Box::pin(desk.ask(Ask::Status, 0));
        tokio::select! { biased; _ = &mut asking => panic!("nobody answers"), () = async {} => {} }
        drop(asking);
        let items = taken(&inbox);
        let [Item::Ask { id: asked, .. }, Item::Forget(forgotten)] = items.as_slices().0 else {
            panic!("{items:?}")
        };
        assert_eq!(asked, forgotten);
    }

    #[tokio::test]
    async fn a_lane_that_is_gone_leaves_the_outcome_open() {
        let (desk, inbox, _open) = desk();
        let asking = tokio::spawn(async move { desk.ask(Ask::Status, 0).await });
        while taken(&inbox).is_empty() {
            tokio::task::yield_now().await;
        }
        let refused = asking.await.unwrap().unwrap_err();
        assert_eq!(refused.message(), "etcdserver: server stopped");
    }

    #[tokio::test(start_paused = true)]
    async fn streams_do_without_a_leader_for_a_while_only() {
        let inbox = Arc::new(Inbox::new());
        let face = Arc::new(Face::new(ClusterId(7), NodeId(1)));
        let (_open, closing) = watch::channel(false);
        let metrics = Arc::new(Metrics::new(NodeId(1)));
        let desk = Desk::new(inbox, Arc::clone(&face), metrics, closing).patient(PATIENCE);
        face.leads(true);
        assert!(desk.is_led());
        let mut forsaken = Box::pin(desk.forsaken());
        assert!(timeout(10 * PATIENCE, &mut forsaken).await.is_err());
        face.leads(false);
        assert!(!desk.is_led());
        assert!(timeout(PATIENCE / 2, &mut forsaken).await.is_err());
        face.leads(true);
        assert!(timeout(10 * PATIENCE, &mut forsaken).await.is_err());
        face.leads(false);
        assert!(timeout(2 * PATIENCE, &mut forsaken).await.is_ok());
    }

    #[tokio::test]
    async fn closing_is_seen_whether_it_was_or_will_be_said() {
        let (desk, _inbox, open) = desk();
        let before = desk.closing();
        open.send_replace(true);
        before.await;
        desk.closing().await;
        assert_eq!(desk.header().revision, Revision::ZERO);
    }
}
