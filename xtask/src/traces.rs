//! Is a seed the same run in every build? The worlds as they are tested and as
//! they ship, side by side.

use crate::shell::{self, Program};
use crate::{Outcome, metadata};
use std::path::Path;
use std::process::Command;

/// Some of every theme.
const SEEDS: &str = "1..41";

/// The builds, each with the words that make it. The simulator alone holds all
/// code that a world runs, and takes a fraction of the time of the whole program.
const BUILDS: &[(&str, &[&str])] = &[
    ("debug", &["cargo", "build", "--quiet", "-p", "sim", "--bin", "sim"]),
    ("release", &["cargo", "build", "--quiet", "--release", "-p", "sim", "--bin", "sim"]),
];

/// The same seeds in both builds, and the numbers that stand for all that happened.
pub(crate) fn run() -> Outcome {
    let target = metadata::read()?.target;
    let mut traces = Vec::new();
    for (build, words) in BUILDS {
        Program { env: &[], words }.run()?;
        let trace = trace(&Path::new(&target).join(build).join("sim"))?;
        println!("traces: seeds {SEEDS}, {build}: {trace}");
        traces.push(trace);
    }
    match traces.windows(2).all(|pair| pair.first() == pair.last()) {
        true => Ok(()),
        false => Err("a seed is not the same run in every build".into()),
    }
}

fn trace(program: &Path) -> Result<String, String> {
    let lost = |why: &dyn std::fmt::Display| format!("{}: {why}", program.display());
    let mut command = Command::new(program);
    command.args(["--seeds", SEEDS]).current_dir(shell::root());
    let output = command.output().map_err(|why| lost(&why))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let trace = text.lines().find_map(|line| line.strip_prefix("trace "));
    trace.map(|trace| trace.trim().to_string()).ok_or_else(|| lost(&format!("no trace in\n{text}")))
}
