//! The state of a group at one place of its log, as files: chunks that are named
//! by their content, and a manifest that lists them. A checkpoint is there when
//! its manifest is; that is one atomic change of the directory.
//!
//! Two are kept, in two slots that share no file, so that rot in one of them costs
//! a longer replay and no data. A chunk names its cluster and group but no node: it is the same on every
//! replica, and a copy from a neighbour is as good as one's own.

mod chunk;
mod contents;
mod find;
mod manifest;
mod slot;

pub use chunk::{
    CHUNK_HEAD_BYTES, ChunkError, chunk_name, file_bytes, open_chunk, read_chunk, write_chunk,
};
pub use contents::{Chunk, Contents};
pub use find::{CheckpointError, Found, Why, find, leftovers};
pub use manifest::{manifest_name, write_manifest};
pub use slot::Slot;
