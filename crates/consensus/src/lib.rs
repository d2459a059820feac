//! In what order? The replicas of a group agree on one log.
//!
//! Entries are bytes here: no protocol can peek into a command, and none can
//! touch a disk. Everything enters by `step` and leaves by the outbox.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod chain;
pub mod contract;
mod encode;
pub mod entry;
mod handover;
pub mod heal;
pub mod kind;
pub mod letter;
pub mod log;
mod open;
pub mod paxos;
pub mod progress;
pub mod protocol;
pub mod quorum;
pub mod raft;
pub mod trigger;
mod waiting;
pub mod zab;
