//! What was seen: latencies, errors, and only of what began in the window.

use super::fault::Fault;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Latencies are kept in nanoseconds with three digits, from a microsecond up.
const LOW_NS: u64 = 1_000;
const HIGH_NS: u64 = 3_600_000_000_000;
const DIGITS: u8 = 3;

/// What one operation is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Put,
    Get,
    Txn,
    /// A watcher hears of a put.
    Event,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::Txn => "txn",
            Self::Event => "event",
        }
    }
}

/// How an operation ended well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Success {
    Done,
    /// A transaction whose compare did not hold: an answer, and one to be counted.
    Conflict,
}

/// The counts of a run.
#[derive(Debug)]
pub(crate) struct Tally {
    from: Instant,
    to: Instant,
    latencies: BTreeMap<Kind, Histogram<u64>>,
    errors: BTreeMap<Fault, u64>,
    conflicts: u64,
    /// Successes of the whole run, for the progress.
    total: u64,
}

impl Tally {
    /// Counts what is due in this window.
    pub(crate) fn new(from: Instant, to: Instant) -> Self {
        Self {
            from,
            to,
            latencies: BTreeMap::new(),
            errors: BTreeMap::new(),
            conflicts: 0,
            total: 0,
        }
    }

    /// An operation that was due then has ended now.
    pub(crate) fn ended(
        &mut self,
        kind: Kind,
        due: Instant,
        now: Instant,
        how: Result<Success, Fault>,
    ) {
        match how {
            Ok(success) => {
                self.total += u64::from(kind != Kind::Event);
                if self.measures(due) {
                    self.conflicts += u64::from(success == Success::Conflict);
                    self.record(kind, now.saturating_duration_since(due));
                }
            }
            Err(fault) => self.failed(fault, due),
        }
    }

    /// Something that was due then has failed.
    pub(crate) fn failed(&mut self, fault: Fault, due: Instant) {
        if self.measures(due) {
            *self.errors.entry(fault).or_default() += 1;
        }
    }

    /// Something outside any window has failed, so many times.
    pub(crate) fn add_errors(&mut self, fault: Fault, count: u64) {
        if count > 0 {
            *self.errors.entry(fault).or_default() += count;
        }
    }

    fn measures(&self, due: Instant) -> bool {
        self.from <= due && due < self.to
    }

    fn record(&mut self, kind: Kind, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(HIGH_NS);
        self.latencies.entry(kind).or_insert_with(histogram).saturating_record(nanos);
    }

    /// How many of this kind ended well.
    pub(crate) fn count(&self, kind: Kind) -> u64 {
        self.latencies.get(&kind).map_or(0, Histogram::len)
    }

    /// Successes since the beginning, warm-up and all.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn conflicts(&self) -> u64 {
        self.conflicts
    }

    pub(crate) fn errors(&self) -> &BTreeMap<Fault, u64> {
        &self.errors
    }

    /// The latencies of each kind, events apart.
    pub(crate) fn by_kind(&self) -> Vec<(Kind, Summary)> {
        let kinds = self.latencies.iter().filter(|(kind, _)| **kind != Kind::Event);
        kinds.map(|(kind, histogram)| (*kind, Summary::of(histogram))).collect()
    }

    /// The latencies of all operations.
    pub(crate) fn all(&self) -> Summary {
        let mut sum = histogram();
        for (kind, one) in &self.latencies {
            if *kind != Kind::Event {
                // The ranges are the same, so there is nothing to refuse.
                let _ = sum.add(one);
            }
        }
        Summary::of(&sum)
    }

    /// How late watchers heard.
    pub(crate) fn events(&self) -> Summary {
        self.latencies.get(&Kind::Event).map_or_else(Summary::default, Summary::of)
    }
}

/// A histogram in numbers; times in nanoseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

impl Summary {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            mean: histogram.mean(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max(),
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LOW_NS, HIGH_NS, DIGITS).expect("constants that fit each other")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: u64, wanted_ms: u64) -> bool {
        value.abs_diff(wanted_ms * 1_000_000) <= wanted_ms * 1_000
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let start = Instant::now();
        let mut tally = Tally::new(start, start + Duration::from_secs(1));
        for ms in 1..=1000 {
            let ended = start + Duration::from_millis(ms);
            tally.ended(Kind::Put, start, ended, Ok(Success::Done));
        }
        let all = tally.all();
        assert_eq!(all.count, 1000);
        for (value, wanted) in
            [(all.p50, 500), (all.p90, 900), (all.p99, 990), (all.p999, 999), (all.max, 1000)]
        {
            assert!(near(value, wanted), "{value} is not {wanted} ms");
        }
    }

    #[test]
    fn only_what_was_due_in_the_window_counts() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut tally = Tally::new(at(10), at(20));
        for due in [9, 10, 19, 20] {
            tally.ended(Kind::Get, at(due), at(100), Ok(Success::Done));
            tally.ended(Kind::Get, at(due), at(100), Err(Fault::NoKey));
        }
        assert_eq!((tally.count(Kind::Get), tally.total()), (2, 4));
        assert_eq!(tally.errors().get(&Fault::NoKey), Some(&2));
    }

    #[test]
    fn a_pause_is_seen_by_all_that_should_have_begun_in_it() {
        use crate::bench::pace::{Next, Pace, Schedule};
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut tally = Tally::new(at(0), at(2000));
        let schedule = Schedule { start, rate: 1000, lane: 0, lanes: 1, next: 0 };
        let mut pace = Pace::Open { schedule, end: at(2000) };
        // Everything that is begun ends at once, but nobody begins in the first second.
        for now in (1000..2000).map(at) {
            while let Next::Begin(due) = pace.take(now) {
                tally.ended(Kind::Put, due, now, Ok(Success::Done));
            }
        }
        let all = tally.all();
        assert_eq!(all.count, 2000);
        assert!(near(all.max, 1000) && near(all.p90, 800), "{all:?}");
    }

    #[test]
    fn events_are_no_operations() {
        let start = Instant::now();
        let mut tally = Tally::new(start, start + Duration::from_secs(1));
        tally.ended(Kind::Event, start, start, Ok(Success::Done));
        tally.ended(Kind::Txn, start, start, Ok(Success::Conflict));
        assert_eq!((tally.all().count, tally.events().count, tally.total()), (1, 1, 1));
        assert_eq!((tally.conflicts(), tally.by_kind().len()), (1, 1));
    }
}
