//! What the records of a log add up to: for every group its newest promise and
//! its newest entry per index.

use crate::buffer::Tail;
use crate::floor::{Floor, Summary};
use crate::ledger::Ledger;
use crate::record::{Found, Link, Record, RecordKind, Seal, decode};
use crate::slot;
use alloc::collections::BTreeMap;
use base::{Ballot, Era, GroupId, Incarnation, Index, Serial};
use bytes::Bytes;

/// An entry as the log holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecoveredEntry {
    /// Under which ballot it was proposed first.
    pub ballot: Ballot,
    /// Under which ballot it was accepted: the same, unless its record says more.
    pub accepted: Ballot,
    /// What it is for, in the protocol's own number.
    pub entry_kind: u8,
    /// The leader's clock when it was proposed.
    pub clock: u64,
    /// The era that was in force when it was written.
    pub era: Era,
    /// The group's own bytes.
    pub body: Bytes,
    /// Its place in the lane's log.
    pub serial: Serial,
}

/// What one group finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupRecovered {
    /// The replica's life. What an earlier one wrote is not here.
    pub incarnation: Incarnation,
    /// The era of the newest record.
    pub era: Era,
    /// The newest promise.
    pub vote: Option<(Ballot, Bytes)>,
    /// The newest place behind which the log was said to begin, by a
    /// [`RecordKind::Restore`].
    pub base: Option<(Index, Ballot)>,
    /// Entries up to here were released and are gone: whoever goes on without
    /// them needs a checkpoint that is at least as new.
    pub released: Index,
    /// Entries that the log holds and that were not asked for: the lowest and the
    /// highest index.
    pub below: Option<(Index, Index)>,
    /// Everything up to here is known to be chosen, with the entries that the log has.
    pub chosen: Index,
    /// The newest entry of every index, from the one on that was asked for. There
    /// may be gaps: what they mean is the protocol's to say.
    pub entries: BTreeMap<Index, RecoveredEntry>,
}

impl GroupRecovered {
    const fn new(incarnation: Incarnation, era: Era) -> Self {
        let (vote, base, released, below) = (None, None, Index::ZERO, None);
        let chosen = Index::ZERO;
        Self { incarnation, era, vote, base, released, below, chosen, entries: BTreeMap::new() }
    }

    /// The lowest index of which the log holds an entry, handed up or not.
    #[must_use]
    pub fn first(&self) -> Option<Index> {
        self.below.map(|(first, _)| first).or_else(|| self.entries.keys().next().copied())
    }

    /// Entries from this index on are void.
    fn cut(&mut self, index: Index) {
        self.entries.split_off(&index);
        let below = self.below.filter(|(first, _)| *first < index);
        self.below = below.map(|(first, last)| (first, last.min(index.prev())));
    }

    /// Entries up to this index are void, and all of them unless some are kept.
    fn restore(&mut self, index: Index, ballot: Ballot, keep: bool) {
        self.base = Some((index, ballot));
        if !keep {
            self.cut(Index::ZERO);
            return;
        }
        self.entries = self.entries.split_off(&index);
        self.entries.remove(&index);
        let below = self.below.filter(|(_, last)| *last > index);
        self.below = below.map(|(first, last)| (first.max(index.next()), last));
    }

    /// An entry, unless it is below what was asked for.
    fn put(&mut self, index: Index, entry: RecoveredEntry, held: Option<&Index>) {
        if held.is_some_and(|held| index < *held) {
            return self.skip(index);
        }
        self.entries.insert(index, entry);
    }

    fn skip(&mut self, index: Index) {
        let (first, last) = self.below.unwrap_or((index, index));
        self.below = Some((first.min(index), last.max(index)));
    }
}

impl From<&Summary> for GroupRecovered {
    fn from(summary: &Summary) -> Self {
        let Summary { incarnation, era, vote, base, released } = summary.clone();
        Self { vote, base, released, ..Self::new(incarnation, era) }
    }
}

/// All records up to one place of the log.
#[derive(Debug)]
pub(crate) struct History {
    /// Where the log stands.
    pub(crate) tail: Tail,
    /// The highest `durable` of any record or segment head.
    pub(crate) recorded: Serial,
    /// The newest serial that is no witness.
    pub(crate) wanted: Serial,
    pub(crate) groups: BTreeMap<GroupId, GroupRecovered>,
    /// What each segment holds.
    pub(crate) ledger: Ledger,
    /// Entries below these are not handed up.
    held: BTreeMap<GroupId, Index>,
}

/// A record that this build must not pass over.
pub(crate) struct Unknown {
    pub(crate) offset: usize,
    pub(crate) what: &'static str,
    pub(crate) got: u64,
}

impl History {
    /// Before the first record behind the floor.
    pub(crate) fn new(floor: Floor, held: &BTreeMap<GroupId, Index>) -> Self {
        let of = |(group, summary): (&GroupId, &Summary)| (*group, summary.into());
        Self {
            tail: Tail { serial: floor.first.prev(), hash: floor.prev_hash },
            recorded: floor.durable,
            wanted: Serial::ZERO,
            groups: floor.groups.iter().map(of).collect(),
            held: held.clone(),
            ledger: Ledger::new(floor),
        }
    }

    /// Adds the records that stand in `content` from `offset` on, as far as each
    /// follows the one before; says where the first that does not would stand.
    pub(crate) fn replay(
        &mut self,
        content: &Bytes,
        seal: &Seal,
        mut offset: usize,
    ) -> Result<usize, Unknown> {
        loop {
            match decode(&content.slice(offset.min(content.len())..), seal) {
                Found::Good { link, record, hash, stored } if self.follows(&link) => {
                    self.tail = Tail { serial: link.serial, hash };
                    self.add(link, record);
                    offset += stored;
                }
                Found::Unknown { what, got } => return Err(Unknown { offset, what, got }),
                _ => return Ok(offset),
            }
        }
    }

    fn follows(&self, link: &Link) -> bool {
        link.serial == self.tail.serial.next()
            && link.prev_hash == self.tail.hash
            && link.durable < link.serial
    }

    fn add(&mut self, link: Link, record: Record) {
        self.recorded = self.recorded.max(link.durable);
        self.ledger.note(&record);
        let Record { group, incarnation, era, kind, body } = record;
        if kind == RecordKind::Witness {
            return;
        }
        self.wanted = link.serial;
        let fresh = || GroupRecovered::new(incarnation, era);
        let state = self.groups.entry(group).or_insert_with(fresh);
        if state.incarnation != incarnation {
            *state = fresh();
        }
        state.era = era;
        match kind {
            RecordKind::Entry { index, ballot, entry_kind, clock, cut } => {
                if cut {
                    state.cut(index);
                }
                let (body, accepted, serial) = (own_copy(&body), ballot, link.serial);
                let entry =
                    RecoveredEntry { ballot, accepted, entry_kind, clock, era, body, serial };
                state.put(index, entry, self.held.get(&group));
            }
            RecordKind::Slot { index, accepted, entry_kind, clock, distance, inherited } => {
                let body = own_copy(&body);
                let (ballot, body) = if inherited { slot::open(&body) } else { (accepted, body) };
                let serial = link.serial;
                let entry =
                    RecoveredEntry { ballot, accepted, entry_kind, clock, era, body, serial };
                state.chosen = state.chosen.max(slot::chosen(index, distance));
                state.put(index, entry, self.held.get(&group));
            }
            RecordKind::Vote { ballot } => state.vote = Some((ballot, own_copy(&body))),
            RecordKind::Restore { index, ballot, keep } => state.restore(index, ballot, keep),
            RecordKind::Cut { index } => state.cut(index),
            RecordKind::Witness => {}
        }
    }
}

/// A slice would keep the whole segment in memory.
fn own_copy(body: &Bytes) -> Bytes {
    Bytes::copy_from_slice(body)
}
