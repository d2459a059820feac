//! The client verbs: their words against literals, and against etcdctl's own.

mod harness;

use harness::{Cluster, Running, Said, command, etcdctl, wait_until};
use std::process::Command;

/// Runs `words` at `endpoints`.
fn said(mut program: Command, endpoints: &str, words: &[&str]) -> Said {
    program.env("ETCDCTL_ENDPOINTS", endpoints).args(words);
    program.output().expect("the program runs").into()
}

fn ours(endpoints: &str, words: &[&str]) -> Said {
    said(command(), endpoints, words)
}

#[test]
fn put_get_and_del_print_what_scripts_expect() {
    let cluster = Cluster::up("verbs-literals", 1);
    let at = cluster.endpoints().join(",");
    for (words, code, out) in [
        (&["put", "foo", "bar"][..], 0, "OK\n"),
        (&["put", "foo", "baz", "--prev-kv"], 0, "OK\nfoo\nbar\n"),
        (&["put", "foo", "--ignore-value"], 0, "OK\n"),
        (&["get", "foo"], 0, "foo\nbaz\n"),
        (&["get", "foo", "--print-value-only"], 0, "baz\n"),
        (&["get", "foo", "--rev", "2"], 0, "foo\nbar\n"),
        (&["get", "foo", "--hex"], 0, "\\x66\\x6f\\x6f\n\\x62\\x61\\x7a\n"),
        (&["get", "missing"], 0, ""),
        (&["put", "foo2", "x"], 0, "OK\n"),
        (&["get", "foo", "foo2"], 0, "foo\nbaz\n"),
        (&["get", "--prefix", "fo", "--keys-only"], 0, "foo\n\nfoo2\n\n"),
        (&["get", "--from-key", "foo1"], 0, "foo2\nx\n"),
        (&["get", "--prefix", "", "--order", "DESCEND", "--limit", "1"], 0, "foo2\nx\n"),
        (
            &["get", "--prefix", "", "--sort-by", "VALUE", "--consistency", "s"],
            0,
            "foo\nbaz\nfoo2\nx\n",
        ),
        (&["ctl", "get", "foo2"], 0, "foo2\nx\n"),
        (&["del", "missing"], 0, "0\n"),
        (&["del", "--prefix", "foo", "--prev-kv"], 0, "2\nfoo\nbaz\nfoo2\nx\n"),
        (&["get"], 128, ""),
        (&["get", "foo", "--order", "up"], 4, ""),
        (&["get", "foo", "--write-out", "table"], 4, ""),
        (&["get", "foo", "--rev", "1000"], 1, ""),
        (&["put", "", "x"], 1, ""),
    ] {
        let said = ours(&at, words);
        assert_eq!((said.code, said.out.as_str()), (Some(code), out), "{words:?}: {}", said.err);
    }
    let json = ours(&at, &["put", "foo", "bar", "-w", "json"]).ok();
    assert!(json.starts_with("{\"header\":{\"cluster_id\":"), "{json}");
    assert!(json.ends_with("\"revision\":7,\"raft_term\":1}}\n"), "{json}");
    let json = ours(&at, &["get", "foo", "-w", "json"]).ok();
    let kvs = "\"kvs\":[{\"key\":\"Zm9v\",\"create_revision\":7,\"mod_revision\":7,\"version\":1,\
               \"value\":\"YmFy\"}],\"count\":1}\n";
    assert!(json.ends_with(kvs), "{json}");
    let fields = ours(&at, &["get", "--prefix", "", "--count-only", "-w", "fields"]).ok();
    assert!(fields.ends_with("\"More\" : false\n\"Count\" : 1\n"), "{fields}");
}

#[test]
fn errors_say_what_and_what_to_try() {
    let said = ours("127.0.0.1:1", &["get", "foo"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.starts_with("Error: no endpoint can be reached: 127.0.0.1:1: "), "{said:?}");
    assert!(said.err.contains("try: "), "{said:?}");
    let said = ours("https://127.0.0.1:1", &["get", "foo"]);
    assert!(said.err.contains("TLS is not implemented yet"), "{said:?}");
}

#[test]
fn a_watch_prints_changes_and_outlives_its_node() {
    let cluster = Cluster::up("verbs-watch", 3);
    let endpoints = cluster.endpoints();
    let at = endpoints.join(",");
    let mut program = command();
    program.env("ETCDCTL_ENDPOINTS", &at).args([
        "watch",
        "--prefix",
        "k",
        "--prev-kv",
        "--rev",
        "1",
    ]);
    let mut watch = Running::start(program);
    let mut lines = |count| (0..count).map(|_| watch.line()).collect::<Vec<_>>();
    ours(&at, &["put", "k1", "a"]).ok();
    assert_eq!(lines(3), ["PUT", "k1", "a"]);
    // It began at the first endpoint: that node goes, the watch goes on.
    cluster.dev(&["kill", "n1"]).ok();
    let rest = endpoints.get(1..).expect("two are left").join(",");
    ours(&rest, &["put", "k1", "b"]).ok();
    assert_eq!(lines(5), ["PUT", "k1", "a", "k1", "b"]);
    ours(&rest, &["del", "k1"]).ok();
    assert_eq!(lines(5), ["DELETE", "k1", "b", "k1", ""]);
}

#[test]
fn a_read_does_not_wait_for_a_silent_node() {
    let cluster = Cluster::up("verbs-silent", 3);
    let at = cluster.endpoints().join(",");
    ours(&at, &["put", "k", "v"]).ok();
    cluster.dev(&["pause", "n1"]).ok();
    // n1 takes the connection and says nothing; the read is asked again at n2.
    // More time than the default, so that a slow machine has enough for both.
    let words = ["get", "k", "--command-timeout", "15s"];
    assert_eq!(ours(&at, &words).ok(), "k\nv\n");
    // A write there may yet happen: it is not sent again, and its outcome is said.
    let said = ours(&at, &["put", "k", "w", "--command-timeout", "5s"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("unknown outcome"), "{said:?}");
    cluster.dev(&["resume", "n1"]).ok();
}

#[test]
fn etcdctl_works_at_each_of_three_nodes() {
    if etcdctl().is_none() {
        return;
    }
    let cluster = Cluster::up("verbs-etcdctl", 3);
    for (number, at) in cluster.endpoints().iter().enumerate() {
        let theirs = |words: &[&str]| said(etcdctl().expect("it was there"), at, words);
        let key = format!("key{number}");
        assert_eq!(theirs(&["put", &key, "value"]).ok(), "OK\n");
        for other in cluster.endpoints() {
            let read = said(etcdctl().expect("it was there"), &other, &["get", &key]).ok();
            assert_eq!(read, format!("{key}\nvalue\n"), "written at {at}, read at {other}");
        }
        let mut program = etcdctl().expect("it was there");
        program.env("ETCDCTL_ENDPOINTS", at).args(["watch", &key, "--rev", "1"]);
        let mut watch = Running::start(program);
        assert_eq!([watch.line(), watch.line(), watch.line()], ["PUT", key.as_str(), "value"]);
        assert_eq!(theirs(&["del", &key]).ok(), "1\n");
        assert_eq!([watch.line(), watch.line(), watch.line()], ["DELETE", key.as_str(), ""]);
    }
}

/// Both are asked the same against the same data. Header fields are the same
/// only while nobody writes, so reads are compared byte for byte, and writes
/// where the header is not printed.
#[test]
fn the_words_are_etcdctls() {
    if etcdctl().is_none() {
        return;
    }
    let cluster = Cluster::up("verbs-parity", 1);
    let at = cluster.endpoints().join(",");
    for value in ["one", "two \"quoted\"\ttab", "three"] {
        ours(&at, &["put", "a/1", value]).ok();
        ours(&at, &["put", "a/2", value]).ok();
    }
    ours(&at, &["del", "a/2"]).ok();
    ours(&at, &["put", "a/2", "again"]).ok();
    for words in [
        &["get", "a/1"][..],
        &["get", "a/1", "-w", "json"],
        &["get", "a/1", "-w", "fields"],
        &["get", "a/1", "--rev", "4", "-w", "fields"],
        &["get", "--prefix", "a/", "--limit", "1", "-w", "json"],
        &["get", "--prefix", ""],
        &["get", "--from-key", "", "--keys-only"],
        &["get", "--prefix", "a", "--sort-by", "create", "--order", "descend"],
        &["get", "a/1", "--hex"],
        &["get", "missing", "-w", "json"],
        &["get", "a/1", "--consistency", "s", "--print-value-only"],
        &["put", "b", "1"],
        &["put", "b", "1", "--prev-kv"],
        &["put", "missing", "--ignore-value"],
        &["put", "b"],
        &["put"],
        &["put", "", "x"],
        &["del", "missing"],
        &["del"],
        &["del", "a", "--prefix", "--from-key"],
        &["get", "a", "b", "--prefix"],
        &["get", "a", "--rev", "1000"],
        &["get", "a", "--sort-by", "size"],
        &["get", "a", "--consistency", "x"],
        &["get", "a", "-w", "table-of-tables"],
        &["watch"],
    ] {
        let theirs = said(etcdctl().expect("it was there"), &at, words);
        let ours = ours(&at, words);
        assert_eq!((ours.code, ours.out), (theirs.code, theirs.out), "{words:?}");
    }
}

#[test]
fn a_watch_prints_json_as_etcdctl_does() {
    let Some(mut program) = etcdctl() else { return };
    let cluster = Cluster::up("verbs-watch-parity", 1);
    let at = cluster.endpoints().join(",");
    for words in [&["put", "k", "1"][..], &["put", "k", "2"], &["del", "k"]] {
        ours(&at, words).ok();
    }
    let words = ["watch", "k", "--rev", "1", "--prev-kv", "-w", "json"];
    program.env("ETCDCTL_ENDPOINTS", &at).args(words);
    let mut own = command();
    own.env("ETCDCTL_ENDPOINTS", &at).args(words);
    let (mut theirs, mut ours) = (Running::start(program), Running::start(own));
    let line = ours.line();
    assert!(line.contains("\"Events\":[{"), "{line}");
    assert_eq!(line, theirs.line());
}

#[test]
fn a_value_may_come_from_stdin() {
    let cluster = Cluster::up("verbs-stdin", 1);
    let at = cluster.endpoints().join(",");
    let mut program = command();
    program.env("TRIMARAN_ENDPOINTS", &at).env("ETCDCTL_ENDPOINTS", "127.0.0.1:1");
    program.args(["put", "from-stdin"]).stdin(std::process::Stdio::piped());
    let mut put = Running::start(program);
    put.tell("two\nlines");
    drop(put.child.stdin.take());
    assert_eq!(put.line(), "OK");
    wait_until("it ended", || put.child.try_wait().is_ok_and(|ended| ended.is_some()));
    assert_eq!(ours(&at, &["get", "from-stdin"]).ok(), "from-stdin\ntwo\nlines\n\n");
}
