//! How fast are we, beside the fastest that others use?
//!
//! Pairs of runs, ours and etcd's in turn, each on a fresh cluster of three
//! processes on this machine, under the same load by `trimaran bench`. A pair
//! stands close together in time, so that what disturbs the machine disturbs
//! both; the medians of several pairs are what is compared. Nothing here is run
//! by a test or by the build machine: a figure needs a machine of its own.

mod cluster;
mod etcd;
mod figures;
mod options;

use crate::shell::{self, Program};
use crate::{Outcome, metadata};
use cluster::{Cluster, Make};
use figures::{Figures, Load};
use options::Options;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BUILD: Program =
    Program { env: &[], words: &["cargo", "build", "--release", "--locked", "-p", "cli"] };

/// What is measured on each cluster, in this order: to whom, what, and more.
/// The first writes every key, so that each get finds one.
const LOADS: &[(&str, &str, &[&str])] = &[
    ("leader", "put", &["--preload"]),
    ("leader", "get", &[]),
    ("all", "put", &[]),
    ("all", "get", &[]),
];

/// Where things are.
struct Place {
    trimaran: PathBuf,
    etcd: PathBuf,
    dir: PathBuf,
}

/// Builds, runs the pairs, prints the medians and writes everything down.
pub(crate) fn run(words: &[&str]) -> Outcome {
    let options = Options::parse(words)?;
    let place = prepare(&options)?;
    let mut figures = Figures::default();
    for pair in 1..=options.pairs {
        // Whoever is first finds a cooler machine: it is not always the same one.
        let order = if pair % 2 == 1 { [Make::Ours, Make::Etcd] } else { [Make::Etcd, Make::Ours] };
        for make in order {
            println!("bench-peers: pair {pair} of {}: {}", options.pairs, make.name());
            one(&place, &options, make, &mut figures)?;
        }
    }
    print!("\n{}", figures.table());
    let file = place.dir.join("peers.json");
    fs::write(&file, figures.json(&options.words()))
        .map_err(|why| format!("{}: {why}", file.display()))?;
    println!("all runs: {}", file.display());
    Ok(())
}

fn prepare(options: &Options) -> Result<Place, String> {
    let target = PathBuf::from(metadata::read()?.target);
    let dir = target.join("bench");
    fs::create_dir_all(&dir).map_err(|why| format!("{}: {why}", dir.display()))?;
    println!("bench-peers: {}", BUILD.line());
    BUILD.run()?;
    let etcd = match &options.etcd {
        Some(path) => PathBuf::from(path),
        None => etcd::install(&dir)?,
    };
    let version = shell::output(&[&etcd.display().to_string(), "--version"])?;
    println!("bench-peers: {}", version.lines().next().unwrap_or("etcd"));
    Ok(Place { trimaran: target.join("release/trimaran"), etcd, dir })
}

/// All loads on one fresh cluster, which is gone afterwards.
fn one(place: &Place, options: &Options, make: Make, figures: &mut Figures) -> Outcome {
    let program = match make {
        Make::Ours => &place.trimaran,
        Make::Etcd => &place.etcd,
    };
    let dir = place.dir.join("run");
    let cluster = Cluster::start(make, program, &dir)?;
    cluster.wait_until_it_serves(&place.trimaran)?;
    for (to, verb, more) in LOADS {
        let line =
            load(&place.trimaran, options, &cluster, &[&[*verb, "--to", to], *more].concat())
                .map_err(|why| format!("{why}\n{}", cluster.last_words()))?;
        figures.add(make, Load { to, verb }, &line)?;
        println!("  {}", figures.last_line());
    }
    drop(cluster);
    fs::remove_dir_all(&dir).map_err(|why| format!("{}: {why}", dir.display()))
}

/// One run of `trimaran bench`: its line of JSON.
fn load(
    trimaran: &Path,
    options: &Options,
    cluster: &Cluster,
    words: &[&str],
) -> Result<String, String> {
    let done = Command::new(trimaran)
        .arg("bench")
        .args(words)
        .args(["--json", "--endpoints", &cluster.endpoints(), "--pids", &cluster.pids()])
        .args(options.load())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|why| format!("{}: {why}", trimaran.display()))?;
    if !done.status.success() {
        return Err(format!("`trimaran bench {}` ended with {}", words.join(" "), done.status));
    }
    String::from_utf8(done.stdout).map_err(|_| "`trimaran bench` prints no text".to_string())
}
