//! What does the disk really do? Performs [`DiskOp`]s in a data directory.

use crate::directory::Directory;
use crate::error::ServerError;
use base::limits::{DISK_FILE_BYTES_MAX, DISK_OP_BYTES_MAX};
use bytes::Bytes;
use journal::disk::{Disk, DiskDone, DiskError, DiskOp};
use rustix::io::{Errno, pwritev};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Files kept open: the log writes one segment and now and then its successor.
const OPEN_FILES_MAX: usize = 8;

/// Parts given to the system at once; Linux takes no more.
const PARTS_MAX: usize = 1024;

/// A data directory on a real disk. One process at a time has it.
#[derive(Debug)]
pub struct RealDisk {
    directory: Arc<Directory>,
    open: BTreeMap<String, File>,
    /// The first failure of a write. After it nothing is tried: the kernel may have
    /// thrown away what it could not write, and a second sync would call that a
    /// success. A new file for which there was no room is none, it is gone; and what
    /// cannot be read has changed nothing.
    failed: Option<DiskError>,
}

impl RealDisk {
    /// The data directory at `path`; it is made if it is not there.
    pub fn open(path: &Path) -> Result<Self, ServerError> {
        let directory = Arc::new(Directory::open(path)?);
        Ok(Self { directory, open: BTreeMap::new(), failed: None })
    }

    /// The same data directory, for a thread of its own.
    pub(crate) fn beside(&self) -> Self {
        Self { directory: Arc::clone(&self.directory), open: BTreeMap::new(), failed: None }
    }

    fn attempt(&mut self, op: &DiskOp) -> io::Result<DiskDone> {
        match op {
            DiskOp::List => self.directory.list().map(DiskDone::Listed),
            DiskOp::Read { file, offset, length } => match self.file(file) {
                Ok(file) => read(file, *offset, *length).map(DiskDone::Read),
                Err(why) if why.kind() == io::ErrorKind::NotFound => {
                    Ok(DiskDone::Read(Bytes::new()))
                }
                Err(why) => Err(why),
            },
            DiskOp::Create { file, size } => self.place(file, |new| write_zeros(new, *size)),
            DiskOp::Write { file, offset, parts } => self.write(file, *offset, parts),
            DiskOp::Replace { file, content } => self.place(file, |mut new| new.write_all(content)),
            DiskOp::Remove { file } => self.unname(file, |directory| directory.remove(file)),
            DiskOp::Rename { from, to } => {
                self.open.remove(to);
                self.unname(from, |directory| directory.rename(from, to))
            }
        }
    }

    /// A descriptor that is kept for this name belongs to another file from now on.
    fn unname(
        &mut self,
        name: &str,
        change: impl FnOnce(&Directory) -> io::Result<()>,
    ) -> io::Result<DiskDone> {
        self.open.remove(name);
        change(&self.directory)?;
        Ok(DiskDone::Synced)
    }

    fn write(&mut self, file: &str, offset: u64, parts: &[Bytes]) -> io::Result<DiskDone> {
        let file = self.file(file)?;
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        write_all_at(file, offset, &mut slices)?;
        file.sync_data()?;
        Ok(DiskDone::Synced)
    }

    fn place(
        &mut self,
        name: &str,
        fill: impl FnOnce(&File) -> io::Result<()>,
    ) -> io::Result<DiskDone> {
        self.open.remove(name);
        let file = self.directory.place(name, fill)?;
        self.keep(name, file);
        Ok(DiskDone::Synced)
    }

    fn file(&mut self, name: &str) -> io::Result<&File> {
        if !self.open.contains_key(name) {
            let file = self.directory.open_file(name)?;
            self.keep(name, file);
        }
        self.open.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The log's files are named in ascending order, so the first is the oldest.
    fn keep(&mut self, name: &str, file: File) {
        if self.open.len() >= OPEN_FILES_MAX {
            self.open.pop_first();
        }
        self.open.insert(name.into(), file);
    }
}

impl Disk for RealDisk {
    fn perform(&mut self, op: DiskOp) -> DiskDone {
        if let Some(error) = &self.failed {
            return DiskDone::Failed(error.clone());
        }
        self.attempt(&op).unwrap_or_else(|why| {
            let full = makes_names(&op) && is_full(&why);
            let error = DiskError { what: describe(&op), why: why.to_string(), full };
            if !full && !matches!(op, DiskOp::List | DiskOp::Read { .. }) {
                self.failed = Some(error.clone());
            }
            DiskDone::Failed(error)
        })
    }
}

/// Whether an operation that failed before its last sync has changed nothing. An
/// error of that sync itself never says that there is no room.
const fn makes_names(op: &DiskOp) -> bool {
    matches!(op, DiskOp::Create { .. } | DiskOp::Replace { .. } | DiskOp::Rename { .. })
}

fn is_full(why: &io::Error) -> bool {
    matches!(Errno::from_io_error(why), Some(Errno::NOSPC | Errno::DQUOT))
}

fn read(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; length.min(DISK_FILE_BYTES_MAX)];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}

/// All parts, one behind the other, however little the system takes at once.
fn write_all_at(file: &File, mut at: u64, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        let some = parts.get(..PARTS_MAX).unwrap_or(parts);
        match pwritev(file, some, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                at += count as u64;
                IoSlice::advance_slices(&mut parts, count);
            }
            Err(Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
    }
    Ok(())
}

/// Zeros that are really written: space that is only reserved would make every
/// later sync write metadata too.
fn write_zeros(mut file: &File, size: u64) -> io::Result<()> {
    let zeros = vec![0; DISK_OP_BYTES_MAX];
    let mut left = size;
    while left > 0 {
        let count = left.min(zeros.len() as u64);
        file.write_all(zeros.get(..count as usize).unwrap_or(&zeros))?;
        left -= count;
    }
    Ok(())
}

fn describe(op: &DiskOp) -> String {
    match op {
        DiskOp::List => "list the data directory".into(),
        DiskOp::Read { file, offset, .. } => format!("read {file} at {offset}"),
        DiskOp::Create { file, size } => format!("create {file} of {size} bytes"),
        DiskOp::Write { file, offset, .. } => format!("write {file} at {offset}"),
        DiskOp::Replace { file, .. } => format!("replace {file}"),
        DiskOp::Remove { file } => format!("remove {file}"),
        DiskOp::Rename { from, to } => format!("rename {from} to {to}"),
    }
}
