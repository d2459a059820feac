//! What the clients saw, written down while they run.

use std::sync::Mutex;
use std::time::Instant;

/// Microseconds since the run began.
pub(crate) type Moment = u64;

/// What is known of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Acknowledged, at this revision.
    Done(i64),
    /// It may have happened, or may yet.
    Unknown,
    /// The server said that it did nothing.
    Nothing,
}

/// A call that changes a key. No value is written twice.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) key: String,
    /// None: a deletion.
    pub(crate) value: Option<String>,
    pub(crate) begun: Moment,
    pub(crate) ended: Moment,
    pub(crate) outcome: Outcome,
}

/// What a key held: its value and the revision that wrote it.
pub(crate) type Held = Option<(String, i64)>;

/// A call that reads a key.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) key: String,
    pub(crate) begun: Moment,
    pub(crate) ended: Moment,
    pub(crate) linearizable: bool,
    /// As of which revision it was answered.
    pub(crate) revision: i64,
    pub(crate) held: Held,
}

/// One change, as a watch told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) revision: i64,
    pub(crate) key: String,
    /// None: a deletion.
    pub(crate) value: Option<String>,
}

/// What a watcher went through, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It asked to be told from this revision on.
    From(i64),
    Told(Event, Moment),
    /// History before this revision is gone: the only gap that is allowed.
    Compacted(i64),
}

/// One watcher's whole story.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    pub(crate) prefix: String,
    pub(crate) steps: Vec<Step>,
    /// Everything up to here was told.
    pub(crate) upto: i64,
}

/// One lease and the key that hangs on it.
#[derive(Clone, Debug)]
pub(crate) struct Leased {
    pub(crate) key: String,
    /// Written once, together with it.
    pub(crate) revision: i64,
    pub(crate) ttl: Moment,
    /// Begin and end of the grant and of every renewal that was acknowledged.
    pub(crate) renewals: Vec<(Moment, Moment)>,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) writes: Vec<Write>,
    pub(crate) reads: Vec<Read>,
    pub(crate) watches: Vec<Watched>,
    pub(crate) leases: Vec<Leased>,
}

/// Where all clients write it down, and their clock.
pub(crate) struct Notes {
    began: Instant,
    history: Mutex<History>,
}

impl Notes {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), history: Mutex::new(History::default()) }
    }

    pub(crate) fn now(&self) -> Moment {
        u64::try_from(self.began.elapsed().as_micros()).expect("no run is that long")
    }

    pub(crate) fn with<T>(&self, note: impl FnOnce(&mut History) -> T) -> T {
        note(&mut self.history.lock().expect("no client panics"))
    }
}
