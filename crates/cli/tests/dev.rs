//! `dev`: real processes that come, are broken, and leave nothing behind.

mod harness;

use harness::{Cluster, Running, command, directory, lives, send, text, wait_until};
use rustix::process::Signal;
use std::net::TcpListener;
use std::process::Stdio;

#[test]
fn a_cluster_in_the_background_is_broken_and_mended_from_another_terminal() {
    let cluster = Cluster::up("dev-background", 3);
    let all = cluster.pids();
    assert_eq!(all.len(), 3);

    let leader = cluster.leader().name;
    let said = cluster.dev(&["kill", &leader]).ok();
    assert!(said.starts_with(&format!("+0 ms     {leader} killed (SIGKILL); it led\n")), "{said}");
    assert!(said.contains("leads (term "), "{said}");
    assert!(said.contains("writes accepted again"), "{said}");
    assert_eq!(cluster.node(&leader).state, "down");

    let said = cluster.dev(&["start", &leader]).ok();
    assert!(said.contains(&format!("{leader} serves")), "{said}");
    assert_eq!(cluster.node(&leader).state, "running");

    let leader = cluster.leader().name;
    let said = cluster.dev(&["pause", &leader]).ok();
    assert!(said.contains("writes accepted again"), "{said}");
    assert_eq!(cluster.node(&leader).state, "paused");
    cluster.dev(&["resume", &leader]).ok();
    assert_eq!(cluster.node(&leader).state, "running");

    let pids = cluster.pids();
    assert_eq!(cluster.dev(&["stop"]).ok(), "stopped 3 nodes; data is kept\n");
    assert!(pids.into_iter().chain(all).all(|pid| !lives(pid)), "something was left running");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_way_out() {
    let cluster = Cluster::up("dev-refused", 1);
    for (words, part) in [
        (&["-d"][..], "already runs"),
        (&["rm"], "already runs"),
        (&["kill", "n9"], "there are n1"),
        (&["start", "n1"], "runs already"),
        (&["resume", "n1"], "is not paused"),
    ] {
        let said = cluster.dev(words);
        assert_ne!(said.code, Some(0), "{words:?}");
        assert!(said.err.contains(part), "{words:?}: {said:?}");
    }
    let said = cluster.dev(&["kill", "n1"]).ok();
    assert!(said.contains("writes are out: 0 of 1 nodes run and 1 are needed"), "{said}");
    let said = cluster.dev(&["kill", "n1"]);
    assert!(said.err.contains("n1 is down"), "{said:?}");
    cluster.dev(&["start", "n1"]).ok();
    cluster.dev(&["stop"]).ok();
    let said = cluster.dev(&["-d", "-n", "3"]);
    assert!(said.err.contains("whose members are fixed"), "{said:?}");
}

#[test]
fn data_is_kept_between_runs_and_deleted_only_when_asked() {
    let cluster = Cluster::up("dev-kept", 1);
    let endpoint = cluster.endpoints().remove(0);
    harness::run(&["put", "kept", "yes", "--endpoints", &endpoint]).ok();
    cluster.dev(&["stop"]).ok();
    cluster.dev(&["-d"]).ok();
    let said = harness::run(&["get", "kept", "--endpoints", &endpoint]).ok();
    assert_eq!(said, "kept\nyes\n");
    cluster.dev(&["stop"]).ok();
    std::fs::write(cluster.dir.join("mine"), "not dev's").expect("a file");
    cluster.dev(&["rm"]).ok();
    let left: Vec<_> = std::fs::read_dir(&cluster.dir).expect("it stays").collect();
    assert_eq!(left.len(), 1, "only what is not dev's stays");
    assert!(cluster.dev(&["ps"]).err.contains("there is no dev cluster"));
    std::fs::remove_dir_all(&cluster.dir).expect("it goes");
}

#[test]
fn a_cluster_that_was_killed_as_a_whole_has_everything() {
    let cluster = Cluster::up("dev-all-killed", 3);
    let endpoints = cluster.endpoints().join(",");
    for number in 0..20 {
        let key = format!("key{number:02}");
        harness::run(&["put", &key, "kept", "--endpoints", &endpoints]).ok();
    }
    let pids = cluster.pids();
    pids.iter().for_each(|pid| send(*pid, Signal::KILL));
    wait_until("all are gone", || pids.iter().all(|pid| !lives(*pid)));
    cluster.dev(&["-d"]).ok();
    for endpoint in cluster.endpoints() {
        let words = ["get", "--prefix", "key", "--print-value-only", "--endpoints", &endpoint];
        assert_eq!(harness::run(&words).ok(), "kept\n".repeat(20), "at {endpoint}");
    }
}

#[test]
fn a_taken_port_is_named() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = holder.local_addr().expect("its number").port();
    let dir = directory("dev-taken");
    let ports = format!("{taken},1");
    let said = harness::run(&["dev", "-d", "-n", "1", "--dir", text(&dir), "--ports", &ports]);
    assert_eq!(said.code, Some(1));
    let part = format!("port {taken}, where n1 would listen for clients, is taken");
    assert!(said.err.contains(&part), "{said:?}");
}

/// `trimaran dev` in the foreground, with a pipe for a keyboard.
fn foreground(name: &str) -> (Running, Cluster) {
    let cluster = Cluster { dir: directory(name) };
    let mut command = command();
    command.args(["dev", "--ports", "auto", "--dir", text(&cluster.dir)]);
    command.stdin(Stdio::piped());
    let mut dev = Running::start(command);
    let block = dev.until("Loopback only");
    assert!(block.len() <= 25, "the block can be read: {block:?}");
    assert!(block.iter().any(|line| line.contains("export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=")));
    (dev, cluster)
}

#[test]
fn the_foreground_takes_commands_and_its_end_is_the_nodes_end() {
    let (mut dev, cluster) = foreground("dev-foreground");
    let pids = cluster.pids();
    for (line, answer) in [
        ("put greeting 'hello world'", "OK"),
        ("get greeting", "hello world"),
        ("ps", "n3"),
        ("kill n1", "writes accepted again"),
        ("start n1", "n1 serves"),
        ("del greeting", "1"),
        ("help", "data is kept"),
    ] {
        dev.tell(line);
        dev.until(answer);
    }
    let pids: Vec<i32> = pids.into_iter().chain(cluster.pids()).collect();
    drop(dev.child.stdin.take());
    assert_eq!(dev.line(), "stopped 3 nodes; data is kept");
    assert_eq!(dev.wait(), Some(0));
    assert!(pids.into_iter().all(|pid| !lives(pid)), "something was left running");
}

/// Two listeners once shared Ctrl-C: the verb ended first, and the other took the
/// same signal for a wish to stop the cluster.
#[test]
fn ctrl_c_ends_a_watch_and_not_the_cluster() {
    let (mut dev, _cluster) = foreground("dev-watch");
    dev.tell("put watched 1");
    dev.until("OK");
    for round in 0..10 {
        dev.tell("watch watched --rev 2");
        dev.until("PUT");
        send(dev.pid(), Signal::INT);
        dev.tell(&format!("put after-{round} 1"));
        dev.until("OK");
    }
    drop(dev.child.stdin.take());
    dev.until("stopped 3 nodes");
    assert_eq!(dev.wait(), Some(0));
}

#[test]
fn a_signal_to_the_foreground_stops_every_node_even_a_paused_one() {
    for signal in [Signal::TERM, Signal::INT] {
        let (mut dev, cluster) = foreground(&format!("dev-signal-{}", signal.as_raw()));
        let pids = cluster.pids();
        cluster.dev(&["pause", "n2"]).ok();
        send(dev.pid(), signal);
        assert_eq!(dev.wait(), Some(0));
        assert!(pids.into_iter().all(|pid| !lives(pid)), "something was left running");
    }
}

#[test]
fn a_foreground_that_is_killed_takes_its_nodes_with_it() {
    let (mut dev, cluster) = foreground("dev-killed");
    let leader = cluster.leader().name;
    cluster.dev(&["kill", &leader]).ok();
    // Started by another process than the foreground, yet it ends with it.
    cluster.dev(&["start", &leader]).ok();
    let pids = cluster.pids();
    assert_eq!(pids.len(), 3);
    send(dev.pid(), Signal::KILL);
    dev.wait();
    // A new one waits for the nodes of the old one to notice.
    cluster.dev(&["-d"]).ok();
    wait_until("its nodes are gone", || pids.iter().all(|pid| !lives(*pid)));
    assert_eq!(cluster.pids().len(), 3);
}

#[test]
fn dev_stop_ends_a_foreground_too() {
    let (mut dev, cluster) = foreground("dev-stop");
    let pids = cluster.pids();
    assert_eq!(cluster.dev(&["stop"]).ok(), "stopped 3 nodes; data is kept\n");
    assert_eq!(dev.wait(), Some(0));
    assert!(pids.into_iter().all(|pid| !lives(pid)), "something was left running");
}
