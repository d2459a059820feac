//! The Watch service: one stream, many watches, in etcd's words.
//!
//! A pure machine between a client's stream and the watches of a node. It
//! gives out the ids that the client sees, answers what needs no node, says
//! which watches to open and close, and turns their events into responses.
//! Whoever holds it sends the responses in the order in which it returns them.
//!
//! A bookmark says how far a client is, behind all events up to there. What one
//! needs is asked of the node, for all watches of the stream at once; what is not
//! answered is dropped, as etcd does while a watch lags, and clients ask again.

use crate::etcd::error::{self, Status};
use crate::etcd::header::{Header, signed};
use crate::etcd::range;
use crate::etcd::sheet::{Response, Sheets};
use crate::etcd::watcher::{State, Watch, canceled, response};
use crate::etcd::wire::etcdserverpb::watch_request::RequestUnion;
use crate::etcd::wire::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use base::{Revision, WatchKey};
use kv::command::KeyRange;

/// The id under which a watch is refused that never came to be, and under which
/// all watches of a stream are meant.
const NO_WATCH_ID: i64 = -1;

/// What a request leads to.
#[derive(Clone, PartialEq, Debug)]
pub enum StreamOut {
    /// Open this watch; its events come back by [`WatchStream::on_event`].
    Open {
        /// Names the watch between this stream and the node.
        key: WatchKey,
        /// The keys.
        range: KeyRange,
        /// Leave out puts.
        no_put: bool,
        /// Leave out deletions.
        no_delete: bool,
        /// Tell the pair before each change.
        want_previous: bool,
        /// From which revision on; `None` is from the next one on.
        from: Option<Revision>,
    },
    /// Close this watch.
    Close {
        /// Which one.
        key: WatchKey,
    },
    /// Ask that [`WatchEvent::Progress`] be said of all these watches at once, on
    /// the first of them.
    Progress {
        /// Every open watch of the stream.
        keys: Vec<WatchKey>,
    },
    /// Tell the client.
    Say(WatchResponse),
}

/// What a node says about a watch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchEvent {
    /// It is open; the first of its events.
    Opened {
        /// The keyspace's revision at that moment.
        revision: Revision,
    },
    /// Whole revisions in order.
    Changes {
        /// The keyspace's revision at that moment.
        revision: Revision,
        /// The revisions that hold something for this watch: what it filters out
        /// is not among it.
        sheets: Arc<Sheets>,
    },
    /// Every event up to here, of all these watches, was said before this.
    Progress {
        /// The revision.
        revision: Revision,
        /// Those that were asked about.
        all: Vec<WatchKey>,
    },
    /// It asked for what is no longer kept. The node has closed it.
    Compacted {
        /// The oldest revision that can be watched.
        oldest: Revision,
    },
    /// The node has closed it, or has not opened it, for a reason of its own.
    /// When that is for want of a leader, it is kinder to end the whole stream
    /// as `Unavailable`: clients then open their watches again elsewhere.
    Ended,
}

/// One Watch stream of one client.
#[derive(Debug, Default)]
pub struct WatchStream {
    /// Every id that is taken, those of compacted watches included: etcd keeps
    /// them until the client cancels.
    watches: BTreeMap<i64, Watch>,
    /// Which id a live watch has. Each value is a key of `watches`.
    ids: BTreeMap<WatchKey, i64>,
    /// The watch that was created last.
    latest: Option<WatchKey>,
    /// Where the search for the next free id begins.
    next_id: i64,
    /// The client waits to hear how far all of its watches are: these.
    round: Option<Vec<WatchKey>>,
    /// The newest revision of which the client was told an event.
    told: Revision,
}

impl WatchStream {
    /// A stream without watches.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The open watches, to be closed when the stream ends.
    pub fn keys(&self) -> impl Iterator<Item = WatchKey> + '_ {
        self.ids.keys().copied()
    }

    /// What the client says. `header` carries the newest revision the caller
    /// knows of; `give_key` names a watch with a key that was never used.
    #[must_use]
    pub fn on_request(
        &mut self,
        request: WatchRequest,
        header: Header,
        give_key: impl FnMut() -> WatchKey,
    ) -> Vec<StreamOut> {
        match request.request_union {
            Some(RequestUnion::CreateRequest(create)) => self.create(create, header, give_key),
            Some(RequestUnion::CancelRequest(cancel)) => self.cancel(cancel.watch_id, header),
            Some(RequestUnion::ProgressRequest(_)) => self.ask_progress(),
            None => Vec::new(),
        }
    }

    /// The interval of progress notices has passed: the watches of which to ask
    /// [`WatchEvent::Progress`], because their clients want a notice and have
    /// heard no event since the last interval.
    #[must_use]
    pub fn notify_due(&mut self) -> Vec<WatchKey> {
        self.watches.values_mut().filter_map(Watch::tick).collect()
    }

    /// What the node says about a watch. Nothing is told about one that the
    /// client has cancelled, even if its events were on their way.
    #[must_use]
    pub fn on_event(&mut self, key: WatchKey, event: WatchEvent, header: Header) -> Vec<Response> {
        let Some(&id) = self.ids.get(&key) else { return Vec::new() };
        let said = match event {
            WatchEvent::Changes { revision, sheets } => {
                return self.changes(id, &sheets, header.at(revision));
            }
            WatchEvent::Opened { revision } => self.opened(id, header.at(revision)),
            WatchEvent::Progress { revision, all } => self.progress(id, &all, header.at(revision)),
            WatchEvent::Compacted { oldest } => self.compacted(id, oldest, header),
            WatchEvent::Ended => self.ended(id, header),
        };
        said.into_iter().map(Response::from).collect()
    }

    fn changes(&mut self, id: i64, sheets: &Sheets, header: Header) -> Vec<Response> {
        let Some(watch) = self.watches.get_mut(&id) else { return Vec::new() };
        let said = watch.changes(id, sheets, header);
        if !said.is_empty() {
            self.told = self.told.max(watch.told);
        }
        said
    }

    fn create(
        &mut self,
        create: WatchCreateRequest,
        header: Header,
        mut give_key: impl FnMut() -> WatchKey,
    ) -> Vec<StreamOut> {
        // etcd reads a missing key as the smallest one there can be.
        let first = if create.key.is_empty() { &b"\0"[..] } else { &create.key };
        let range = range::keys(first, &create.range_end);
        let from = match u64::try_from(create.start_revision) {
            Err(_) => return self.refuse(&Status::COMPACTED.text, header),
            Ok(0) => None,
            Ok(revision) => Some(Revision(revision)),
        };
        if matches!(&range, KeyRange::Span { start, end } if start >= end) {
            return self.refuse(error::WATCH_EMPTY_RANGE, header);
        }
        let Some(id) = self.pick_id(create.watch_id) else {
            return self.refuse(error::WATCH_DUPLICATE_ID, header);
        };
        // A bookmark of the whole stream would speak for this one too.
        self.round = None;
        let key = give_key();
        let watch = Watch::new(key, &create, from);
        let (no_put, no_delete, want_previous) =
            (watch.no_put, watch.no_delete, watch.want_previous);
        self.watches.insert(id, watch);
        self.ids.insert(key, id);
        self.latest = Some(key);
        vec![StreamOut::Open { key, range, no_put, no_delete, want_previous, from }]
    }

    /// The id to use: the wished one unless it is taken, or the next free one.
    fn pick_id(&mut self, wish: i64) -> Option<i64> {
        if wish != 0 {
            return (!self.watches.contains_key(&wish)).then_some(wish);
        }
        while self.watches.contains_key(&self.next_id) {
            self.next_id = self.next_id.checked_add(1)?;
        }
        let id = self.next_id;
        self.next_id = id.checked_add(1)?;
        Some(id)
    }

    /// Answers a creation with "created, and cancelled at once", after the
    /// answers to the creations before it.
    fn refuse(&mut self, reason: &str, header: Header) -> Vec<StreamOut> {
        let refusal = WatchResponse { created: true, ..canceled(NO_WATCH_ID, reason, header) };
        let latest = self.latest.and_then(|key| self.ids.get(&key));
        match latest.and_then(|id| self.watches.get_mut(id)).map(|watch| &mut watch.state) {
            Some(State::Opening { behind }) => {
                behind.push(refusal);
                Vec::new()
            }
            _ => vec![StreamOut::Say(refusal)],
        }
    }

    /// Without watches there is nothing to tell, and it is not told.
    fn ask_progress(&mut self) -> Vec<StreamOut> {
        let keys: Vec<WatchKey> = self.keys().collect();
        self.round = (!keys.is_empty()).then(|| keys.clone());
        if keys.is_empty() { Vec::new() } else { vec![StreamOut::Progress { keys }] }
    }

    /// These watches are as far as the header says: that may be due to the client
    /// of the first, and be the bookmark of the whole stream. An answer about
    /// other watches than there are now is none about the stream.
    fn progress(&mut self, id: i64, all: &[WatchKey], header: Header) -> Vec<WatchResponse> {
        let watch = self.watches.get_mut(&id);
        let due = watch.is_some_and(|watch| watch.is_due(header.revision));
        let mut said: Vec<_> = due.then(|| response(id, header)).into_iter().collect();
        if self.round.as_ref().is_some_and(|round| round == all) {
            self.round = None;
            // It never steps back behind an event of another watch.
            let ahead = header.revision >= self.told;
            said.extend(ahead.then(|| response(NO_WATCH_ID, header)));
        }
        said
    }

    /// An id that is unknown is not answered.
    fn cancel(&mut self, id: i64, header: Header) -> Vec<StreamOut> {
        let Some(watch) = self.watches.remove(&id) else { return Vec::new() };
        let mut out = Vec::new();
        if self.ids.remove(&watch.key).is_some() {
            self.round = None;
            out.push(StreamOut::Close { key: watch.key });
        }
        let said = watch.state.created(id, header).into_iter();
        out.extend(said.chain([canceled(id, "", header)]).map(StreamOut::Say));
        out
    }

    fn opened(&mut self, id: i64, header: Header) -> Vec<WatchResponse> {
        let Some(watch) = self.watches.get_mut(&id) else { return Vec::new() };
        let present = header.revision.next();
        if watch.next == Revision::ZERO {
            watch.next = present;
        }
        let now = if watch.next < present { State::Behind } else { State::Live };
        core::mem::replace(&mut watch.state, now).created(id, header)
    }

    /// The id stays taken until the client cancels. Clients know this end by
    /// the revision that it names.
    fn compacted(&mut self, id: i64, oldest: Revision, header: Header) -> Vec<WatchResponse> {
        let Some(watch) = self.watches.get_mut(&id) else { return Vec::new() };
        self.ids.remove(&watch.key);
        self.round = None;
        let before = core::mem::replace(&mut watch.state, State::Closed);
        let mut said = before.created(id, header);
        said.push(WatchResponse {
            compact_revision: signed(oldest.0),
            ..canceled(id, "", header.at(Revision::ZERO))
        });
        said
    }

    fn ended(&mut self, id: i64, header: Header) -> Vec<WatchResponse> {
        let Some(watch) = self.watches.remove(&id) else { return Vec::new() };
        self.ids.remove(&watch.key);
        self.round = None;
        let reason = &Status::WATCH_CANCELED.text;
        match watch.state {
            State::Opening { behind } => {
                let refusal = canceled(NO_WATCH_ID, reason, header);
                let mut said = vec![WatchResponse { created: true, ..refusal }];
                said.extend(behind);
                said
            }
            _ => vec![canceled(id, reason, header)],
        }
    }
}
