//! The keyspace's log as nodes apply it: what happened, whoever was told of it.
//!
//! An entry that one node has applied is chosen for ever; whoever applies
//! another one at its index breaks the first promise of the log (Raft, figure
//! 3, "state machine safety").

use crate::check::Violation;
use crate::history::{At, name};
use base::Index;
use consensus::entry::Entry;

/// An entry and when a node applied it for the first time.
#[derive(Clone, Debug)]
pub struct Line {
    /// The entry.
    pub entry: Entry,
    /// When any node had applied it.
    pub at: At,
}

/// All entries that any node has applied, in order.
#[derive(Clone, Debug, Default)]
pub struct Chronicle {
    lines: Vec<Line>,
}

impl Chronicle {
    /// A node applied this entry.
    pub fn tell(&mut self, node: usize, entry: &Entry, at: At) -> Option<Violation> {
        let place = usize::try_from(entry.index.prev().0).unwrap_or(usize::MAX);
        match self.lines.get(place) {
            Some(line) if line.entry == *entry => None,
            Some(line) => {
                let (node, before) = (name(node), &line.entry);
                let what = format!("{node} applied {entry:?} where {before:?} stood before");
                Some(Violation::new("chronicle", what))
            }
            None if place == self.lines.len() => {
                self.lines.push(Line { entry: entry.clone(), at });
                None
            }
            None => Some(Violation::new("chronicle", format!("{} skips to {entry:?}", name(node)))),
        }
    }

    /// The last index that any node has applied.
    #[must_use]
    pub const fn last(&self) -> Index {
        Index(self.lines.len() as u64)
    }

    /// All of it, taken away.
    #[must_use]
    pub fn take(&mut self) -> Vec<Line> {
        core::mem::take(&mut self.lines)
    }

    /// All of it.
    #[must_use]
    pub const fn lines(&self) -> &[Line] {
        self.lines.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Ballot, NodeId};
    use consensus::entry::EntryKind;

    fn entry(index: u64, body: &'static str) -> Entry {
        let ballot = Ballot::new(1, NodeId(1));
        Entry { index: Index(index), ballot, kind: EntryKind::Command, clock: 0, body: body.into() }
    }

    #[test]
    fn what_was_applied_stays() {
        let mut chronicle = Chronicle::default();
        let mut tell = |node, index, body| chronicle.tell(node, &entry(index, body), At::default());
        assert_eq!(tell(0, 1, "a"), None);
        assert_eq!(tell(0, 2, "b"), None);
        assert_eq!(tell(1, 1, "a"), None);
        assert!(tell(1, 2, "c").unwrap().what.contains("stood before"));
        assert!(tell(1, 4, "d").unwrap().what.contains("skips"));
        assert_eq!(chronicle.last(), Index(2));
    }
}
