//! Chunks on their way between nodes: read for a peer, looked for, kept.

use super::outcome::Outcome;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use base::checksum::content_id;
use base::{GroupId, NodeId};
use bytes::Bytes;
use journal::checkpoint::{self, Chunk, Slot};
use journal::disk::DiskOp;
use journal::record::Owner;

/// A chunk is read for another node.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) owner: Owner,
    pub(crate) group: GroupId,
    pub(crate) slot: Slot,
    pub(crate) chunk: Chunk,
    /// Who wants it.
    pub(crate) to: NodeId,
    pub(crate) plain: Option<Bytes>,
    pub(crate) begun: bool,
}

impl Load {
    pub(super) fn next(&mut self) -> Option<DiskOp> {
        let begun = core::mem::replace(&mut self.begun, true);
        (!begun).then(|| checkpoint::read_chunk(self.group, self.slot, &self.chunk))
    }

    pub(super) fn on_read(&mut self, file: &Bytes) {
        self.plain = checkpoint::open_chunk(&self.owner, self.group, &self.chunk, file).ok();
    }

    pub(super) fn finish(self) -> Outcome {
        let Self { group, to, plain, chunk, .. } = self;
        Outcome::Loaded { group, to, id: chunk.id, plain }
    }
}

/// Which chunks of a checkpoint are in a slot already?
#[derive(Clone, Debug)]
pub(crate) struct Survey {
    pub(crate) group: GroupId,
    pub(crate) slot: Slot,
    pub(crate) wanted: Vec<Chunk>,
    pub(crate) begun: bool,
}

impl Survey {
    pub(super) fn next(&mut self) -> Option<DiskOp> {
        let begun = core::mem::replace(&mut self.begun, true);
        (!begun).then_some(DiskOp::List)
    }

    /// A file with the right name and size counts as there: it is read and
    /// checked when the state is built.
    pub(super) fn on_listed(&mut self, files: &[(String, u64)]) {
        let files: BTreeMap<&str, u64> =
            files.iter().map(|(name, size)| (&**name, *size)).collect();
        let Self { group, slot, .. } = *self;
        self.wanted.retain(|chunk| {
            let name = checkpoint::chunk_name(group, slot, chunk.id);
            files.get(&*name) != Some(&checkpoint::file_bytes(chunk))
        });
    }

    pub(super) fn finish(self) -> Outcome {
        Outcome::Surveyed { group: self.group, lacking: self.wanted }
    }
}

/// A chunk of another node is kept.
#[derive(Clone, Debug)]
pub(crate) struct Save {
    pub(crate) owner: Owner,
    pub(crate) group: GroupId,
    pub(crate) slot: Slot,
    pub(crate) chunk: Chunk,
    /// What came; taken when it is written.
    pub(crate) plain: Option<Bytes>,
    pub(crate) good: bool,
}

impl Save {
    pub(super) fn next(&mut self) -> Option<DiskOp> {
        let plain = self.plain.take()?;
        let Self { owner, group, slot, chunk, .. } = self;
        self.good = plain.len() == chunk.bytes as usize && content_id(&plain) == chunk.id;
        self.good.then(|| checkpoint::write_chunk(owner, *group, *slot, chunk.id, &plain))
    }

    pub(super) fn finish(self) -> Outcome {
        Outcome::Saved { group: self.group, chunk: self.chunk, good: self.good }
    }
}
