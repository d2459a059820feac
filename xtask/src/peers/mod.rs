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
pub(crate) mod restart;

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

/// What is measured on each cluster, in this order: the load, and more words for
/// it. The first writes every key, so that each get finds one. Latencies are
/// compared in the open loops, where a server that pauses cannot hide it.
const LOADS: &[(Load, &[&str])] = &[
    (Load { to: "leader", verb: "put", how: "" }, &["--preload"]),
    (Load { to: "leader", verb: "get", how: "" }, &[]),
    (Load { to: "all", verb: "put", how: "" }, &[]),
    (Load { to: "all", verb: "get", how: "" }, &[]),
    (Load { to: "leader", verb: "put", how: "one client" }, ONE),
    (Load { to: "leader", verb: "get", how: "one client" }, ONE),
    (Load { to: "leader", verb: "put", how: "1,000/s" }, &["--rate", "1000"]),
    (Load { to: "leader", verb: "get", how: "1,000/s" }, &["--rate", "1000"]),
    (Load { to: "leader", verb: "put", how: "5,000/s" }, &["--rate", "5000"]),
    (Load { to: "leader", verb: "get", how: "5,000/s" }, &["--rate", "5000"]),
];

const ONE: &[&str] = &["--clients", "1", "--conns", "1"];

/// Our door with nothing behind it, beside which all others stand.
const FLOORS: &[Load] = &[
    Load { to: "nobody", verb: "put", how: "floor" },
    Load { to: "nobody", verb: "get", how: "floor" },
];

/// Where things are.
struct Place {
    trimaran: PathBuf,
    etcd: PathBuf,
    dir: PathBuf,
}

/// etcd's server, with its other programs beside it; installed below the target
/// folder if it is not there yet.
pub(crate) fn install_etcd(target: &Path) -> Result<PathBuf, String> {
    let dir = target.join("bench");
    fs::create_dir_all(&dir).map_err(|why| format!("{}: {why}", dir.display()))?;
    etcd::install(&dir)
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
        for floor in FLOORS {
            let words: Vec<String> = ["floor", floor.verb, "--json"].map(String::from).into();
            let line =
                bench(&place.trimaran, words.into_iter().chain(options.load(&[])).collect())?;
            figures.add(Make::Ours, *floor, &line)?;
            println!("  {}", figures.last_line());
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
        None => install_etcd(&target)?,
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
    for (load, more) in LOADS {
        let (endpoints, pids) = (cluster.endpoints(), cluster.pids());
        let own =
            [load.verb, "--to", load.to, "--json", "--endpoints", &endpoints, "--pids", &pids];
        let words = own.iter().chain(*more).map(|word| (*word).to_string());
        let line = bench(&place.trimaran, words.chain(options.load(more)).collect())
            .map_err(|why| format!("{why}\n{}", cluster.last_words()))?;
        figures.add(make, *load, &line)?;
        println!("  {}", figures.last_line());
    }
    drop(cluster);
    fs::remove_dir_all(&dir).map_err(|why| format!("{}: {why}", dir.display()))
}

/// One run of `trimaran bench`: its line of JSON.
fn bench(trimaran: &Path, words: Vec<String>) -> Result<String, String> {
    let done = Command::new(trimaran)
        .arg("bench")
        .args(&words)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|why| format!("{}: {why}", trimaran.display()))?;
    if !done.status.success() {
        return Err(format!("`trimaran bench {}` ended with {}", words.join(" "), done.status));
    }
    String::from_utf8(done.stdout).map_err(|_| "`trimaran bench` prints no text".to_string())
}
