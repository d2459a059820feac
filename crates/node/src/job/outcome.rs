//! What comes of a job, for the lane.

use super::thawing::ThawError;
use crate::machine::Machine;
use alloc::boxed::Box;
use alloc::vec::Vec;
use base::{ChunkId, GroupId, NodeId};
use bytes::Bytes;
use journal::checkpoint::{Chunk, Contents, Slot};
use journal::disk::DiskError;

/// What came of a job.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The log's files are as it wanted.
    Aside,
    /// A checkpoint is on disk and current.
    Checkpoint(Kept),
    /// A chunk for `to`; nothing if it cannot be read any more.
    Loaded { group: GroupId, to: NodeId, id: ChunkId, plain: Option<Bytes> },
    /// The chunks that are not here.
    Surveyed { group: GroupId, lacking: Vec<Chunk> },
    /// A chunk is on disk, or was not what its name says.
    Saved { group: GroupId, chunk: Chunk, good: bool },
    /// A state was built, and its checkpoint is current; or these chunks must be
    /// fetched again; or nothing can be made of them.
    Installed { group: GroupId, result: Result<(Kept, Box<Machine>), Unfit> },
    /// There was no room on the disk: nothing that counts has changed.
    NoRoom { wanted: Wanted, why: DiskError },
    /// This node is mute no more.
    Unmuted,
    /// This node is whole again.
    Healed,
    /// There is nothing to tell.
    Nothing,
}

/// What found no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// A file of the log.
    Aside,
    /// A checkpoint of a group; what was written of it is removed.
    Checkpoint(GroupId),
    /// A chunk of another node.
    Save(GroupId),
    /// The manifest that makes another node's checkpoint current.
    Install(GroupId),
}

/// A checkpoint on this node's disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    /// What it holds.
    pub(crate) contents: Contents,
    /// Where it is.
    pub(crate) slot: Slot,
}

/// Why fetched chunks make no state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Unfit {
    /// These are damaged or gone.
    Damaged(Vec<Chunk>),
    /// All are whole, and this version cannot read them.
    Unreadable(ThawError),
}
