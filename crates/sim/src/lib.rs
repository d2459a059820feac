//! What could happen? A world made from a seed, that runs the code of the real one.
//!
//! One thread and one seed decide everything: when frames arrive and whether,
//! how long disks take and what a crash leaves on them, what callers ask. Time
//! jumps from one thing that happens to the next. The nodes are the lanes that
//! ship; only the world around them is imagined.

mod agenda;
pub mod ask;
pub mod caller;
pub mod canary;
pub mod chaos;
pub mod check;
pub mod chronicle;
pub mod counts;
pub mod director;
pub mod disk;
pub mod draw;
pub mod figure8;
pub mod film;
pub mod history;
mod host;
pub mod json;
pub mod net;
pub mod operator;
mod person;
pub mod picture;
pub mod report;
pub mod rot;
pub mod run;
pub mod scenario;
pub mod script;
pub mod settle;
pub mod shrink;
pub mod soak;
pub mod story;
pub mod swarm;
pub mod watcher;
pub mod world;

pub use run::{Options, run};
pub use swarm::swarm;
