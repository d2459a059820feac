//! What the records of a log add up to: for every group its newest promise and
//! its newest entry per index.

use crate::buffer::Tail;
use crate::record::{Found, Link, Record, RecordKind, Seal, decode};
use alloc::collections::BTreeMap;
use base::{Ballot, Era, GroupId, Incarnation, Index, Serial};
use bytes::Bytes;

/// An entry as the log holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecoveredEntry {
    /// Under which ballot it was proposed.
    pub ballot: Ballot,
    /// What it is for, in the protocol's own number.
    pub entry_kind: u8,
    /// The leader's clock when it was proposed.
    pub clock: u64,
    /// The era that was in force when it was written.
    pub era: Era,
    /// The group's own bytes.
    pub body: Bytes,
    /// Its place in the lane's log.
    pub serial: Serial,
}

/// What one group finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupRecovered {
    /// The replica's life. What an earlier one wrote is not here.
    pub incarnation: Incarnation,
    /// The era of the newest record.
    pub era: Era,
    /// The newest promise.
    pub vote: Option<(Ballot, Bytes)>,
    /// The newest entry of every index. There may be gaps: what they mean is
    /// the protocol's to say.
    pub entries: BTreeMap<Index, RecoveredEntry>,
}

impl GroupRecovered {
    const fn new(incarnation: Incarnation, era: Era) -> Self {
        Self { incarnation, era, vote: None, entries: BTreeMap::new() }
    }
}

/// All records up to one place of the log.
#[derive(Debug)]
pub(crate) struct History {
    /// Where the log stands.
    pub(crate) tail: Tail,
    /// The highest `durable` of any record or segment head.
    pub(crate) recorded: Serial,
    /// The newest serial that is no witness.
    pub(crate) wanted: Serial,
    pub(crate) groups: BTreeMap<GroupId, GroupRecovered>,
}

/// A record that this build must not pass over.
pub(crate) struct Unknown {
    pub(crate) offset: usize,
    pub(crate) what: &'static str,
    pub(crate) got: u64,
}

impl History {
    /// Before the first record.
    pub(crate) const fn new() -> Self {
        Self {
            tail: Tail { serial: Serial::ZERO, hash: 0 },
            recorded: Serial::ZERO,
            wanted: Serial::ZERO,
            groups: BTreeMap::new(),
        }
    }

    /// Adds the records that stand in `content` from `offset` on, as far as each
    /// follows the one before; says where the first that does not would stand.
    pub(crate) fn replay(
        &mut self,
        content: &Bytes,
        seal: &Seal,
        mut offset: usize,
    ) -> Result<usize, Unknown> {
        loop {
            match decode(&content.slice(offset.min(content.len())..), seal) {
                Found::Good { link, record, hash, stored } if self.follows(&link) => {
                    self.tail = Tail { serial: link.serial, hash };
                    self.add(link, record);
                    offset += stored;
                }
                Found::Unknown { what, got } => return Err(Unknown { offset, what, got }),
                _ => return Ok(offset),
            }
        }
    }

    fn follows(&self, link: &Link) -> bool {
        link.serial == self.tail.serial.next()
            && link.prev_hash == self.tail.hash
            && link.durable < link.serial
    }

    fn add(&mut self, link: Link, record: Record) {
        self.recorded = self.recorded.max(link.durable);
        let Record { group, incarnation, era, kind, body } = record;
        if kind == RecordKind::Witness {
            return;
        }
        self.wanted = link.serial;
        let fresh = || GroupRecovered::new(incarnation, era);
        let state = self.groups.entry(group).or_insert_with(fresh);
        if state.incarnation != incarnation {
            *state = fresh();
        }
        state.era = era;
        // A copy of its own: a slice would keep the whole segment in memory.
        let body = Bytes::copy_from_slice(&body);
        match kind {
            RecordKind::Entry { index, ballot, entry_kind, clock, cut } => {
                if cut {
                    state.entries.split_off(&index);
                }
                let serial = link.serial;
                let entry = RecoveredEntry { ballot, entry_kind, clock, era, body, serial };
                state.entries.insert(index, entry);
            }
            RecordKind::Vote { ballot } => state.vote = Some((ballot, body)),
            RecordKind::Witness => {}
        }
    }
}
