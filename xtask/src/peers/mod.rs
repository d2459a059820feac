//! How fast are we, beside the fastest that others use?
//!
//! Pairs of runs, ours and etcd's in turn, each on a fresh cluster of three
//! processes on this machine, under the same load by `trimaran bench`. A pair
//! stands close together in time, so that what disturbs the machine disturbs
//! both; the medians of several pairs are what is compared. Nothing here is run
//! by a test or by the build machine: a figure needs a machine of its own.

mod bars;
mod call;
mod cluster;
pub(crate) mod cost;
mod etcd;
pub(crate) mod failover;
mod figures;
mod options;
pub(crate) mod restart;
pub(crate) mod watch;

use crate::shell::{self, Program};
use crate::{Outcome, metadata};
use cluster::{Cluster, Make};
use figures::{Figures, Load};
use options::Options;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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

impl Place {
    fn program(&self, make: Make) -> &Path {
        match make {
            Make::Ours => &self.trimaran,
            Make::Etcd => &self.etcd,
        }
    }
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
    let (mut figures, begun) = (Figures::default(), Instant::now());
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
        println!("bench-peers: {}", rest(begun.elapsed(), pair, options.pairs));
    }
    print!("\n{}\n{}", figures.table(), bars::table(&figures));
    let file = place.dir.join("peers.json");
    fs::write(&file, figures.json(&options.words()))
        .map_err(|why| format!("{}: {why}", file.display()))?;
    println!("all runs: {}", file.display());
    Ok(())
}

/// How long the other pairs will take, if they take as long as those so far.
fn rest(taken: Duration, done: usize, all: usize) -> String {
    let left = taken.as_secs() * (all.saturating_sub(done) as u64) / (done.max(1) as u64);
    format!("{done} of {all} pairs done, about {} min {} s left", left / 60, left % 60)
}

fn prepare(options: &Options) -> Result<Place, String> {
    let target = PathBuf::from(metadata::read()?.target);
    let dir = target.join("bench");
    fs::create_dir_all(&dir).map_err(|why| format!("{}: {why}", dir.display()))?;
    let trimaran = match &options.trimaran {
        Some(path) => PathBuf::from(path),
        None => {
            println!("{}", BUILD.line());
            BUILD.run()?;
            target.join("release/trimaran")
        }
    };
    let etcd = match &options.etcd {
        Some(path) => PathBuf::from(path),
        None => install_etcd(&target)?,
    };
    let version = shell::output(&[&etcd.display().to_string(), "--version"])?;
    println!("{}", version.lines().next().unwrap_or("etcd"));
    Ok(Place { trimaran, etcd, dir })
}

/// All loads on one fresh cluster, which is gone afterwards.
fn one(place: &Place, options: &Options, make: Make, figures: &mut Figures) -> Outcome {
    let dir = place.dir.join("run");
    let cluster = Cluster::start(make, place.program(make), &dir)?;
    cluster.wait_until_it_serves(&place.trimaran)?;
    for (load, more) in LOADS {
        let (endpoints, pids) = (cluster.endpoints(), cluster.pids());
        let own =
            [load.verb, "--to", load.to, "--json", "--endpoints", &endpoints, "--pids", &pids];
        let brief = options.brief();
        let seconds: &[&str] = if load.how.is_empty() { &[] } else { &["--seconds", &brief] };
        let more = [*more, seconds].concat();
        let words = own.iter().chain(&more).map(|word| (*word).to_string());
        let line = bench(&place.trimaran, words.chain(options.load(&more)).collect())
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

#[cfg(test)]
mod tests {
    use super::rest;
    use std::time::Duration;

    #[test]
    fn the_rest_is_told_from_what_was_done() {
        let told = rest(Duration::from_secs(150), 2, 5);
        assert_eq!(told, "2 of 5 pairs done, about 3 min 45 s left");
        assert!(rest(Duration::from_secs(9), 5, 5).ends_with("about 0 min 0 s left"));
    }
}
