//! A real server and more connections than it likes, addresses and directories that
//! are taken, and a directory of another cluster.

mod harness;

use client::{Client, Timeouts};
use harness::{PATIENCE, Running, command, directory, text, wait_until};
use rustix::process::{Resource, getrlimit};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::runtime::Runtime;

/// What an HTTP/2 client says first: the preface and settings without content.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// As many as a busy cluster has clients.
const CROWD: usize = 10_000;

struct Server {
    running: Running,
    port: u16,
    log: PathBuf,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Words for a server of one node.
fn words(dir: &Path, port: u16) -> Vec<String> {
    let client = format!("http://127.0.0.1:{port}");
    let all = [
        "server",
        "--data-dir",
        text(dir),
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
        "--listen-peer-urls",
        "http://127.0.0.1:0",
        "--segment-bytes=1048576",
    ];
    all.map(str::to_owned).into()
}

impl Server {
    /// A server that may have so many descriptors, if that is said.
    fn up(name: &str, descriptors: Option<u32>) -> Self {
        let (dir, port) = (directory(name), free_port());
        let log = dir.with_extension("log");
        let mut server = match descriptors {
            None => command(),
            Some(count) => {
                let mut shell = harness::without_our_words(Command::new("sh"));
                shell.args(["-c", &format!("ulimit -n {count}; exec \"$0\" \"$@\"")]);
                shell.arg(env!("CARGO_BIN_EXE_trimaran"));
                shell
            }
        };
        server.args(words(&dir, port));
        server.stderr(std::fs::File::create(&log).expect("a log"));
        let server = Self { running: Running::start(server), port, log };
        wait_until("it is ready", || server.log().contains("ready to serve client requests"));
        server
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn client(&self) -> Client {
        let patient = Timeouts { dial: PATIENCE, command: PATIENCE };
        Client::connect(&[format!("127.0.0.1:{}", self.port)], patient).expect("an endpoint")
    }

    /// A connection that has begun and does nothing more; `None` if it was closed.
    fn idle(&self) -> Option<TcpStream> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.write_all(HELLO).ok()?;
        let mut first = [0; 9];
        match socket.read_exact(&mut first) {
            Ok(()) => Some(socket),
            Err(why) => {
                assert!(why.kind() != ErrorKind::WouldBlock, "it was neither served nor closed");
                None
            }
        }
    }

    /// Descriptors that the process has open, as the system says.
    fn descriptors(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.running.pid()));
        open.expect("it runs").count()
    }
}

fn put(runtime: &Runtime, client: &Client, value: &str) -> i64 {
    let request = client::wire::PutRequest {
        key: "k".into(),
        value: value.to_owned().into(),
        ..Default::default()
    };
    let done = runtime.block_on(client.put(request)).expect("it is served");
    done.header.expect("a header").revision
}

#[test]
fn without_descriptors_those_who_come_are_turned_away_and_those_who_are_in_are_served() {
    let runtime = Runtime::new().expect("a runtime");
    let server = Server::up("crowd-few", Some(300));
    let before = server.descriptors();
    let client = server.client();
    let first = put(&runtime, &client, "before");
    let mut crowd: Vec<TcpStream> = Vec::new();
    while let Some(socket) = server.idle() {
        crowd.push(socket);
        assert!(crowd.len() < 300, "it takes more than it can have");
    }
    assert!(crowd.len() > 100, "only {} were taken", crowd.len());
    // Whoever comes now is told so at once, as often as it comes.
    assert!((0..50).all(|_| server.idle().is_none()));
    assert!(server.descriptors() < 300 - 64, "peers and files have theirs");
    assert_eq!(put(&runtime, &client, "full"), first + 1);
    crowd.truncate(crowd.len() / 2);
    wait_until("there is a place again", || server.idle().is_some());
    assert_eq!(put(&runtime, &server.client(), "again"), first + 2);
    drop((crowd, client));
    wait_until("all places are free", || server.descriptors() <= before + 8);
}

#[test]
fn ten_thousand_who_say_nothing_hold_up_nobody() {
    let runtime = Runtime::new().expect("a runtime");
    let server = Server::up("crowd-many", None);
    let before = server.descriptors();
    let mine = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = CROWD.min(usize::try_from(mine).unwrap_or(usize::MAX).saturating_sub(500));
    if count < CROWD {
        println!("only {count} connections: {mine} descriptors are allowed here");
    }
    let crowd: Vec<TcpStream> = (0..count).map_while(|_| server.idle()).collect();
    assert_eq!(crowd.len(), count, "all are taken: {}", server.log());
    let client = server.client();
    let first = put(&runtime, &client, "0");
    for number in 1..=100 {
        assert_eq!(put(&runtime, &client, &number.to_string()), first + number);
    }
    assert!(server.descriptors() >= count, "they are all there");
    drop((crowd, client));
    wait_until("their descriptors are free", || server.descriptors() <= before + 8);
}

/// What a server says that does not start.
fn refusal(words: &[String]) -> String {
    let mut second = command();
    let said = second.args(words).stdin(Stdio::null()).output().expect("the program runs");
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    String::from_utf8_lossy(&said.stderr).into_owned()
}

#[test]
fn what_is_taken_or_anothers_is_named_and_left_alone() {
    let runtime = Runtime::new().expect("a runtime");
    let mut server = Server::up("crowd-taken", None);
    let dir = directory("crowd-taken-other");
    let said = refusal(&words(&dir, server.port));
    let address = format!("127.0.0.1:{}", server.port);
    assert!(said.contains(&address) && said.contains("Address already in use"), "{said}");
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("crowd-taken");
    let said = refusal(&words(&dir, free_port()));
    assert!(said.contains("in use by another process"), "{said}");
    put(&runtime, &server.client(), "kept");
    server.running.child.kill().expect("it is a child");
    server.running.wait();
    let mut other = words(&dir, server.port);
    other.push("--initial-cluster-token=another".into());
    let said = refusal(&other);
    assert!(said.contains("cluster"), "{said}");
    let mut again = command();
    again.args(words(&dir, server.port)).stderr(Stdio::null());
    let _again = Running::start(again);
    wait_until("it starts on what it had", || {
        let range = client::wire::RangeRequest { key: "k".into(), ..Default::default() };
        let found = runtime.block_on(server.client().range(range));
        found.is_ok_and(|found| found.count == 1)
    });
}
