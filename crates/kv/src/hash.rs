//! A fingerprint of the state that two replicas can compare.
//!
//! The digest of a set of things is the wrapping sum of their hashes. A sum
//! knows no order, so it depends on what is there and not on the shape of a
//! tree or on the way there, and it follows a change in one addition or
//! subtraction. It finds mistakes, not forgers.

use crate::command::KeyValue;
use base::checksum::hash64;

/// The part of one version in the digest of its store.
pub(crate) fn digest_of(kv: &KeyValue, deleted: bool) -> u64 {
    digest(&[
        u64::from(deleted),
        kv.modified.0,
        kv.create.0,
        kv.version,
        kv.lease.cast_unsigned(),
        hash64(&kv.key),
        hash64(&kv.value),
        hash64(&kv.extension),
    ])
}

/// One hash of some numbers, in their order.
pub(crate) fn digest<const N: usize>(numbers: &[u64; N]) -> u64 {
    hash64(numbers.map(u64::to_le_bytes).as_flattened())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Revision;
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
        let mut digests: BTreeSet<u64> = kvs.iter().map(|kv| digest_of(kv, false)).collect();
        digests.insert(digest_of(&kv, true));
        assert_eq!(digests.len(), kvs.len() + 1);
        assert_ne!(digest(&[1, 0]), digest(&[0, 1]));
    }
}
