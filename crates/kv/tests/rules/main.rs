//! One test per rule of the keyspace.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod build;
mod large;
mod ranges;
mod revisions;
mod shapes;
mod txns;
mod watches;
