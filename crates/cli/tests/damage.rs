//! A real node whose log lost something to its disk starts, is healed from the
//! others without anybody's help, and has what they have.

mod harness;

use harness::{Cluster, command, send, text, wait_until};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};

/// What `trimaran --endpoints … WORDS` prints, if all goes well.
fn at(endpoint: &str, words: &[&str]) -> Option<String> {
    let all = [&["--endpoints", endpoint], words].concat();
    let output = command().args(all).output().expect("the program runs");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn files(dir: &Path, what: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a data directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| text(path).rsplit('/').next().is_some_and(|it| it.contains(what))).collect()
}

fn hash(endpoint: &str) -> Option<String> {
    let said = at(endpoint, &["endpoint", "hashkv"])?;
    said.split(',').nth(1).map(|hash| hash.trim().to_owned())
}

#[test]
fn a_node_with_a_damaged_log_is_healed_by_the_others() {
    let cluster = Cluster::up("damage", 3);
    let leader = cluster.leader();
    for number in 0..50 {
        let (key, value) = (format!("key{number}"), format!("value {number} of fifty"));
        at(&leader.endpoint, &["put", &key, &value]).expect("a put");
    }
    let hurt = cluster.ps().into_iter().find(|node| !node.leads).expect("a follower");
    wait_until("the follower has all", || {
        at(&hurt.endpoint, &["get", "key49", "--consistency", "s"])
            .is_some_and(|it| it.contains("49"))
    });
    send(hurt.pid.expect("it runs"), Signal::KILL);
    wait_until("it is gone", || cluster.node(&hurt.name).pid.is_none());
    let dir = cluster.dir.join(&hurt.name);
    let holds = |segment: PathBuf| {
        let content = fs::read(&segment).expect("it is read");
        let place = content.windows(16).position(|it| it == b"value 7 of fifty")?;
        Some((segment, content, place))
    };
    // One of the segments may have been made ahead, and is empty.
    let found = files(&dir, "wal-0-").into_iter().find_map(holds);
    let (segment, mut content, place) = found.expect("the value is in the log");
    content.get_mut(place..place + 3).expect("it is there").fill(b'X');
    fs::write(&segment, &content).expect("it is written");

    cluster.dev(&["start", &hurt.name]).ok();
    let log = cluster.dir.join(format!("{}.log", hurt.name));
    let said = |what: &str| fs::read_to_string(&log).unwrap_or_default().contains(what);
    wait_until("it says what it lost", || said("is damaged at byte"));
    wait_until("it is healed", || said("healed: the log is whole again"));
    wait_until("nothing is left set aside", || {
        files(&dir, "lost-").is_empty() && files(&dir, "node.healing").is_empty()
    });
    let endpoints = cluster.endpoints();
    wait_until("all have the same", || {
        let hashes: Vec<_> = endpoints.iter().map(|endpoint| hash(endpoint)).collect();
        hashes.first().is_some_and(Option::is_some)
            && hashes.windows(2).all(|it| it.first() == it.last())
    });
    let get = at(&hurt.endpoint, &["get", "key7"]).expect("a read");
    assert!(get.contains("value 7 of fifty"), "{get}");

    // It counts again: with another node gone, it makes the majority.
    let other = cluster.ps().into_iter().find(|node| node.name != hurt.name).expect("another");
    send(other.pid.expect("it runs"), Signal::KILL);
    wait_until("it takes writes", || at(&hurt.endpoint, &["put", "after", "wards"]).is_some());
}
