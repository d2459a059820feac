//! Links that are cut in part: does the cluster settle, over many seeds?

use crate::Outcome;
use crate::shell::Program;

const HELP: &str = "\
Usage: cargo xtask partitions [--seeds A..B]

  Each shape of a partial partition and one-way links, with 3 and 5 nodes: within
  four election timeouts of the cut a leader who stays, and a write. Prints a table
  (seeds 0..1000 unless --seeds says so).
";

/// Runs the seeds of every shape.
pub(crate) fn run(words: &[&str]) -> Outcome {
    let seeds = match words {
        [] => "0..1000",
        ["--seeds", seeds] if seeds.contains("..") => seeds,
        _ => return Err(HELP.into()),
    };
    Program {
        env: &[("TRIMARAN_SEEDS", seeds)],
        words: &["cargo", "test", "-p", "sim", "--test", "partitions", "--", "--nocapture"],
    }
    .run()
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn what_is_not_known_is_explained() {
        for words in [&["dance"][..], &["--seeds", "many"][..]] {
            assert!(run(words).is_err_and(|why| why.contains("Usage: cargo xtask partitions")));
        }
    }
}
