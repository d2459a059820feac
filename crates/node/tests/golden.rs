//! The first data directories that ever landed are opened by every later
//! build, or refused with the way out.
//!
//! `tests/golden/1` holds three nodes' directories with several terms and keys
//! with history. `MAKE_GOLDEN=2 cargo test -p node --test golden`
//! makes a further one; those that are there are never written again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::Revision;
use harness::{Cluster, revision};
use journal::disk::{Disk, DiskDone, DiskOp};
use journal::memory::MemoryDisk;
use std::path::{Path, PathBuf};

fn folder(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(version)
}

fn load(folder: &Path) -> MemoryDisk {
    let mut disk = MemoryDisk::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let content = std::fs::read(file.path()).unwrap();
        disk.put(file.file_name().to_str().unwrap(), &content);
    }
    disk
}

fn save(folder: &Path, disk: &mut MemoryDisk) {
    std::fs::create_dir_all(folder).unwrap();
    let DiskDone::Listed(files) = disk.perform(DiskOp::List) else { panic!("no list") };
    for (name, _) in files {
        let content = disk.content(&name).unwrap();
        std::fs::write(folder.join(name), content).unwrap();
    }
}

/// Three leaderships, two versions of a key, and a node that was down for one of them.
fn make(version: &str) {
    assert!(
        !folder(version).exists(),
        "{version} is there; golden directories are never rewritten"
    );
    let mut cluster = Cluster::new();
    revision(&cluster.put(0, "first", "1"));
    for value in ["old", "new"] {
        let leader = cluster.leader();
        cluster.kill(leader);
        revision(&cluster.put((leader + 1) % 3, "second", value));
        cluster.start(leader);
        assert_eq!(cluster.get(leader, "second").as_deref(), Some(value.as_bytes()));
    }
    revision(&cluster.put(2, "third", "3"));
    for (disk, name) in cluster.disks.iter_mut().zip(["a", "b", "c"]) {
        save(&folder(version).join(name), disk);
    }
}

#[test]
fn golden_directories_open_and_hold_what_was_acknowledged() {
    if let Ok(version) = std::env::var("MAKE_GOLDEN") {
        make(&version);
    }
    let mut opened = 0;
    for version in std::fs::read_dir(folder("")).unwrap() {
        let folder = version.unwrap().path();
        let mut cluster =
            Cluster::on(["a", "b", "c"].iter().map(|name| load(&folder.join(name))).collect());
        for at in 0..3 {
            for (key, value) in [("first", "1"), ("second", "new"), ("third", "3")] {
                assert_eq!(cluster.get(at, key).as_deref(), Some(value.as_bytes()), "{folder:?}");
            }
        }
        assert_eq!(revision(&cluster.put(1, "after", "4")), Revision(6), "{folder:?}");
        opened += 1;
    }
    assert!(opened > 0, "no golden directory");
}
