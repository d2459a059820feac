//! System calls, counted by strace, which is attached to processes that run.

use super::super::call::signal;
use super::seen::{field, threads};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take until every thread is watched.
const PATIENCE: Duration = Duration::from_secs(20);

/// strace at work.
pub(super) struct Strace {
    child: Child,
    summary: PathBuf,
}

impl Drop for Strace {
    /// What it watched goes on without it.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Strace {
    /// Waits until all threads of these processes are watched.
    pub(super) fn attach(pids: &[u32], dir: &Path) -> Result<Self, String> {
        let (summary, words) = (dir.join("strace.txt"), dir.join("strace.log"));
        let fault = |why| format!("{}: {why}", words.display());
        let mut command = Command::new("strace");
        command.args(["-c", "-f", "-o"]).arg(&summary);
        for pid in pids {
            command.args(["-p", &pid.to_string()]);
        }
        let said = fs::File::create(&words).map_err(fault)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .map_err(|why| format!("strace: {why}; Debian: apt-get install strace"))?;
        let mut strace = Self { child, summary };
        let until = Instant::now() + PATIENCE;
        while !watched(pids)? {
            let ended = strace.child.try_wait().is_ok_and(|status| status.is_some());
            if ended || Instant::now() > until {
                let words = fs::read_to_string(&words).unwrap_or_default();
                let last = words.lines().last().unwrap_or("it says nothing");
                return Err(format!("strace does not attach: {last}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(strace)
    }

    /// Detaches, and says what so many operations called.
    pub(super) fn end(mut self, operations: f64) -> Result<Calls, String> {
        signal(self.child.id(), "INT")?;
        let _ = self.child.wait();
        let text = fs::read_to_string(&self.summary)
            .map_err(|why| format!("{}: {why}", self.summary.display()))?;
        Ok(Calls::parse(&text, operations))
    }
}

fn watched(pids: &[u32]) -> Result<bool, String> {
    for pid in pids {
        if threads(*pid)?.iter().any(|status| field(status, "TracerPid:") == 0.0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// System calls for each operation, the most frequent first.
pub(super) struct Calls(Vec<(String, f64)>);

impl Calls {
    /// The table of `strace -c`: share, seconds, microseconds, calls, errors if
    /// there were any, name.
    pub(super) fn parse(text: &str, operations: f64) -> Self {
        let call = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let calls: f64 = words.get(3)?.parse().ok()?;
            let name = words.last().filter(|name| **name != "total" && words.len() > 4)?;
            let _share: f64 = words.first()?.parse().ok()?;
            Some(((*name).to_string(), calls / operations))
        };
        let mut calls: Vec<(String, f64)> = text.lines().filter_map(call).collect();
        calls.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        Self(calls)
    }

    pub(super) fn all(&self) -> f64 {
        self.0.iter().map(|(_, calls)| calls).sum()
    }

    pub(super) fn most(&self, count: usize) -> String {
        let named = self.0.iter().take(count);
        named.map(|(name, calls)| format!("{name} {calls:.2}")).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::Calls;

    #[test]
    fn the_table_of_strace_is_read() {
        let text = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.11    0.100000          12       100        10 futex
 39.89    0.050000           5       300           epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.150000           7       400        10 total
";
        let calls = Calls::parse(text, 100.0);
        assert_eq!(calls.most(9), "epoll_wait 3.00, futex 1.00");
        assert_eq!(calls.most(1), "epoll_wait 3.00");
        assert_eq!(calls.all(), 4.0);
    }
}
