//! From chunks to a group's state, whichever machine the group has.

use crate::directory::Directory;
use crate::machine::Machine;
use alloc::boxed::Box;
use base::codec::CodecError;
use base::{GroupId, Index, KeyspaceId};
use bytes::Bytes;
use core::fmt;
use kv::snapshot::{SnapshotError, Thaw};

/// A state that is put together from chunks.
#[derive(Debug)]
pub(crate) enum Thawing {
    /// The directory.
    Directory(Option<Directory>),
    /// A keyspace.
    Keyspace(Box<Thaw>),
}

/// Why chunks make no state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ThawError {
    /// Of the directory.
    Directory(CodecError),
    /// Of a keyspace.
    Keyspace(SnapshotError),
    /// The state is that of another place of the log.
    Place {
        /// Where it should be.
        expected: Index,
        /// Where it is.
        got: Index,
    },
}

impl fmt::Display for ThawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(error) => write!(f, "the directory cannot be read: {error}"),
            Self::Keyspace(error) => error.fmt(f),
            Self::Place { expected, got } => write!(f, "the state is of {got}, not of {expected}"),
        }
    }
}

impl Thawing {
    /// Nothing yet, of this group.
    pub(crate) fn new(group: GroupId) -> Self {
        match group {
            GroupId::DIRECTORY => Self::Directory(None),
            GroupId(shard) => Self::Keyspace(Box::new(Thaw::new(KeyspaceId(shard)))),
        }
    }

    /// The next chunk, in canonical order.
    pub(crate) fn add(&mut self, chunk: &Bytes) -> Result<(), ThawError> {
        match self {
            Self::Directory(directory) => {
                *directory = Some(Directory::decode(chunk).map_err(ThawError::Directory)?);
                Ok(())
            }
            Self::Keyspace(thaw) => thaw.add(chunk).map_err(ThawError::Keyspace),
        }
    }

    /// The state, which must have applied everything up to `expected` and no more.
    pub(crate) fn finish(self, expected: Index) -> Result<Machine, ThawError> {
        let machine = match self {
            Self::Directory(directory) => Machine::Directory(directory.unwrap_or_default()),
            Self::Keyspace(thaw) => Machine::Keyspace(thaw.finish().map_err(ThawError::Keyspace)?),
        };
        let got = machine.applied();
        if got == expected { Ok(machine) } else { Err(ThawError::Place { expected, got }) }
    }
}
