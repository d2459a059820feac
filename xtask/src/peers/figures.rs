//! The runs, their medians, and how ours compare.

use super::cluster::Make;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Which load: to whom, what, and how if not as fast as many clients can.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Load {
    pub(super) to: &'static str,
    pub(super) verb: &'static str,
    pub(super) how: &'static str,
}

impl Load {
    pub(super) fn name(self) -> String {
        let Self { to, verb, how } = self;
        let comma = if how.is_empty() { "" } else { ", " };
        format!("{verb} to {to}{comma}{how}")
    }
}

/// The columns: name, where in the JSON of `trimaran bench`.
const COLUMNS: &[(&str, &str)] = &[
    ("ops/s", "/per_second"),
    ("p50 µs", "/latency_us/p50"),
    ("p99 µs", "/latency_us/p99"),
    ("CPU µs/op", "/cpu_us_per_operation/servers"),
    ("load's CPU", "/cpu_us_per_operation/client"),
    ("errors", "/errors"),
];

/// Every run so far.
#[derive(Default, Debug)]
pub(super) struct Figures {
    runs: Vec<(Make, Load, Value)>,
}

impl Figures {
    /// Takes the line that a run printed.
    pub(super) fn add(&mut self, make: Make, load: Load, line: &str) -> Result<(), String> {
        let run: Value =
            serde_json::from_str(line).map_err(|why| format!("trimaran bench: {why}"))?;
        let missing = COLUMNS.iter().find(|(_, path)| number(&run, path).is_none());
        if let Some((name, _)) = missing {
            return Err(format!("trimaran bench says nothing of {name}: {line}"));
        }
        self.runs.push((make, load, run));
        Ok(())
    }

    /// The newest run in one line.
    pub(super) fn last_line(&self) -> String {
        let Some((_, load, run)) = self.runs.last() else { return String::new() };
        let columns: Vec<String> = COLUMNS
            .iter()
            .map(|(name, path)| format!("{name} {:.1}", number(run, path).unwrap_or(f64::NAN)))
            .collect();
        format!("{}: {}", load.name(), columns.join("  "))
    }

    fn loads(&self) -> Vec<Load> {
        let mut loads: Vec<Load> = Vec::new();
        for (_, load, _) in &self.runs {
            if !loads.contains(load) {
                loads.push(*load);
            }
        }
        loads
    }

    pub(super) fn median(&self, make: Make, load: Load, path: &str) -> f64 {
        let runs = self.runs.iter().filter(|(m, l, _)| (*m, *l) == (make, load));
        median(runs.filter_map(|(_, _, run)| number(run, path)).collect())
    }

    /// The medians side by side.
    pub(super) fn table(&self) -> String {
        let mut table = format!(
            "{:<26} {:<11} {:>12} {:>12} {:>8}\n",
            "median of", "", "trimaran", "etcd", "ratio"
        );
        for load in self.loads() {
            for (name, path) in COLUMNS {
                let [ours, theirs] =
                    [Make::Ours, Make::Etcd].map(|make| self.median(make, load, path));
                let head = load.name();
                let none = theirs == 0.0 || theirs.is_nan();
                let ratio = if none { "-".to_string() } else { format!("{:.2}x", ours / theirs) };
                let theirs = if theirs.is_nan() { "-".into() } else { format!("{theirs:.1}") };
                table.push_str(&format!(
                    "{head:<26} {name:<11} {ours:>12.1} {theirs:>12} {ratio:>8}\n"
                ));
            }
        }
        table
    }

    /// Every run and the medians, with the command that repeats them.
    pub(super) fn json(&self, command: &str) -> String {
        let runs: Vec<Value> = self
            .runs
            .iter()
            .map(
                |(make, load, run)| json!({"server": make.name(), "load": load.name(), "run": run}),
            )
            .collect();
        let mut medians = BTreeMap::new();
        for load in self.loads() {
            for make in [Make::Ours, Make::Etcd] {
                let columns: BTreeMap<&str, f64> = COLUMNS
                    .iter()
                    .map(|(_, path)| (path.trim_start_matches('/'), self.median(make, load, path)))
                    .collect();
                medians.insert(format!("{} {}", make.name(), load.name()), columns);
            }
        }
        json!({"command": command, "medians": medians, "runs": runs}).to_string()
    }
}

pub(super) fn number(run: &Value, path: &str) -> Option<f64> {
    run.pointer(path)?.as_f64()
}

/// The one in the middle, or the mean of both that are.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let low = values.get(values.len().saturating_sub(1) / 2);
    let high = values.get(values.len() / 2);
    match (low, high) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    fn line(per_second: u32) -> String {
        format!(
            "{{\"per_second\":{per_second},\"errors\":0,\"latency_us\":{{\"p50\":1,\"p99\":2}},\
             \"cpu_us_per_operation\":{{\"servers\":3,\"client\":4}}}}"
        )
    }

    #[test]
    fn medians_are_compared() {
        let mut figures = Figures::default();
        let load = Load { to: "leader", verb: "put", how: "" };
        for (make, rate) in [
            (Make::Ours, 90),
            (Make::Etcd, 10),
            (Make::Ours, 60),
            (Make::Etcd, 20),
            (Make::Ours, 1),
        ] {
            figures.add(make, load, &line(rate)).expect("a run");
        }
        let table = figures.table();
        let row = table.lines().nth(1).expect("a row");
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words, ["put", "to", "leader", "ops/s", "60.0", "15.0", "4.00x"]);
        assert!(figures.json("x").contains("\"trimaran put to leader\""));
        let floor = Load { to: "nobody", verb: "get", how: "floor" };
        figures.add(Make::Ours, floor, &line(7)).expect("a run");
        let table = figures.table();
        let row = table.lines().find(|line| line.starts_with("get to nobody, floor"));
        let words: Vec<&str> = row.expect("a row").split_whitespace().skip(4).collect();
        assert_eq!(words, ["ops/s", "7.0", "-", "-"]);
    }

    #[test]
    fn a_run_without_figures_is_refused() {
        let load = Load { to: "all", verb: "get", how: "" };
        assert!(Figures::default().add(Make::Ours, load, "{}").is_err());
        assert!(Figures::default().add(Make::Ours, load, "x").is_err());
    }
}
