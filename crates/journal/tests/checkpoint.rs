//! The files of a checkpoint: to the byte, and whatever becomes of their bytes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod kit;

use base::checksum::{content_id, crc32c};
use base::prng::Prng;
use base::{Ballot, ChunkId, ClusterId, GroupId, Incarnation, Index, NodeId};
use bytes::Bytes;
use journal::checkpoint::{
    CHUNK_HEAD_BYTES, CheckpointError, Chunk, ChunkError, Contents, Found, Slot, Why, chunk_name,
    find, leftovers, manifest_name, open_chunk, read_chunk, write_chunk, write_manifest,
};
use journal::disk::{Disk, DiskDone, DiskOp};
use journal::memory::MemoryDisk;
use journal::record::Owner;

const GROUP: GroupId = GroupId(1);

fn owner() -> Owner {
    kit::options().owner
}

fn plain(at: u64) -> Bytes {
    let mut prng = Prng::new(at);
    (0..100 + 900 * at).map(|_| prng.next() as u8).collect::<Vec<_>>().into()
}

fn chunk(plain: &Bytes) -> Chunk {
    Chunk { id: content_id(plain), bytes: plain.len() as u32 }
}

/// A checkpoint of these chunks, with nothing on the disk yet.
fn contents(index: u64, chunks: &[u64]) -> Contents {
    Contents {
        group: GROUP,
        index: Index(index),
        ballot: Ballot::new(5, NodeId(3)),
        clock: 77,
        chunks: chunks.iter().map(|at| chunk(&plain(*at))).collect(),
    }
}

/// One after the other goes to one slot and to the other.
const fn slot(index: u64) -> Slot {
    if index.is_multiple_of(2) { Slot::B } else { Slot::A }
}

fn good(contents: Contents) -> Found {
    Found::Good { slot: slot(contents.index.0), contents }
}

fn store(disk: &mut MemoryDisk, index: u64, chunks: &[u64]) -> Contents {
    for at in chunks {
        let plain = plain(*at);
        let op = write_chunk(&owner(), GROUP, slot(index), content_id(&plain), &plain);
        disk.sync(op).unwrap();
    }
    let contents = contents(index, chunks);
    disk.sync(write_manifest(&owner(), slot(index), &contents)).unwrap();
    contents
}

fn only(disk: &mut MemoryDisk) -> Vec<Found> {
    find(disk, &owner()).unwrap().remove(&GROUP).unwrap_or_default()
}

fn file_of(op: DiskOp) -> (String, Bytes) {
    let DiskOp::Replace { file, content } = op else { panic!("{op:?}") };
    (file, content)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_stored_is_found_newest_first() {
    let mut disk = MemoryDisk::new();
    assert!(find(&mut disk, &owner()).unwrap().is_empty());
    let old = store(&mut disk, 0xff, &[1, 2]);
    let new = store(&mut disk, 0x100, &[2, 3]);
    let empty = Contents { group: GroupId(0), ..contents(9, &[]) };
    disk.sync(write_manifest(&owner(), Slot::A, &empty)).unwrap();
    disk.put("wal-0-0000000000000001.seg", b"no checkpoint");
    disk.put("state-1-zz.manifest", b"no checkpoint");
    let found = find(&mut disk, &owner()).unwrap();
    assert_eq!(found[&GROUP], [good(new.clone()), good(old)]);
    assert_eq!(found[&GroupId(0)], [good(empty)]);
    for (chunk, at) in new.chunks.iter().zip([2, 3]) {
        let DiskDone::Read(file) = disk.perform(read_chunk(GROUP, Slot::B, chunk)) else {
            panic!("gone")
        };
        let opened = open_chunk(&owner(), GROUP, chunk, &file).unwrap();
        assert_eq!(opened, plain(at));
        assert_eq!(opened.as_ptr(), file[CHUNK_HEAD_BYTES..].as_ptr(), "a slice, no copy");
    }
}

/// Files outlive builds: these bytes are a promise.
#[test]
fn the_bytes_are_these() {
    let plain = Bytes::from("plain");
    let (file, content) =
        file_of(write_chunk(&owner(), GROUP, Slot::A, content_id(&plain), &plain));
    assert_eq!(file, format!("state-1-a-{}.chunk", content_id(&plain)));
    assert_eq!(hex(&content), CHUNK);
    let contents = Contents { chunks: vec![chunk(&plain)], ..contents(42, &[]) };
    let (file, content) = file_of(write_manifest(&owner(), Slot::A, &contents));
    assert_eq!(file, "state-1-a.manifest");
    assert_eq!(hex(&content), MANIFEST);
}

const CHUNK: &str = "\
    5452494d43484e4b0100010000000000000000000000000000000000000000000000000000000000\
    070000000000000001000000000000000500000081424957706c61696e";

const MANIFEST: &str = "\
    5452494d434b50540100010000000000000000000000000000000000000000000000000000000000\
    070000000000000003000000000000006300000000000000010001000000000000002a0000000000\
    0000050000000000000003000000000000004d0000000000000001d79b5f7ee0e69d019d7afccda9\
    5c102df18eacb03887726799301021ab5447c605000000866ca4ee";

#[test]
fn every_flipped_bit_of_a_chunk_is_seen() {
    let plain = plain(1);
    let (_, whole) = file_of(write_chunk(&owner(), GROUP, Slot::A, content_id(&plain), &plain));
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let opened = open_chunk(&owner(), GROUP, &chunk(&plain), &bytes.into());
        let what = if bit / 8 < CHUNK_HEAD_BYTES { "head" } else { "content" };
        assert_eq!(opened, Err(ChunkError::Damaged { what }), "bit {bit}");
    }
    for cut in 0..whole.len() {
        let opened = open_chunk(&owner(), GROUP, &chunk(&plain), &whole.slice(..cut));
        assert_eq!(opened, Err(ChunkError::Damaged { what: "length" }), "cut at {cut}");
    }
}

/// A good chunk in the place of another one is not that one.
#[test]
fn a_chunk_of_another_name_is_not_taken() {
    let (here, other) = (plain(1), plain(2));
    let (_, file) = file_of(write_chunk(&owner(), GROUP, Slot::A, content_id(&here), &other));
    let opened = open_chunk(&owner(), GROUP, &chunk(&here), &file);
    assert_eq!(opened, Err(ChunkError::Damaged { what: "length" }));
    let alike = Chunk { bytes: other.len() as u32, ..chunk(&here) };
    let opened = open_chunk(&owner(), GROUP, &alike, &file);
    assert_eq!(opened, Err(ChunkError::Damaged { what: "content" }));
}

#[test]
fn a_chunk_belongs_to_its_cluster_and_group_and_to_no_node() {
    let plain = plain(1);
    let (_, file) = file_of(write_chunk(&owner(), GROUP, Slot::A, content_id(&plain), &plain));
    let neighbour = Owner { node: NodeId(4), incarnation: Incarnation(1), ..owner() };
    assert_eq!(open_chunk(&neighbour, GROUP, &chunk(&plain), &file), Ok(plain.clone()));
    let stranger = Owner { cluster: ClusterId(8), ..owner() };
    let foreign = |what, expected, got| Err(ChunkError::Foreign { what, expected, got });
    let opened = open_chunk(&stranger, GROUP, &chunk(&plain), &file);
    assert_eq!(opened, foreign("cluster id", 8, 7));
    let opened = open_chunk(&owner(), GroupId(2), &chunk(&plain), &file);
    assert_eq!(opened, foreign("group", 2, 1));
}

#[test]
fn a_newer_format_is_named() {
    let plain = plain(1);
    let newer = [(10, "format"), (16, "feature bits"), (24, "cipher"), (32, "key id")];
    for (at, what) in newer {
        let (_, file) = file_of(write_chunk(&owner(), GROUP, Slot::A, content_id(&plain), &plain));
        let mut bytes = file.to_vec();
        bytes[at] = 9;
        let crc = crc32c(&bytes[..CHUNK_HEAD_BYTES - 4]).to_le_bytes();
        bytes[CHUNK_HEAD_BYTES - 4..CHUNK_HEAD_BYTES].copy_from_slice(&crc);
        let opened = open_chunk(&owner(), GROUP, &chunk(&plain), &bytes.into());
        assert_eq!(opened, Err(ChunkError::Newer { what, got: 9 }));

        let mut disk = MemoryDisk::new();
        let (name, file) = file_of(write_manifest(&owner(), Slot::A, &contents(1, &[])));
        let mut bytes = file.to_vec();
        bytes[at] = 9;
        let end = bytes.len() - 4;
        let crc = crc32c(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&crc);
        disk.put(&name, &bytes);
        let error = find(&mut disk, &owner()).unwrap_err();
        assert!(error.to_string().contains("start that version or a later one"), "{error}");
        assert_eq!(error, CheckpointError::Newer { file: name, what, got: 9 });
    }
}

#[test]
fn a_manifest_of_somebody_else_is_refused_by_name() {
    let mut disk = MemoryDisk::new();
    store(&mut disk, 7, &[1]);
    let file = manifest_name(GROUP, Slot::A);
    for (owner, what) in [
        (Owner { cluster: ClusterId(8), ..owner() }, "cluster id"),
        (Owner { node: NodeId(4), ..owner() }, "node id"),
        (Owner { incarnation: Incarnation(100), ..owner() }, "incarnation"),
    ] {
        let error = find(&mut disk, &owner).unwrap_err();
        assert!(error.to_string().contains(&file), "{error}");
        assert!(matches!(error, CheckpointError::Foreign { what: it, .. } if it == what));
    }
}

#[test]
fn every_flipped_bit_of_a_manifest_leaves_the_older_one() {
    let mut disk = MemoryDisk::new();
    let old = store(&mut disk, 7, &[1]);
    store(&mut disk, 8, &[1, 2]);
    let name = manifest_name(GROUP, Slot::B);
    let whole = disk.content(&name).unwrap().to_vec();
    let damaged = |content: &[u8]| {
        let mut disk = disk.clone();
        disk.put(&name, content);
        let found = only(&mut disk);
        assert!(
            matches!(&found[0], Found::Damaged { file, why: Why::Manifest(_), .. } if *file == name),
            "{found:?}"
        );
        assert_eq!(found[1..], [good(old.clone())]);
    };
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        damaged(&bytes);
    }
    (0..whole.len()).for_each(|cut| damaged(&whole[..cut]));
    damaged(&[&whole[..], &[0]].concat());
}

#[test]
fn a_manifest_under_the_name_of_another_group_is_not_taken() {
    let mut disk = MemoryDisk::new();
    store(&mut disk, 7, &[1]);
    let content = disk.content(&manifest_name(GROUP, Slot::A)).unwrap().to_vec();
    let other = manifest_name(GroupId(99), Slot::B);
    disk.put(&other, &content);
    let found = find(&mut disk, &owner()).unwrap();
    let damaged = Found::Damaged { slot: Slot::B, file: other, why: Why::Misnamed };
    assert_eq!(found[&GroupId(99)], [damaged]);
}

#[test]
fn a_chunk_that_is_gone_or_shorter_is_named() {
    let mut disk = MemoryDisk::new();
    let old = store(&mut disk, 7, &[1, 2]);
    store(&mut disk, 8, &[1, 3]);
    let name = chunk_name(GROUP, Slot::B, content_id(&plain(3)));
    let whole = disk.content(&name).unwrap().to_vec();
    disk.put(&name, &whole[..whole.len() - 1]);
    let (expected, got) = (whole.len() as u64, whole.len() as u64 - 1);
    let why = Why::Length { expected, got };
    let found = Found::Damaged { slot: Slot::B, file: name.clone(), why };
    assert_eq!(only(&mut disk), [found, good(old.clone())]);
    disk.sync(DiskOp::Remove { file: name.clone() }).unwrap();
    let found = Found::Damaged { slot: Slot::B, file: name, why: Why::Missing };
    assert_eq!(only(&mut disk), [found, good(old)]);
}

#[test]
fn what_a_slot_holds_and_its_checkpoint_does_not_need_is_left_over() {
    let mut disk = MemoryDisk::new();
    store(&mut disk, 7, &[1, 2]);
    store(&mut disk, 8, &[1, 3]);
    let newest = store(&mut disk, 9, &[2, 4]);
    let other = Contents { group: GroupId(11), ..contents(1, &[]) };
    disk.sync(write_manifest(&owner(), Slot::A, &other)).unwrap();
    disk.put("node.id", b"");
    let files = disk.list().unwrap();
    let left = leftovers(&files, GROUP, Slot::A, &newest.chunks);
    assert_eq!(left, [chunk_name(GROUP, Slot::A, content_id(&plain(1)))]);
    assert_eq!(leftovers(&files, GROUP, Slot::B, &[]).len(), 2);
    assert!(leftovers(&files, GroupId(12), Slot::A, &[]).is_empty());
}

/// Power lost at any point of making a checkpoint: it is there whole, or not.
#[test]
fn a_crash_leaves_the_old_checkpoint_or_the_new_one() {
    let mut before = MemoryDisk::new();
    let old = store(&mut before, 7, &[1, 2]);
    let mut ops: Vec<DiskOp> = [2, 3, 4]
        .map(|at| write_chunk(&owner(), GROUP, Slot::B, content_id(&plain(at)), &plain(at)))
        .into();
    let new = contents(8, &[2, 3, 4]);
    ops.push(write_manifest(&owner(), Slot::B, &new));
    for crashed in 0..ops.len() {
        for prng in 0..8 {
            let mut disk = before.clone();
            for op in &ops[..crashed] {
                disk.sync(op.clone()).unwrap();
            }
            disk.begin(ops[crashed].clone());
            disk.crash(&mut Prng::new(prng));
            let found = only(&mut disk);
            let flipped = crashed + 1 == ops.len() && found.len() == 2;
            let expected = if flipped { vec![new.clone(), old.clone()] } else { vec![old.clone()] };
            assert_eq!(found, expected.into_iter().map(good).collect::<Vec<_>>());
        }
    }
}

#[test]
fn any_bytes_in_a_file_end_in_an_answer() {
    let mut prng = Prng::new(3);
    for _ in 0..2000 {
        let mut bytes: Vec<u8> = (0..prng.below(300)).map(|_| prng.next() as u8).collect();
        let chunk = Chunk { id: ChunkId([0; 32]), bytes: prng.below(300) as u32 };
        if prng.chance(1, 2) && bytes.len() > CHUNK_HEAD_BYTES {
            let (_, head) = file_of(write_chunk(&owner(), GROUP, Slot::A, chunk.id, &Bytes::new()));
            bytes[..60].copy_from_slice(&head[..60]);
            let crc = crc32c(&bytes[..60]).to_le_bytes();
            bytes[60..64].copy_from_slice(&crc);
        }
        assert!(open_chunk(&owner(), GROUP, &chunk, &bytes.clone().into()).is_err());
        let mut disk = MemoryDisk::new();
        let crc = crc32c(&bytes).to_le_bytes();
        bytes.extend_from_slice(&crc);
        disk.put(&manifest_name(GROUP, Slot::A), &bytes);
        let found = find(&mut disk, &owner());
        assert!(!matches!(&found, Ok(all) if matches!(all[&GROUP][0], Found::Good { .. })));
    }
}
