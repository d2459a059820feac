//! What the log of a group holds.

use base::{Ballot, Index};
use bytes::Bytes;

/// What an entry is for. The number is the byte on disk and wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its position.
    pub index: Index,
    /// Under which ballot it was proposed (Raft: term and leader).
    pub ballot: Ballot,
    /// What it is for.
    pub kind: EntryKind,
    /// The leader's clock when it was proposed, in milliseconds of log time:
    /// never goes back along the log.
    pub clock: u64,
    /// The command, encoded once at the node that took the request.
    pub body: Bytes,
}
