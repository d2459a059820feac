//! Why a node does not start.

use crate::bootstrap::BootstrapError;
use alloc::string::String;
use alloc::vec::Vec;
use base::{GroupId, Index};
use consensus::kind::ProtocolKind;
use consensus::protocol::OpenError;
use core::fmt::{self, Display as _};
use journal::checkpoint::CheckpointError;
use journal::disk::DiskError;
use journal::identity::IdentityError;
use journal::recover::RecoverError;

/// Why a node does not start. Nothing was changed, except that a torn end of
/// the log may have been cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BootError {
    /// The members make no cluster.
    Bootstrap(BootstrapError),
    /// The identity of the data directory cannot be read.
    Identity(IdentityError),
    /// The log cannot be used.
    Recover(RecoverError),
    /// The disk failed while a checkpoint was read.
    Disk(DiskError),
    /// The checkpoints cannot be used.
    Checkpoint(CheckpointError),
    /// The data directory belongs to a node with another name or another cluster.
    Foreign {
        /// The name and cluster that the directory has.
        is: String,
        /// The name and cluster that were given.
        given: String,
    },
    /// The data directory was made for another protocol.
    Protocol {
        /// The name of the protocol that it was made for, or its number if this
        /// version does not know it.
        is: String,
        /// The one that was given, if one was.
        given: Option<ProtocolKind>,
    },
    /// A group's protocol cannot go on from its log.
    Open {
        /// The group.
        group: GroupId,
        /// Why.
        error: OpenError,
    },
    /// A group's log holds what this version cannot read.
    Log {
        /// The group.
        group: GroupId,
        /// Where.
        index: Index,
        /// What is wrong.
        why: &'static str,
        /// Checkpoints that cannot be read.
        damaged: Vec<String>,
    },
}

impl BootError {
    /// Whether there was no room on the disk for something that a start makes. Nothing
    /// is lost, and it starts when there is room.
    #[must_use]
    pub const fn wants_room(&self) -> bool {
        match self {
            Self::Disk(error)
            | Self::Recover(RecoverError::Disk(error))
            | Self::Identity(IdentityError::Disk(error))
            | Self::Checkpoint(CheckpointError::Disk(error)) => error.full,
            _ => false,
        }
    }
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_reason(f)?;
        let advice = "; nothing is lost: make room and start again";
        if self.wants_room() { f.write_str(advice) } else { Ok(()) }
    }
}

impl BootError {
    fn fmt_reason(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bootstrap(error) => error.fmt(f),
            Self::Identity(error) => error.fmt(f),
            Self::Recover(error) => error.fmt(f),
            Self::Disk(error) => error.fmt(f),
            Self::Checkpoint(error) => error.fmt(f),
            Self::Foreign { is, given } => write!(
                f,
                "the data directory belongs to {is}, this node was started as {given}; use \
                 another data directory, or the name, token and members it was made with"
            ),
            Self::Protocol { is, given: Some(given) } => write!(
                f,
                "the data directory was made for {is}, this node was started for {}; leave \
                 --protocol out or say --protocol {is}, or use another data directory: a \
                 cluster cannot change its protocol yet",
                given.name()
            ),
            Self::Protocol { is, given: None } => write!(
                f,
                "the data directory was made for a protocol that this version does not know \
                 ({is}); start a newer version"
            ),
            Self::Open { group, error } => write!(f, "the log of {group}: {error}"),
            Self::Log { group, index, why, damaged } => {
                write!(f, "the log of {group} at {index}: {why}")?;
                if damaged.is_empty() {
                    return Ok(());
                }
                write!(
                    f,
                    "; damaged checkpoints: {}; let this node join again as a new replica with an \
                     empty data directory",
                    damaged.join("; ")
                )
            }
        }
    }
}

impl core::error::Error for BootError {}
