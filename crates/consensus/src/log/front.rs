//! Where a log in memory begins: what may be forgotten because a checkpoint
//! holds it, and a checkpoint that takes the place of the log.

use super::{Log, cost};
use crate::contract::{Outbox, Retention, Write};
use crate::entry::Place;
use base::{Index, Serial, invariant, mutant};

impl Log {
    /// The place right before the first entry in memory.
    #[must_use]
    pub const fn base(&self) -> Place {
        self.base
    }

    /// The index that the first entry in memory has, or would have.
    #[must_use]
    pub const fn first(&self) -> Index {
        self.base.index.next()
    }

    /// Up to where a checkpoint at `upto` makes entries superfluous, if a tail
    /// of them stays for slow followers. Never beyond what is chosen and on disk.
    #[must_use]
    pub fn spare(&self, upto: Index, keep: Retention) -> Index {
        let mut end = upto.min(self.commit).min(self.durable);
        let (mut count, mut bytes) = (0, 0);
        while let Some(entry) = self.entry(end) {
            count += 1;
            bytes += cost(entry);
            if count > keep.entries || bytes > keep.bytes {
                break;
            }
            end = end.prev();
        }
        end
    }

    /// Up to where entries go if not more than `most` bytes of them are to stay.
    /// Never beyond what is chosen and on disk.
    #[must_use]
    pub fn beyond(&self, most: usize) -> Index {
        let end = self.commit.min(self.durable);
        let (mut upto, mut held) = (self.base.index, self.held_bytes);
        for entry in self.entries.iter().take_while(|entry| entry.index <= end) {
            if held <= most {
                break;
            }
            held -= cost(entry);
            upto = entry.index;
        }
        upto
    }

    /// Entries up to `upto` go from memory. Says whether there were any.
    pub fn forget(&mut self, upto: Index) -> bool {
        let Some(place) = self.place(upto).filter(|place| place.index > self.base.index) else {
            return false;
        };
        invariant!(I28, upto <= self.commit, "forgot {upto}, chosen up to {}", self.commit);
        let clock = self.clock_at(upto).unwrap_or_default();
        self.begin_behind(place, clock);
        true
    }

    /// Whether a checkpoint at `place` leads further than what is known to be
    /// chosen here and fits this log: it is in the log, or the log is the older one.
    #[must_use]
    pub fn takes(&self, place: Place) -> bool {
        place.index > self.commit && (self.holds(place) || place > self.last())
    }

    /// A checkpoint on this disk takes the place of the log up to `place`,
    /// which the protocol takes. Says which write does it.
    pub fn restore(&mut self, place: Place, clock: u64, out: &mut Outbox) -> Serial {
        let keep = mutant!(RestoreKeepsLog, self.holds(place), true);
        if keep {
            self.uncommitted_bytes -= self.bytes(self.commit, place.index);
            self.begin_behind(place, clock);
        } else {
            self.begin_anew(place, clock);
        }
        self.commit = place.index;
        self.write_restore(keep, out)
    }

    /// A checkpoint that leads further than everything that is chosen here takes the
    /// place of it all. What stands behind its place is no business of this log.
    pub fn skip_to(&mut self, place: Place, clock: u64, out: &mut Outbox) -> Serial {
        invariant!(I136, place.index > self.commit, "{place:?}, chosen up to {}", self.commit);
        self.begin_anew(place, clock);
        self.commit = place.index;
        self.write_restore(true, out)
    }

    /// Entries that a crash left between a checkpoint and its record stay void:
    /// the record that is missing is written now.
    pub fn void_stale(&mut self, out: &mut Outbox) {
        if self.stale.take().is_some() && mutant!(RestoreForgetsStale, true, false) {
            self.write_restore(false, out);
        }
    }

    fn write_restore(&mut self, keep: bool, out: &mut Outbox) -> Serial {
        let serial = out.write(Write::Restore { place: self.base, keep });
        self.writes.push_back((serial, self.last().index));
        serial
    }

    fn holds(&self, place: Place) -> bool {
        self.place(place.index) == Some(place)
    }

    /// What is behind `place` stays.
    fn begin_behind(&mut self, place: Place, clock: u64) {
        let gone = self.offset(place.index.next()).unwrap_or(0).min(self.entries.len());
        self.held_bytes -= self.entries.drain(..gone).map(|entry| cost(&entry)).sum::<usize>();
        // After a restart, or a follower's long absence, most of the room is for nothing.
        if self.entries.capacity() / 4 > self.entries.len() {
            self.entries.shrink_to(self.entries.len() * 2);
        }
        self.runs.retain(|(first, _)| *first > place.index);
        if let Some(front) = self.entries.front()
            && self.runs.first().is_none_or(|(first, _)| *first > front.index)
        {
            self.runs.insert(0, (front.index, front.ballot));
        }
        (self.base, self.base_clock) = (place, clock);
    }

    /// Nothing stays. What was durable up to the place is so still: the
    /// checkpoint has it.
    fn begin_anew(&mut self, place: Place, clock: u64) {
        self.entries.clear();
        self.runs.clear();
        self.writes.clear();
        (self.uncommitted_bytes, self.held_bytes) = (0, 0);
        self.durable = self.durable.min(place.index);
        (self.base, self.base_clock) = (place, clock);
    }
}
