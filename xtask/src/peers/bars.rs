//! What we want to be beside etcd, and whether we are.

use super::cluster::Make;
use super::figures::{Figures, Load};

/// One thing that is wanted.
struct Bar {
    load: Load,
    column: &'static str,
    path: &'static str,
    wanted: Wanted,
}

/// What is wanted of the medians.
#[derive(Clone, Copy)]
enum Wanted {
    /// So many times etcd's, or more.
    AtLeast(f64),
    /// So many times etcd's, or less.
    AtMost(f64),
    /// So many microseconds above the same call at our door alone, or less.
    AboveFloor(f64),
}

const PER_SECOND: (&str, &str) = ("ops/s", "/per_second");
const P50: (&str, &str) = ("p50", "/latency_us/p50");
const P99: (&str, &str) = ("p99", "/latency_us/p99");
const CPU: (&str, &str) = ("CPU", "/cpu_us_per_operation/servers");

const fn bar(
    (verb, how): (&'static str, &'static str),
    (column, path): (&'static str, &'static str),
    wanted: Wanted,
) -> Bar {
    Bar { load: Load { to: "leader", verb, how }, column, path, wanted }
}

/// Every bar of docs/benchmarks.md.
const BARS: &[Bar] = &[
    bar(("put", ""), PER_SECOND, Wanted::AtLeast(3.0)),
    bar(("put", ""), CPU, Wanted::AtMost(0.32)),
    bar(("put", ""), CPU, Wanted::AboveFloor(28.0)),
    bar(("get", ""), PER_SECOND, Wanted::AtLeast(2.2)),
    bar(("get", ""), CPU, Wanted::AtMost(0.42)),
    bar(("get", ""), CPU, Wanted::AboveFloor(9.0)),
    bar(("put", "one client"), P50, Wanted::AtMost(0.6)),
    bar(("put", "1,000/s"), P50, Wanted::AtMost(0.6)),
    bar(("put", "1,000/s"), P99, Wanted::AtMost(0.6)),
    bar(("put", "5,000/s"), P50, Wanted::AtMost(0.6)),
    bar(("put", "5,000/s"), P99, Wanted::AtMost(0.6)),
    bar(("get", "1,000/s"), P50, Wanted::AtMost(0.6)),
    bar(("get", "1,000/s"), P99, Wanted::AtMost(0.6)),
    bar(("get", "5,000/s"), P50, Wanted::AtMost(0.6)),
    bar(("get", "5,000/s"), P99, Wanted::AtMost(0.6)),
];

/// A line for each bar.
pub(super) fn table(figures: &Figures) -> String {
    let lines: Vec<String> = BARS.iter().map(|bar| bar.line(figures)).collect();
    lines.join("\n") + "\n"
}

impl Bar {
    fn line(&self, figures: &Figures) -> String {
        let (is, wanted) = self.found(figures);
        let (sign, limit, unit) = match self.wanted {
            Wanted::AtLeast(limit) => ("at least", limit, "x etcd's"),
            Wanted::AtMost(limit) => ("at most", limit, "x etcd's"),
            Wanted::AboveFloor(limit) => ("at most", limit, " µs above the floor"),
        };
        let verdict = match wanted {
            _ if is.is_nan() => "not measured",
            true => "met",
            false => "NOT MET",
        };
        let Self { load, column, .. } = self;
        format!(
            "{verdict:<13}{:<26} {column:<6} {is:>6.2}{unit}, wanted {sign} {limit}",
            load.name()
        )
    }

    /// What was measured, and whether it is what is wanted.
    fn found(&self, figures: &Figures) -> (f64, bool) {
        let median = |make, load| figures.median(make, load, self.path);
        let ours = median(Make::Ours, self.load);
        let ratio = ours / median(Make::Etcd, self.load);
        match self.wanted {
            Wanted::AtLeast(limit) => (ratio, ratio >= limit),
            Wanted::AtMost(limit) => (ratio, ratio <= limit),
            Wanted::AboveFloor(limit) => {
                let floor = Load { to: "nobody", how: "floor", ..self.load };
                let above = ours - median(Make::Ours, floor);
                (above, above <= limit)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(per_second: u32, p50: u32, cpu: u32) -> String {
        format!(
            "{{\"per_second\":{per_second},\"errors\":0,\"latency_us\":{{\"p50\":{p50},\"p99\":9}},\
             \"cpu_us_per_operation\":{{\"servers\":{cpu},\"client\":4}}}}"
        )
    }

    #[test]
    fn each_bar_is_judged_by_its_own_rule() {
        let load = |verb, how| Load { to: "leader", verb, how };
        let floor = Load { to: "nobody", verb: "put", how: "floor" };
        let mut figures = Figures::default();
        for (make, load, line) in [
            (Make::Ours, load("put", ""), run(300, 5, 40)),
            (Make::Etcd, load("put", ""), run(100, 5, 100)),
            (Make::Ours, floor, run(900, 1, 12)),
            (Make::Ours, load("put", "one client"), run(1, 6, 1)),
            (Make::Etcd, load("put", "one client"), run(1, 10, 1)),
        ] {
            figures.add(make, load, &line).expect("a run");
        }
        let table = table(&figures);
        let verdict = |part: &str| {
            let line = table.lines().find(|line| line.contains(part));
            line.expect("a line").split("  ").next().expect("a word").to_string()
        };
        assert_eq!(verdict("3.00x etcd's, wanted at least 3"), "met");
        assert_eq!(verdict("0.40x etcd's, wanted at most 0.32"), "NOT MET");
        assert_eq!(verdict("28.00 µs above the floor"), "met");
        assert_eq!(verdict("0.60x etcd's, wanted at most 0.6"), "met");
        assert!(verdict("put to leader, 1,000/s").starts_with("not measured"), "{table}");
        assert_eq!(table.lines().count(), BARS.len());
    }
}
