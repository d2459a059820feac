//! Where are those served who watch? On threads of their own, not all that there
//! are, which step back before whoever writes: ten thousand watchers can use up
//! a machine, and a put must not stand in line behind them.

use rustix::process::setpriority_process;
use std::io;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use tokio::runtime::{Builder, Runtime};

/// How nice these threads are: the others get three times as much when there is
/// too little for all, and these get everything when nobody else wants it.
const NICENESS: i32 = 5;

/// The runtime of connections with watches.
pub(crate) fn gallery() -> io::Result<Runtime> {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    Builder::new_multi_thread()
        .thread_name("watches")
        .worker_threads((cores / 2).max(1))
        // Of this thread alone, on Linux. Without it all is well but less fair.
        .on_thread_start(|| {
            let _ = setpriority_process(None, NICENESS);
        })
        .enable_all()
        .build()
}
