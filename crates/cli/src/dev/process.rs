//! A process that is meant, and not another one that got its number later.

use rustix::process::{Pid, Signal, kill_process};
use std::fmt;
use std::time::{Duration, Instant};

/// A number and the time of birth (in the kernel's clock ticks): together they
/// name one process for as long as the machine runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Process {
    pid: u32,
    born: u64,
}

/// What the kernel says a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Condition {
    /// It runs or could.
    Running,
    /// It was stopped by SIGSTOP.
    Paused,
    /// There is no such process any more.
    Gone,
}

impl Process {
    /// This process.
    pub(crate) fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// The process that has this number now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let Seen { born, .. } = look(pid)?;
        Some(Self { pid, born })
    }

    /// Reads what `Display` writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (pid, born) = text.split_once(':')?;
        Some(Self { pid: pid.parse().ok()?, born: born.parse().ok()? })
    }

    pub(crate) fn pid(self) -> u32 {
        self.pid
    }

    /// A zombie is gone when its last other thread is: it only waits for its
    /// parent to look. Until then it may still hold files and ports.
    pub(crate) fn condition(self) -> Condition {
        match look(self.pid) {
            Some(seen) if seen.born != self.born => Condition::Gone,
            None
            | Some(Seen { state: 'X' | 'x', .. } | Seen { state: 'Z', threads: 0..=1, .. }) => {
                Condition::Gone
            }
            Some(Seen { state: 'T' | 't', .. }) => Condition::Paused,
            Some(_) => Condition::Running,
        }
    }

    pub(crate) fn alive(self) -> bool {
        self.condition() != Condition::Gone
    }

    /// Sends a signal. False if there is nobody to get it.
    pub(crate) fn signal(self, signal: Signal) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        self.alive() && pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    /// Waits until it is gone; false if it is not by then.
    pub(crate) fn wait_gone(self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while self.alive() {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.pid, self.born)
    }
}

/// What the kernel says of a process: fields 3, 20 and 22 of proc(5) stat.
struct Seen {
    state: char,
    threads: u64,
    born: u64,
}

fn look(pid: u32) -> Option<Seen> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name, field 2, may hold anything: fields are counted from where it ends.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let threads = fields.nth(16)?.parse().ok()?;
    let born = fields.nth(1)?.parse().ok()?;
    Some(Seen { state, threads, born })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_birth_too() {
        let own = Process::own().expect("this process");
        assert_eq!(own.condition(), Condition::Running);
        assert_eq!(Process::parse(&own.to_string()), Some(own));
        let earlier = Process { born: own.born - 1, ..own };
        assert_eq!(earlier.condition(), Condition::Gone);
        assert!(!earlier.signal(Signal::TERM));
    }

    #[test]
    fn what_is_no_process_is_not_read() {
        for text in ["", "1", "1:", ":1", "x:1", "-1:2"] {
            assert_eq!(Process::parse(text), None, "{text:?}");
        }
    }
}
