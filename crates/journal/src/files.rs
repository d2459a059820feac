//! The files of a lane, as recovery finds them.

use crate::disk::{Disk, DiskError, DiskOp};
use crate::floor;
use crate::segment;
use crate::wal::Segment;
use alloc::string::String;
use alloc::vec::Vec;
use base::limits::DISK_FILE_BYTES_MAX;
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

/// What a lane has in its directory.
pub(crate) struct Settled {
    /// Where the log begins, if a file says so.
    pub(crate) floor: Option<Bytes>,
    /// The files of its segments in the order of their numbers.
    pub(crate) segments: Vec<File>,
}

/// The lane's files, each synced: what a process that died left in the page cache
/// is on disk before it is believed.
pub(crate) fn settle(disk: &mut dyn Disk, lane: u16) -> Result<Settled, DiskError> {
    let listed = disk.list()?;
    let mut segments: Vec<File> = listed
        .iter()
        .filter_map(|(name, size)| {
            let number = segment::number_of(lane, name)?;
            Some(File { name: name.clone(), number, size: *size })
        })
        .collect();
    segments.sort_by_key(|file| file.number);
    let floor = floor::file_name(lane);
    let has_floor = listed.iter().any(|(name, _)| *name == floor);
    let names = segments.iter().map(|file| file.name.clone());
    for file in names.chain(has_floor.then(|| floor.clone())) {
        let sync = DiskOp::Write { file, offset: 0, parts: Vec::new() };
        base::mutant!(PageCacheBelieved, disk.sync(sync)?, ());
    }
    let read = |disk: &mut dyn Disk| disk.read(&floor, DISK_FILE_BYTES_MAX as u64 + 1);
    let floor = if has_floor { Some(read(disk)?) } else { None };
    Ok(Settled { floor, segments })
}
