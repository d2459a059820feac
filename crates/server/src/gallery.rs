//! Where are those served who watch? On threads of their own, not all that there
//! are, which step back before whoever writes: ten thousand watchers can use up
//! a machine, and a put must not stand in line behind them.

use rustix::process::{getpriority_process, setpriority_process};
use std::cell::Cell;
use std::io;
use std::num::NonZeroUsize;
use std::thread::{self, available_parallelism};
use tokio::runtime::{Builder, Runtime};

/// How much nicer these threads are than the others, who get nine times as much
/// when there is too little for all; these get everything when nobody else wants
/// it.
const NICER: i32 = 10;

thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// The runtime of connections with watches.
pub(crate) fn gallery() -> io::Result<Runtime> {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    Builder::new_multi_thread()
        .thread_name("watches")
        .worker_threads((cores / 2).max(1))
        .on_thread_start(|| {
            HERE.set(true);
            // Of this thread alone, on Linux. Without it all is well but less fair.
            let nice = getpriority_process(None);
            let _ = nice.and_then(|nice| setpriority_process(None, nice + NICER));
        })
        .enable_all()
        .build()
}

/// Lets others go first who wait for a processor, if this is a thread of the
/// gallery. Being nice is not enough: the kernel lets a thread that runs go on
/// for a while though a less nice one has woken, and a put is passed on by many
/// threads. Called behind each write to a socket, which is as long as a put may
/// have to wait then.
pub(crate) fn step_back() {
    if HERE.get() {
        thread::yield_now();
    }
}
