//! A store made anew of the versions that another one kept.
//!
//! What comes in may say anything, so every step asks whether it can be: the
//! result fits together as if the commands had made it. History is not told
//! apart: each version from the compacted revision on is a change, and knows
//! its revision and its place in it.

use super::line::{Line, Version};
use super::record::{Record, Sums};
use super::sweep::Sweep;
use super::{Floor, Memory, cost, tombstone};
use crate::command::{Change, KeyValue};
use crate::hash::digest_of;
use crate::store::kept::{Contradiction, Thawed};
use crate::store::page::REVISION_EMPTY;
use crate::tree::Builder;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::Revision;

type Checked<T> = Result<T, Contradiction>;

/// A change on its way into the history.
#[derive(Debug)]
struct Noted {
    revision: Revision,
    place: u32,
    change: Change,
    digest: u64,
    /// The digest of the pair before.
    over: Option<u64>,
}

/// A store that is not whole yet.
#[derive(Debug)]
pub(crate) struct Thawing {
    revision: Revision,
    compacted: Option<Revision>,
    lines: Builder<Line>,
    /// The key whose versions come, and its versions once there is one.
    open: Option<(Vec<u8>, Option<Line>)>,
    changes: Vec<Noted>,
    floor: Floor,
}

impl Thawing {
    pub(in crate::store) fn new(revision: Revision, compacted: Option<Revision>) -> Self {
        Self {
            revision,
            compacted,
            lines: Builder::default(),
            open: None,
            changes: Vec::new(),
            floor: Floor::default(),
        }
    }

    pub(in crate::store) fn key(&self) -> Option<&[u8]> {
        self.open.as_ref().map(|(key, _)| &key[..])
    }

    pub(in crate::store) fn begin(&mut self, key: &[u8]) -> Checked<()> {
        check(!key.is_empty(), "a key is empty")?;
        check(self.key().is_none_or(|last| last < key), "keys are not in order")?;
        self.close()?;
        self.open = Some((key.into(), None));
        Ok(())
    }

    pub(in crate::store) fn add(&mut self, version: Thawed) -> Checked<()> {
        let Thawed { revision, place, kv } = version;
        let Some((key, line)) = &mut self.open else {
            return Err(Contradiction("a version has no key"));
        };
        let compacted = self.compacted.unwrap_or_default();
        let last = line.as_ref().map(|line| &line.last);
        check(last.is_none_or(|last| last.revision < revision), "versions are not in order")?;
        check(revision > REVISION_EMPTY, "a version is from before the first")?;
        check(revision <= self.revision, "a version is from the future")?;
        check(last.is_none() || revision > compacted, "a version cannot be read any more")?;
        check(kv.is_some() || revision >= compacted, "a deletion cannot be seen any more")?;
        check(revision >= compacted || place == 0, "a place cannot be watched any more")?;
        let previous = last.and_then(|last| Some((last.digest, last.kv.clone()?)));
        let (over, previous) = previous.unzip();
        let before = previous.as_deref();
        check(
            match &kv {
                Some(kv) if revision <= compacted => is_old(kv),
                Some(kv) => follows(kv, before),
                None => before.is_some() || revision == compacted,
            },
            "a version does not follow on the one before",
        )?;
        let kv = kv.map(Arc::new);
        let deleted = kv.is_none();
        let shown = kv.clone().unwrap_or_else(|| Arc::new(tombstone(key, revision)));
        let digest = digest_of(&shown, deleted);
        if revision <= compacted && !deleted {
            self.floor.live = self.floor.live.wrapping_add(digest);
            self.floor.live_bytes += cost::of_version(&shown);
        }
        if revision >= compacted {
            let change = Change { kv: shown, deleted, previous };
            self.changes.push(Noted { revision, place, change, digest, over });
        }
        let version = Version { revision, place, digest, kv };
        match line {
            Some(line) => line.push(version),
            None => *line = Some(Line::new(key, version)),
        }
        Ok(())
    }

    pub(in crate::store) fn finish(mut self) -> Checked<Memory> {
        self.close()?;
        let compacted = self.compacted.unwrap_or_default();
        let mut history = Builder::default();
        let mut sums =
            Sums { live: self.floor.live, live_bytes: self.floor.live_bytes, ..Sums::default() };
        self.changes.sort_unstable_by_key(|noted| (noted.revision, noted.place));
        let mut expected = compacted.max(REVISION_EMPTY.next());
        let mut changes = self.changes.into_iter().peekable();
        while expected <= self.revision {
            let mut batch = Vec::new();
            while let Some(noted) = changes.next_if(|noted| noted.revision == expected) {
                check(noted.place as usize == batch.len(), "changes have no order")?;
                if expected > compacted {
                    sums.add(noted.digest, &noted.change, noted.over);
                } else {
                    sums.add_old(noted.digest, &noted.change);
                }
                batch.push(noted.change);
            }
            check(!batch.is_empty(), "a revision has no change")?;
            if expected == compacted {
                self.floor.written_bytes = sums.written_bytes;
            }
            history.push(Record { revision: expected, changes: batch.into(), sums });
            expected = expected.next();
        }
        Ok(Memory {
            lines: self.lines.into(),
            history: history.into(),
            revision: self.revision,
            newest: self.revision,
            drafted: 0,
            sums,
            compacted: self.compacted,
            floor: self.floor,
            sweep: Sweep::through(compacted),
        })
    }

    fn close(&mut self) -> Checked<()> {
        let Some((_, line)) = self.open.take() else { return Ok(()) };
        let line = line.ok_or(Contradiction("a key has no version"))?;
        self.lines.push(line);
        Ok(())
    }
}

/// What a pair can be whose versions before are not known.
fn is_old(kv: &KeyValue) -> bool {
    let since = kv.modified.0.checked_sub(kv.create.0);
    let writes = kv.version.checked_sub(1);
    let (Some(since), Some(writes)) = (since, writes) else { return false };
    // Each write after the creation had a revision of its own.
    kv.create > REVISION_EMPTY && writes <= since && (writes > 0) == (since > 0)
}

/// What a pair must be that was written over another one, or over nothing.
fn follows(kv: &KeyValue, before: Option<&KeyValue>) -> bool {
    let wanted = before.map_or((kv.modified, 0), |before| (before.create, before.version));
    (Some(kv.version), kv.create) == (wanted.1.checked_add(1), wanted.0)
}

const fn check(holds: bool, or: &'static str) -> Checked<()> {
    if holds { Ok(()) } else { Err(Contradiction(or)) }
}
