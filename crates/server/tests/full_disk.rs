//! A disk that is really full: a small file system of its own, where the system
//! allows this process to mount one.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod world;

use api::etcd::wire::etcdserverpb as wire;
use server::{Listeners, Server, ServerConfig};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tonic::Code;
use world::stub::maintenance_client::MaintenanceClient;
use world::{Node, World, put, range};

const SEGMENT_BYTES: u64 = 1 << 20;

/// A file system of so many MiB, gone with this.
struct Mount(PathBuf);

impl Mount {
    /// Says why there is none, if the system does not allow it.
    fn new(name: &str, mib: u64) -> Result<Self, String> {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        // What a test that was killed left mounted.
        let _ = Command::new("umount").arg("--lazy").arg(&path).output();
        fs::create_dir_all(&path).map_err(|why| why.to_string())?;
        let size = format!("size={mib}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path);
        let done = mount.output().map_err(|why| why.to_string())?;
        if done.status.success() {
            Ok(Self(path))
        } else {
            Err(String::from_utf8_lossy(&done.stderr).into_owned())
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

/// One node whose data directory is at `data`.
fn node_at(data: &Path) -> World {
    let any = || ([127, 0, 0, 1], 0).into();
    let sockets = Listeners::bind(&[any()], &[any()]).unwrap();
    let url = |address: &std::net::SocketAddr| format!("http://{address}");
    let peer_urls: Vec<String> = sockets.peer_addresses().iter().map(url).collect();
    let config = ServerConfig {
        listen_client: sockets.client_addresses(),
        listen_peer: sockets.peer_addresses(),
        advertise_client_urls: sockets.client_addresses().iter().map(url).collect(),
        initial_advertise_peer_urls: peer_urls.clone(),
        initial_cluster: vec![("n1".into(), peer_urls)],
        heartbeat: Duration::from_millis(50),
        election: Duration::from_millis(500),
        segment_bytes: SEGMENT_BYTES,
        checkpoint_bytes: SEGMENT_BYTES,
        ..ServerConfig::new("n1", data)
    };
    let server = Server::start_on(&config, sockets).unwrap();
    let nodes = vec![Node { config, server: Some(server) }];
    let world = World { nodes, runtime: tokio::runtime::Runtime::new().unwrap() };
    world.ready();
    world
}

/// Puts until one is refused; says how many were acknowledged.
fn put_until_refused(world: &World, from: usize, value: &str) -> (usize, tonic::Status) {
    world.run(async {
        let mut kv = world.kv(0);
        let mut count = from;
        loop {
            match kv.put(put(&format!("key {count}"), value)).await {
                Ok(_) => count += 1,
                Err(why) => return (count, why),
            }
        }
    })
}

fn errors(world: &World) -> Vec<String> {
    let mut client = MaintenanceClient::new(world.channel(0));
    let status = world.run(client.status(wire::StatusRequest {}));
    status.unwrap().into_inner().errors
}

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing() {
    let mount = match Mount::new("full_disk", 24) {
        Ok(mount) => mount,
        Err(why) => return eprintln!("skipped, no file system can be mounted here: {why}"),
    };
    let mut world = node_at(&mount.0.join("n1"));
    let value = "x".repeat(4096);
    let first = world.put(0, "first", "kept");
    assert!(first > 0);
    // Somebody else fills the disk, and leaves less than a segment.
    let ballast = mount.0.join("ballast");
    fs::write(&ballast, vec![1; 16 << 20]).unwrap();

    let (acknowledged, why) = put_until_refused(&world, 0, &value);
    assert_eq!(
        (why.code(), why.message()),
        (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded")
    );
    assert!(acknowledged > 0);
    assert_eq!(world.get(0, "first").unwrap(), "kept");
    assert_eq!(errors(&world), ["no room on the disk of this member"]);
    let delete = wire::DeleteRangeRequest { key: "first".into(), ..Default::default() };
    let deleted = world.run(async { world.kv(0).delete_range(delete).await });
    assert_eq!(deleted.unwrap().into_inner().deleted, 1, "what frees space is taken");

    world.nodes[0].kill();
    world.nodes[0].start();
    world.ready();
    for key in 0..acknowledged {
        assert_eq!(world.get(0, &format!("key {key}")).as_ref(), Some(&value), "key {key}");
    }
    assert_eq!(world.get(0, "first"), None);
    let (more, why) = put_until_refused(&world, acknowledged, &value);
    assert_eq!(why.code(), Code::ResourceExhausted);

    fs::remove_file(&ballast).unwrap();
    let revision = world.put(0, "after", "taken");
    assert!(revision > i64::try_from(more).unwrap());
    assert_eq!(errors(&world), Vec::<String>::new());
    let all = wire::RangeRequest { range_end: "key ~".into(), count_only: true, ..range("key ") };
    let all = world.run(async { world.kv(0).range(all).await });
    assert_eq!(all.unwrap().into_inner().count, i64::try_from(more).unwrap());
}
