//! What a backup begins with: whose state it is, and of when.

use super::error::BackupError;
use alloc::vec::Vec;
use base::checksum::crc32c;
use base::codec::{Reader, Writer};
use base::{Ballot, ClusterId, Index, KeyspaceId, NodeId, Revision};
use bytes::Bytes;
use consensus::entry::Place;
use journal::reserved::{put_reserved, take_newer};

/// Bytes of the head.
pub(super) const HEAD_BYTES: usize = 112;

const MAGIC: &[u8; 8] = b"TRIMSNAP";
const CRC_AT: usize = 104;

/// What a bbolt database, which is what etcd's snapshots are, has in its first page.
const BOLT_MAGIC: [u8; 4] = 0xed0c_daed_u32.to_le_bytes();
const BOLT_MAGIC_AT: usize = 16;

/// Whose state a backup is, and of when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// The cluster that it was made in.
    pub cluster: ClusterId,
    /// The keyspace.
    pub keyspace: KeyspaceId,
    /// The place of its log.
    pub place: Place,
    /// The log time there.
    pub clock: u64,
    /// The newest revision.
    pub revision: Revision,
    /// How many keys exist.
    pub keys: u64,
}

impl Head {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(HEAD_BYTES);
        put_reserved(MAGIC, self.cluster, &mut out);
        let Place { ballot, index } = self.place;
        let place = [self.keyspace.0, index.0, ballot.round, ballot.node.0, self.clock];
        place.iter().chain(&[self.revision.0, self.keys]).for_each(|number| out.put_u64(*number));
        out.put_u32(crc32c(&out));
        out.put_u32(0);
        out.into()
    }

    pub(super) fn decode(bytes: &Bytes) -> Result<Self, BackupError> {
        if bytes.get(BOLT_MAGIC_AT..BOLT_MAGIC_AT + 4) == Some(&BOLT_MAGIC) {
            return Err(BackupError::Etcd);
        }
        let mut reader = Reader::new(bytes.clone());
        if reader.take(MAGIC.len())? != MAGIC[..] {
            return Err(BackupError::NotOurs);
        }
        if let Some((what, got)) = take_newer(&mut reader)? {
            return Err(BackupError::Newer { what, got });
        }
        let head = Self {
            cluster: ClusterId(reader.u64()?),
            keyspace: KeyspaceId(reader.u64()?),
            place: {
                let index = Index(reader.u64()?);
                Place { index, ballot: Ballot::new(reader.u64()?, NodeId(reader.u64()?)) }
            },
            clock: reader.u64()?,
            revision: Revision(reader.u64()?),
            keys: reader.u64()?,
        };
        let fields = bytes.get(..CRC_AT).unwrap_or_default();
        if crc32c(fields) != reader.u32()? {
            return Err(BackupError::Damaged { what: "head" });
        }
        Ok(head)
    }
}
