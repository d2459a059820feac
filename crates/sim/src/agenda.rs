//! What happens next: an agenda by time, and by number where times are equal.

use base::Time;
use core::cmp::Reverse;
use std::collections::BinaryHeap;

/// Things that will happen, each at a time under a number of its own.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    /// When, and in which slot what happens then is. The heap moves its entries
    /// all the time, so these are small.
    order: BinaryHeap<Reverse<(Time, u64, usize)>>,
    slots: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { order: BinaryHeap::new(), slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Agenda<T> {
    /// One more thing; no two have the same time and number.
    pub(crate) fn add(&mut self, at: Time, number: u64, thing: T) {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(slot) {
            Some(free) => *free = Some(thing),
            None => self.slots.push(Some(thing)),
        }
        self.order.push(Reverse((at, number, slot)));
    }

    /// Takes the next thing, unless it is later than `end`.
    pub(crate) fn next(&mut self, end: Time) -> Option<(Time, T)> {
        let Reverse((at, _, slot)) = *self.order.peek().filter(|next| next.0.0 <= end)?;
        self.order.pop();
        self.free.push(slot);
        let thing = self.slots.get_mut(slot)?.take()?;
        Some((at, thing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_by_time_then_by_number_and_not_before_theirs() {
        let mut agenda = Agenda::default();
        for (at, number, thing) in [(5, 3, 'd'), (5, 1, 'c'), (1, 2, 'a'), (3, 9, 'b')] {
            agenda.add(Time(at), number, thing);
        }
        assert_eq!(agenda.next(Time(0)), None);
        assert_eq!(agenda.next(Time(1)), Some((Time(1), 'a')));
        agenda.add(Time(2), 10, 'x');
        let mut rest = Vec::new();
        while let Some((_, thing)) = agenda.next(Time(5)) {
            rest.push(thing);
        }
        assert_eq!(rest, ['x', 'b', 'c', 'd']);
        assert_eq!(agenda.slots.len(), 4, "a slot is used again");
    }
}
