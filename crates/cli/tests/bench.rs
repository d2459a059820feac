//! `bench`: a real load against a real node, whatever its speed.

mod harness;

use harness::{Running, command, directory, run, text};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;

/// One node on ports of its own.
struct Server {
    running: Running,
    endpoint: String,
    pid: i32,
    dir: PathBuf,
}

impl Server {
    fn up(name: &str) -> Self {
        let dir = directory(name);
        let [client, peer] = free_ports();
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let mut server = command();
        server.args(["server", "--data-dir", text(&dir)]);
        server.args(["--listen-client-urls", &url(client), "--listen-peer-urls", &url(peer)]);
        server.args(["--initial-cluster", &format!("default={}", url(peer))]);
        server.stderr(Stdio::null());
        let running = Running::start(server);
        let pid = running.pid();
        let endpoint = format!("127.0.0.1:{client}");
        harness::wait_until("the node serves", || {
            run(&["put", "ready", "yes", "--endpoints", &endpoint]).code == Some(0)
        });
        Self { running, endpoint, pid, dir }
    }

    /// `bench WORDS` against it: the line of JSON.
    fn bench(&self, words: &[&str]) -> String {
        let pid = self.pid.to_string();
        let common = ["--seconds", "1", "--warmup", "0", "--keys", "100", "--clients", "8"];
        let own = ["--endpoints", &self.endpoint, "--pids", &pid, "--json"];
        run(&[&["bench"], words, &common, &own].concat()).ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.running.child.kill();
        let _ = self.running.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Held until both are known, so that they differ.
fn free_ports() -> [u16; 2] {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    [listen(), listen()].map(|listener| listener.local_addr().expect("its address").port())
}

/// The number that this field of the JSON has.
fn number(json: &str, field: &str) -> u64 {
    let (_, rest) = json.split_once(&format!("\"{field}\":")).expect("the field is there");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a whole number")
}

#[test]
fn every_kind_of_load_is_answered() {
    let server = Server::up("bench");
    for words in [
        &["put"][..],
        &["get", "--preload"],
        &["mixed", "--consistency", "s"],
        &["txn", "--to", "leader"],
        &["put", "--rate", "50"],
        &["watch", "--watchers", "10", "--rate", "50"],
    ] {
        let json = server.bench(words);
        assert!(number(&json, "operations") > 0, "{words:?}: {json}");
        assert_eq!(number(&json, "errors"), 0, "{words:?}: {json}");
    }
}

#[test]
fn a_rate_is_kept_to_the_last_operation() {
    let server = Server::up("bench-rate");
    let json = server.bench(&["put", "--rate", "123"]);
    // What is late is not left out, so the count does not depend on the machine.
    assert_eq!(number(&json, "operations") + number(&json, "errors"), 123, "{json}");
}

#[test]
fn nobody_there_is_said() {
    let [port, _] = free_ports();
    let said = run(&["bench", "put", "--endpoints", &format!("127.0.0.1:{port}")]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("cannot connect"), "{said:?}");
}

#[test]
fn the_door_alone_is_measured_with_its_cpu() {
    for what in ["put", "get"] {
        let words = ["bench", "floor", what, "--seconds", "1", "--warmup", "0", "--json"];
        let line = run(&words).ok();
        assert!(number(&line, "operations") > 0, "{line}");
        assert_eq!(number(&line, "errors"), 0, "{line}");
        assert!(number(&line, "servers") > 0, "{line}");
    }
    let said = run(&["bench", "floor", "--endpoints", "127.0.0.1:1"]);
    assert_eq!(said.code, Some(128), "{said:?}");
}
