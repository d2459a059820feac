//! What replicas say to each other, whatever their protocol.
//!
//! The first byte names the protocol, the second the version of its letters.

use crate::kind::ProtocolKind;
use crate::paxos::message::Message as PaxosMessage;
use crate::raft::message::Message as RaftMessage;
use crate::zab::message::Message as ZabMessage;
use alloc::vec::Vec;
use base::codec::{CodecError, Reader, Writer};
use base::{NodeId, Time};
use bytes::Bytes;

/// The version of Raft's letters that this code writes, and the only one it reads.
const RAFT_VERSION: u8 = 1;

/// The same for those of Multi-Paxos.
const PAXOS_VERSION: u8 = 1;

/// The same for those of Zab.
const ZAB_VERSION: u8 = 1;

/// A letter between two replicas of a group.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Letter {
    /// One of Raft's.
    Raft(RaftMessage),
    /// One of Multi-Paxos's.
    Paxos(PaxosMessage),
    /// One of Zab's.
    Zab(ZabMessage),
}

impl Letter {
    /// Appends the letter's bytes.
    pub fn encode(&self, into: &mut Vec<u8>) {
        match self {
            Self::Raft(message) => {
                into.put_u8(ProtocolKind::Raft as u8);
                into.put_u8(RAFT_VERSION);
                message.encode(into);
            }
            Self::Paxos(message) => {
                into.put_u8(ProtocolKind::Paxos as u8);
                into.put_u8(PAXOS_VERSION);
                message.encode(into);
            }
            Self::Zab(message) => {
                into.put_u8(ProtocolKind::Zab as u8);
                into.put_u8(ZAB_VERSION);
                message.encode(into);
            }
        }
    }

    /// Whether the letter belongs to the stream of entries and their commits,
    /// which may be long and is best kept in order; all others are short and urgent.
    #[must_use]
    pub const fn is_bulk(&self) -> bool {
        match self {
            Self::Raft(message) => message.is_bulk(),
            Self::Paxos(message) => message.is_bulk(),
            Self::Zab(message) => message.is_bulk(),
        }
    }

    /// Reads a letter that fills `frame`. Bodies of entries are slices of it.
    pub fn decode(frame: Bytes) -> Result<Self, CodecError> {
        let mut reader = Reader::new(frame);
        let protocol = reader.u8()?;
        let got = u64::from(protocol);
        let kind = ProtocolKind::from_u8(protocol)
            .ok_or(CodecError::Invalid { what: "protocol of a letter", got })?;
        match kind {
            ProtocolKind::Raft => {
                check_version(reader.u8()?, RAFT_VERSION)?;
                RaftMessage::decode(reader).map(Self::Raft)
            }
            ProtocolKind::Paxos => {
                check_version(reader.u8()?, PAXOS_VERSION)?;
                PaxosMessage::decode(reader).map(Self::Paxos)
            }
            ProtocolKind::Zab => {
                check_version(reader.u8()?, ZAB_VERSION)?;
                ZabMessage::decode(reader).map(Self::Zab)
            }
        }
    }
}

fn check_version(version: u8, known: u8) -> Result<(), CodecError> {
    if version == known {
        return Ok(());
    }
    Err(CodecError::Invalid { what: "version of a letter", got: u64::from(version) })
}

/// Whose answer it is, when it came, and whether from a mute replica.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) from: NodeId,
    pub(crate) at: Time,
    pub(crate) mute: bool,
}
