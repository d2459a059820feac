//! What a run costs, and how far it is: said on stderr, so that what is printed
//! depends on the seed alone.

use rustix::time::{ClockId, clock_gettime};
use sim::counts::Counts;
use sim::swarm::Progress;
use std::fmt;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The processor time of this process, counted from a moment on.
pub(super) struct Effort(Duration);

/// What was done, and for how much of it.
pub(super) struct Spent {
    operations: u64,
    /// Operations that were answered with what was asked for, or with a true refusal.
    ok: u64,
    steps: u64,
    faults: u64,
    cpu: Duration,
}

impl Effort {
    pub(super) fn begin() -> Self {
        Self(cpu())
    }

    pub(super) fn spent(&self, counts: &Counts) -> Spent {
        let (operations, steps) = (counts.operations(), counts.steps);
        let (ok, faults) = (counts.ok, counts.faults());
        Spent { operations, ok, steps, faults, cpu: cpu().saturating_sub(self.0) }
    }
}

/// Of all threads, user and system.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let (s, ns) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(s.unwrap_or(0), ns.unwrap_or(0))
}

impl Spent {
    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.cpu.as_secs_f64().max(1e-6)
    }

    /// Fields for the end of an object.
    pub(super) fn json(&self) -> String {
        format!(
            "\"cpu_seconds\":{:.3},\"operations_per_cpu_second\":{:.0},\"ok_per_cpu_second\":{:.0},\
             \"steps_per_cpu_second\":{:.0}",
            self.cpu.as_secs_f64(),
            self.rate(self.operations),
            self.rate(self.ok),
            self.rate(self.steps)
        )
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, ok, steps, faults, cpu } = self;
        write!(
            f,
            "{operations} checked operations ({ok} ok), {steps} machine steps and {faults} faults in \
             {:.2} s of CPU: {:.0} operations and {:.0} steps per CPU second",
            cpu.as_secs_f64(),
            self.rate(*operations),
            self.rate(*steps)
        )
    }
}

/// A line on the terminal that says how far it is; silent elsewhere.
pub(super) struct Ticker {
    terminal: bool,
    begun: Instant,
    last: Mutex<Instant>,
}

const TICK: Duration = Duration::from_millis(200);

impl Ticker {
    pub(super) fn new() -> Self {
        let begun = Instant::now();
        Self { terminal: std::io::stderr().is_terminal(), begun, last: Mutex::new(begun) }
    }

    pub(super) fn tell(&self, progress: Progress) {
        self.say(|| line(progress, self.begun.elapsed()));
    }

    /// Says something now and then.
    pub(super) fn say(&self, say: impl FnOnce() -> String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if self.terminal && last.elapsed() >= TICK {
            *last = Instant::now();
            eprint!("\r\x1b[K{}", say());
        }
    }

    /// The line goes.
    pub(super) fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}

fn line(Progress { done, all, failed, .. }: Progress, passed: Duration) -> String {
    let rate = done as f64 / passed.as_secs_f64().max(1e-3);
    let rest = Duration::from_secs_f64((all.saturating_sub(done) as f64 / rate.max(1e-3)).min(1e9));
    let (minutes, seconds) = (rest.as_secs() / 60, rest.as_secs() % 60);
    let faults = if failed == 0 { "none failed".into() } else { format!("{failed} FAILED") };
    format!("{done} of {all} seeds, {rate:.1} seeds/s, {minutes} min {seconds} s left, {faults}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is() {
        let counts = Counts::default();
        let progress = Progress { done: 100, all: 1_000, failed: 1, counts };
        let said = line(progress, Duration::from_secs(10));
        assert_eq!(said, "100 of 1000 seeds, 10.0 seeds/s, 1 min 30 s left, 1 FAILED");
    }
}
