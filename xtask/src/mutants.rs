//! Can the checkers see? The deliberate bugs, built in and let loose.

use crate::Outcome;
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

/// Bugs that need a crash between two neighbouring operations of a node with a
/// log such as few have: the simulator's seeds pass them by, the room's own do not.
const IN_THEIR_ROOM: &[&str] = &["RestoreForgetsStale"];

/// Every mutant must be caught, or every one that is named: by a seed of the
/// simulator, in a world that is looked at whole, or in its own room.
pub(crate) fn run(names: &[&str]) -> Outcome {
    let all = names.join(",");
    let env = [APART, ("TRIMARAN_MUTANT", all.as_str())];
    for hunt in [EXPLORE, HUNT] {
        let hunt = if names.is_empty() { hunt } else { Program { env: &env, ..hunt } };
        println!("mutants: {}", hunt.line());
        hunt.run()?;
    }
    let wanted = |name: &&&str| names.is_empty() || names.contains(*name);
    let rooms: Vec<&str> = IN_THEIR_ROOM.iter().filter(wanted).copied().collect();
    if rooms.is_empty() {
        return Ok(());
    }
    let right = Program { env: &[APART], words: SCHEDULES };
    println!("mutants: {}", right.line());
    right.run()?;
    rooms.into_iter().try_for_each(must_fail)
}

fn must_fail(name: &str) -> Outcome {
    let env = [APART, ("TRIMARAN_MUTANT", name)];
    let wrong = Program { env: &env, words: SCHEDULES };
    println!("mutants: {}, which must fail", wrong.line());
    match wrong.run() {
        Ok(()) => Err(format!("{name} survived `{}`", wrong.line())),
        Err(_) => {
            println!("{name}: caught by the schedules of consensus, see above");
            Ok(())
        }
    }
}
