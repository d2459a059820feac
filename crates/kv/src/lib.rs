//! What does it mean? Commands, revisions, transactions, watches.
//!
//! The state machine of a keyspace: deterministic, fed by the log alone, with
//! no clock and no randomness of its own.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod command;
