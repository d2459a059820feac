//! The long runs: what `cargo test` does briefly, for as long as one likes.

use crate::Outcome;
use crate::shell::{self, Program};

const HELP: &str = "\
Usage: cargo xtask soak <WHAT> [--times N]
       cargo xtask soak --minutes M | --seeds A..B [--jobs N] [--from SEED] [--ledger FILE]

  --minutes  the big swarm of the simulator for so long, from seed 1000000 on unless
             --from says so, two worlds at a time unless --jobs does. It ends with one
             table: what was judged, faults by kind, the totals that as many seeds
             should have, marks, rates, and the command that replays each seed that failed
  --seeds    the same for these seeds. With 100000 and more it also fails if a total is short
  --ledger   adds a line to a file: commit, seeds, operations, faults, trace, result

  failover   N rounds of writers on real processes whose leader is killed with
             kill -9; every acknowledged write must be there, and writes must be
             taken again within a second (20 rounds unless --times says so)
  stop       N rounds in which the leader of three processes is frozen with
             SIGSTOP; writes must be taken again within 2.5 seconds in each (20)
  torture    N rounds of kill -9 or SIGSTOP of some node, the leader half of the
             time, under writers, readers, watchers, compactions and leases; what
             they saw is judged (200). TRIMARAN_SOAK_SEED decides the faults. With 20
             rounds and more it fails if nothing was compacted, resumed, leased or
             checkpointed, and with 100 if no checkpoint was taken over
  sim        N seeds of the simulator beyond those of the tests (10000)
";

/// Runs one of the long runs.
pub(crate) fn run(words: &[&str]) -> Outcome {
    if words.first().is_some_and(|word| word.starts_with("--")) {
        return swarm(words);
    }
    let (what, times) = match words {
        [what] => (*what, None),
        [what, "--times", times] => (*what, Some(*times)),
        _ => return Err(HELP.into()),
    };
    let times = times.map(|it| it.parse::<u64>().map_err(|_| format!("--times {it}?\n\n{HELP}")));
    let times = times.transpose()?;
    match what {
        "failover" => failover(times.unwrap_or(20)),
        "stop" => processes("TRIMARAN_SOAK_STOP", "frozen_leader", times.unwrap_or(20)),
        "torture" => processes("TRIMARAN_SOAK_TORTURE", "promised", times.unwrap_or(200)),
        "sim" => sim(times.unwrap_or(10_000)),
        other => Err(format!("soak does not know `{other}`\n\n{HELP}")),
    }
}

fn failover(times: u64) -> Outcome {
    let times = times.to_string();
    Program {
        env: &[("TRIMARAN_SOAK_TIMES", &times)],
        words: &["cargo", "test", "-p", "cli", "--test", "failover", "--", "--nocapture"],
    }
    .run()
}

/// One test of those that torture real processes, for longer than usual.
fn processes(variable: &str, test: &str, times: u64) -> Outcome {
    let times = times.to_string();
    let words = ["cargo", "test", "-p", "cli", "--test", "torture", test, "--", "--nocapture"];
    Program { env: &[(variable, &times)], words: &words }.run()
}

/// The big swarm, by the crate `sim` itself.
fn swarm(asked: &[&str]) -> Outcome {
    const KNOWN: &[&str] = &["--minutes", "--seeds", "--jobs", "--from", "--ledger"];
    if asked.len() % 2 == 1 || asked.iter().step_by(2).any(|flag| !KNOWN.contains(flag)) {
        return Err(HELP.into());
    }
    let commit = shell::output(&["git", "rev-parse", "--short=12", "HEAD"]);
    let commit = commit.unwrap_or_else(|_| "unknown".into());
    let mut words = vec!["cargo", "run", "--release", "--quiet", "-p", "sim", "--"];
    words.extend(asked);
    words.extend(["--commit", commit.trim()]);
    Program { env: &[], words: &words }.run()
}

fn sim(seeds: u64) -> Outcome {
    let seeds = seeds.to_string();
    let first = "1000000"; // far from the seeds that every `cargo test` runs
    Program {
        env: &[],
        words: &[
            "cargo",
            "run",
            "--release",
            "-p",
            "cli",
            "--",
            "sim",
            "run",
            "--seed",
            first,
            "--seeds",
            &seeds,
        ],
    }
    .run()
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn what_is_not_known_is_explained() {
        for words in [&[][..], &["dance"][..], &["sim", "--times", "many"][..], &["--minutes"][..]]
        {
            assert!(run(words).is_err_and(|why| why.contains("Usage: cargo xtask soak")));
        }
    }
}
