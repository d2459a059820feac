//! What is done behind the lane's back: long jobs that are handed out, each a machine
//! that wants one disk operation after another and tells the lane how it ended.
//!
//! The lane starts a job with [`crate::event::Action::Job`]. Whoever drives the
//! lane performs its operations, one at a time and in order, beside those of the
//! log, and hands [`Job::finish`] back as [`crate::event::Event::JobDone`]. What
//! costs time (encoding a state, hashing, building one) happens inside
//! [`Job::next_op`] and [`Job::on_done`], so outside of the lane's turns.

mod checkpoint;
mod install;
mod outcome;
mod thawing;
mod transfer;

pub(crate) use checkpoint::Checkpoint;
pub(crate) use install::Install;
pub(crate) use outcome::{Kept, Outcome, Unfit, Wanted};
pub(crate) use thawing::{ThawError, Thawing};
pub(crate) use transfer::{Load, Save, Survey};

use crate::machine::Machine;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use journal::disk::{DiskDone, DiskError, DiskOp};
use journal::{identity, lost};

/// One job.
#[derive(Debug)]
pub struct Job {
    kind: Kind,
    failed: Option<DiskError>,
}

/// What a job is about.
#[derive(Debug)]
enum Kind {
    /// The log's files: some operations in order.
    Aside(VecDeque<DiskOp>),
    /// A group's state becomes chunks and a manifest.
    Checkpoint(Box<Checkpoint>),
    /// A chunk is read for another node.
    Load(Load),
    /// Which chunks are here already?
    Survey(Survey),
    /// A chunk of another node is kept.
    Save(Save),
    /// Chunks that were fetched become a state.
    Install(Box<Install>),
    /// What made this node mute is removed.
    Unmute(Option<DiskOp>),
    /// What a damaged log left behind is removed.
    Healed(Option<VecDeque<DiskOp>>),
    /// A state that nobody needs any more is taken apart.
    Drop(Option<Box<Machine>>),
}

/// How a job ended.
#[derive(Clone, Debug)]
pub struct JobDone(pub(crate) Result<Outcome, DiskError>);

impl Job {
    const fn new(kind: Kind) -> Self {
        Self { kind, failed: None }
    }

    pub(crate) fn aside(ops: Vec<DiskOp>) -> Self {
        Self::new(Kind::Aside(ops.into()))
    }

    pub(crate) fn checkpoint(job: Checkpoint) -> Self {
        Self::new(Kind::Checkpoint(Box::new(job)))
    }

    pub(crate) const fn load(job: Load) -> Self {
        Self::new(Kind::Load(job))
    }

    pub(crate) const fn survey(job: Survey) -> Self {
        Self::new(Kind::Survey(job))
    }

    pub(crate) const fn save(job: Save) -> Self {
        Self::new(Kind::Save(job))
    }

    pub(crate) fn install(job: Install) -> Self {
        Self::new(Kind::Install(Box::new(job)))
    }

    pub(crate) fn unmute() -> Self {
        Self::new(Kind::Unmute(Some(DiskOp::Remove { file: identity::MUTE_FILE.into() })))
    }

    pub(crate) const fn healed() -> Self {
        Self::new(Kind::Healed(None))
    }

    pub(crate) fn take_apart(machine: Machine) -> Self {
        Self::new(Kind::Drop(Some(Box::new(machine))))
    }

    /// The next operation; nothing once the job is done or has failed. Its end
    /// must be told to [`Job::on_done`] before this is asked again.
    pub fn next_op(&mut self) -> Option<DiskOp> {
        if self.failed.is_some() {
            return None;
        }
        match &mut self.kind {
            Kind::Aside(ops) => ops.pop_front(),
            Kind::Checkpoint(job) => job.next(),
            Kind::Load(job) => job.next(),
            Kind::Survey(job) => job.next(),
            Kind::Save(job) => job.next(),
            Kind::Install(job) => job.next(),
            Kind::Unmute(op) => op.take(),
            Kind::Healed(None) => Some(DiskOp::List),
            Kind::Healed(Some(ops)) => ops.pop_front(),
            Kind::Drop(machine) => {
                drop(machine.take());
                None
            }
        }
    }

    /// Learns how the operation ended.
    pub fn on_done(&mut self, done: DiskDone) {
        match (done, &mut self.kind) {
            (DiskDone::Failed(error), kind) => self.failed = kind.on_failed(error),
            (DiskDone::Listed(files), Kind::Checkpoint(job)) => job.on_listed(&files),
            (DiskDone::Listed(files), Kind::Survey(job)) => job.on_listed(&files),
            (DiskDone::Listed(files), Kind::Healed(ops)) => {
                *ops = Some(lost::forget(&files).into())
            }
            (DiskDone::Read(file), Kind::Load(job)) => job.on_read(&file),
            (DiskDone::Read(file), Kind::Install(job)) => job.on_read(&file),
            _ => {}
        }
    }

    /// What the lane is told.
    #[must_use]
    pub fn finish(self) -> JobDone {
        if let Some(why) = self.failed {
            let wanted = if why.full { self.kind.wanted() } else { None };
            return JobDone(
                wanted.map_or(Err(why.clone()), |wanted| Ok(Outcome::NoRoom { wanted, why })),
            );
        }
        JobDone(Ok(match self.kind {
            Kind::Aside(_) => Outcome::Aside,
            Kind::Checkpoint(job) => job.finish(),
            Kind::Load(job) => job.finish(),
            Kind::Survey(job) => job.finish(),
            Kind::Save(job) => job.finish(),
            Kind::Install(job) => job.finish(),
            Kind::Unmute(_) => Outcome::Unmuted,
            Kind::Healed(_) => Outcome::Healed,
            Kind::Drop(_) => Outcome::Nothing,
        }))
    }
}

impl Kind {
    /// What ends the job of an error, if anything does: a chunk that cannot be
    /// read is as good as damaged, and a checkpoint without room is cleared away.
    fn on_failed(&mut self, error: DiskError) -> Option<DiskError> {
        match self {
            Self::Load(_) => None,
            Self::Install(job) => job.on_failed(error),
            Self::Checkpoint(job) => job.on_failed(error),
            _ => Some(error),
        }
    }

    /// What has found no room, if the node can go on without it.
    const fn wanted(&self) -> Option<Wanted> {
        match self {
            Self::Aside(_) => Some(Wanted::Aside),
            Self::Save(job) => Some(Wanted::Save(job.group)),
            Self::Install(job) => Some(Wanted::Install(job.group())),
            _ => None,
        }
    }
}
