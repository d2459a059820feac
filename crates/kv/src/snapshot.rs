//! The state of a keyspace as bytes, and made anew of them.
//!
//! A [`Frozen`] state is told in *chunks*, in one order: the head, which says
//! what must come out of all of them; leases; what clients said last; and the
//! versions of the keys that can still be read or watched. A [`Thaw`] takes
//! them in the same order and makes a [`Machine`] that nobody can tell from the
//! first one.
//!
//! The chunks are decided by the entries that were applied and by nothing else:
//! not by the shape of a tree, by how far a sweep has come, or by whether a
//! machine was itself thawed. So every replica makes the same ones, and what
//! one lacks another can give it, chunk by chunk.
//!
//! What follows from other parts is not told: which keys hang on a lease, what
//! happened at a revision, all digests and sums of bytes. What they must come
//! to stands in the head, so that no part can be missing or be another one.

mod ahead;
mod chunk;
mod error;
mod fields;
mod frozen;
mod head;
mod reply;
mod said;
mod thaw;
mod version;

pub use error::SnapshotError;
pub use frozen::Frozen;
pub use thaw::Thaw;
