//! A manifest's file: what every file begins with, then the contents.

use super::contents::Contents;
use super::slot::Slot;
use crate::disk::DiskOp;
use crate::record::Owner;
use crate::reserved::{Opened, open, put_owner, take_owner};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base::checksum::crc32c;
use base::codec::{CodecError, Writer};
use base::limits::DISK_FILE_BYTES_MAX;
use base::{GroupId, invariant};
use bytes::Bytes;

const MAGIC: &[u8; 8] = b"TRIMCKPT";

/// What stands in a manifest's file.
pub(super) enum FoundManifest {
    /// A whole one, and whose it is.
    Good(Owner, Contents),
    /// One that this build must not read on from.
    Newer { what: &'static str, got: u64 },
    /// Something else.
    Bad(CodecError),
}

impl From<CodecError> for FoundManifest {
    fn from(why: CodecError) -> Self {
        Self::Bad(why)
    }
}

/// The name of a manifest's file.
#[must_use]
pub fn manifest_name(group: GroupId, slot: Slot) -> String {
    format!("state-{}-{}.manifest", group.0, slot.letter())
}

/// The group and the slot of the manifest that has this name, if it is one.
pub(super) fn manifest_of(name: &str) -> Option<(GroupId, Slot)> {
    let (group, _) = name.strip_prefix("state-")?.strip_suffix(".manifest")?.split_once('-')?;
    let group = GroupId(group.parse().ok()?);
    let slot = Slot::ALL.into_iter().find(|slot| manifest_name(group, *slot) == name)?;
    Some((group, slot))
}

/// Makes the checkpoint current, all of whose chunks are durable already, in the
/// place of the one that the slot had.
#[must_use]
pub fn write_manifest(owner: &Owner, slot: Slot, contents: &Contents) -> DiskOp {
    let mut out = Vec::new();
    put_owner(MAGIC, owner, &mut out);
    out.extend_from_slice(&contents.encode());
    out.put_u32(crc32c(&out));
    invariant!(I38, out.len() <= DISK_FILE_BYTES_MAX, "{} chunks", contents.chunks.len());
    let file = manifest_name(contents.group, slot);
    DiskOp::Replace { file, content: out.into() }
}

/// What the content of a manifest's file says. Never panics.
pub(super) fn decode(content: &Bytes) -> FoundManifest {
    parse(content).unwrap_or_else(FoundManifest::Bad)
}

fn parse(content: &Bytes) -> Result<FoundManifest, CodecError> {
    let mut reader = match open(MAGIC, content)? {
        Opened::Fields(reader) => reader,
        Opened::Newer { what, got } => return Ok(FoundManifest::Newer { what, got }),
    };
    let owner = take_owner(&mut reader)?;
    Ok(FoundManifest::Good(owner, Contents::decode(reader.rest())?))
}
