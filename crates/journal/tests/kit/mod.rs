//! What the tests of the log share: records, a world that drives the log, and
//! the naive reading of what the records add up to.
#![allow(dead_code, reason = "each test file uses a part of it")]

use base::mutant::Mutant;
use base::{Ballot, ClusterId, Era, GroupId, Incarnation, Index, NodeId, Serial, Time};
use bytes::Bytes;
use journal::disk::{Disk, DiskOp};
use journal::history::{GroupRecovered, RecoveredEntry};
use journal::record::{ORIGIN_BYTES, Owner, Record, RecordKind};
use journal::slot::Slot;
use journal::wal::{Options, Wal};
use std::collections::BTreeMap;

/// `TRIMARAN_MUTANT=Name` with the feature `mutants` of `base` shows whether a test sees that bug.
pub(crate) fn choose_mutant() {
    let name = std::env::var("TRIMARAN_MUTANT").unwrap_or_default();
    let wanted = Mutant::ALL.iter().find(|mutant| format!("{mutant:?}") == name);
    wanted.copied().unwrap_or(Mutant::None).choose();
}

pub(crate) fn options() -> Options {
    let owner = Owner { cluster: ClusterId(7), node: NodeId(3), incarnation: Incarnation(99) };
    Options { owner, lane: 0, segment_bytes: 16 << 10, must_exist: false }
}

pub(crate) fn entry(group: u64, index: u64, cut: bool, body: &[u8]) -> Record {
    let ballot = Ballot::new(5, NodeId(3));
    Record {
        group: GroupId(group),
        incarnation: Incarnation(1),
        era: Era(1),
        kind: RecordKind::Entry { index: Index(index), ballot, entry_kind: 1, clock: 8, cut },
        body: Bytes::copy_from_slice(body),
    }
}

/// An entry that stands for itself, proposed in round 4 and accepted in a later one.
pub(crate) fn slot(group: u64, index: u64, round: u64, chosen: u64, body: &[u8]) -> Record {
    let (kind, body) = Slot {
        index: Index(index),
        ballot: Ballot::new(4, NodeId(3)),
        accepted: Ballot::new(round, NodeId(3)),
        entry_kind: 1,
        clock: 8,
        chosen: Index(chosen),
        body: Bytes::copy_from_slice(body),
    }
    .record();
    Record { kind, body, ..entry(group, 0, false, b"") }
}

pub(crate) fn vote(group: u64, round: u64) -> Record {
    let kind = RecordKind::Vote { ballot: Ballot::new(round, NodeId(3)) };
    Record { kind, body: Bytes::from(format!("vote {round}")), ..entry(group, 0, false, b"") }
}

pub(crate) fn restore(group: u64, index: u64, keep: bool) -> Record {
    let kind = RecordKind::Restore { index: Index(index), ballot: Ballot::new(5, NodeId(3)), keep };
    Record { kind, ..entry(group, 0, false, b"") }
}

pub(crate) fn cut(group: u64, index: u64) -> Record {
    Record { kind: RecordKind::Cut { index: Index(index) }, ..entry(group, 0, false, b"") }
}

pub(crate) fn witness() -> Record {
    Record {
        group: GroupId(0),
        incarnation: Incarnation(0),
        era: Era(0),
        kind: RecordKind::Witness,
        body: Bytes::new(),
    }
}

/// Performs operations until the log is idle; those that it asks for itself are
/// handed back.
pub(crate) fn drain(wal: &mut Wal, disk: &mut dyn Disk, now: Time) -> Vec<DiskOp> {
    let mut ops = Vec::new();
    loop {
        while let Some(op) = wal.next_op(now) {
            ops.push(op.clone());
            wal.on_done(now, disk.perform(op)).unwrap();
        }
        if aside(wal, disk).is_empty() {
            return ops;
        }
    }
}

/// Performs the next job beside the log, if there is one.
pub(crate) fn aside(wal: &mut Wal, disk: &mut dyn Disk) -> Vec<DiskOp> {
    let ops = wal.next_aside().unwrap_or_default();
    for op in &ops {
        disk.sync(op.clone()).unwrap();
    }
    if !ops.is_empty() {
        wal.on_aside(Ok(()));
    }
    ops
}

/// What the first records of a log add up to, read as naively as possible: for
/// each group everything is looked up from the end.
pub(crate) fn model(records: &[Record]) -> BTreeMap<GroupId, GroupRecovered> {
    let real = records.iter().filter(|record| record.kind != RecordKind::Witness);
    let groups: std::collections::BTreeSet<GroupId> = real.map(|record| record.group).collect();
    groups.into_iter().map(|group| (group, model_of(group, records))).collect()
}

fn model_of(group: GroupId, records: &[Record]) -> GroupRecovered {
    let mine: Vec<(Serial, &Record)> = (1..)
        .map(Serial)
        .zip(records)
        .filter(|(_, record)| record.group == group && record.kind != RecordKind::Witness)
        .collect();
    let newest = mine.last().unwrap().1;
    let first = mine.iter().rposition(|(_, record)| record.incarnation != newest.incarnation);
    let mine = mine.split_at(first.map_or(0, |place| place + 1)).1;
    let vote = mine.iter().rev().find_map(|(_, record)| match record.kind {
        RecordKind::Vote { ballot } => Some((ballot, record.body.clone())),
        _ => None,
    });
    let base = mine.iter().rev().find_map(|(_, record)| match record.kind {
        RecordKind::Restore { index, ballot, .. } => Some((index, ballot)),
        _ => None,
    });
    let mut entries = BTreeMap::new();
    let mut bound = Index(u64::MAX);
    let mut floor = None;
    let mut chosen = 0;
    for (serial, record) in mine.iter().rev() {
        if let RecordKind::Restore { index, keep, .. } = record.kind {
            floor = floor.max(Some(index));
            bound = if keep { bound } else { Index(0) };
        }
        if let RecordKind::Cut { index } = record.kind {
            bound = bound.min(index);
        }
        if let RecordKind::Entry { index, ballot, entry_kind, clock, cut } = record.kind {
            let (era, body, serial) = (record.era, record.body.clone(), *serial);
            let accepted = ballot;
            if floor < Some(index) && index < bound {
                let entry =
                    RecoveredEntry { ballot, accepted, entry_kind, clock, era, body, serial };
                entries.entry(index).or_insert(entry);
            }
            bound = if cut { bound.min(index) } else { bound };
        }
        if let RecordKind::Slot { index, accepted, entry_kind, clock, distance, inherited } =
            record.kind
        {
            chosen = chosen.max(if distance == 0 { 0 } else { index.0 - u64::from(distance) });
            let (era, serial) = (record.era, *serial);
            let body = record.body.slice(if inherited { ORIGIN_BYTES } else { 0 }..);
            let ballot = if inherited { Ballot::new(4, NodeId(3)) } else { accepted };
            if floor < Some(index) && index < bound {
                let entry =
                    RecoveredEntry { ballot, accepted, entry_kind, clock, era, body, serial };
                entries.entry(index).or_insert(entry);
            }
        }
    }
    let (incarnation, era) = (newest.incarnation, newest.era);
    let (released, below) = (Index(0), None);
    let chosen = Index(chosen);
    GroupRecovered { incarnation, era, vote, base, released, below, chosen, entries }
}
