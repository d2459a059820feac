//! What a store tells of itself for a snapshot, and is made of again.

use crate::pair::Pair;
use alloc::vec::Vec;
use base::Revision;
use bytes::Bytes;

/// A version that can still be read or watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'a> {
    /// Whether it is the first of its key that is kept.
    pub(crate) first: bool,
    /// Which change of its revision it is; 0 where that cannot be watched any more.
    pub(crate) place: u32,
    /// The version itself.
    pub(crate) version: &'a Pair,
}

/// A version that is to be kept again, of a key that is known.
#[derive(Debug)]
pub(crate) struct Thawed {
    pub(crate) revision: Revision,
    pub(crate) place: u32,
    /// The pair; `None` where the key was deleted.
    pub(crate) kv: Option<ThawedPair>,
}

/// What a version says beside key and revision. The bytes are copied when they
/// are kept.
#[derive(Debug)]
pub(crate) struct ThawedPair {
    pub(crate) create: Revision,
    pub(crate) version: u64,
    pub(crate) lease: i64,
    pub(crate) extension: Bytes,
    pub(crate) value: Bytes,
}

/// Where a walk over the versions goes on: at this version of this key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Spot {
    pub(crate) key: Vec<u8>,
    pub(crate) revision: Revision,
}

/// What was told of a store cannot be so, for this reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Contradiction(pub(crate) &'static str);
