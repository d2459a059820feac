//! The etcd v3 door: one file per service, beside the words they share.
//!
//! A request goes through `kv` or `watch` and comes out as a command, a query
//! or a watch to open, or as a refusal with etcd's code and text; an answer
//! comes back through `answer` or `watch`. Clients restore their error values from
//! the text, so every text stands in `error` and nowhere else.

pub mod alarm;
pub mod answer;
pub mod cluster;
pub mod downgrade;
pub mod error;
pub mod fragment;
pub mod header;
pub mod health;
pub mod kv;
pub mod lease;
pub mod maintenance;
pub mod range;
pub mod sheet;
pub mod snapshot;
pub mod watch;
mod watcher;
pub mod wire;

/// The version of etcd that clients are told they speak with. Kubernetes trusts
/// progress notices of a watch only from 3.5.13 on, so it is never lower.
pub const VERSION: &str = "3.5.21";

/// The version of etcd whose storage features clients are told to expect.
pub const STORAGE_VERSION: &str = "3.5.0";
