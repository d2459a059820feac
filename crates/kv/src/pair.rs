//! A pair as it is kept: everything that is known of one version of a key, in
//! one piece of memory of its own, that is shared and never changed.
//!
//! ```text
//! pair      flags u8 | modified u64 | digest u64 | key length v | place v?
//!           | age v?, version v? | lease u64? | extension length v?
//!           | key | extension | value
//! ```
//!
//! A million small pairs are kept, and few are asked for. So what stands in a
//! flag takes no bytes where it is as usual, and only who asks is given a
//! [`KeyValue`], whose key and value are slices of the same memory.

use crate::hash::digest;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::Revision;
use base::checksum::hash64;
use base::codec::Writer;
use bytes::{Buf, Bytes};
use core::fmt;

/// The key was deleted: there is no pair from here on.
const DELETED: u8 = 1;
const PLACE: u8 = 2;
/// It is not the first version since its creation.
const WRITTEN: u8 = 4;
const LEASE: u8 = 8;
const EXTENSION: u8 = 16;

/// Behind the flags.
const MODIFIED_AT: usize = 1;
const DIGEST_AT: usize = 9;
/// Flags, modified and digest.
const FIXED_BYTES: usize = 17;
/// What stands before the key at most: five numbers of ten bytes and a lease.
const HEAD_BYTES_MAX: usize = FIXED_BYTES + 5 * 10 + 8;

/// A key and everything that is stored beside its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// The revision that created it (last, if it was deleted before).
    pub create: Revision,
    /// The revision that wrote it last.
    pub modified: Revision,
    /// Writes since its creation, starting at 1.
    pub version: u64,
    /// The lease it hangs on; 0 is none.
    pub lease: i64,
    /// The value.
    pub value: Bytes,
    /// Reserved for other doors (flags, access lists), kept byte for byte.
    pub extension: Bytes,
}

/// One version of a key. A clone shares its bytes.
#[derive(Clone)]
pub struct Pair(Arc<[u8]>);

/// What a pair says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fields<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The revision that created it (last, if it was deleted before).
    pub create: Revision,
    /// The revision that wrote it last.
    pub modified: Revision,
    /// Writes since its creation, starting at 1.
    pub version: u64,
    /// The lease it hangs on; 0 is none.
    pub lease: i64,
    /// The value.
    pub value: &'a [u8],
    /// Reserved for other doors, kept byte for byte.
    pub extension: &'a [u8],
}

/// The part of one version in the digest of its store.
fn digest_of(kv: &Fields<'_>, deleted: bool) -> u64 {
    digest(&[
        u64::from(deleted),
        kv.modified.0,
        kv.create.0,
        kv.version,
        kv.lease.cast_unsigned(),
        hash64(kv.key),
        hash64(kv.value),
        hash64(kv.extension),
    ])
}

impl Pair {
    /// The pair that says this, as the change at `place` of its revision.
    pub(crate) fn new(fields: &Fields<'_>, place: u32) -> Self {
        Self::of(fields, place, 0)
    }

    /// The end of a key, as the change at `place` of its revision.
    pub(crate) fn deletion(key: &[u8], modified: Revision, place: u32) -> Self {
        let (create, version, lease) = (Revision::ZERO, 0, 0);
        let (value, extension) = (&[][..], &[][..]);
        let fields = Fields { key, create, modified, version, lease, value, extension };
        Self::of(&fields, place, DELETED)
    }

    /// Key and value are copied. A slice of an entry's body would pin the whole
    /// body: one byte stored out of a large transaction would hold all of it
    /// after the log has let it go, and no count of bytes could say so.
    fn of(fields: &Fields<'_>, place: u32, deleted: u8) -> Self {
        let Fields { key, create, modified, version, lease, value, extension } = *fields;
        let written = create != modified || version != 1;
        let flags = deleted
            | flag(place != 0, PLACE)
            | flag(written, WRITTEN)
            | flag(lease != 0, LEASE)
            | flag(!extension.is_empty(), EXTENSION);
        let room = HEAD_BYTES_MAX + key.len() + extension.len() + value.len();
        let mut bytes = Vec::with_capacity(room);
        bytes.put_u8(flags);
        bytes.put_u64(modified.0);
        bytes.put_u64(digest_of(fields, deleted != 0));
        bytes.put_varint(key.len() as u64);
        if place != 0 {
            bytes.put_varint(u64::from(place));
        }
        if written {
            bytes.put_varint(modified.0.wrapping_sub(create.0));
            bytes.put_varint(version);
        }
        if lease != 0 {
            bytes.put_u64(lease.cast_unsigned());
        }
        if !extension.is_empty() {
            bytes.put_varint(extension.len() as u64);
        }
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(extension);
        bytes.extend_from_slice(value);
        // Exactly as much memory as it has bytes.
        Self(Arc::from(&bytes[..]))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        let head = self.head();
        head.rest.get(..head.key).unwrap_or_default()
    }

    /// The revision that wrote it.
    #[must_use]
    pub fn modified(&self) -> Revision {
        Revision(self.number(MODIFIED_AT))
    }

    /// The lease that it hangs on; 0 is none.
    #[must_use]
    pub fn lease(&self) -> i64 {
        if self.flags() & LEASE == 0 { 0 } else { self.head().lease }
    }

    /// Whether the key was deleted by it: then only key and revision mean something.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.flags() & DELETED != 0
    }

    /// Which change of its revision made it, counted from 0 (I91). Of a
    /// revision that nobody can watch any more it means nothing.
    pub(crate) fn place(&self) -> u32 {
        if self.flags() & PLACE == 0 { 0 } else { self.head().place }
    }

    /// Its part in the digest of the store.
    pub(crate) fn digest(&self) -> u64 {
        self.number(DIGEST_AT)
    }

    /// The same, from what it says.
    pub(crate) fn computed_digest(&self) -> u64 {
        digest_of(&self.fields(), self.is_deleted())
    }

    /// All that it says.
    #[must_use]
    pub fn fields(&self) -> Fields<'_> {
        let head = self.head();
        let modified = self.modified();
        let (key, rest) = head.rest.split_at_checked(head.key).unwrap_or_default();
        let (extension, value) = rest.split_at_checked(head.extension).unwrap_or_default();
        Fields {
            key,
            create: Revision(modified.0.wrapping_sub(head.age)),
            modified,
            version: head.version,
            lease: head.lease,
            value,
            extension,
        }
    }

    /// How many bytes key, value and extension have.
    pub(crate) fn bytes(&self) -> u64 {
        self.head().rest.len() as u64
    }

    /// Whether both are one piece of memory.
    pub(crate) fn is_shared(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn flags(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    fn number(&self, at: usize) -> u64 {
        Left(self.0.get(at..).unwrap_or_default()).u64()
    }

    fn head(&self) -> Head<'_> {
        let flags = self.flags();
        let mut left = Left(self.0.get(FIXED_BYTES..).unwrap_or_default());
        let key = left.length();
        let place = if flags & PLACE == 0 { 0 } else { left.varint() as u32 };
        let (age, version) =
            if flags & WRITTEN == 0 { (0, 1) } else { (left.varint(), left.varint()) };
        let lease = if flags & LEASE == 0 { 0 } else { left.u64().cast_signed() };
        let extension = if flags & EXTENSION == 0 { 0 } else { left.length() };
        Head { key, place, age, version, lease, extension, rest: left.0 }
    }
}

/// What stands before the bytes of key, extension and value, which are the rest.
struct Head<'a> {
    key: usize,
    place: u32,
    age: u64,
    version: u64,
    lease: i64,
    extension: usize,
    rest: &'a [u8],
}

/// What is left to be read of bytes that were written here: they say what they
/// should, so what is missing is nothing.
struct Left<'a>(&'a [u8]);

impl Left<'_> {
    fn u64(&mut self) -> u64 {
        let Some((first, rest)) = self.0.split_first_chunk() else { return 0 };
        self.0 = rest;
        u64::from_le_bytes(*first)
    }

    fn varint(&mut self) -> u64 {
        if let Some((byte @ 0..0x80, rest)) = self.0.split_first() {
            self.0 = rest;
            return u64::from(*byte);
        }
        let (mut value, mut shift) = (0, 0);
        while let Some((byte, rest)) = self.0.split_first() {
            self.0 = rest;
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }

    fn length(&mut self) -> usize {
        usize::try_from(self.varint()).unwrap_or(usize::MAX)
    }
}

impl AsRef<[u8]> for Pair {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Key and value are slices of the pair: they hold all of it.
impl From<Pair> for KeyValue {
    fn from(pair: Pair) -> Self {
        let (modified, head) = (pair.modified(), pair.head());
        let Head { key, age, version, lease, extension, rest, .. } = head;
        let create = Revision(modified.0.wrapping_sub(age));
        let skipped = pair.0.len() - rest.len();
        let mut value = Bytes::from_owner(pair);
        value.advance(skipped);
        let key = value.split_to(key);
        let extension = if extension == 0 { Bytes::new() } else { value.split_to(extension) };
        Self { key, create, modified, version, lease, value, extension }
    }
}

impl From<&KeyValue> for Pair {
    fn from(kv: &KeyValue) -> Self {
        Self::new(&kv.fields(), 0)
    }
}

impl From<KeyValue> for Pair {
    fn from(kv: KeyValue) -> Self {
        Self::from(&kv)
    }
}

impl KeyValue {
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields {
            key: &self.key,
            create: self.create,
            modified: self.modified,
            version: self.version,
            lease: self.lease,
            value: &self.value,
            extension: &self.extension,
        }
    }
}

/// Equal where they say the same, whichever change of their revisions they are.
impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.fields() == other.fields()
    }
}

impl Eq for Pair {}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        KeyValue::from(self.clone()).fmt(f)
    }
}

const fn flag(on: bool, bit: u8) -> u8 {
    if on { bit } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn bytes(len: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..len)
    }

    proptest! {
        #[test]
        fn a_pair_says_what_it_was_told(
            (key, value, extension) in (bytes(200), bytes(600), bytes(200)),
            (create, modified, version) in (any::<u64>(), any::<u64>(), any::<u64>()),
            (lease, place) in (any::<i64>(), any::<u32>()),
            usual in any::<[bool; 4]>(),
        ) {
            let create = Revision(if usual[0] { modified } else { create });
            let version = if usual[1] { 1 } else { version };
            let lease = if usual[2] { 0 } else { lease };
            let place = if usual[3] { 0 } else { place };
            let (key, value, extension) = (&key[..], &value[..], &extension[..]);
            let modified = Revision(modified);
            let fields = Fields { key, create, modified, version, lease, value, extension };
            let pair = Pair::new(&fields, place);
            prop_assert_eq!(pair.fields(), fields);
            prop_assert_eq!((pair.key(), pair.modified(), pair.lease()), (key, modified, lease));
            prop_assert_eq!((pair.place(), pair.is_deleted()), (place, false));
            prop_assert_eq!(pair.digest(), digest_of(&fields, false));
            let kv = KeyValue::from(pair.clone());
            prop_assert_eq!(kv.fields(), fields);
            prop_assert_eq!(Pair::from(kv), pair);
        }
    }

    /// Two versions that differ in one field differ in the digest.
    #[test]
    fn every_field_counts() {
        let kv = Fields {
            key: b"",
            create: Revision(0),
            modified: Revision(0),
            version: 0,
            lease: 0,
            value: b"",
            extension: b"",
        };
        let kvs = [
            kv,
            Fields { key: b"x", ..kv },
            Fields { create: Revision(1), ..kv },
            Fields { modified: Revision(1), ..kv },
            Fields { version: 1, ..kv },
            Fields { lease: 1, ..kv },
            Fields { value: b"x", ..kv },
            Fields { extension: b"x", ..kv },
        ];
        let mut digests: BTreeSet<u64> = kvs.iter().map(|kv| digest_of(kv, false)).collect();
        digests.insert(digest_of(&kv, true));
        assert_eq!(digests.len(), kvs.len() + 1);
    }

    #[test]
    fn a_deletion_says_of_what_and_when() {
        let pair = Pair::deletion(b"k", Revision(9), 300);
        assert!(pair.is_deleted());
        assert_eq!((pair.key(), pair.modified(), pair.place()), (&b"k"[..], Revision(9), 300));
        assert_eq!(pair.digest(), digest_of(&pair.fields(), true));
    }

    /// A usual pair: what stands beside key and value is less than half a line
    /// of a processor's cache.
    #[test]
    fn what_is_usual_takes_little() {
        let fields = Fields {
            key: &[b'k'; 20],
            create: Revision(900_000),
            modified: Revision(2_000_000),
            version: 100,
            lease: 0,
            value: &[b'v'; 256],
            extension: &[],
        };
        assert_eq!(Pair::new(&fields, 0).as_ref().len() - 276, 22);
        let first = Fields { create: fields.modified, version: 1, ..fields };
        assert_eq!(Pair::new(&first, 0).as_ref().len() - 276, 18);
    }
}
