//! What does it mean? Commands, revisions, transactions, watches.
//!
//! The state machine of a keyspace: deterministic, fed by the log alone, with
//! no clock and no randomness of its own.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod alarm;
pub mod check;
pub mod command;
pub mod encode;
pub mod expiry;
mod hash;
mod key_range;
mod lease;
pub mod machine;
pub mod pair;
pub mod quota;
mod range;
mod revision;
mod run;
mod sequence;
pub mod snapshot;
mod state;
pub mod store;
mod tree;
mod txn;
pub mod watch;
