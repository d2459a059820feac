//! The disk of an imagined node: slow, torn by crashes, and a liar if it is told to be.

use crate::draw::DiskDraw;
use base::prng::Prng;
use base::{GroupId, Time};
use core::time::Duration;
use journal::disk::{Disk, DiskDone, DiskError, DiskOp};
use journal::memory::{MemoryDisk, Ticket, Toll};
use std::collections::BTreeMap;

/// How a node ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crash {
    /// `kill -9`: what was written is seen again, though it was not synced.
    Kill,
    /// The power goes: what was not synced is lost, kept or torn.
    Power,
}

/// When a node ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// At once.
    Now,
    /// In its next turn: some of what it wants done is done.
    InTurn,
    /// While its next disk operation is under way.
    InSync,
    /// Right after its next manifest is on disk: nobody may know yet.
    InFlip,
}

/// How a disk is sick for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sick {
    /// What is begun takes many times as long.
    Slow,
    /// What is under way, or begun, comes to no end.
    Hung,
}

/// How much longer an operation of a slow disk takes.
const SLOW: u32 = 20;

/// A disk with a speed.
#[derive(Clone, Debug)]
pub struct SimDisk {
    memory: MemoryDisk,
    draw: DiskDraw,
    /// The manifest of each group that was written last.
    flipped: BTreeMap<String, Flip>,
    /// Operations until the crash, while a node reads its log back.
    left: Option<u64>,
    /// How it is sick, and until when.
    sick: Option<(Sick, Time)>,
    /// Reads until one fails, when a node reads its log back.
    misread: Option<u64>,
    /// What losses of power took since a node started on it.
    pub(crate) toll: Toll,
}

/// A manifest that was written: the slots take turns, so its name alone does not
/// tell it from the one before the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flip {
    /// Its file.
    pub file: String,
    /// How many of its group were written on this disk, with this one.
    pub number: u64,
}

/// An operation that was begun.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// Its name.
    pub ticket: Ticket,
    /// When it is said to be done.
    pub told: Duration,
    /// When it is done, if that is later.
    pub lie: Option<Duration>,
    /// It fails.
    pub fails: bool,
    /// It makes a checkpoint current.
    pub flips: bool,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(draw: DiskDraw) -> Self {
        let (memory, flipped, toll) = (MemoryDisk::new(), BTreeMap::new(), Toll::default());
        Self { memory, draw, flipped, left: None, sick: None, misread: None, toll }
    }

    /// From now on it is sick, until then.
    pub const fn sicken(&mut self, sick: Sick, until: Time) {
        self.sick = Some((sick, until));
    }

    /// Whether nothing that was begun ends now.
    #[must_use]
    pub fn hangs(&self, now: Time) -> bool {
        self.sick.is_some_and(|(sick, until)| sick == Sick::Hung && now < until)
    }

    /// When a node reads its log back, the read behind so many others fails, once.
    pub const fn misread(&mut self, after: u64) {
        self.misread = Some(after);
    }

    /// Whether a read is to fail.
    #[must_use]
    pub const fn reads_badly(&self) -> bool {
        self.misread.is_some()
    }

    /// No read fails any more; says whether one would have.
    pub const fn read_well(&mut self) -> bool {
        self.misread.take().is_some()
    }

    /// Begins an operation; says when it ends.
    pub fn begin(&mut self, op: DiskOp, now: Time, prng: &mut Prng) -> Begun {
        let is_slow = self.sick.is_some_and(|(_, until)| now < until);
        let slow = if is_slow || prng.chance(self.draw.slow, 10_000) { SLOW } else { 1 };
        let told = prng.span(self.draw.min, self.draw.max) * slow;
        let lie = (self.draw.lies && matches!(op, DiskOp::Write { .. })).then(|| told * 100);
        let fails = prng.chance(self.draw.fails, 10_000);
        let flips = self.note_flip(&op);
        Begun { ticket: self.memory.begin(op), told, lie, fails, flips }
    }

    fn note_flip(&mut self, op: &DiskOp) -> bool {
        let DiskOp::Replace { file, .. } = op else { return false };
        let name = file.strip_suffix(".manifest").and_then(|it| it.rsplit_once('-'));
        if let Some((group, _)) = name {
            let number = self.flipped.get(group).map_or(0, |flip| flip.number) + 1;
            self.flipped.insert(group.into(), Flip { file: file.clone(), number });
        }
        name.is_some()
    }

    /// The manifest of this group that was written last, whether or not it is synced.
    #[must_use]
    pub fn flipped(&self, group: GroupId) -> Option<&Flip> {
        self.flipped.get(&format!("state-{}", group.0))
    }

    /// One bit changes in one of the files whose names begin like this, or it has the
    /// content of another file, as after a write to the wrong place; says in which.
    pub fn spoil(&mut self, begin: &str, prng: &mut Prng) -> Option<String> {
        let files: Vec<(String, u64)> = self.memory.list().ok()?;
        let ours: Vec<(String, u64)> =
            files.into_iter().filter(|(name, _)| name.starts_with(begin)).collect();
        let (file, bytes) = prng.pick(&ours)?.clone();
        if prng.chance(1, 3) {
            let others = self.memory.list().ok()?;
            let (other, _) = prng.pick(&others)?;
            if self.memory.misplace(other, &file) {
                return Some(format!("{file} (what belongs to {other})"));
            }
        }
        let (at, bit) = (prng.below(bytes.max(1)), prng.below(8));
        self.memory.rot(&file, at, 1 << bit).then_some(file)
    }

    /// Whether its node was ever a voter, and has not lost its disk since.
    #[must_use]
    pub fn votes(&self) -> bool {
        let is_there = |file| self.memory.content(file).is_some();
        is_there("node.id") && !is_there("node.mute")
    }

    /// The files themselves, for whoever spoils them.
    pub(crate) const fn memory(&mut self) -> &mut MemoryDisk {
        &mut self.memory
    }

    /// The disk is replaced by an empty one.
    pub fn lose(&mut self) {
        self.memory = MemoryDisk::new();
        self.flipped.clear();
        (self.sick, self.toll) = (None, Toll::default());
    }

    /// Ends an operation.
    pub fn finish(&mut self, ticket: Ticket) -> DiskDone {
        self.memory.finish(ticket)
    }

    /// Ends an operation badly.
    pub fn fail(&mut self, ticket: Ticket) -> DiskDone {
        self.memory.fail(ticket, "broken")
    }

    /// No operation that begins from now on fails.
    pub const fn heal(&mut self) {
        self.draw.fails = 0;
        (self.sick, self.misread) = (None, None);
        self.free();
    }

    /// Somebody fills the disk, up to so many bytes.
    pub fn fill(&mut self, rest: u64) {
        self.memory.limit(Some(self.memory.used() + rest));
    }

    /// Whether somebody has filled it.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        self.memory.is_limited()
    }

    /// It has room again.
    pub const fn free(&mut self) {
        self.memory.limit(None);
    }

    /// The node crashes.
    pub fn crash(&mut self, crash: Crash, prng: &mut Prng) {
        if crash == Crash::Power {
            let Toll { lost, torn } = self.memory.crash(prng);
            self.toll = Toll { lost: self.toll.lost + lost, torn: self.toll.torn + torn };
        }
    }

    /// A process opens the directory.
    pub fn reopen(&mut self) {
        self.memory.reopen();
    }

    /// The next operations are performed at once; but only so many, if a number
    /// is given: the one behind is begun and never ends.
    pub fn limit(&mut self, left: Option<u64>) {
        self.left = left;
    }

    /// Whether the limit was reached.
    #[must_use]
    pub fn ran_out(&self) -> bool {
        self.left == Some(0)
    }
}

impl Disk for SimDisk {
    fn perform(&mut self, op: DiskOp) -> DiskDone {
        if let DiskOp::Read { file, .. } = &op
            && let Some(left) = &mut self.misread
        {
            if *left == 0 {
                self.misread = None;
                return failed(&format!("read {file}"), "input/output error");
            }
            *left -= 1;
        }
        match &mut self.left {
            Some(0) => return failed("disk", "crashed"),
            Some(left) => *left -= 1,
            None => {}
        }
        let ticket = self.memory.begin(op);
        if self.left == Some(0) {
            return self.memory.fail(ticket, "crashed");
        }
        self.memory.finish(ticket)
    }
}

fn failed(what: &str, why: &str) -> DiskDone {
    DiskDone::Failed(DiskError { what: what.into(), why: why.into(), full: false })
}
