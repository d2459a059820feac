//! What a store tells of itself for a snapshot, and is made of again.

use crate::command::KeyValue;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::Revision;

/// A version that can still be read or watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'a> {
    pub(crate) key: &'a [u8],
    /// Whether it is the first of its key that is kept.
    pub(crate) first: bool,
    pub(crate) revision: Revision,
    /// Which change of its revision it is; 0 where that cannot be watched any more.
    pub(crate) place: u32,
    /// Its part in the digest of the store.
    pub(crate) digest: u64,
    /// The pair; `None` where the key was deleted.
    pub(crate) kv: Option<&'a Arc<KeyValue>>,
}

/// A version that is to be kept again.
#[derive(Debug)]
pub(crate) struct Thawed {
    pub(crate) revision: Revision,
    pub(crate) place: u32,
    /// The pair; `None` where the key was deleted.
    pub(crate) kv: Option<KeyValue>,
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
