//! A replica without what changes nothing but when things happen: which states are
//! one and the same, for whoever looks at all of them.

use super::Zab;
use super::state::{Core, Leader, Phase, Role};
use base::prng::Prng;
use base::{Serial, Time};

impl Zab {
    /// The same replica, as if all that it remembers had just happened at `now`, its
    /// waiting were over, its chance began anew from `seed`, and writes were counted
    /// from the newest that is durable, which is returned. Who waits or answered more
    /// than once or first is no difference either.
    pub(crate) fn timeless(&mut self, now: Time, seed: u64) -> Serial {
        self.core.prng = Prng::new(seed);
        match &mut self.role {
            Role::Follower(follower) => {
                follower.heard = follower.heard.map(|_| now);
                follower.deadline = follower.deadline.map(|_| now);
            }
            Role::Prospect(prospect) => {
                prospect.deadline = now;
                match &mut prospect.phase {
                    Phase::Asking { tally, .. } | Phase::Claiming { tally, .. } => tally.order(),
                    Phase::Pulling { .. } => {}
                }
            }
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
        self.peers.values_mut().for_each(|peer| peer.progress.timeless(now));
    }
}

impl Core {
    fn count_anew(&mut self) -> Serial {
        let zero = self.durable;
        let anew = |serial: Serial| Serial(serial.0.saturating_sub(zero.0));
        self.durable = Serial::ZERO;
        (self.promised_by, self.accepted_by) = (anew(self.promised_by), anew(self.accepted_by));
        self.log.count_from(zero);
        zero
    }
}
