//! Commands that other nodes forward to a leader here: each is proposed at
//! most once, however often the network repeats the letter.
//!
//! A forwarded command names the leadership it is meant for, so only repeats
//! under one ballot can do harm, and only those have to be remembered. They are
//! remembered until this node leads again: as long as that is so, it can say for
//! certain that a command was not proposed, though it leads no more.

use crate::wire::Ticket;
use alloc::collections::{BTreeMap, BTreeSet};
use base::{Ballot, NodeId};

/// Numbers remembered per sender beyond the first missing one.
const WINDOW_MAX: usize = 8192;
/// Lives of senders remembered under one ballot.
const SENDERS_MAX: usize = 256;

/// Which forwarded commands were taken under one leadership.
#[derive(Debug, Default)]
pub(crate) struct Forwards {
    /// The newest leadership of this life of the process; none has this value at first.
    ballot: Ballot,
    taken: BTreeMap<(NodeId, u64), Window>,
}

/// What is known of a forwarded command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    /// It has never been here, and is not let in again.
    Never,
    /// It has been here, or so much came after it that nobody knows.
    Before,
    /// It is meant for a leadership of which nothing is remembered.
    Perhaps,
}

/// I73: every number up to `floor` and every one in `above` was taken or is refused for ever.
#[derive(Debug, Default)]
struct Window {
    floor: u64,
    above: BTreeSet<u64>,
}

impl Forwards {
    /// This node leads under `ballot`, from now on.
    pub(crate) fn lead(&mut self, ballot: Ballot) {
        if self.ballot != ballot {
            self.ballot = ballot;
            self.taken.clear();
        }
    }

    /// Whether this command was here: [`Seen::Never`] once for each.
    pub(crate) fn take(&mut self, ballot: Ballot, from: NodeId, ticket: Ticket) -> Seen {
        if self.ballot != ballot {
            return Seen::Perhaps;
        }
        let sender = (from, ticket.life);
        if self.taken.len() >= SENDERS_MAX && !self.taken.contains_key(&sender) {
            return Seen::Before; // 256 restarts under one ballot: somebody lies or is broken
        }
        let new = self.taken.entry(sender).or_default().take(ticket.number);
        if new { Seen::Never } else { Seen::Before }
    }
}

impl Window {
    fn take(&mut self, number: u64) -> bool {
        let floor = base::mutant!(ForwardTakenTwice, self.floor, self.floor.saturating_sub(1));
        if number <= floor || !self.above.insert(number) {
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
        forwards.lead(ballot);
        for number in [2, 1, 5, 3, 4] {
            assert_eq!(forwards.take(ballot, FROM, ticket(number)), Seen::Never);
        }
        for number in 1..=5 {
            assert_eq!(forwards.take(ballot, FROM, ticket(number)), Seen::Before);
        }
        let other_life = Ticket { life: 10, number: 1 };
        assert_eq!(forwards.take(ballot, FROM, other_life), Seen::Never);
    }

    #[test]
    fn of_another_leadership_nothing_is_certain() {
        let (mut forwards, old) = (Forwards::default(), Ballot::new(1, NodeId(1)));
        assert_eq!(forwards.take(old, FROM, ticket(1)), Seen::Perhaps, "of an earlier life");
        forwards.lead(old);
        assert_eq!(forwards.take(old, FROM, ticket(1)), Seen::Never);
        let new = Ballot::new(3, NodeId(1));
        forwards.lead(new);
        assert_eq!(forwards.take(old, FROM, ticket(1)), Seen::Perhaps, "forgotten");
        assert_eq!(forwards.take(old, FROM, ticket(2)), Seen::Perhaps);
        assert_eq!(forwards.take(new, FROM, ticket(2)), Seen::Never);
    }

    #[test]
    fn memory_is_bounded_and_what_falls_out_is_refused() {
        let (mut forwards, ballot) = (Forwards::default(), Ballot::new(1, NodeId(1)));
        forwards.lead(ballot);
        for number in 0..=WINDOW_MAX as u64 {
            let even = forwards.take(ballot, FROM, ticket(2 * number + 2));
            assert_eq!(even, Seen::Never);
        }
        let below = forwards.take(ballot, FROM, ticket(1));
        assert_eq!(below, Seen::Before, "below the window: perhaps taken");
    }
}
