//! When a lease is due: the leader's own count, by its own clock.
//!
//! The log knows that a lease exists; how much of its time is left is known to
//! the leader alone. Nothing here changes the state: what is due is proposed,
//! and only the entry in the log ends it. A new leader gives every lease its
//! full time again, since it cannot know of the renewals that its predecessor
//! acknowledged. So a lease never ends early; it may end late.

use crate::command::LeaseGrant;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use base::Time;
use base::limits::LEASES_PER_EXPIRE_MAX;
use core::time::Duration;

/// A lease under the leader's eyes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Watched {
    ttl: Duration,
    deadline: Time,
    /// Its end is proposed: it can be renewed no more.
    ending: bool,
}

/// The leases of a keyspace and when they are due.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expiry {
    leases: BTreeMap<i64, Watched>,
    /// Those that are not ending, the next one first.
    queue: BTreeSet<(Time, i64)>,
}

impl Expiry {
    /// Nothing to watch: that of a node that does not lead.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The node has begun to lead: each lease has its full time from now.
    pub fn on_lead(&mut self, leases: impl IntoIterator<Item = LeaseGrant>, now: Time) {
        *self = Self::default();
        leases.into_iter().for_each(|lease| self.granted(lease, now));
    }

    /// A lease was granted.
    pub fn granted(&mut self, lease: LeaseGrant, now: Time) {
        self.revoked(lease.id);
        let ttl = Duration::from_secs(lease.ttl_s);
        let watched = Watched { ttl, deadline: now + ttl, ending: false };
        self.queue.insert((watched.deadline, lease.id));
        self.leases.insert(lease.id, watched);
    }

    /// A lease has ended, by whatever entry.
    pub fn revoked(&mut self, id: i64) {
        if let Some(watched) = self.leases.remove(&id) {
            self.queue.remove(&(watched.deadline, id));
        }
    }

    /// A client renews a lease; says its time in seconds. `None` if there is no
    /// such lease, or its end is proposed already. The renewal counts from
    /// `now`, and must be acknowledged only when the node has heard, after
    /// this, that it still leads.
    pub fn renewed(&mut self, id: i64, now: Time) -> Option<u64> {
        let watched = self
            .leases
            .get_mut(&id)
            .filter(|watched| base::mutant!(RenewedWhileEnding, !watched.ending, true))?;
        self.queue.remove(&(watched.deadline, id));
        base::sometimes!(LeaseRenewed);
        // A renewal that arrives late must not take back an earlier one.
        watched.deadline = watched.deadline.max(now + watched.ttl);
        self.queue.insert((watched.deadline, id));
        Some(watched.ttl.as_secs())
    }

    /// Leases whose time is over, the most overdue first: at most `max`, and no
    /// more than an entry holds. Their end is to be proposed at once; until
    /// [`Expiry::revoked`] or [`Expiry::withdrawn`] they are not named again.
    pub fn due(&mut self, now: Time, max: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < max.min(LEASES_PER_EXPIRE_MAX)
            && let Some(next) = self.queue.first().copied().filter(|(deadline, _)| *deadline <= now)
        {
            self.queue.remove(&next);
            let watched = self.leases.get_mut(&next.1);
            base::invariant!(I64, watched.as_ref().is_some_and(|it| it.deadline == next.0));
            if let Some(watched) = watched {
                watched.ending = true;
            }
            ids.push(next.1);
        }
        ids
    }

    /// The end of these leases will certainly not come to pass: they are due again.
    pub fn withdrawn(&mut self, ids: &[i64]) {
        for id in ids {
            if let Some(watched) = self.leases.get_mut(id) {
                watched.ending = false;
                self.queue.insert((watched.deadline, *id));
            }
        }
    }

    /// When the next lease is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.queue.first().map(|(deadline, _)| *deadline)
    }

    /// The time that a lease has left; zero if it is ending.
    #[must_use]
    pub fn remaining(&self, id: i64, now: Time) -> Option<Duration> {
        self.leases.get(&id).map(|watched| watched.deadline.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    const fn lease(id: i64, ttl_s: u64) -> LeaseGrant {
        LeaseGrant { id, ttl_s }
    }

    fn sample() -> Expiry {
        let mut expiry = Expiry::new();
        expiry.on_lead([lease(1, 10), lease(2, 5), lease(3, 20)], at(100));
        expiry
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let mut expiry = sample();
        assert_eq!(expiry.deadline(), Some(at(105)));
        assert_eq!(expiry.due(Time(at(105).0 - 1), 10), []);
        assert_eq!(expiry.due(at(110), 10), [2, 1], "the most overdue first");
        assert_eq!(expiry.due(at(110), 10), [], "named once");
        assert_eq!(expiry.deadline(), Some(at(120)));
        assert_eq!(expiry.remaining(3, at(110)), Some(Duration::from_secs(10)));
        assert_eq!(expiry.remaining(1, at(111)), Some(Duration::ZERO));
    }

    #[test]
    fn a_renewal_gives_the_full_time_and_never_takes_some_back() {
        let mut expiry = sample();
        assert_eq!(expiry.renewed(2, at(103)), Some(5));
        assert_eq!(expiry.renewed(2, at(101)), Some(5));
        assert_eq!(expiry.remaining(2, at(103)), Some(Duration::from_secs(5)));
        assert_eq!(expiry.due(at(107), 10), []);
        assert_eq!(expiry.renewed(9, at(107)), None);
    }

    /// The end is in the log, perhaps: nobody may be told that the lease lives.
    #[test]
    fn a_lease_whose_end_is_proposed_is_not_renewed_until_it_is_withdrawn() {
        let mut expiry = sample();
        assert_eq!(expiry.due(at(105), 10), [2]);
        assert_eq!(expiry.renewed(2, at(105)), None);
        expiry.withdrawn(&[2, 9]);
        assert_eq!(expiry.renewed(2, at(105)), Some(5));
        assert_eq!(expiry.due(at(109), 10), []);
        assert_eq!(expiry.due(at(110), 1), [1]);
        assert_eq!(expiry.due(at(110), 10), [2]);
        expiry.revoked(2);
        expiry.withdrawn(&[2]);
        assert_eq!(expiry.remaining(2, at(110)), None);
    }

    #[test]
    fn a_new_leader_starts_over() {
        let mut expiry = sample();
        expiry.due(at(110), 10);
        expiry.on_lead([lease(1, 10), lease(4, 1)], at(200));
        assert_eq!(expiry.due(at(209), 10), [4]);
        assert_eq!(expiry.due(at(210), 10), [1]);
        assert_eq!(expiry.deadline(), None);
    }

    #[test]
    fn an_entry_takes_only_so_many() {
        let mut expiry = Expiry::new();
        (1..=600).for_each(|id| expiry.granted(lease(id, 1), at(0)));
        assert_eq!(expiry.due(at(1), usize::MAX).len(), LEASES_PER_EXPIRE_MAX);
        assert_eq!(expiry.due(at(1), usize::MAX).len(), 600 - LEASES_PER_EXPIRE_MAX);
        expiry.granted(lease(1, 1), at(1));
        assert_eq!(expiry.due(at(2), 5), [1], "granted anew");
    }
}
