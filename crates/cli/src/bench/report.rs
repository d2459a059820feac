//! What a run came to, for people and for programs.

use super::fault::Fault;
use super::json::Object;
use super::machine::Machine;
use super::plan::{Plan, Verb};
use super::tally::{Kind, Summary, Tally};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// CPU, user and system, used in the window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    /// None if it is not known which processes they are.
    pub(crate) servers: Option<Duration>,
    pub(crate) client: Duration,
}

/// A run in numbers.
#[derive(Debug)]
pub(crate) struct Report {
    plan: Plan,
    targets: Vec<String>,
    all: Summary,
    by_kind: Vec<(Kind, Summary)>,
    events: Summary,
    conflicts: u64,
    errors: BTreeMap<Fault, u64>,
    cpu: Cpu,
    machine: Machine,
}

impl Report {
    pub(crate) fn new(
        plan: Plan,
        targets: Vec<String>,
        tally: &Tally,
        cpu: Cpu,
        machine: Machine,
    ) -> Self {
        Self {
            plan,
            targets,
            all: tally.all(),
            by_kind: tally.by_kind(),
            events: tally.events(),
            conflicts: tally.conflicts(),
            errors: tally.errors().clone(),
            cpu,
            machine,
        }
    }

    /// How many operations ended well.
    pub(crate) fn operations(&self) -> u64 {
        self.all.count
    }

    fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    fn per_second(&self) -> f64 {
        self.all.count as f64 / self.plan.measured.as_secs_f64()
    }

    fn per_operation_us(&self, used: Duration) -> Option<f64> {
        (self.all.count > 0).then(|| used.as_secs_f64() * 1e6 / self.all.count as f64)
    }

    /// One line of JSON.
    pub(crate) fn json(&self) -> String {
        let mut by_kind = Object::default();
        for (kind, summary) in &self.by_kind {
            by_kind = by_kind.raw(kind.name(), latency(summary));
        }
        let mut errors = Object::default();
        for (fault, count) in &self.errors {
            errors = errors.raw(&fault.to_string(), *count);
        }
        let object = Object::default()
            .text("bench", self.plan.verb.name())
            .texts("endpoints", &self.targets)
            .raw("load", self.load())
            .raw("operations", self.all.count)
            .raw("errors", self.error_count())
            .raw("errors_by_kind", errors.end())
            .raw("conflicts", self.conflicts)
            .decimal("per_second", Some(self.per_second()))
            .raw("latency_us", latency(&self.all))
            .raw("latency_us_by_kind", by_kind.end());
        let object = match self.plan.verb {
            Verb::Watch { .. } => object.raw("event_latency_us", latency(&self.events)),
            _ => object,
        };
        object.raw("cpu_us_per_operation", self.cpu()).raw("machine", self.machine()).end()
    }

    fn load(&self) -> String {
        let plan = &self.plan;
        let object = Object::default()
            .raw("clients", plan.clients)
            .raw("conns", plan.conns)
            .raw("rate", plan.rate.map_or_else(|| "null".to_owned(), |rate| rate.to_string()))
            .raw("seconds", plan.measured.as_secs())
            .raw("warmup", plan.warmup.as_secs())
            .raw("val_size", plan.val_size)
            .raw("keys", plan.keys)
            .raw("seed", plan.seed);
        let object = match plan.verb {
            Verb::Watch { watchers } => object.raw("watchers", watchers),
            _ => object,
        };
        match plan.verb.serializable() {
            Some(own) => object.text("consistency", if own { "s" } else { "l" }).end(),
            None => object.end(),
        }
    }

    fn cpu(&self) -> String {
        let servers = self.cpu.servers.and_then(|used| self.per_operation_us(used));
        let client = self.per_operation_us(self.cpu.client);
        Object::default().decimal("servers", servers).decimal("client", client).end()
    }

    fn machine(&self) -> String {
        let Machine { cpu, cores, kernel, date } = &self.machine;
        Object::default()
            .text("cpu", cpu)
            .raw("cores", cores)
            .text("kernel", kernel)
            .text("date", date)
            .end()
    }
}

fn latency(summary: &Summary) -> String {
    let us = |nanos: u64| Some(nanos as f64 / 1e3);
    Object::default()
        .raw("count", summary.count)
        .decimal("mean", Some(summary.mean / 1e3))
        .decimal("p50", us(summary.p50))
        .decimal("p90", us(summary.p90))
        .decimal("p99", us(summary.p99))
        .decimal("p99_9", us(summary.p999))
        .decimal("max", us(summary.max))
        .end()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        let pace = plan.rate.map_or_else(|| "closed loop".to_owned(), |rate| format!("{rate}/s"));
        writeln!(
            f,
            "{}: {} clients on {} connections to {}, {pace}, {} s",
            plan.verb.name(),
            plan.clients,
            plan.conns,
            self.targets.join(" "),
            plan.measured.as_secs()
        )?;
        row(f, "throughput", format_args!("{:.0}/s", self.per_second()))?;
        row(f, "latency", Times(&self.all))?;
        for (kind, summary) in self.by_kind.iter().filter(|_| self.by_kind.len() > 1) {
            row(f, kind.name(), Times(summary))?;
        }
        if let Verb::Watch { watchers } = plan.verb {
            let rate = self.events.count as f64 / plan.measured.as_secs_f64();
            row(f, "events", format_args!("{rate:.0}/s to {watchers} watchers"))?;
            row(f, "heard after", Times(&self.events))?;
        }
        if plan.verb == Verb::Txn {
            row(f, "conflicts", self.conflicts)?;
        }
        row(f, "errors", Errors(&self.errors))?;
        self.fmt_cpu(f)?;
        let Machine { cpu, cores, kernel, date } = &self.machine;
        row(f, "machine", format_args!("{cpu}, {cores} cores, Linux {kernel}, {date}"))
    }
}

impl Report {
    fn fmt_cpu(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |used: Option<f64>| {
            used.map_or_else(|| "unknown".to_owned(), |us| format!("{us:.1} µs"))
        };
        let servers = match self.cpu.servers {
            None => "unknown (name their processes with --pids)".to_owned(),
            Some(used) => text(self.per_operation_us(used)),
        };
        let client = text(self.per_operation_us(self.cpu.client));
        row(f, "cpu per op", format_args!("servers {servers}, this load {client}"))
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {name:<12} {value}")
}

struct Times<'a>(&'a Summary);

impl fmt::Display for Times<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { p50, p90, p99, p999, max, .. } = *self.0;
        let ms = [p50, p90, p99, p999, max].map(|nanos| nanos as f64 / 1e6);
        let [p50, p90, p99, p999, max] = ms;
        write!(f, "p50 {p50:.3}  p90 {p90:.3}  p99 {p99:.3}  p99.9 {p999:.3}  max {max:.3} ms")
    }
}

struct Errors<'a>(&'a BTreeMap<Fault, u64>);

impl fmt::Display for Errors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.values().sum::<u64>())?;
        for (at, (fault, count)) in self.0.iter().enumerate() {
            write!(f, "{} {fault} {count}", if at == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}
