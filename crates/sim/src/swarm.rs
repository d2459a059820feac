//! Many seeds, one sum.

use crate::canary::Canary;
use crate::check::Violation;
use crate::check::live::Progress as Healing;
use crate::counts::Counts;
use crate::report::{Marks, Report, VERSION, verdict};
use crate::run::{Options, run};
use base::checksum::hash64;
use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What many seeds gave together.
#[derive(Clone, Debug)]
pub struct SwarmReport {
    /// The seeds.
    pub seeds: Range<u64>,
    /// What each of them was asked.
    pub options: Options,
    /// How much happened in all of them.
    pub counts: Counts,
    /// Rare places that were reached.
    pub marks: Marks,
    /// A number that stands for everything that happened in any of them.
    pub trace: u64,
    /// How late the slowest healed cluster worked again.
    pub progress: Healing,
    /// What became of the canary: without it a swarm proves nothing.
    pub canary: Canary,
    /// The seeds that failed, in order, and what was wrong.
    pub failed: Vec<(u64, Vec<Violation>)>,
}

impl SwarmReport {
    /// Whether nothing was wrong with any seed and something could have been, and
    /// what is known to be wrong was seen to be.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failed.is_empty() && self.blunt().is_none() && self.canary.caught()
    }

    /// Why this proves little, if it does: the harness itself has failed then.
    #[must_use]
    pub fn blunt(&self) -> Option<String> {
        let planned = self.options.scenario.is_some();
        match (self.counts.faults(), self.counts.short) {
            (0, _) if !planned => Some("no fault was injected: this proves nothing".into()),
            (_, 0) => None,
            (_, short) => Some(format!("{short} worlds ended before they had done enough")),
        }
    }

    /// One more seed. The order in which they come does not matter.
    fn add(&mut self, report: Report) {
        self.counts += report.counts;
        self.progress = self.progress.max(report.progress);
        let both = [report.seed.to_le_bytes(), report.trace.to_le_bytes()].concat();
        self.trace = self.trace.wrapping_add(hash64(&both));
        if !report.passed() {
            let after = self.failed.partition_point(|(seed, _)| *seed < report.seed);
            self.failed.insert(after, (report.seed, report.violations));
        }
    }
}

/// How far a swarm is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Seeds that were run.
    pub done: u64,
    /// Seeds that there are.
    pub all: u64,
    /// Seeds that failed.
    pub failed: usize,
    /// How much happened so far.
    pub counts: Counts,
}

/// Runs every seed of the range, one after the other.
#[must_use]
pub fn swarm(seeds: Range<u64>) -> SwarmReport {
    swarm_with(seeds, &Options::default(), 1, &|_| ())
}

/// Runs every seed of the range, so many at a time, and tells after each how
/// far it is. A world lives in one thread; what the sum says does not depend on
/// how many there are.
#[must_use]
pub fn swarm_with(
    seeds: Range<u64>,
    options: &Options,
    jobs: usize,
    tell: &(dyn Fn(Progress) + Sync),
) -> SwarmReport {
    swarm_while(seeds, options, jobs, &|progress| {
        tell(progress);
        true
    })
}

/// The same, and begins no other seed when `tell` has said that it is enough.
#[must_use]
pub fn swarm_while(
    seeds: Range<u64>,
    options: &Options,
    jobs: usize,
    tell: &(dyn Fn(Progress) -> bool + Sync),
) -> SwarmReport {
    let canary = Canary::fly();
    let before = Marks::now();
    let all = seeds.end.saturating_sub(seeds.start);
    let (next, done) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let goes_on = AtomicBool::new(true);
    let sum = Mutex::new(SwarmReport {
        seeds: seeds.clone(),
        options: options.clone(),
        counts: Counts::default(),
        marks: before.clone(),
        trace: 0,
        progress: Healing::default(),
        canary,
        failed: Vec::new(),
    });
    let work = || {
        while goes_on.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let report = run(Options { seed, ..options.clone() });
            let (counts, failed) = {
                let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                sum.add(report);
                (sum.counts, sum.failed.len())
            };
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if !tell(Progress { done, all, failed, counts }) {
                goes_on.store(false, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        (1..jobs).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Whoever began a seed ended it.
    let seeds = seeds.start..next.into_inner().min(seeds.end);
    SwarmReport { seeds, marks: Marks::now().since(&before), ..sum }
}

impl fmt::Display for SwarmReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.seeds;
        let count = end.saturating_sub(start);
        writeln!(f, "{count} seeds from {start} on, of trimaran {VERSION}")?;
        writeln!(f, "happened\n{}", self.counts)?;
        writeln!(f, "reached\n{}", self.marks)?;
        writeln!(f, "progress\n{}", self.progress)?;
        writeln!(f, "trace {:016x}", self.trace)?;
        for (seed, violations) in &self.failed {
            write!(f, "seed {seed} ")?;
            verdict(f, &self.options.again(*seed), violations)?;
        }
        writeln!(f, "canary\n{}", self.canary)?;
        if let Some(why) = self.blunt() {
            writeln!(f, "FAILED: {why}")?;
        }
        write!(f, "{} failed", self.failed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn threads_do_not_change_the_sum() {
        let options = Options { time: Some(Duration::from_millis(300)), ..Options::default() };
        let [one, two] = [1, 2].map(|jobs| swarm_with(20..26, &options, jobs, &|_| ()));
        assert_eq!((one.counts, one.trace, one.failed), (two.counts, two.trace, two.failed));
        assert!(one.counts.steps > 1_000);
    }
}
