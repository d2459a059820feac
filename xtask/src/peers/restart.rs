//! How long does a restart take, and what do checkpoints cost, with much data?
//!
//! Three processes hold a million keys whose history is compacted. Then: what
//! they take in memory at rest, and at most while puts force checkpoints, first
//! with history compacted every second, so that nearly all of the difference is
//! what checkpoints and puts take, then with history that is kept; how long the
//! slowest of those puts took; and how long after its start a killed follower, with
//! as much log behind its checkpoint as there may be, answers its first
//! linearizable get.

use super::call::told;
use super::cluster::{Cluster, Make};
use super::figures::number;
use super::options::Options;
use super::{Place, bench, prepare};
use crate::Outcome;
use serde_json::Value;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long memory is watched at rest before it is believed.
const REST: Duration = Duration::from_secs(5);
/// How long a node may take until it serves.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(20);

pub(crate) fn run(words: &[&str]) -> Outcome {
    let usual = ["--keys", "1000000", "--seconds", "20"];
    let options = Options::parse(&[&usual, words].concat())?;
    let place = prepare(&options)?;
    for make in [Make::Ours, Make::Etcd] {
        one(&place, &options, make)?;
    }
    Ok(())
}

fn one(place: &Place, options: &Options, make: Make) -> Outcome {
    let program = place.program(make);
    let name = make.name();
    println!("{name}: {} keys of {} bytes", options.keys, options.val_size);
    let dir = place.dir.join("run");
    let mut cluster = Cluster::start(make, program, &dir)?;
    cluster.wait_until_it_serves(&place.trimaran)?;
    load(place, options, &cluster, &["--preload", "--seconds", "1", "--rate", "1"])?;
    compact(place, &cluster)?;
    std::thread::sleep(REST);
    let rest = cluster.resident();
    println!("  memory at rest: {}", mebibytes(&rest));

    let forgetful = under_load(place, options, &cluster, true)?;
    println!("  history compacted every second: {forgetful}, {}", forgetful.beside(&rest));
    println!("  history kept: {}", under_load(place, options, &cluster, false)?);

    let follower = cluster.follower(&place.trimaran)?;
    cluster.kill(follower);
    let begun = Instant::now();
    cluster.again(follower, program, &dir)?;
    let endpoint = cluster.endpoint(follower);
    while told(&place.trimaran, &["get", "bench/0000000000", "--endpoints", &endpoint]).is_err() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("{name} does not serve again\n{}", cluster.last_words()));
        }
        std::thread::sleep(ASK_EVERY);
    }
    println!("  first linearizable get {:.2} s after the start", begun.elapsed().as_secs_f64());
    println!("{}", cluster.files(follower, &dir));
    drop(cluster);
    fs::remove_dir_all(&dir).map_err(|why| format!("{}: {why}", dir.display()))
}

fn load(
    place: &Place,
    options: &Options,
    cluster: &Cluster,
    more: &[&str],
) -> Result<String, String> {
    let endpoints = cluster.endpoints();
    let own = ["put", "--to", "leader", "--json", "--endpoints", &endpoints];
    let words = own.iter().chain(more).map(|word| (*word).to_string());
    bench(&place.trimaran, words.chain(options.load(more)).collect())
}

/// What puts to all keys cost.
struct Load {
    rate: f64,
    slowest: f64,
    most: Vec<u64>,
}

impl Load {
    /// The largest share of memory at rest.
    fn beside(&self, rest: &[u64]) -> String {
        let share = |(most, rest): (&u64, &u64)| *most as f64 / *rest as f64;
        let most = self.most.iter().zip(rest).map(share).fold(0.0, f64::max);
        format!("at most {most:.2} times rest")
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, slowest, most } = self;
        let most = mebibytes(most);
        write!(f, "{rate:.0} puts/s, the slowest {slowest:.1} ms, memory at most {most}")
    }
}

/// Puts to all keys, with history compacted all the time or kept.
fn under_load(
    place: &Place,
    options: &Options,
    cluster: &Cluster,
    forgetful: bool,
) -> Result<Load, String> {
    let over = AtomicBool::new(false);
    let (line, most) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| most_resident(cluster, &over));
        let compactor =
            scope.spawn(|| if forgetful { compact_until(place, cluster, &over) } else { Ok(()) });
        let line = load(place, options, cluster, &["--seconds", &options.seconds.to_string()]);
        over.store(true, Ordering::Relaxed);
        let compacted = compactor.join().unwrap_or(Ok(()));
        (line.and_then(|line| compacted.map(|()| line)), watcher.join().unwrap_or_default())
    });
    let run: Value = serde_json::from_str(&line?).map_err(|why| format!("bench: {why}"))?;
    let slowest = number(&run, "/latency_us/max").unwrap_or(f64::NAN) / 1000.0;
    Ok(Load { rate: number(&run, "/per_second").unwrap_or(f64::NAN), slowest, most })
}

/// Keeps a second of history.
fn compact_until(place: &Place, cluster: &Cluster, over: &AtomicBool) -> Result<(), String> {
    while !over.load(Ordering::Relaxed) {
        // First, since what is compacted already cannot be compacted again.
        std::thread::sleep(Duration::from_secs(1));
        compact(place, cluster)?;
    }
    Ok(())
}

fn compact(place: &Place, cluster: &Cluster) -> Result<(), String> {
    let revision = revision(&place.trimaran, &cluster.endpoints())?;
    let words = ["compaction", &revision, "--endpoints", &cluster.endpoints()];
    told(&place.trimaran, &words).map(|_| ())
}

/// The largest that each process was seen.
fn most_resident(cluster: &Cluster, over: &AtomicBool) -> Vec<u64> {
    let mut most = cluster.resident();
    while !over.load(Ordering::Relaxed) {
        for (most, now) in most.iter_mut().zip(cluster.resident()) {
            *most = now.max(*most);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    most
}

fn mebibytes(all: &[u64]) -> String {
    let each: Vec<String> = all.iter().map(|bytes| format!("{} MiB", bytes >> 20)).collect();
    each.join(", ")
}

pub(super) fn revision(trimaran: &Path, endpoints: &str) -> Result<String, String> {
    let words = ["get", "bench/0000000000", "-w", "json", "--endpoints", endpoints];
    let answer: Value =
        serde_json::from_str(&told(trimaran, &words)?).map_err(|why| format!("get: {why}"))?;
    let revision = answer.pointer("/header/revision").and_then(Value::as_u64);
    revision.map(|it| it.to_string()).ok_or_else(|| "get tells no revision".to_string())
}
