//! How long a caller waits.

use std::time::Duration;

/// How long a caller waits.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection.
    pub dial: Duration,
    /// For the answer to one command, retries included.
    pub command: Duration,
}

impl Default for Timeouts {
    /// etcdctl's.
    fn default() -> Self {
        Self { dial: Duration::from_secs(2), command: Duration::from_secs(5) }
    }
}
