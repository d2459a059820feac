//! Can the checkers see? The deliberate bugs, built in and let loose.

use crate::Outcome;
use crate::shell::Program;

/// The only build in which the feature is on. It has a target folder of its
/// own, so that a mutant can never be taken for the program.
const HUNT: Program<'static> = Program {
    env: &[("CARGO_TARGET_DIR", "target/mutants")],
    words: &["cargo", "test", "-p", "sim", "--features", "base/mutants", "--test", "mutants"],
};

/// Runs the simulator's hunt: every mutant must be caught by some seed.
pub(crate) fn run() -> Outcome {
    println!("mutants: {}", HUNT.line());
    HUNT.run()
}
