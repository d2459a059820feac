//! Where do doors hand in what clients want? Every ask gets its name, waits for
//! its one answer, and is forgotten when its client leaves.

use super::words::refused;
use crate::clock;
use crate::face::Face;
use crate::inbox::{Inbox, Item, Told};
use api::etcd::header::Header;
use base::{AskId, WatchKey};
use node::event::{Answer, Ask, Event, Refused, WatchOpen};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot, watch};

/// What the doors of a node share.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    inbox: Arc<Inbox>,
    face: Arc<Face>,
    next: Arc<AtomicU64>,
    closing: watch::Receiver<bool>,
}

impl Desk {
    pub(crate) fn new(inbox: Arc<Inbox>, face: Arc<Face>, closing: watch::Receiver<bool>) -> Self {
        // Another start in each life, so that no name of an older one comes again.
        let next = Arc::new(AtomicU64::new(clock::random() >> 2));
        Self { inbox, face, next, closing }
    }

    /// Asks the lane and waits. A caller that is dropped meanwhile is forgotten.
    pub(crate) async fn ask(
        &self,
        ask: Ask,
        bytes: usize,
    ) -> Result<(Answer, Header), tonic::Status> {
        let id = AskId(self.number());
        let (answer, answered) = oneshot::channel();
        let item = Item::Ask { id, ask, bytes, answer };
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

    pub(crate) fn credit(&self, key: WatchKey, batches: u32) {
        self.inbox.push(Item::Event(Event::Credit { key, batches }));
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
