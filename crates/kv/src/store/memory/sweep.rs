//! Taking out what a compaction made unreadable, in slices.
//!
//! A compaction counts at once; what it leaves behind is found through the
//! history itself. Each change at or below the compacted revision says which
//! key lost a version there, so the price is that of what goes, not of what
//! stays. The history is taken out behind the walk, up to the compacted
//! revision itself, where a watch may still start.

use super::line::{Line, keep_if};
use super::record::Record;
use crate::command::Change as Written;
use crate::tree::{Change, Tree};
use base::Revision;

/// How far the walk has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sweep {
    /// The last revision of which nothing is left to do.
    done: Revision,
    /// Changes seen of the next one.
    seen: usize,
}

impl Sweep {
    /// Everything up to this revision is done.
    pub(super) const fn through(done: Revision) -> Self {
        Self { done, seen: 0 }
    }

    /// The compacted revision has moved: what was kept for watches at the old
    /// one goes now, in whatever part of it was seen already.
    pub(super) const fn begin_again(&mut self) {
        self.seen = 0;
    }

    /// Whether everything up to `to` is done.
    pub(super) fn reached(&self, to: Revision, history: &Tree<Record>) -> bool {
        self.done >= to || history.first().is_none_or(|record| record.revision > to)
    }

    /// Goes on by at most `budget` changes, at least one; says whether there is more.
    pub(super) fn go_on(
        &mut self,
        to: Revision,
        lines: &mut Tree<Line>,
        history: &mut Tree<Record>,
        budget: usize,
    ) -> bool {
        let mut left = budget.max(1);
        while left > 0 && !self.reached(to, history) {
            let Some(record) = history.first() else { break };
            let (revision, below) = (record.revision, record.revision < to);
            for change in record.changes.iter().skip(self.seen).take(left) {
                trim(lines, change, below);
            }
            let seen = (self.seen + left).min(record.changes.len());
            left -= seen - self.seen;
            self.seen = seen;
            if seen == record.changes.len() {
                self.end(revision, below, history);
            }
        }
        !self.reached(to, history)
    }

    /// A revision below the compacted one leaves the history; the compacted
    /// one stays, and a later sweep begins with it again.
    fn end(&mut self, revision: Revision, below: bool, history: &mut Tree<Record>) {
        self.seen = 0;
        if base::mutant!(CompactedRevisionLost, below, true) {
            history.remove(&revision);
        } else {
            self.done = revision;
        }
    }
}

fn trim(lines: &mut Tree<Line>, written: &Written, below: bool) {
    lines.alter(written.kv.key(), |line| match line {
        Some(line) => (keep_if(line.trim(written.kv.modified(), written.deleted && below)), ()),
        None => (Change::Keep, ()),
    });
}
