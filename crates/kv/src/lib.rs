//! What does it mean? Commands, revisions, transactions, watches.
//!
//! The state machine of a keyspace: deterministic, fed by the log alone, with
//! no clock and no randomness of its own.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod check;
pub mod command;
pub mod encode;
mod hash;
mod key_range;
pub mod machine;
mod range;
mod revision;
pub mod store;
mod txn;
pub mod watch;
