//! Disk operations as data. The real disk and the simulated one understand the
//! same few words, and nothing else ever touches a data directory.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base::limits::DISK_OP_BYTES_MAX;
use bytes::Bytes;

/// One operation inside a data directory. Names are plain file names, no paths.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DiskOp {
    /// The names and sizes of all files, in the order of their names.
    List,
    /// `length` bytes at `offset`; fewer if the file ends before, none if there is
    /// no such file.
    Read {
        /// The file.
        file: String,
        /// Where to begin.
        offset: u64,
        /// How many bytes, at most [`base::limits::DISK_FILE_BYTES_MAX`].
        length: usize,
    },
    /// A new file of `size` zero bytes, really written so that later writes
    /// change no metadata; the file and the directory are synced. A file of
    /// that name that is there already is replaced.
    Create {
        /// The file.
        file: String,
        /// Its size in bytes.
        size: u64,
    },
    /// These bytes at `offset`, in place, then one `fdatasync`. Done means that
    /// everything written to the file so far survives a power loss, by whatever
    /// process it was written. Without parts it is the sync alone.
    Write {
        /// The file.
        file: String,
        /// Where to begin.
        offset: u64,
        /// What to write, at most [`base::limits::DISK_OP_BYTES_MAX`] in all; the parts follow
        /// each other.
        parts: Vec<Bytes>,
    },
    /// The whole small file at once: a crash leaves the old one or the new one.
    /// (Written beside it, synced, renamed, directory synced.)
    Replace {
        /// The file.
        file: String,
        /// Its whole content, at most [`base::limits::DISK_FILE_BYTES_MAX`].
        content: Bytes,
    },
    /// The file is gone, and stays so after a power loss. Well done too if there
    /// was none.
    Remove {
        /// The file.
        file: String,
    },
    /// The file has another name, and what had that name is gone: a crash leaves
    /// the old names or the new one. Nothing is said about bytes that no other
    /// operation has synced.
    Rename {
        /// Its name so far.
        from: String,
        /// Its name from now on.
        to: String,
    },
}

/// How an operation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DiskDone {
    /// What `List` found.
    Listed(Vec<(String, u64)>),
    /// What `Read` found.
    Read(Bytes),
    /// `Create`, `Write`, `Replace`, `Remove` or `Rename` is done and survives a
    /// power loss.
    Synced,
    /// It failed. Unless that was for want of room ([`DiskError::full`]), what is
    /// on disk is unknown: the operation is never repeated on the same
    /// descriptor, and the lane stops.
    Failed(DiskError),
}

/// What the disk said when it failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiskError {
    /// The operation and its file, for people.
    pub what: String,
    /// The system's reason, for people.
    pub why: String,
    /// A file could not be made or named for want of room. Nothing has changed,
    /// and the operation may be tried again. Never so after a `Write`.
    pub full: bool,
}

impl core::fmt::Display for DiskError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl core::error::Error for DiskError {}

/// A data directory that performs operations one after another: how recovery
/// reads it. While a node serves, its writes go through the driver instead.
///
/// Whoever opens a real directory syncs the directory itself first, and reads
/// past the page cache where the system allows it: what the last process left
/// in memory is not what the disk holds.
pub trait Disk {
    /// Performs `op` and says how it ended.
    fn perform(&mut self, op: DiskOp) -> DiskDone;

    /// The names and sizes of all files, in the order of their names.
    fn list(&mut self) -> Result<Vec<(String, u64)>, DiskError> {
        match self.perform(DiskOp::List) {
            DiskDone::Listed(files) => Ok(files),
            other => Err(unfit("list", "", other)),
        }
    }

    /// The first `length` bytes of `file`, or fewer if it ends before.
    fn read(&mut self, file: &str, length: u64) -> Result<Bytes, DiskError> {
        let mut whole = Vec::new();
        while (whole.len() as u64) < length {
            let left = length - whole.len() as u64;
            let length = left.min(DISK_OP_BYTES_MAX as u64) as usize;
            let offset = whole.len() as u64;
            match self.perform(DiskOp::Read { file: file.into(), offset, length }) {
                DiskDone::Read(bytes) if bytes.is_empty() => break,
                DiskDone::Read(bytes) => whole.extend_from_slice(&bytes),
                other => return Err(unfit("read", file, other)),
            }
        }
        Ok(whole.into())
    }

    /// Performs an operation that ends in a sync.
    fn sync(&mut self, op: DiskOp) -> Result<(), DiskError> {
        match self.perform(op) {
            DiskDone::Synced => Ok(()),
            other => Err(unfit("write", "", other)),
        }
    }
}

fn unfit(verb: &str, file: &str, done: DiskDone) -> DiskError {
    match done {
        DiskDone::Failed(error) => error,
        _ => DiskError {
            what: format!("{verb} {file}"),
            why: "the disk answered something else".into(),
            full: false,
        },
    }
}
