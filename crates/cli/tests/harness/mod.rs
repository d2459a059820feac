//! Real processes for tests: a dev cluster that is gone when the test is.

#![allow(dead_code, reason = "no test uses all of it")]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a condition may take on a very slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What a command said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// What it printed, if all went well.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The program under test, without anything that the caller's environment says.
pub(crate) fn command() -> Command {
    without_our_words(Command::new(env!("CARGO_BIN_EXE_trimaran")))
}

/// Debian's etcdctl, if it is installed.
pub(crate) fn etcdctl() -> Option<Command> {
    let mut probe = Command::new("etcdctl");
    let there = probe.arg("version").env("ETCDCTL_API", "3").output().is_ok();
    if !there {
        println!("SKIPPED: etcdctl is not installed");
        return None;
    }
    let mut etcdctl = without_our_words(Command::new("etcdctl"));
    etcdctl.env("ETCDCTL_API", "3");
    Some(etcdctl)
}

pub(crate) fn without_our_words(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["ETCD_", "ETCDCTL_", "TRIMARAN_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(words: &[&str]) -> Said {
    command().args(words).output().expect("the program runs").into()
}

/// Waits until `holds`; the message says what did not come to be.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An empty directory of this test's own.
pub(crate) fn directory(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if dir.exists() {
        // Left by a test that was stopped in the middle.
        let _ = run(&["dev", "--dir", text(&dir), "stop"]);
        std::fs::remove_dir_all(&dir).expect("the old directory goes");
    }
    dir
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("test directories have plain names")
}

/// Whether a process runs; one that only waits to be looked at does not.
pub(crate) fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let Some((_, fields)) = stat.rsplit_once(')') else { return false };
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    // A zombie whose other threads still end holds its files and ports until they have.
    let (state, threads) = (fields.first().copied(), fields.get(17).copied());
    !matches!((state, threads), (Some("X"), _) | (Some("Z"), Some("0" | "1")))
}

pub(crate) fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a pid"), signal).expect("the signal is sent");
}

/// A line of `dev ps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) pid: Option<i32>,
    pub(crate) endpoint: String,
    pub(crate) leads: bool,
}

/// A dev cluster in the background.
pub(crate) struct Cluster {
    pub(crate) dir: PathBuf,
}

impl Cluster {
    /// `trimaran dev -d` on free ports.
    pub(crate) fn up(name: &str, nodes: usize) -> Self {
        Self::up_with(name, nodes, &[])
    }

    /// The same with more words.
    pub(crate) fn up_with(name: &str, nodes: usize, words: &[&str]) -> Self {
        let cluster = Self { dir: directory(name) };
        let count = nodes.to_string();
        let all = [&["-d", "--ports", "auto", "-n", &count], words].concat();
        let said = cluster.dev(&all).ok();
        assert!(said.contains("ready in"), "{said}");
        cluster
    }

    /// `trimaran dev --dir … WORDS`.
    pub(crate) fn dev(&self, words: &[&str]) -> Said {
        let dir = text(&self.dir);
        run(&[&["dev", "--dir", dir], words].concat())
    }

    pub(crate) fn ps(&self) -> Vec<Node> {
        let table = self.dev(&["ps"]).ok();
        table.lines().skip(1).map(parse_line).collect()
    }

    pub(crate) fn node(&self, name: &str) -> Node {
        self.ps().into_iter().find(|node| node.name == name).expect("the node is listed")
    }

    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.ps().into_iter().map(|node| node.endpoint).collect()
    }

    /// The node that leads, once there is one.
    pub(crate) fn leader(&self) -> Node {
        let mut found = None;
        wait_until("somebody leads", || {
            found = self.ps().into_iter().find(|node| node.leads);
            found.is_some()
        });
        found.expect("it was found")
    }

    pub(crate) fn pids(&self) -> Vec<i32> {
        self.ps().into_iter().filter_map(|node| node.pid).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_logs();
        }
        let _ = self.dev(&["stop"]);
        if !std::thread::panicking() {
            let _ = self.dev(&["rm"]);
        }
    }
}

impl Cluster {
    fn show_logs(&self) {
        for number in 1..=3 {
            let path = self.dir.join(format!("n{number}.log"));
            let log = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let end = lines.iter().skip(lines.len().saturating_sub(20));
            println!("the end of {}:", path.display());
            end.for_each(|line| println!("  {line}"));
        }
    }
}

fn parse_line(line: &str) -> Node {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, state, pid, endpoint, _peer, leads @ ..] = words.as_slice() else {
        panic!("no line of ps: {line:?}");
    };
    Node {
        name: (*name).to_owned(),
        state: (*state).to_owned(),
        pid: pid.parse().ok(),
        endpoint: (*endpoint).to_owned(),
        leads: !leads.is_empty(),
    }
}

/// A program whose output is read while it runs.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: BufReader<Box<dyn Read + Send>>,
}

impl Running {
    /// Reads its stdout.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("its stdout is a pipe");
        Self { child, lines: BufReader::new(Box::new(stdout)) }
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// The next line; empty at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it says something");
        line.trim_end().to_owned()
    }

    /// Lines up to and with the first that contains `part`.
    pub(crate) fn until(&mut self, part: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let count = self.lines.read_line(&mut line).expect("it says something");
            assert!(count > 0, "it ended before it said {part:?}: {lines:?}");
            let found = line.contains(part);
            lines.push(line.trim_end().to_owned());
            if found {
                return lines;
            }
        }
    }

    /// Says a line to it.
    pub(crate) fn tell(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("its stdin is a pipe");
        writeln!(stdin, "{line}").expect("it listens");
    }

    /// Its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
