//! How do the rooms make one server? The hall: events in, actions out, one deadline.
//!
//! A lane owns some groups, their log and their timers. It has no clock, no
//! socket and no file: the real world (`server`) and the imagined one (`sim`)
//! drive the same code with the same few words of [`event`].
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod ask;
pub mod backup;
pub mod boot;
pub mod bootstrap;
mod compactor;
mod directory;
pub mod event;
mod fabric;
mod fetch;
mod forwards;
pub mod found;
pub mod hello;
mod intake;
pub mod job;
mod keep;
pub mod lane;
mod leases;
mod machine;
mod mail;
pub mod peek;
mod pulse;
mod reads;
mod replica;
mod restore;
mod room;
pub mod snapshot;
mod standing;
mod watches;
mod wire;
mod writes;
