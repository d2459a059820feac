//! The watches of one keyspace: cursors into the applied history, moved only as
//! far as their watchers have room. There is no queue to overflow.
//!
//! Watches that want the same and stand at the same place are a cohort: what
//! they are told is read once and shared, however many turns it takes to tell
//! them all. A turn tells a bounded number, behind everything that is urgent, at
//! a bounded pace; cohorts take turns, and whoever had to wait hears of more at
//! once. So a put never waits for ten thousand watchers.

mod cohorts;
mod pace;

use crate::event::{Action, Queues, WatchEvent, WatchOpen};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::limits::WATCH_BATCH_REVISIONS_MAX;
use base::{Revision, Time, WatchKey, sometimes};
use cohorts::{CohortId, Cohorts, Page};
use kv::machine::Machine;
use kv::watch::{ChangesPage, Compacted, WatchFilter};
use pace::Pace;

/// Revisions that are looked at as fast as one watch is told.
const REVISIONS_PER_WORK: u64 = 16;

#[derive(Debug)]
struct Watch {
    credit: u32,
    stand: Stand,
}

/// I110: where a watch stands: in the one cohort that has it, or without room.
#[derive(Debug)]
enum Stand {
    /// With others.
    In(CohortId),
    /// Without room.
    Apart(Arc<WatchFilter>, Revision),
}

/// The watches of one keyspace.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    open: BTreeMap<WatchKey, Watch>,
    /// All that have room.
    cohorts: Cohorts,
    /// Who wants to hear that all of some watches are up to date.
    curious: Vec<(WatchKey, Vec<WatchKey>)>,
    seen: Revision,
    pace: Pace,
    /// How many have no room, and how often one got there.
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
        let (filter, next) = (self.cohorts.shared(filter), from.unwrap_or(current.next()));
        let stand = Stand::Apart(filter, next);
        self.stalled += 1;
        self.open.insert(key, Watch { credit: 0, stand });
        self.credit(key, credit);
        current
    }

    /// Gives a watch more room.
    pub(crate) fn credit(&mut self, key: WatchKey, batches: u32) {
        let Some(watch) = self.open.get_mut(&key) else { return };
        watch.credit = watch.credit.saturating_add(batches);
        if let Stand::Apart(filter, next) = &watch.stand
            && watch.credit > 0
        {
            let next = base::mutant!(SlowWatchSkips, *next, self.seen.next().max(*next));
            let place = (Arc::clone(filter), next);
            watch.stand = Stand::In(self.cohorts.join(place, key, self.seen));
            self.stalled -= 1;
        }
    }

    /// Closes a watch.
    pub(crate) fn close(&mut self, key: WatchKey) {
        match self.open.remove(&key).map(|watch| watch.stand) {
            Some(Stand::In(cohort)) => self.cohorts.leave(cohort, key),
            Some(Stand::Apart(..)) => self.stalled -= 1,
            None => {}
        }
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

    /// What must not happen when the state is replaced: everybody goes on from here.
    pub(crate) fn lose_places(&mut self, current: Revision) {
        let keys: Vec<WatchKey> = self.open.keys().copied().collect();
        for key in keys {
            let Some(Watch { credit, stand }) = self.open.get(&key) else { continue };
            let place = match stand {
                Stand::In(cohort) => self.cohorts.place(*cohort),
                Stand::Apart(filter, next) => Some((Arc::clone(filter), *next)),
            };
            let (credit, Some((filter, next))) = (*credit, place) else { continue };
            self.close(key);
            self.stalled += 1;
            let stand = Stand::Apart(filter, next.max(current.next()));
            self.open.insert(key, Watch { credit: 0, stand });
            self.credit(key, credit);
        }
    }

    /// Asks, at the end of the turn, whether all of these are up to date.
    pub(crate) fn progress(&mut self, key: WatchKey, all: Vec<WatchKey>) {
        self.curious.push((key, all));
    }

    /// When somebody can be told of history that is there already.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.cohorts.any_due().then(|| self.pace.ready())
    }

    /// Tells as many watches as a turn allows.
    pub(crate) fn fill(&mut self, now: Time, machine: &Machine, term: u64, out: &mut Vec<Action>) {
        let revision = machine.revision();
        if revision > self.seen {
            self.seen = revision;
            self.cohorts.wake(revision);
        }
        let room = self.pace.room(now);
        let mut work = room;
        while work > 0
            && let Some(cohort) = self.cohorts.turn()
        {
            match self.cohorts.page(cohort, self.seen) {
                Some(page) => self.tell(cohort, &page, term, &mut work, out),
                None => self.read(cohort, machine, term, &mut work, out),
            }
        }
        self.pace.spend(now, room - work);
        self.tell_progress(revision, term, out);
    }

    /// What a cohort is to be told, and where it stands then.
    fn read(
        &mut self,
        cohort: CohortId,
        machine: &Machine,
        term: u64,
        work: &mut usize,
        out: &mut Vec<Action>,
    ) {
        let Some((filter, from)) = self.cohorts.place(cohort) else { return };
        match machine.changes(&filter, from, WATCH_BATCH_REVISIONS_MAX) {
            Err(Compacted { oldest }) => {
                self.end(cohort, &WatchEvent::Compacted { oldest }, term, work, out);
            }
            Ok(ChangesPage { batches, next }) => {
                base::invariant!(I72, next > from, "{next:?} after {from:?}");
                *work = work.saturating_sub(price(next, from));
                if batches.is_empty() {
                    if let Some((moved, to)) = self.cohorts.advance(cohort, next, self.seen) {
                        moved.iter().for_each(|key| self.stands(*key, Stand::In(to)));
                    }
                } else {
                    let full = next <= machine.revision();
                    let page = Page { batches: batches.into(), filter, next, full };
                    self.cohorts.keep(cohort, page.clone());
                    self.tell(cohort, &page, term, work, out);
                }
            }
        }
    }

    /// Tells a cohort a page. Those for whom the turn is too short are told the
    /// same in a later one.
    fn tell(
        &mut self,
        cohort: CohortId,
        page: &Page,
        term: u64,
        work: &mut usize,
        out: &mut Vec<Action>,
    ) {
        let (Page { batches, filter, next, .. }, revision) = (page, self.seen);
        while let Some(key) = (*work > 0).then(|| self.cohorts.pop(cohort)).flatten() {
            *work -= 1;
            let Some(watch) = self.open.get_mut(&key) else { continue };
            let event = WatchEvent::Changes { revision, batches: Arc::clone(batches) };
            out.push(Action::Watch { key, term, event });
            watch.credit -= 1;
            let place = (Arc::clone(filter), *next);
            if watch.credit > 0 {
                watch.stand = Stand::In(self.cohorts.join(place, key, revision));
            } else {
                watch.stand = Stand::Apart(place.0, place.1);
                self.stalled += 1;
                self.stalls += 1;
            }
        }
        self.cohorts.put_back(cohort, revision);
    }

    fn stands(&mut self, key: WatchKey, stand: Stand) {
        if let Some(watch) = self.open.get_mut(&key) {
            watch.stand = stand;
        }
    }

    /// All of a cohort are told that there is nothing more for them.
    fn end(
        &mut self,
        cohort: CohortId,
        event: &WatchEvent,
        term: u64,
        work: &mut usize,
        out: &mut Vec<Action>,
    ) {
        while let Some(key) = (*work > 0).then(|| self.cohorts.pop(cohort)).flatten() {
            *work -= 1;
            sometimes!(WatchCompacted);
            self.open.remove(&key);
            out.push(Action::Watch { key, term, event: event.clone() });
        }
        self.cohorts.put_back(cohort, self.seen);
    }

    fn tell_progress(&mut self, revision: Revision, term: u64, out: &mut Vec<Action>) {
        for (key, all) in core::mem::take(&mut self.curious) {
            let told = all.iter().all(|key| self.next(*key) == Some(revision.next()));
            if base::mutant!(ProgressTooEarly, told, true) {
                sometimes!(ProgressTold);
                let event = WatchEvent::Progress { revision, all };
                out.push(Action::Watch { key, term, event });
            }
        }
    }

    /// How far a watch is, if it is open.
    fn next(&self, key: WatchKey) -> Option<Revision> {
        match &self.open.get(&key)?.stand {
            Stand::In(cohort) => self.cohorts.next(*cohort),
            Stand::Apart(_, next) => Some(*next),
        }
    }
}

/// The work of reading a page.
fn price(next: Revision, from: Revision) -> usize {
    let looked = next.0.saturating_sub(from.0) / REVISIONS_PER_WORK;
    usize::try_from(looked).unwrap_or(usize::MAX).saturating_add(1)
}
