//! Watches that want the same and stand at the same place, so that history is
//! read once for all of them; and whose turn it is.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use base::{Revision, WatchKey};
use kv::command::Changes;
use kv::watch::WatchFilter;

/// Names a cohort; never used twice.
pub(super) type CohortId = u64;

/// So many revisions behind a page are worth reading it again.
const MUCH_MORE: u64 = 64;

/// What watches want, and from where on.
type Place = (Arc<WatchFilter>, Revision);

/// What a cohort is told.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) batches: Arc<[Changes]>,
    /// Of what its members want.
    pub(super) filter: Arc<WatchFilter>,
    /// Where they stand then.
    pub(super) next: Revision,
    /// More would not fit: whoever reads again finds the same.
    pub(super) full: bool,
}

/// One cohort; it has members for as long as it exists.
#[derive(Debug)]
struct Cohort {
    filter: Arc<WatchFilter>,
    /// I72: everything below was told to all members or does not concern them.
    next: Revision,
    members: BTreeSet<WatchKey>,
    /// From `next` on, as some were told already: the others are told the same,
    /// so that it is made once and all of them stand at one place again.
    page: Option<Page>,
    /// There is history for it: its name is in the line.
    due: bool,
}

/// All watches that have room.
#[derive(Debug, Default)]
pub(super) struct Cohorts {
    all: BTreeMap<CohortId, Cohort>,
    /// I111: one cohort a place, and each at its place.
    places: BTreeMap<Place, CohortId>,
    /// Those for which there is no history yet.
    resting: BTreeSet<(Revision, CohortId)>,
    /// Those for which there is, in the order of their turns. Who has gone
    /// meanwhile is left out when its turn comes.
    line: VecDeque<CohortId>,
    last: CohortId,
}

impl Cohorts {
    /// How far a cohort is.
    pub(super) fn next(&self, id: CohortId) -> Option<Revision> {
        self.all.get(&id).map(|cohort| cohort.next)
    }

    /// What a cohort wants, and from where on.
    pub(super) fn place(&self, id: CohortId) -> Option<Place> {
        self.all.get(&id).map(|cohort| (Arc::clone(&cohort.filter), cohort.next))
    }

    /// What a cohort is being told, unless there is much more by now: whoever is
    /// behind would stay behind if each that was first left a short page to the
    /// others.
    pub(super) fn page(&self, id: CohortId, newest: Revision) -> Option<Page> {
        let cohort = self.all.get(&id)?;
        let page = cohort.page.as_ref()?;
        let more = newest.next().0.saturating_sub(page.next.0);
        (page.full || more < MUCH_MORE).then(|| page.clone())
    }

    /// A cohort is told this until all of it were.
    pub(super) fn keep(&mut self, id: CohortId, page: Page) {
        if let Some(cohort) = self.all.get_mut(&id) {
            cohort.page = Some(page);
        }
    }

    /// The filter as others have it already, so that equal ones are kept once.
    pub(super) fn shared(&self, filter: WatchFilter) -> Arc<WatchFilter> {
        let from = (Arc::new(filter), Revision::ZERO);
        let known = self.places.range(&from..).next().map(|((filter, _), _)| filter);
        known.filter(|known| **known == from.0).map_or(from.0, Arc::clone)
    }

    /// Adds a watch to the cohort of a place; says which one that is.
    pub(super) fn join(&mut self, place: Place, key: WatchKey, newest: Revision) -> CohortId {
        let id = match self.places.get(&place) {
            Some(id) => *id,
            None => self.found(place, newest),
        };
        self.add(id, key);
        id
    }

    /// Adds a watch to a cohort that has members.
    pub(super) fn add(&mut self, id: CohortId, key: WatchKey) {
        if let Some(cohort) = self.all.get_mut(&id) {
            cohort.members.insert(key);
        }
    }

    fn found(&mut self, place: Place, newest: Revision) -> CohortId {
        self.last += 1;
        let (id, (filter, next)) = (self.last, place.clone());
        let cohort = Cohort { filter, next, members: BTreeSet::new(), page: None, due: false };
        self.all.insert(id, cohort);
        base::invariant!(I111, self.places.insert(place, id).is_none());
        self.settle(id, newest);
        id
    }

    /// Puts a cohort that is not in the line into it, or to rest.
    fn settle(&mut self, id: CohortId, newest: Revision) {
        let Some(cohort) = self.all.get_mut(&id) else { return };
        cohort.due = cohort.next <= newest;
        if cohort.due {
            self.line.push_back(id);
        } else {
            self.resting.insert((cohort.next, id));
        }
    }

    /// Takes a watch out of its cohort.
    pub(super) fn leave(&mut self, id: CohortId, key: WatchKey) {
        let Some(cohort) = self.all.get_mut(&id) else { return };
        base::invariant!(I110, cohort.members.remove(&key));
        self.drop_if_empty(id);
    }

    /// Takes the first watch out of a cohort; the cohort goes with the last one.
    pub(super) fn pop(&mut self, id: CohortId) -> Option<WatchKey> {
        let key = self.all.get_mut(&id)?.members.pop_first();
        self.drop_if_empty(id);
        key
    }

    fn drop_if_empty(&mut self, id: CohortId) {
        if self.all.get(&id).is_some_and(|cohort| cohort.members.is_empty())
            && let Some(cohort) = self.all.remove(&id)
        {
            self.resting.remove(&(cohort.next, id));
            self.places.remove(&(cohort.filter, cohort.next));
        }
    }

    /// There is history up to here.
    pub(super) fn wake(&mut self, newest: Revision) {
        while let Some((next, id)) = self.resting.first().copied().filter(|it| it.0 <= newest) {
            self.resting.remove(&(next, id));
            self.settle(id, newest);
        }
    }

    /// Whether there is history for somebody.
    pub(super) fn any_due(&self) -> bool {
        !self.line.is_empty()
    }

    /// Whose turn it is. It must be told, moved or put back.
    pub(super) fn turn(&mut self) -> Option<CohortId> {
        loop {
            let id = self.line.pop_front()?;
            if let Some(cohort) = self.all.get_mut(&id) {
                cohort.due = false;
                return Some(id);
            }
        }
    }

    /// The rest of a cohort, whose turn was too short, goes to the end of the line.
    pub(super) fn put_back(&mut self, id: CohortId, newest: Revision) {
        self.settle(id, newest);
    }

    /// A whole cohort, whose turn it is, wants nothing below `next`. Says which
    /// watches have another cohort by that, and which: the smaller of two that
    /// meet goes over to the larger.
    pub(super) fn advance(
        &mut self,
        id: CohortId,
        next: Revision,
        newest: Revision,
    ) -> Option<(BTreeSet<WatchKey>, CohortId)> {
        let cohort = self.all.get_mut(&id)?;
        let old = (Arc::clone(&cohort.filter), cohort.next);
        (cohort.next, cohort.page) = (next, None);
        self.places.remove(&old);
        let place = (old.0, next);
        let other = self.places.get(&place).copied();
        let (stays, goes) = match other.and_then(|other| self.all.get(&other).map(|it| (other, it)))
        {
            None => (id, None),
            Some((other, there)) if there.members.len() < self.size(id) => (id, Some(other)),
            Some((other, _)) => (other, Some(id)),
        };
        let moved = goes.and_then(|goes| self.all.remove(&goes));
        if let Some(gone) = other.filter(|_| stays == id) {
            self.resting.remove(&(next, gone));
        }
        if stays == id {
            self.places.insert(place, id);
            self.settle(id, newest);
        }
        let members = moved?.members;
        members.iter().for_each(|key| self.add(stays, *key));
        Some((members, stays))
    }

    fn size(&self, id: CohortId) -> usize {
        self.all.get(&id).map_or(0, |cohort| cohort.members.len())
    }
}
