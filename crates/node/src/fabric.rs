//! Who hears whom: one pulse per node, not per group, and what the sockets say.
//!
//! At each beat every node tells every other whether it hears it, and of each
//! group what `consensus::trigger` asks for; a frame per peer carries that, with
//! the heartbeats of the groups that this node leads. That a peer's sockets are
//! closed is passed on at once: evidence of a dead process long before silence is.

use alloc::collections::BTreeMap;
use base::{NodeId, Time};
use core::time::Duration;

/// The pulse of a node and its links to the others.
#[derive(Clone, Debug)]
pub(crate) struct Fabric {
    every: Duration,
    next: Time,
    /// How long a pulse is good for.
    lately: Duration,
    links: BTreeMap<NodeId, bool>,
    heard: BTreeMap<NodeId, Time>,
}

impl Fabric {
    /// A fabric that first beats right away.
    pub(crate) const fn new(every: Duration, lately: Duration, now: Time) -> Self {
        Self { every, next: now, lately, links: BTreeMap::new(), heard: BTreeMap::new() }
    }

    /// Whether it is time for a beat; if so the next one is due one interval
    /// from now: beats that were missed in a pause are not made up for.
    pub(crate) fn beat(&mut self, now: Time) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + self.every;
        }
        due
    }

    /// A peer's pulse came.
    pub(crate) fn on_pulse(&mut self, now: Time, peer: NodeId) {
        self.heard.insert(peer, now);
    }

    /// Whether a peer's pulse came lately.
    pub(crate) fn hears(&self, now: Time, peer: NodeId) -> bool {
        self.heard.get(&peer).is_some_and(|heard| now.since(*heard) < self.lately)
    }

    /// Notes what the sockets say; returns whether that is news. That a link is
    /// closed always is: a letter that was still on its way may have been heard
    /// since that was said first.
    pub(crate) fn link(&mut self, peer: NodeId, up: bool) -> bool {
        self.links.insert(peer, up) != Some(up) || !up
    }

    /// When the next beat is due.
    pub(crate) const fn deadline(&self) -> Time {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn beats_come_at_intervals_and_are_not_made_up_for() {
        let mut fabric = Fabric::new(ms(50), ms(250), Time::ZERO);
        assert!(fabric.beat(Time::ZERO));
        assert!(!fabric.beat(Time::ZERO + ms(49)));
        assert!(fabric.beat(Time::ZERO + ms(500)));
        assert_eq!(fabric.deadline(), Time::ZERO + ms(550));
    }

    #[test]
    fn a_link_that_opens_and_every_word_of_one_that_is_closed_is_news() {
        let mut fabric = Fabric::new(Duration::ZERO, ms(250), Time::ZERO);
        assert!(fabric.link(NodeId(1), true));
        assert!(!fabric.link(NodeId(1), true));
        assert!(fabric.link(NodeId(1), false));
        assert!(fabric.link(NodeId(1), false));
    }

    #[test]
    fn who_was_heard_is_heard_for_a_while() {
        let mut fabric = Fabric::new(ms(50), ms(250), Time::ZERO);
        assert!(!fabric.hears(Time::ZERO, NodeId(2)));
        fabric.on_pulse(Time::ZERO, NodeId(2));
        assert!(fabric.hears(Time::ZERO + ms(249), NodeId(2)));
        assert!(!fabric.hears(Time::ZERO + ms(250), NodeId(2)));
    }
}
