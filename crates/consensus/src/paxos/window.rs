//! What an acceptor holds above what is known to be chosen: places that are filled
//! in any order, each with the ballot under which it was accepted last.
//!
//! ```text
//!   chosen  |  b7   b7   --   b5   b7
//!        before  held  ^ a hole       end
//! ```

use crate::entry::Entry;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use base::limits::STRETCHES_MAX;
use base::{Ballot, Index, Serial};

/// What an entry counts beside its body, so that empty ones are bounded too.
const ENTRY_OVERHEAD_BYTES: usize = 64;

/// One place that was accepted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Slot {
    pub(super) entry: Entry,
    /// Under which ballot; never below the one under which the entry was proposed first.
    pub(super) accepted: Ballot,
    /// The write that holds it.
    pub(super) serial: Serial,
}

/// The places of one acceptor.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Window {
    /// The index right before the first place.
    before: Index,
    /// The k-th has the index `before + 1 + k`. The last one is never a hole.
    slots: VecDeque<Option<Slot>>,
    bytes: usize,
}

impl Window {
    /// An empty window behind this index.
    pub(super) fn behind(before: Index) -> Self {
        Self { before, ..Self::default() }
    }

    /// The highest index that was accepted, or the one before the window.
    pub(super) fn end(&self) -> Index {
        Index(self.before.0 + self.slots.len() as u64)
    }

    /// Bytes of its entries.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What stands at `index`.
    pub(super) fn get(&self, index: Index) -> Option<&Slot> {
        self.slots.get(self.offset(index)?)?.as_ref()
    }

    /// This takes the place of what stands at its index.
    pub(super) fn put(&mut self, slot: Slot) {
        let Some(offset) = self.offset(slot.entry.index) else { return };
        if self.slots.len() <= offset {
            self.slots.resize(offset + 1, None);
        }
        self.bytes += cost(&slot);
        if let Some(place) = self.slots.get_mut(offset)
            && let Some(old) = place.replace(slot)
        {
            self.bytes -= cost(&old);
        }
    }

    /// The first place goes; what stood there.
    pub(super) fn pop(&mut self) -> Option<Slot> {
        let slot = self.slots.pop_front()?;
        self.before = self.before.next();
        self.bytes -= slot.as_ref().map_or(0, cost);
        slot
    }

    /// Places up to `index` go.
    pub(super) fn skip_to(&mut self, index: Index) {
        while self.before < index && !self.slots.is_empty() {
            self.pop();
        }
        self.before = self.before.max(index);
    }

    /// What was accepted from `from` on, in order.
    pub(super) fn from(&self, from: Index) -> impl Iterator<Item = &Slot> {
        let start = self.offset(from).unwrap_or(0).min(self.slots.len());
        self.slots.range(start..).filter_map(Option::as_ref)
    }

    /// Stretches of places beyond `held` that were accepted under `ballot`: the
    /// first and the last index of each. Not all of them, if there are too many.
    pub(super) fn stretches(&self, held: Index, ballot: Ballot) -> Vec<(Index, Index)> {
        let mut stretches: Vec<(Index, Index)> = Vec::new();
        for slot in self.from(held.next()).filter(|slot| slot.accepted == ballot) {
            let index = slot.entry.index;
            let full = stretches.len() == STRETCHES_MAX;
            match stretches.last_mut() {
                Some((_, last)) if last.next() == index => *last = index,
                _ if full => break,
                _ => stretches.push((index, index)),
            }
        }
        stretches
    }

    /// Counts the writes from `zero` on, which is durable.
    pub(super) fn count_from(&mut self, zero: Serial) {
        for slot in self.slots.iter_mut().flatten() {
            slot.serial = Serial(slot.serial.0.saturating_sub(zero.0));
        }
    }

    fn offset(&self, index: Index) -> Option<usize> {
        usize::try_from(index.0.checked_sub(self.before.0 + 1)?).ok()
    }
}

fn cost(slot: &Slot) -> usize {
    slot.entry.body.len() + ENTRY_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::EntryKind;
    use base::NodeId;
    use bytes::Bytes;

    fn ballot(round: u64) -> Ballot {
        Ballot::new(round, NodeId(1))
    }

    fn slot(index: u64, round: u64) -> Slot {
        let (kind, body) = (EntryKind::Command, Bytes::from_static(b"ten bytes."));
        let entry = Entry { index: Index(index), ballot: ballot(1), kind, clock: 0, body };
        Slot { entry, accepted: ballot(round), serial: Serial::ZERO }
    }

    fn window(slots: &[(u64, u64)]) -> Window {
        let mut window = Window::behind(Index(4));
        slots.iter().for_each(|(index, round)| window.put(slot(*index, *round)));
        window
    }

    #[test]
    fn places_are_filled_in_any_order_and_again() {
        let mut window = window(&[(8, 2), (5, 2), (8, 3)]);
        assert_eq!((window.end(), window.bytes()), (Index(8), 2 * 74));
        let accepted = |index| window.get(Index(index)).map(|slot| slot.accepted.round);
        assert_eq!([5, 6, 7, 8, 9, 4].map(accepted), [Some(2), None, None, Some(3), None, None]);
        assert_eq!(window.pop().map(|slot| slot.entry.index), Some(Index(5)));
        assert_eq!((window.pop(), window.end()), (None, Index(8)));
        window.skip_to(Index(20));
        assert_eq!((window.end(), window.bytes()), (Index(20), 0));
    }

    #[test]
    fn stretches_are_of_one_ballot() {
        let window = window(&[(5, 2), (7, 2), (8, 2), (9, 1), (11, 2)]);
        let named = window.stretches(Index(5), ballot(2));
        assert_eq!(named, [(Index(7), Index(8)), (Index(11), Index(11))]);
        assert_eq!(window.stretches(Index(11), ballot(2)), []);
    }
}
