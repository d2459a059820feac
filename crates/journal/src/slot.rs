//! Entries of a log whose places are filled in any order, each of them under more
//! than one ballot perhaps: what their records say beside what the header holds.
//!
//! A value is told from others by the ballot under which it was proposed first.
//! That is the ballot under which it was accepted, as a rule, and then it is not
//! written twice; where it differs, the body begins with it.

use crate::record::{ORIGIN_BYTES, RecordKind};
use alloc::vec::Vec;
use base::codec::{Reader, Writer};
use base::{Ballot, Index, NodeId};
use bytes::Bytes;

/// One entry at one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slot {
    /// Its position in the group's log.
    pub index: Index,
    /// Under which ballot it was proposed first.
    pub ballot: Ballot,
    /// Under which ballot it was accepted.
    pub accepted: Ballot,
    /// What the entry is for, in the protocol's own number.
    pub entry_kind: u8,
    /// The leader's clock when it was proposed first.
    pub clock: u64,
    /// Everything up to here is known to be chosen as it is written on this disk.
    pub chosen: Index,
    /// The group's own bytes.
    pub body: Bytes,
}

impl Slot {
    /// The kind and the body of its record.
    #[must_use]
    pub fn record(self) -> (RecordKind, Bytes) {
        let Self { index, ballot, accepted, entry_kind, clock, chosen, body } = self;
        let inherited = ballot != accepted;
        let below = index.0.saturating_sub(chosen.0);
        let distance = u32::try_from(below).unwrap_or(0);
        let kind = RecordKind::Slot { index, accepted, entry_kind, clock, distance, inherited };
        if !inherited {
            return (kind, body);
        }
        let mut long = Vec::with_capacity(ORIGIN_BYTES + body.len());
        long.put_u64(ballot.round);
        long.put_u64(ballot.node.0);
        long.extend_from_slice(&body);
        (kind, long.into())
    }
}

/// Up to where a slot's record says that everything is chosen.
pub(crate) fn chosen(index: Index, distance: u32) -> Index {
    if distance == 0 { Index::ZERO } else { Index(index.0.saturating_sub(distance.into())) }
}

/// Under which ballot an inherited entry was proposed first, and its body. Shorter
/// bodies are refused where records are read.
pub(crate) fn open(body: &Bytes) -> (Ballot, Bytes) {
    let mut reader = Reader::new(body.clone());
    let (round, node) = (reader.u64().unwrap_or_default(), reader.u64().unwrap_or_default());
    (Ballot::new(round, NodeId(node)), reader.rest())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(ballot: u64, chosen: u64) -> Slot {
        let (index, accepted) = (Index(1 << 40), Ballot::new(7, NodeId(3)));
        let (ballot, chosen) = (Ballot::new(ballot, NodeId(3)), Index(chosen));
        let body = Bytes::from_static(b"what was decided");
        Slot { index, ballot, accepted, entry_kind: 1, clock: 8, chosen, body }
    }

    #[test]
    fn only_an_inherited_entry_says_its_first_ballot() {
        let (kind, body) = slot(7, 0).record();
        assert!(matches!(kind, RecordKind::Slot { inherited: false, distance: 0, .. }));
        assert_eq!(body, slot(7, 0).body);
        let (kind, body) = slot(4, (1 << 40) - 9).record();
        assert!(matches!(kind, RecordKind::Slot { inherited: true, distance: 9, .. }));
        assert_eq!(open(&body), (Ballot::new(4, NodeId(3)), slot(4, 0).body));
    }

    #[test]
    fn what_is_chosen_is_near_or_unknown() {
        assert_eq!(chosen(Index(9), 4), Index(5));
        assert_eq!(chosen(Index(9), 0), Index(0));
        assert_eq!(chosen(Index(3), 4), Index(0));
    }
}
