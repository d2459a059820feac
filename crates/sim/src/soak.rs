//! The big swarm: what many seeds gave, beside what that many must give.

use crate::counts::{Counts, FAULTS_LEAST, OPERATIONS_LEAST};
use crate::report::VERSION;
use crate::swarm::{Progress, SwarmReport};
use core::fmt;
use core::time::Duration;

/// Seeds that a release rests on.
pub const SEEDS_WANTED: u64 = 100_000;

/// What that many seeds must reach together, or they prove less than is claimed.
const TOTALS: &[(&str, &[&str], u64)] = &[
    ("elections", &["elections"], 200_000),
    ("checkpoints taken over", &["checkpoints taken over"], 50_000),
    ("starts with a lost or torn tail", &["lost tails", "torn tails"], 50_000),
    ("repairs", &["repairs"], 20_000),
    ("compactions under open watches", &["compactions under open watches"], 10_000),
];

/// What of [`Counts`] is a fault.
const FAULTS: &[&str] = &[
    "kills",
    "power losses",
    "crashes in a turn",
    "crashes in a sync",
    "crashes at a checkpoint",
    "crashes in recovery",
    "blackouts",
    "lanes stopped",
    "lost tails",
    "torn tails",
    "failed reads at a start",
    "failed reads",
    "failed syncs",
    "slow disks",
    "hung disks",
    "full disks",
    "lost disks",
    "rotten checkpoints",
    "rotten records",
    "pauses",
    "clock jumps",
    "isolations",
    "coups",
    "storms",
    "one-way cuts",
    "partial partitions",
    "flapping links",
    "slow links",
    "frames lost",
    "frames doubled",
    "frames reordered",
    "frames held",
    "frames corrupted",
];

/// What a big swarm gave, and what it cost.
#[derive(Clone, Debug)]
pub struct Soak {
    /// What it gave.
    pub swarm: SwarmReport,
    /// The processor time of all its threads.
    pub cpu: Duration,
    /// The time that passed.
    pub wall: Duration,
    /// Worlds at a time.
    pub jobs: usize,
}

fn count(counts: &Counts, names: &[&str]) -> u64 {
    let all = counts.all();
    let wanted = all.iter().filter(|(name, _)| names.contains(name));
    wanted.map(|(_, count)| count).sum()
}

impl Soak {
    fn seeds(&self) -> u64 {
        self.swarm.seeds.end.saturating_sub(self.swarm.seeds.start)
    }

    /// The totals that so many seeds should have and do not.
    fn lacking(&self) -> Vec<String> {
        let lacks = |(what, names, wanted): &(&str, &[&str], u64)| {
            let (is, wanted) = (count(&self.swarm.counts, names), self.share(*wanted));
            (is < wanted).then(|| format!("{what}: {is} of {wanted}"))
        };
        TOTALS.iter().filter_map(lacks).collect()
    }

    /// What of a total for all the seeds that are wanted falls to these.
    fn share(&self, wanted: u64) -> u64 {
        wanted.saturating_mul(self.seeds()).div_ceil(SEEDS_WANTED)
    }

    /// Whether nothing was wrong; as many seeds as are wanted must reach the totals too.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.swarm.passed() && (self.seeds() < SEEDS_WANTED || self.lacking().is_empty())
    }

    /// One line that says it all, for a ledger.
    #[must_use]
    pub fn line(&self, commit: &str) -> String {
        let Self { swarm, cpu, .. } = self;
        let counts = swarm.counts;
        let (from, to) = (swarm.seeds.start, swarm.seeds.end);
        let result = if self.passed() { "passed" } else { "FAILED" };
        format!(
            "{commit} version={VERSION} seeds={from}..{to} operations={} faults={} steps={} simulated_s={} cpu_s={} \
             failed={} trace={:016x} {result}",
            counts.operations(),
            counts.faults(),
            counts.steps,
            counts.millis / 1_000,
            cpu.as_secs(),
            swarm.failed.len(),
            swarm.trace
        )
    }

    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.cpu.as_secs_f64().max(1e-6)
    }
}

impl fmt::Display for Soak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { swarm, cpu, wall, jobs } = self;
        let counts = &swarm.counts;
        let mut row = |what: &str, said: String| writeln!(f, "{what:<34} {said}");
        let (from, to, seeds) = (swarm.seeds.start, swarm.seeds.end, self.seeds());
        row("seeds", format!("{seeds}, {from}..{to}, of trimaran {VERSION}"))?;
        row("operations judged", format!("{}", counts.operations()))?;
        let each = counts.operations() / seeds.max(1);
        row("  a seed, on average", format!("{each}, and {OPERATIONS_LEAST} at the least"))?;
        for outcome in ["ok", "failed", "unknown", "refused for want of room"] {
            row(&format!("  {outcome}"), count(counts, &[outcome]).to_string())?;
        }
        row("faults", format!("{}, and a seed {FAULTS_LEAST} at the least", counts.faults()))?;
        for kind in FAULTS {
            let often = count(counts, &[kind]);
            row(&format!("  {kind}"), often.to_string())?;
        }
        for (what, names, wanted) in TOTALS {
            let (is, wanted) = (count(counts, names), self.share(*wanted));
            let short = if is < wanted { "  TOO FEW" } else { "" };
            row(what, format!("{is} of {wanted} for so many seeds{short}"))?;
        }
        let rest = |name: &str| {
            !FAULTS.contains(&name) && !TOTALS.iter().any(|(_, names, _)| names.contains(&name))
        };
        for (name, often) in counts.all().into_iter().filter(|(name, _)| rest(name)) {
            if !["ok", "failed", "unknown", "refused for want of room", "simulated ms"]
                .contains(&name)
            {
                row(name, often.to_string())?;
            }
        }
        row("simulated time", format!("{} s", counts.millis / 1_000))?;
        let (operations, steps) = (self.rate(counts.operations()), self.rate(counts.steps));
        row(
            "CPU time",
            format!("{:.1} s, {jobs} worlds at a time for {:.1?}", cpu.as_secs_f64(), wall),
        )?;
        row("operations a CPU second", format!("{operations:.0}"))?;
        row("machine steps a CPU second", format!("{steps:.0}"))?;
        let never = swarm.marks.never();
        row("marks reached", format!("{}", swarm.marks.reached().len()))?;
        let never: Vec<String> = never.iter().map(|mark| format!("{mark:?}")).collect();
        row("marks never reached", format!("{} {}", never.len(), never.join(" ")))?;
        row("trace", format!("{:016x}", swarm.trace))?;
        row("canary", swarm.canary.to_string().replace('\n', " · "))?;
        for (seed, violations) in &swarm.failed {
            writeln!(
                f,
                "seed {seed} FAILED; to repeat: trimaran sim run {}",
                swarm.options.again(*seed)
            )?;
            violations.iter().try_for_each(|violation| writeln!(f, "  {violation}"))?;
        }
        if let Some(why) = swarm.blunt() {
            writeln!(f, "FAILED: {why}")?;
        }
        let lacking = self.lacking();
        if !lacking.is_empty() && seeds >= SEEDS_WANTED {
            writeln!(f, "FAILED: {}", lacking.join(", "))?;
        }
        write!(f, "{} failed", swarm.failed.len())
    }
}

/// How far it is, after `passed` of `most`.
#[must_use]
pub fn progress(progress: &Progress, passed: Duration, most: Option<Duration>) -> String {
    let Progress { done, all, failed, counts } = progress;
    let seconds = passed.as_secs_f64().max(1e-3);
    let by_seeds = (all.saturating_sub(*done) as f64) * seconds / (*done).max(1) as f64;
    let left =
        most.map_or(by_seeds, |most| most.saturating_sub(passed).as_secs_f64().min(by_seeds));
    let faults = if *failed == 0 { "none failed".into() } else { format!("{failed} FAILED") };
    format!(
        "{done} seeds, {:.1} seeds/s, {:.0} operations/s, {} min {} s left, {faults}",
        *done as f64 / seconds,
        counts.operations() as f64 / seconds,
        left as u64 / 60,
        left as u64 % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Options;
    use crate::swarm::swarm_with;

    fn soak(counts: Counts, seeds: u64) -> Soak {
        let options = Options { time: Some(Duration::from_millis(1)), ..Options::default() };
        let mut swarm = swarm_with(0..1, &options, 1, &|_| ());
        (swarm.counts, swarm.seeds) = (counts, 0..seeds);
        swarm.failed.clear();
        Soak { swarm, cpu: Duration::from_secs(2), wall: Duration::from_secs(1), jobs: 2 }
    }

    #[test]
    fn every_name_is_one_of_the_counts() {
        let all = Counts::default().all().map(|(name, _)| name);
        let wanted = TOTALS.iter().flat_map(|(_, names, _)| names.iter()).chain(FAULTS);
        for name in wanted {
            assert!(all.contains(name), "{name}");
        }
    }

    #[test]
    fn totals_count_when_there_are_as_many_seeds_as_are_wanted() {
        let counts = Counts { elections: 199_999, kills: 1_000_000, ..Counts::default() };
        assert!(soak(counts, 10).passed());
        let all = soak(counts, SEEDS_WANTED);
        assert!(!all.passed());
        assert!(all.to_string().contains("elections: 199999 of 200000"), "{all}");
        assert!(all.line("abc").starts_with("abc version=") && all.line("abc").ends_with("FAILED"));
    }

    #[test]
    fn a_swarm_without_a_fault_or_with_a_world_too_short_proves_nothing() {
        assert!(!soak(Counts::default(), 10).passed());
        let counts = Counts { kills: 100, short: 1, ..Counts::default() };
        let short = soak(counts, 10);
        assert!(!short.passed() && short.to_string().contains("1 worlds ended before"), "{short}");
    }

    #[test]
    fn progress_says_the_rate_and_the_time_left() {
        let counts = Counts { ok: 5_000, ..Counts::default() };
        let now = Progress { done: 50, all: 200, failed: 0, counts };
        let seconds = Duration::from_secs;
        let said = progress(&now, seconds(10), None);
        assert_eq!(said, "50 seeds, 5.0 seeds/s, 500 operations/s, 0 min 30 s left, none failed");
        assert!(progress(&now, seconds(10), Some(seconds(15))).contains("0 min 5 s left"));
    }
}
