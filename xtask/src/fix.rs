//! One word that writes: everything a machine can put right by itself.

use crate::Outcome;
use crate::shell::Program;

const STEPS: &[Program] = &[
    Program {
        env: &[],
        words: &[
            "cargo",
            "clippy",
            "--workspace",
            "--all-targets",
            "--fix",
            "--allow-dirty",
            "--allow-staged",
        ],
    },
    Program { env: &[], words: &["cargo", "fmt", "--all"] },
    Program {
        env: &[("UPDATE_TRANSCRIPTS", "1")],
        words: &["cargo", "test", "-p", "consensus", "--test", "transcripts"],
    },
];

/// Lints first, because what they write wants formatting; then the transcripts.
pub(crate) fn run() -> Outcome {
    for step in STEPS {
        println!("fix: {}", step.line());
        step.run()?;
    }
    println!("fix: done; read the diff before you commit it");
    Ok(())
}
