//! Damage is named, with its place, and never taken for a tear: whatever single
//! bit of a record at or below the witness flips, recovery says which record.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod kit;

use base::prng::Prng;
use base::{Serial, Time};
use journal::disk::Disk;
use journal::memory::MemoryDisk;
use journal::record::{Found, HEADER_BYTES, Record, Seal, decode};
use journal::recover::{RecoverError, recover};
use journal::segment::{self, FoundHead, HEAD_BYTES};
use journal::wal::Options;
use kit::{choose_mutant, drain, entry, model, vote, witness};
use std::collections::BTreeMap;

fn options() -> Options {
    Options { segment_bytes: 8 << 10, must_exist: true, ..kit::options() }
}

/// A log over several segments, idle until its witness was written.
fn idle_log() -> (MemoryDisk, Vec<Record>) {
    let mut disk = MemoryDisk::new();
    let begun = Options { must_exist: false, ..options() };
    let mut wal = recover(&mut disk, &begun, &BTreeMap::new()).unwrap().wal;
    let mut prng = Prng::new(4);
    let mut appended = Vec::new();
    for index in 1..=24 {
        let body: Vec<u8> = (0..prng.below(900)).map(|_| prng.next() as u8).collect();
        let record = if index % 7 == 0 { vote(1, index) } else { entry(1, index, false, &body) };
        appended.push(record.clone());
        wal.append(record);
        if index % 2 == 0 {
            drain(&mut wal, &mut disk, Time(1));
        }
    }
    drain(&mut wal, &mut disk, Time(u64::MAX));
    appended.push(witness());
    (disk, appended)
}

/// A stretch of a file that one record, or the head before it, takes.
#[derive(Debug)]
struct Stretch {
    file: String,
    start: usize,
    end: usize,
    /// The first serial that is lost with it.
    serial: Serial,
}

fn stretches(disk: &mut MemoryDisk) -> Vec<Stretch> {
    let mut all = Vec::new();
    let files = disk.list().unwrap();
    for (file, size) in files {
        let content = disk.read(&file, size).unwrap();
        let FoundHead::Good(head) = segment::decode(&content[..HEAD_BYTES]) else { continue };
        all.push(Stretch { file: file.clone(), start: 0, end: HEAD_BYTES, serial: head.first });
        let seal = Seal::new(&head.owner, head.lane, head.generation);
        let mut start = HEAD_BYTES;
        while let Found::Good { link, stored, .. } = decode(&content.slice(start..), &seal) {
            let end = start + stored;
            all.push(Stretch { file: file.clone(), start, end, serial: link.serial });
            start = end;
        }
    }
    all
}

#[test]
fn a_flipped_bit_at_or_below_the_witness_is_named() {
    choose_mutant();
    let (mut disk, _) = idle_log();
    let witness = recover(&mut disk.clone(), &options(), &BTreeMap::new()).unwrap().report.witness;
    let stretches = stretches(&mut disk);
    assert_eq!((witness, stretches.last().unwrap().serial), (Serial(24), Serial(25)));
    let mut prng = Prng::new(1);
    let mut flips = 0;
    for stretch in stretches.iter().filter(|stretch| stretch.serial <= witness) {
        for at in stretch.start..stretch.end {
            // Every byte of a record's header, and some of what is long and alike.
            if at - stretch.start >= HEADER_BYTES && !prng.chance(1, 9) {
                continue;
            }
            flips += 1;
            let mut rotten = disk.clone();
            assert!(rotten.rot(&stretch.file, at as u64, 1 << prng.below(8)));
            let before = rotten.clone();
            let error = recover(&mut rotten, &options(), &BTreeMap::new()).unwrap_err();
            let RecoverError::Damage { file, offset, from, to } = error else {
                panic!("{stretch:?} at {at}: {error}")
            };
            let place = (&file, offset as usize, from);
            assert_eq!(place, (&stretch.file, stretch.start, stretch.serial), "at {at}");
            assert!(to >= witness, "{stretch:?}: only up to {to}");
            for (file, _) in rotten.list().unwrap() {
                assert_eq!(rotten.content(&file), before.content(&file), "{file} was changed");
            }
        }
    }
    println!("{flips} flipped bits in {} records and heads", stretches.len());
    assert!(flips > 4000);
}

#[test]
fn a_lost_sector_at_or_below_the_witness_is_named() {
    let (mut disk, _) = idle_log();
    for stretch in stretches(&mut disk).iter().filter(|stretch| stretch.serial <= Serial(24)) {
        let mut rotten = disk.clone();
        let mut content = rotten.content(&stretch.file).unwrap().to_vec();
        content[stretch.start..stretch.end].fill(0);
        rotten.put(&stretch.file, &content);
        let error = recover(&mut rotten, &options(), &BTreeMap::new()).unwrap_err();
        let RecoverError::Damage { file, from, .. } = error else { panic!("{error}") };
        assert_eq!((file, from), (stretch.file.clone(), stretch.serial));
    }
}

/// Rot above the witness looks like a tear, and is cut like one: this is what
/// the promise leaves out.
#[test]
fn above_the_witness_a_flip_is_a_tear() {
    let (mut disk, appended) = idle_log();
    let last = stretches(&mut disk).pop().unwrap();
    disk.rot(&last.file, last.start as u64 + 20, 4);
    let found = recover(&mut disk, &options(), &BTreeMap::new()).unwrap();
    assert_eq!(found.wal.last_serial(), Serial(24));
    assert_eq!(found.groups, model(&appended[..24]));
    assert!(found.report.cut_bytes > 0);
}

/// What stands behind the last record of a full segment belongs to nobody.
#[test]
fn rot_where_no_record_stands_is_no_damage() {
    let (mut disk, appended) = idle_log();
    let stretches = stretches(&mut disk);
    let second = segment::file_name(0, 2);
    let end = stretches.iter().filter(|stretch| stretch.file == second).map(|s| s.end).max();
    assert!(disk.rot(&second, end.unwrap() as u64 + 3, 64));
    assert_eq!(recover(&mut disk, &options(), &BTreeMap::new()).unwrap().groups, model(&appended));
}

#[test]
fn a_missing_or_shortened_or_exchanged_segment_is_named() {
    let (mut disk, _) = idle_log();
    let stretches = stretches(&mut disk);
    let first_of = |file: &str| stretches.iter().find(|s| s.file == file).unwrap().serial;
    let (second, third) = (segment::file_name(0, 2), segment::file_name(0, 3));
    let files = disk.list().unwrap();
    let content = |file: &str| disk.content(file).unwrap().to_vec();

    let mut shortened = disk.clone();
    shortened.put(&second, &content(&second)[..HEAD_BYTES + 64]);
    let mut exchanged = disk.clone();
    exchanged.put(&second, &content(&third));
    let mut missing = MemoryDisk::new();
    for (file, _) in files.into_iter().filter(|(file, _)| *file != second) {
        missing.put(&file, &content(&file));
    }
    for mut rotten in [shortened, exchanged, missing] {
        let error = recover(&mut rotten, &options(), &BTreeMap::new()).unwrap_err();
        let RecoverError::Damage { from, to, .. } = &error else { panic!("{error}") };
        assert_eq!((*from, *to >= Serial(24)), (first_of(&second), true), "{error}");
    }
}

/// The disk may hold a log of the same place and number from another node.
#[test]
fn a_segment_of_another_node_is_refused_by_name() {
    let (disk, _) = idle_log();
    let mut other = options();
    other.owner.incarnation.0 += 1;
    let error = recover(&mut disk.clone(), &other, &BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("its incarnation is 99, this node's is 100"), "{error}");
}

#[test]
fn a_newer_format_says_what_to_do() {
    let (disk, _) = idle_log();
    let name = segment::file_name(0, 1);
    for (at, what) in [(10, "segment format"), (16, "feature bits"), (24, "cipher")] {
        let mut content = disk.content(&name).unwrap().to_vec();
        content[at] = 9;
        let crc = base::checksum::crc32c(&content[..HEAD_BYTES - 4]);
        content[HEAD_BYTES - 4..HEAD_BYTES].copy_from_slice(&crc.to_le_bytes());
        let mut newer = MemoryDisk::new();
        newer.put(&name, &content);
        let error = recover(&mut newer, &options(), &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.to_string().contains("start that version or a later one"), "{error}");
    }
}
