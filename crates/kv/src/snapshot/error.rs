//! Why chunks do not make a state.

use base::codec::CodecError;
use core::fmt;

/// Chunks were refused. Nothing was made of them, and nothing will be: a thaw
/// that refused one chunk refuses all that follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotError {
    /// These bytes are no chunk of a keyspace.
    NotOurs,
    /// The chunk is not what was written.
    Damaged,
    /// A newer build wrote the chunk.
    Format {
        /// In this format.
        got: u8,
    },
    /// The chunk is of a kind that this build does not know.
    Kind {
        /// This one.
        got: u8,
    },
    /// A chunk of this kind cannot stand here.
    OutOfOrder {
        /// The kind.
        kind: u8,
    },
    /// The state of another keyspace.
    Keyspace {
        /// Of this one.
        got: u64,
    },
    /// A field does not say what was expected.
    Field(CodecError),
    /// Parts that cannot both be true.
    Contradiction {
        /// What is wrong.
        what: &'static str,
    },
    /// All parts together do not come to what the head says.
    Incomplete {
        /// What was counted.
        what: &'static str,
        /// What the head says.
        expected: u64,
        /// What came out.
        got: u64,
    },
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => write!(f, "this is no chunk of a keyspace"),
            Self::Damaged => write!(f, "the chunk is damaged"),
            Self::Format { got } => write!(f, "chunk format {got} is newer than this build"),
            Self::Kind { got } => write!(f, "chunk kind {got} is newer than this build"),
            Self::OutOfOrder { kind } => write!(f, "a chunk of kind {kind} cannot stand here"),
            Self::Keyspace { got } => write!(f, "the state of keyspace {got}"),
            Self::Field(why) => write!(f, "in a chunk {why}"),
            Self::Contradiction { what } => write!(f, "the state contradicts itself: {what}"),
            Self::Incomplete { what, expected, got } => {
                write!(f, "the state is incomplete: {what} {expected} expected, {got} found")
            }
        }
    }
}

impl core::error::Error for SnapshotError {}

impl From<CodecError> for SnapshotError {
    fn from(why: CodecError) -> Self {
        Self::Field(why)
    }
}
