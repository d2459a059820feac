//! The disk of an imagined node: slow, torn by crashes, and a liar if it is told to be.

use crate::draw::DiskDraw;
use base::GroupId;
use base::prng::Prng;
use core::time::Duration;
use journal::disk::{Disk, DiskDone, DiskError, DiskOp};
use journal::memory::{MemoryDisk, Ticket};
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

/// A disk with a speed.
#[derive(Clone, Debug)]
pub struct SimDisk {
    memory: MemoryDisk,
    draw: DiskDraw,
    /// The manifest of each group that was written last.
    flipped: BTreeMap<String, String>,
    /// Operations until the crash, while a node reads its log back.
    left: Option<u64>,
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
        Self { memory: MemoryDisk::new(), draw, flipped: BTreeMap::new(), left: None }
    }

    /// Begins an operation; says when it ends.
    pub fn begin(&mut self, op: DiskOp, prng: &mut Prng) -> Begun {
        let slow = if prng.chance(self.draw.slow, 10_000) { 20 } else { 1 };
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
            self.flipped.insert(group.into(), file.clone());
        }
        name.is_some()
    }

    /// The manifest of this group that was written last, whether or not it is synced.
    #[must_use]
    pub fn flipped(&self, group: GroupId) -> Option<&str> {
        self.flipped.get(&format!("state-{}", group.0)).map(String::as_str)
    }

    /// One bit changes in one of the files whose names begin like this; says in which.
    pub fn spoil(&mut self, begin: &str, prng: &mut Prng) -> Option<String> {
        let files: Vec<(String, u64)> = self.memory.list().ok()?;
        let ours: Vec<(String, u64)> =
            files.into_iter().filter(|(name, _)| name.starts_with(begin)).collect();
        let (file, bytes) = prng.pick(&ours)?.clone();
        let (at, bit) = (prng.below(bytes.max(1)), prng.below(8));
        self.memory.rot(&file, at, 1 << bit).then_some(file)
    }

    /// The disk is replaced by an empty one.
    pub fn lose(&mut self) {
        self.memory = MemoryDisk::new();
        self.flipped.clear();
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
        self.free();
    }

    /// Somebody fills the disk, up to so many bytes.
    pub fn fill(&mut self, rest: u64) {
        self.memory.limit(Some(self.memory.used() + rest));
    }

    /// It has room again.
    pub const fn free(&mut self) {
        self.memory.limit(None);
    }

    /// The node crashes.
    pub fn crash(&mut self, crash: Crash, prng: &mut Prng) {
        if crash == Crash::Power {
            self.memory.crash(prng);
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
        match &mut self.left {
            Some(0) => {
                let crashed = |what: &str| DiskError {
                    what: what.into(),
                    why: "crashed".into(),
                    full: false,
                };
                return DiskDone::Failed(crashed("disk"));
            }
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
