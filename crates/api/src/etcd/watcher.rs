//! One watch of a stream: what its client knows already, and what it is told next.

use crate::etcd::header::Header;
use crate::etcd::sheet::{Response, Sheets};
use crate::etcd::wire::etcdserverpb::watch_create_request::FilterType;
use crate::etcd::wire::etcdserverpb::{WatchCreateRequest, WatchResponse};
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use base::{Revision, WatchKey};
use bytes::Bytes;
use core::mem;

/// A live watch that is told of more revisions at once does not keep up: each
/// in a response of its own would cost more than the events.
const KEEPS_UP: usize = 8;

/// A watch that has an id.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) key: WatchKey,
    pub(super) state: State,
    pub(super) no_put: bool,
    pub(super) no_delete: bool,
    pub(super) want_previous: bool,
    fragment: bool,
    /// The client wants to hear now and then how far it is.
    notify: bool,
    /// No event was told since the last interval of these notices.
    quiet: bool,
    /// A notice is due as soon as the node says how far the watch is.
    due: bool,
    /// The newest revision of which an event was told.
    pub(super) told: Revision,
    /// Nothing below this revision is told (again).
    pub(super) next: Revision,
}

/// How far its client has come.
#[derive(Debug)]
pub(super) enum State {
    /// The node was asked. Answers to later creations wait here, so that
    /// creations are answered in the order in which they came.
    Opening { behind: Vec<WatchResponse> },
    /// The client knows it; it may have history to read first.
    Behind,
    /// It has told everything up to the present.
    Live,
    /// Compacted: closed, but its id is still taken.
    Closed,
}

impl State {
    /// What a client must hear before anything else about a watch: that it was
    /// created, and whatever waited behind that. Nothing if it knows already.
    pub(super) fn created(self, id: i64, header: Header) -> Vec<WatchResponse> {
        let Self::Opening { behind } = self else { return Vec::new() };
        let mut said = vec![WatchResponse { created: true, ..response(id, header) }];
        said.extend(behind);
        said
    }
}

impl Watch {
    /// `next` is `ZERO` until it is known what "from now on" means.
    pub(super) fn new(key: WatchKey, create: &WatchCreateRequest, from: Option<Revision>) -> Self {
        let filtered = |filter: FilterType| create.filters.contains(&i32::from(filter));
        Self {
            key,
            state: State::Opening { behind: Vec::new() },
            no_put: filtered(FilterType::Noput),
            no_delete: filtered(FilterType::Nodelete),
            want_previous: create.prev_kv,
            fragment: create.fragment,
            notify: create.progress_notify,
            quiet: true,
            due: false,
            told: Revision::ZERO,
            next: from.unwrap_or(Revision::ZERO),
        }
    }

    /// A live watch gets one response a revision, under that revision; one that
    /// is behind, or does not keep up, gets all of them in one, under the store's.
    pub(super) fn changes(&mut self, id: i64, sheets: &Sheets, header: Header) -> Vec<Response> {
        let from = self.next;
        let Some(last) = sheets.last().filter(|last| *last >= from) else {
            self.catch_up(header);
            return Vec::new();
        };
        let live = matches!(self.state, State::Live) && sheets.count(from) <= KEEPS_UP;
        self.next = last.next();
        (self.told, self.quiet, self.due) = (last, false, false);
        let said = match live {
            true => {
                let each = sheets.each(from);
                each.flat_map(|(at, events)| self.tell(id, events, header.at(at))).collect()
            }
            false => self.tell(id, sheets.since(from), header),
        };
        self.catch_up(header);
        said
    }

    /// A watch that was told everything up to the present is live.
    fn catch_up(&mut self, header: Header) {
        if self.next > header.revision && matches!(self.state, State::Behind) {
            self.state = State::Live;
        }
    }

    /// The response that carries these events, in parts if the client wants.
    fn tell(&self, id: i64, events: Bytes, header: Header) -> Vec<Response> {
        let whole = Response { head: response(id, header), events };
        if self.fragment { whole.split() } else { vec![whole] }
    }

    /// An interval of progress notices ends: whether to ask how far this one is.
    pub(super) fn tick(&mut self) -> Option<WatchKey> {
        let open = matches!(self.state, State::Behind | State::Live);
        self.due = self.notify && self.quiet && open;
        self.quiet = true;
        self.due.then_some(self.key)
    }

    /// Whether the client is to hear now that it is as far as this: not if it
    /// has heard events meanwhile, or waits for what lies ahead.
    pub(super) fn is_due(&mut self, revision: Revision) -> bool {
        mem::take(&mut self.due) && self.next <= revision.next()
    }
}

/// A response that says nothing yet; alone it is a bookmark.
pub(super) fn response(id: i64, header: Header) -> WatchResponse {
    WatchResponse { header: Some(header.wire()), watch_id: id, ..Default::default() }
}

/// A response that ends a watch.
pub(super) fn canceled(id: i64, reason: &str, header: Header) -> WatchResponse {
    WatchResponse { canceled: true, cancel_reason: reason.to_string(), ..response(id, header) }
}
