//! How is this process, as the system sees it? What cannot be learnt is 0.

use crate::metrics::Process;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use std::fs;

/// The place of a process's start in its line, counted behind its name, and
/// that of its resident pages in the other file.
const STARTED: usize = 19;
const RESIDENT: usize = 1;

/// Asks the system.
pub(crate) fn process() -> Process {
    Process {
        memory: memory().unwrap_or(0),
        descriptors: fs::read_dir("/proc/self/fd").map_or(0, |all| all.count() as u64),
        descriptors_max: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        started: started().unwrap_or(0.0),
    }
}

fn memory() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').nth(RESIDENT)?.parse().ok()?;
    Some(pages.saturating_mul(page_size() as u64))
}

/// The system's start, and the process's after it.
fn started() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let booted: f64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()?;
    let own = fs::read_to_string("/proc/self/stat").ok()?;
    // The name stands in brackets and may hold anything.
    let (_, behind) = own.rsplit_once(") ")?;
    let ticks: f64 = behind.split(' ').nth(STARTED)?.parse().ok()?;
    Some(booted + ticks / clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_knows_itself() {
        let process = process();
        assert!(process.memory > 0 && process.descriptors >= 3, "{process:?}");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        assert!(process.started > 0.0 && process.started <= now + 60.0, "{process:?} at {now}");
    }
}
