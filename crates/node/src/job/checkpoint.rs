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
    /// The chunks of the checkpoint that is in the slot so far; none if what is
    /// there is of no use.
    older: Option<Vec<Chunk>>,
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
    /// checkpoints is, with these chunks, if one is kept there. `contents` says of
    /// what place the new one is, and has no chunks yet.
    pub(crate) fn new(
        owner: Owner,
        (slot, older): (Slot, Option<Vec<Chunk>>),
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
        let needed: &[Chunk] = match (&self.full, &self.older) {
            (Some(_), older) => older.as_deref().unwrap_or_default(),
            (None, _) => chunks,
        };
        let mut leftovers: VecDeque<String> =
            checkpoint::leftovers(files, *group, self.slot, needed).into();
        let manifest = checkpoint::manifest_name(*group, self.slot);
        let useless = self.full.is_some() && self.older.is_none();
        if useless && files.iter().any(|(name, _)| *name == manifest) {
            // First: without its chunks it would be taken for a damaged checkpoint.
            leftovers.push_front(manifest);
        }
        self.stage = Stage::Remove(leftovers);
    }

    /// Without room nothing has changed for the checkpoint that is kept in the slot:
    /// what is not of it goes, so that there is room for the log. What is there
    /// and not kept goes as well, its manifest first.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Job, JobDone};
    use crate::machine::Machine;
    use base::{Ballot, ClusterId, GroupId, Incarnation, Index, NodeId};
    use journal::disk::Disk;
    use journal::memory::MemoryDisk;

    const GROUP: GroupId = GroupId::DEFAULT;
    const OWNER: Owner =
        Owner { cluster: ClusterId(1), node: NodeId(2), incarnation: Incarnation(3) };

    /// A checkpoint of an empty keyspace, in the place of one with these chunks.
    fn make(disk: &mut MemoryDisk, older: Option<Vec<Chunk>>) -> Outcome {
        let ballot = Ballot::new(1, NodeId(2));
        let contents =
            Contents { group: GROUP, index: Index(5), ballot, clock: 0, chunks: Vec::new() };
        let source = Machine::new(GROUP).freeze();
        let mut job = Job::checkpoint(Checkpoint::new(OWNER, (Slot::A, older), contents, source));
        while let Some(op) = job.next_op() {
            job.on_done(disk.perform(op));
        }
        let JobDone(outcome) = job.finish();
        outcome.expect("the disk works")
    }

    fn files(disk: &mut MemoryDisk) -> Vec<String> {
        disk.list().expect("a list").into_iter().map(|(name, _)| name).collect()
    }

    /// Found by a seed of the simulator: a node took over a checkpoint, had no room for
    /// the next one of its own, and cleared away the chunks of the one from before, but
    /// not its manifest. Its next start took that for damage.
    #[test]
    fn without_room_what_is_kept_stays_whole_and_what_is_not_goes_whole() {
        let mut disk = MemoryDisk::new();
        let Outcome::Checkpoint(kept) = make(&mut disk, None) else { panic!("there is room") };
        let before = files(&mut disk);
        assert!(before.len() > 1, "{before:?}");
        disk.limit(Some(disk.used()));
        let full = |outcome: &Outcome| matches!(outcome, Outcome::NoRoom { .. });
        assert!(full(&make(&mut disk, Some(kept.contents.chunks))));
        assert_eq!(files(&mut disk), before);
        assert!(full(&make(&mut disk, None)));
        assert_eq!(files(&mut disk), Vec::<String>::new());
    }
}
