//! Commands that other nodes forward to a leader here: each is proposed at
//! most once, however often the network repeats the letter.
//!
//! A forwarded command names the leadership it is meant for, so only repeats
//! under one ballot can do harm, and only those have to be remembered.

use crate::wire::Ticket;
use alloc::collections::{BTreeMap, BTreeSet};
use base::{Ballot, NodeId};

/// Numbers remembered per sender beyond the first missing one.
const WINDOW_MAX: usize = 8192;
/// Lives of senders remembered under one ballot.
const SENDERS_MAX: usize = 256;

/// Which forwarded commands were taken under the present ballot.
#[derive(Debug, Default)]
pub(crate) struct Forwards {
    ballot: Ballot,
    taken: BTreeMap<(NodeId, u64), Window>,
}

/// I73: every number up to `floor` and every one in `above` was taken or is refused for ever.
#[derive(Debug, Default)]
struct Window {
    floor: u64,
    above: BTreeSet<u64>,
}

impl Forwards {
    /// Whether this command may be proposed: true once for each.
    pub(crate) fn take(&mut self, ballot: Ballot, from: NodeId, ticket: Ticket) -> bool {
        if self.ballot != ballot {
            self.ballot = ballot;
            self.taken.clear();
        }
        let sender = (from, ticket.life);
        if self.taken.len() >= SENDERS_MAX && !self.taken.contains_key(&sender) {
            return false; // 256 restarts under one ballot: somebody lies or is broken
        }
        self.taken.entry(sender).or_default().take(ticket.number)
    }
}

impl Window {
    fn take(&mut self, number: u64) -> bool {
        if number <= self.floor || !self.above.insert(number) {
            return false;
        }
        while self.above.remove(&(self.floor + 1)) {
            self.floor += 1;
        }
        if self.above.len() > WINDOW_MAX {
            self.floor = self.above.pop_first().unwrap_or(self.floor);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: NodeId = NodeId(2);

    fn ticket(number: u64) -> Ticket {
        Ticket { life: 9, number }
    }

    #[test]
    fn each_command_is_taken_once_in_any_order() {
        let (mut forwards, ballot) = (Forwards::default(), Ballot::new(1, NodeId(1)));
        for number in [2, 1, 5, 3, 4] {
            assert!(forwards.take(ballot, FROM, ticket(number)));
        }
        for number in 1..=5 {
            assert!(!forwards.take(ballot, FROM, ticket(number)));
        }
        assert!(forwards.take(ballot, FROM, Ticket { life: 10, number: 1 }), "another life");
    }

    #[test]
    fn memory_is_bounded_and_what_falls_out_is_refused() {
        let (mut forwards, ballot) = (Forwards::default(), Ballot::new(1, NodeId(1)));
        for number in 0..=WINDOW_MAX as u64 {
            assert!(forwards.take(ballot, FROM, ticket(2 * number + 2)), "only even numbers");
        }
        assert!(!forwards.take(ballot, FROM, ticket(1)), "below the window: perhaps taken");
    }
}
