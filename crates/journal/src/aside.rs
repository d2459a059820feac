//! What is done beside the log, so that the log never waits for it longer than it
//! must: the next segment's file is made, the beginning of the log rises, and
//! what is no longer of the log is used again or removed.

use crate::disk::DiskOp;
use crate::floor::{self, Floor};
use crate::ledger::Ledger;
use crate::options::Options;
use crate::segment::{self, Loose};
use alloc::vec;
use alloc::vec::Vec;
use base::{Serial, sometimes};

/// The files beside the log, and what is under way there.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    /// Bytes of the next segment's file, if it is there.
    next: Option<u64>,
    /// A file below the floor that will be a segment again.
    spare: Option<Loose>,
    /// Files below the floor that nobody needs.
    stale: Vec<Loose>,
    /// I39: at most one job is under way.
    job: Option<Job>,
}

#[derive(Debug)]
enum Job {
    /// The next segment's file is made, with so many bytes.
    Prepare(u64),
    /// The log begins at this floor. Until then what is below belongs to it.
    Raise(Floor),
    /// Files below the floor are removed.
    Remove,
}

impl Aside {
    /// What recovery found beside the log: the next segment's file, and what is
    /// below the floor.
    pub(crate) fn new(options: &Options, next: Option<u64>, below: Vec<Loose>) -> Self {
        let next = next.filter(|size| *size >= options.segment_bytes);
        let mut aside = Self { next, ..Self::default() };
        aside.set_aside(options, below);
        aside
    }

    /// Bytes of the next segment's file, if it is there and no job touches it.
    pub(crate) const fn next(&self) -> Option<u64> {
        self.next
    }

    /// The log took the next segment's file.
    pub(crate) const fn opened(&mut self) {
        self.next = None;
    }

    pub(crate) const fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    /// The next job: first what the log may wait for. `number` is that of the next
    /// segment, and `needed` the least size of its file.
    pub(crate) fn begin(
        &mut self,
        options: &Options,
        ledger: &Ledger,
        (number, needed): (u64, u64),
        durable: Serial,
    ) -> Option<Vec<DiskOp>> {
        if self.next.is_none_or(|size| size < needed) {
            return Some(vec![self.prepare(options, number, needed)]);
        }
        if let Some(floor) = ledger.rise(durable) {
            let file = floor::file_name(options.lane);
            let content = floor::encode(&options.owner, options.lane, &floor);
            self.job = Some(Job::Raise(floor));
            return Some(vec![DiskOp::Replace { file, content }]);
        }
        let stale = core::mem::take(&mut self.stale);
        let remove = |it: &Loose| DiskOp::Remove { file: name(options, it.number) };
        let ops: Vec<DiskOp> = stale.iter().map(remove).collect();
        self.job = (!ops.is_empty()).then_some(Job::Remove);
        (!ops.is_empty()).then_some(ops)
    }

    fn prepare(&mut self, options: &Options, number: u64, needed: u64) -> DiskOp {
        self.next = None;
        let to = name(options, number);
        if let Some(spare) = self.spare.take_if(|spare| spare.size >= needed) {
            sometimes!(SegmentReused);
            self.job = Some(Job::Prepare(spare.size));
            return DiskOp::Rename { from: name(options, spare.number), to };
        }
        let size = needed.max(options.segment_bytes);
        self.job = Some(Job::Prepare(size));
        DiskOp::Create { file: to, size }
    }

    /// The job is done.
    pub(crate) fn end(&mut self, options: &Options, ledger: &mut Ledger) {
        match self.job.take() {
            Some(Job::Prepare(size)) => self.next = Some(size),
            Some(Job::Raise(floor)) => {
                sometimes!(SegmentRetired);
                let below = ledger.raise(floor);
                self.set_aside(options, below);
            }
            Some(Job::Remove) => {}
            None => base::invariant!(I39, false, "nothing was under way beside the log"),
        }
    }

    /// One file of the usual size is kept to be a segment again.
    fn set_aside(&mut self, options: &Options, below: Vec<Loose>) {
        for loose in below {
            if self.spare.is_none() && loose.size == options.segment_bytes {
                self.spare = Some(loose);
            } else {
                self.stale.push(loose);
            }
        }
    }
}

fn name(options: &Options, number: u64) -> alloc::string::String {
    segment::file_name(options.lane, number)
}
