//! Links are cut in part and nothing is mended: does the cluster settle?
//! `TRIMARAN_SEEDS=from..to` chooses other seeds; a table is printed.

use sim::scenario::{self, Scenario};
use sim::{Options, run};
use std::io::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The shapes, and the sizes of the clusters that have them.
const SHAPES: &[(&str, &[usize])] = &[
    ("quorum-loss", &[3, 5]),
    ("constrained", &[3, 5]),
    ("chained", &[3, 5]),
    ("mute-leader", &[3, 5]),
    ("deaf-leader", &[3, 5]),
    ("deaf-follower", &[3, 5]),
    ("silent-leader", &[3, 5]),
];

fn seeds() -> Range<u64> {
    let chosen = std::env::var("TRIMARAN_SEEDS").ok();
    let parsed = chosen.as_deref().and_then(|text| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    parsed.unwrap_or(0..3)
}

/// How one shape ended: how long it took each seed, in hundredths of an election
/// timeout, and what was wrong with others.
#[derive(Default)]
struct Sum {
    took: Vec<u64>,
    elections: u64,
    failed: Vec<(u64, String)>,
}

fn shape(name: &str, nodes: usize) -> Sum {
    let text = scenario::text(name).expect("a named scenario");
    let mut scenario = Scenario::parse(text).expect("a scenario that can be read");
    scenario.name = name.into();
    let options = Options { nodes: Some(nodes), scenario: Some(scenario), ..Options::default() };
    let (range, sum) = (seeds(), Mutex::new(Sum::default()));
    let next = AtomicU64::new(range.start);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= range.end {
                return;
            }
            let report = run(Options { seed, ..options.clone() });
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            sum.elections += report.counts.elections;
            match report.violations.first() {
                Some(why) => sum.failed.push((seed, why.to_string())),
                None => sum.took.extend(report.settled),
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Like 1.25: so many election timeouts.
fn elections(percent: u64) -> String {
    format!("{}.{:02}", percent / 100, percent % 100)
}

#[test]
fn a_partial_partition_ends_with_a_leader_who_stays() {
    let mut out = std::io::stdout();
    let (count, mut failed) = (seeds().count(), 0);
    let head = "| shape | nodes | seeds that settled | median | worst | terms with a leader |";
    writeln!(out, "\n{head}\n|---|---|---|---|---|---|").expect("a place to write to");
    for (name, sizes) in SHAPES {
        for nodes in *sizes {
            let Sum { mut took, elections: terms, failed: seeds } = shape(name, *nodes);
            took.sort_unstable();
            let median = elections(took.get(took.len() / 2).copied().unwrap_or_default());
            let worst = elections(took.last().copied().unwrap_or_default());
            let good = format!("{} of {count}", took.len());
            writeln!(out, "| {name} | {nodes} | {good} | {median} | {worst} | {terms} |")
                .expect("a place to write to");
            for (seed, why) in seeds.iter().take(5) {
                writeln!(out, "  trimaran sim run {name} --nodes {nodes} --seed {seed}\n    {why}")
                    .expect("a place to write to");
            }
            failed += seeds.len();
        }
    }
    assert_eq!(failed, 0, "some seeds did not settle, see above");
}
