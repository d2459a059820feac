//! The backup of a keyspace: its whole state at one place of its log as one file,
//! from which a new cluster can begin. The bytes are in docs/formats.md.
//!
//! The file is a stream: it is written and read from the first byte to the last,
//! and neither side holds more of it than a chunk. It ends as etcd's snapshots do,
//! with the SHA-256 of everything before, behind a multiple of 512 bytes, so that
//! etcd's programs keep it too.

mod error;
mod head;
mod layout;
mod read;
mod write;

pub use error::BackupError;
pub use head::Head;
pub use read::{Found, Reading, Totals};
pub use write::Writing;

#[cfg(test)]
mod tests;
