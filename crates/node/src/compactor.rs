//! When history is forgotten by itself: a keyspace keeps a period of it, less
//! only when it takes too much room.

use alloc::collections::VecDeque;
use base::{Revision, Time};
use core::time::Duration;

/// Samples per period: history is kept for the period and at most a tenth more.
const SAMPLES: u32 = 10;

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

    /// Takes a sample if it is time for one. Says up to where history is old,
    /// if some is; when it is `crowded`, all that the samples cover is.
    pub(crate) fn tick(&mut self, now: Time, newest: Revision, crowded: bool) -> Option<Revision> {
        let period = self.period?;
        if now < self.next {
            return None;
        }
        self.next = now + period / SAMPLES;
        let old = |at: Time| crowded || at + period <= now;
        let mut revision = None;
        while let Some((at, sampled)) = self.samples.front().copied().filter(|(at, _)| old(*at)) {
            base::invariant!(I77, at <= now);
            revision = Some(sampled);
            self.samples.pop_front();
        }
        self.samples.push_back((now, newest));
        revision
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn ticks(compactor: &mut Compactor, count: u64, crowded: bool) -> Vec<Option<u64>> {
        let tick = |at: u64| {
            let now = Time::ZERO + HOUR / SAMPLES * u32::try_from(at).unwrap();
            compactor.tick(now, Revision(100 + at), crowded).map(|it| it.0)
        };
        (0..count).map(tick).collect()
    }

    #[test]
    fn what_is_older_than_the_period_goes() {
        let told = ticks(&mut Compactor::new(Some(HOUR)), 13, false);
        assert_eq!(told[..10], [None; 10]);
        assert_eq!(told[10..], [Some(100), Some(101), Some(102)]);
    }

    #[test]
    fn when_room_is_short_only_the_last_stretch_stays() {
        let told = ticks(&mut Compactor::new(Some(HOUR)), 3, true);
        assert_eq!(told, [None, Some(100), Some(101)]);
    }

    #[test]
    fn off_is_off() {
        assert_eq!(ticks(&mut Compactor::new(None), 50, true), [None; 50]);
    }
}
