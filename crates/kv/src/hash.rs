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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::KeyValue;
    use bytes::Bytes;
    use std::collections::BTreeSet;

    /// Two versions that differ in one field differ in the digest.
    #[test]
    fn every_field_counts() {
        let empty = Bytes::new();
        let kv = KeyValue {
            key: empty.clone(),
            create: Revision(0),
            modified: Revision(0),
            version: 0,
            lease: 0,
            value: empty.clone(),
            extension: empty,
        };
        let x = || Bytes::from_static(b"x");
        let kvs = [
            kv.clone(),
            KeyValue { key: x(), ..kv.clone() },
            KeyValue { create: Revision(1), ..kv.clone() },
            KeyValue { modified: Revision(1), ..kv.clone() },
            KeyValue { version: 1, ..kv.clone() },
            KeyValue { lease: 1, ..kv.clone() },
            KeyValue { value: x(), ..kv.clone() },
            KeyValue { extension: x(), ..kv.clone() },
        ];
        let change = |kv, deleted| Change { kv, deleted, previous: None };
        let mut changes = kvs.map(|kv| change(kv, false)).to_vec();
        changes.push(change(kv, true));
        let digests: BTreeSet<u64> = changes.iter().map(digest_of).collect();
        assert_eq!(digests.len(), changes.len());
        assert_ne!(fingerprint(Revision(1), 0), fingerprint(Revision(0), 1));
    }
}
