//! `sim`: the cluster in a world made from a seed.

use crate::failure::Failure;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;

#[derive(Parser, Debug)]
#[command(
    name = "trimaran sim",
    about = "Run the code that serves users in a world made from a seed",
    disable_help_subcommand = true
)]
struct SimArgs {
    #[command(subcommand)]
    verb: SimVerb,
}

#[derive(Subcommand, Debug)]
enum SimVerb {
    /// Run one seed, or many
    #[command(before_help = "Examples:
  trimaran sim run --seed 7                what seed 7 does, and whether it kept every promise
  trimaran sim run --seed 7 --story        every step of it
  trimaran sim run --seed 1 --seeds 1000   a thousand seeds, one sum")]
    Run(RunArgs),
}

#[derive(Args, Debug)]
struct RunArgs {
    /// Decides everything that happens; the same seed is the same run
    #[arg(long)]
    seed: u64,
    /// So many seeds, from --seed on
    #[arg(long, value_name = "COUNT")]
    seeds: Option<u64>,
    /// Print every step
    #[arg(long, conflicts_with = "seeds")]
    story: bool,
}

pub(crate) fn run(words: &[OsString]) -> Result<(), Failure> {
    let words = std::iter::once(OsString::from("trimaran sim")).chain(words.iter().cloned());
    let SimVerb::Run(args) = SimArgs::try_parse_from(words)?.verb;
    let (text, passed) = match args.seeds {
        Some(count) => many(args.seed, count)?,
        None => one(&args),
    };
    let mut out = std::io::stdout();
    writeln!(out, "{}", text.trim_end()).map_err(|error| Failure::io("print", &error))?;
    if passed { Ok(()) } else { Err(Failure::error("a promise was broken, see above")) }
}

fn one(args: &RunArgs) -> (String, bool) {
    let options = sim::Options { seed: args.seed, story: args.story, ..sim::Options::default() };
    let report = sim::run(options);
    (report.to_string(), report.passed())
}

fn many(first: u64, count: u64) -> Result<(String, bool), Failure> {
    let end = first.checked_add(count).ok_or_else(|| {
        Failure::arguments(format!("--seed {first} --seeds {count}: there are no seeds that high"))
    })?;
    let report = sim::swarm(first..end);
    Ok((report.to_string(), report.passed()))
}
