//! Three processes on this machine, ours or etcd's, gone when the value is.

use super::call::told;
use serde_json::Value;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const NODES: usize = 3;
/// How long a new cluster may take until it serves.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whose servers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Make {
    Ours,
    Etcd,
}

impl Make {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "trimaran",
            Self::Etcd => "etcd",
        }
    }

    /// The words that only this one takes. Both run with their defaults, but
    /// for history, which both keep for an hour.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Ours => &["server", "--auto-compaction-retention=1h"],
            Self::Etcd => &["--auto-compaction-retention=1h"],
        }
    }
}

/// The processes.
pub(super) struct Cluster {
    make: Make,
    members: String,
    nodes: Vec<Node>,
}

struct Node {
    child: Child,
    endpoint: String,
    log: PathBuf,
    ports: (u16, u16),
}

impl Drop for Node {
    /// Its data is thrown away, so there is nothing that it could still do well.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cluster {
    /// Starts three new members with their data below `dir`.
    pub(super) fn start(make: Make, program: &Path, dir: &Path) -> Result<Self, String> {
        if dir.exists() {
            fs::remove_dir_all(dir).map_err(|why| format!("{}: {why}", dir.display()))?;
        }
        fs::create_dir_all(dir).map_err(|why| format!("{}: {why}", dir.display()))?;
        let ports = free_ports()?;
        let pairs: Vec<(u16, u16)> = ports.chunks_exact(2).filter_map(pair).collect();
        let members: Vec<String> = pairs
            .iter()
            .enumerate()
            .map(|(at, (_, peer))| format!("{}={}", name(at), url(*peer)))
            .collect();
        // Those that have started end with the vector if a later one does not start.
        let mut nodes = Vec::new();
        for (at, (client, peer)) in pairs.into_iter().enumerate() {
            let node = Start { make, program, dir, members: members.join(",") };
            nodes.push(node.node(&name(at), client, peer)?);
        }
        Ok(Self { make, members: members.join(","), nodes })
    }

    /// Waits until each member answers a read that all must agree on.
    pub(super) fn wait_until_it_serves(&self, trimaran: &Path) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        for node in &self.nodes {
            while !serves(trimaran, &node.endpoint) {
                if Instant::now() > until {
                    let name = self.make.name();
                    return Err(format!("{name} does not serve\n{}", self.last_words()));
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        Ok(())
    }

    pub(super) fn endpoints(&self) -> String {
        let endpoints: Vec<&str> = self.nodes.iter().map(|node| node.endpoint.as_str()).collect();
        endpoints.join(",")
    }

    pub(super) fn pids(&self) -> String {
        let pids: Vec<String> = self.nodes.iter().map(|node| node.child.id().to_string()).collect();
        pids.join(",")
    }

    /// What each process takes in memory, in bytes.
    pub(super) fn resident(&self) -> Vec<u64> {
        self.nodes.iter().map(|node| resident(node.child.id())).collect()
    }

    pub(super) fn make(&self) -> Make {
        self.make
    }

    pub(super) fn processes(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.child.id()).collect()
    }

    pub(super) fn process(&self, at: usize) -> u32 {
        self.nodes.get(at).map(|node| node.child.id()).unwrap_or_default()
    }

    /// Where each member is asked.
    pub(super) fn doors(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.endpoint.clone()).collect()
    }

    /// How each member is, if it says so.
    pub(super) fn statuses(&self, trimaran: &Path) -> Vec<Option<Status>> {
        self.nodes.iter().map(|node| Status::of(trimaran, &node.endpoint)).collect()
    }

    /// A member that does not lead.
    pub(super) fn follower(&self, trimaran: &Path) -> Result<usize, String> {
        let follows = |status: &Option<Status>| status.is_some_and(|it| it.leader != it.member);
        let found = self.statuses(trimaran).iter().position(follows);
        found.ok_or_else(|| "no member says that it follows".to_string())
    }

    /// The member that leads.
    pub(super) fn leader(&self, trimaran: &Path) -> Result<usize, String> {
        let leads = |status: &Option<Status>| status.is_some_and(|it| it.leader == it.member);
        let found = self.statuses(trimaran).iter().position(leads);
        found.ok_or_else(|| "no member says that it leads".to_string())
    }

    /// Waits until all members follow one leader in one term and have the same.
    pub(super) fn wait_until_in_step(&self, trimaran: &Path) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        while !in_step(&self.statuses(trimaran)) {
            if Instant::now() > until {
                let name = self.make.name();
                return Err(format!("{name} does not get in step\n{}", self.last_words()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    pub(super) fn endpoint(&self, at: usize) -> String {
        self.nodes.get(at).map(|node| node.endpoint.clone()).unwrap_or_default()
    }

    /// `kill -9`, waited for.
    pub(super) fn kill(&mut self, at: usize) {
        if let Some(node) = self.nodes.get_mut(at) {
            let _ = node.child.kill();
            let _ = node.child.wait();
        }
    }

    /// The same member starts on its data.
    pub(super) fn again(&mut self, at: usize, program: &Path, dir: &Path) -> Result<(), String> {
        let Some(node) = self.nodes.get_mut(at) else { return Ok(()) };
        let (client, peer) = node.ports;
        let start = Start { make: self.make, program, dir, members: self.members.clone() };
        *node = start.node(&name(at), client, peer)?;
        Ok(())
    }

    /// What its data takes on disk.
    pub(super) fn files(&self, at: usize, dir: &Path) -> String {
        let (count, bytes) = sizes(&dir.join(name(at)));
        format!("  on disk: {count} files, {} MiB", bytes >> 20)
    }

    /// The ends of the logs, for when something went wrong.
    pub(super) fn last_words(&self) -> String {
        let mut words = String::new();
        for node in &self.nodes {
            let log = fs::read_to_string(&node.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let end = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default();
            words.push_str(&format!("{}:\n  {}\n", node.log.display(), end.join("\n  ")));
        }
        words
    }
}

/// How a member is, seen from itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Status {
    pub(super) term: u64,
    member: u64,
    /// 0: none is known.
    leader: u64,
    revision: u64,
}

impl Status {
    fn of(trimaran: &Path, endpoint: &str) -> Option<Self> {
        let words = ["endpoint", "status", "-w", "json", "--endpoints", endpoint];
        Self::parse(&told(trimaran, &words).ok()?)
    }

    fn parse(said: &str) -> Option<Self> {
        let said: Value = serde_json::from_str(said).ok()?;
        let field = |path: &str| said.pointer(path).and_then(Value::as_u64);
        Some(Self {
            term: field("/0/Status/raftTerm")?,
            member: field("/0/Status/header/member_id")?,
            leader: field("/0/Status/leader").unwrap_or(0),
            revision: field("/0/Status/header/revision")?,
        })
    }
}

fn in_step(statuses: &[Option<Status>]) -> bool {
    let same = |status: &Status| (status.term, status.leader, status.revision);
    let first = statuses.first().copied().flatten();
    first.is_some_and(|first| {
        let alike = |it: &Option<Status>| it.is_some_and(|it| same(&it) == same(&first));
        first.leader != 0 && statuses.iter().all(alike)
    })
}

/// How the members are started.
struct Start<'a> {
    make: Make,
    program: &'a Path,
    dir: &'a Path,
    members: String,
}

impl Start<'_> {
    /// etcd's own words, which are also ours.
    fn node(&self, name: &str, client: u16, peer: u16) -> Result<Node, String> {
        let log = self.dir.join(format!("{name}.log"));
        let fault = |why| format!("{}: {why}", log.display());
        let out = File::options().create(true).append(true).open(&log).map_err(fault)?;
        let err = out.try_clone().map_err(fault)?;
        let mut command = Command::new(self.program);
        for (variable, _) in std::env::vars_os() {
            let text = variable.to_string_lossy();
            if text.starts_with("ETCD_") || text.starts_with("TRIMARAN_") {
                command.env_remove(&variable);
            }
        }
        command
            .args(self.make.words())
            .args(["--name", name, "--log-level", "warn"])
            .arg("--data-dir")
            .arg(self.dir.join(name))
            .args(["--listen-client-urls", &url(client), "--advertise-client-urls", &url(client)])
            .args(["--listen-peer-urls", &url(peer), "--initial-advertise-peer-urls", &url(peer)])
            .args(["--initial-cluster", &self.members, "--initial-cluster-state", "new"])
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err);
        let child = command.spawn().map_err(|why| format!("{}: {why}", self.program.display()))?;
        let endpoint = format!("127.0.0.1:{client}");
        Ok(Node { child, endpoint, log, ports: (client, peer) })
    }
}

/// Files below a directory, and their bytes.
fn sizes(dir: &Path) -> (u64, u64) {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.fold((0, 0), |(count, bytes), entry| match entry.metadata() {
        Ok(about) if about.is_dir() => {
            let (more, further) = sizes(&entry.path());
            (count + more, bytes + further)
        }
        Ok(about) => (count + 1, bytes + about.len()),
        Err(_) => (count, bytes),
    })
}

/// `VmRSS` of a process: proc(5).
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kibibytes.map_or(0, |kibibytes: u64| kibibytes << 10)
}

fn serves(trimaran: &Path, endpoint: &str) -> bool {
    let status = Command::new(trimaran)
        .args(["get", "ready", "--endpoints", endpoint])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn name(at: usize) -> String {
    format!("n{}", at + 1)
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn pair(ports: &[u16]) -> Option<(u16, u16)> {
    Some((*ports.first()?, *ports.get(1)?))
}

/// Held until all are known, so that they differ.
fn free_ports() -> Result<Vec<u16>, String> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held: Result<Vec<_>, _> = (0..2 * NODES).map(|_| listen()).collect();
    let ports: Result<Vec<u16>, _> =
        held.and_then(|held| held.iter().map(|one| Ok(one.local_addr()?.port())).collect());
    ports.map_err(|why| format!("no free port: {why}"))
}

#[cfg(test)]
mod tests {
    use super::{Status, in_step};

    #[test]
    fn members_are_in_step_when_they_say_the_same() {
        let said = |member: u64, revision: u64| {
            format!(
                "[{{\"Endpoint\":\"a\",\"Status\":{{\"header\":{{\"member_id\":{member},\
                 \"revision\":{revision}}},\"leader\":2,\"raftTerm\":5}}}}]"
            )
        };
        let [one, two, late] = [(1, 9), (2, 9), (3, 8)].map(|(m, r)| Status::parse(&said(m, r)));
        assert_eq!(one.map(|it| (it.term, it.leader == it.member)), Some((5, false)));
        assert!(in_step(&[one, two]));
        assert!(!in_step(&[one, two, late]) && !in_step(&[one, None]) && !in_step(&[]));
        let nobody = one.map(|it| Status { leader: 0, ..it });
        assert!(!in_step(&[nobody, nobody]));
    }
}
