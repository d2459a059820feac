//! What a log is told when it is opened.

use crate::record::Owner;

/// Whose log it is, and how large its files are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whose log it is.
    pub owner: Owner,
    /// Which lane of the node.
    pub lane: u16,
    /// Bytes of a segment; one that begins with a larger record is larger.
    pub segment_bytes: u64,
    /// The data directory has had a log before, so that an empty one means that
    /// the log is lost. True as soon as the node's identity is stored.
    pub must_exist: bool,
}
