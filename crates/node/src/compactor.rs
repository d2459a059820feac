//! When history is forgotten by itself: a keyspace keeps a period of it, less
//! only when it takes too much room.
//!
//! Too much is half of what the data leaves of the quota; then the older half of
//! the history goes. So between two such compactions a quarter of that room is
//! written, however fast, and what is left for the log to carry out the compaction
//! is half of it.

use alloc::collections::VecDeque;
use base::{Revision, Time};
use core::time::Duration;

/// Samples per period: history is kept for the period and at most a tenth more.
const SAMPLES: u32 = 10;

/// Of the quota, what history may take in any case: 1 part of so many. Where data
/// leaves less than twice that, writes may be refused rather than nearly all
/// history go with every few of them.
const HISTORY_MIN: u64 = 128;

/// Which revision was the newest, and when.
#[derive(Debug)]
pub(crate) struct Compactor {
    /// `None`: history is kept until somebody compacts it.
    period: Option<Duration>,
    samples: VecDeque<(Time, Revision)>,
    next: Time,
}

impl Compactor {
    /// Keeps a period of history.
    pub(crate) const fn new(period: Option<Duration>) -> Self {
        Self { period, samples: VecDeque::new(), next: Time::ZERO }
    }

    /// Takes a sample if it is time for one. Says up to where history is old, if
    /// some is.
    pub(crate) fn tick(&mut self, now: Time, newest: Revision) -> Option<Revision> {
        let period = self.period?;
        if now < self.next {
            return None;
        }
        self.next = now + period / SAMPLES;
        let mut revision = None;
        let old = |at: Time| at + period <= now;
        while let Some((at, sampled)) = self.samples.front().copied().filter(|(at, _)| old(*at)) {
            base::invariant!(I77, at <= now);
            revision = Some(sampled);
            self.samples.pop_front();
        }
        self.samples.push_back((now, newest));
        revision
    }

    /// Whether history takes too much of the quota, of which `held` is taken by
    /// history and data.
    pub(crate) fn is_crowded(&self, quota: u64, held: u64, history: u64) -> bool {
        let room = quota.saturating_sub(held.saturating_sub(history));
        let most = (room / 2).max(quota / HISTORY_MIN);
        self.period.is_some() && base::mutant!(CrowdNotSeen, history > most, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn ticks(compactor: &mut Compactor, count: u64) -> Vec<Option<u64>> {
        let tick = |at: u64| {
            let now = Time::ZERO + HOUR / SAMPLES * u32::try_from(at).unwrap();
            compactor.tick(now, Revision(100 + at)).map(|it| it.0)
        };
        (0..count).map(tick).collect()
    }

    #[test]
    fn what_is_older_than_the_period_goes() {
        let told = ticks(&mut Compactor::new(Some(HOUR)), 13);
        assert_eq!(told[..10], [None; 10]);
        assert_eq!(told[10..], [Some(100), Some(101), Some(102)]);
    }

    #[test]
    fn history_may_take_half_of_what_data_leaves() {
        let crowded = |data: u64, history: u64| {
            Compactor::new(Some(HOUR)).is_crowded(12_800, data + history, history)
        };
        assert!(!crowded(0, 6_400) && crowded(0, 6_401));
        assert!(!crowded(12_000, 400) && crowded(12_000, 401));
        assert!(!crowded(12_700, 100) && crowded(12_700, 101), "a little in any case");
        assert!(!crowded(20_000, 100) && crowded(20_000, 101));
    }

    #[test]
    fn off_is_off() {
        let mut off = Compactor::new(None);
        assert_eq!(ticks(&mut off, 50), [None; 50]);
        assert!(!off.is_crowded(1_000, 1_000, 1_000));
    }
}
