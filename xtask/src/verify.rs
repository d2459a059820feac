//! One word that only reads: is this tree fit to be shared?

use crate::shell::Program;
use crate::{Outcome, licences, tidy};
use std::time::Instant;

/// Whether the tests are one of the steps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tests {
    /// They are.
    Run,
    /// They have just been run.
    Skip,
}

enum Work {
    Program(Program<'static>),
    Here { job: fn() -> Outcome, repeat: &'static str },
}

struct Step {
    name: &'static str,
    work: Work,
}

const fn program(name: &'static str, words: &'static [&'static str]) -> Step {
    Step { name, work: Work::Program(Program { env: &[], words }) }
}

const fn here(name: &'static str, job: fn() -> Outcome, repeat: &'static str) -> Step {
    Step { name, work: Work::Here { job, repeat } }
}

/// Cheapest first, so that a slip is told early.
const STEPS: &[Step] = &[
    program("format", &["cargo", "fmt", "--all", "--check"]),
    here("tidy", tidy::run, "cargo xtask tidy"),
    here("licences", licences::run, "cargo xtask licences"),
    program(
        "clippy",
        &["cargo", "clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"],
    ),
    program(TESTS, &["cargo", "test", "--locked", "--workspace"]),
];

const TESTS: &str = "tests";

/// Runs the steps in order and stops at the first that fails.
pub(crate) fn run(tests: Tests) -> Outcome {
    let begun = Instant::now();
    for step in STEPS.iter().filter(|step| tests == Tests::Run || step.name != TESTS) {
        step.take()?;
    }
    println!("verify: all is well ({:.1} s)", begun.elapsed().as_secs_f64());
    Ok(())
}

impl Step {
    fn take(&self) -> Outcome {
        println!("{:<9} {}", self.name, self.repeat());
        let begun = Instant::now();
        let outcome = match &self.work {
            Work::Program(program) => program.run(),
            Work::Here { job, .. } => job(),
        };
        let seconds = begun.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => println!("{:<9} ok ({seconds:.1} s)", self.name),
            Err(fault) => {
                println!("{:<9} FAILED ({seconds:.1} s)", self.name);
                return Err(format!("{fault}\nrepeat with: {}", self.repeat()));
            }
        }
        Ok(())
    }

    fn repeat(&self) -> String {
        match &self.work {
            Work::Program(program) => program.line(),
            Work::Here { repeat, .. } => (*repeat).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{here, program};

    #[test]
    fn a_failing_step_says_how_to_repeat_it() {
        let fault = program("never", &["false"]).take().unwrap_err();
        assert!(fault.ends_with("repeat with: false"), "{fault}");
        let fault = here("no", || Err("a fault".into()), "cargo xtask no").take().unwrap_err();
        assert_eq!(fault, "a fault\nrepeat with: cargo xtask no");
    }

    #[test]
    fn a_good_step_passes() {
        assert!(program("always", &["true"]).take().is_ok());
    }
}
