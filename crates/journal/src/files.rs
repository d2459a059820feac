//! The files of a lane, as recovery finds them.

use crate::disk::{Disk, DiskError, DiskOp};
use crate::segment;
use crate::wal::Segment;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

/// One file of the lane.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) number: u64,
    pub(crate) size: u64,
}

/// Where the readable log ends.
pub(crate) struct End {
    pub(crate) file: String,
    pub(crate) segment: Segment,
    pub(crate) content: Bytes,
}

/// The lane's files in the order of their numbers, each synced: what a process
/// that died left in the page cache is on disk before it is believed.
pub(crate) fn settle(disk: &mut dyn Disk, lane: u16) -> Result<Vec<File>, DiskError> {
    let mut files: Vec<File> = disk
        .list()?
        .into_iter()
        .filter_map(|(name, size)| {
            segment::number_of(lane, &name).map(|number| File { name, number, size })
        })
        .collect();
    files.sort_by_key(|file| file.number);
    for file in &files {
        let file = file.name.clone();
        disk.sync(DiskOp::Write { file, offset: 0, parts: Vec::new() })?;
    }
    Ok(files)
}
