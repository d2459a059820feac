//! The canary: two runs that are known to be bad, and must be found out before
//! it means anything that no other was. A harness gone blind is noticed by it.

use crate::check::Violation;
use crate::check::evidence::Evidence;
use crate::history::{Op, What};
use crate::run::{Options, run};
use crate::world::Keep;
use base::Index;
use core::fmt;

/// The seed that is tried first, since it caught the lie last; then those from 0 on.
const FIRST: u64 = 4;

/// Seeds that may pass although their disks lie.
const SEEDS: u64 = 64;

/// What became of the canary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Canary {
    /// The seed that noticed that disks said "synced" too early, and what it saw.
    pub disk: Option<(u64, Violation)>,
    /// What was said of a good run out of whose log one acknowledged write was taken.
    pub history: Option<Violation>,
}

impl Canary {
    /// Lets both loose.
    #[must_use]
    pub fn fly() -> Self {
        let lies = |seed| {
            let report = run(Options { seed, lying_disk: true, ..Options::default() });
            Some((seed, report.violations.into_iter().next()?))
        };
        let disk = core::iter::once(FIRST).chain(0..SEEDS).find_map(lies);
        let keep = Keep { evidence: true, ..Keep::default() };
        let good = run(Options { seed: FIRST, keep, ..Options::default() });
        let history = good.evidence.and_then(|evidence| lose_a_write(evidence).into_iter().next());
        Self { disk, history }
    }

    /// Whether both were caught.
    #[must_use]
    pub const fn caught(&self) -> bool {
        self.disk.is_some() && self.history.is_some()
    }
}

/// What the judges say when the last acknowledged write is not in the log.
fn lose_a_write(mut evidence: Evidence) -> Vec<Violation> {
    let acknowledged = |op: &Op| matches!(op.what, What::Write(..)) && op.answered().is_some();
    let asked = |body: &bytes::Bytes| {
        let (envelope, _) = kv::encode::decode(body.clone()).ok()?;
        usize::try_from(envelope.wall_ms).ok()?.checked_sub(1)
    };
    let ops = &evidence.history.ops;
    let lost = evidence.lines.iter().rposition(|line| {
        asked(&line.entry.body).and_then(|place| ops.get(place)).is_some_and(acknowledged)
    });
    let Some(lost) = lost else { return Vec::new() };
    evidence.lines.remove(lost);
    // Nobody may notice it by counting entries.
    evidence.held.fill(Index(evidence.lines.len() as u64));
    evidence.judge()
}

impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |it: &Violation| it.to_string().chars().take(90).collect::<String>();
        match &self.disk {
            Some((seed, what)) => {
                writeln!(f, "  a disk that lies: caught by seed {seed} ({}…)", short(what))?;
            }
            None => writeln!(f, "  A DISK THAT LIES WAS NOT NOTICED by any of {SEEDS} seeds")?,
        }
        match &self.history {
            Some(what) => write!(f, "  a history that lacks a write: caught ({}…)", short(what)),
            None => write!(f, "  A HISTORY THAT LACKS A WRITE WAS NOT NOTICED"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_caught_by_whoever_can_see() {
        let canary = Canary::fly();
        assert!(canary.caught(), "{canary}");
        let blind = Canary { history: None, ..canary };
        assert!(!blind.caught() && blind.to_string().contains("WAS NOT NOTICED"));
    }
}
