//! Who a data directory belongs to: the file `node.id`.
//!
//! It is written once, after the lane's log was begun and before the node takes
//! part in anything: a directory with an identity and without a log has lost it.

use crate::disk::{Disk, DiskError, DiskOp};
use crate::record::Owner;
use crate::reserved::{put_owner, take_newer, take_owner};
use alloc::string::String;
use alloc::vec::Vec;
use base::NodeId;
use base::checksum::crc32c;
use base::codec::{CodecError, Reader, Writer};
use base::limits::DISK_OP_BYTES_MAX;
use bytes::Bytes;
use core::fmt;

/// The name of the file.
pub const FILE: &str = "node.id";

/// The name of the file that a directory has as long as its node may not vote: it
/// is new, and whether the node had another one before is not known yet, or it had.
pub const MUTE_FILE: &str = "node.mute";

const MAGIC: &[u8; 8] = b"TRIMARAN";

/// Who a data directory belongs to, and how its cluster began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The cluster, the node, and the life of its disk.
    pub owner: Owner,
    /// The node's name, for people.
    pub name: String,
    /// How the cluster began.
    pub bootstrap: Bootstrap,
}

/// What every first node of a cluster was told, and computes the first era from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bootstrap {
    /// Tells clusters with the same members apart.
    pub token: Bytes,
    /// The protocol of the first era, in its own number.
    pub protocol: u8,
    /// The first members, in ascending order of their ids.
    pub members: Vec<Member>,
}

/// One of the first members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Where the other nodes reach it.
    pub peer_urls: Vec<String>,
}

/// Why there is no identity to go by. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IdentityError {
    /// The disk failed.
    Disk(DiskError),
    /// The file does not begin as an identity does.
    NotOurs,
    /// A newer build wrote it.
    Newer {
        /// The field.
        what: &'static str,
        /// What it holds.
        got: u64,
    },
    /// Its checksum does not fit, or its fields do not.
    Damaged(CodecError),
}

impl From<DiskError> for IdentityError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl From<CodecError> for IdentityError {
    fn from(error: CodecError) -> Self {
        Self::Damaged(error)
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::NotOurs => write!(f, "{FILE} is not of this program: choose another directory"),
            Self::Newer { what, got } => write!(
                f,
                "{FILE} was written by a newer version ({what} {got}); start that version or a \
                 later one"
            ),
            Self::Damaged(why) => write!(
                f,
                "{FILE} is damaged ({why}): restore it, or let this node join again as a new \
                 replica with an empty data directory"
            ),
        }
    }
}

impl core::error::Error for IdentityError {}

/// Makes the node mute, before it has an identity.
pub fn mark_mute(disk: &mut dyn Disk, owner: &Owner) -> Result<(), IdentityError> {
    let content = Bytes::from(owner.incarnation.0.to_le_bytes().to_vec());
    Ok(disk.sync(DiskOp::Replace { file: MUTE_FILE.into(), content })?)
}

/// Whether the node is mute. That the file is there says so, whatever is in it.
pub fn is_mute(disk: &mut dyn Disk) -> Result<bool, IdentityError> {
    Ok(disk.list()?.iter().any(|(name, _)| name == MUTE_FILE))
}

/// The identity of the directory; `None` if it has none yet.
pub fn load(disk: &mut dyn Disk) -> Result<Option<Identity>, IdentityError> {
    if !disk.list()?.iter().any(|(name, _)| name == FILE) {
        return Ok(None);
    }
    decode(&disk.read(FILE, DISK_OP_BYTES_MAX as u64)?).map(Some)
}

/// Gives the directory this identity.
pub fn store(disk: &mut dyn Disk, identity: &Identity) -> Result<(), IdentityError> {
    let content = encode(identity);
    Ok(disk.sync(DiskOp::Replace { file: FILE.into(), content })?)
}

/// The content of the file.
#[must_use]
pub fn encode(identity: &Identity) -> Bytes {
    let Identity { owner, name, bootstrap } = identity;
    let mut out = Vec::new();
    put_owner(MAGIC, owner, &mut out);
    out.put_bytes(name.as_bytes());
    out.put_bytes(&bootstrap.token);
    out.put_u8(bootstrap.protocol);
    out.put_varint(bootstrap.members.len() as u64);
    for member in &bootstrap.members {
        out.put_u64(member.node.0);
        out.put_bytes(member.name.as_bytes());
        out.put_varint(member.peer_urls.len() as u64);
        member.peer_urls.iter().for_each(|url| out.put_bytes(url.as_bytes()));
    }
    out.put_u32(crc32c(&out));
    out.into()
}

/// What the content of the file says. Never panics.
pub fn decode(content: &Bytes) -> Result<Identity, IdentityError> {
    let mut reader = Reader::new(content.clone());
    if reader.take(MAGIC.len()).is_ok_and(|magic| magic != MAGIC[..]) {
        return Err(IdentityError::NotOurs);
    }
    let (fields, crc) = content
        .split_last_chunk::<4>()
        .filter(|(fields, _)| fields.len() >= MAGIC.len())
        .ok_or(CodecError::Short { wanted: MAGIC.len() + 4, left: content.len() })?;
    let crc = u32::from_le_bytes(*crc);
    if crc32c(fields) != crc {
        return Err(CodecError::Invalid { what: "checksum", got: u64::from(crc) }.into());
    }
    let mut reader = Reader::new(content.slice_ref(fields));
    reader.take(MAGIC.len())?;
    if let Some((what, got)) = take_newer(&mut reader)? {
        return Err(IdentityError::Newer { what, got });
    }
    let identity = parse(&mut reader)?;
    reader.finish()?;
    Ok(identity)
}

fn parse(reader: &mut Reader) -> Result<Identity, CodecError> {
    let owner = take_owner(reader)?;
    let name = text(reader)?;
    let token = reader.bytes()?;
    let protocol = reader.u8()?;
    let count = reader.varint()?;
    let mut members: Vec<Member> = Vec::new();
    for _ in 0..count {
        let member = member(reader)?;
        if members.last().is_some_and(|last| last.node >= member.node) {
            return Err(CodecError::Invalid { what: "member order", got: member.node.0 });
        }
        members.push(member);
    }
    Ok(Identity { owner, name, bootstrap: Bootstrap { token, protocol, members } })
}

fn member(reader: &mut Reader) -> Result<Member, CodecError> {
    let node = NodeId(reader.u64()?);
    let name = text(reader)?;
    let count = reader.varint()?;
    let mut peer_urls = Vec::new();
    for _ in 0..count {
        peer_urls.push(text(reader)?);
    }
    Ok(Member { node, name, peer_urls })
}

fn text(reader: &mut Reader) -> Result<String, CodecError> {
    let bytes = reader.bytes()?;
    let got = bytes.len() as u64;
    String::from_utf8(bytes.into()).map_err(|_| CodecError::Invalid { what: "text length", got })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryDisk;
    use base::{ClusterId, Incarnation};

    fn identity() -> Identity {
        let member = |node, name: &str| Member {
            node: NodeId(node),
            name: name.into(),
            peer_urls: vec![format!("http://{name}:2380")],
        };
        Identity {
            owner: Owner { cluster: ClusterId(1), node: NodeId(2), incarnation: Incarnation(3) },
            name: "n2".into(),
            bootstrap: Bootstrap {
                token: Bytes::from("etcd-cluster"),
                protocol: 1,
                members: vec![member(1, "n1"), member(2, "n2"), member(3, "n3")],
            },
        }
    }

    #[test]
    fn what_is_stored_is_loaded() {
        let mut disk = MemoryDisk::new();
        assert_eq!(load(&mut disk), Ok(None));
        store(&mut disk, &identity()).unwrap();
        assert_eq!(load(&mut disk), Ok(Some(identity())));
    }

    #[test]
    fn every_flipped_byte_and_every_shortening_is_refused() {
        let whole = encode(&identity());
        for at in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 0x10;
            let expected_foreign = at < MAGIC.len();
            match decode(&bytes.into()) {
                Err(IdentityError::NotOurs) => assert!(expected_foreign, "at {at}"),
                Err(IdentityError::Damaged(_)) => assert!(!expected_foreign, "at {at}"),
                other => panic!("at {at}: {other:?}"),
            }
            let cut = decode(&whole.slice(..at));
            assert!(matches!(cut, Err(IdentityError::Damaged(_))), "cut at {at}: {cut:?}");
        }
    }

    #[test]
    fn a_newer_one_says_what_to_do() {
        for (at, what) in [(10, "format"), (16, "feature bits"), (24, "cipher"), (32, "key id")] {
            let mut bytes = encode(&identity()).to_vec();
            bytes[at] = 9;
            let end = bytes.len() - 4;
            let crc = crc32c(&bytes[..end]).to_le_bytes();
            bytes[end..].copy_from_slice(&crc);
            let error = decode(&bytes.into()).unwrap_err();
            assert_eq!(error, IdentityError::Newer { what, got: 9 });
            assert!(error.to_string().contains("start that version or a later one"));
        }
    }

    #[test]
    fn members_stand_in_order_and_once() {
        let mut twice = identity();
        twice.bootstrap.members[2].node = NodeId(2);
        let error = decode(&encode(&twice)).unwrap_err();
        let why = CodecError::Invalid { what: "member order", got: 2 };
        assert_eq!(error, IdentityError::Damaged(why));
    }
}
