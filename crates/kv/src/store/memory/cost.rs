//! What things take in memory, in fixed numbers: every replica must come to
//! the same sum on every machine and build. Measured by the example
//! `store_bench`, at a million keys: 400 beside key and value for the first
//! version of a key with its change, where these say 448.

use crate::command::KeyValue;

/// A version beside its bytes: its pair, the buffer's head and its place in
/// the tree, with what tree and allocator leave unused.
pub(super) const VERSION: u64 = 320;

/// A change in the history beside its version: itself and its revision's record.
pub(super) const CHANGE: u64 = 128;

/// What a version takes; a deletion is one without a value.
pub(super) const fn of_version(kv: &KeyValue) -> u64 {
    VERSION + (kv.key.len() + kv.value.len() + kv.extension.len()) as u64
}
