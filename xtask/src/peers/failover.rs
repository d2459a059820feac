//! For how long is no write taken when the leader dies or hangs, beside etcd?
//!
//! A cluster of ours and one of etcd's stand side by side, both with the same
//! default timeouts, and lose their leader in turn under a modest load:
//! `trimaran bench gap` does the fault and measures, for both alike. Before the
//! next fault all three members are back and have the same.

use super::call::signal;
use super::cluster::{Cluster, Make};
use super::cost::{metric, metrics};
use super::figures::{median, number};
use super::options::Options;
use super::{Place, bench, prepare};
use crate::Outcome;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const HELP: &str = "\
Usage: cargo xtask bench-failover [--times N] [--steady SECONDS] [--trimaran PROGRAM]
                                  [--etcd PROGRAM]

  --times N         so many faults of each kind to each (20); 0: none
  --steady SECONDS  then so long as much load on ours as 256 clients make; nobody
                    else may begin to lead meanwhile (0)
";

/// What a gap may be, in milliseconds.
const BARS: [f64; 2] = [1000.0, 2500.0];

/// What is done to the leader.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fault {
    Kill,
    Stop,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Stop => "SIGSTOP",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Kill => "--kill",
            Self::Stop => "--stop",
        }
    }
}

/// What was asked for.
#[derive(Debug, PartialEq)]
struct Asked {
    times: usize,
    steady: u64,
    rest: Vec<String>,
}

impl Asked {
    fn parse(words: &[&str]) -> Result<Self, String> {
        let mut asked = Self { times: 20, steady: 0, rest: Vec::new() };
        let mut words = words.iter();
        while let Some(flag) = words.next() {
            let value = words.next().ok_or_else(|| format!("{flag} needs a value\n\n{HELP}"))?;
            let number = || value.parse::<u64>().map_err(|_| format!("{flag} {value}?\n\n{HELP}"));
            match *flag {
                "--times" => asked.times = usize::try_from(number()?).unwrap_or(usize::MAX),
                "--steady" => asked.steady = number()?,
                "--trimaran" | "--etcd" => {
                    asked.rest.extend([(*flag).to_string(), (*value).to_string()]);
                }
                _ => return Err(format!("what is {flag}?\n\n{HELP}")),
            }
        }
        Ok(asked)
    }
}

/// Every gap so far, in milliseconds.
type Gaps = BTreeMap<(Fault, Make), Vec<f64>>;

pub(crate) fn run(words: &[&str]) -> Outcome {
    let asked = Asked::parse(words)?;
    let rest: Vec<&str> = asked.rest.iter().map(String::as_str).collect();
    let options = Options::parse(&rest)?;
    let place = prepare(&options)?;
    if asked.times > 0 {
        print!("\n{}", table(&faults(&place, asked.times)?));
    }
    if asked.steady > 0 {
        steady(&place, &options, asked.steady)?;
    }
    Ok(())
}

fn faults(place: &Place, times: usize) -> Result<Gaps, String> {
    let mut clusters = Vec::new();
    for make in [Make::Ours, Make::Etcd] {
        let dir = place.dir.join(format!("failover-{}", make.name()));
        let cluster = Cluster::start(make, place.program(make), &dir)?;
        cluster.wait_until_it_serves(&place.trimaran)?;
        clusters.push((make, cluster, dir));
    }
    let mut gaps = Gaps::new();
    for fault in [Fault::Kill, Fault::Stop] {
        for time in 1..=times {
            for (make, cluster, dir) in &mut clusters {
                let gap = one(place, cluster, dir, fault)?;
                println!("{} {time} of {times}: {:<9} {gap:>7.1} ms", fault.name(), make.name());
                gaps.entry((fault, *make)).or_default().push(gap);
            }
        }
    }
    for (_, cluster, dir) in clusters {
        drop(cluster);
        std::fs::remove_dir_all(&dir).map_err(|why| format!("{}: {why}", dir.display()))?;
    }
    Ok(gaps)
}

/// One fault, measured and mended.
fn one(place: &Place, cluster: &mut Cluster, dir: &Path, fault: Fault) -> Result<f64, String> {
    cluster.wait_until_in_step(&place.trimaran)?;
    let leader = cluster.leader(&place.trimaran)?;
    let pid = cluster.process(leader);
    let (endpoints, victim) = (cluster.endpoints(), pid.to_string());
    let words = ["gap", "--json", fault.flag(), &victim, "--endpoints", &endpoints];
    let told = bench(&place.trimaran, words.iter().map(ToString::to_string).collect());
    match fault {
        Fault::Kill => {
            cluster.kill(leader);
            cluster.again(leader, place.program(cluster.make()), dir)?;
        }
        Fault::Stop => signal(pid, "CONT")?,
    }
    let told = told.map_err(|why| format!("{why}\n{}", cluster.last_words()))?;
    let told: Value = serde_json::from_str(&told).map_err(|why| format!("bench gap: {why}"))?;
    number(&told, "/gap_ms").ok_or_else(|| "bench gap tells no gap".to_string())
}

fn table(gaps: &Gaps) -> String {
    let [one, two] = BARS;
    let mut text = format!(
        "{:<22} {:>5} {:>12} {:>12} {:>12} {:>12}\n",
        "writes out after",
        "times",
        "median ms",
        "worst ms",
        format!("<= {} s", one / 1e3),
        format!("<= {} s", two / 1e3)
    );
    for ((fault, make), gaps) in gaps {
        let worst = gaps.iter().copied().fold(f64::NAN, f64::max);
        let within = |bar: f64| gaps.iter().filter(|gap| **gap <= bar).count();
        let name = format!("{}, {}", fault.name(), make.name());
        text.push_str(&format!(
            "{name:<22} {:>5} {:>12.1} {worst:>12.1} {:>12} {:>12}\n",
            gaps.len(),
            median(gaps.clone()),
            within(one),
            within(two)
        ));
    }
    text
}

/// Full load on ours: whoever leads goes on to lead.
fn steady(place: &Place, options: &Options, seconds: u64) -> Outcome {
    let dir = place.dir.join("failover-steady");
    let cluster = Cluster::start(Make::Ours, &place.trimaran, &dir)?;
    cluster.wait_until_it_serves(&place.trimaran)?;
    cluster.wait_until_in_step(&place.trimaran)?;
    let before = reign(place, &cluster)?;
    let (endpoints, seconds) = (cluster.endpoints(), seconds.to_string());
    println!("{seconds} s of puts by {} clients", options.clients);
    let own = ["put", "--to", "all", "--json", "--endpoints", &endpoints, "--seconds", &seconds];
    let words = own.iter().map(ToString::to_string).chain(options.load(&own));
    let line = bench(&place.trimaran, words.collect())
        .map_err(|why| format!("{why}\n{}", cluster.last_words()))?;
    let run: Value = serde_json::from_str(&line).map_err(|why| format!("bench: {why}"))?;
    let after = reign(place, &cluster)?;
    let of = |path| number(&run, path).unwrap_or(f64::NAN);
    println!(
        "{:.0} puts a second, {} errors, the slowest {:.0} ms",
        of("/per_second"),
        of("/errors"),
        of("/latency_us/max") / 1e3
    );
    let (terms, leaders) = (after.term - before.term, after.changes - before.changes);
    let verdict = if terms == 0 && leaders == 0.0 { "met" } else { "NOT MET" };
    println!(
        "the term changed {terms} times, the leader {leaders} times (wanted: never): {verdict}"
    );
    drop(cluster);
    std::fs::remove_dir_all(&dir).map_err(|why| format!("{}: {why}", dir.display()))
}

/// Who reigns: both numbers only grow, so that nothing in between is missed.
struct Reign {
    term: u64,
    /// Changes of the leader, by the member that saw most of them.
    changes: f64,
}

fn reign(place: &Place, cluster: &Cluster) -> Result<Reign, String> {
    let mut changes = 0.0_f64;
    for door in cluster.doors() {
        let page = metrics(&door).map_err(|why| format!("http://{door}/metrics: {why}"))?;
        changes = changes.max(metric(&page, "etcd_server_leader_changes_seen_total"));
    }
    let statuses = cluster.statuses(&place.trimaran);
    let term = statuses.iter().flatten().map(|status| status.term).max();
    Ok(Reign { term: term.ok_or("no member says its term")?, changes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_understood() {
        let asked = Asked::parse(&["--steady", "600", "--trimaran", "x"]).expect("it is clear");
        let rest = vec!["--trimaran".to_string(), "x".to_string()];
        assert_eq!(asked, Asked { times: 20, steady: 600, rest });
        for words in [&["--times"][..], &["--times", "many"], &["--fast", "1"]] {
            assert!(Asked::parse(words).is_err_and(|why| why.contains("Usage:")), "{words:?}");
        }
    }

    #[test]
    fn gaps_are_summed_up() {
        let gaps = Gaps::from([((Fault::Stop, Make::Etcd), vec![900.0, 3000.0, 1500.0])]);
        let text = table(&gaps);
        let row: Vec<&str> = text.lines().nth(1).expect("a row").split_whitespace().collect();
        assert_eq!(row, ["SIGSTOP,", "etcd", "3", "1500.0", "3000.0", "1", "2"]);
    }
}
