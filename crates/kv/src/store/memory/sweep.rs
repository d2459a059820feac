//! Taking out what a compaction made unreadable, in slices.
//!
//! A compaction counts at once; what it leaves behind is found through the
//! history itself. Each change at or below the compacted revision says which
//! key lost a version there, so the price is that of what goes, not of what
//! stays. The history is taken out behind the walk, up to the compacted
//! revision itself, where a watch may still start.
//!
//! A walk keeps pace with the writers, however small its slices are meant to be:
//! for every change that is written meanwhile it owes two. So it is through
//! before half as much is written again as it takes out.

use super::line::{Line, keep_if};
use super::record::Record;
use crate::command::Change as Written;
use crate::tree::{Change, Tree};
use base::Revision;
use base::limits::SWEEP_SLICE_MAX;

/// Changes that a walk owes for each that is written meanwhile.
const OWED: usize = 2;

/// How far the walk has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sweep {
    /// The last revision of which nothing is left to do.
    done: Revision,
    /// Changes seen of the next one.
    seen: usize,
    /// Changes to see because of what was written meanwhile.
    owed: usize,
}

impl Sweep {
    /// Everything up to this revision is done.
    pub(super) const fn through(done: Revision) -> Self {
        Self { done, seen: 0, owed: 0 }
    }

    /// The compacted revision has moved: what was kept for watches at the old
    /// one goes now, in whatever part of it was seen already.
    pub(super) const fn begin_again(&mut self) {
        self.seen = 0;
    }

    /// So many changes were written.
    pub(super) const fn owe(&mut self, changes: usize) {
        self.owed = self.owed.saturating_add(changes.saturating_mul(OWED));
    }

    /// Nothing is to be taken out, so nothing is owed.
    pub(super) const fn owe_nothing(&mut self) {
        self.owed = 0;
    }

    /// Whether everything up to `to` is done.
    pub(super) fn reached(&self, to: Revision, history: &Tree<Record>) -> bool {
        self.done >= to || history.first().is_none_or(|record| record.revision > to)
    }

    /// Goes on by `budget` changes, at least one, and more if it owes more, up to
    /// a bound; says whether there is more.
    pub(super) fn go_on(
        &mut self,
        to: Revision,
        lines: &mut Tree<Line>,
        history: &mut Tree<Record>,
        budget: usize,
    ) -> bool {
        let slice = budget.max(self.owed.min(SWEEP_SLICE_MAX)).max(1);
        let mut left = slice;
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
        self.owed = self.owed.saturating_sub(slice - left);
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
    let below = base::mutant!(DeletionSweptTooFar, below, true);
    lines.alter(written.kv.key(), |line| match line {
        Some(line) => (keep_if(line.trim(written.kv.modified(), written.deleted && below)), ()),
        None => (Change::Keep, ()),
    });
}
