//! What every chunk begins and ends with, and where one ends and the next begins.
//!
//! ```text
//! chunk     "TRIMKV" | format u8 = 1 | kind u8 | items to the end | check u64
//! check     hash64 of everything before it
//! ```
//!
//! Where chunks are cut decides how many of them stay as they are when
//! something changes: those can be shared with an older checkpoint, or need not
//! be sent. Cuts at fixed sizes would all move when an early item grows, so each
//! item decides for itself: one of n bytes begins a chunk in n of
//! [`MEAN_BYTES`] cases, by a hash of its own. So chunks are as long on average
//! whatever the size of the items, and a cut depends on its item alone, but for
//! two bounds: no cut before [`LEAST_BYTES`], since each chunk is a file, and
//! always one before the aim is passed. Where a change moves such a forced cut,
//! old and new cuts fall together again at the next one that both allow.

use super::error::SnapshotError;
use alloc::vec::Vec;
use base::checksum::hash64;
use base::codec::{Reader, Writer};
use base::limits::{CHUNK_BYTES_AIM, CHUNK_BYTES_MAX};
use bytes::Bytes;

/// What a chunk of a keyspace begins with.
const MAGIC: &[u8; 6] = b"TRIMKV";

/// The format that is written. A reader refuses every other one.
const FORMAT: u8 = 1;

/// What all chunks together come to.
pub(super) const HEAD: u8 = 1;
/// Leases, by id.
pub(super) const LEASES: u8 = 2;
/// What clients said last, by client.
pub(super) const SEQUENCES: u8 = 3;
/// Versions, by key and revision.
pub(super) const KEYS: u8 = 4;

/// Magic, format and kind.
const HEAD_BYTES: usize = MAGIC.len() + 2;
/// The check at the end.
const CHECK_BYTES: usize = 8;

/// No chunk is cut by choice before it has so many bytes.
const LEAST_BYTES: usize = 64 << 10;

/// An item of so many bytes would always begin a chunk.
const MEAN_BYTES: u64 = 256 << 10;

const _: () = assert!(LEAST_BYTES + (MEAN_BYTES as usize) < CHUNK_BYTES_AIM, "few cuts are forced");

/// A chunk that is being filled.
pub(super) struct Filling {
    /// With the item that is being written at the end.
    pub(super) bytes: Vec<u8>,
    /// Where that begins.
    kept: usize,
}

impl Filling {
    pub(super) fn begin(kind: u8) -> Self {
        let mut bytes = Vec::with_capacity(CHUNK_BYTES_AIM);
        bytes.extend_from_slice(MAGIC);
        bytes.put_u8(FORMAT);
        bytes.put_u8(kind);
        Self { bytes, kept: HEAD_BYTES }
    }

    /// Whether nothing is in it yet.
    pub(super) const fn is_empty(&self) -> bool {
        self.kept == HEAD_BYTES
    }

    /// The item that was just written stays here, or, if it begins the next
    /// chunk, is taken back; says which. Its hash decides for it.
    pub(super) fn keep(&mut self, hash: u64) -> bool {
        let size = self.bytes.len() - self.kept;
        let stays = self.is_empty() || !self.is_cut(hash, size);
        if stays {
            self.kept = self.bytes.len();
        } else {
            self.bytes.truncate(self.kept);
        }
        stays
    }

    fn is_cut(&self, hash: u64, size: usize) -> bool {
        let drawn = (u128::from(hash) * u128::from(MEAN_BYTES)) >> 64;
        let chosen = self.kept >= LEAST_BYTES && drawn < size as u128;
        chosen || self.bytes.len() + CHECK_BYTES > CHUNK_BYTES_AIM
    }

    pub(super) fn seal(self) -> Bytes {
        let mut bytes = self.bytes;
        let check = hash64(&bytes);
        bytes.put_u64(check);
        base::invariant!(I90, bytes.len() <= CHUNK_BYTES_MAX, "{} bytes", bytes.len());
        // Most were given more room than they needed.
        bytes.into_boxed_slice().into()
    }
}

/// Writes items from the first on into one chunk, each by `write`, which is
/// told whether it is the first there and gives its hash. Returns the chunk, if
/// there was anything to write, and the item with which the next one begins.
pub(super) fn fill<T>(
    kind: u8,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, &T, bool) -> u64,
) -> (Option<Bytes>, Option<T>) {
    let mut filling = Filling::begin(kind);
    for item in items {
        let first = filling.is_empty();
        let hash = write(&mut filling.bytes, &item, first);
        if !filling.keep(hash) {
            return (Some(filling.seal()), Some(item));
        }
    }
    let chunk = (!filling.is_empty()).then(|| filling.seal());
    (chunk, None)
}

/// The kind of a chunk, and a reader of its items.
pub(super) fn open(chunk: &Bytes) -> Result<(u8, Reader), SnapshotError> {
    let mut reader = Reader::new(chunk.clone());
    if reader.take(MAGIC.len()).is_ok_and(|magic| magic[..] != MAGIC[..]) {
        return Err(SnapshotError::NotOurs);
    }
    let (format, kind) = (reader.u8()?, reader.u8()?);
    if format != FORMAT {
        return Err(SnapshotError::Format { got: format });
    }
    let size = reader.left().checked_sub(CHECK_BYTES).ok_or(SnapshotError::Damaged)?;
    let items = reader.take(size)?;
    let (covered, check) = (chunk.len() - CHECK_BYTES, reader.u64()?);
    if chunk.get(..covered).is_none_or(|covered| hash64(covered) != check) {
        return Err(SnapshotError::Damaged);
    }
    match kind {
        HEAD..=KEYS => Ok((kind, Reader::new(items))),
        _ => Err(SnapshotError::Kind { got: kind }),
    }
}
