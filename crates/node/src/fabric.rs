//! Who hears whom: one pulse per node, not per group, and what the sockets say.
//!
//! The fabric at its simplest: it beats for the leaders among this node's
//! groups, and passes on at once that a peer's sockets are closed, which is
//! evidence of a dead process long before silence is.

use alloc::collections::BTreeMap;
use base::{NodeId, Time};
use core::time::Duration;

/// The pulse of a node and its links to the others.
#[derive(Clone, Debug)]
pub(crate) struct Fabric {
    every: Duration,
    next: Time,
    links: BTreeMap<NodeId, bool>,
}

impl Fabric {
    /// A fabric that first beats right away.
    pub(crate) const fn new(every: Duration, now: Time) -> Self {
        Self { every, next: now, links: BTreeMap::new() }
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

    #[test]
    fn beats_come_at_intervals_and_are_not_made_up_for() {
        let ms = Duration::from_millis;
        let mut fabric = Fabric::new(ms(50), Time::ZERO);
        assert!(fabric.beat(Time::ZERO));
        assert!(!fabric.beat(Time::ZERO + ms(49)));
        assert!(fabric.beat(Time::ZERO + ms(500)));
        assert_eq!(fabric.deadline(), Time::ZERO + ms(550));
    }

    #[test]
    fn a_link_that_opens_and_every_word_of_one_that_is_closed_is_news() {
        let mut fabric = Fabric::new(Duration::ZERO, Time::ZERO);
        assert!(fabric.link(NodeId(1), true));
        assert!(!fabric.link(NodeId(1), true));
        assert!(fabric.link(NodeId(1), false));
        assert!(fabric.link(NodeId(1), false));
    }
}
