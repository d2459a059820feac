//! Whole nodes in one process, on ports that the system gives, and their client.

#![allow(dead_code, reason = "each test file uses its part of it")]

use api::etcd::wire::etcdserverpb as wire;
use server::{Listeners, Server, ServerConfig};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use stub::kv_client::KvClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

/// The callers' stubs; the messages are `api`'s.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
pub(crate) mod stub {
    tonic::include_proto!("etcdserverpb");
}

/// The callers' stubs of the health service.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
pub(crate) mod health_stub {
    tonic::include_proto!("grpc.health.v1");
}

/// Longer than any machine needs: it ends a test that hangs, and decides nothing else.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A node that can be ended and started again.
pub(crate) struct Node {
    pub(crate) config: ServerConfig,
    pub(crate) server: Option<Server>,
}

/// Nodes of one cluster and the runtime of their callers.
pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) runtime: Runtime,
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn urls(addresses: &[SocketAddr]) -> Vec<String> {
    addresses.iter().map(|address| format!("http://{address}")).collect()
}

impl World {
    /// A new cluster of `count` nodes, all started.
    pub(crate) fn new(name: &str, count: usize) -> Self {
        let tests = module_path!().split("::").next().expect("a crate");
        let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(tests).join(name);
        let _ = fs::remove_dir_all(&home);
        let sockets: Vec<_> = (0..count)
            .map(|_| Listeners::bind(&[any_port()], &[any_port()]).expect("ports"))
            .collect();
        let members: Vec<_> = sockets
            .iter()
            .enumerate()
            .map(|(n, sockets)| (format!("n{}", n + 1), urls(&sockets.peer_addresses())))
            .collect();
        let start = |(sockets, (name, peer_urls)): (Listeners, &(String, Vec<String>))| {
            let config = ServerConfig {
                listen_client: sockets.client_addresses(),
                listen_peer: sockets.peer_addresses(),
                advertise_client_urls: urls(&sockets.client_addresses()),
                initial_advertise_peer_urls: peer_urls.clone(),
                initial_cluster: members.clone(),
                heartbeat: Duration::from_millis(50),
                election: Duration::from_millis(500),
                segment_bytes: 4 << 20,
                progress_notices: Duration::from_millis(20),
                direct: tests != "routed",
                ..ServerConfig::new(name, home.join(name))
            };
            let server = Server::start_on(&config, sockets).expect("a server");
            Node { config, server: Some(server) }
        };
        let nodes = sockets.into_iter().zip(&members).map(start).collect();
        Self { nodes, runtime: Runtime::new().expect("a runtime") }
    }

    /// Runs a caller's story; one that hangs fails.
    pub(crate) fn run<T>(&self, story: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { timeout(LONG, story).await.expect("the story ends") })
    }

    /// Waits until every node that runs has said that it serves.
    pub(crate) fn ready(&self) {
        for node in &self.nodes {
            if let Some(server) = &node.server {
                assert!(self.run(server.ready()), "it ended before it served");
            }
        }
    }

    pub(crate) fn channel(&self, node: usize) -> Channel {
        self.nodes[node].channel(&self.runtime)
    }

    pub(crate) fn kv(&self, node: usize) -> KvClient<Channel> {
        KvClient::new(self.channel(node))
    }

    /// Puts until it is acknowledged: leadership may move meanwhile. Says the revision.
    pub(crate) fn put(&self, node: usize, key: &str, value: &str) -> i64 {
        self.run(async {
            loop {
                if let Ok(done) = self.kv(node).put(put(key, value)).await {
                    return done.into_inner().header.expect("a header").revision;
                }
            }
        })
    }

    /// Reads until it is answered.
    pub(crate) fn get(&self, node: usize, key: &str) -> Option<String> {
        self.run(async {
            loop {
                if let Ok(found) = self.kv(node).range(range(key)).await {
                    let found = found.into_inner().kvs;
                    return found.first().map(|kv| String::from_utf8_lossy(&kv.value).into());
                }
            }
        })
    }

    /// One request of HTTP/1: the first line and the body of what came back.
    pub(crate) fn get_page(&self, target: &str) -> (String, String) {
        self.page("GET", target)
    }

    pub(crate) fn page(&self, method: &str, target: &str) -> (String, String) {
        self.run(async {
            let mut socket = TcpStream::connect(self.nodes[0].config.listen_client[0]).await?;
            let asked =
                format!("{method} {target} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
            // In two pieces: the first may be too little to know the language by.
            let (first, rest) = asked.split_at(1);
            socket.write_all(first.as_bytes()).await?;
            tokio::task::yield_now().await;
            socket.write_all(rest.as_bytes()).await?;
            let mut told = String::new();
            socket.read_to_string(&mut told).await?;
            let (head, body) = told.split_once("\r\n\r\n").expect("a head and a body");
            io::Result::Ok((head.lines().next().expect("a line").to_owned(), body.to_owned()))
        })
        .expect("an answer over HTTP/1")
    }
}

impl Node {
    fn channel(&self, runtime: &Runtime) -> Channel {
        let _inside = runtime.enter();
        let url = self.config.advertise_client_urls[0].clone();
        Endpoint::from_shared(url).expect("a URL").connect_lazy()
    }

    /// As `kill -9` does it, except that its disk operation ends.
    pub(crate) fn kill(&mut self) {
        drop(self.server.take().expect("it runs"));
    }

    /// In good order.
    pub(crate) fn stop(&mut self) {
        self.server.take().expect("it runs").stop();
    }

    /// On the same ports and the same data.
    pub(crate) fn start(&mut self) {
        self.server = Some(Server::start(&self.config).expect("it starts again"));
    }
}

pub(crate) fn put(key: &str, value: &str) -> wire::PutRequest {
    wire::PutRequest {
        key: key.to_owned().into(),
        value: value.to_owned().into(),
        ..Default::default()
    }
}

pub(crate) fn range(key: &str) -> wire::RangeRequest {
    wire::RangeRequest { key: key.to_owned().into(), ..Default::default() }
}
