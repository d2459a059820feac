//! From a state at rest to a checkpoint on disk: its chunks, then the manifest
//! that makes it current at once, then what no kept checkpoint needs any more goes.

use super::outcome::{Kept, Outcome, Wanted};
use crate::snapshot::Source;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use base::checksum::content_id;
use base::limits::CHUNK_BYTES_MAX;
use journal::checkpoint::{self, Chunk, Contents, Slot};
use journal::disk::{DiskError, DiskOp};
use journal::record::Owner;

/// A checkpoint that is being made.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    owner: Owner,
    slot: Slot,
    contents: Contents,
    /// The chunks of the checkpoint that is in the slot so far.
    older: Vec<Chunk>,
    source: Source,
    stage: Stage,
    /// There was no room for it: what was written of it goes.
    full: Option<DiskError>,
}

#[derive(Clone, Debug)]
enum Stage {
    Chunks,
    /// Of the deliberate bug `ManifestBeforeChunks`: the last chunk.
    Late(DiskOp),
    List,
    Remove(VecDeque<String>),
}

impl Checkpoint {
    /// The state of `source` goes to `slot`, where the older of the two kept
    /// checkpoints is, with these chunks. `contents` says of what place the new one
    /// is, and has no chunks yet.
    pub(crate) fn new(
        owner: Owner,
        (slot, older): (Slot, Vec<Chunk>),
        contents: Contents,
        source: Source,
    ) -> Self {
        Self { owner, slot, contents, older, source, stage: Stage::Chunks, full: None }
    }

    pub(super) fn next(&mut self) -> Option<DiskOp> {
        match &mut self.stage {
            Stage::Chunks => Some(self.next_chunk()),
            Stage::Late(chunk) => {
                let chunk = chunk.clone();
                self.stage = Stage::List;
                Some(chunk)
            }
            Stage::List => Some(DiskOp::List),
            Stage::Remove(files) => files.pop_front().map(|file| DiskOp::Remove { file }),
        }
    }

    /// Chunks are written anew although the other slot may have the same ones:
    /// a sector that goes bad must not take both checkpoints with it.
    fn next_chunk(&mut self) -> DiskOp {
        let group = self.contents.group;
        let Some(plain) = self.source.next_chunk() else {
            self.stage = Stage::List;
            return checkpoint::write_manifest(&self.owner, self.slot, &self.contents);
        };
        base::invariant!(I78, plain.len() <= CHUNK_BYTES_MAX, "a chunk of {}", plain.len());
        let id = content_id(&plain);
        let bytes = u32::try_from(plain.len()).unwrap_or(u32::MAX);
        self.contents.chunks.push(Chunk { id, bytes });
        let chunk = checkpoint::write_chunk(&self.owner, group, self.slot, id, &plain);
        base::mutant!(ManifestBeforeChunks, chunk, self.manifest_first(chunk))
    }

    /// The deliberate bug `ManifestBeforeChunks`.
    fn manifest_first(&mut self, chunk: DiskOp) -> DiskOp {
        if self.source.clone().next_chunk().is_some() {
            return chunk;
        }
        self.stage = Stage::Late(chunk);
        checkpoint::write_manifest(&self.owner, self.slot, &self.contents)
    }

    pub(super) fn on_listed(&mut self, files: &[(String, u64)]) {
        let Contents { group, chunks, .. } = &self.contents;
        let chunks = if self.full.is_some() { &self.older } else { chunks };
        let leftovers: Vec<String> = checkpoint::leftovers(files, *group, self.slot, chunks);
        self.stage = Stage::Remove(leftovers.into());
    }

    /// Without room nothing has changed for the checkpoint that is in the slot:
    /// what is not of it goes, so that there is room for the log.
    pub(super) fn on_failed(&mut self, error: DiskError) -> Option<DiskError> {
        let (Stage::Chunks | Stage::List) = self.stage else { return Some(error) };
        if !error.full || self.full.is_some() {
            return Some(error);
        }
        (self.stage, self.full) = (Stage::List, Some(error));
        None
    }

    pub(super) fn finish(self) -> Outcome {
        if let Some(why) = self.full {
            return Outcome::NoRoom { wanted: Wanted::Checkpoint(self.contents.group), why };
        }
        Outcome::Checkpoint(Kept { contents: self.contents, slot: self.slot })
    }
}
