//! The log of a group in memory: a prefix of it is on this node's disk, a
//! prefix of it is chosen, and the two are different prefixes.
//!
//! ```text
//!   base             commit      durable        last
//!     |-----------------|-----------|-------------|
//!     chosen: never cut      or the other way round
//! ```
//!
//! What is at `base` or below it is in no memory: a checkpoint holds it, or it
//! is on disk behind one, and everybody is known to have it.

mod front;

use crate::contract::{Outbox, Write};
use crate::entry::{Entry, Place};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use base::{Ballot, Index, Serial, invariant, mutant};

/// What an entry counts beside its body, so that empty ones are bounded too.
const ENTRY_OVERHEAD_BYTES: usize = 64;

/// The log of one replica.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Log {
    /// The place before `entries`, and the log time of what stood there.
    base: Place,
    base_clock: u64,
    /// Dense: the k-th has the index `base.index + 1 + k`.
    entries: VecDeque<Entry>,
    /// Where each ballot begins, in order: (first index, ballot). Answers
    /// every question about ballots without looking at an entry.
    runs: Vec<(Index, Ballot)>,
    /// Writes that are not known to be durable: once the serial is, the log is
    /// on this disk up to the index. Both columns never go down.
    writes: VecDeque<(Serial, Index)>,
    durable: Index,
    commit: Index,
    uncommitted_bytes: usize,
    /// What all entries take.
    held_bytes: usize,
    /// Entries up to here are void and no record says so: the next thing to write.
    stale: Option<Index>,
}

impl Log {
    /// The log that a disk gave back: dense behind `base`, ordered and durable
    /// (see `recover`). What is up to `base` is chosen.
    #[must_use]
    pub fn recovered(base: Place, clock: u64, stale: Option<Index>, entries: Vec<Entry>) -> Self {
        let commit = base.index;
        let mut log = Self { base, base_clock: clock, commit, stale, ..Self::default() };
        for entry in entries {
            log.push_next(entry);
        }
        log.durable = log.last().index;
        log
    }

    /// Where the log ends.
    #[must_use]
    pub fn last(&self) -> Place {
        self.entries.back().map_or(self.base, |e| Place { ballot: e.ballot, index: e.index })
    }

    /// The log time of the last entry.
    #[must_use]
    pub fn clock(&self) -> u64 {
        self.entries.back().map_or(self.base_clock, |entry| entry.clock)
    }

    /// The log time of the entry at `index`, if that is known.
    #[must_use]
    pub fn clock_at(&self, index: Index) -> Option<u64> {
        if index == self.base.index {
            return Some(self.base_clock);
        }
        self.entry(index).map(|entry| entry.clock)
    }

    /// Everything up to here is chosen. commit <= last.
    #[must_use]
    pub const fn commit(&self) -> Index {
        self.commit
    }

    /// Everything up to here is on this node's disk. durable <= last.
    #[must_use]
    pub const fn durable(&self) -> Index {
        self.durable
    }

    /// Bytes that wait to be chosen.
    #[must_use]
    pub const fn uncommitted_bytes(&self) -> usize {
        self.uncommitted_bytes
    }

    /// The entry at `index`, if it is in memory.
    #[must_use]
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        self.entries.get(self.offset(index)?)
    }

    /// The place at `index`; none beyond the end or below what is in memory.
    #[must_use]
    pub fn place(&self, index: Index) -> Option<Place> {
        if index == self.base.index {
            return Some(self.base);
        }
        self.entry(index).map(|entry| Place { ballot: entry.ballot, index })
    }

    /// The last place at or before `near` whose ballot is not above that of
    /// `near`. Two logs that go down this stair in turns meet after at most as
    /// many steps as there are ballots (Raft, end of 5.3), never one by one.
    /// None if it is below what is in memory.
    #[must_use]
    pub fn at_or_below(&self, near: Place) -> Option<Place> {
        let mut end = near.index.min(self.last().index);
        for (first, ballot) in self.runs.iter().rev() {
            if *first <= end {
                if *ballot <= near.ballot {
                    return Some(Place { ballot: *ballot, index: end });
                }
                end = first.prev();
            }
        }
        let base = self.base;
        (base.index <= near.index && base.ballot <= near.ballot).then_some(base)
    }

    /// The entries from `from` on, as many as `count_max` and `bytes_max`
    /// allow, but one in any case; and the bytes of their bodies.
    #[must_use]
    pub fn batch(&self, from: Index, count_max: usize, bytes_max: usize) -> (Vec<Entry>, usize) {
        let mut bytes = 0;
        let start = self.offset(from).unwrap_or(self.entries.len());
        let fits = |entry: &&Entry| {
            let fits = bytes == 0 || bytes + entry.body.len() <= bytes_max;
            bytes += if fits { entry.body.len() } else { 0 };
            fits
        };
        let entries = self.entries.range(start..).take(count_max).take_while(fits).cloned();
        (entries.collect(), bytes)
    }

    /// Puts `entry` into the log and writes it down; entries that stand at its
    /// index or above are void by the same record. Says whether it cut.
    pub fn put(&mut self, entry: Entry, out: &mut Outbox) -> bool {
        let cut = entry.index <= self.last().index;
        if cut {
            self.cut(entry.index);
        }
        let index = entry.index;
        self.push_next(entry.clone());
        let serial = out.write(Write::Entry { entry, cut });
        self.writes.push_back((serial, index));
        cut
    }

    /// What stands above `end` is void, and nothing takes its place. Says whether
    /// anything did.
    pub fn cut_above(&mut self, end: Index, out: &mut Outbox) -> bool {
        let longer = self.last().index > end;
        if longer {
            let from = end.next();
            self.cut(from);
            let serial = out.write(Write::Cut { from });
            self.writes.push_back((serial, end));
        }
        longer
    }

    /// Adds an entry that is chosen and stands on its own, whatever ballot stands
    /// before it. Log time is made to never go back: it is that of the entry before,
    /// if the entry's own is earlier. The write that holds it may not be durable yet.
    pub fn learn(&mut self, mut entry: Entry, pending: Option<Serial>, out: &mut Outbox) {
        let index = entry.index;
        entry.clock = entry.clock.max(self.clock());
        self.push(entry);
        let newest = self.writes.back().map(|(serial, _)| *serial);
        match newest.max(pending) {
            Some(serial) => self.writes.push_back((serial, index)),
            None => self.durable = index,
        }
        self.commit_to(index, out);
    }

    /// An entry of a leader's log: no ballot is below the one before.
    fn push_next(&mut self, entry: Entry) {
        let last = self.last();
        invariant!(I17, entry.ballot >= last.ballot, "{} after {}", entry.ballot, last.ballot);
        self.push(entry);
    }

    fn push(&mut self, entry: Entry) {
        let last = self.last();
        invariant!(I16, entry.index == last.index.next(), "{} after {}", entry.index, last.index);
        invariant!(I18, entry.clock >= self.clock(), "{} after {}", entry.clock, self.clock());
        if self.runs.last().is_none_or(|(_, ballot)| *ballot != entry.ballot) {
            self.runs.push((entry.index, entry.ballot));
        }
        self.uncommitted_bytes += cost(&entry);
        self.held_bytes += cost(&entry);
        self.entries.push_back(entry);
    }

    /// The one place where a log gets shorter, and with it everything that is
    /// derived from its indexes.
    fn cut(&mut self, from: Index) {
        invariant!(I15, from > self.commit, "cut at {from}, chosen up to {}", self.commit);
        let keep = from.prev();
        while self.last().index > keep {
            let Some(entry) = self.entries.pop_back() else { break };
            self.uncommitted_bytes -= cost(&entry);
            self.held_bytes -= cost(&entry);
        }
        while self.runs.last().is_some_and(|(first, _)| *first > keep) {
            self.runs.pop();
        }
        for (_, index) in &mut self.writes {
            *index = keep.min(*index);
        }
        self.durable = mutant!(DurableNotTakenBack, self.durable.min(keep), self.durable);
    }

    /// Every write up to `serial` is durable.
    pub fn on_durable(&mut self, serial: Serial) {
        let done = self.writes.partition_point(|(written, _)| *written <= serial);
        if let Some((_, index)) = self.writes.drain(..done).next_back() {
            self.durable = index;
        }
        invariant!(I19, self.durable <= self.last().index);
    }

    /// Counts the writes from `zero` on, which is durable.
    pub fn count_from(&mut self, zero: Serial) {
        for (serial, _) in &mut self.writes {
            *serial = Serial(serial.0.saturating_sub(zero.0));
        }
    }

    /// The write after which the log is on disk up to `index`; zero if it is already.
    #[must_use]
    pub fn written(&self, index: Index) -> Serial {
        if index <= self.durable {
            return Serial::ZERO;
        }
        let pending = self.writes.partition_point(|(_, end)| *end < index);
        self.writes.get(pending).map_or(Serial::ZERO, |(serial, _)| *serial)
    }

    /// Everything up to `index` is chosen. Says whether that is news.
    pub fn commit_to(&mut self, index: Index, out: &mut Outbox) -> bool {
        invariant!(I14, index <= self.last().index, "{index} beyond {}", self.last().index);
        if index <= self.commit {
            return false;
        }
        self.uncommitted_bytes -= self.bytes(self.commit, index);
        self.commit = index;
        invariant!(I13, out.commit.is_none_or(|told| told < index), "{index} was told before");
        out.commit = Some(index);
        true
    }

    /// What the entries behind `after` up to `upto` take in memory.
    #[must_use]
    pub fn bytes(&self, after: Index, upto: Index) -> usize {
        let from = self.offset(after.next()).unwrap_or(0);
        let until = self.offset(upto.next()).unwrap_or(0).min(self.entries.len());
        self.entries.range(from.min(until)..until).map(cost).sum()
    }

    fn offset(&self, index: Index) -> Option<usize> {
        usize::try_from(index.0.checked_sub(self.base.index.0 + 1)?).ok()
    }
}

fn cost(entry: &Entry) -> usize {
    entry.body.len() + ENTRY_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::EntryKind;
    use base::NodeId;
    use bytes::Bytes;

    fn entry(index: u64, term: u64) -> Entry {
        let ballot = Ballot::new(term, NodeId(1));
        let body = Bytes::from(vec![0; 10]);
        Entry { index: Index(index), ballot, kind: EntryKind::Command, clock: index, body }
    }

    fn log(terms: &[u64]) -> (Log, Outbox) {
        let (mut log, mut out) = (Log::default(), Outbox::default());
        for (index, term) in (1..).zip(terms) {
            log.put(entry(index, *term), &mut out);
        }
        (log, out)
    }

    fn place(index: u64, term: u64) -> Place {
        Place { ballot: Ballot::new(term, NodeId(1)), index: Index(index) }
    }

    /// A rewritten index is durable only by its own, newer serial.
    #[test]
    fn an_old_confirmation_does_not_cover_a_rewritten_index() {
        let (mut log, mut out) = log(&[1, 1, 1]);
        assert_eq!(log.written(Index(3)), Serial(3));
        assert!(log.put(entry(2, 2), &mut out));
        log.on_durable(Serial(3));
        assert_eq!((log.durable(), log.written(Index(2))), (Index(1), Serial(4)));
        log.on_durable(Serial(4));
        assert_eq!((log.durable(), log.written(Index(2))), (Index(2), Serial::ZERO));
    }

    #[test]
    fn a_cut_takes_durable_entries_back() {
        let (mut log, mut out) = log(&[1, 1, 1]);
        log.on_durable(Serial(3));
        log.put(entry(2, 2), &mut out);
        assert_eq!((log.durable(), log.last()), (Index(1), place(2, 2)));
    }

    #[test]
    fn a_cut_that_puts_nothing_there_is_a_write_of_its_own() {
        let (mut log, mut out) = log(&[1, 1, 1]);
        log.on_durable(Serial(2));
        assert!(!log.cut_above(Index(3), &mut out));
        assert!(log.cut_above(Index(1), &mut out));
        assert_eq!(out.writes.last(), Some(&Write::Cut { from: Index(2) }));
        assert_eq!((log.durable(), log.last()), (Index(1), place(1, 1)));
        log.put(entry(2, 2), &mut out);
        log.on_durable(Serial(4));
        assert_eq!((log.durable(), log.written(Index(2))), (Index(1), Serial(5)));
    }

    #[test]
    fn the_stair_skips_whole_ballots() {
        let (log, _) = log(&[1, 1, 2, 2, 5, 5]);
        assert_eq!(log.at_or_below(place(9, 4)), Some(place(4, 2)));
        assert_eq!(log.at_or_below(place(3, 9)), Some(place(3, 2)));
        assert_eq!(log.at_or_below(place(6, 1)), Some(place(2, 1)));
        assert_eq!(log.at_or_below(place(6, 0)), Some(Place::default()));
    }

    #[test]
    fn a_batch_respects_its_bounds_and_is_never_empty() {
        let (log, _) = log(&[1, 1, 1, 1]);
        let sizes = |count, bytes| {
            let (entries, sum) = log.batch(Index(2), count, bytes);
            (entries.len(), sum)
        };
        assert_eq!(sizes(9, 99), (3, 30));
        assert_eq!(sizes(2, 99), (2, 20));
        assert_eq!(sizes(9, 25), (2, 20));
        assert_eq!(sizes(9, 5), (1, 10));
        assert_eq!(log.batch(Index(5), 9, 99), (vec![], 0));
    }

    #[test]
    fn uncommitted_bytes_come_and_go() {
        let (mut log, mut out) = log(&[1, 1, 1]);
        assert_eq!(log.uncommitted_bytes(), 3 * 74);
        assert!(log.commit_to(Index(1), &mut out));
        assert_eq!(log.uncommitted_bytes(), 2 * 74);
        log.put(entry(2, 2), &mut out);
        assert_eq!(log.uncommitted_bytes(), 74);
    }

    #[test]
    #[should_panic(expected = "invariant I15")]
    fn what_is_chosen_is_never_cut() {
        let (mut log, mut out) = log(&[1, 1]);
        log.commit_to(Index(2), &mut out);
        log.put(entry(2, 2), &mut out);
    }
}
