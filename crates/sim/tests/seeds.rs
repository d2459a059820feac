//! One seed is one world; what once failed passes; and a disk that lies is found out.

use sim::check::Violation;
use sim::draw::Theme;
use sim::scenario::{self, Scenario};
use sim::{Options, run};

fn trace(seed: u64) -> u64 {
    run(Options { seed, ..Options::default() }).trace
}

#[test]
fn one_seed_is_one_world() {
    for seed in 0..8 {
        assert_eq!(trace(seed), trace(seed), "seed {seed}");
    }
    assert_ne!(trace(1), trace(2));
}

#[test]
fn seeds_that_failed_once_pass() {
    for line in include_str!("../seeds.txt").lines().filter(|line| !line.starts_with('#')) {
        let (seed, why) = line.split_once(' ').expect("a seed and a reason");
        let report = run(Options { seed: seed.parse().expect("a seed"), ..Options::default() });
        assert!(report.passed(), "{why}\n{report}");
    }
}

/// The disk says "synced" when the write was only begun; then the power goes.
#[test]
fn a_disk_that_lies_is_found_out() {
    let lie = |seed| run(Options { seed, lying_disk: true, ..Options::default() });
    let caught = (0..36).map(lie).find(|report| !report.passed());
    let report = caught.expect("no seed noticed that acknowledged writes were not synced");
    println!("{report}");
    assert!(
        run(Options { seed: report.seed, ..Options::default() }).passed(),
        "the lie is to blame"
    );
}

/// A disk that does not answer is the leader's: the others go on without it.
#[test]
fn a_hung_disk_of_the_leader_stops_nobody_else() {
    let text = scenario::text("hung-disk").expect("a named scenario");
    let scenario = Some(Scenario::parse(text).expect("a scenario that can be read"));
    for (seed, nodes) in (0..6).zip([3, 5].into_iter().cycle()) {
        let (scenario, nodes) = (scenario.clone(), Some(nodes));
        let report = run(Options { seed, scenario, nodes, ..Options::default() });
        assert!(report.passed() && report.counts.hung_disks == 1, "{report}");
    }
}

/// Both checkpoints of a node go bad, and the log behind them is gone: the node
/// does not start, and names the files.
#[test]
fn what_cannot_be_read_at_all_is_refused_by_name() {
    let theme = Some(Theme::Checkpoints);
    let rotten = |seed| run(Options { seed, theme, rotten_disk: true, ..Options::default() });
    let caught = (0..36).map(rotten).find(|report| !report.passed());
    let report = caught.expect("no seed lost both checkpoints of a node");
    println!("{report}");
    let refused = |it: &Violation| {
        let names = it.what.matches("state-").count();
        it.checker == "start" && it.what.contains("damaged checkpoints: state-") && names == 2
    };
    assert!(report.violations.first().is_some_and(refused), "{report}");
    let (seed, options) = (report.seed, Options::default());
    assert!(run(Options { seed, theme, ..options }).passed(), "the damage is to blame");
}
