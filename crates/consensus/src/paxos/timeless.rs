//! A replica without what changes nothing but when things happen: which states are
//! one and the same, for whoever looks at all of them.

use super::Paxos;
use super::state::{Core, Leader, Role};
use base::prng::Prng;
use base::{Serial, Time};

impl Paxos {
    /// The same replica, as if all that it remembers had just happened at `now`, its
    /// waiting were over, its chance began anew from `seed`, and writes were counted
    /// from the newest that is durable, which is returned.
    pub(crate) fn timeless(&mut self, now: Time, seed: u64) -> Serial {
        self.core.prng = Prng::new(seed);
        match &mut self.role {
            Role::Follower(follower) => {
                follower.heard = follower.heard.map(|_| now);
                follower.deadline = follower.deadline.map(|_| now);
            }
            Role::Canvasser(canvasser) => {
                canvasser.deadline = now;
                canvasser.tally.order();
            }
            Role::Proposer(proposer) => proposer.deadline = now,
            Role::Leader(leader) => leader.timeless(now),
        }
        self.core.count_anew()
    }
}

impl Leader {
    fn timeless(&mut self, now: Time) {
        self.since = now;
        self.rounds.order();
        if let Some(transfer) = &mut self.transfer {
            transfer.deadline = now;
        }
        self.peers.values_mut().for_each(|peer| peer.flow.timeless(now));
    }
}

impl Core {
    fn count_anew(&mut self) -> Serial {
        let zero = self.durable;
        let count = |serial: Serial| Serial(serial.0.saturating_sub(zero.0));
        self.durable = Serial::ZERO;
        self.promise = count(self.promise);
        self.written = count(self.written);
        self.window.count_from(zero);
        self.log.count_from(zero);
        zero
    }
}
