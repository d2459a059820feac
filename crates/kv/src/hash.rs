//! A fingerprint of the state that two replicas can compare.
//!
//! The digest of a store is the wrapping sum of the hashes of all the versions
//! it keeps. A sum knows no order, so it depends on what is kept and not on the
//! shape of a tree or on the way there, and it follows a change in one addition
//! (and a compaction in one subtraction). It finds mistakes, not forgers.

use crate::command::Change;
use alloc::vec::Vec;
use base::Revision;
use base::checksum::hash64;
use base::codec::Writer;

/// The part of one change in the digest.
pub(crate) fn digest_of(change: &Change) -> u64 {
    let kv = &change.kv;
    let mut bytes = Vec::with_capacity(64 + kv.key.len() + kv.value.len() + kv.extension.len());
    bytes.put_u8(u8::from(change.deleted));
    bytes.put_u64(kv.modified.0);
    bytes.put_u64(kv.create.0);
    bytes.put_u64(kv.version);
    bytes.put_u64(kv.lease.cast_unsigned());
    bytes.put_bytes(&kv.key);
    bytes.put_bytes(&kv.value);
    bytes.put_bytes(&kv.extension);
    hash64(&bytes)
}

/// The fingerprint of a store at `revision` with this digest.
pub(crate) fn fingerprint(revision: Revision, digest: u64) -> u64 {
    let mut bytes = Vec::with_capacity(16);
    bytes.put_u64(revision.0);
    bytes.put_u64(digest);
    hash64(&bytes)
}
