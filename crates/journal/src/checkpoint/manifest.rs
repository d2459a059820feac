//! A manifest's file: what every file begins with, then the contents.

use super::contents::Contents;
use super::slot::Slot;
use crate::disk::DiskOp;
use crate::record::Owner;
use crate::reserved::{put_reserved, take_newer};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base::checksum::crc32c;
use base::codec::{CodecError, Reader, Writer};
use base::limits::DISK_FILE_BYTES_MAX;
use base::{ClusterId, GroupId, Incarnation, NodeId, invariant};
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
    put_reserved(MAGIC, owner.cluster, &mut out);
    out.put_u64(owner.node.0);
    out.put_u64(owner.incarnation.0);
    out.extend_from_slice(&contents.encode());
    out.put_u32(crc32c(&out));
    invariant!(I38, out.len() <= DISK_FILE_BYTES_MAX, "{} chunks", contents.chunks.len());
    let file = manifest_name(contents.group, slot);
    DiskOp::Replace { file, content: out.into() }
}

/// What the content of a manifest's file says. Never panics.
pub(super) fn decode(content: &Bytes) -> FoundManifest {
    let crc_at = content.len().saturating_sub(4);
    let fields = content.slice(..crc_at);
    let crc = content.get(crc_at..).unwrap_or_default();
    if crc32c(&fields).to_le_bytes() != crc {
        let what = "checksum";
        return FoundManifest::Bad(CodecError::Invalid { what, got: content.len() as u64 });
    }
    parse(fields).unwrap_or_else(FoundManifest::Bad)
}

fn parse(fields: Bytes) -> Result<FoundManifest, CodecError> {
    let mut reader = Reader::new(fields);
    let magic = reader.take(MAGIC.len())?;
    if magic != MAGIC[..] {
        let got = u64::from(magic.first().copied().unwrap_or_default());
        return Err(CodecError::Invalid { what: "magic", got });
    }
    if let Some((what, got)) = take_newer(&mut reader)? {
        return Ok(FoundManifest::Newer { what, got });
    }
    let cluster = ClusterId(reader.u64()?);
    let node = NodeId(reader.u64()?);
    let incarnation = Incarnation(reader.u64()?);
    let contents = Contents::decode(reader.rest())?;
    Ok(FoundManifest::Good(Owner { cluster, node, incarnation }, contents))
}
