//! The smallest failing schedule: what is left of a run that failed when
//! everything is taken away without which it fails in the same way.
//!
//! A run is recorded as a script: every fault and every request, with its time.
//! The script is played again with parts left out, large ones first (delta
//! debugging: Zeller and Hildebrandt, "Simplifying and isolating
//! failure-inducing input", 2002); what still fails is kept.

use crate::check::Violation;
use crate::draw::Draw;
use crate::report::Report;
use crate::run::{Options, run, run_script};
use crate::script::{Act, Step, Unit, steps, units};
use crate::world::Keep;
use core::fmt;
use core::time::Duration;

/// What is left.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The last run that failed, of what is left.
    pub report: Report,
    /// What is done to the world.
    pub steps: Vec<Step>,
    /// How many steps there were.
    pub before: usize,
    /// How many runs it took.
    pub runs: usize,
}

/// Why there is nothing to make small.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotShrunk {
    /// The seed passes.
    Passes,
    /// What was recorded does not fail in the same way when it is played again.
    NotRepeated(Violation),
}

/// How a candidate is played, and whether it fails in the way that is looked for.
struct Hunt {
    seed: u64,
    checker: &'static str,
    runs: usize,
    runs_max: usize,
}

impl Hunt {
    fn fails(&mut self, draw: &Draw, units: &[Unit], keep: Keep) -> Option<Report> {
        if self.runs >= self.runs_max {
            return None;
        }
        self.runs += 1;
        let report = run_script(self.seed, draw.clone(), keep, steps(units));
        let same = report.violations.first().is_some_and(|it| it.checker == self.checker);
        same.then_some(report)
    }
}

/// Makes a failing run small, with so many runs at most; `tell` hears how many
/// steps are left.
pub fn shrink(
    options: &Options,
    runs_max: usize,
    tell: &mut dyn FnMut(usize, usize),
) -> Result<Shrunk, NotShrunk> {
    let keep = Keep { steps: true, ..Keep::default() };
    let first = run(Options { keep, ..options.clone() });
    let Some(violation) = first.violations.first().cloned() else { return Err(NotShrunk::Passes) };
    let before = first.steps.len();
    let mut hunt = Hunt { seed: options.seed, checker: violation.checker, runs: 1, runs_max };
    let mut draw = first.draw;
    let mut left = units(first.steps);
    if hunt.fails(&draw, &left, Keep::default()).is_none() {
        return Err(NotShrunk::NotRepeated(violation));
    }
    loop {
        let count = left.len();
        for calls in [true, false] {
            let (tried, kept): (Vec<Unit>, Vec<Unit>) =
                left.into_iter().partition(|unit| is_call(unit) == calls);
            let mut fails = |some: &[Unit]| {
                let all: Vec<Unit> = kept.iter().chain(some).cloned().collect();
                let fails = hunt.fails(&draw, &all, Keep::default()).is_some();
                tell(hunt.runs, all.len());
                fails
            };
            let tried = minimise(tried, &mut fails);
            left = kept.into_iter().chain(tried).collect();
        }
        let plainer = plain(&mut draw, &left, &mut hunt);
        if (left.len() == count && !plainer) || hunt.runs >= runs_max {
            break;
        }
    }
    hunt.runs_max = usize::MAX;
    let keep = Keep { film: true, story: true, ..Keep::default() };
    let report = hunt.fails(&draw, &left, keep).ok_or(NotShrunk::NotRepeated(violation))?;
    Ok(Shrunk { report, steps: steps(&left), before, runs: hunt.runs })
}

fn is_call(unit: &Unit) -> bool {
    unit.first().is_some_and(|step| matches!(step.act, Act::Call { .. }))
}

/// Takes out of the world what the failure does not need; says whether
/// anything went.
fn plain(draw: &mut Draw, left: &[Unit], hunt: &mut Hunt) -> bool {
    let last = left.iter().flatten().map(|step| step.at.0).max().unwrap_or(0);
    let changes: [&dyn Fn(&mut Draw); 8] = [
        &|it| it.nodes = if reaches(left, 3) { it.nodes } else { it.nodes.min(3) },
        &|it| it.callers.watchers = 0,
        &|it| it.net.quiet(),
        &|it| (it.disk.slow, it.disk.fails) = (0, 0),
        &|it| it.clocks = 0,
        &|it| it.quota = None,
        &|it| it.keep_history = None,
        &|it| it.chaos = it.chaos.min(Duration::from_nanos(last) + it.election),
    ];
    let mut any = false;
    for change in changes {
        let mut candidate = draw.clone();
        change(&mut candidate);
        if candidate != *draw && hunt.fails(&candidate, left, Keep::default()).is_some() {
            *draw = candidate;
            any = true;
        }
    }
    any
}

/// Whether any step is about a node from this one on.
fn reaches(left: &[Unit], node: usize) -> bool {
    use crate::script::Deed;
    left.iter().flatten().any(|step| match &step.act {
        Act::Call { node: it, .. } => *it >= node,
        Act::Deed(Deed::Move { node: it, to }) => *it >= node || *to >= node,
        Act::Deed(Deed::Cut { cut, .. }) => cut.nodes().iter().any(|it| *it >= node),
        Act::Deed(Deed::Mend { .. }) => false,
        Act::Deed(
            Deed::Crash { node: it, .. }
            | Deed::Start { node: it, .. }
            | Deed::Pause { node: it, .. }
            | Deed::Jump { node: it, .. }
            | Deed::Sicken { node: it, .. }
            | Deed::Misread { node: it, .. }
            | Deed::Fill { node: it, .. }
            | Deed::Free { node: it }
            | Deed::Lose { node: it }
            | Deed::Rot { node: it, .. }
            | Deed::Leave { node: it }
            | Deed::Backup { node: it },
        ) => *it >= node,
    })
}

/// The items without any of which, in chunks of any size that was tried, it
/// does not fail any more. Whoever fails with all of them must fail with what
/// is returned.
pub fn minimise<T: Clone>(mut items: Vec<T>, fails: &mut dyn FnMut(&[T]) -> bool) -> Vec<T> {
    if items.is_empty() || fails(&[]) {
        return Vec::new();
    }
    let mut chunk = items.len().div_ceil(2);
    loop {
        let mut at = 0;
        let mut went = false;
        while at < items.len() {
            let end = (at + chunk).min(items.len());
            let rest: Vec<T> =
                items.iter().take(at).chain(items.iter().skip(end)).cloned().collect();
            if fails(&rest) {
                items = rest;
                went = true;
            } else {
                at = end;
            }
        }
        if chunk == 1 && !went {
            return items;
        }
        if !went || chunk > items.len() {
            chunk = chunk.div_ceil(2).min(items.len().max(1));
        }
        if items.len() <= 1 && chunk == 1 {
            return items;
        }
    }
}

impl fmt::Display for NotShrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passes => f.write_str("this seed passes: there is nothing to make small"),
            Self::NotRepeated(violation) => write!(
                f,
                "what was recorded does not fail in the same way when it is played again, so \
                 nothing can be taken away; the seed itself fails with: {violation}"
            ),
        }
    }
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, steps, before, runs } = self;
        let (nodes, count) = (report.draw.nodes, steps.len());
        let (seed, left) = (report.seed, if count == 1 { "step is" } else { "steps are" });
        writeln!(f, "seed {seed}: of {before} steps {count} {left} left after {runs} runs")?;
        writeln!(f, "A cluster of {nodes} nodes; whatever is not said goes well.")?;
        for step in steps {
            let at = step.at.0 / 1_000;
            let text = step.act.to_string();
            writeln!(f, "  at {:>5}.{:03} ms  {text}", at / 1_000, at % 1_000)?;
        }
        writeln!(f, "Then everything heals, and (checkers count from 0: their node 0 is n1):")?;
        report.violations.iter().try_for_each(|violation| writeln!(f, "  {violation}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::linear::{self, Rules};
    use crate::check::made::{line, op, put, replay};
    use crate::history::{Op, What};
    use base::Revision;
    use kv::command::{OpReply, Reply};
    use node::event::Answer;

    /// Writes one after the other, all of them acknowledged; those that are not
    /// `kept` are in no log.
    fn judged(writes: &[(&'static str, bool)]) -> Vec<Violation> {
        let (mut ops, mut lines, mut revision) = (Vec::<Op>::new(), Vec::new(), 1);
        for (place, (value, kept)) in writes.iter().enumerate() {
            let at = 10 * (place as u64 + 1);
            revision += u64::from(*kept);
            if *kept {
                lines.push(line(Some(place), None, at + 1, &put(value)));
            }
            let result = Ok(OpReply::Put { previous: None });
            let reply = Reply { revision: Revision(revision), result };
            ops.push(op(What::Write(put(value), None), at, at + 5, Answer::Kv(reply)));
        }
        linear::check(&ops, &replay(&lines), Rules::default())
    }

    #[test]
    fn of_a_bad_history_the_lost_write_is_left() {
        let good = [("a", true), ("b", true), ("c", true)];
        assert_eq!(judged(&good), []);
        let bad = [good, [("d", true), ("lost", false), ("e", true)], good].concat();
        let found = judged(&bad);
        assert!(found.iter().any(|it| it.what.contains("not in the log")), "{found:?}");
        let left = minimise(bad, &mut |some| {
            judged(some).iter().any(|it| it.what.contains("not in the log"))
        });
        assert_eq!(left, [("lost", false)]);
    }

    #[test]
    fn only_what_is_needed_is_left() {
        let items: Vec<u32> = (0..100).collect();
        let mut runs = 0;
        let left = minimise(items, &mut |some| {
            runs += 1;
            some.contains(&17) && some.contains(&18) && some.contains(&90)
        });
        assert_eq!(left, [17, 18, 90]);
        assert!(runs < 100, "{runs} runs");
        assert_eq!(minimise(vec![1, 2, 3], &mut |_| true), Vec::<i32>::new());
        assert_eq!(minimise(vec![1], &mut |some| !some.is_empty()), [1]);
    }
}
