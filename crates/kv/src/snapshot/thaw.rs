//! A machine made anew of chunks, which may say anything.

use super::chunk::{self, HEAD, LEASES, SEQUENCES};
use super::error::SnapshotError;
use super::head::Head;
use super::said::{read_lease, read_said};
use super::version::{self, Whose};
use crate::check::check;
use crate::command::{AlarmChange, Command};
use crate::machine::Machine;
use crate::store::{Contradiction, Thawing};
use base::KeyspaceId;
use base::codec::Reader;
use bytes::Bytes;

type Checked = Result<(), SnapshotError>;

/// A machine that is being made of chunks. Nothing is believed: what is
/// damaged, missing, twice there or out of order is refused.
///
/// About a third of the time goes into [`Thaw::finish`], the rest into [`Thaw::add`]:
/// neither is for a thread that must answer.
#[derive(Debug)]
pub struct Thaw {
    keyspace: KeyspaceId,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Nothing was said yet.
    Empty,
    /// The head was, and perhaps more.
    Begun(alloc::boxed::Box<Begun>),
    /// Something was wrong.
    Refused(SnapshotError),
}

/// What was made so far.
#[derive(Debug)]
struct Begun {
    head: Head,
    /// The kind of the last chunk: kinds come in order.
    kind: u8,
    /// With everything but the store.
    machine: Machine,
    store: Thawing,
    /// The lease of the newest pair of the key that is being told, or 0.
    lease: i64,
    last_lease: Option<i64>,
    last_client: Option<u64>,
}

impl Thaw {
    /// Waits for the first chunk of this keyspace's state.
    #[must_use]
    pub const fn new(keyspace: KeyspaceId) -> Self {
        Self { keyspace, stage: Stage::Empty }
    }

    /// Takes the next chunk in, in the order in which [`super::Frozen`] tells them.
    pub fn add(&mut self, chunk: &Bytes) -> Checked {
        let done = self.try_add(chunk);
        if let Err(why) = done {
            self.stage = Stage::Refused(why);
        }
        done
    }

    /// That was all: the machine, if the chunks make one.
    pub fn finish(self) -> Result<Machine, SnapshotError> {
        match self.stage {
            Stage::Begun(begun) => begun.finish(),
            Stage::Empty => Err(SnapshotError::Incomplete { what: "heads", expected: 1, got: 0 }),
            Stage::Refused(why) => Err(why),
        }
    }

    fn try_add(&mut self, chunk: &Bytes) -> Checked {
        let (kind, mut reader) = match &self.stage {
            Stage::Refused(why) => return Err(*why),
            _ => chunk::open(chunk)?,
        };
        match (&mut self.stage, kind) {
            (stage @ Stage::Empty, HEAD) => {
                let head = Head::read(&mut reader)?;
                reader.finish()?;
                if head.keyspace != self.keyspace.0 {
                    return Err(SnapshotError::Keyspace { got: head.keyspace });
                }
                *stage = Stage::Begun(Begun::new(head, self.keyspace).into());
                Ok(())
            }
            (Stage::Begun(begun), kind) if kind != HEAD && kind >= begun.kind => {
                begun.add(kind, reader)
            }
            _ => Err(SnapshotError::OutOfOrder { kind }),
        }
    }
}

impl Begun {
    fn new(head: Head, keyspace: KeyspaceId) -> Self {
        let mut machine = Machine::new(keyspace);
        (machine.applied, machine.clock) = (head.applied, head.clock);
        for alarm in &head.alarms {
            machine.state.alarms.change(&AlarmChange { alarm: *alarm, raise: true });
        }
        let store = Thawing::memory(head.revision, head.compacted);
        Self { head, kind: HEAD, machine, store, lease: 0, last_lease: None, last_client: None }
    }

    fn add(&mut self, kind: u8, mut reader: Reader) -> Checked {
        self.kind = kind;
        let mut opening = true;
        refuse_if(reader.left() == 0, "a chunk is empty")?;
        while reader.left() > 0 {
            match kind {
                LEASES => self.add_lease(&mut reader)?,
                SEQUENCES => self.add_said(&mut reader)?,
                _ => self.add_version(&mut reader, opening)?,
            }
            opening = false;
        }
        Ok(())
    }

    fn add_lease(&mut self, reader: &mut Reader) -> Checked {
        let (grant, clock) = read_lease(reader)?;
        refuse_if(clock > self.head.clock, "a lease is from the future")?;
        refuse_if(check(&Command::LeaseGrant(grant)).is_err(), "a lease cannot be granted")?;
        refuse_if(self.last_lease >= Some(grant.id), "leases are not in order")?;
        self.last_lease = Some(grant.id);
        refuse_if(self.machine.state.leases.grant(&grant, clock).is_err(), "a lease is there twice")
    }

    fn add_said(&mut self, reader: &mut Reader) -> Checked {
        let said = read_said(reader)?;
        refuse_if(said.index > self.head.applied, "a client speaks in the future")?;
        refuse_if(self.last_client >= Some(said.client), "clients are not in order")?;
        self.last_client = Some(said.client);
        refuse_if(!self.machine.sequences.restore(said), "a client's last word has no place")
    }

    fn add_version(&mut self, reader: &mut Reader, opening: bool) -> Checked {
        let (flags, whose) = version::read_whose(reader)?;
        match whose {
            Whose::New(key) => {
                self.hang()?;
                self.store.begin(&key)?;
            }
            Whose::Same => refuse_if(opening, "a chunk begins without a key")?,
            Whose::Continued(key) => {
                let continues = opening && self.store.key() == &key[..];
                refuse_if(!continues, "a key goes on that did not begin")?;
            }
        }
        let version = version::read(reader, flags)?;
        self.lease = version.kv.as_ref().map_or(0, |kv| kv.lease);
        self.store.add(version)?;
        Ok(())
    }

    /// The key that was told hangs on the lease that its newest pair names.
    fn hang(&mut self) -> Checked {
        let lease = core::mem::take(&mut self.lease);
        let leases = &mut self.machine.state.leases;
        refuse_if(lease != 0 && !leases.holds(lease), "a pair hangs on no lease")?;
        let lease = base::mutant!(LeaseKeysNotThawed, lease, 0);
        leases.move_key(self.store.key(), 0, lease);
        Ok(())
    }

    fn finish(mut self) -> Result<Machine, SnapshotError> {
        self.hang()?;
        self.machine.state.store = self.store.finish()?;
        self.head.totals.check(&self.machine)?;
        Ok(self.machine)
    }
}

fn refuse_if(wrong: bool, what: &'static str) -> Checked {
    if wrong { Err(SnapshotError::Contradiction { what }) } else { Ok(()) }
}

impl From<Contradiction> for SnapshotError {
    fn from(Contradiction(what): Contradiction) -> Self {
        Self::Contradiction { what }
    }
}
