//! What a group's log means: the directory of the cluster, or a keyspace.

use crate::ask::{Answer, LeaseAsk, LeaseTold, Query};
use crate::directory::{Change, Directory, Own};
use crate::snapshot::Source;
use alloc::boxed::Box;
use base::{GroupId, Incarnation, Index, KeyspaceId, NodeId, Revision};
use bytes::Bytes;
use consensus::entry::{Entry, EntryKind};

/// The state machine of one group.
#[derive(Clone, Debug)]
pub(crate) enum Machine {
    /// Group 0.
    Directory(Directory),
    /// Every other group.
    Keyspace(kv::machine::Machine),
}

/// The log holds something that this version cannot read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unknown;

/// What can be read from a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// A keyspace's pairs.
    Kv(Query),
    /// The directory's members.
    Members,
    /// What the leader knows of a lease: not the machine's to answer.
    Lease(LeaseAsk),
    /// The keys of a lease, beside what the leader told of it.
    LeaseKeys(LeaseAsk, LeaseTold),
    /// All leases.
    Leases,
    /// All alarms.
    Alarms,
    /// A hash of the pairs.
    HashKv(Option<Revision>),
}

impl Machine {
    /// The empty machine of a group.
    pub(crate) fn new(group: GroupId) -> Self {
        match group {
            GroupId::DIRECTORY => Self::Directory(Directory::default()),
            GroupId(shard) => Self::Keyspace(kv::machine::Machine::new(KeyspaceId(shard))),
        }
    }

    /// How far the log is applied.
    pub(crate) const fn applied(&self) -> Index {
        match self {
            Self::Directory(directory) => directory.applied(),
            Self::Keyspace(machine) => machine.applied(),
        }
    }

    /// Applies one chosen entry.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<Option<Answer>, Unknown> {
        let command = entry.kind == EntryKind::Command;
        match self {
            Self::Directory(directory) => {
                let change = command.then(|| Change::decode(&entry.body)).transpose();
                directory.apply(entry.index, change.map_err(|_| Unknown)?);
                Ok(None)
            }
            Self::Keyspace(machine) if command => {
                let reply = machine.apply(entry.index, entry.clock, &entry.body);
                reply.map(|reply| Some(Answer::Kv(reply))).map_err(|_| Unknown)
            }
            Self::Keyspace(machine) => {
                machine.skip(entry.index);
                Ok(None)
            }
        }
    }

    /// Whether a body needs no room where room is short; `None` if
    /// [`Machine::apply`] will not understand it.
    pub(crate) fn frees(&self, body: &Bytes) -> Option<bool> {
        match self {
            Self::Directory(_) => Change::decode(body).ok().map(|_| true),
            Self::Keyspace(machine) => machine.cost(body).map(|cost| cost == 0),
        }
    }

    /// Reads the state as it is; `None` if this is not the machine to ask.
    pub(crate) fn look(&self, look: &Look) -> Option<Answer> {
        match (self, look) {
            (Self::Directory(directory), Look::Members) => {
                Some(Answer::Members(directory.members()))
            }
            (Self::Keyspace(machine), Look::Kv(Query::Range(query))) => {
                Some(Answer::Kv(machine.query(query)))
            }
            (Self::Keyspace(machine), Look::Kv(Query::Txn(txn))) => {
                Some(Answer::Kv(machine.read_txn(txn)))
            }
            (Self::Keyspace(machine), look) => look_further(machine, look),
            (Self::Directory(_), _) => None,
        }
    }

    /// What the group's log lacks and this node should propose.
    pub(crate) fn chore(&self, own: &Own, leads: bool) -> Option<Bytes> {
        match self {
            Self::Directory(directory) => directory.lacks(own, leads).map(|it| it.encode()),
            Self::Keyspace(_) => None,
        }
    }

    /// Whether nothing is missing here that others must know of this node.
    pub(crate) fn knows(&self, own: &Own) -> bool {
        match self {
            Self::Directory(directory) => directory.lacks(own, true).is_none(),
            Self::Keyspace(_) => true,
        }
    }

    /// The keyspace, if it is one, to be tidied up.
    pub(crate) const fn keyspace_mut(&mut self) -> Option<&mut kv::machine::Machine> {
        match self {
            Self::Directory(_) => None,
            Self::Keyspace(machine) => Some(machine),
        }
    }

    /// The keyspace, if it is one.
    pub(crate) const fn keyspace(&self) -> Option<&kv::machine::Machine> {
        match self {
            Self::Directory(_) => None,
            Self::Keyspace(machine) => Some(machine),
        }
    }

    /// The state as it is now, for a slow reader; costs nearly nothing.
    pub(crate) fn freeze(&self) -> Source {
        match self {
            Self::Directory(directory) => Source::Directory(Some(directory.encode())),
            Self::Keyspace(machine) => Source::Keyspace(Box::new(machine.freeze())),
        }
    }

    /// The life of a node's disk, if this is the directory and has it.
    pub(crate) fn life(&self, node: NodeId) -> Option<Incarnation> {
        match self {
            Self::Directory(directory) => directory.life(node),
            Self::Keyspace(_) => None,
        }
    }

    /// A hash of everything applied: equal on every replica that applied as much.
    pub(crate) fn state_hash(&self) -> u64 {
        match self {
            Self::Directory(directory) => directory.state_hash(),
            Self::Keyspace(machine) => machine.state_hash(),
        }
    }
}

/// What is asked more rarely.
fn look_further(machine: &kv::machine::Machine, look: &Look) -> Option<Answer> {
    match look {
        Look::Leases => Some(Answer::Leases(machine.leases().map(|it| it.id).collect())),
        Look::Alarms => Some(Answer::Alarms(machine.alarms())),
        Look::LeaseKeys(ask, told) => {
            let keys = machine.lease(ask.id).map(|it| it.keys).unwrap_or_default();
            Some(Answer::Lease { told: *told, keys })
        }
        Look::HashKv(at) => {
            let (revision, compacted) = (machine.revision(), machine.compacted());
            let at = at.unwrap_or(revision);
            Some(Answer::HashKv { revision, hash: machine.hash_at(at), at, compacted })
        }
        Look::Lease(_) | Look::Members | Look::Kv(_) => None,
    }
}
