//! Why bytes are no backup.

use base::codec::CodecError;
use core::fmt;

/// Why bytes are no backup. Nothing that was read from them may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BackupError {
    /// It is a snapshot of etcd, which holds a database of another kind.
    Etcd,
    /// It does not begin as a backup does.
    NotOurs,
    /// A newer build wrote it.
    Newer {
        /// The field.
        what: &'static str,
        /// What it holds.
        got: u64,
    },
    /// It ends too early.
    Short,
    /// It goes on behind its end.
    Long,
    /// It is not as it was written.
    Damaged {
        /// What does not fit.
        what: &'static str,
    },
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Etcd => write!(
                f,
                "this is a snapshot of etcd (a bbolt database), which cannot be read here; restore \
                 it with etcdutl, start etcd on it, and copy its keys to this cluster, for example \
                 with `etcdctl make-mirror`"
            ),
            Self::NotOurs => write!(f, "this is no snapshot of a keyspace"),
            Self::Newer { what, got } => {
                write!(
                    f,
                    "a newer version wrote it ({what} {got}); use that version or a later one"
                )
            }
            Self::Short => write!(f, "it ends too early; make or copy it again"),
            Self::Long => write!(f, "it goes on behind its end; make or copy it again"),
            Self::Damaged { what } => {
                write!(f, "it is damaged: its {what} does not fit; use another copy")
            }
        }
    }
}

impl core::error::Error for BackupError {}

impl From<CodecError> for BackupError {
    fn from(_: CodecError) -> Self {
        Self::Short
    }
}
