//! The words of `sim`, raw.

use crate::duration;
use clap::{Args, Parser, Subcommand, ValueEnum};
use core::ops::Range;
use sim::draw::{ProtocolKind, Theme};
use sim::report::VERSION;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Parser, Debug)]
#[command(
    name = "trimaran sim",
    about = "Run the code that serves users in a world made from a seed",
    disable_help_subcommand = true
)]
pub(super) struct SimArgs {
    #[command(subcommand)]
    pub(super) verb: SimVerb,
}

#[derive(Subcommand, Debug)]
pub(super) enum SimVerb {
    /// Run one seed or many, with the seed's own misfortunes or a scenario
    #[command(before_help = "Examples:
  trimaran sim run --seed 7                     what seed 7 does, and whether it kept every promise
  trimaran sim run --seed 7 --html seven.html   the same as a picture to walk through
  trimaran sim run minority-leader              a scenario; `trimaran sim ls` names them
  trimaran sim run --seeds 1..1001 --jobs 2     a thousand seeds, one sum
  trimaran sim run --seed 7 --theme elections --lying-disk")]
    Run(RunArgs),
    /// Tell what one seed does, step by step
    Replay(ReplayArgs),
    /// Name the scenarios, each with a sentence
    Ls,
    /// Make a seed that fails small: the least that must be done to see it fail
    Shrink(ShrinkArgs),
}

/// What a world is like, whatever is done with it.
#[derive(Args, Debug)]
pub(super) struct WorldArgs {
    /// What the world is about, instead of what the seed says
    #[arg(long, value_enum)]
    pub(super) theme: Option<ThemeName>,
    /// What the groups of the cluster speak: raft, paxos or zab
    #[arg(long, default_value = "raft", value_parser = protocol)]
    pub(super) protocol: ProtocolKind,
    /// Nodes of the cluster: 1, 3, 5 or 7, instead of what the seed says
    #[arg(long, value_name = "COUNT", value_parser = nodes)]
    pub(super) nodes: Option<usize>,
    /// How long faults are injected before everything heals
    #[arg(long, value_name = "DURATION", value_parser = time)]
    pub(super) time: Option<Duration>,
    /// Disks say "synced" too early, which breaks promises: is it found?
    #[arg(long)]
    pub(super) lying_disk: bool,
}

#[derive(Args, Debug)]
pub(super) struct RunArgs {
    /// One of `trimaran sim ls`, or a file of your own
    pub(super) scenario: Option<String>,
    /// Decides everything that happens; the same seed is the same run [a scenario's default: 1]
    #[arg(long, value_parser = seed, required_unless_present_any = ["seeds", "scenario"])]
    pub(super) seed: Option<u64>,
    /// Seeds A, A+1 … up to and without B; or so many from --seed on
    #[arg(long, value_name = "A..B")]
    pub(super) seeds: Option<String>,
    /// So many worlds at a time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(super) jobs: u64,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    /// Print every step
    #[arg(long, conflicts_with = "seeds")]
    pub(super) story: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "story")]
    pub(super) json: bool,
    /// Draw what happened: one page that needs nothing else
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    pub(super) html: Option<PathBuf>,
    /// Draw the first election, as a still
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    pub(super) svg: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct ReplayArgs {
    /// The seed
    #[arg(value_parser = seed)]
    pub(super) seed: u64,
    /// One of `trimaran sim ls`, or a file of your own
    pub(super) scenario: Option<String>,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    /// Also heartbeats, syncs and what the directory does
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Args, Debug)]
pub(super) struct ShrinkArgs {
    /// The seed
    #[arg(value_parser = seed)]
    pub(super) seed: u64,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    /// So many runs at most
    #[arg(long, default_value_t = 2_000)]
    pub(super) runs: usize,
    /// Draw what is left
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

/// The themes that can be asked for by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ThemeName {
    /// A little of everything
    Mixed,
    /// Leaders fall as soon as they stand
    Elections,
    /// Checkpoints all the time, and disks that go bad or are lost
    Checkpoints,
    /// Many leases, and leaders who are cut off while they are renewed
    Leases,
}

impl From<ThemeName> for Theme {
    fn from(name: ThemeName) -> Self {
        match name {
            ThemeName::Mixed => Self::Mixed,
            ThemeName::Elections => Self::Elections,
            ThemeName::Checkpoints => Self::Checkpoints,
            ThemeName::Leases => Self::Leases,
        }
    }
}

/// A seed, alone or behind the version that it is of.
fn seed(text: &str) -> Result<u64, String> {
    let (version, number) = text.rsplit_once('-').unwrap_or((VERSION, text));
    let number =
        number.parse().map_err(|_| format!("{text:?} is no number and no VERSION-NUMBER"))?;
    if version == VERSION {
        return Ok(number);
    }
    Err(format!(
        "seed {text} is of trimaran {version}, and this is {VERSION}, where the same number is another \
         world; repeat it with {version}, or ask for {number} alone to see what it is here"
    ))
}

/// `A..B`, or a count from `first` on.
pub(super) fn seeds(text: &str, first: Option<u64>) -> Result<Range<u64>, String> {
    let range = match text.split_once("..") {
        Some((from, to)) if first.is_none() => seed(from)?..seed(to)?,
        Some(_) => return Err(format!("--seeds {text} says all: --seed is one too many")),
        None => {
            let count: u64 = text.parse().map_err(|_| format!("--seeds {text}: write A..B"))?;
            let from =
                first.ok_or_else(|| format!("--seeds {text} needs --seed, or write A..B"))?;
            let high = || format!("--seed {from} --seeds {count}: there are no seeds that high");
            from..from.checked_add(count).ok_or_else(high)?
        }
    };
    if range.is_empty() { Err(format!("--seeds {text}: there are none")) } else { Ok(range) }
}

fn protocol(text: &str) -> Result<ProtocolKind, String> {
    ProtocolKind::named(text).ok_or_else(|| {
        let names: Vec<&str> = ProtocolKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("there are {}", names.join(", "))
    })
}

fn nodes(text: &str) -> Result<usize, String> {
    let sizes = sim::scenario::SIZES;
    let number = text.parse().ok().filter(|number| sizes.contains(number));
    number.ok_or_else(|| "a cluster has 1, 3, 5 or 7 nodes".into())
}

fn time(text: &str) -> Result<Duration, String> {
    let time = duration::parse(text)?;
    let most = Duration::from_secs(600);
    if time > most { Err("600s is the longest".into()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_of_another_version_is_refused() {
        assert_eq!(seed("7"), Ok(7));
        assert_eq!(seed(&format!("{VERSION}-7")), Ok(7));
        let why = seed("99.0.0-7").expect_err("another version");
        assert!(why.contains("is of trimaran 99.0.0, and this is"), "{why}");
        assert!(seed("seven").is_err() && seed("-7").is_err());
    }

    #[test]
    fn seeds_are_a_range_or_a_count() {
        assert_eq!(seeds("3..9", None), Ok(3..9));
        assert_eq!(seeds("10", Some(5)), Ok(5..15));
        for (text, first) in [("9..3", None), ("10", None), ("x", Some(1)), ("1..2", Some(1))] {
            assert!(seeds(text, first).is_err(), "{text}");
        }
        assert!(seeds("2", Some(u64::MAX)).is_err());
    }
}
