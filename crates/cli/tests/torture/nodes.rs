//! Three server processes, and what is done to them. All are ended by their own
//! pids, and none is left when the value is gone.

use crate::harness::{self, directory, send, text, wait_until};
use client::{Client, Timeouts};
use rustix::process::Signal;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

pub(crate) const NODES: usize = 3;
/// Flags that make checkpoints frequent, and segments as small as values here allow.
const OFTEN: &[(&str, &str)] = &[("--checkpoint-bytes", "65536"), ("--segment-bytes", "1048576")];

pub(crate) struct Nodes {
    dir: PathBuf,
    ports: Vec<u16>,
    more: Vec<String>,
    children: Vec<Option<Child>>,
}

impl Nodes {
    pub(crate) fn up(name: &str) -> Self {
        let dir = directory(name);
        std::fs::create_dir_all(&dir).expect("a directory");
        // Held until all are known, so that they differ.
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let held: Vec<TcpListener> = (0..2 * NODES).map(|_| listen()).collect();
        let ports = held.iter().map(|one| one.local_addr().expect("bound").port()).collect();
        drop(held);
        let help = harness::run(&["server", "--help"]).ok();
        let known = OFTEN.iter().filter(|(flag, _)| help.contains(flag));
        let more = known.map(|(flag, value)| format!("{flag}={value}")).collect();
        let mut nodes = Self { dir, ports, more, children: (0..NODES).map(|_| None).collect() };
        (0..NODES).for_each(|at| nodes.start(at));
        nodes
    }

    /// What is set so that checkpoints are frequent; empty if they cannot be.
    pub(crate) fn often(&self) -> &[String] {
        &self.more
    }

    fn port(&self, at: usize) -> u16 {
        *self.ports.get(at).expect("a node has ports")
    }

    pub(crate) fn endpoint(&self, at: usize) -> String {
        format!("127.0.0.1:{}", self.port(2 * at))
    }

    pub(crate) fn endpoints(&self) -> Vec<String> {
        (0..NODES).map(|at| self.endpoint(at)).collect()
    }

    pub(crate) fn start(&mut self, at: usize) {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let (client, peer) = (url(self.port(2 * at)), url(self.port(2 * at + 1)));
        let member = |at: usize| format!("n{at}={}", url(self.port(2 * at + 1)));
        let all = (0..NODES).map(member).collect::<Vec<_>>().join(",");
        let log = self.dir.join(format!("n{at}.log"));
        let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let mut command = harness::command();
        command.args(["server", "--name", &format!("n{at}"), "--initial-cluster", &all]);
        command.args(["--data-dir", text(&self.dir.join(format!("n{at}")))]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--heartbeat-interval=50", "--election-timeout=500"]).args(&self.more);
        command.stdout(log.try_clone().expect("a handle")).stderr(log).stdin(Stdio::null());
        let child = command.spawn().expect("the server starts");
        *self.children.get_mut(at).expect("a node") = Some(child);
    }

    fn pid(&self, at: usize) -> i32 {
        let child = self.children.get(at).and_then(Option::as_ref).expect("it runs");
        i32::try_from(child.id()).expect("a pid")
    }

    /// `kill -9`, and until the kernel has taken it away.
    pub(crate) fn kill(&mut self, at: usize) {
        let mut child = self.children.get_mut(at).and_then(Option::take).expect("it runs");
        child.kill().expect("it is a child");
        let _ = child.wait();
    }

    pub(crate) fn pause(&self, at: usize) {
        send(self.pid(at), Signal::STOP);
    }

    pub(crate) fn resume(&self, at: usize) {
        send(self.pid(at), Signal::CONT);
    }

    /// A node that ended by itself is a fault whatever the clients saw.
    pub(crate) fn ended_by_itself(&mut self) -> Option<String> {
        for (at, child) in self.children.iter_mut().enumerate() {
            if let Some(status) = child.as_mut().and_then(|it| it.try_wait().ok().flatten()) {
                let log = self.dir.join(format!("n{at}.log"));
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                let lines: Vec<&str> = log.lines().rev().take(12).collect();
                return Some(format!("n{at} ended by itself: {status}\n{}", lines.join("\n")));
            }
        }
        None
    }

    /// How many lines of all nodes' logs, over all their lives, contain `part`.
    pub(crate) fn said(&self, part: &str) -> usize {
        let log = |at: usize| std::fs::read(self.dir.join(format!("n{at}.log")));
        let logs = (0..NODES).filter_map(|at| log(at).ok());
        logs.map(|log| String::from_utf8_lossy(&log).matches(part).count()).sum()
    }

    /// Who leads, as the living say; a paused node is asked in vain and briefly.
    pub(crate) async fn leader(&self) -> Option<usize> {
        for at in 0..NODES {
            let brief = Duration::from_millis(500);
            let timeouts = Timeouts { dial: brief, command: brief };
            let client = Client::connect(&[self.endpoint(at)], timeouts).expect("an endpoint");
            let Ok(status) = client.status().await else { continue };
            if status.leader != 0 && status.leader == status.header.map_or(0, |it| it.member_id) {
                return Some(at);
            }
        }
        None
    }

    pub(crate) fn wait_for_a_leader(&self, runtime: &tokio::runtime::Runtime) -> usize {
        let mut leader = None;
        wait_until("somebody leads", || {
            leader = runtime.block_on(self.leader());
            leader.is_some()
        });
        leader.expect("it was waited for")
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.dir);
        } else {
            println!("data and logs are kept in {}", self.dir.display());
        }
    }
}
