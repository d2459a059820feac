//! Backups of real processes, and clusters that begin with them.

mod harness;

use harness::{Cluster, Running, Said, command, directory, etcdctl, run, text, wait_until};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs `words` at `endpoint`.
fn said(mut program: Command, endpoint: &str, words: &[&str]) -> Said {
    program.args(["--endpoints", endpoint]).args(words);
    program.output().expect("the program runs").into()
}

fn ours(endpoint: &str, words: &[&str]) -> Said {
    said(command(), endpoint, words)
}

/// A cluster of so many nodes with two revisions of a key and one of another.
fn filled(name: &str, nodes: usize) -> (Cluster, String) {
    let cluster = Cluster::up(name, nodes);
    let at = cluster.endpoints().remove(0);
    for (key, value) in [("greeting", "hello"), ("greeting", "hello again"), ("answer", "42")] {
        assert_eq!(ours(&at, &["put", key, value]).ok(), "OK\n");
    }
    (cluster, at)
}

fn home(name: &str) -> PathBuf {
    let home = directory(name);
    fs::create_dir_all(&home).expect("a directory");
    home
}

/// Ports that were free a moment ago.
fn ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    held.map(|held| held.local_addr().expect("its address").port())
}

/// A member that is restored from `file` and started, and where its clients find it.
fn member(file: &Path, home: &Path, name: &str, all: &str, peer: &str) -> (Running, String) {
    let data = home.join(name);
    let words = [
        "--name",
        name,
        "--data-dir",
        text(&data),
        "--initial-cluster",
        all,
        "--initial-cluster-token",
        "restored",
        "--initial-advertise-peer-urls",
        peer,
    ];
    let restored = run(&[&["snapshot", "restore", text(file)], &words[..]].concat()).ok();
    assert!(restored.starts_with("Restored revision 4 with 2 keys to "), "{restored}");
    let [port] = ports();
    let client = format!("http://127.0.0.1:{port}");
    let mut server = command();
    server.arg("server").args(words).args(["--listen-peer-urls", peer]);
    server.args(["--listen-client-urls", &client]).stderr(Stdio::null());
    (Running::start(server), format!("127.0.0.1:{port}"))
}

fn reads(endpoint: &str, words: &[&str], out: &str) {
    wait_until("it is read back", || ours(endpoint, words).out == out);
}

#[test]
fn three_members_are_restored_from_the_backup_of_three() {
    let (cluster, at) = filled("backup-three", 3);
    let home = home("backup-three-home");
    let file = home.join("backup.snap");
    let saved = ours(&at, &["snapshot", "save", text(&file)]).ok();
    assert_eq!(saved, format!("Snapshot saved at {}\n", file.display()));
    assert!(!home.join("backup.snap.part").exists());
    let several = ours(&cluster.endpoints().join(","), &["snapshot", "save", "nowhere"]);
    assert_eq!(several.code, Some(5), "{several:?}");
    drop(cluster);

    let peers = ports::<3>().map(|port| format!("http://127.0.0.1:{port}"));
    let [a, b, c] = &peers;
    let all = format!("a={a},b={b},c={c}");
    let members: Vec<(Running, String)> = ["a", "b", "c"]
        .iter()
        .zip(&peers)
        .map(|(name, peer)| member(&file, &home, name, &all, peer))
        .collect();
    for (_, endpoint) in &members {
        reads(endpoint, &["get", "greeting"], "greeting\nhello again\n");
        reads(endpoint, &["get", "greeting", "--rev", "2"], "greeting\nhello\n");
    }
    let (_, endpoint) = &members[1];
    let put = ours(endpoint, &["put", "answer", "43", "-w", "json"]).ok();
    assert!(put.contains("\"revision\":5"), "{put}");
}

#[test]
fn a_file_says_what_it_holds_and_what_is_wrong_with_it() {
    let (_cluster, at) = filled("backup-status", 1);
    let home = home("backup-status-home");
    let file = home.join("backup.snap");
    ours(&at, &["snapshot", "save", text(&file)]).ok();
    let whole = fs::read(&file).expect("the file");
    let status = |words: &[&str]| run(&[&["snapshot", "status", text(&file)], words].concat());
    let simple = status(&[]).ok();
    let columns: Vec<&str> = simple.trim_end().split(", ").collect();
    assert_eq!((columns.len(), columns[1], columns[2]), (4, "4", "2"), "{simple}");
    let table = status(&["-w", "table"]).ok();
    assert!(table.contains("| REVISION | TOTAL KEYS | TOTAL SIZE |"), "{table}");
    let json = status(&["-w", "json"]).ok();
    let size = whole.len();
    let end = format!("\"revision\":4,\"totalKey\":2,\"totalSize\":{size}}}\n");
    assert!(json.starts_with("{\"hash\":") && json.ends_with(&end), "{json}");

    let data = home.join("data");
    let restore = ["snapshot", "restore", text(&file), "--data-dir", text(&data)];
    let refused = |part: &str| {
        let said = run(&restore);
        assert_eq!((said.code, said.err.contains(part)), (Some(1), true), "{part}: {said:?}");
        assert!(!data.exists() && !home.join("data.part").exists(), "{part}");
    };
    for (bytes, part) in [
        (&whole[..whole.len() - 1], "ends too early"),
        (&[&whole[..], &[0]].concat(), "goes on behind its end"),
        (&[&whole[..200], &[whole[200] ^ 1], &whole[201..]].concat(), "is damaged"),
        (&[7; 1000], "is no snapshot"),
        (&bolt(), "a snapshot of etcd"),
    ] {
        fs::write(&file, bytes).expect("it is written");
        refused(part);
        let said = status(&[]);
        assert_eq!((said.code, said.err.contains(part)), (Some(1), true), "{part}: {said:?}");
    }
    fs::write(&file, &whole).expect("it is written");
    fs::create_dir(&data).expect("a directory");
    let said = run(&restore);
    assert!(said.code == Some(1) && said.err.contains("is there already"), "{said:?}");
    let unknown = run(&[&restore[..], &["--skip-hash-check"]].concat());
    assert!(unknown.code == Some(4) && unknown.err.contains("skip-hash-check"), "{unknown:?}");
}

/// The first page of a database of etcd's.
fn bolt() -> Vec<u8> {
    let mut page = vec![0; 4096];
    page.splice(16..20, [0xed, 0xda, 0x0c, 0xed]);
    page
}

#[test]
fn what_etcdctl_saves_is_restored() {
    let Some(etcdctl) = etcdctl() else { return };
    let (_cluster, at) = filled("backup-etcdctl", 1);
    let home = home("backup-etcdctl-home");
    let file = home.join("backup.db");
    let saved = said(etcdctl, &at, &["snapshot", "save", text(&file)]).ok();
    assert!(saved.contains("Snapshot saved at "), "{saved}");
    let status = run(&["snapshot", "status", text(&file)]).ok();
    assert!(status.contains(", 4, 2, "), "{status}");
    let [peer] = ports::<1>().map(|port| format!("http://127.0.0.1:{port}"));
    let (_server, endpoint) = member(&file, &home, "alone", &format!("alone={peer}"), &peer);
    reads(&endpoint, &["get", "answer"], "answer\n42\n");
}
