//! What does one put cost, counted and not timed, beside etcd's?
//!
//! A time needs a machine of its own; a count does not. Per put, over all three
//! processes: system calls, context switches, syncs and bytes, first under many
//! clients, then with one alone, where each switch is a part of the latency. Then
//! the instructions and allocations of the lanes alone, beside what they were.

mod lane;
mod seen;
mod strace;

use super::cluster::{Cluster, Make};
use super::figures::number;
use super::options::Options;
use super::{ONE, Place, bench, prepare};
use crate::Outcome;
use seen::Seen;
pub(super) use seen::{metric, metrics};
use serde_json::Value;
use std::fs;
use strace::Calls;

/// How many kinds of system calls are named.
const NAMED: usize = 5;

const HELP: &str = "\
Usage: cargo xtask bench-cost [lane [--keep]] [--seconds N] [--clients N] ...

  lane         only the lanes in one thread, under valgrind
  lane --keep  and takes what is counted as the reference from now on
";

pub(crate) fn run(words: &[&str]) -> Outcome {
    match words {
        ["lane"] => return lane::run(lane::Reference::Compare),
        ["lane", "--keep"] => return lane::run(lane::Reference::Keep),
        ["lane", ..] => return Err(HELP.into()),
        _ => {}
    }
    let options = Options::parse(&[&["--seconds", "5"], words].concat())?;
    let place = prepare(&options)?;
    let mut columns = Vec::new();
    for make in [Make::Ours, Make::Etcd] {
        println!("bench-cost: {}", make.name());
        columns.push(one(&place, &options, make)?);
    }
    print!("\n{}", table(&columns));
    lane::run(lane::Reference::Compare)
}

/// What a put cost under one load.
struct Cost {
    load: String,
    rows: Vec<(&'static str, f64)>,
    calls: Option<Calls>,
}

/// All loads on one fresh cluster.
fn one(place: &Place, options: &Options, make: Make) -> Result<Vec<Cost>, String> {
    let dir = place.dir.join("run");
    let cluster = Cluster::start(make, place.program(make), &dir)?;
    cluster.wait_until_it_serves(&place.trimaran)?;
    let _ = load(place, options, &cluster, &["--preload", "--seconds", "1"])?;
    let many = format!("{} clients on {} connections", options.clients, options.conns);
    let mut costs = Vec::new();
    for (name, more) in [(many, &[][..]), ("one client".to_string(), ONE)] {
        let before = Seen::of(&cluster, &dir)?;
        let run = load(place, options, &cluster, more)?;
        let seen = Seen::of(&cluster, &dir)?.since(&before);
        let mut rows = seen.per(operations(&run)?).to_vec();
        let cpu = number(&run, "/cpu_us_per_operation/servers").unwrap_or(f64::NAN);
        rows.insert(0, ("CPU µs", cpu));
        let calls = traced(place, options, &cluster, more)?;
        println!("  {name}: done");
        costs.push(Cost { load: name, rows, calls });
    }
    drop(cluster);
    fs::remove_dir_all(&dir).map_err(|why| format!("{}: {why}", dir.display()))?;
    Ok(costs)
}

/// The same load again while strace counts, which slows it several times: a turn
/// may then take more together than it would.
fn traced(
    place: &Place,
    options: &Options,
    cluster: &Cluster,
    more: &[&str],
) -> Result<Option<Calls>, String> {
    match strace::Strace::attach(&cluster.processes(), &place.dir) {
        Ok(strace) => {
            let run = load(place, options, cluster, more)?;
            strace.end(operations(&run)?).map(Some)
        }
        Err(why) => {
            println!("  system calls are not counted: {why}");
            Ok(None)
        }
    }
}

/// Puts to the leader, every one of which is counted.
fn load(
    place: &Place,
    options: &Options,
    cluster: &Cluster,
    more: &[&str],
) -> Result<Value, String> {
    let (endpoints, pids) = (cluster.endpoints(), cluster.pids());
    let to = ["put", "--to", "leader", "--json", "--warmup", "0"];
    let own = [&to[..], &["--endpoints", &endpoints, "--pids", &pids], more].concat();
    let words = own.iter().map(|word| (*word).to_string());
    let line = bench(&place.trimaran, words.chain(options.load(more)).collect())
        .map_err(|why| format!("{why}\n{}", cluster.last_words()))?;
    serde_json::from_str(&line).map_err(|why| format!("trimaran bench: {why}"))
}

fn operations(run: &Value) -> Result<f64, String> {
    let count = number(run, "/operations").filter(|count| *count > 0.0);
    count.ok_or_else(|| "trimaran bench counted nothing".to_string())
}

fn table(columns: &[Vec<Cost>]) -> String {
    let [ours, theirs] = columns else { return String::new() };
    let mut text = String::new();
    for (ours, theirs) in ours.iter().zip(theirs) {
        let head = format!("one put, {}", ours.load);
        text.push_str(&format!("{head:<42} {:>12} {:>12} {:>8}\n", "trimaran", "etcd", "ratio"));
        for ((name, ours), (_, theirs)) in ours.rows.iter().zip(&theirs.rows) {
            text.push_str(&row(name, *ours, *theirs));
        }
        if let (Some(ours), Some(theirs)) = (&ours.calls, &theirs.calls) {
            text.push_str(&row("system calls (strace)", ours.all(), theirs.all()));
            for (make, calls) in [(Make::Ours, ours), (Make::Etcd, theirs)] {
                text.push_str(&format!("    {:<10} {}\n", make.name(), calls.most(NAMED)));
            }
        }
        text.push('\n');
    }
    text
}

fn row(name: &str, ours: f64, theirs: f64) -> String {
    let ratio = ours / theirs;
    let ratio = if ratio.is_finite() { format!("{ratio:.2}x") } else { "-".into() };
    let [ours, theirs] = [ours, theirs].map(|one| match one {
        one if one.is_nan() => "-".to_string(),
        one => format!("{one:.2}"),
    });
    format!("  {name:<40} {ours:>12} {theirs:>12} {ratio:>8}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(switches: f64, calls: Option<Calls>) -> Vec<Cost> {
        vec![Cost { load: "one client".into(), rows: vec![("switches", switches)], calls }]
    }

    #[test]
    fn costs_stand_side_by_side() {
        let calls = |text| Calls::parse(text, 10.0);
        let ours = calls(" 60.00 0.1 1 30 futex\n 40.00 0.1 1 20 1 read\n");
        let theirs = calls("100.00 0.1 1 100 futex\n");
        let text = table(&[cost(2.0, Some(ours)), cost(8.0, Some(theirs))]);
        let words = |line: usize| {
            let line = text.lines().nth(line).expect("a line");
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words(0), "one put, one client trimaran etcd ratio");
        assert_eq!(words(1), "switches 2.00 8.00 0.25x");
        assert_eq!(words(2), "system calls (strace) 5.00 10.00 0.50x");
        assert_eq!(words(3), "trimaran futex 3.00, read 2.00");
    }

    #[test]
    fn without_strace_its_rows_are_left_out() {
        let text = table(&[cost(2.0, None), cost(0.0, None)]);
        assert!(!text.contains("strace") && text.contains(" -\n"), "{text}");
    }
}
