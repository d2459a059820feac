//! The workbench: one word to look (`verify`), one word to mend (`fix`).

mod docs;
mod explore;
mod fix;
mod interop;
mod killed;
mod licences;
mod metadata;
mod mutants;
mod partitions;
mod peers;
mod shell;
mod soak;
mod spdx;
mod tidy;
mod traces;
mod verify;

use std::process::ExitCode;

const HELP: &str = "\
The workbench of this repository.

Usage: cargo xtask <WORD>

  verify [--no-tests]  only reads: format, tidy, licences, clippy, tests;
                       stops at the first fault and prints how to repeat it
  fix                  writes: format, lints that apply themselves, transcripts
  tidy                 the walls of the house: arrows, circles, sizes, banned calls,
                       invariants, words
  licences             the licences of everything that is linked or built
  docs [FILE]...       runs the `console` blocks of README.md, docs/guides and
                       docs/simulator.md
  mutants [NAME]...    builds the deliberate bugs in, or those that are named, and lets
                       the simulator catch them
  traces               a seed of the simulator is the same run in debug and in release
  explore [WORLD]...   every state of small worlds of three replicas, the production
                       code itself; prints what was looked at and what was left out
  partitions [--seeds A..B]
                       links that are cut in part, in the simulator: does the cluster
                       settle, and how fast
  bench-peers [--pairs N] [--seconds N] ...
                       three nodes of ours and three of etcd in turn under the same
                       load; needs a quiet machine, and PyPI the first time
  bench-restart [--keys N] [--seconds N] ...
                       a million keys, ours and etcd's: memory, puts beside checkpoints,
                       the first read after a restart
  bench-cost [lane]    what one put costs, counted: system calls, switches, syncs, bytes
                       beside etcd's; instructions and allocations of the lanes
  bench-failover [--times N] [--steady SECONDS]
                       how long writes are out after kill -9 and SIGSTOP of the leader,
                       ours and etcd's; whether full load ever makes another one lead
  bench-watch [--watchers N] [--rate N] [--seconds N] ...
                       many watchers beside an open loop of puts, ours and etcd's: what
                       they cost the puts, in memory, and how far they are behind
  interop              strangers' programs against our servers: etcdctl beside our verbs,
                       and the crate etcd-client; needs PyPI the first time
  soak WHAT [--times N]  the long runs: `failover`, `stop` and `torture` on real processes,
                         `sim` with many seeds
  soak --minutes M       the big swarm of the simulator, or `--seeds A..B`; one table
  help                 this page

Examples:
  cargo xtask verify              what a reviewer and the build machine run
  cargo xtask verify --no-tests   the same after `cargo test --workspace`
  cargo xtask fix                 then read the diff, then commit
  cargo xtask docs README.md      only this file's commands
";

/// What a word comes to: a fault has been printed or is the text.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Outcome {
    match words {
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        ["verify"] => verify::run(verify::Tests::Run),
        ["verify", "--no-tests"] => verify::run(verify::Tests::Skip),
        ["fix"] => fix::run(),
        ["tidy"] => tidy::run(),
        ["licences"] => licences::run(),
        ["docs", files @ ..] => docs::run(files),
        ["mutants", names @ ..] => mutants::run(names),
        ["traces"] => traces::run(),
        ["explore", worlds @ ..] => explore::run(worlds),
        ["partitions", words @ ..] => partitions::run(words),
        ["bench-peers", words @ ..] => peers::run(words),
        ["bench-watch", words @ ..] => peers::watch::run(words),
        ["bench-restart", words @ ..] => peers::restart::run(words),
        ["bench-cost", words @ ..] => peers::cost::run(words),
        ["bench-failover", words @ ..] => peers::failover::run(words),
        ["interop"] => interop::run(),
        ["soak", words @ ..] => soak::run(words),
        other => Err(format!("xtask does not know `{}`\n\n{HELP}", other.join(" "))),
    }
}
