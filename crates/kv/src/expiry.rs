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
        let watched = self.leases.get_mut(&id).filter(|watched| !watched.ending)?;
        self.queue.remove(&(watched.deadline, id));
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
