//! One seed is one world; what once failed passes; and a disk that lies is found out.

use sim::check::Violation;
use sim::draw::{ProtocolKind, Theme};
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
        let (word, seed) = seed.split_once('/').unwrap_or(("raft", seed));
        let protocol = ProtocolKind::named(word);
        let theme = protocol.is_none().then(|| theme(word));
        let seed = seed.parse().expect("a seed");
        let protocol = protocol.unwrap_or_default();
        let report = run(Options { seed, theme, protocol, ..Options::default() });
        assert!(report.passed(), "{why}\n{report}");
    }
}

fn theme(word: &str) -> Theme {
    let all = [Theme::Mixed, Theme::Elections, Theme::Checkpoints, Theme::Leases];
    all.into_iter().find(|theme| theme.word() == word).expect("a theme")
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

/// More disks lose something than a minority: nobody leads who might have forgotten
/// a promise, and what was acknowledged is never contradicted.
#[test]
fn damage_on_a_majority_halts_the_group_and_lies_to_nobody() {
    let rotten = |seed| run(Options { seed, rotten_disk: true, ..Options::default() });
    let caught: Vec<_> = (0..36).map(rotten).filter(|report| !report.passed()).collect();
    let halted = |it: &Violation| {
        let refused = it.checker == "start" && it.what.contains("is damaged");
        refused
            || it.checker == "start" && it.what.contains("damaged checkpoints")
            || it.checker == "live"
    };
    for report in &caught {
        assert!(report.violations.iter().all(halted), "{report}");
    }
    let halts = caught.iter().flat_map(|report| &report.violations);
    assert!(halts.filter(|it| it.what.contains("is not whole")).count() > 0, "none was halted");
}
