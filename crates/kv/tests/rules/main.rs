//! One test per rule of the keyspace.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod build;
mod compaction;
mod large;
mod leases;
mod ranges;
mod refusals;
mod revisions;
mod shapes;
mod snapshots;
mod txns;
mod watches;
