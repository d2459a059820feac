//! Whether this life of the node knows what an earlier one may have told.
//!
//! A node starts from its checkpoint and the log behind it, and does not know how
//! far that log was chosen: what it applied before it stopped may be more than what
//! it has applied now. A read of its own state that was served at once could show a
//! revision before one that the same node has shown. So these wait until a leader
//! has said how far the log is chosen and that much is applied: nothing that any
//! life of any node has told is beyond that. As in etcd, where a member serves
//! nobody until it has applied an entry of its own, that wait has an end: without
//! a leader such a read is worth most.

use super::{Replica, Turn};
use crate::machine::Look;
use crate::reads::{Read, Who};
use base::{AskId, Time, sometimes};
use core::time::Duration;

/// So many election timeouts after its start a node serves what it has.
const PATIENCES: u32 = 3;

/// What is known of what earlier lives may have told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Memory {
    /// Nothing: reads of what is here wait, but not for ever.
    Waits {
        /// Until then.
        until: Time,
        /// Whether this replica has asked how far the log is chosen.
        asked: bool,
    },
    /// It was waited for long enough in vain.
    Lost {
        /// Whether this replica has asked how far the log is chosen.
        asked: bool,
    },
    /// All that any life has told is applied here.
    Whole,
}

impl Memory {
    /// Of a life that begins now.
    pub(super) fn new(now: Time, patience: Duration) -> Self {
        let waits = Self::Waits { until: now + patience * PATIENCES, asked: false };
        base::mutant!(WeakReadForgets, waits, Self::Whole)
    }

    /// When waiting has an end.
    pub(super) const fn deadline(&self) -> Option<Time> {
        match self {
            Self::Waits { until, .. } => Some(*until),
            Self::Lost { .. } | Self::Whole => None,
        }
    }
}

impl Replica {
    /// Whether a read of what is here may be served now.
    pub(crate) fn serves_weak(&self) -> bool {
        !matches!(self.memory, Memory::Waits { .. })
    }

    /// Whether all is applied here that an earlier life of this node may have told.
    pub(crate) fn remembers(&self) -> bool {
        self.memory == Memory::Whole
    }

    /// A read of what is here, which cannot be served yet.
    pub(crate) fn read_weak(&mut self, id: AskId, look: Look) {
        sometimes!(WeakReadWaited);
        self.read(Who::Weak(id), look);
    }

    /// Asks how far the log is chosen, once in a life.
    pub(super) fn maybe_read_through(&mut self) {
        if let Memory::Waits { asked, .. } | Memory::Lost { asked } = &mut self.memory
            && !core::mem::replace(asked, true)
        {
            self.reads.gather(Read { who: Who::Replica, look: Look::Members });
        }
    }

    /// The end of a turn: a read that was asked for in this life is answered by
    /// this state, if `any`.
    pub(super) fn on_read_through(&mut self, any: bool) {
        if any {
            self.memory = Memory::Whole;
        }
    }

    /// It was waited for long enough: what is here is told.
    pub(super) fn maybe_serve_weak(&mut self, turn: &mut Turn<'_>) {
        let Memory::Waits { until, asked } = self.memory else { return };
        if until > turn.now {
            return;
        }
        self.memory = Memory::Lost { asked };
        for read in self.reads.take_weak() {
            self.serve(turn, read);
        }
    }
}
