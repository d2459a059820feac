//! A caller of one cluster.

use crate::error::Error;
use crate::pick::Endpoints;
use crate::timeouts::Timeouts;
use std::sync::Arc;

/// A caller of one cluster. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) timeouts: Timeouts,
}

impl Client {
    /// A client of the cluster behind `endpoints` (`host:port`, with or without
    /// `http://`). Connections are opened when they are first needed.
    pub fn connect<S: AsRef<str>>(endpoints: &[S], timeouts: Timeouts) -> Result<Self, Error> {
        let endpoints = Arc::new(Endpoints::new(endpoints, &timeouts)?);
        Ok(Self { endpoints, timeouts })
    }
}
