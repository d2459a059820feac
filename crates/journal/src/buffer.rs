//! The write buffer: what arrives while the disk is busy becomes its next write.

use crate::record::{ALIGN, Link, Record, RecordKind, Seal, encode_header};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use base::Serial;
use base::limits::DISK_OP_BYTES_MAX;
use bytes::Bytes;

/// A body up to this size is copied beside its header: one longer part costs
/// the kernel less than two short ones.
const COPY_BYTES_MAX: usize = 512;

/// As much room is made ahead for headers and copied bodies: what a busy group
/// writes at a time.
const SCRATCH_BYTES: usize = 64 << 10;

static ZEROS: [u8; ALIGN] = [0; ALIGN];

/// Records that wait for the disk, in the order of their serials.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    queue: VecDeque<Record>,
    bytes: usize,
}

impl Buffer {
    pub(crate) fn push(&mut self, record: Record) {
        self.bytes += record.stored_bytes();
        self.queue.push_back(record);
    }

    /// The bytes that all of them will take.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes that the oldest will take.
    pub(crate) fn next_bytes(&self) -> Option<usize> {
        self.queue.front().map(Record::stored_bytes)
    }

    /// Takes the oldest, if it takes at most `room` bytes.
    fn pop_within(&mut self, room: usize) -> Option<Record> {
        self.next_bytes().filter(|bytes| *bytes <= room)?;
        let record = self.queue.pop_front()?;
        self.bytes -= record.stored_bytes();
        Some(record)
    }
}

/// Where the log stands: what the next record is chained to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tail {
    /// The newest record that was encoded.
    pub(crate) serial: Serial,
    /// The hash of its header.
    pub(crate) hash: u64,
}

/// Encoded records on their way to the disk: whole records that fit one
/// operation, or one larger record in several.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    parts: VecDeque<Bytes>,
    bytes: usize,
    /// The newest serial in it.
    pub(crate) last: Serial,
    /// The newest serial in it that is no witness, if any.
    pub(crate) last_wanted: Option<Serial>,
    /// The `durable` that its records carry.
    pub(crate) durable: Serial,
}

impl Batch {
    /// Encodes what `buffer` holds, as far as one operation and `room` bytes of
    /// the segment allow; the first record goes whatever the operation allows.
    /// Each header is made here, at the last moment, so that `durable` is the
    /// newest that is known, and made once; `note` is shown each record.
    pub(crate) fn fill(
        buffer: &mut Buffer,
        tail: &mut Tail,
        durable: Serial,
        seal: &Seal,
        room: usize,
        note: &mut dyn FnMut(&Record),
    ) -> Self {
        let mut batch = Self { durable, last: tail.serial, ..Self::default() };
        // Most bodies are small, and copied here: one piece of memory for all of them.
        let mut scratch = Vec::with_capacity(buffer.bytes.min(room).min(SCRATCH_BYTES));
        let mut limit = room;
        while let Some(record) = buffer.pop_within(limit) {
            let durable = base::mutant!(TearTakenForDamage, durable, tail.serial);
            let link = Link { serial: tail.serial.next(), durable, prev_hash: tail.hash };
            tail.hash = encode_header(&record, &link, seal, &mut scratch);
            tail.serial = link.serial;
            batch.last = link.serial;
            note(&record);
            if record.kind != RecordKind::Witness {
                batch.last_wanted = Some(link.serial);
            }
            batch.bytes += record.stored_bytes();
            batch.push_body(record.body, &mut scratch);
            limit = room.min(DISK_OP_BYTES_MAX).saturating_sub(batch.bytes);
        }
        batch.push_part(scratch.into());
        batch
    }

    fn push_body(&mut self, body: Bytes, scratch: &mut Vec<u8>) {
        let padding = body.len().next_multiple_of(ALIGN) - body.len();
        if body.len() <= COPY_BYTES_MAX {
            scratch.extend_from_slice(&body);
        } else {
            self.push_part(core::mem::take(scratch).into());
            self.push_part(body);
        }
        scratch.extend_from_slice(ZEROS.get(..padding).unwrap_or_default());
    }

    fn push_part(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.parts.push_back(part);
        }
    }

    /// Bytes that no operation carries yet.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The parts of the next operation.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        let mut room = DISK_OP_BYTES_MAX;
        let mut parts = Vec::new();
        while room > 0
            && let Some(mut part) = self.parts.pop_front()
        {
            let rest = part.split_off(part.len().min(room));
            if !rest.is_empty() {
                self.parts.push_front(rest);
            }
            room -= part.len();
            self.bytes -= part.len();
            parts.push(part);
        }
        parts
    }
}
