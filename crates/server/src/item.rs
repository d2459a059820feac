//! What may wait for the lane?

use crate::page::Page;
use crate::replies::Addressee;
use base::{AskId, Revision, WatchKey};
use node::event::{Ask, Event, WatchEvent, WatchOpen};
use std::sync::Arc;
use tokio::sync::mpsc;

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
