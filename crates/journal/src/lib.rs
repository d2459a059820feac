//! What survives a crash? The write-ahead log of a lane, its recovery, and the
//! file that says who a data directory belongs to.
//!
//! The format code is pure: it asks for [`disk::DiskOp`]s and is told how they
//! ended. The real disk and the simulated one perform the same operations.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod aside;
mod behind;
mod buffer;
pub mod checkpoint;
mod cut;
pub mod disk;
mod files;
mod floor;
pub mod history;
pub mod identity;
mod ledger;
pub mod lost;
pub mod memory;
mod options;
pub mod record;
pub mod recover;
pub mod reserved;
pub mod segment;
pub mod slot;
pub mod wal;
