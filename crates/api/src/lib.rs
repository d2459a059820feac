//! What did the stranger mean? The doors: foreign words into kv's commands and back.
//!
//! Pure: a door is handed bytes that somebody else received and returns bytes
//! that somebody else sends. Each door is a folder of its own and no door knows
//! another; what a protocol finds peculiar stays here and never reaches the log.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod etcd;
