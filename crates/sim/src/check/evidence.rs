//! Everything that a run leaves behind, and all judges together.

use super::lease::Late;
use super::linear::Rules;
use super::replay::Replay;
use super::{Violation, clock, durable, ephemeral, lease, linear, numbers, refused, watch};
use crate::chronicle::Line;
use crate::history::History;
use base::Index;

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What callers and watchers did and were told.
    pub history: History,
    /// What the nodes applied.
    pub lines: Vec<Line>,
    /// How far each node applied it in the end.
    pub held: Vec<Index>,
    /// The tales that were to be told everything up to the end.
    pub whole: Vec<usize>,
    /// What nodes may do by themselves.
    pub rules: Rules,
    /// The fastest clock, in thousandths of the world's.
    pub fast: u64,
    /// When leases must be over.
    pub late: Late,
    /// Whether a disk was full at some time.
    pub filled: bool,
}

impl Evidence {
    /// Does the log again and holds everything against it.
    #[must_use]
    pub fn judge(&self) -> Vec<Violation> {
        let replay = match Replay::new(&self.lines) {
            Ok(replay) => replay,
            Err(why) => return vec![Violation::new("log", why)],
        };
        let History { ops, tales } = &self.history;
        let mut found = durable::check(Index(self.lines.len() as u64), &self.held);
        found.extend(linear::check(ops, &replay, self.rules));
        found.extend(ephemeral::check(ops));
        found.extend(refused::check(ops, self.rules.quota || self.filled));
        found.extend(lease::check(ops, &replay, self.fast));
        found.extend(lease::late(ops, &replay, &self.late));
        found.extend(lease::all_gone(&replay));
        found.extend(numbers::check(ops, &replay));
        found.extend(clock::check(&replay, self.fast));
        found.extend(tales.iter().filter_map(|tale| watch::check(tale, &replay)));
        let whole = self.whole.iter().filter_map(|place| tales.get(*place));
        found.extend(whole.filter_map(|tale| watch::whole(tale, &replay)));
        found
    }
}
