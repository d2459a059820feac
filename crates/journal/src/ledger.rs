//! Which segments the log still needs: what each of them holds of every group,
//! and up to where checkpoints hold it too.

use crate::floor::{Floor, Summary};
use crate::record::{Record, RecordKind};
use crate::segment::{Head, Loose};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use base::{GroupId, Incarnation, Index, Serial, invariant};
use bytes::Bytes;

/// The segments of the log, oldest first; records go to the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Where the log begins, as the disk says.
    floor: Floor,
    segments: VecDeque<Live>,
    /// Checkpoints hold the entries up to here.
    released: BTreeMap<GroupId, Index>,
    /// The newest life of each replica: what was released is of that life.
    lives: BTreeMap<GroupId, Incarnation>,
    /// No segment can go, and nothing has happened since that was found.
    settled: bool,
}

#[derive(Clone, Debug)]
struct Live {
    head: Head,
    groups: BTreeMap<GroupId, Share>,
}

/// What one segment holds of one group.
#[derive(Clone, Debug)]
struct Share {
    summary: Summary,
    /// The highest index of an entry.
    highest: Option<Index>,
    /// Entries in older segments are void from here on.
    voids: Option<Index>,
}

/// What newer segments say about the entries of an older one.
#[derive(Clone, Copy)]
struct Later {
    incarnation: Incarnation,
    voids: Option<Index>,
}

impl Ledger {
    pub(crate) fn new(floor: Floor) -> Self {
        let of = |(group, summary): (&GroupId, &Summary)| (*group, summary.released);
        let released = floor.groups.iter().map(of).collect();
        let life = |(group, summary): (&GroupId, &Summary)| (*group, summary.incarnation);
        let lives = floor.groups.iter().map(life).collect();
        Self { floor, segments: VecDeque::new(), released, lives, settled: false }
    }

    pub(crate) const fn floor(&self) -> &Floor {
        &self.floor
    }

    /// Bytes of all segments' files.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.segments.iter().map(|live| live.head.size).sum()
    }

    /// The log goes on in the segment that `head` begins.
    pub(crate) fn open(&mut self, head: &Head) {
        self.settled = false;
        self.segments.push_back(Live { head: *head, groups: BTreeMap::new() });
    }

    /// The newest segment holds this record.
    pub(crate) fn note(&mut self, record: &Record) {
        if record.kind == RecordKind::Witness {
            return;
        }
        let life = self.lives.insert(record.group, record.incarnation);
        if life.is_some_and(|life| life != record.incarnation) {
            self.settled = false;
            self.released.remove(&record.group);
        }
        if let Some(live) = self.segments.back_mut() {
            let fresh = || Share::new(record, None);
            live.groups.entry(record.group).or_insert_with(fresh).note(record);
        }
    }

    /// Entries of `group` up to `index` need not be kept; this never goes back.
    pub(crate) fn release(&mut self, group: GroupId, index: Index) {
        let released = self.released.entry(group).or_default();
        self.settled &= index <= *released;
        *released = index.max(*released);
    }

    /// A later beginning of the log, if its oldest segments are not needed. What a segment voids or promises counts only when the
    /// next one is open, for then it is durable.
    pub(crate) fn rise(&mut self, durable: Serial) -> Option<Floor> {
        if self.settled {
            return None;
        }
        let count = self.unneeded();
        self.settled = count == 0;
        let head = self.segments.get(count).filter(|_| count > 0)?.head;
        invariant!(I100, head.number > self.floor.number, "the log begins later, never earlier");
        invariant!(I101, head.first.prev() <= durable, "what the floor sums up is durable");
        let mut groups = self.floor.groups.clone();
        for live in self.segments.iter().take(count) {
            for (group, share) in &live.groups {
                let gone = share.highest.unwrap_or_default().min(self.released_of(*group));
                let later = Summary { released: gone, ..share.summary.clone() };
                groups.entry(*group).or_insert_with(|| later.clone()).add(&later);
            }
        }
        let Head { number, generation, first, prev_hash, .. } = head;
        Some(Floor { number, generation, first, prev_hash, durable, groups })
    }

    /// The disk says so: the segments before `floor` are no longer of the log.
    pub(crate) fn raise(&mut self, floor: Floor) -> Vec<Loose> {
        let below = |live: &&Live| live.head.number < floor.number;
        let loose = |live: &Live| Loose { number: live.head.number, size: live.head.size };
        let gone = self.segments.iter().filter(below).map(loose).collect();
        self.segments.retain(|live| live.head.number >= floor.number);
        (self.floor, self.settled) = (floor, false);
        gone
    }

    /// How many of the oldest segments hold no entry that is needed.
    fn unneeded(&self) -> usize {
        let mut later: BTreeMap<GroupId, Later> = BTreeMap::new();
        let mut unneeded = 0;
        for live in self.segments.iter().rev().skip(1) {
            let needed = live.groups.iter().any(|(group, share)| {
                let released = self.released_of(*group);
                share.highest_valid(later.get(group)).is_some_and(|highest| highest > released)
            });
            unneeded = if needed { 0 } else { unneeded + 1 };
            for (group, share) in &live.groups {
                let newest = later.get(group).copied();
                later.insert(*group, share.and_later(newest));
            }
        }
        unneeded
    }

    fn released_of(&self, group: GroupId) -> Index {
        self.released.get(&group).copied().unwrap_or_default()
    }
}

impl Share {
    const fn new(record: &Record, voids: Option<Index>) -> Self {
        let summary = Summary::new(record.incarnation, record.era);
        Self { summary, highest: None, voids }
    }

    fn note(&mut self, record: &Record) {
        if self.summary.incarnation != record.incarnation {
            *self = Self::new(record, Some(Index::ZERO));
        }
        self.summary.era = record.era;
        match record.kind {
            RecordKind::Entry { index, cut, .. } => {
                self.highest = self.highest.max(Some(index));
                if cut {
                    self.void(index);
                }
            }
            RecordKind::Slot { index, .. } => self.highest = self.highest.max(Some(index)),
            RecordKind::Vote { ballot } => {
                self.summary.vote = Some((ballot, Bytes::copy_from_slice(&record.body)));
            }
            RecordKind::Restore { index, ballot, keep } => {
                self.summary.base = Some((index, ballot));
                if !keep {
                    self.void(Index::ZERO);
                }
            }
            RecordKind::Cut { index } => self.void(index),
            RecordKind::Witness => {}
        }
    }

    fn void(&mut self, from: Index) {
        self.voids = Some(self.voids.map_or(from, |voids| voids.min(from)));
    }

    /// The highest index of an entry that counts, given what newer segments say.
    fn highest_valid(&self, later: Option<&Later>) -> Option<Index> {
        let Some(later) = later else { return self.highest };
        if later.incarnation != self.summary.incarnation || later.voids == Some(Index::ZERO) {
            return None;
        }
        let bound = later.voids.map_or(Index(u64::MAX), Index::prev);
        self.highest.map(|highest| highest.min(bound))
    }

    /// What this segment and the newer ones say together about older ones.
    fn and_later(&self, later: Option<Later>) -> Later {
        let incarnation = self.summary.incarnation;
        match later {
            None => Later { incarnation, voids: self.voids },
            // A newer life voids all that is older.
            Some(later) if later.incarnation != incarnation => {
                Later { incarnation: later.incarnation, voids: Some(Index::ZERO) }
            }
            Some(later) => {
                let voids = match (later.voids, self.voids) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
                Later { incarnation, voids }
            }
        }
    }
}
