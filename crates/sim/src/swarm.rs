//! Many seeds, one sum.

use crate::check::Violation;
use crate::counts::Counts;
use crate::report::{Marks, verdict};
use crate::run::{Options, run};
use core::fmt;
use core::ops::Range;

/// What many seeds gave together.
#[derive(Clone, Debug)]
pub struct SwarmReport {
    /// The seeds.
    pub seeds: Range<u64>,
    /// How much happened in all of them.
    pub counts: Counts,
    /// Rare places that were reached.
    pub marks: Marks,
    /// The seeds that failed, and what was wrong.
    pub failed: Vec<(u64, Vec<Violation>)>,
}

impl SwarmReport {
    /// Whether nothing was wrong with any seed.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.failed.is_empty()
    }
}

/// Runs every seed of the range, one after the other.
#[must_use]
pub fn swarm(seeds: Range<u64>) -> SwarmReport {
    let before = Marks::now();
    let (mut counts, mut failed) = (Counts::default(), Vec::new());
    for seed in seeds.clone() {
        let report = run(Options { seed, ..Options::default() });
        counts += report.counts;
        if !report.passed() {
            failed.push((seed, report.violations));
        }
    }
    SwarmReport { seeds, counts, marks: Marks::now().since(&before), failed }
}

impl fmt::Display for SwarmReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.seeds;
        writeln!(f, "{} seeds from {start} on", end.saturating_sub(start))?;
        writeln!(f, "happened\n{}", self.counts)?;
        writeln!(f, "reached\n{}", self.marks)?;
        let never = self.marks.never();
        if !never.is_empty() {
            writeln!(f, "never reached: {never:?}")?;
        }
        for (seed, violations) in &self.failed {
            write!(f, "seed {seed} ")?;
            verdict(f, *seed, violations)?;
        }
        write!(f, "{} failed", self.failed.len())
    }
}
