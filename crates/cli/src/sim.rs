//! `sim`: the cluster in a world made from a seed.

use crate::failure::Failure;
use clap::{Args, Parser, Subcommand, ValueEnum};
use sim::draw::Theme;
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
  trimaran sim run --seed 7 --theme elections --lying-disk
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
    /// What the world is about, instead of what the seed says
    #[arg(long, value_enum, conflicts_with = "seeds")]
    theme: Option<ThemeName>,
    /// Disks say "synced" too early, which breaks promises: is it found?
    #[arg(long, conflicts_with = "seeds")]
    lying_disk: bool,
}

/// The themes that can be asked for by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ThemeName {
    /// A little of everything
    Mixed,
    /// Leaders fall as soon as they stand
    Elections,
}

impl From<ThemeName> for Theme {
    fn from(name: ThemeName) -> Self {
        match name {
            ThemeName::Mixed => Self::Mixed,
            ThemeName::Elections => Self::Elections,
        }
    }
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
    let options = sim::Options {
        seed: args.seed,
        theme: args.theme.map(Theme::from),
        lying_disk: args.lying_disk,
        rotten_disk: false,
        story: args.story,
    };
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
