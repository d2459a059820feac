//! What really happens? The real world that drives the hall: sockets, disk,
//! clock and threads.
//!
//! It decides nothing. Every event goes to the lane, every action comes from
//! it; the same lane runs in a world made from a seed. Two plain threads do the
//! work (the lane's and the log's); tokio only moves sockets.

pub mod backup;
mod bounds;
mod clock;
pub mod config;
mod directory;
pub mod disk;
mod door;
mod driver;
pub mod error;
mod face;
pub mod floor;
mod gallery;
mod inbox;
mod item;
pub mod listen;
mod log_thread;
mod metrics;
mod page;
mod peer;
mod process;
mod replies;
mod server;
mod threads;
mod wheel;
mod work_thread;

pub use config::ServerConfig;
pub use error::ServerError;
pub use listen::Listeners;
pub use server::{Server, run};
