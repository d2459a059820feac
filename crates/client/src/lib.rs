//! How does a caller behave well? Endpoints, retries that cannot write twice,
//! and watches that go on after a loss.
//!
//! A read that meets a dead or leaderless member is asked again at the next one.
//! A write is sent again only if it is certain that it was never sent; otherwise
//! its fate is [`Error::UnknownOutcome`], which is never folded into "failed".

mod call;
mod caller;
mod endpoint;
mod error;
mod kv;
mod lease;
mod member;
mod pick;
mod snapshot;
mod stub;
mod timeouts;
mod upkeep;
mod watch;

pub use api::etcd::wire::{etcdserverpb as wire, mvccpb};
pub use caller::Client;
pub use error::Error;
pub use snapshot::{Snapshot, SnapshotPart};
pub use timeouts::Timeouts;
pub use watch::Watch;
