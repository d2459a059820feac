//! Every crash point: from every operation of recorded lives, and every way in
//! which its unsynced part can be lost, torn, zero-filled or reordered, the log
//! comes back with everything acknowledged and nothing invented.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod kit;

use base::check::Mark;
use base::prng::Prng;
use base::{Serial, Time};
use bytes::Bytes;
use journal::disk::{Disk, DiskDone, DiskOp};
use journal::memory::{Fate, MemoryDisk, SECTOR_BYTES};
use journal::record::Record;
use journal::recover::{Recovered, recover};
use journal::wal::{Options, Wal};
use kit::{drain, entry, model, vote, witness};
use std::collections::BTreeMap;
use std::rc::Rc;

const SEEDS: u64 = 16;
const STEPS: usize = 36;

#[test]
fn every_crash_point() {
    let mut tally = Tally::default();
    for seed in 1..=SEEDS {
        let mut prng = Prng::new(seed);
        let moments = record_lives(&mut prng);
        for (place, moment) in moments.iter().enumerate() {
            let before = format!("seed {seed}, operation {place}, {}", name(&moment.op));
            tally.moments += 1;
            for image in images(moment, &mut prng) {
                check(&image, moment, &before, &mut prng, &mut tally);
            }
        }
    }
    println!("{tally:?}");
    println!(
        "marks: torn tails {}, stale tails {}, segments {}, witnesses {}",
        Mark::TornTail.count(),
        Mark::StaleTail.count(),
        Mark::SegmentOpened.count(),
        Mark::WitnessWritten.count()
    );
    assert!(tally.images > 10_000, "{tally:?}");
    assert!(tally.cuts > 1000, "{tally:?}");
    assert!(tally.lost > 1000, "{tally:?}");
    for mark in [Mark::TornTail, Mark::StaleTail, Mark::SegmentOpened, Mark::WitnessWritten] {
        assert!(mark.count() > 0, "no image reached {mark:?}");
    }
}

/// What was tried.
#[derive(Debug, Default)]
struct Tally {
    /// Operations before or in which the power went.
    moments: u64,
    /// Disks as a power loss can leave them.
    images: u64,
    /// Of these, how many had a tear to cut.
    cuts: u64,
    /// Disks as a power loss while a tear is cut can leave them.
    images_of_cuts: u64,
    /// Images in which something that was appended, never acknowledged, is gone.
    lost: u64,
}

/// An operation about to be performed, and all that was promised before it.
struct Moment {
    /// The disk before it; it may hold unsynced writes of a killed process.
    disk: MemoryDisk,
    op: DiskOp,
    /// Everything up to here was reported durable.
    acknowledged: Serial,
    /// Everything that was ever given to the log and may be on disk.
    appended: Rc<Vec<Record>>,
    /// A log has been begun.
    known: bool,
}

fn options(known: bool) -> Options {
    Options { segment_bytes: 9 << 10, must_exist: known, ..kit::options() }
}

/// A disk that notes every moment before something changes.
struct Recorder {
    disk: MemoryDisk,
    acknowledged: Serial,
    appended: Rc<Vec<Record>>,
    known: bool,
    moments: Vec<Moment>,
}

impl Recorder {
    fn new(disk: MemoryDisk, moment: Option<&Moment>) -> Self {
        Self {
            disk,
            acknowledged: moment.map_or(Serial::ZERO, |moment| moment.acknowledged),
            appended: moment.map_or_else(Rc::default, |moment| moment.appended.clone()),
            known: moment.is_some_and(|moment| moment.known),
            moments: Vec::new(),
        }
    }

    fn note(&mut self, op: &DiskOp) {
        if !matches!(op, DiskOp::List | DiskOp::Read { .. }) {
            self.moments.push(Moment {
                disk: self.disk.clone(),
                op: op.clone(),
                acknowledged: self.acknowledged,
                appended: self.appended.clone(),
                known: self.known,
            });
        }
    }
}

impl Disk for Recorder {
    fn perform(&mut self, op: DiskOp) -> DiskDone {
        self.note(&op);
        self.disk.perform(op)
    }
}

/// Some lives of one lane: entries, cuts, votes, witnesses, segments, and
/// restarts after a clean stop, a killed process and a power loss.
fn record_lives(prng: &mut Prng) -> Vec<Moment> {
    let mut recorder = Recorder::new(MemoryDisk::new(), None);
    let mut wal = recover(&mut recorder, &options(false), &BTreeMap::new()).unwrap().wal;
    recorder.known = true;
    let mut last = BTreeMap::new();
    let mut now = Time(1);
    for _ in 0..STEPS {
        now = Time(now.0 + prng.below(1_000_000));
        match prng.below(12) {
            0 => wal = restart(&mut recorder),
            1 => {
                // The process is killed: its last operation is in the page cache.
                append(&mut wal, &mut recorder, &mut last, prng);
                if let Some(op) = wal.next_op(now) {
                    recorder.note(&op);
                    recorder.disk.begin(op);
                }
                wal = restart(&mut recorder);
            }
            2 => {
                append(&mut wal, &mut recorder, &mut last, prng);
                if let Some(op) = wal.next_op(now) {
                    recorder.note(&op);
                    recorder.disk.begin(op);
                }
                recorder.disk.crash(prng);
                wal = restart(&mut recorder);
            }
            3 => {
                now += base::limits::WITNESS_DELAY;
                run(&mut wal, &mut recorder, now);
            }
            _ => {
                for _ in 0..prng.below(5) {
                    append(&mut wal, &mut recorder, &mut last, prng);
                }
                run(&mut wal, &mut recorder, now);
            }
        }
    }
    recorder.moments
}

fn restart(recorder: &mut Recorder) -> Wal {
    let wal = recover(recorder, &options(true), &BTreeMap::new()).unwrap().wal;
    let kept = wal.last_serial();
    assert!(kept >= recorder.acknowledged);
    Rc::make_mut(&mut recorder.appended).truncate(kept.0 as usize);
    recorder.acknowledged = wal.durable();
    wal
}

fn run(wal: &mut Wal, recorder: &mut Recorder, now: Time) {
    while let Some(op) = wal.next_op(now) {
        if wal.last_serial().0 > recorder.appended.len() as u64 {
            Rc::make_mut(&mut recorder.appended).push(witness());
        }
        let done = recorder.perform(op);
        recorder.acknowledged = wal.on_done(now, done).unwrap();
    }
}

fn append(wal: &mut Wal, recorder: &mut Recorder, last: &mut BTreeMap<u64, u64>, prng: &mut Prng) {
    let group = prng.below(4);
    let newest = last.entry(group).or_insert(0);
    let record = match prng.below(8) {
        0 => vote(group, prng.below(100)),
        1 => {
            *newest = prng.between(1, *newest + 1);
            entry(group, *newest, true, &body(recorder, prng))
        }
        2 => entry(group, *newest + prng.below(5), false, &body(recorder, prng)),
        _ => {
            *newest += 1;
            entry(group, *newest, false, &body(recorder, prng))
        }
    };
    Rc::make_mut(&mut recorder.appended).push(record.clone());
    assert_eq!(wal.append(record).0, recorder.appended.len() as u64);
}

/// Bytes that are hard on a log: long zeros, and copies of its own records.
fn body(recorder: &mut Recorder, prng: &mut Prng) -> Vec<u8> {
    let length = prng.below(1400) as usize;
    let files = recorder.disk.list().unwrap();
    match prng.below(5) {
        0 => vec![0; length],
        1 => {
            let content = recorder.disk.content(&files.last().unwrap().0).unwrap();
            let start = 4096.min(content.len());
            content[start..content.len().min(start + length)].to_vec()
        }
        2 => Vec::new(),
        3 => [vec![0; length / 2], vec![1; length / 2]].concat(),
        _ => (0..length).map(|_| prng.next() as u8).collect(),
    }
}

/// Every disk that a power loss in the middle of the operation can leave.
fn images(moment: &Moment, prng: &mut Prng) -> Vec<MemoryDisk> {
    let mut disk = moment.disk.clone();
    disk.begin(moment.op.clone());
    let sectors: Vec<(usize, u64)> = disk
        .unsynced()
        .enumerate()
        .flat_map(|(place, op)| (0..sectors_of(op)).map(move |sector| (place, sector)))
        .collect();
    let fates = fates(sectors.len(), prng);
    let crashed = fates.into_iter().map(|fates| {
        let by_sector: BTreeMap<_, _> = sectors.iter().copied().zip(fates).collect();
        let mut image = disk.clone();
        image.crash_with(&mut |place, sector| by_sector[&(place, sector)]);
        image
    });
    crashed.collect()
}

fn sectors_of(op: &DiskOp) -> u64 {
    match op {
        DiskOp::List | DiskOp::Read { .. } => 0,
        DiskOp::Create { .. }
        | DiskOp::Replace { .. }
        | DiskOp::Remove { .. }
        | DiskOp::Rename { .. } => 1,
        DiskOp::Write { offset, parts, .. } => {
            let bytes: usize = parts.iter().map(Bytes::len).sum();
            (offset + bytes as u64).div_ceil(SECTOR_BYTES) - offset / SECTOR_BYTES
        }
    }
}

/// All lost and all kept; torn at every border, the rest lost or zeros; every
/// single sector lost, zeros, or alone there; and some mixtures.
fn fates(sectors: usize, prng: &mut Prng) -> Vec<Vec<Fate>> {
    use Fate::{Kept, Lost, Zeroed};
    let mut all = vec![vec![Lost; sectors], vec![Kept; sectors], vec![Zeroed; sectors]];
    for at in 0..sectors {
        let split = |a, b| (0..sectors).map(|s| if s < at { a } else { b }).collect::<Vec<_>>();
        let single = |a, b| (0..sectors).map(|s| if s == at { a } else { b }).collect::<Vec<_>>();
        all.extend([split(Kept, Lost), split(Kept, Zeroed), split(Lost, Kept)]);
        all.extend([single(Lost, Kept), single(Zeroed, Kept), single(Kept, Lost)]);
    }
    for _ in 0..sectors.min(6) {
        let pick = |_| *prng.pick(&[Lost, Kept, Zeroed]).unwrap();
        all.push((0..sectors).map(pick).collect());
    }
    all.sort_by_key(|fates| fates.iter().map(|fate| *fate as u8).collect::<Vec<_>>());
    all.dedup();
    all
}

fn check(image: &MemoryDisk, moment: &Moment, before: &str, prng: &mut Prng, tally: &mut Tally) {
    tally.images += 1;
    let mut recorder = Recorder::new(image.clone(), Some(moment));
    let first = recovered(&mut recorder, moment, before);
    let kept = first.wal.last_serial();
    tally.lost += u64::from(kept.0 < moment.appended.len() as u64);
    if first.report.cut_bytes > 0 {
        tally.cuts += 1;
        crash_while_cutting(&recorder.moments, before, prng, tally);
    }

    let mut disk = recorder.disk;
    let second = recovered(&mut disk, moment, before);
    assert_eq!(second.groups, first.groups, "{before}: a second look sees something else");
    assert_eq!(second.wal.last_serial(), kept, "{before}");
    assert_eq!(second.report.cut_bytes, 0, "{before}: the cut was not whole");
    go_on(second.wal, disk, moment, before, prng);
}

/// Recovery succeeds, with a prefix of what was appended that holds all that
/// was acknowledged.
fn recovered(disk: &mut dyn Disk, moment: &Moment, before: &str) -> Recovered {
    let found = recover(disk, &options(moment.known), &BTreeMap::new())
        .unwrap_or_else(|error| panic!("{before}: a tear made recovery refuse: {error}"));
    let kept = found.wal.last_serial();
    assert!(kept >= moment.acknowledged, "{before}: {kept} of {}", moment.acknowledged);
    assert!(kept.0 <= moment.appended.len() as u64, "{before}: {kept} was invented");
    assert_eq!(found.groups, model(&moment.appended[..kept.0 as usize]), "{before}");
    assert_eq!(found.wal.durable(), kept, "{before}");
    found
}

fn crash_while_cutting(moments: &[Moment], before: &str, prng: &mut Prng, tally: &mut Tally) {
    for moment in moments.iter().filter(|moment| sectors_of(&moment.op) > 0) {
        let mut images = images(moment, prng);
        while images.len() > 4 {
            images.swap_remove(prng.below(images.len() as u64) as usize);
        }
        for mut image in images {
            tally.images_of_cuts += 1;
            let first = recovered(&mut image, moment, before);
            let second = recovered(&mut image, moment, before);
            assert_eq!(first.groups, second.groups, "{before}: after a crash in the cut");
            go_on(second.wal, image, moment, before, prng);
        }
    }
}

/// The log takes new records, and they and the old ones survive another tear.
fn go_on(mut wal: Wal, mut disk: MemoryDisk, moment: &Moment, before: &str, prng: &mut Prng) {
    let mut appended = moment.appended[..wal.last_serial().0 as usize].to_vec();
    // As large as what was lost here, so that a stale record behind it would stand
    // where the next one is looked for.
    let lost = moment.appended.get(appended.len()).map_or(300, |record| record.body.len());
    let mut more = vec![entry(9, 1, false, &vec![3; lost])];
    match prng.below(4) {
        0 => {}
        // As much as takes the log to its next segment, whatever is left of one there.
        1 => more.extend((2..10).map(|index| entry(9, index, false, &[index as u8; 1100]))),
        _ => more.extend([vote(9, 1), entry(9, 2, false, &[0; 700])]),
    }
    for record in more {
        appended.push(record.clone());
        wal.append(record);
    }
    if prng.chance(1, 2) {
        drain(&mut wal, &mut disk, Time(1));
    } else {
        let op = wal.next_op(Time(1)).unwrap();
        disk.begin(op);
        disk.crash(prng);
    }
    let later = Moment {
        disk: MemoryDisk::new(),
        op: DiskOp::List,
        acknowledged: wal.durable(),
        appended: Rc::new(appended),
        known: true,
    };
    recovered(&mut disk, &later, before);
}

const fn name(op: &DiskOp) -> &'static str {
    match op {
        DiskOp::List => "list",
        DiskOp::Read { .. } => "read",
        DiskOp::Create { .. } => "create",
        DiskOp::Write { .. } => "write",
        DiskOp::Replace { .. } => "replace",
        DiskOp::Remove { .. } => "remove",
        DiskOp::Rename { .. } => "rename",
    }
}
