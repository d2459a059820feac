//! Which plain threads are there? Three, each with a name, and neither dies in silence.

use crate::error::ServerError;
use std::io;
use std::thread::{self, JoinHandle};
use tokio::sync::mpsc::UnboundedSender;

/// A thread that runs.
pub(crate) type Handle = JoinHandle<()>;

/// Where the end of a server is told.
pub(crate) type Breakdown = UnboundedSender<ServerError>;

/// Runs `work` on a thread of its own; a panic in it ends the server.
pub(crate) fn spawn(
    name: &'static str,
    breakdown: Breakdown,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<Handle> {
    thread::Builder::new().name(name.into()).spawn(move || {
        let _sentinel = Sentinel { name, breakdown };
        work();
    })
}

struct Sentinel {
    name: &'static str,
    breakdown: Breakdown,
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        if thread::panicking() {
            // Nobody listens any more only when the server has ended already.
            let _ = self.breakdown.send(ServerError::BrokeDown(self.name));
        }
    }
}
