//! The write-ahead log of one lane: every write of every group of the lane, in
//! one order, with one sync for all that arrived meanwhile.
//!
//! The log asks for one disk operation at a time and is told how it ended. So
//! everything before an operation is durable when the operation begins: that is
//! what the `durable` of a record, and the head of a segment, vouch for. What
//! takes long and concerns other files is done beside it, one job at a time.

use crate::aside::Aside;
use crate::buffer::{Batch, Buffer, Tail};
use crate::disk::{DiskDone, DiskError, DiskOp};
use crate::ledger::Ledger;
pub use crate::options::Options;
use crate::record::{ORIGIN_BYTES, Record, Seal};
use crate::segment::{self, HEAD_BYTES, Head};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use base::limits::{DISK_OP_BYTES_MAX, ENTRY_BYTES_MAX, WITNESS_DELAY};
use base::{GroupId, Index, Serial, Time, invariant, sometimes};

/// The log of one lane. Made by [`crate::recover::recover`].
#[derive(Debug)]
pub struct Wal {
    options: Options,
    segment: Segment,
    /// The name of its file.
    file: String,
    /// What the segments hold.
    ledger: Ledger,
    /// What is done beside the log.
    aside: Aside,
    /// The newest record that was appended. I30: the k-th append is serial k.
    last: Serial,
    /// I32: `durable <= tail.serial <= last`, and `durable` never goes back.
    durable: Serial,
    tail: Tail,
    buffer: Buffer,
    batch: Batch,
    /// I33: at most one operation is under way.
    flight: Option<Flight>,
    witness: Witness,
    failed: Option<DiskError>,
}

/// The segment that records go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) size: u64,
    /// Where the next write goes. I34: `HEAD_BYTES <= offset <= size`.
    pub(crate) offset: u64,
    pub(crate) seal: Seal,
}

impl Segment {
    /// The segment that `head` begins, without a record.
    pub(crate) fn new(head: &Head) -> Self {
        let seal = Seal::new(&head.owner, head.lane, head.generation);
        Self { number: head.number, size: head.size, offset: HEAD_BYTES as u64, seal }
    }

    const fn room(&self) -> usize {
        self.size.saturating_sub(self.offset) as usize
    }
}

/// The operation that is under way.
#[derive(Debug)]
enum Flight {
    /// The next segment's head is written.
    Open(Head),
    /// So many bytes of the batch are written.
    Write(u64),
}

/// What recovery found.
pub(crate) struct Begun {
    pub(crate) segment: Segment,
    pub(crate) ledger: Ledger,
    pub(crate) aside: Aside,
    pub(crate) tail: Tail,
    pub(crate) witness: Witness,
}

/// What the log still owes its own recovery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Witness {
    /// The newest durable serial that is not itself a witness.
    pub(crate) wanted: Serial,
    /// The highest `durable` that a durable record or head carries.
    pub(crate) recorded: Serial,
    /// When an idle lane makes `wanted` recorded.
    pub(crate) due: Option<Time>,
}

impl Wal {
    /// The log as recovery found it: everything in it is durable.
    pub(crate) fn new(options: Options, begun: Begun) -> Self {
        let Begun { segment, ledger, aside, tail, witness } = begun;
        Self {
            file: segment::file_name(options.lane, segment.number),
            options,
            segment,
            ledger,
            aside,
            last: tail.serial,
            durable: tail.serial,
            tail,
            buffer: Buffer::default(),
            batch: Batch::default(),
            flight: None,
            witness,
            failed: None,
        }
    }

    /// Adds a record to what is written next, and says its serial: always one
    /// more than [`Self::last_serial`].
    pub fn append(&mut self, record: Record) -> Serial {
        invariant!(I35, record.body.len() <= ENTRY_BYTES_MAX + ORIGIN_BYTES);
        self.last = self.last.next();
        self.buffer.push(record);
        self.last
    }

    /// The serial of the newest record, durable or not. The log itself appends
    /// witnesses in [`Self::next_op`], so ask before every step, never remember.
    #[must_use]
    pub const fn last_serial(&self) -> Serial {
        self.last
    }

    /// Everything up to here survives a power loss.
    #[must_use]
    pub const fn durable(&self) -> Serial {
        self.durable
    }

    /// Record bytes that are not durable yet: the caller's bound on the buffer.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        let flying = match self.flight {
            Some(Flight::Write(bytes)) => bytes as usize,
            _ => 0,
        };
        self.buffer.bytes() + self.batch.bytes() + flying
    }

    /// Whether an operation is under way.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.flight.is_some()
    }

    /// Why the log stopped for ever, if it did.
    #[must_use]
    pub const fn failed(&self) -> Option<&DiskError> {
        self.failed.as_ref()
    }

    /// A checkpoint that stays holds the entries of `group` up to `index`: the log
    /// need not keep them. This never goes back.
    pub fn release(&mut self, group: GroupId, index: Index) {
        self.ledger.release(group, index);
    }

    /// What is to be done beside the log, in this order, if none of it is under way
    /// and there is something to do. Its end must be told to [`Self::on_aside`];
    /// [`Self::next_op`] goes on meanwhile.
    pub fn next_aside(&mut self) -> Option<Vec<DiskOp>> {
        if self.failed.is_some() || self.aside.is_busy() || self.is_opening() {
            return None;
        }
        let next = (self.segment.number + 1, self.next_segment_needs());
        self.aside.begin(&self.options, &mut self.ledger, next, self.durable)
    }

    /// Learns how it ended. After an error the log asks for nothing any more, unless
    /// there was no room: then [`Self::next_aside`] may be asked again, best later.
    pub fn on_aside(&mut self, done: Result<(), DiskError>) {
        match done {
            Ok(()) => self.aside.end(&self.options, &mut self.ledger),
            Err(error) if error.full => {
                sometimes!(SegmentWithoutRoom);
                self.aside.give_up();
            }
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }

    /// Whether records wait for the segment that [`Self::next_aside`] makes.
    #[must_use]
    pub fn waits_for_segment(&self) -> bool {
        let needs = self.next_segment_needs();
        self.flight.is_none()
            && self.batch.bytes() == 0
            && needs > HEAD_BYTES as u64
            && self.aside.next().is_none_or(|size| size < needs)
    }

    /// Whether there was no room on the disk for the next segment, and none was
    /// made since.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.aside.is_short()
    }

    /// Bytes that can still be appended before another segment must be made.
    #[must_use]
    pub fn room(&self) -> u64 {
        let next = self.aside.next().map_or(0, |size| size.saturating_sub(HEAD_BYTES as u64));
        let room = self.segment.room() as u64 + next;
        room.saturating_sub(self.pending_bytes() as u64)
    }

    /// Bytes of the files that the log consists of.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.ledger.stored_bytes()
    }

    /// When [`Self::next_op`] has something to do even if nothing is appended.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let idle = self.failed.is_none() && self.flight.is_none() && self.last == self.durable;
        self.witness.due.filter(|_| idle)
    }

    /// The next operation, if none is under way and there is something to do.
    /// Its end must be told to [`Self::on_done`].
    pub fn next_op(&mut self, now: Time) -> Option<DiskOp> {
        if self.failed.is_some() || self.flight.is_some() {
            return None;
        }
        if self.deadline().is_some_and(|due| due <= now) {
            sometimes!(WitnessWritten);
            self.witness.due = None;
            self.append(Record::witness());
        }
        if self.batch.bytes() > 0 {
            return Some(self.write());
        }
        match self.buffer.next_bytes() {
            None => None,
            Some(bytes) if bytes > self.segment.room() => self.open_next(),
            Some(_) => {
                self.fill();
                Some(self.write())
            }
        }
    }

    /// Learns how the operation ended, and says up to where the log is now
    /// durable. After an error the log never asks for an operation again.
    pub fn on_done(&mut self, now: Time, done: DiskDone) -> Result<Serial, DiskError> {
        let flight = self.flight.take();
        match (done, flight) {
            (DiskDone::Failed(error), _) => {
                self.failed = Some(error.clone());
                return Err(error);
            }
            (DiskDone::Synced, Some(Flight::Open(head))) => self.on_opened(&head),
            (DiskDone::Synced, Some(Flight::Write(bytes))) => self.on_written(now, bytes),
            (done, flight) => invariant!(I33, false, "{done:?} does not answer {flight:?}"),
        }
        Ok(self.durable)
    }

    fn on_opened(&mut self, head: &Head) {
        sometimes!(SegmentOpened);
        self.segment = Segment::new(head);
        self.file = segment::file_name(head.lane, head.number);
        self.ledger.open(head);
        self.aside.opened();
        self.witness.recorded = self.witness.recorded.max(head.first.prev());
    }

    fn on_written(&mut self, now: Time, bytes: u64) {
        self.segment.offset += bytes;
        invariant!(I34, self.segment.offset <= self.segment.size);
        if self.batch.bytes() > 0 {
            return;
        }
        invariant!(I32, self.durable < self.batch.last);
        invariant!(I32, self.batch.last <= self.last);
        self.durable = self.batch.last;
        let witness = &mut self.witness;
        witness.recorded = witness.recorded.max(self.batch.durable);
        witness.wanted = self.batch.last_wanted.unwrap_or(witness.wanted);
        witness.due = (witness.wanted > witness.recorded).then_some(now + WITNESS_DELAY);
    }

    fn fill(&mut self) {
        let room = self.segment.room();
        let seal = &self.segment.seal;
        let note = &mut |record: &Record| self.ledger.note(record);
        self.batch = Batch::fill(&mut self.buffer, &mut self.tail, self.durable, seal, room, note);
        invariant!(I34, self.batch.bytes() <= room);
        invariant!(I30, self.buffer.bytes() > 0 || self.tail.serial == self.last);
    }

    fn write(&mut self) -> DiskOp {
        let parts = self.batch.take();
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        invariant!(I36, bytes <= DISK_OP_BYTES_MAX);
        self.flight = Some(Flight::Write(bytes as u64));
        DiskOp::Write { file: self.file.clone(), offset: self.segment.offset, parts }
    }

    const fn is_opening(&self) -> bool {
        matches!(self.flight, Some(Flight::Open(_)))
    }

    /// The least bytes of the next segment's file: a head, and the record that has
    /// no room in this one.
    fn next_segment_needs(&self) -> u64 {
        let waits = self.buffer.next_bytes().filter(|bytes| *bytes > self.segment.room());
        HEAD_BYTES as u64 + waits.unwrap_or_default() as u64
    }

    /// The next segment, if its file is there. The log itself makes none: that
    /// takes long, and a write that has room would wait for it.
    fn open_next(&mut self) -> Option<DiskOp> {
        let needs = self.next_segment_needs();
        self.aside.next().filter(|size| *size >= needs).map(|size| self.write_head(size))
    }

    /// The head is an operation of its own, before the first record: a segment
    /// with records and no head was damaged, never torn.
    fn write_head(&mut self, size: u64) -> DiskOp {
        invariant!(I37, self.durable == self.tail.serial);
        let head = Head {
            owner: self.options.owner,
            lane: self.options.lane,
            number: self.segment.number + 1,
            generation: self.segment.seal.generation() + 1,
            size,
            first: self.tail.serial.next(),
            prev_hash: self.tail.hash,
        };
        self.flight = Some(Flight::Open(head));
        let file = segment::file_name(head.lane, head.number);
        DiskOp::Write { file, offset: 0, parts: vec![segment::encode(&head)] }
    }
}
