//! The log as its callers use it: append, operations, recovery, and again.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod kit;

use base::{Ballot, GroupId, Incarnation, Index, NodeId, Serial, Time};
use bytes::Bytes;
use journal::disk::{Disk, DiskDone, DiskError, DiskOp};
use journal::memory::MemoryDisk;
use journal::record::Record;
use journal::recover::{RecoverError, Recovered, recover};
use journal::wal::Options;
use kit::{aside, cut, drain, entry, options, slot, vote};
use std::collections::BTreeMap;

fn start(disk: &mut MemoryDisk) -> Recovered {
    recover(disk, &options(), &BTreeMap::new()).unwrap()
}

#[test]
fn what_was_appended_is_recovered() {
    let mut disk = MemoryDisk::new();
    let Recovered { mut wal, groups, report } = start(&mut disk);
    assert!(groups.is_empty() && report.fresh);
    assert_eq!(wal.append(entry(1, 1, false, b"one")), Serial(1));
    assert_eq!(wal.append(entry(1, 2, false, b"two")), Serial(2));
    assert_eq!(wal.append(vote(1, 9)), Serial(3));
    assert_eq!(wal.append(entry(2, 4, false, &[9; 3000])), Serial(4));
    assert_eq!(wal.append(entry(1, 2, true, b"other two")), Serial(5));
    assert_eq!(wal.durable(), Serial(0));
    assert_eq!(drain(&mut wal, &mut disk, Time(1)).len(), 1, "one write for all");
    assert_eq!((wal.durable(), wal.pending_bytes()), (Serial(5), 0));

    let Recovered { wal, groups, report } = start(&mut disk);
    assert_eq!((wal.last_serial(), wal.durable(), report.records), (Serial(5), Serial(5), 5));
    let one = &groups[&GroupId(1)];
    assert_eq!(one.vote, Some((Ballot::new(9, NodeId(3)), Bytes::from("vote 9"))));
    let bodies: Vec<_> = one.entries.values().map(|entry| &entry.body[..]).collect();
    assert_eq!(bodies, [&b"one"[..], b"other two"]);
    assert_eq!(one.entries[&Index(2)].serial, Serial(5));
    assert_eq!(groups[&GroupId(2)].entries[&Index(4)].body, vec![9; 3000]);
}

/// A cut of its own takes away and puts nothing there; what is written later at such
/// an index counts, over segments and restarts too.
#[test]
fn a_cut_without_an_entry_makes_a_log_shorter() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    for index in 1..=5 {
        wal.append(entry(1, index, false, &[index as u8; 5000]));
    }
    wal.append(cut(1, 3));
    drain(&mut wal, &mut disk, Time(1));
    let indexes = |disk: &mut MemoryDisk| {
        let groups = start(disk).groups;
        groups[&GroupId(1)].entries.iter().map(|(index, it)| (index.0, it.body[0])).collect()
    };
    let found: Vec<(u64, u8)> = indexes(&mut disk);
    assert_eq!(found, [(1, 1), (2, 2)]);
    let mut wal = start(&mut disk).wal;
    wal.append(entry(1, 3, false, b"new"));
    drain(&mut wal, &mut disk, Time(1));
    assert_eq!(indexes(&mut disk), [(1, 1), (2, 2), (3, b'n')]);
}

/// What would void 3 and 4 in a log of which each entry follows on the one before.
#[test]
fn a_slot_takes_one_place_and_voids_nothing_above_it() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    for (index, round, body) in [(1, 4, "a"), (4, 4, "d"), (3, 4, "c"), (2, 4, "b"), (2, 6, "x")] {
        wal.append(slot(1, index, round, index.saturating_sub(2), body.as_bytes()));
    }
    wal.append(slot(1, 7, 6, 0, b"far away"));
    drain(&mut wal, &mut disk, Time(1));
    let groups = start(&mut disk).groups;
    let group = &groups[&GroupId(1)];
    let found = group.entries.iter().map(|(index, it)| (index.0, it.accepted.round, &it.body[..]));
    let expected: [(u64, u64, &[u8]); 5] =
        [(1, 4, b"a"), (2, 6, b"x"), (3, 4, b"c"), (4, 4, b"d"), (7, 6, b"far away")];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert!(group.entries.values().all(|it| it.ballot.round == 4), "each was proposed in round 4");
    assert_eq!(group.chosen, Index(2), "what the record of 4 says");
}

#[test]
fn a_cut_voids_what_is_older_and_behind_it() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    for index in 1..=5 {
        wal.append(entry(1, index, false, b"old"));
        wal.append(entry(2, index, false, b"other group"));
    }
    wal.append(entry(1, 3, true, b"new"));
    drain(&mut wal, &mut disk, Time(1));
    let groups = start(&mut disk).groups;
    assert_eq!(groups[&GroupId(1)].entries.len(), 3);
    assert_eq!(groups[&GroupId(1)].entries[&Index(3)].body, "new");
    assert_eq!(groups[&GroupId(2)].entries.len(), 5);
}

#[test]
fn a_new_life_of_a_replica_finds_nothing_of_the_old_one() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    wal.append(entry(1, 1, false, b"old"));
    wal.append(vote(1, 4));
    wal.append(Record { incarnation: Incarnation(2), ..entry(1, 9, false, b"new") });
    drain(&mut wal, &mut disk, Time(1));
    let groups = start(&mut disk).groups;
    let one = &groups[&GroupId(1)];
    assert_eq!((one.incarnation, one.entries.len(), &one.vote), (Incarnation(2), 1, &None));
}

#[test]
fn the_log_goes_on_over_segments_and_restarts() {
    let mut disk = MemoryDisk::new();
    let mut index = 0;
    for life in 0..6 {
        let Recovered { mut wal, groups, .. } = start(&mut disk);
        assert_eq!(groups.get(&GroupId(1)).map_or(0, |group| group.entries.len()), index);
        for _ in 0..20 {
            index += 1;
            wal.append(entry(1, index as u64, false, &vec![life; 40 * index]));
        }
        drain(&mut wal, &mut disk, Time(1));
    }
    let found = start(&mut disk);
    assert!(found.report.segments > 10, "{:?}", found.report);
    let bodies = found.groups[&GroupId(1)].entries.iter();
    assert!(bodies.clone().count() == 120);
    assert!(bodies.into_iter().all(|(at, entry)| entry.body.len() == 40 * at.0 as usize));
}

#[test]
fn a_record_larger_than_a_segment_and_an_operation_is_whole() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    let large = vec![7; base::limits::ENTRY_BYTES_MAX];
    wal.append(entry(1, 1, false, b"small"));
    wal.append(entry(1, 2, false, &large));
    wal.append(entry(1, 3, false, b"small"));
    let ops = drain(&mut wal, &mut disk, Time(1));
    let sizes: Vec<usize> = ops.iter().map(bytes_of).collect();
    // Small one; a head; the large one in two; a head; small one.
    let half = base::limits::DISK_OP_BYTES_MAX;
    assert_eq!(sizes, [120, 4096, half, large.len() + 112 - half, 4096, 120]);
    let found = start(&mut disk);
    assert_eq!(found.groups[&GroupId(1)].entries[&Index(2)].body, large);
    assert_eq!(found.wal.durable(), Serial(3));
}

/// A large record takes more than one operation; a process may die between them.
#[test]
fn half_a_large_record_is_a_tear() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    wal.append(entry(1, 1, false, b"small"));
    drain(&mut wal, &mut disk, Time(1));
    wal.append(entry(1, 2, false, &vec![7; base::limits::ENTRY_BYTES_MAX]));
    loop {
        let Some(op) = wal.next_op(Time(1)) else {
            assert_eq!(aside(&mut wal, &mut disk).len(), 1);
            continue;
        };
        let half = bytes_of(&op) > 4096;
        let durable = wal.on_done(Time(1), disk.perform(op));
        assert_eq!(durable, Ok(Serial(1)), "half a record is not durable");
        if half {
            break;
        }
    }
    let Recovered { mut wal, report, .. } = start(&mut disk);
    assert_eq!(wal.last_serial(), Serial(1));
    assert!((1..=512).contains(&report.cut_bytes), "only its header is cut: {report:?}");
    wal.append(entry(1, 2, false, b"other"));
    drain(&mut wal, &mut disk, Time(1));
    let found = start(&mut disk);
    assert_eq!(found.groups[&GroupId(1)].entries[&Index(2)].body, "other");
    assert_eq!(found.report.cut_bytes, 0);
}

fn bytes_of(op: &DiskOp) -> usize {
    match op {
        DiskOp::Write { parts, .. } => parts.iter().map(Bytes::len).sum(),
        _ => 0,
    }
}

#[test]
fn one_operation_at_a_time_and_what_arrives_meanwhile_is_the_next() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    wal.append(entry(1, 1, false, b"a"));
    let first = wal.next_op(Time(1)).unwrap();
    assert!(wal.is_busy());
    wal.append(entry(1, 2, false, b"b"));
    wal.append(entry(2, 1, false, b"c"));
    assert_eq!(wal.next_op(Time(1)), None);
    assert_eq!(wal.pending_bytes(), 3 * 120);
    assert_eq!(wal.on_done(Time(2), disk.perform(first)), Ok(Serial(1)));
    let second = wal.next_op(Time(2)).unwrap();
    assert_eq!(bytes_of(&second), 240);
    assert_eq!(wal.on_done(Time(3), disk.perform(second)), Ok(Serial(3)));
    assert_eq!(wal.next_op(Time(3)), None);
}

#[test]
fn an_idle_log_writes_one_witness_and_no_second() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    assert_eq!(wal.deadline(), None);
    wal.append(entry(1, 1, false, b"a"));
    drain(&mut wal, &mut disk, Time(0));
    let due = Time::ZERO + base::limits::WITNESS_DELAY;
    assert_eq!(wal.deadline(), Some(due));
    assert_eq!(wal.next_op(Time(due.0 - 1)), None);
    assert_eq!(drain(&mut wal, &mut disk, due).len(), 1);
    assert_eq!((wal.last_serial(), wal.durable(), wal.deadline()), (Serial(2), Serial(2), None));
    assert_eq!(wal.next_op(Time(u64::MAX)), None);
    let found = start(&mut disk);
    assert_eq!((found.report.witness, found.wal.deadline()), (Serial(1), None));
}

#[test]
fn what_only_a_restart_proves_durable_is_witnessed_at_once() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    wal.append(entry(1, 1, false, b"a"));
    drain(&mut wal, &mut disk, Time(0));
    assert_eq!(start(&mut disk).wal.deadline(), Some(Time::ZERO));
}

/// The next segment's file is made beside the log, at once; the log only opens it.
#[test]
fn the_next_segment_is_made_before_it_is_needed() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    let file = "wal-0-0000000000000002.seg".into();
    assert_eq!(wal.next_aside(), Some(vec![DiskOp::Create { file, size: 16 << 10 }]));
    assert_eq!(wal.next_aside(), None, "one job at a time");
    wal.append(entry(1, 1, false, &[1; 6000]));
    wal.append(entry(1, 2, false, &[1; 9000]));
    let write = wal.next_op(Time(1)).unwrap();
    wal.on_done(Time(1), disk.perform(write)).unwrap();
    assert_eq!((wal.next_op(Time(1)), wal.waits_for_segment()), (None, true));
    assert_eq!((wal.deadline(), wal.is_busy(), wal.pending_bytes()), (None, false, 9112));
    disk.sync(DiskOp::Create { file: "wal-0-0000000000000002.seg".into(), size: 16 << 10 })
        .unwrap();
    wal.on_aside(Ok(()));
    assert!(!wal.waits_for_segment());
    let head = wal.next_op(Time(1)).unwrap();
    assert!(matches!(head, DiskOp::Write { offset: 0, .. }), "only the head: {head:?}");
    assert_eq!(wal.next_aside(), None, "the file is in use");
    wal.on_done(Time(1), disk.perform(head)).unwrap();
    assert_eq!(wal.stored_bytes(), 32 << 10);
    assert!(matches!(&wal.next_aside().unwrap()[..], [DiskOp::Create { .. }]), "the one after");
}

/// A record that is larger than the file that was made gets a file of its own.
#[test]
fn a_file_that_is_too_small_is_made_anew() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    assert_eq!(aside(&mut wal, &mut disk).len(), 1);
    wal.append(entry(1, 1, false, &[7; 40_000]));
    assert_eq!((wal.next_op(Time(1)), wal.waits_for_segment()), (None, true));
    let size = 4096 + 112 + 40_000;
    let file = "wal-0-0000000000000002.seg".into();
    assert_eq!(aside(&mut wal, &mut disk), [DiskOp::Create { file, size }]);
    drain(&mut wal, &mut disk, Time(1));
    assert_eq!(start(&mut disk).groups[&GroupId(1)].entries[&Index(1)].body, vec![7; 40_000]);
}

#[test]
fn a_failure_beside_the_log_stops_it() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    wal.append(entry(1, 1, false, b"a"));
    wal.next_aside().unwrap();
    let error = DiskError { what: "create".into(), why: "EIO".into(), full: false };
    wal.on_aside(Err(error.clone()));
    assert_eq!((wal.next_op(Time(1)), wal.next_aside()), (None, None));
    assert_eq!((wal.failed(), wal.deadline()), (Some(&error), None));
}

/// Nothing is lost by a full disk: the log goes on in what it has, waits, and asks
/// again for the same file.
#[test]
fn a_log_without_room_for_a_segment_goes_on_when_there_is_room() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    disk.limit(Some(disk.used()));
    let refused = |wal: &mut journal::wal::Wal, disk: &mut MemoryDisk| {
        let ops = wal.next_aside().unwrap();
        let DiskDone::Failed(error) = disk.perform(ops[0].clone()) else { panic!("{ops:?}") };
        assert!(error.full, "{error}");
        wal.on_aside(Err(error));
        ops
    };
    let first = refused(&mut wal, &mut disk);
    assert_eq!((wal.failed(), wal.room()), (None, 12 << 10));
    wal.append(entry(1, 1, false, &[1; 9000]));
    let op = wal.next_op(Time(1)).unwrap();
    assert_eq!(wal.on_done(Time(1), disk.perform(op)), Ok(Serial(1)));
    assert_eq!(wal.room(), (12 << 10) - 9112);
    wal.append(entry(1, 2, false, &[2; 9000]));
    assert_eq!((wal.next_op(Time(1)), wal.waits_for_segment(), wal.room()), (None, true, 0));
    assert_eq!(refused(&mut wal, &mut disk), first);
    assert_eq!(start(&mut disk.clone()).groups[&GroupId(1)].entries.len(), 1, "a restart works");
    disk.limit(None);
    drain(&mut wal, &mut disk, Time(1));
    assert_eq!((wal.durable(), wal.waits_for_segment()), (Serial(2), false));
    assert_eq!(start(&mut disk).groups[&GroupId(1)].entries.len(), 2);
}

/// The file that was there stays, and so does one that could not be renamed.
#[test]
fn what_was_beside_the_log_is_there_after_a_failure_for_want_of_room() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    assert_eq!(aside(&mut wal, &mut disk).len(), 1);
    let room = wal.room();
    wal.append(entry(1, 1, false, &[7; 40_000]));
    assert_eq!((wal.next_op(Time(1)), wal.waits_for_segment()), (None, true));
    disk.limit(Some(disk.used() + 100));
    let ops = wal.next_aside().unwrap();
    let DiskDone::Failed(error) = disk.perform(ops[0].clone()) else { panic!("{ops:?}") };
    wal.on_aside(Err(error));
    assert_eq!((wal.room(), room), (0, (12 << 10) + (12 << 10)));
    assert_eq!(wal.next_aside(), Some(ops), "the same again");
}

#[test]
fn after_a_failure_the_log_is_dead() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    wal.append(entry(1, 1, false, b"a"));
    wal.next_op(Time(1)).unwrap();
    let error = DiskError { what: "write".into(), why: "EIO".into(), full: false };
    assert_eq!(wal.on_done(Time(1), DiskDone::Failed(error.clone())), Err(error.clone()));
    wal.append(entry(1, 2, false, b"b"));
    assert_eq!((wal.next_op(Time(u64::MAX)), wal.deadline()), (None, None));
    assert_eq!((wal.failed(), wal.durable()), (Some(&error), Serial(0)));
}

#[test]
fn a_log_of_somebody_else_is_named() {
    let mut disk = MemoryDisk::new();
    start(&mut disk);
    let mut other = options();
    other.owner.node = NodeId(4);
    let error = recover(&mut disk, &other, &BTreeMap::new()).unwrap_err();
    let RecoverError::Foreign { what, expected, got, .. } = &error else { panic!("{error}") };
    assert_eq!((*what, *expected, *got), ("node id", 4, 3));
}

#[test]
fn a_lost_log_is_not_a_fresh_one() {
    let known = Options { must_exist: true, ..options() };
    assert_eq!(
        recover(&mut MemoryDisk::new(), &known, &BTreeMap::new()).unwrap_err(),
        RecoverError::Gone
    );
}

#[test]
fn lanes_do_not_see_each_other() {
    let mut disk = MemoryDisk::new();
    let mut wal = start(&mut disk).wal;
    wal.append(entry(1, 1, false, b"a"));
    drain(&mut wal, &mut disk, Time(1));
    let other = recover(&mut disk, &Options { lane: 1, ..options() }, &BTreeMap::new()).unwrap();
    assert!(other.report.fresh && other.groups.is_empty());
    assert_eq!(start(&mut disk).wal.last_serial(), Serial(1));
}
