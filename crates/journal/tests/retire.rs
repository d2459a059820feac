//! The front of the log goes when checkpoints hold it, and takes no promise with
//! it; what is left of an old file is never believed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod kit;

use base::{Ballot, GroupId, Incarnation, Index, NodeId, Serial, Time};
use bytes::Bytes;
use journal::disk::{Disk, DiskOp};
use journal::memory::MemoryDisk;
use journal::record::Record;
use journal::recover::{RecoverError, Recovered, recover};
use journal::segment::{self, HEAD_BYTES};
use journal::wal::{Options, Wal};
use kit::{aside, drain, entry, restore, vote};
use std::collections::BTreeMap;

const ONE: GroupId = GroupId(1);
const TWO: GroupId = GroupId(2);
const FLOOR: &str = "wal-0.floor";

fn options() -> Options {
    Options { segment_bytes: 8 << 10, must_exist: true, ..kit::options() }
}

fn start(disk: &mut MemoryDisk) -> Recovered {
    recover(disk, &options(), &BTreeMap::new()).unwrap()
}

fn begin(disk: &mut MemoryDisk) -> Wal {
    let options = Options { must_exist: false, ..options() };
    recover(disk, &options, &BTreeMap::new()).unwrap().wal
}

/// Entries `from` to `to` of group 1, three to a segment.
fn write(wal: &mut Wal, disk: &mut MemoryDisk, from: u64, to: u64) {
    for index in from..=to {
        wal.append(entry(1, index, false, &[index as u8; 1200]));
        drain(wal, disk, Time(1));
    }
}

fn segments(disk: &mut MemoryDisk) -> Vec<u64> {
    let files = disk.list().unwrap();
    files.iter().filter_map(|(name, _)| segment::number_of(0, name)).collect()
}

/// A log of several segments whose front is retired: the floor is at segment 4.
fn retired() -> (MemoryDisk, Wal) {
    let mut disk = MemoryDisk::new();
    let mut wal = begin(&mut disk);
    wal.append(vote(2, 7));
    write(&mut wal, &mut disk, 1, 11);
    wal.release(ONE, Index(9));
    drain(&mut wal, &mut disk, Time(u64::MAX));
    (disk, wal)
}

#[test]
fn what_checkpoints_hold_goes_and_promises_stay() {
    let (mut disk, wal) = retired();
    assert!(disk.content(FLOOR).is_some());
    let stored = wal.stored_bytes();
    let found = start(&mut disk);
    let (one, two) = (&found.groups[&ONE], &found.groups[&TWO]);
    assert!(found.report.floor > 2, "{:?}", found.report);
    assert_eq!(stored, found.report.segments * (8 << 10));
    assert_eq!((one.released.next(), one.first()), (one.first().unwrap(), one.first()));
    assert!(one.released <= Index(9) && one.entries.contains_key(&Index(10)));
    assert_eq!(two.vote, Some((Ballot::new(7, NodeId(3)), Bytes::from("vote 7"))));
    assert_eq!((two.entries.len(), two.released), (0, Index(0)));
    assert_eq!(found.wal.last_serial(), wal.last_serial(), "serials go on");
}

#[test]
fn one_group_that_was_not_released_keeps_the_log() {
    let mut disk = MemoryDisk::new();
    let mut wal = begin(&mut disk);
    wal.append(entry(2, 1, false, b"idle"));
    write(&mut wal, &mut disk, 1, 11);
    wal.release(ONE, Index(11));
    drain(&mut wal, &mut disk, Time(1));
    assert_eq!(disk.content(FLOOR), None);
    wal.release(TWO, Index(1));
    drain(&mut wal, &mut disk, Time(1));
    assert!(start(&mut disk).report.floor > 2);
}

/// Entries that a newer segment voids hold nothing back; but the record that
/// voids them must be durable, so its segment is closed.
#[test]
fn void_entries_do_not_keep_the_log() {
    for last in [restore(1, 20, false), entry(1, 1, true, b"cut"), {
        Record { incarnation: Incarnation(2), ..entry(1, 1, false, b"new life") }
    }] {
        let mut disk = MemoryDisk::new();
        let mut wal = begin(&mut disk);
        write(&mut wal, &mut disk, 1, 9);
        wal.append(last.clone());
        drain(&mut wal, &mut disk, Time(1));
        assert_eq!(disk.content(FLOOR), None, "{last:?}");
        for index in 2..6 {
            let incarnation = last.incarnation;
            wal.append(Record { incarnation, ..entry(1, 20 + index, false, &[1; 1800]) });
        }
        drain(&mut wal, &mut disk, Time(1));
        assert!(start(&mut disk).report.floor > 2, "{last:?}");
    }
}

#[test]
fn the_base_of_a_group_outlives_its_segment() {
    let mut disk = MemoryDisk::new();
    let mut wal = begin(&mut disk);
    wal.append(restore(2, 40, false));
    write(&mut wal, &mut disk, 1, 11);
    wal.release(ONE, Index(11));
    drain(&mut wal, &mut disk, Time(1));
    let found = start(&mut disk);
    assert!(found.report.floor > 2);
    assert_eq!(found.groups[&TWO].base, Some((Index(40), Ballot::new(5, NodeId(3)))));
}

#[test]
fn a_restore_says_where_a_group_begins() {
    for (keep, left) in [(true, vec![Index(4), Index(5)]), (false, vec![Index(5)])] {
        let mut disk = MemoryDisk::new();
        let mut wal = begin(&mut disk);
        (1..=4).for_each(|index| _ = wal.append(entry(1, index, false, b"old")));
        wal.append(restore(1, 3, keep));
        wal.append(entry(1, 5, false, b"new"));
        drain(&mut wal, &mut disk, Time(1));
        let found = start(&mut disk);
        let one = &found.groups[&ONE];
        assert_eq!(one.entries.keys().copied().collect::<Vec<_>>(), left);
        assert_eq!(one.base, Some((Index(3), Ballot::new(5, NodeId(3)))));
    }
}

#[test]
fn what_a_checkpoint_holds_is_not_handed_up() {
    let mut disk = MemoryDisk::new();
    let mut wal = begin(&mut disk);
    write(&mut wal, &mut disk, 3, 9);
    let held = BTreeMap::from([(ONE, Index(6))]);
    let found = recover(&mut disk, &options(), &held).unwrap();
    let one = &found.groups[&ONE];
    assert_eq!((one.below, one.first()), (Some((Index(3), Index(5))), Some(Index(3))));
    assert!(one.entries.keys().copied().eq((6..=9).map(Index)));
    let held = BTreeMap::from([(ONE, Index(20))]);
    let found = recover(&mut disk, &options(), &held).unwrap();
    assert_eq!(found.groups[&ONE].below, Some((Index(3), Index(9))));
    assert!(found.groups[&ONE].entries.is_empty());
}

/// One retired file waits to be the next segment, the others are removed, and the
/// directory stops growing.
#[test]
fn files_are_used_again() {
    let mut disk = MemoryDisk::new();
    let mut wal = begin(&mut disk);
    let mut reused = 0;
    for index in 1..=60 {
        wal.append(entry(1, index, false, &[index as u8; 1200]));
        while let Some(op) = wal.next_op(Time(1)) {
            wal.on_done(Time(1), disk.perform(op)).unwrap();
        }
        wal.release(ONE, Index(index - 1));
        loop {
            let ops = aside(&mut wal, &mut disk);
            reused += ops.iter().filter(|op| matches!(op, DiskOp::Rename { .. })).count();
            while let Some(op) = wal.next_op(Time(1)) {
                wal.on_done(Time(1), disk.perform(op)).unwrap();
            }
            if ops.is_empty() {
                break;
            }
        }
        assert!(segments(&mut disk).len() <= 4, "{:?}", segments(&mut disk));
    }
    assert!(reused > 10, "{reused}");
    let found = start(&mut disk);
    assert_eq!(found.report.cut_bytes, 0, "an old file is not rewritten");
    assert!(found.groups[&ONE].entries.contains_key(&Index(60)));
    assert_eq!(found.wal.durable(), wal.durable());
}

/// A restart finds the file that was made ahead, and makes no other.
#[test]
fn a_file_that_was_made_ahead_is_found_again() {
    let (mut disk, _) = retired();
    let before = disk.list().unwrap();
    let mut wal = start(&mut disk).wal;
    while let Some(ops) = wal.next_aside() {
        assert!(!ops.iter().any(|op| matches!(op, DiskOp::Create { .. })), "{ops:?}");
        ops.into_iter().for_each(|op| disk.sync(op).unwrap());
        wal.on_aside(Ok(()));
    }
    assert!(disk.list().unwrap().len() <= before.len());
}

#[test]
fn a_damaged_floor_refuses_by_name() {
    let (disk, _) = retired();
    let whole = disk.content(FLOOR).unwrap().to_vec();
    for bit in 0..whole.len() * 8 {
        let mut rotten = disk.clone();
        assert!(rotten.rot(FLOOR, bit as u64 / 8, 1 << (bit % 8)));
        let error = recover(&mut rotten, &options(), &BTreeMap::new()).unwrap_err();
        assert!(matches!(&error, RecoverError::Floor { file, .. } if file == FLOOR), "{error}");
        assert!(error.to_string().contains(FLOOR));
    }
}

#[test]
fn a_floor_of_another_node_is_refused_by_name() {
    let (disk, _) = retired();
    let mut other = options();
    other.owner.node = NodeId(4);
    let error = recover(&mut disk.clone(), &other, &BTreeMap::new()).unwrap_err();
    let RecoverError::Foreign { file, what, .. } = &error else { panic!("{error}") };
    assert_eq!((file.as_str(), *what), (FLOOR, "node id"));
}

#[test]
fn a_segment_that_is_missing_at_the_floor_or_without_one_is_named() {
    let (disk, _) = retired();
    let floor = start(&mut disk.clone()).report.floor;
    let mut missing = disk.clone();
    missing.sync(DiskOp::Remove { file: segment::file_name(0, floor) }).unwrap();
    let mut headless = disk.clone();
    headless.rot(&segment::file_name(0, floor), 70, 1);
    for mut rotten in [missing, headless] {
        let error = recover(&mut rotten, &options(), &BTreeMap::new()).unwrap_err();
        let RecoverError::Damage { file, offset, from, .. } = &error else { panic!("{error}") };
        assert_eq!((file, *offset), (&segment::file_name(0, floor), 0));
        assert!(*from > Serial(1));
    }
    let mut bare = disk;
    bare.sync(DiskOp::Remove { file: FLOOR.into() }).unwrap();
    let error = recover(&mut bare, &options(), &BTreeMap::new()).unwrap_err();
    assert!(matches!(error, RecoverError::Damage { .. }), "{error}");
}

/// The power may go between the floor and the removal of what is below it.
#[test]
fn what_is_left_below_the_floor_is_ignored_and_cleared() {
    let (disk, _) = retired();
    let floor = start(&mut disk.clone()).report.floor;
    let mut disk = disk;
    for number in 1..floor {
        disk.put(&segment::file_name(0, number), &[number as u8; 5000]);
    }
    let mut wal = start(&mut disk).wal;
    drain(&mut wal, &mut disk, Time(u64::MAX));
    assert!(segments(&mut disk).iter().filter(|number| **number < floor).count() <= 1);
    start(&mut disk);
}

/// A file that was used before, and whose new head is gone, is damage as soon as
/// a record of its new use stands in it, and nothing before that.
#[test]
fn an_old_head_is_no_excuse_for_a_lost_new_one() {
    let (mut disk, mut wal) = retired();
    let mut index = 11;
    let (name, old) = loop {
        let before: BTreeMap<u64, Vec<u8>> = segments(&mut disk)
            .into_iter()
            .map(|it| (it, disk.content(&segment::file_name(0, it)).unwrap().to_vec()))
            .collect();
        let next = *before.keys().next_back().unwrap();
        let old = before[&next].clone();
        let used = old[..8] == *b"TRIMWAL\0" && old[64..72] != next.to_le_bytes();
        index += 1;
        write(&mut wal, &mut disk, index, index);
        wal.release(ONE, Index(index - 1));
        let name = segment::file_name(0, next);
        if used && disk.content(&name).unwrap()[64..72] == next.to_le_bytes() {
            break (name, old);
        }
    };
    let mut content = disk.content(&name).unwrap().to_vec();
    content[..HEAD_BYTES].copy_from_slice(&old[..HEAD_BYTES]);
    let mut rotten = disk.clone();
    rotten.put(&name, &content);
    let error = recover(&mut rotten, &options(), &BTreeMap::new()).unwrap_err();
    assert!(matches!(&error, RecoverError::Damage { file, offset: 0, .. } if *file == name));
}
