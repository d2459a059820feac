//! Processes that speak another protocol than Raft keep the same promises, and a
//! data directory keeps its protocol.

mod harness;

use harness::{Cluster, run, send, wait_until};
use rustix::process::Signal;

#[test]
fn paxos_survives_its_leader_and_a_restart_of_all() {
    survives_its_leader_and_a_restart_of_all("paxos");
}

#[test]
fn zab_survives_its_leader_and_a_restart_of_all() {
    survives_its_leader_and_a_restart_of_all("zab");
}

fn survives_its_leader_and_a_restart_of_all(protocol: &str) {
    let cluster = Cluster::up_with(protocol, 3, &["--protocol", protocol]);
    let endpoints = cluster.endpoints().join(",");
    let put = |key: &str| {
        let said = run(&["put", key, "here", "--endpoints", &endpoints]);
        said.code == Some(0) && said.out == "OK\n"
    };
    assert!(put("before"));
    let leader = cluster.leader();
    send(leader.pid.expect("the leader runs"), Signal::KILL);
    wait_until("writes are accepted again", || put("without"));
    assert_ne!(cluster.leader().name, leader.name, "another node leads");
    cluster.dev(&["start", &leader.name]).ok();
    let all = |endpoint: &str| {
        let said = run(&["get", "", "--from-key", "--keys-only", "--endpoints", endpoint]);
        let keys = said.out.lines().filter(|line| !line.is_empty()).map(ToString::to_string);
        keys.collect::<Vec<_>>()
    };
    wait_until("the killed node has caught up", || all(&leader.endpoint).len() == 2);
    cluster.dev(&["stop"]).ok();

    let said = cluster.dev(&["-d"]).ok();
    assert!(said.contains(&format!("3 nodes · {protocol}")), "{said}");
    assert!(put("again"));
    for endpoint in cluster.endpoints() {
        assert_eq!(all(&endpoint), ["again", "before", "without"]);
    }
    cluster.dev(&["stop"]).ok();

    let data = cluster.dir.join("n1");
    let data = data.to_str().expect("a name in UTF-8");
    let words = ["server", "--name", "n1", "--protocol", "raft", "--data-dir", data];
    let said = run(&words);
    assert_ne!(said.code, Some(0), "{said:?}");
    assert!(
        said.err.contains(&format!("made for {protocol}")) && said.err.contains("--protocol"),
        "{said:?}"
    );
}

#[test]
fn a_protocol_that_there_is_not_is_refused_with_those_that_are() {
    for words in
        [&["server", "--protocol", "pigeons"][..], &["sim", "run", "--protocol", "pigeons"]]
    {
        let said = run(words);
        assert_ne!(said.code, Some(0), "{said:?}");
        assert!(said.err.contains("there are raft, paxos, zab"), "{said:?}");
    }
}
