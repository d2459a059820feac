//! What the log of a group holds.

use base::{Ballot, Index};
use bytes::Bytes;

/// What an entry is for. The number is the byte on disk and wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum EntryKind {
    /// A command of a client, for the state machine.
    Command = 1,
    /// A new leader's first entry: it carries the leader's clock and no command.
    Open = 2,
}

impl EntryKind {
    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_u8(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Command),
            2 => Some(Self::Open),
            _ => None,
        }
    }
}

/// One entry of a group's log. Cloning shares the body.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Entry {
    /// Its position.
    pub index: Index,
    /// Under which ballot it was proposed first (Raft: term and leader). With the
    /// index it names the entry: one owner proposes one entry per index and ballot.
    pub ballot: Ballot,
    /// What it is for.
    pub kind: EntryKind,
    /// The leader's clock when it was proposed, in milliseconds of log time:
    /// never goes back along the log.
    pub clock: u64,
    /// The command, encoded once at the node that took the request.
    pub body: Bytes,
}

/// The end of a log, or a point in it. The order is the one that decides
/// elections (Raft, 5.4.1): the later ballot, and of equal ballots the longer log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Place {
    /// The ballot of the entry that stands there.
    pub ballot: Ballot,
    /// Its index; 0 is the place before the first entry.
    pub index: Index,
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::NodeId;

    #[test]
    fn the_later_ballot_wins_then_the_longer_log() {
        let place =
            |index, round| Place { ballot: Ballot::new(round, NodeId(1)), index: Index(index) };
        assert!(place(1, 3) > place(9, 2));
        assert!(place(4, 3) > place(3, 3));
    }
}
