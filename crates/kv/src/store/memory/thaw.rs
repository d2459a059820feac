//! A store made anew of the versions that another one kept.
//!
//! What comes in may say anything, so every step asks whether it can be: the
//! result fits together as if the commands had made it. History is not told
//! apart: each version from the compacted revision on is a change, and knows
//! its revision and its place in it.

use super::line::Line;
use super::record::{Record, Sums, Weight};
use super::sweep::Sweep;
use super::{Floor, Memory};
use crate::command::Change;
use crate::pair::{Fields, Pair};
use crate::store::kept::{Contradiction, Thawed, ThawedPair};
use crate::store::page::REVISION_EMPTY;
use crate::tree::Builder;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::Revision;
use core::iter::Peekable;

type Checked<T> = Result<T, Contradiction>;

/// A change on its way into the history.
#[derive(Debug)]
struct Noted {
    change: Change,
    weight: Weight,
    /// The pair before.
    over: Option<Weight>,
}

/// Where a change belongs. Sorted apart from the changes: it is smaller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Belongs {
    revision: Revision,
    place: u32,
    /// Which of the changes it is.
    at: usize,
}

/// A store that is not whole yet.
#[derive(Debug)]
pub(crate) struct Thawing {
    revision: Revision,
    compacted: Option<Revision>,
    lines: Builder<Line>,
    /// The key whose versions come; none is empty.
    key: Vec<u8>,
    /// Its versions so far.
    open: Option<Line>,
    changes: Vec<Option<Noted>>,
    order: Vec<Belongs>,
    /// The sums with the compacted revision.
    floor: Sums,
}

impl Thawing {
    pub(in crate::store) fn new(revision: Revision, compacted: Option<Revision>) -> Self {
        Self {
            revision,
            compacted,
            lines: Builder::default(),
            key: Vec::new(),
            open: None,
            changes: Vec::new(),
            order: Vec::new(),
            floor: Sums::default(),
        }
    }

    pub(in crate::store) fn key(&self) -> &[u8] {
        &self.key
    }

    pub(in crate::store) fn begin(&mut self, key: &[u8]) -> Checked<()> {
        check(self.key[..] < *key, "keys are not in order")?;
        self.close()?;
        self.key.clear();
        self.key.extend_from_slice(key);
        Ok(())
    }

    pub(in crate::store) fn add(&mut self, version: Thawed) -> Checked<()> {
        let version = self.pair(&version);
        let (revision, deleted) = (version.modified(), version.is_deleted());
        self.check(&version)?;
        let compacted = self.compacted.unwrap_or_default();
        let weight = Weight::of(&version);
        if revision <= compacted && !deleted {
            self.floor.add_live(weight);
        }
        if revision >= compacted {
            let previous = self.open.as_ref().and_then(|line| line.now().cloned());
            let over = previous.as_ref().map(Weight::of);
            let previous = base::mutant!(PreviousNotThawed, previous, None);
            let change = Change { kv: version.clone(), deleted, previous };
            self.order.push(Belongs { revision, place: version.place(), at: self.changes.len() });
            self.changes.push(Some(Noted { change, weight, over }));
        }
        match &mut self.open {
            Some(line) => line.push(version),
            none => *none = Some(Line::new(version)),
        }
        Ok(())
    }

    /// The version of the open key that says this.
    fn pair(&self, version: &Thawed) -> Pair {
        let Thawed { revision, place, kv } = version;
        let Some(ThawedPair { create, version, lease, extension, value }) = kv else {
            return Pair::deletion(&self.key, *revision, *place);
        };
        let fields = Fields {
            key: &self.key,
            create: *create,
            modified: *revision,
            version: *version,
            lease: *lease,
            value,
            extension,
        };
        Pair::new(&fields, *place)
    }

    /// Whether this can be the next version of the key.
    fn check(&self, version: &Pair) -> Checked<()> {
        let (revision, deleted) = (version.modified(), version.is_deleted());
        let compacted = self.compacted.unwrap_or_default();
        let last = self.open.as_ref().map(|line| line.last.modified());
        check(!self.key.is_empty(), "a version has no key")?;
        check(last.is_none_or(|last| last < revision), "versions are not in order")?;
        check(revision > REVISION_EMPTY, "a version is from before the first")?;
        check(revision <= self.revision, "a version is from the future")?;
        check(last.is_none() || revision > compacted, "a version cannot be read any more")?;
        check(!deleted || revision >= compacted, "a deletion cannot be seen any more")?;
        check(revision >= compacted || version.place() == 0, "a place cannot be watched any more")?;
        let before = self.open.as_ref().and_then(Line::now);
        let follows = match deleted {
            true => before.is_some() || revision == compacted,
            false if revision <= compacted => is_old(&version.fields()),
            false => follows(&version.fields(), before.map(Pair::fields)),
        };
        check(follows, "a version does not follow on the one before")
    }

    pub(in crate::store) fn finish(mut self) -> Checked<Memory> {
        self.close()?;
        let compacted = self.compacted.unwrap_or_default();
        self.order.sort_unstable();
        let mut order = core::mem::take(&mut self.order).into_iter().peekable();
        let mut history = Builder::default();
        let mut sums = self.floor;
        let mut revision = compacted.max(REVISION_EMPTY.next());
        while revision <= self.revision {
            let changes = self.revision_of(revision, &mut order, &mut sums)?;
            if revision == compacted {
                self.floor = sums;
            }
            history.push(Record { revision, changes, sums });
            revision = revision.next();
        }
        Ok(Memory {
            lines: self.lines.into(),
            history: history.into(),
            revision: self.revision,
            newest: self.revision,
            drafted: 0,
            sums,
            compacted: self.compacted,
            floor: Floor {
                live: self.floor.live,
                live_bytes: self.floor.live_bytes,
                // Everything that was ever written counts from here on.
                written_before: 0,
                written_bytes: self.floor.written_bytes,
            },
            sweep: Sweep::through(compacted),
        })
    }

    /// The changes of a revision, the first in `order`.
    fn revision_of(
        &mut self,
        revision: Revision,
        order: &mut Peekable<impl Iterator<Item = Belongs>>,
        sums: &mut Sums,
    ) -> Checked<Arc<[Change]>> {
        let mut next = |place| {
            let belongs = order.next_if(|it| it.revision == revision)?;
            let noted = self.changes.get_mut(belongs.at).and_then(Option::take);
            noted.map(|noted| (belongs.place as usize == place, noted))
        };
        let mut take = |place| {
            let Some((fits, noted)) = next(place) else { return Ok(None) };
            check(fits, "changes have no order")?;
            if Some(revision) == self.compacted {
                // Its pairs are in the floor.
                sums.add_written(noted.weight);
            } else {
                sums.add(noted.weight, noted.change.deleted, noted.over);
            }
            Ok(Some(noted.change))
        };
        let first = take(0)?.ok_or(Contradiction("a revision has no change"))?;
        // Most revisions have one change.
        let Some(second) = take(1)? else { return Ok(Arc::from([first])) };
        let mut all = Vec::from([first, second]);
        while let Some(change) = take(all.len())? {
            all.push(change);
        }
        Ok(all.into())
    }

    fn close(&mut self) -> Checked<()> {
        let line = self.open.take();
        check(line.is_some() || self.key.is_empty(), "a key has no version")?;
        line.into_iter().for_each(|line| self.lines.push(line));
        Ok(())
    }
}

/// What a pair can be whose versions before are not known.
fn is_old(kv: &Fields<'_>) -> bool {
    let since = kv.modified.0.checked_sub(kv.create.0);
    let writes = kv.version.checked_sub(1);
    let (Some(since), Some(writes)) = (since, writes) else { return false };
    // Each write after the creation had a revision of its own.
    kv.create > REVISION_EMPTY && writes <= since && (writes > 0) == (since > 0)
}

/// What a pair must be that was written over another one, or over nothing.
fn follows(kv: &Fields<'_>, before: Option<Fields<'_>>) -> bool {
    let wanted = before.map_or((kv.modified, 0), |before| (before.create, before.version));
    (Some(kv.version), kv.create) == (wanted.1.checked_add(1), wanted.0)
}

const fn check(holds: bool, or: &'static str) -> Checked<()> {
    if holds { Ok(()) } else { Err(Contradiction(or)) }
}
