//! What can be done with the file of a backup? It is looked at, and a new member's
//! data directory is made from it. Nothing of the kind needs a server that runs.

use crate::clock;
use crate::config::ServerConfig;
use crate::disk::RealDisk;
use crate::error::ServerError;
use base::ClusterId;
use bytes::Bytes;
use node::backup::{BackupError, Found, Head, Reading, Totals};
use node::bootstrap::MemberSpec;
use node::found::{FoundError, FoundOptions, Founding};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// What a backup holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backup {
    /// Whose state it is, and of when.
    pub head: Head,
    /// What its chunks come to.
    pub totals: Totals,
    /// Bytes of the file.
    pub size: u64,
}

/// A data directory that was made from a backup.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restored {
    /// What it was made from.
    pub backup: Backup,
    /// The new cluster.
    pub cluster: ClusterId,
}

/// Why a file is of no use, or a directory was not made. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupFault {
    /// The file cannot be read.
    #[error("{}: {why}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// The system's reason.
        why: io::Error,
    },
    /// The file is no backup that can be used.
    #[error("{}: {why}", path.display())]
    Unfit {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        why: BackupError,
    },
    /// There is a data directory already.
    #[error(
        "{} is there already: a restore makes a new data directory and never touches an old one",
        .0.display()
    )]
    Exists(PathBuf),
    /// The system does not let a directory be made.
    #[error("the data directory {}: {why}", path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// The system's reason.
        why: io::Error,
    },
    /// The new directory cannot be used.
    #[error("{0}")]
    Server(ServerError),
    /// The file makes no member of the cluster that was asked for.
    #[error("cannot restore: {0}")]
    Found(FoundError),
}

/// Reads the whole file and says what it holds, if nothing is wrong with it.
pub fn look(path: &Path) -> Result<Backup, BackupFault> {
    let mut backup = Opened::open(path)?;
    while backup.next()?.is_some() {}
    backup.whole()
}

/// Makes the data directory of a member of a new cluster, which begins with the
/// state of the backup. It gets its name when all is on disk.
pub fn restore(path: &Path, config: &ServerConfig) -> Result<Restored, BackupFault> {
    let backup = Opened::open(path)?;
    let target = &config.data_dir;
    let beside = beside(target);
    for directory in [target, &beside] {
        if fs::symlink_metadata(directory).is_ok() {
            return Err(BackupFault::Exists(directory.clone()));
        }
    }
    let restored = fill(backup, &beside, config).and_then(|restored| {
        give_name(&beside, target)
            .map(|()| restored)
            .map_err(|why| BackupFault::Directory { path: target.clone(), why })
    });
    if restored.is_err() {
        // It was made here; what is wrong was said.
        let _ = fs::remove_dir_all(&beside);
    }
    restored
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".part");
    target.with_file_name(name)
}

fn give_name(beside: &Path, target: &Path) -> io::Result<()> {
    fs::rename(beside, target)?;
    let parent = target.canonicalize()?.parent().map(File::open).transpose()?;
    parent.map_or(Ok(()), |parent| parent.sync_all())
}

fn fill(
    mut backup: Opened,
    directory: &Path,
    config: &ServerConfig,
) -> Result<Restored, BackupFault> {
    // The head first: what is no backup makes no directory.
    let head = backup.head()?;
    let disk = &mut RealDisk::open(directory).map_err(BackupFault::Server)?;
    let found = BackupFault::Found;
    let mut founding = Founding::begin(disk, &found_options(config), head).map_err(found)?;
    while let Some(next) = backup.next()? {
        if let Found::Chunk(chunk) = next {
            founding.add(disk, &chunk).map_err(found)?;
        }
    }
    let backup = backup.whole()?;
    let founded = founding.finish(disk).map_err(found)?;
    Ok(Restored { backup, cluster: founded.cluster })
}

fn found_options(config: &ServerConfig) -> FoundOptions {
    let member = |(name, peer_urls): &(String, Vec<String>)| MemberSpec {
        name: name.clone(),
        peer_urls: peer_urls.clone(),
    };
    FoundOptions {
        name: config.name.clone(),
        token: config.token.clone(),
        members: config.initial_cluster.iter().map(member).collect(),
        protocol: config.protocol.unwrap_or_default(),
        segment_bytes: config.segment_bytes,
        incarnation: clock::random(),
    }
}

/// A file that is read as a backup.
struct Opened {
    path: PathBuf,
    file: BufReader<File>,
    reading: Reading,
    size: u64,
    head: Option<Head>,
    totals: Option<Totals>,
}

impl Opened {
    fn open(path: &Path) -> Result<Self, BackupFault> {
        let fault = |why| BackupFault::File { path: path.into(), why };
        let file = File::open(path).map_err(fault)?;
        let (file, reading) = (BufReader::with_capacity(1 << 20, file), Reading::new());
        Ok(Self { path: path.into(), file, reading, size: 0, head: None, totals: None })
    }

    fn head(&mut self) -> Result<Head, BackupFault> {
        match (self.next()?, self.head) {
            (Some(Found::Head(head)), _) | (_, Some(head)) => Ok(head),
            _ => Err(self.unfit(BackupError::Short)),
        }
    }

    /// What is found next; nothing at the end, behind which no byte stands.
    fn next(&mut self) -> Result<Option<Found>, BackupFault> {
        loop {
            // One byte more than there may be, behind the end.
            let bytes = self.take(self.reading.wants().max(1))?;
            self.size += bytes.len() as u64;
            let found = self.reading.take(&bytes).map_err(|why| self.unfit(why))?;
            match &found {
                Some(Found::Head(head)) => self.head = Some(*head),
                Some(Found::End(totals)) => self.totals = Some(*totals),
                _ => {}
            }
            if found.is_some() || bytes.is_empty() {
                return Ok(found);
            }
        }
    }

    fn take(&mut self, wants: usize) -> Result<Bytes, BackupFault> {
        let mut bytes = Vec::with_capacity(wants);
        let read = self.file.by_ref().take(wants as u64).read_to_end(&mut bytes);
        read.map_err(|why| BackupFault::File { path: self.path.clone(), why })?;
        Ok(bytes.into())
    }

    fn unfit(&self, why: BackupError) -> BackupFault {
        BackupFault::Unfit { path: self.path.clone(), why }
    }

    /// What all of it was, once nothing is left.
    fn whole(&self) -> Result<Backup, BackupFault> {
        match (self.head, self.totals) {
            (Some(head), Some(totals)) => Ok(Backup { head, totals, size: self.size }),
            _ => Err(self.unfit(BackupError::Short)),
        }
    }
}
