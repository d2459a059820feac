//! One suite for both disks: what the imagined one promises, the real one keeps.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

use base::limits::DISK_OP_BYTES_MAX;
use base::prng::Prng;
use bytes::Bytes;
use journal::disk::{Disk, DiskDone, DiskOp};
use journal::memory::MemoryDisk;
use server::disk::RealDisk;
use server::error::ServerError;
use std::fs;
use std::path::PathBuf;

/// An empty place under the build's own directory, on a real file system.
fn place(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("disk").join(name);
    let _ = fs::remove_dir_all(&path);
    path
}

fn write(file: &str, offset: u64, parts: &[&[u8]]) -> DiskOp {
    let parts = parts.iter().map(|part| Bytes::copy_from_slice(part)).collect();
    DiskOp::Write { file: file.into(), offset, parts }
}

fn read(file: &str, offset: u64, length: usize) -> DiskOp {
    DiskOp::Read { file: file.into(), offset, length }
}

fn create(file: &str, size: u64) -> DiskOp {
    DiskOp::Create { file: file.into(), size }
}

fn replace(file: &str, content: &[u8]) -> DiskOp {
    DiskOp::Replace { file: file.into(), content: Bytes::copy_from_slice(content) }
}

/// Both disks do the same, and a fresh look at the real one finds the same.
fn same(name: &str, ops: &[DiskOp]) {
    let path = place(name);
    let mut real = RealDisk::open(&path).unwrap();
    let mut imagined = MemoryDisk::new();
    for op in ops {
        assert!(real.perform(op.clone()) == imagined.perform(op.clone()), "{name}: {op:.200?}");
    }
    drop(real);
    let mut again = RealDisk::open(&path).unwrap();
    let DiskDone::Listed(files) = imagined.perform(DiskOp::List) else { panic!("no list") };
    assert_eq!(again.perform(DiskOp::List), DiskDone::Listed(files.clone()));
    for (file, size) in files {
        for offset in (0..size).step_by(DISK_OP_BYTES_MAX) {
            let piece = read(&file, offset, DISK_OP_BYTES_MAX);
            assert!(again.perform(piece.clone()) == imagined.perform(piece), "{file} at {offset}");
        }
    }
}

#[test]
fn a_file_is_zeros_where_it_was_not_written() {
    let ops = [
        DiskOp::List,
        create("b", 10_000),
        create("a", 0),
        DiskOp::List,
        read("b", 9_990, 100),
        write("b", 4_090, &[b"over", b"", b" the edge"]),
        read("b", 4_080, 40),
        read("b", 20_000, 4),
        read("a", 0, 4),
    ];
    same("zeros", &ops);
}

#[test]
fn a_file_larger_than_one_operation_is_zeros_to_its_end() {
    same("large", &[create("a", 3_000_001), read("a", 2_999_999, 10), DiskOp::List]);
}

#[test]
fn create_and_replace_take_the_place_of_what_was_there() {
    let ops = [
        create("a", 100),
        write("a", 0, &[b"first"]),
        create("a", 50),
        read("a", 0, 100),
        replace("a", b"small"),
        read("a", 0, 100),
        write("a", 1, &[b"M"]),
        read("a", 0, 100),
        replace("new", b""),
        DiskOp::List,
    ];
    same("instead", &ops);
}

#[test]
fn a_file_goes_or_has_another_name() {
    let rename = |from: &str, to: &str| DiskOp::Rename { from: from.into(), to: to.into() };
    let remove = |file: &str| DiskOp::Remove { file: file.into() };
    let ops = [
        create("a", 100),
        write("a", 0, &[b"first"]),
        create("b", 50),
        write("b", 0, &[b"second"]),
        rename("a", "b"),
        read("b", 0, 100),
        write("b", 5, &[b" behind"]),
        create("a", 10),
        write("a", 0, &[b"third"]),
        read("b", 0, 100),
        remove("b"),
        remove("b"),
        rename("a", "c"),
        write("c", 0, &[b"F"]),
        DiskOp::List,
    ];
    same("names change", &ops);
}

#[test]
fn a_chunk_is_replaced_and_read_at_once() {
    let content = vec![7; base::limits::DISK_FILE_BYTES_MAX];
    let whole = read("a", 0, content.len());
    same("chunk", &[replace("a", &content), whole]);
}

#[test]
fn more_parts_than_the_system_takes_at_once_follow_each_other() {
    let parts: Vec<Vec<u8>> = (0..3_000u32).map(|n| vec![n as u8; n as usize % 5]).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    same("parts", &[create("a", 10_000), write("a", 7, &parts), read("a", 0, 10_000)]);
}

#[test]
fn more_files_than_are_kept_open_are_all_written() {
    let names: Vec<String> = (0..20).map(|n| format!("{n:04}")).collect();
    let mut ops: Vec<DiskOp> = names.iter().map(|name| create(name, 64)).collect();
    for round in [b"one", b"two"] {
        ops.extend(names.iter().map(|name| write(name, 3, &[round, name.as_bytes()])));
    }
    same("many", &ops);
}

#[test]
fn random_operations_end_alike() {
    let mut prng = Prng::new(7);
    let mut ops = vec![create("a", 5_000), create("b", 5_000), create("c", 5_000)];
    for _ in 0..200 {
        let file = ["a", "b", "c"][prng.below(3) as usize];
        let (offset, length) = (prng.below(5_000), prng.below(3_000) as usize);
        let bytes = vec![prng.next() as u8; length];
        let to = ["a", "b", "c"][prng.below(3) as usize];
        let op = match prng.below(9) {
            0 => create(file, prng.below(5_000)),
            1 => replace(file, &bytes),
            2 => DiskOp::List,
            8 => {
                ops.push(DiskOp::Rename { from: file.into(), to: to.into() });
                ops.push(DiskOp::Remove { file: "absent".into() });
                create(file, prng.below(5_000))
            }
            3 | 4 => read(file, offset, length),
            _ => write(file, offset, &[&bytes, b"end"]),
        };
        ops.push(op);
    }
    same("random", &ops);
}

#[test]
fn a_missing_file_reads_as_an_empty_one_and_cannot_be_changed() {
    let rename = DiskOp::Rename { from: "a".into(), to: "b".into() };
    same("nothing to read", &[read("a", 0, 1)]);
    for op in [write("a", 0, &[b"x"]), rename] {
        let mut real = RealDisk::open(&place("missing")).unwrap();
        assert!(matches!(real.perform(op.clone()), DiskDone::Failed(_)), "{op:?}");
        assert!(matches!(MemoryDisk::new().perform(op), DiskDone::Failed(_)));
    }
}

#[test]
fn after_the_first_failure_nothing_is_tried() {
    let mut disk = RealDisk::open(&place("sticky")).unwrap();
    assert_eq!(disk.perform(create("a", 10)), DiskDone::Synced);
    let first = disk.perform(write("b", 0, &[b"x"]));
    assert!(matches!(&first, DiskDone::Failed(error) if error.what == "write b at 0"));
    assert_eq!(disk.perform(write("a", 0, &[b"x"])), first);
    assert_eq!(disk.perform(DiskOp::List), first);
}

#[test]
fn names_lead_nowhere_else() {
    for name in ["", "../a", "a/b", "/a", ".lock", "."] {
        let away = DiskOp::Rename { from: "a".into(), to: name.into() };
        for op in [create(name, 1), DiskOp::Remove { file: name.into() }, away] {
            let mut disk = RealDisk::open(&place("names")).unwrap();
            assert_eq!(disk.perform(create("a", 1)), DiskDone::Synced);
            assert!(matches!(disk.perform(op), DiskDone::Failed(_)), "{name}");
        }
    }
}

#[test]
fn only_one_process_has_a_directory() {
    let path = place("lock");
    let first = RealDisk::open(&path).unwrap();
    assert!(matches!(RealDisk::open(&path), Err(ServerError::InUse(_))));
    drop(first);
    RealDisk::open(&path).unwrap();
}

#[test]
fn a_file_half_made_is_gone_after_a_restart() {
    let path = place("half");
    drop(RealDisk::open(&path).unwrap());
    fs::write(path.join(".a.new"), b"half").unwrap();
    let mut disk = RealDisk::open(&path).unwrap();
    assert_eq!(disk.perform(DiskOp::List), DiskDone::Listed(vec![]));
    assert!(!path.join(".a.new").exists());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let path = place("blocked");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"a file").unwrap();
    let refused = RealDisk::open(&path).unwrap_err().to_string();
    assert!(refused.contains("blocked"), "{refused}");
    fs::remove_file(&path).unwrap();
}
