//! Can the checkers see? The deliberate bugs, built in and let loose.

use crate::Outcome;
use crate::killed;
use crate::shell::Program;

/// The only build in which the feature is on has a target folder of its own, so
/// that a mutant can never be taken for the program.
const APART: (&str, &str) = ("CARGO_TARGET_DIR", "target/mutants");

/// The simulator's hunt. It prints which seed catches which.
const HUNT: Program<'static> = Program {
    env: &[APART],
    words: &["cargo", "test", "-p", "sim", "--features", "base/mutants", "--test", "mutants"],
};

/// Every state of small worlds. It prints how each bug of the protocol is met.
const EXPLORE: Program<'static> = Program {
    env: &[APART],
    words: &["cargo", "test", "-p", "explore", "--features", "base/mutants", "--test", "mutants"],
};

/// The random schedules of the protocol's own room.
const SCHEDULES: &[&str] =
    &["cargo", "test", "-p", "consensus", "--features", "base/mutants", "--test", "random"];

/// What only Zab does, thing by thing.
const ZAB: &[&str] =
    &["cargo", "test", "-p", "consensus", "--features", "base/mutants", "--test", "zab"];

/// Every crash point of lives of a log.
const CRASH_POINTS: &[&str] =
    &["cargo", "test", "-p", "journal", "--features", "base/mutants", "--test", "crash_points"];

/// Every flipped bit of a log at rest.
const FLIPS: &[&str] =
    &["cargo", "test", "-p", "journal", "--features", "base/mutants", "--test", "damage"];

/// Bugs that need a crash between two neighbouring operations of a node with a
/// log such as few have, or damage at every place: the simulator's seeds pass them
/// by, the room's own tests do not; and those of a protocol that the hunt does not speak.
const IN_THEIR_ROOM: &[(&str, &[&str])] = &[
    ("RestoreForgetsStale", SCHEDULES),
    ("ZabOwnSyncEarly", SCHEDULES),
    ("ZabPromiseNotWritten", SCHEDULES),
    ("ZabAckEpochBeforeSync", SCHEDULES),
    ("ZabLeadsWithoutHistory", SCHEDULES),
    ("ZabNoTrunc", SCHEDULES),
    ("ZabAcceptsBeforeLog", SCHEDULES),
    ("ZabAckNewLeaderEarly", SCHEDULES),
    ("ZabServesUnaccepted", SCHEDULES),
    ("ZabPongUnsynced", SCHEDULES),
    ("ZabAckBeforeSync", SCHEDULES),
    ("ZabEqualEpochTwice", ZAB),
    ("ZabLongestWins", ZAB),
    ("TearTakenForDamage", CRASH_POINTS),
    ("PageCacheBelieved", CRASH_POINTS),
    ("DamageTakenForTear", FLIPS),
    ("PrepareBeforeSync", SCHEDULES),
    ("PromiseBeforeSync", SCHEDULES),
    ("PromisesOfAMinority", SCHEDULES),
    ("LowestBallotWins", SCHEDULES),
    ("InheritedAsNew", SCHEDULES),
    ("AcceptedBeforeSync", SCHEDULES),
    ("CommitOfAnyBallot", SCHEDULES),
];

/// Every mutant must be caught, or every one that is named: by a seed of the
/// simulator, in a world that is looked at whole, or in its own room.
pub(crate) fn run(names: &[&str]) -> Outcome {
    killed::begin()?;
    let hunted = hunt(names);
    killed::sum(names)?;
    hunted
}

fn hunt(names: &[&str]) -> Outcome {
    let all = names.join(",");
    let env = [APART, ("TRIMARAN_MUTANT", all.as_str())];
    for hunt in [EXPLORE, HUNT] {
        let hunt = if names.is_empty() { hunt } else { Program { env: &env, ..hunt } };
        println!("mutants: {}", hunt.line());
        hunt.run()?;
    }
    let wanted = |it: &&(&str, &[&str])| names.is_empty() || names.contains(&it.0);
    let rooms: Vec<_> = IN_THEIR_ROOM.iter().copied().filter(|it| wanted(&it)).collect();
    let mut tests: Vec<_> = rooms.iter().map(|(_, test)| *test).collect();
    tests.dedup();
    for words in tests {
        let right = Program { env: &[APART], words };
        println!("mutants: {}", right.line());
        right.run()?;
    }
    rooms.into_iter().try_for_each(must_fail)
}

fn must_fail((name, words): (&str, &[&str])) -> Outcome {
    let env = [APART, ("TRIMARAN_MUTANT", name)];
    let wrong = Program { env: &env, words };
    println!("mutants: {}, which must fail", wrong.line());
    match wrong.run() {
        Ok(()) => Err(format!("{name} survived `{}`", wrong.line())),
        Err(_) => {
            killed::add(name, "the tests of its room")?;
            println!("{name}: caught by the tests of its room, see above");
            Ok(())
        }
    }
}
