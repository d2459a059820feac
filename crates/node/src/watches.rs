//! The watches of one keyspace: each is a cursor into the applied history,
//! moved only as far as the watcher has room. There is no queue to overflow.

use crate::event::{Action, Queues, WatchEvent, WatchOpen};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use base::limits::WATCH_BATCH_REVISIONS_MAX;
use base::{Revision, WatchKey, sometimes};
use kv::machine::Machine;
use kv::watch::{Compacted, WatchFilter};

#[derive(Debug)]
struct Watch {
    filter: WatchFilter,
    /// I72: everything below was told or does not concern the watch; never goes back.
    next: Revision,
    credit: u32,
    /// There is something to hear and no room for it.
    stalled: bool,
}

/// The watches of one keyspace.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    open: BTreeMap<WatchKey, Watch>,
    /// Watches to look at even if the keyspace has not changed.
    touched: BTreeSet<WatchKey>,
    /// Who wants to hear that all of some watches are up to date.
    curious: Vec<(WatchKey, Vec<WatchKey>)>,
    seen: Revision,
    stalled: usize,
    stalls: u64,
}

impl Watches {
    /// Opens a watch; says at which revision it was opened.
    pub(crate) fn open(&mut self, key: WatchKey, open: WatchOpen, current: Revision) -> Revision {
        let WatchOpen { range, no_put, no_delete, want_previous, from, credit, .. } = open;
        let filter = WatchFilter { range, no_put, no_delete, want_previous };
        if from.is_some_and(|from| from <= current) {
            sometimes!(WatchCaughtUp);
        }
        let next = from.unwrap_or(current.next());
        self.open.insert(key, Watch { filter, next, credit, stalled: false });
        self.touched.insert(key);
        current
    }

    /// Gives a watch more room.
    pub(crate) fn credit(&mut self, key: WatchKey, batches: u32) {
        if let Some(watch) = self.open.get_mut(&key) {
            watch.credit = watch.credit.saturating_add(batches);
            self.touched.insert(key);
        }
    }

    /// Closes a watch.
    pub(crate) fn close(&mut self, key: WatchKey) {
        if let Some(watch) = self.open.remove(&key) {
            self.stalled -= usize::from(watch.stalled);
        }
        self.touched.remove(&key);
    }

    /// How many are open, and how many of them wait for room.
    pub(crate) fn queues(&self) -> Queues {
        Queues {
            watches: self.open.len(),
            watches_stalled: self.stalled,
            watch_stalls: self.stalls,
            ..Queues::default()
        }
    }

    /// Asks, at the end of the turn, whether all of these are up to date.
    pub(crate) fn progress(&mut self, key: WatchKey, all: Vec<WatchKey>) {
        self.curious.push((key, all));
    }

    fn tell_progress(&mut self, revision: Revision, term: u64, out: &mut Vec<Action>) {
        for (key, all) in core::mem::take(&mut self.curious) {
            let done = |key| self.open.get(key).is_some_and(|watch| watch.next == revision.next());
            let told = all.iter().all(done);
            if base::mutant!(ProgressTooEarly, told, true) {
                sometimes!(ProgressTold);
                out.push(Action::Watch { key, term, event: WatchEvent::Progress { revision } });
            }
        }
    }

    /// Moves every cursor as far as there is history and room.
    pub(crate) fn fill(&mut self, machine: &Machine, term: u64, out: &mut Vec<Action>) {
        let touched = core::mem::take(&mut self.touched);
        let revision = machine.revision();
        let Self { open, stalled, stalls, .. } = self;
        let mut fill = |key: WatchKey, watch: &mut Watch| {
            let before = watch.stalled;
            let goes_on = watch.fill(key, machine, term, out);
            *stalls += u64::from(watch.stalled && !before);
            *stalled = *stalled + usize::from(watch.stalled) - usize::from(before);
            goes_on
        };
        if revision > self.seen {
            self.seen = revision;
            open.retain(|key, watch| fill(*key, watch));
        } else {
            for key in touched {
                if open.get_mut(&key).is_some_and(|watch| !fill(key, watch)) {
                    open.remove(&key);
                }
            }
        }
        self.tell_progress(revision, term, out);
    }
}

impl Watch {
    /// Says whether the watch is still open.
    fn fill(&mut self, key: WatchKey, machine: &Machine, term: u64, out: &mut Vec<Action>) -> bool {
        let revision = machine.revision();
        while self.credit > 0 && self.next <= revision {
            let page = match machine.changes(&self.filter, self.next, WATCH_BATCH_REVISIONS_MAX) {
                Ok(page) => page,
                Err(Compacted { oldest }) => {
                    sometimes!(WatchCompacted);
                    let event = WatchEvent::Compacted { oldest };
                    out.push(Action::Watch { key, term, event });
                    self.stalled = false;
                    return false;
                }
            };
            base::invariant!(I72, page.next > self.next, "{:?} after {:?}", page.next, self.next);
            self.next = page.next;
            if !page.batches.is_empty() {
                self.credit -= 1;
                let event = WatchEvent::Changes { revision, batches: page.batches };
                out.push(Action::Watch { key, term, event });
            }
        }
        self.stalled = self.next <= revision;
        true
    }
}
