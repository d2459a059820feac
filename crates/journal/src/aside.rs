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
    /// There was no room for the next segment's file.
    short: bool,
    /// I39: at most one job is under way.
    job: Option<Job>,
}

#[derive(Debug)]
enum Job {
    /// The next segment's file is made, with so many bytes; what was there
    /// before, if it comes to nothing.
    Prepare { size: u64, next: Option<u64>, spare: Option<Loose> },
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

    /// Whether there was no room for the next segment's file, and still is none.
    pub(crate) const fn is_short(&self) -> bool {
        self.short
    }

    /// The next job: first what the log may wait for, unless room must be made for
    /// it. `number` is that of the next segment, and `needed` the least size of its
    /// file.
    pub(crate) fn begin(
        &mut self,
        options: &Options,
        ledger: &mut Ledger,
        (number, needed): (u64, u64),
        durable: Serial,
    ) -> Option<Vec<DiskOp>> {
        let lacks = self.next.is_none_or(|size| size < needed);
        if lacks && !self.short {
            return Some(vec![self.prepare(options, number, needed)]);
        }
        if self.short && !self.stale.is_empty() {
            return Some(self.remove(options));
        }
        if let Some(floor) = ledger.rise(durable) {
            let file = floor::file_name(options.lane);
            let content = floor::encode(&options.owner, options.lane, &floor);
            self.job = Some(Job::Raise(floor));
            return Some(vec![DiskOp::Replace { file, content }]);
        }
        if !self.stale.is_empty() {
            return Some(self.remove(options));
        }
        lacks.then(|| vec![self.prepare(options, number, needed)])
    }

    fn remove(&mut self, options: &Options) -> Vec<DiskOp> {
        self.job = Some(Job::Remove);
        let stale = core::mem::take(&mut self.stale);
        let remove = |it: Loose| DiskOp::Remove { file: name(options, it.number) };
        stale.into_iter().map(remove).collect()
    }

    fn prepare(&mut self, options: &Options, number: u64, needed: u64) -> DiskOp {
        let next = self.next.take();
        let to = name(options, number);
        if let Some(spare) = self.spare.take_if(|spare| spare.size >= needed) {
            sometimes!(SegmentReused);
            self.job = Some(Job::Prepare { size: spare.size, next, spare: Some(spare) });
            return DiskOp::Rename { from: name(options, spare.number), to };
        }
        let size = needed.max(options.segment_bytes);
        self.job = Some(Job::Prepare { size, next, spare: None });
        DiskOp::Create { file: to, size }
    }

    /// The job is done.
    pub(crate) fn end(&mut self, options: &Options, ledger: &mut Ledger) {
        match self.job.take() {
            Some(Job::Prepare { size, .. }) => (self.next, self.short) = (Some(size), false),
            Some(Job::Raise(floor)) => {
                sometimes!(SegmentRetired);
                let below = ledger.raise(floor);
                self.set_aside(options, below);
            }
            Some(Job::Remove) => {}
            None => base::invariant!(I39, false, "nothing was under way beside the log"),
        }
    }

    /// The job came to nothing for want of room, and everything is as before it: it
    /// is begun again when it is asked for. What is removed needs no room.
    pub(crate) fn give_up(&mut self) {
        match self.job.take() {
            Some(Job::Prepare { next, spare, .. }) => {
                (self.next, self.spare, self.short) = (next, spare, true);
            }
            Some(Job::Raise(_)) => {}
            Some(Job::Remove) | None => base::invariant!(I39, false, "nothing needed room"),
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
