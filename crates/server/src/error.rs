//! Why a server does not start, or does not go on.

use journal::disk::DiskError;
use node::boot::BootError;
use node::event::Halt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server does not start, or does not go on. What was acknowledged is on
/// the disks of a majority in every case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The data directory cannot be used. Nothing was changed.
    #[error("the data directory {}: {why}", path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// The system's reason.
        why: io::Error,
    },
    /// Another process serves from the data directory. Nothing was changed.
    #[error("the data directory {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// An address cannot be listened on. Nothing was changed.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// The system's reason.
        why: io::Error,
    },
    /// The system gives no threads.
    #[error("cannot start: {0}")]
    Threads(io::Error),
    /// What is in the data directory, or what the node was told, makes no node.
    #[error("cannot start: {0}")]
    Boot(BootError),
    /// The disk failed while the node served. It is never asked again.
    #[error("the disk failed, nothing more is acknowledged: {0}")]
    Disk(DiskError),
    /// The log holds a command of a newer version.
    #[error(
        "the log of {group} holds a command at {index} that this version does not know: \
             start a newer version on this data directory"
    )]
    UnknownCommand {
        /// In which group.
        group: base::GroupId,
        /// Where.
        index: base::Index,
    },
    /// A thread ended by a broken invariant; what it said is in the log.
    #[error("the {0} thread broke down; this is a bug")]
    BrokeDown(&'static str),
}

impl From<Halt> for ServerError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Disk(error) => Self::Disk(error),
            Halt::UnknownCommand { group, index } => Self::UnknownCommand { group, index },
        }
    }
}
