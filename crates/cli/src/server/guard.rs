//! A node that ends when its dev cluster's foreground ends, however that ended.

use crate::dev::process::Process;
use crate::failure::Failure;
use rustix::process::{Signal, getpid, kill_process};
use std::time::Duration;

/// How often to look.
const LOOK: Duration = Duration::from_millis(100);
/// How long a node may take to stop in good order.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches a process and stops this one after it.
///
/// A death signal of the kernel would follow the thread that started us, and a
/// node that another terminal started has another parent than the foreground.
pub(super) fn die_with(guardian: &str) -> Result<(), Failure> {
    let process = Process::parse(guardian)
        .ok_or_else(|| Failure::arguments("--die-with takes PID:BORN; it is for `dev` only"))?;
    std::thread::Builder::new()
        .name("guard".into())
        .spawn(move || watch(process))
        .map(drop)
        .map_err(|error| Failure::io("start a thread", &error))
}

fn watch(process: Process) {
    while process.alive() {
        std::thread::sleep(LOOK);
    }
    let _ = kill_process(getpid(), Signal::TERM);
    std::thread::sleep(PATIENCE);
    std::process::exit(1);
}
