//! Every crash point: from every operation of recorded lives, and every way in
//! which its unsynced part can be lost, torn, zero-filled or reordered, the log
//! comes back with everything acknowledged and nothing invented.
//!
//! The lives hold what the log itself does and what is done beside it: files are
//! made, used again and removed, checkpoints are written, and the beginning of the
//! log rises behind them. One operation of each kind is in flight at a time.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod kit;

use base::check::Mark;
use base::checksum::content_id;
use base::prng::Prng;
use base::{Ballot, GroupId, Index, NodeId, Serial, Time};
use bytes::Bytes;
use journal::checkpoint::{
    Chunk, Contents, Found, Slot, find, leftovers, write_chunk, write_manifest,
};
use journal::disk::{Disk, DiskDone, DiskError, DiskOp};
use journal::history::GroupRecovered;
use journal::memory::{Fate, MemoryDisk, SECTOR_BYTES, Ticket};
use journal::record::Record;
use journal::recover::{Recovered, recover};
use journal::wal::{Options, Wal};
use kit::{choose_mutant, cut, drain, entry, model, restore, slot, vote, witness};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

const SEEDS: u64 = 16;
const STEPS: usize = 60;
const GROUPS: u64 = 3;
const IMAGES_MAX: usize = 400;

#[test]
fn every_crash_point() {
    choose_mutant();
    let mut tally = Tally::default();
    for seed in 1..=SEEDS {
        let mut prng = Prng::new(seed);
        let moments = record_lives(&mut prng);
        for (place, moment) in moments.iter().enumerate() {
            let before = format!("seed {seed}, moment {place}, {}", moment.name());
            tally.moments += 1;
            tally.both += u64::from(moment.disk.unsynced().count() > 1);
            for image in images(moment, &mut prng) {
                check(&image, moment, &before, &mut prng, &mut tally);
            }
        }
    }
    println!("{tally:?}");
    let marks = [
        Mark::TornTail,
        Mark::StaleTail,
        Mark::SegmentOpened,
        Mark::SegmentRetired,
        Mark::SegmentReused,
        Mark::SegmentWithoutRoom,
        Mark::WitnessWritten,
    ];
    println!("{:?}", marks.map(|mark| (mark, mark.count())));
    assert!(tally.images > 20_000, "{tally:?}");
    assert!(tally.cuts > 1000, "{tally:?}");
    assert!(tally.lost > 1000, "{tally:?}");
    assert!(tally.gone > 1000, "{tally:?}");
    assert!(tally.both > 100, "{tally:?}");
    for mark in marks {
        assert!(mark.count() > 0, "no image reached {mark:?}");
    }
}

/// What was tried.
#[derive(Debug, Default)]
struct Tally {
    /// Moments at which the power went.
    moments: u64,
    /// Of these, how many with an operation of the log and one beside it in flight.
    both: u64,
    /// Disks as a power loss can leave them.
    images: u64,
    /// Of these, how many had a tear to cut.
    cuts: u64,
    /// Disks as a power loss while a tear is cut can leave them.
    images_of_cuts: u64,
    /// Images in which something that was appended, never acknowledged, is gone.
    lost: u64,
    /// Images in which entries that were released are gone.
    gone: u64,
}

/// A disk with operations in flight, and all that was promised before they end.
#[derive(Clone)]
struct Moment {
    disk: MemoryDisk,
    promised: Promised,
}

impl Moment {
    fn name(&self) -> String {
        let names: Vec<_> = self.disk.unsynced().map(name).collect();
        names.join(" and ")
    }
}

#[derive(Clone, Default)]
struct Promised {
    /// Everything up to here was reported durable.
    acknowledged: Serial,
    /// Everything that was ever given to the log and may be on disk.
    appended: Rc<Vec<Record>>,
    /// Up to where each group was released.
    released: BTreeMap<GroupId, Index>,
    /// The checkpoints that are durable and stay.
    kept: BTreeMap<GroupId, Vec<(Slot, Contents)>>,
    /// A log has been begun.
    known: bool,
}

fn options(known: bool) -> Options {
    Options { segment_bytes: 9 << 10, must_exist: known, ..kit::options() }
}

/// A disk that notes every moment at which something is in flight.
struct Recorder {
    disk: MemoryDisk,
    promised: Promised,
    moments: Vec<Moment>,
}

impl Recorder {
    fn new(disk: MemoryDisk, promised: Promised) -> Self {
        Self { disk, promised, moments: Vec::new() }
    }

    fn begin(&mut self, op: DiskOp) -> Ticket {
        let ticket = self.disk.begin(op);
        self.note();
        ticket
    }

    fn note(&mut self) {
        if self.disk.unsynced().any(|op| sectors_of(op) > 0) {
            let promised = self.promised.clone();
            self.moments.push(Moment { disk: self.disk.clone(), promised });
        }
    }
}

impl Disk for Recorder {
    fn perform(&mut self, op: DiskOp) -> DiskDone {
        let ticket = self.begin(op);
        self.disk.finish(ticket)
    }
}

/// A lane that lives on a disk: its log, and the work beside it.
struct Life {
    recorder: Recorder,
    wal: Wal,
    now: Time,
    /// The newest index of each group.
    newest: BTreeMap<u64, u64>,
    /// The log's operation in flight.
    fore: Option<Ticket>,
    /// What is to be done beside it, the first of it in flight.
    back: VecDeque<Step>,
    flying: Option<Ticket>,
    /// There was no room: what is beside the log waits.
    full: bool,
}

enum Step {
    Do(DiskOp),
    /// The log's own job is done.
    Aside,
    /// A checkpoint is there, and the older one is the last that is kept.
    Kept(Slot, Contents),
}

/// Some lives of one lane: entries, cuts, votes, witnesses, restores, checkpoints,
/// segments, and restarts after a clean stop, a killed process and a power loss.
fn record_lives(prng: &mut Prng) -> Vec<Moment> {
    let mut recorder = Recorder::new(MemoryDisk::new(), Promised::default());
    let wal = recover(&mut recorder, &options(false), &BTreeMap::new()).unwrap().wal;
    recorder.promised.known = true;
    let (now, newest) = (Time(1), BTreeMap::new());
    let (fore, back, flying) = (None, VecDeque::new(), None);
    let mut life = Life { recorder, wal, now, newest, fore, back, flying, full: false };
    for _ in 0..STEPS {
        life.fill_or_free(prng);
        life.now = Time(life.now.0 + prng.below(1_000_000));
        match prng.below(16) {
            0 => {
                while life.turn(prng) {}
                life.restart();
            }
            1 | 2 => {
                // The process is killed: what was in flight is in the page cache.
                life.append(prng);
                (0..prng.below(3)).for_each(|_| _ = life.turn(prng));
                life.restart();
            }
            3 | 4 => {
                life.append(prng);
                (0..prng.below(3)).for_each(|_| _ = life.turn(prng));
                life.recorder.disk.crash(prng);
                life.restart();
            }
            5 => {
                life.now += base::limits::WITNESS_DELAY;
                while life.turn(prng) {}
            }
            6..10 => {
                for group in 0..GROUPS {
                    life.checkpoint(group);
                    (0..prng.below(14)).for_each(|_| _ = life.turn(prng));
                }
            }
            _ => {
                (0..prng.below(7)).for_each(|_| life.append(prng));
                (0..prng.below(16)).for_each(|_| _ = life.turn(prng));
            }
        }
    }
    life.recorder.moments
}

impl Life {
    /// The disk becomes full, or has room again.
    fn fill_or_free(&mut self, prng: &mut Prng) {
        if prng.chance(1, 3) {
            let disk = &mut self.recorder.disk;
            let rest = disk.used() + prng.below(12 << 10);
            disk.limit(prng.chance(1, 3).then_some(rest));
            self.full = false;
        }
    }

    fn restart(&mut self) {
        (self.fore, self.flying) = (None, None);
        self.back.clear();
        let found = recover(&mut self.recorder, &options(true), &BTreeMap::new()).unwrap();
        self.wal = found.wal;
        let kept = self.wal.last_serial();
        let promised = &mut self.recorder.promised;
        assert!(kept >= promised.acknowledged);
        Rc::make_mut(&mut promised.appended).truncate(kept.0 as usize);
        promised.acknowledged = self.wal.durable();
        for (group, newest) in &mut self.newest {
            let found = found.groups.get(&GroupId(*group));
            let last = found.and_then(|it| it.entries.keys().next_back().copied());
            let base = found.and_then(|it| it.base).map(|(index, _)| index);
            let released = found.map(|it| it.released);
            *newest = last.max(base).max(released).unwrap_or_default().0;
        }
        for (group, kept) in find(&mut self.recorder, &kit::options().owner).unwrap() {
            let good = kept.into_iter().map(|found| match found {
                Found::Good { slot, contents } => (slot, contents),
                other => panic!("{other:?}"),
            });
            let good: Vec<_> = good.collect();
            if let [_, (_, older)] = &good[..] {
                self.wal.release(group, older.index);
                self.recorder.promised.released.insert(group, older.index);
            }
            self.recorder.promised.kept.insert(group, good);
        }
    }

    /// Something begins or ends, if there is anything to do.
    fn turn(&mut self, prng: &mut Prng) -> bool {
        if self.back.is_empty()
            && !self.full
            && let Some(ops) = self.wal.next_aside()
        {
            self.back.extend(ops.into_iter().map(Step::Do).chain([Step::Aside]));
        }
        let back_first = prng.chance(1, 2);
        let did = |life: &mut Self| if back_first { life.back() } else { life.fore() };
        did(self) || if back_first { self.fore() } else { self.back() }
    }

    fn fore(&mut self) -> bool {
        if let Some(ticket) = self.fore.take() {
            let done = self.recorder.disk.finish(ticket);
            self.recorder.promised.acknowledged = self.wal.on_done(self.now, done).unwrap();
            self.recorder.note();
            return true;
        }
        let op = self.wal.next_op(self.now);
        let appended = &mut self.recorder.promised.appended;
        if self.wal.last_serial().0 > appended.len() as u64 {
            Rc::make_mut(appended).push(witness());
        }
        self.fore = op.map(|op| self.recorder.begin(op));
        self.fore.is_some()
    }

    fn back(&mut self) -> bool {
        if let Some(ticket) = self.flying.take() {
            match self.recorder.disk.finish(ticket) {
                DiskDone::Failed(error) if error.full => self.give_up(error),
                done => assert_eq!(done, DiskDone::Synced),
            }
        } else {
            match self.back.pop_front() {
                Some(Step::Do(op)) => {
                    self.flying = Some(self.recorder.begin(op));
                    return true;
                }
                Some(Step::Aside) => self.wal.on_aside(Ok(())),
                Some(Step::Kept(slot, contents)) => self.keep(slot, contents),
                None => return false,
            }
        }
        self.recorder.note();
        true
    }

    /// The job beside the log comes to nothing.
    fn give_up(&mut self, error: DiskError) {
        self.full = true;
        if self.back.iter().any(|step| matches!(step, Step::Aside)) {
            self.wal.on_aside(Err(error));
        }
        self.back.clear();
    }

    /// A checkpoint of a group is made beside the log, of what is durable.
    fn checkpoint(&mut self, group: u64) {
        let group = GroupId(group);
        let durable = self.recorder.promised.acknowledged.0 as usize;
        let groups = model(&self.recorder.promised.appended[..durable]);
        let newest = groups.get(&group).and_then(|it| it.entries.keys().next_back());
        let Some(index) = newest.copied().filter(|index| index.0 > 0) else { return };
        let kept = self.recorder.promised.kept.entry(group).or_default();
        let newest = kept.first();
        if !self.back.is_empty() || newest.is_some_and(|(_, newest)| newest.index >= index) {
            return;
        }
        let slot = newest.map_or(Slot::A, |(slot, _)| slot.other());
        // From here on the older one may be gone.
        kept.truncate(1);
        let plain = Bytes::from(format!("{group} at {index}"));
        let chunk = Chunk { id: content_id(&plain), bytes: plain.len() as u32 };
        let (ballot, clock, chunks) = (Ballot::new(5, NodeId(3)), 8, vec![chunk]);
        let contents = Contents { group, index, ballot, clock, chunks };
        let owner = kit::options().owner;
        let write = write_chunk(&owner, group, slot, chunk.id, &plain);
        let manifest = write_manifest(&owner, slot, &contents);
        self.back.extend([Step::Do(write), Step::Do(manifest), Step::Kept(slot, contents)]);
    }

    /// Two are kept, and the log from the older one on.
    fn keep(&mut self, slot: Slot, contents: Contents) {
        let group = contents.group;
        let files = self.recorder.disk.list().unwrap();
        let left = leftovers(&files, group, slot, &contents.chunks).into_iter();
        self.back.extend(left.map(|file| Step::Do(DiskOp::Remove { file })));
        let promised = &mut self.recorder.promised;
        let kept = promised.kept.entry(group).or_default();
        kept.insert(0, (slot, contents));
        if let [_, (_, older)] = &kept[..] {
            self.wal.release(group, older.index);
            promised.released.insert(group, older.index);
        }
    }

    fn append(&mut self, prng: &mut Prng) {
        let group = prng.below(GROUPS);
        let body = body(&mut self.recorder, prng);
        let promised = &mut self.recorder.promised;
        let released = promised.released.get(&GroupId(group)).map_or(0, |index| index.0);
        let newest = self.newest.entry(group).or_insert(0);
        let record = match prng.below(20) {
            0 | 1 => vote(group, prng.below(100)),
            2 | 3 => {
                *newest = prng.between(released + 1, (*newest).max(released) + 1);
                entry(group, *newest, true, &body)
            }
            4 => entry(group, *newest + prng.below(5), false, &body),
            6 => slot(group, *newest + prng.below(5), prng.between(4, 6), 0, &body),
            5 => {
                *newest += prng.below(3);
                restore(group, *newest, prng.chance(1, 2))
            }
            7 => {
                // What a checkpoint holds was chosen and is never cut.
                let from = prng.between(released + 1, (*newest).max(released) + 2);
                *newest = (*newest).min(from - 1);
                cut(group, from)
            }
            _ => {
                *newest += 1;
                entry(group, *newest, false, &body)
            }
        };
        Rc::make_mut(&mut promised.appended).push(record.clone());
        assert_eq!(self.wal.append(record).0, promised.appended.len() as u64);
    }
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

/// Every disk that a power loss at this moment can leave.
fn images(moment: &Moment, prng: &mut Prng) -> Vec<MemoryDisk> {
    let ops: Vec<u64> = moment.disk.unsynced().map(sectors_of).collect();
    let mut all: Vec<Vec<Vec<Fate>>> = vec![Vec::new()];
    for sectors in ops {
        let fates = fates(sectors as usize, prng);
        let with = |before: &Vec<Vec<Fate>>| {
            let fates = fates.clone().into_iter();
            let before = before.clone();
            fates.map(move |it| before.iter().cloned().chain([it]).collect()).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
        // Of more than two operations, left by a process that was killed, a sample.
        while all.len() > IMAGES_MAX {
            all.swap_remove(prng.below(all.len() as u64) as usize);
        }
    }
    let crashed = all.into_iter().map(|fates| {
        let mut image = moment.disk.clone();
        image.crash_with(&mut |place, sector| fates[place][sector as usize]);
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
    let promised = &moment.promised;
    let mut recorder = Recorder::new(image.clone(), promised.clone());
    let first = recovered(&mut recorder, promised, before);
    let kept = first.wal.last_serial();
    tally.lost += u64::from(kept.0 < promised.appended.len() as u64);
    tally.gone += u64::from(first.groups.values().any(|group| group.released > Index(0)));
    if first.report.cut_bytes > 0 {
        tally.cuts += 1;
        crash_while_cutting(&recorder.moments, before, prng, tally);
    }

    let mut disk = recorder.disk;
    let second = recovered(&mut disk, promised, before);
    assert_eq!(second.groups, first.groups, "{before}: a second look sees something else");
    assert_eq!(second.wal.last_serial(), kept, "{before}");
    assert_eq!(second.report.cut_bytes, 0, "{before}: the cut was not whole");
    go_on(second, disk, promised, before, prng);
}

/// Recovery succeeds, with a prefix of what was appended that holds all that
/// was acknowledged; only what checkpoints hold may be gone from its front.
fn recovered(disk: &mut dyn Disk, promised: &Promised, before: &str) -> Recovered {
    let found = recover(disk, &options(promised.known), &BTreeMap::new())
        .unwrap_or_else(|error| panic!("{before}: a tear made recovery refuse: {error}"));
    let kept = found.wal.last_serial();
    let acknowledged = promised.acknowledged;
    assert!(kept >= acknowledged, "{before}: {kept} of {acknowledged}");
    assert!(kept.0 <= promised.appended.len() as u64, "{before}: {kept} was invented");
    assert_eq!(found.wal.durable(), kept, "{before}");
    let whole = model(&promised.appended[..kept.0 as usize]);
    assert!(found.groups.keys().eq(whole.keys()), "{before}: other groups");
    for (group, whole) in whole {
        let found = &found.groups[&group];
        let released = promised.released.get(&group).copied().unwrap_or_default();
        assert!(found.released <= released, "{before}: {group} gave up too much");
        assert_eq!(found, &without_gone(whole, found), "{before}: {group}");
    }
    check_checkpoints(disk, promised, &found.groups, before);
    found
}

/// What is below the floor may be gone, and nothing else.
fn without_gone(mut whole: GroupRecovered, found: &GroupRecovered) -> GroupRecovered {
    let gone = |index: &Index| *index <= found.released && !found.entries.contains_key(index);
    whole.entries.retain(|index, _| !gone(index));
    whole.released = found.released;
    whole
}

/// What was kept is whole, and holds what the log no longer does.
fn check_checkpoints(
    disk: &mut dyn Disk,
    promised: &Promised,
    groups: &BTreeMap<GroupId, GroupRecovered>,
    before: &str,
) {
    let found = find(disk, &kit::options().owner).unwrap();
    let good = |group: &GroupId| {
        let all = found.get(group).into_iter().flatten();
        all.filter_map(|it| match it {
            Found::Good { contents, .. } => Some(contents),
            Found::Damaged { .. } => None,
        })
    };
    for (group, kept) in &promised.kept {
        for (_, contents) in kept {
            assert!(good(group).any(|it| it == contents), "{before}: a checkpoint is lost");
        }
    }
    for (group, recovered) in groups {
        let enough = good(group).filter(|it| it.index >= recovered.released).count();
        assert!(recovered.released == Index(0) || enough >= 2, "{before}: {group} has no base");
    }
}

fn crash_while_cutting(moments: &[Moment], before: &str, prng: &mut Prng, tally: &mut Tally) {
    for moment in moments {
        let mut images = images(moment, prng);
        while images.len() > 4 {
            images.swap_remove(prng.below(images.len() as u64) as usize);
        }
        for mut image in images {
            tally.images_of_cuts += 1;
            let first = recovered(&mut image, &moment.promised, before);
            let second = recovered(&mut image, &moment.promised, before);
            assert_eq!(first.groups, second.groups, "{before}: after a crash in the cut");
            go_on(second, image, &moment.promised, before, prng);
        }
    }
}

/// The log takes new records, and they and the old ones survive another tear.
fn go_on(
    found: Recovered,
    mut disk: MemoryDisk,
    promised: &Promised,
    before: &str,
    prng: &mut Prng,
) {
    disk.limit(None);
    let mut wal = found.wal;
    for (group, index) in &promised.released {
        wal.release(*group, *index);
    }
    let mut promised = promised.clone();
    let kept = wal.last_serial().0 as usize;
    // As large as what was lost here, so that a stale record behind it would stand
    // where the next one is looked for.
    let lost = promised.appended.get(kept).map_or(300, |record| record.body.len());
    let mut more = vec![entry(9, 1, false, &vec![3; lost])];
    match prng.below(4) {
        0 => {}
        // As much as takes the log to its next segment, whatever is left of one there.
        1 => more.extend((2..10).map(|index| entry(9, index, false, &[index as u8; 1100]))),
        _ => more.extend([vote(9, 1), entry(9, 2, false, &[0; 700])]),
    }
    let appended = Rc::make_mut(&mut promised.appended);
    appended.truncate(kept);
    for record in more {
        appended.push(record.clone());
        wal.append(record);
    }
    if prng.chance(1, 2) {
        drain(&mut wal, &mut disk, Time(1));
    } else {
        (0..prng.below(3)).for_each(|_| _ = kit::aside(&mut wal, &mut disk));
        let beside = wal.next_aside().and_then(|ops| ops.into_iter().next());
        for op in wal.next_op(Time(1)).into_iter().chain(beside) {
            disk.begin(op);
        }
        disk.crash(prng);
    }
    promised.acknowledged = wal.durable();
    promised.known = true;
    recovered(&mut disk, &promised, before);
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
