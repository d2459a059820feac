//! Can the checkers see? Deliberate bugs are let loose, and some seed must catch each.
//!
//! The bugs are built in by `cargo xtask mutants` alone; in every other build
//! they cannot be switched on, and that is what is tested there.
//! `TRIMARAN_MUTANT=Name,Name` hunts those alone.

use base::mutant::Mutant;
use sim::draw::Theme;
use sim::scenario::{self, Scenario};
use sim::shrink::{NotShrunk, shrink};
use sim::{Options, run};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// One bug at a time, whatever else is tested.
static ALONE: Mutex<()> = Mutex::new(());

/// Seeds that a bug may survive.
const SEEDS: u64 = 2_000;

/// Bugs of elections need many of them, and bugs of leases many leases.
const fn theme(mutant: Mutant) -> Option<Theme> {
    match mutant {
        Mutant::VoteBeforeSync | Mutant::CommitEarlierTerm | Mutant::CommitBeyondLetter => {
            Some(Theme::Elections)
        }
        Mutant::RenewedWithoutQuorum
        | Mutant::RenewedWhileEnding
        | Mutant::ExpiresAnother
        | Mutant::LeaseNotExtended
        | Mutant::AnsweredByPlaceAlone => Some(Theme::Leases),
        Mutant::RestoreKeepsLog
        | Mutant::MuteCounts
        | Mutant::MuteVotes
        | Mutant::WatchSkipsInstall
        | Mutant::CheckpointPlaceAhead
        | Mutant::ManifestBeforeChunks
        | Mutant::LogReleasedToNewest
        | Mutant::SnapshotWithoutSequences
        | Mutant::LeaseKeysNotThawed
        | Mutant::FloorForgetsPromise
        | Mutant::InstallKeepsMachine
        | Mutant::KeptLeaseLost
        | Mutant::DeletionSweptTooFar
        | Mutant::CompactedIsRead
        | Mutant::ForwardTakenTwice
        | Mutant::ReadNotApplied
        | Mutant::LivesNotThawed
        | Mutant::LeftoversOfBoth
        | Mutant::HeartbeatCommitsAll => Some(Theme::Checkpoints),
        _ => None,
    }
}

/// What the world does not reach, and the room's own schedules catch, or what the
/// exploration of small worlds meets: see `cargo xtask mutants`.
const ELSEWHERE: &[Mutant] = &[
    Mutant::RestoreForgetsStale,
    Mutant::TearTakenForDamage,
    Mutant::PageCacheBelieved,
    Mutant::DamageTakenForTear,
    Mutant::VoteNotWritten,
    Mutant::VoteTwice,
    Mutant::WholeWithoutLog,
    Mutant::WholeInOldTerm,
    Mutant::VoteIgnoresLog,
    Mutant::TransferIgnoresLog,
    Mutant::PullKeepsTerm,
    Mutant::PullerConfirms,
    Mutant::PullCutsNewer,
    Mutant::PreVoteRaisesTerm,
    Mutant::StaleVoteCounts,
    Mutant::AppendAckBeforeSync,
    Mutant::AppendCutsWhatFollows,
    Mutant::OwnDiskCountsEarly,
    Mutant::DurableNotTakenBack,
    Mutant::RoundUsedTwice,
    Mutant::ReadBeforeOpening,
    // The hunt speaks Raft.
    Mutant::PrepareBeforeSync,
    Mutant::PromiseBeforeSync,
    Mutant::PromisesOfAMinority,
    Mutant::LowestBallotWins,
    Mutant::InheritedAsNew,
    Mutant::AcceptedBeforeSync,
    Mutant::CommitOfAnyBallot,
    Mutant::ZabOwnSyncEarly,
    Mutant::ZabPromiseNotWritten,
    Mutant::ZabAckEpochBeforeSync,
    Mutant::ZabEqualEpochTwice,
    Mutant::ZabLongestWins,
    Mutant::ZabLeadsWithoutHistory,
    Mutant::ZabNoTrunc,
    Mutant::ZabAcceptsBeforeLog,
    Mutant::ZabAckNewLeaderEarly,
    Mutant::ZabServesUnaccepted,
    Mutant::ZabPongUnsynced,
    Mutant::ZabAckBeforeSync,
];

/// Where the hunt begins: the seed that caught it last, if that is far. Whoever
/// changes what is drawn may have to look for another, and the hunt finds it.
const fn caught_last(mutant: Mutant) -> u64 {
    match mutant {
        Mutant::VoteBeforeSync => 258,
        Mutant::CommitEarlierTerm => 875,
        Mutant::RestoreKeepsLog => 177,
        Mutant::RenewedWithoutQuorum => 1158,
        Mutant::CommitBeyondLetter => 110,
        Mutant::LostLettersNotMissed => 95,
        _ => 0,
    }
}

/// The world in which a bug is hunted: a scenario, if what it breaks is demanded
/// only while links are cut.
fn world(mutant: Mutant, seed: u64) -> Options {
    let options = Options { seed, theme: theme(mutant), ..Options::default() };
    if mutant != Mutant::LeadsUnheard {
        return options;
    }
    let text = scenario::text("deaf-leader").expect("a named scenario");
    let scenario = Scenario::parse(text).expect("a scenario that can be read");
    Options { nodes: Some(5), scenario: Some(scenario), ..options }
}

/// Writes down who is dead, for `cargo xtask mutants`, which prints the sum.
fn killed(mutant: Mutant, by: &str) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/mutants/killed.txt");
    if let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(file) {
        writeln!(file, "{mutant:?}\t{by}").expect("room for a line");
    }
}

/// The first seed that fails with the bug and passes without it, and which
/// checker saw it.
fn hunt(mutant: Mutant) -> Option<(u64, &'static str)> {
    mutant.choose();
    let seeds = std::iter::once(caught_last(mutant)).chain(0..SEEDS);
    let caught = seeds.into_iter().find_map(|seed| {
        let report = run(world(mutant, seed));
        let violation = report.violations.first()?;
        let what: String = violation.to_string().chars().take(200).collect();
        println!("{mutant:?}: caught by seed {seed}\n  {what}");
        Some((seed, violation.checker))
    });
    Mutant::None.choose();
    caught.filter(|(seed, _)| run(world(mutant, *seed)).passed())
}

fn passes() -> bool {
    run(Options { seed: 1, ..Options::default() }).passed()
}

/// What a bug breaks is told by the few steps that it takes.
#[test]
fn what_a_mutant_breaks_is_made_small() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    Mutant::ReadWithoutQuorum.choose();
    let found = if Mutant::ReadWithoutQuorum.on() {
        let fails = |seed: &u64| !run(Options { seed: *seed, ..Options::default() }).passed();
        (0..SEEDS).find(fails).expect("some seed reads what is old")
    } else {
        1
    };
    let options = Options { seed: found, ..Options::default() };
    let shrunk = shrink(&options, 400, &mut |_, _| ());
    Mutant::None.choose();
    match shrunk {
        Ok(shrunk) => {
            println!("{shrunk}");
            assert!(!shrunk.report.passed(), "what is left fails");
            assert!(shrunk.steps.len() * 4 < shrunk.before, "most of it does not matter");
        }
        Err(why) => {
            assert_eq!(why, NotShrunk::Passes);
            assert_eq!(found, 1, "a bug is there and not made small");
        }
    }
}

#[test]
fn every_mutant_is_caught() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let named = std::env::var("TRIMARAN_MUTANT").unwrap_or_default();
    let named: Vec<&str> = named.split(',').filter(|name| !name.is_empty()).collect();
    let is = |it: &Mutant, name: &str| format!("{it:?}") == name;
    for name in &named {
        assert!(Mutant::ALL.iter().any(|it| is(it, name)), "there is no mutant {name}");
    }
    let wanted = |it: &Mutant| {
        let named = named.is_empty() || named.iter().any(|name| is(it, name));
        named && !ELSEWHERE.contains(it)
    };
    let mut survived = Vec::new();
    for mutant in Mutant::ALL.iter().copied().filter(wanted) {
        mutant.choose();
        if !mutant.on() {
            assert!(passes(), "{mutant:?} does something in a build without mutants");
        } else if let Some((seed, checker)) = hunt(mutant) {
            killed(mutant, &format!("seed {seed}: {checker}"));
        } else {
            survived.push(mutant);
        }
    }
    Mutant::None.choose();
    assert!(survived.is_empty(), "survived {SEEDS} seeds: {survived:?}");
}
