//! When the next operation begins.
//!
//! With a rate, every operation has an intended start that does not move when
//! the server is slow, and its latency counts from there: a pause of a second
//! is then seen by all that should have begun in it, not only by the few that
//! were under way ("coordinated omission" is the name of the mistake).

use std::time::{Duration, Instant};

/// The starts of one connection's operations.
#[derive(Debug)]
pub(crate) enum Pace {
    /// As soon as a client is free, until the end.
    Closed { end: Instant },
    /// As soon as a client is free, so many more.
    Count { left: u64 },
    /// On time, until the end.
    Open { schedule: Schedule, end: Instant },
}

/// Operation `next` of this lane is the `next * lanes + lane`-th of them all.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) start: Instant,
    pub(crate) rate: u64,
    pub(crate) lane: u64,
    pub(crate) lanes: u64,
    pub(crate) next: u64,
}

/// What to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// Begin one; its latency counts from this time.
    Begin(Instant),
    /// Nothing before this time.
    Wait(Instant),
    /// Nothing any more.
    Over,
}

impl Pace {
    /// Takes the next start, if it is due.
    pub(crate) fn take(&mut self, now: Instant) -> Next {
        match self {
            Self::Closed { end } if now < *end => Next::Begin(now),
            Self::Count { left } if *left > 0 => {
                *left -= 1;
                Next::Begin(now)
            }
            Self::Closed { .. } | Self::Count { .. } => Next::Over,
            Self::Open { schedule, end } => schedule.take(now, *end),
        }
    }
}

impl Schedule {
    fn take(&mut self, now: Instant, end: Instant) -> Next {
        let due = self.due();
        if due >= end {
            return Next::Over;
        }
        if due > now {
            return Next::Wait(due);
        }
        self.next += 1;
        Next::Begin(due)
    }

    fn due(&self) -> Instant {
        let number = u128::from(self.next) * u128::from(self.lanes) + u128::from(self.lane);
        let nanos = number * 1_000_000_000 / u128::from(self.rate.max(1));
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(start: Instant, lane: u64, lanes: u64, seconds: u64) -> Pace {
        let schedule = Schedule { start, rate: 100, lane, lanes, next: 0 };
        Pace::Open { schedule, end: start + Duration::from_secs(seconds) }
    }

    /// Everything that is due by then.
    fn due(pace: &mut Pace, now: Instant) -> Vec<Instant> {
        let next = || match pace.take(now) {
            Next::Begin(at) => Some(at),
            Next::Wait(_) | Next::Over => None,
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn a_late_start_keeps_its_intended_time() {
        let start = Instant::now();
        let mut pace = open(start, 0, 1, 10);
        let ms = |ms| start + Duration::from_millis(ms);
        assert_eq!(due(&mut pace, start), [ms(0)]);
        assert_eq!(pace.take(ms(3)), Next::Wait(ms(10)));
        // Nobody looked for 45 ms: four were due meanwhile, each at its own time.
        assert_eq!(due(&mut pace, ms(45)), [ms(10), ms(20), ms(30), ms(40)]);
    }

    #[test]
    fn lanes_share_the_rate_evenly() {
        let start = Instant::now();
        let end = start + Duration::from_secs(2);
        let mut all: Vec<Instant> =
            (0..3).flat_map(|lane| due(&mut open(start, lane, 3, 2), end)).collect();
        all.sort_unstable();
        let wanted: Vec<Instant> =
            (0..200).map(|number| start + Duration::from_millis(10 * number)).collect();
        assert_eq!(all, wanted);
    }

    #[test]
    fn what_was_due_before_the_end_is_still_begun_after_it() {
        let start = Instant::now();
        let mut pace = open(start, 0, 1, 1);
        let late = start + Duration::from_secs(5);
        assert_eq!(due(&mut pace, late).len(), 100);
        assert_eq!(pace.take(late), Next::Over);
    }

    #[test]
    fn a_closed_loop_begins_now_and_ends() {
        let start = Instant::now();
        let mut pace = Pace::Closed { end: start + Duration::from_secs(1) };
        assert_eq!(pace.take(start), Next::Begin(start));
        assert_eq!(pace.take(start + Duration::from_secs(1)), Next::Over);
        let mut pace = Pace::Count { left: 1 };
        assert_eq!(pace.take(start), Next::Begin(start));
        assert_eq!(pace.take(start), Next::Over);
    }
}
