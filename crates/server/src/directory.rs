//! The data directory: made, locked, and on stable storage before it is read.

use crate::error::ServerError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Names that begin so are this room's own: the lock, and files half made.
const HIDDEN: &str = ".";
const LOCK: &str = ".lock";

/// A data directory that belongs to this process until it is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    handle: File,
    _lock: File,
}

impl Directory {
    /// Makes the directory if it is not there, takes its lock, and syncs what is
    /// in it: the page cache may hold what the last process wrote and never
    /// synced, and whoever reads that believes it durable.
    pub(crate) fn open(path: &Path) -> Result<Self, ServerError> {
        let fault = |why| ServerError::Directory { path: path.into(), why };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fault)?;
        let lock = new_file(&path.join(LOCK)).map_err(fault)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(ServerError::InUse(path.into())),
            other => other.map_err(|why| fault(why.into()))?,
        }
        let handle = File::open(path).map_err(fault)?;
        let directory = Self { path: path.into(), handle, _lock: lock };
        directory.settle().map_err(fault)?;
        Ok(directory)
    }

    /// Removes files half made, and syncs every other one.
    fn settle(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(HIDDEN.as_bytes()) {
                if name != LOCK {
                    fs::remove_file(entry.path())?;
                }
            } else if entry.file_type()?.is_file() {
                File::open(entry.path())?.sync_all()?;
            }
        }
        self.sync()?;
        let parent = self.path.canonicalize()?.parent().map(File::open).transpose()?;
        parent.map_or(Ok(()), |parent| parent.sync_all())
    }

    /// The names and sizes of its files, in the order of their names.
    pub(crate) fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().into_string();
            let name = name.map_err(|name| io::Error::other(format!("a file named {name:?}")))?;
            let about = entry.metadata()?;
            if about.is_file() && !name.starts_with(HIDDEN) {
                files.push((name, about.len()));
            }
        }
        files.sort();
        Ok(files)
    }

    /// Opens a file for reading and writing.
    pub(crate) fn open_file(&self, name: &str) -> io::Result<File> {
        File::options().read(true).write(true).open(self.path.join(plain(name)?))
    }

    /// A whole new file under this name at once: `fill` writes it under another
    /// name, and only what is synced gets the name. What cannot be finished goes.
    pub(crate) fn place(
        &self,
        name: &str,
        fill: impl FnOnce(&File) -> io::Result<()>,
    ) -> io::Result<File> {
        let target = self.path.join(plain(name)?);
        let beside = self.path.join(format!("{HIDDEN}{name}.new"));
        match make(&beside, fill).and_then(|file| fs::rename(&beside, &target).map(|()| file)) {
            Ok(file) => {
                self.sync_names()?;
                Ok(file)
            }
            Err(why) => {
                // It may not even be there; what matters is why.
                let _ = fs::remove_file(&beside);
                Err(why)
            }
        }
    }

    /// Takes a file away, if it is there.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(plain(name)?)) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
        self.sync()
    }

    /// Gives a file another name, whatever had that name before.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(plain(from)?), self.path.join(plain(to)?))?;
        self.sync_names()
    }

    /// Makes new names durable. When that fails nobody knows which ones are, so the
    /// error is not told as the system's own: whatever it says, this is not undone.
    fn sync_names(&self) -> io::Result<()> {
        self.sync().map_err(|why| io::Error::other(format!("sync of the directory: {why}")))
    }

    fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}

fn make(path: &Path, fill: impl FnOnce(&File) -> io::Result<()>) -> io::Result<File> {
    let file = new_file(path)?;
    file.set_len(0)?;
    fill(&file)?;
    file.sync_all()?;
    Ok(file)
}

fn new_file(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Only plain names: nothing outside the directory, nothing of this room's own.
fn plain(name: &str) -> io::Result<&str> {
    let bad = name.is_empty() || name.starts_with(HIDDEN) || name.contains(['/', '\0']);
    if bad { Err(io::ErrorKind::InvalidFilename.into()) } else { Ok(name) }
}
