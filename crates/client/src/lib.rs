//! How does a caller behave well? Endpoints, retries that cannot write twice,
//! and watches that go on after a loss.
//!
//! A read that meets a dead or leaderless member is asked again at the next one.
//! A write is sent again only if it is certain that it was never sent; otherwise
//! its fate is [`Error::UnknownOutcome`], which is never folded into "failed".

mod call;
mod endpoint;
mod error;
mod kv;
mod member;
mod pick;
mod watch;

pub use api::etcd::wire::{etcdserverpb as wire, mvccpb};
pub use call::Timeouts;
pub use error::Error;
pub use watch::Watch;

use pick::Endpoints;
use std::sync::Arc;

/// The stubs of the services; the messages are `api`'s.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
mod stub {
    tonic::include_proto!("etcdserverpb");
}

/// A caller of one cluster. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    endpoints: Arc<Endpoints>,
    timeouts: Timeouts,
}

impl Client {
    /// A client of the cluster behind `endpoints` (`host:port`, with or without
    /// `http://`). Connections are opened when they are first needed.
    pub fn connect<S: AsRef<str>>(endpoints: &[S], timeouts: Timeouts) -> Result<Self, Error> {
        let endpoints = Arc::new(Endpoints::new(endpoints, &timeouts)?);
        Ok(Self { endpoints, timeouts })
    }
}
