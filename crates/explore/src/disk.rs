//! What a crash leaves of a node.

use base::Ballot;
use bytes::Bytes;
use consensus::contract::{Stable, Write};
use consensus::entry::{Entry, Place};

/// What a node has on stable storage.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Disk {
    /// The newest promise.
    pub vote: Option<(Ballot, Bytes)>,
    /// The newest checkpoint; the one before every entry if there is none.
    pub checkpoint: Place,
    /// The entries of the log that are not void, below the checkpoint too.
    pub log: Vec<Entry>,
}

impl Disk {
    /// A write is synced.
    pub fn put(&mut self, write: &Write) {
        match write {
            Write::Vote { ballot, body } => self.vote = Some((*ballot, body.clone())),
            Write::Entry { entry, .. } => {
                self.log.retain(|old| old.index < entry.index);
                self.log.push(entry.clone());
            }
            Write::Cut { from } => self.log.retain(|entry| entry.index < *from),
            // Only Raft is explored, and it writes none.
            Write::Slot { .. } => {}
            Write::Restore { place, keep: true } => {
                self.log.retain(|entry| entry.index > place.index);
            }
            Write::Restore { keep: false, .. } => self.log.clear(),
        }
    }

    /// What a recovery makes of it: the log goes on from the checkpoint, if it
    /// has that place or begins right behind it; else it is void.
    #[must_use]
    pub fn stable(&self) -> Stable {
        let base = self.checkpoint;
        let mut stable = Stable {
            vote: self.vote.as_ref().map(|(_, body)| body.clone()),
            base,
            entries: self.log.clone(),
            ..Stable::default()
        };
        let first = stable.entries.first().map(|entry| entry.index);
        let at = stable.entries.iter().find(|entry| entry.index == base.index);
        if at.is_some_and(|entry| entry.ballot == base.ballot) {
            stable.entries.retain(|entry| entry.index > base.index);
        } else if first.is_some_and(|first| first != base.index.next()) {
            stable.stale = stable.entries.last().map(|entry| entry.index);
            stable.entries.clear();
        }
        stable
    }

    /// Where the log ends that a recovery would make of it.
    #[must_use]
    pub fn last(&self) -> Place {
        let stable = self.stable();
        let last = stable.entries.last();
        last.map_or(stable.base, |entry| Place { ballot: entry.ballot, index: entry.index })
    }

    /// Whether it holds this entry, in its log or in its checkpoint.
    #[must_use]
    pub fn holds(&self, entry: &Entry) -> bool {
        entry.index <= self.checkpoint.index || self.log.contains(entry)
    }
}
