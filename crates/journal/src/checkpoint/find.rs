//! Which checkpoints a data directory has, and which files none of them needs.

use super::chunk::{chunk_name, file_bytes};
use super::contents::{Chunk, Contents};
use super::manifest::{self, FoundManifest, manifest_name, manifest_of};
use super::slot::Slot;

use crate::disk::{Disk, DiskError, DiskOp};
use crate::record::Owner;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base::codec::CodecError;
use base::limits::DISK_FILE_BYTES_MAX;
use base::{GroupId, Index};
use core::cmp::Reverse;
use core::fmt;

/// One checkpoint of a group. Its chunks are there and as long as they should
/// be; whether they hold what they should is seen when they are opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// One that may be used.
    Good {
        /// Where it is.
        slot: Slot,
        /// What it holds.
        contents: Contents,
    },
    /// One that may not.
    Damaged {
        /// Where it is.
        slot: Slot,
        /// The file that is wrong: the manifest, or a chunk that it lists.
        file: String,
        /// What is wrong with it.
        why: Why,
    },
}

/// What is wrong with a file of a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It is no manifest, or not as it was written.
    Manifest(CodecError),
    /// The manifest is one of another group than its name says.
    Misnamed,
    /// The chunk is not there.
    Missing,
    /// The chunk's file has another length.
    Length {
        /// How many bytes it should have.
        expected: u64,
        /// How many it has.
        got: u64,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(why) => write!(f, "it is damaged ({why})"),
            Self::Misnamed => write!(f, "it is not what its name says"),
            Self::Missing => write!(f, "it is not there"),
            Self::Length { expected, got } => write!(f, "it has {got} bytes, not {expected}"),
        }
    }
}

/// Why the checkpoints of a directory cannot be used at all. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckpointError {
    /// The disk failed.
    Disk(DiskError),
    /// A manifest belongs to somebody else.
    Foreign {
        /// The manifest's file.
        file: String,
        /// The field that differs: `cluster id`, `node id` or `incarnation`.
        what: &'static str,
        /// What it is here.
        expected: u64,
        /// What it is there.
        got: u64,
    },
    /// A newer build wrote a manifest.
    Newer {
        /// The manifest's file.
        file: String,
        /// The field.
        what: &'static str,
        /// What it holds.
        got: u64,
    },
}

impl From<DiskError> for CheckpointError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::Foreign { file, what, expected, got } => write!(
                f,
                "{file} belongs to another owner: its {what} is {got}, this node's is {expected}; \
                 start with the data directory of this node"
            ),
            Self::Newer { file, what, got } => write!(
                f,
                "{file} was written by a newer version ({what} {got}); start that version or a \
                 later one"
            ),
        }
    }
}

impl core::error::Error for CheckpointError {}

/// The checkpoints of every group, newest first; before them those that are
/// damaged, for how new they are nobody can say.
pub fn find(
    disk: &mut dyn Disk,
    owner: &Owner,
) -> Result<BTreeMap<GroupId, Vec<Found>>, CheckpointError> {
    let sizes: BTreeMap<String, u64> = disk.list()?.into_iter().collect();
    let manifests: Vec<(GroupId, Slot)> =
        sizes.keys().filter_map(|name| manifest_of(name)).collect();
    let mut found: BTreeMap<GroupId, Vec<Found>> = BTreeMap::new();
    for (group, slot) in manifests {
        let one = look_at(disk, owner, group, slot, &sizes)?;
        found.entry(group).or_default().push(one);
    }
    for all in found.values_mut() {
        all.sort_by_key(|one| Reverse(one.index()));
    }
    Ok(found)
}

impl Found {
    /// Of which place it is; beyond every other if nobody can say.
    const fn index(&self) -> Index {
        match self {
            Self::Good { contents, .. } => contents.index,
            Self::Damaged { .. } => Index(u64::MAX),
        }
    }
}

fn look_at(
    disk: &mut dyn Disk,
    owner: &Owner,
    group: GroupId,
    slot: Slot,
    sizes: &BTreeMap<String, u64>,
) -> Result<Found, CheckpointError> {
    let file = manifest_name(group, slot);
    // What a process that died left in the page cache is on disk before it is believed.
    disk.sync(DiskOp::Write { file: file.clone(), offset: 0, parts: Vec::new() })?;
    let content = disk.read(&file, DISK_FILE_BYTES_MAX as u64 + 1)?;
    let (whose, contents) = match manifest::decode(&content) {
        FoundManifest::Good(whose, contents) => (whose, contents),
        FoundManifest::Newer { what, got } => {
            return Err(CheckpointError::Newer { file, what, got });
        }
        FoundManifest::Bad(why) => {
            return Ok(Found::Damaged { slot, file, why: Why::Manifest(why) });
        }
    };
    if let Some((what, expected, got)) = owner.differs(&whose) {
        return Err(CheckpointError::Foreign { file, what, expected, got });
    }
    if contents.group != group {
        return Ok(Found::Damaged { slot, file, why: Why::Misnamed });
    }
    let wrong = contents.chunks.iter().find_map(|chunk| wrong_file(group, slot, chunk, sizes));
    Ok(match wrong {
        None => Found::Good { slot, contents },
        Some((file, why)) => Found::Damaged { slot, file, why },
    })
}

fn wrong_file(
    group: GroupId,
    slot: Slot,
    chunk: &Chunk,
    sizes: &BTreeMap<String, u64>,
) -> Option<(String, Why)> {
    let file = chunk_name(group, slot, chunk.id);
    let expected = file_bytes(chunk);
    match sizes.get(&file) {
        None => Some((file, Why::Missing)),
        Some(got) if *got != expected => Some((file, Why::Length { expected, got: *got })),
        Some(_) => None,
    }
}

/// The chunks in a slot of this group that a checkpoint of these does not need.
#[must_use]
pub fn leftovers(
    files: &[(String, u64)],
    group: GroupId,
    slot: Slot,
    chunks: &[Chunk],
) -> Vec<String> {
    let needed: BTreeSet<String> =
        chunks.iter().map(|chunk| chunk_name(group, slot, chunk.id)).collect();
    let begins = format!("state-{}-{}-", group.0, slot.letter());
    let begins = base::mutant!(LeftoversOfBoth, begins, format!("state-{}-", group.0));
    let ours = |name: &str| name.starts_with(&begins) && name.ends_with(".chunk");
    let names = files.iter().map(|(name, _)| name);
    names.filter(|name| ours(name) && !needed.contains(*name)).cloned().collect()
}
