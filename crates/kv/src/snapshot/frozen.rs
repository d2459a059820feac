//! A state that stands still while its machine goes on, told chunk by chunk.

use super::ahead::Ahead;
use super::chunk::{KEYS, LEASES, SEQUENCES, fill};
use super::head::Head;
use super::said::{write_lease, write_said};
use super::version;
use crate::machine::Machine;
use crate::sequence::Sequences;
use crate::state::State;
use crate::store::Spot;
use base::checksum::hash64;
use base::{Index, Revision};
use bytes::Bytes;
use core::fmt;

/// The state of a machine at one index, and how much of it was told.
///
/// It shares everything with the machine that the machine has not changed
/// since, and may be told and dropped on another thread. What was told it lets go
/// of: what the machine replaces meanwhile is kept twice only until then.
#[derive(Clone)]
pub struct Frozen {
    machine: Machine,
    /// How many keys exist in it, told or not.
    keys: u64,
    next: Next,
}

/// What comes next.
#[derive(Clone, Debug)]
enum Next {
    Head,
    /// Leases, from this id on.
    Leases(i64),
    /// What clients said, from this one on.
    Sequences(u64),
    /// Versions, from this one on.
    Keys(Spot),
    End,
}

impl Machine {
    /// The state as it is now, to be told in chunks; it costs nothing to ask.
    #[must_use]
    pub fn freeze(&self) -> Frozen {
        let state = State { store: self.state.store.at_rest(), ..self.state.clone() };
        let machine = Self { state, sequences: self.sequences.clone(), ..*self };
        let without = || Self { sequences: Sequences::default(), ..self.clone() };
        let machine = base::mutant!(SnapshotWithoutSequences, machine, without());
        Frozen { machine, keys: self.keys(), next: Next::Head }
    }
}

impl Frozen {
    /// The last entry that is in the state.
    #[must_use]
    pub const fn applied(&self) -> Index {
        self.machine.applied()
    }

    /// The newest revision in it.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.machine.revision()
    }

    /// How many keys exist in it.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.keys
    }

    /// What it takes in memory: an upper bound, in practice, of what all
    /// chunks take together.
    #[must_use]
    pub const fn bytes_held(&self) -> u64 {
        self.machine.bytes_held()
    }

    /// The next chunk; `None` after the last. Each is a slice of work of its
    /// own: what is between two calls costs nothing.
    pub fn next_chunk(&mut self) -> Option<Bytes> {
        loop {
            let (chunk, next) = match &self.next {
                Next::Head => (Some(Head::of(&self.machine).chunk()), Next::Leases(i64::MIN)),
                Next::Leases(from) => self.leases(*from),
                Next::Sequences(from) => self.sequences(*from),
                Next::Keys(from) => self.versions(from),
                Next::End => return None,
            };
            if let Next::Keys(from) = &next {
                self.machine.state.store.forget_below(&from.key);
            }
            self.next = next;
            if chunk.is_some() {
                return chunk;
            }
        }
    }

    fn leases(&self, from: i64) -> (Option<Bytes>, Next) {
        let leases = self.machine.state.leases.granted_from(from);
        let (chunk, next) = fill(LEASES, leases, |out, lease, _| {
            write_lease(out, lease);
            hash64(&lease.0.id.to_le_bytes())
        });
        (chunk, next.map_or(Next::Sequences(0), |(grant, _)| Next::Leases(grant.id)))
    }

    fn sequences(&self, from: u64) -> (Option<Bytes>, Next) {
        let clients = self.machine.sequences.said_from(from);
        let (chunk, next) = fill(SEQUENCES, clients, |out, said, _| {
            write_said(out, said);
            hash64(&said.client.to_le_bytes())
        });
        (chunk, next.map_or(Next::Keys(Spot::default()), |said| Next::Sequences(said.client)))
    }

    /// The digest of a version serves as its hash: nothing is hashed here.
    fn versions(&self, from: &Spot) -> (Option<Bytes>, Next) {
        let versions = Ahead::new(self.machine.state.store.kept_from(from));
        let (chunk, next) = fill(KEYS, versions, |out, kept, first| {
            version::write(out, kept, first);
            kept.version.digest()
        });
        let spot = next
            .map(|kept| Spot { key: kept.version.key().into(), revision: kept.version.modified() });
        (chunk, spot.map_or(Next::End, Next::Keys))
    }
}

/// A whole state is too much to read.
impl fmt::Debug for Frozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frozen")
            .field("applied", &self.applied())
            .field("revision", &self.revision())
            .field("keys", &self.keys())
            .finish_non_exhaustive()
    }
}
