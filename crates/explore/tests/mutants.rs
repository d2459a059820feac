//! Can the exploration see? Deliberate bugs are let loose, and a small world must
//! hold a way to each.
//!
//! The bugs are built in by `cargo xtask mutants` alone; in every other build
//! they cannot be switched on, and that is what is tested there.
//! `TRIMARAN_MUTANT=Name,Name` hunts those alone.

use base::mutant::Mutant;
use explore::scope::{Scope, named};
use explore::search::{Report, Search};
use explore::story;
use std::io::Write;

/// Each bug and the world in which it is hunted.
const HUNTS: &[(Mutant, &str)] = &[
    (Mutant::VoteBeforeSync, "first-election"),
    (Mutant::VoteNotWritten, "first-election"),
    (Mutant::VoteTwice, "two-candidates"),
    (Mutant::VoteIgnoresLog, "one-command"),
    (Mutant::TransferIgnoresLog, "one-transfer"),
    (Mutant::PullKeepsTerm, "one-pull"),
    (Mutant::PullerConfirms, "one-pull"),
    (Mutant::PullCutsNewer, "one-pull"),
    (Mutant::PreVoteRaisesTerm, "first-election"),
    (Mutant::StaleVoteCounts, "two-candidates"),
    (Mutant::AppendAckBeforeSync, "one-command"),
    (Mutant::AppendCutsWhatFollows, "one-command"),
    (Mutant::CommitEarlierTerm, "figure-8"),
    (Mutant::OwnDiskCountsEarly, "one-command"),
    (Mutant::DurableNotTakenBack, "two-ballots"),
    (Mutant::RoundUsedTwice, "two-reads"),
    (Mutant::ReadBeforeOpening, "one-read"),
    (Mutant::ReadWithoutQuorum, "one-read"),
    (Mutant::RestoreKeepsLog, "one-restore"),
    (Mutant::RestoreForgetsStale, "one-restore"),
    (Mutant::MuteCounts, "one-mute"),
    (Mutant::MuteVotes, "one-mute"),
    (Mutant::WholeWithoutLog, "one-heal"),
    (Mutant::WholeInOldTerm, "heal-and-stand"),
];

/// States that a bug may survive.
const STATES_MAX: usize = 300_000;

fn explore(scope: &Scope) -> (Report, String) {
    let mut search = Search::new(scope);
    let report = search.run(STATES_MAX);
    let told = report.violation.as_ref().map(|it| story::tell(&mut search, &it.steps, &it.what));
    (report, told.unwrap_or_default())
}

/// Writes down who is dead, for `cargo xtask mutants`, which prints the sum.
fn killed(mutant: Mutant, by: &str) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/mutants/killed.txt");
    if let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(file) {
        writeln!(file, "{mutant:?}\t{by}").expect("room for a line");
    }
}

#[test]
fn every_mutant_of_the_protocol_is_met() {
    std::panic::set_hook(Box::new(|_| ()));
    let only = std::env::var("TRIMARAN_MUTANT").ok();
    let mut survived = Vec::new();
    for (mutant, world) in HUNTS {
        let is = |name: &str| format!("{mutant:?}") == name;
        if only.as_ref().is_some_and(|only| !only.split(',').any(is)) {
            continue;
        }
        mutant.choose();
        let scope = named(if mutant.on() { world } else { "one-read" }).expect("it exists");
        let (report, told) = explore(scope);
        let on = mutant.on();
        Mutant::None.choose();
        if report.violation.is_some() != on {
            survived.push((mutant, report.line(scope), told));
        } else if on {
            let broken = told.lines().last().unwrap_or_default();
            println!("{mutant:?}: caught by the exploration of {world}, {} steps", report.depth);
            println!("  {broken}");
            killed(*mutant, &format!("the world {world}"));
        }
    }
    drop(std::panic::take_hook());
    assert!(survived.is_empty(), "{survived:#?}");
}
