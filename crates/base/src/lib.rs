//! The words all rooms share: identities, time, randomness, bytes, bounds, checks.
//!
//! Nothing here knows a protocol, a key or a disk. The room is `no_std` so that
//! a clock, a socket, a thread or a randomly seeded map cannot be reached from
//! it, nor from the pure rooms that are built the same way.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod check;
pub mod checksum;
pub mod codec;
pub mod id;
pub mod limits;
pub mod mutant;
pub mod prng;
pub mod sha256;
pub mod time;

pub use id::{
    AskId, Ballot, ChunkId, ClusterId, Era, GroupId, Incarnation, Index, KeyspaceId, NodeId,
    Revision, Serial, WatchKey,
};
pub use time::Time;
