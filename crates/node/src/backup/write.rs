//! From a state at rest to the bytes of its backup.

use super::head::{HEAD_BYTES, Head};
use super::layout::{LISTED_BYTES, TOTALS_BYTES, padding};
use crate::snapshot::Snapshot;
use alloc::vec;
use alloc::vec::Vec;
use base::checksum::content_id;
use base::codec::Writer;
use base::sha256::SHA256_BYTES;
use base::{ClusterId, GroupId, KeyspaceId};
use bytes::Bytes;
use consensus::entry::Place;
use journal::checkpoint::{Chunk, Contents};

/// A backup that is being written. Each call makes a chunk at the most; what is
/// between two calls costs nothing.
#[derive(Debug)]
pub struct Writing {
    /// The same state once more, to see how long its chunks are: a receiver is told
    /// beforehand, and to make a chunk twice is cheaper than to keep all of them.
    ahead: Option<Snapshot>,
    /// Bytes of what was seen ahead.
    ahead_bytes: u64,
    snapshot: Snapshot,
    head: Head,
    contents: Contents,
    /// Bytes so far.
    written: u64,
    stage: Stage,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Stage {
    Head,
    Chunks,
    /// A chunk whose length and id were said.
    Chunk(Bytes),
    End,
}

impl Writing {
    /// The backup of this state of a keyspace, made in `cluster`.
    #[must_use]
    pub fn new(cluster: ClusterId, keyspace: KeyspaceId, snapshot: Snapshot) -> Self {
        let (place, clock) = (snapshot.place(), snapshot.clock());
        let (revision, keys) = (snapshot.revision(), snapshot.keys());
        let head = Head { cluster, keyspace, place, clock, revision, keys };
        let ahead = Some(snapshot.clone());
        let contents = contents(&head);
        let (ahead_bytes, written) = (HEAD_BYTES as u64, 0);
        Self { ahead, ahead_bytes, snapshot, head, contents, written, stage: Stage::Head }
    }

    /// Looks at one chunk more. Once all were looked at: the size of the whole
    /// file, with the sum at its end.
    pub fn measure(&mut self) -> Option<u64> {
        if let Some(chunk) = self.ahead.as_mut().and_then(Snapshot::next_chunk) {
            self.ahead_bytes += (LISTED_BYTES + chunk.len()) as u64;
            return None;
        }
        self.ahead = None;
        let end = self.ahead_bytes + 4 + TOTALS_BYTES as u64;
        Some(end + padding(end) as u64 + SHA256_BYTES as u64)
    }

    /// What comes next; nothing once only the sum of all is missing.
    pub fn next_part(&mut self) -> Option<Bytes> {
        let (part, stage) = match core::mem::replace(&mut self.stage, Stage::End) {
            Stage::Head => (self.head.encode(), Stage::Chunks),
            Stage::Chunks => match self.snapshot.next_chunk() {
                Some(chunk) => (self.listed(&chunk), Stage::Chunk(chunk)),
                None => (self.end(), Stage::End),
            },
            Stage::Chunk(chunk) => (chunk, Stage::Chunks),
            Stage::End => return None,
        };
        self.stage = stage;
        self.written += part.len() as u64;
        Some(part)
    }

    fn listed(&mut self, chunk: &Bytes) -> Bytes {
        let bytes = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        let listed = Chunk { id: content_id(chunk), bytes };
        self.contents.chunks.push(listed);
        let mut out = Vec::with_capacity(LISTED_BYTES);
        out.put_u32(listed.bytes);
        out.extend_from_slice(&listed.id.0);
        out.into()
    }

    /// No chunk has no bytes: that says that it was the last one.
    fn end(&self) -> Bytes {
        let mut out = vec![0; 4];
        out.put_u64(self.contents.chunks.len() as u64);
        out.put_u64(self.contents.bytes());
        out.extend_from_slice(&self.contents.id().0);
        let padding = padding(self.written + out.len() as u64);
        out.resize(out.len() + padding, 0);
        out.into()
    }
}

/// The checkpoint that the backup is, without its chunks: a backup and a
/// checkpoint of one place have one id.
pub(super) const fn contents(head: &Head) -> Contents {
    let Place { ballot, index } = head.place;
    let group = GroupId(head.keyspace.0);
    Contents { group, index, ballot, clock: head.clock, chunks: Vec::new() }
}
