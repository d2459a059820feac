//! The first chunk: where the state stands, and what all chunks must come to.

use super::chunk::{Filling, HEAD};
use super::error::SnapshotError;
use super::fields::{read_alarm, read_list, read_number, write_alarm, write_list};
use crate::command::Alarm;
use crate::machine::Machine;
use alloc::vec::Vec;
use base::codec::{Reader, Writer};
use base::{Index, Revision, mutant};
use bytes::Bytes;

/// What the head says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) keyspace: u64,
    pub(super) applied: Index,
    pub(super) clock: u64,
    pub(super) revision: Revision,
    pub(super) compacted: Option<Revision>,
    pub(super) totals: Totals,
    pub(super) alarms: Vec<Alarm>,
}

/// What a machine that was made of the chunks must come to. Versions are not
/// counted, since only a walk could tell how many of them a compaction has left;
/// but each one is in the hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Totals {
    keys: u64,
    leases: u64,
    clients: u64,
    state_hash: u64,
}

impl Head {
    pub(super) fn of(machine: &Machine) -> Self {
        Self {
            keyspace: machine.keyspace.0,
            applied: mutant!(CheckpointPlaceAhead, machine.applied, machine.applied.next()),
            clock: machine.clock,
            revision: machine.revision(),
            compacted: machine.compacted(),
            totals: Totals::of(machine),
            alarms: machine.alarms(),
        }
    }

    pub(super) fn chunk(&self) -> Bytes {
        let mut filling = Filling::begin(HEAD);
        let out = &mut filling.bytes;
        let compacted = self.compacted.map_or(0, |revision| revision.next().0);
        let Totals { keys, leases, clients, state_hash } = self.totals;
        let place = [self.keyspace, self.applied.0, self.clock, self.revision.0, compacted];
        let totals = [keys, leases, clients, state_hash];
        place.iter().chain(&totals).for_each(|number| out.put_u64(*number));
        write_list(out, self.alarms.iter(), write_alarm);
        filling.seal()
    }

    pub(super) fn read(reader: &mut Reader) -> Result<Self, SnapshotError> {
        let head = Self {
            keyspace: reader.u64()?,
            applied: Index(read_number(reader, "applied index")?),
            clock: reader.u64()?,
            revision: Revision(read_number(reader, "revision")?),
            compacted: read_number(reader, "compacted revision")?.checked_sub(1).map(Revision),
            totals: Totals {
                keys: reader.u64()?,
                leases: reader.u64()?,
                clients: reader.u64()?,
                state_hash: reader.u64()?,
            },
            alarms: read_list(reader, read_alarm)?,
        };
        head.check()?;
        Ok(head)
    }

    fn check(&self) -> Result<(), SnapshotError> {
        let refuse = |what| Err(SnapshotError::Contradiction { what });
        if self.compacted.is_some_and(|compacted| compacted > self.revision) {
            return refuse("a compaction is in the future");
        }
        if !self.alarms.is_sorted_by(|one, other| one < other) {
            return refuse("alarms are not in order");
        }
        Ok(())
    }
}

impl Totals {
    fn of(machine: &Machine) -> Self {
        Self {
            keys: machine.keys(),
            leases: machine.state.leases.count(),
            clients: machine.sequences.count(),
            state_hash: machine.state_hash(),
        }
    }

    /// Whether the machine came to what the head says.
    pub(super) fn check(&self, machine: &Machine) -> Result<(), SnapshotError> {
        let got = Self::of(machine);
        let same = |what, expected, got| {
            let same = expected == got;
            if same { Ok(()) } else { Err(SnapshotError::Incomplete { what, expected, got }) }
        };
        same("keys", self.keys, got.keys)?;
        same("leases", self.leases, got.leases)?;
        same("clients", self.clients, got.clients)?;
        same("hash", self.state_hash, got.state_hash)
    }
}
