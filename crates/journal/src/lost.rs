//! A log that lost something durable is no log any more: it is set aside, byte
//! for byte, and the lane begins anew without a promise or an entry of its own.
//!
//! The mark comes first and goes last. Segments are renamed from the oldest on,
//! then the file that says where the log begins: whenever a crash comes, what is
//! left has no beginning, so it is damaged still and this is done again.

use crate::disk::{Disk, DiskError, DiskOp};
use crate::floor;
use crate::segment;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

/// Says that this node lost part of what it promised, and is not whole yet.
pub const MARK_FILE: &str = "node.healing";

/// More than is ever said of a damage.
const MARK_BYTES_MAX: u64 = 4096;

/// What a file that was set aside has before its name.
const ASIDE: &str = "lost-";

/// If the node is not whole, what it lost, for people. That the file is there says
/// so, whatever is in it.
pub fn marked(disk: &mut dyn Disk) -> Result<Option<String>, DiskError> {
    if !disk.list()?.iter().any(|(name, _)| name == MARK_FILE) {
        return Ok(None);
    }
    let text = disk.read(MARK_FILE, MARK_BYTES_MAX)?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// Marks the node and sets the files of this lane's log aside. What was set aside
/// before stays, and so does what was said of it: a log that was begun since holds
/// nothing that counts.
pub fn set_aside(disk: &mut dyn Disk, lane: u16, why: &str) -> Result<(), DiskError> {
    if !base::mutant!(HealingUnmarked, marked(disk)?.is_some(), true) {
        let content = Bytes::copy_from_slice(why.as_bytes());
        disk.sync(DiskOp::Replace { file: MARK_FILE.into(), content })?;
    }
    let files = disk.list()?;
    let mut segments: Vec<(u64, &String)> = files
        .iter()
        .filter_map(|(name, _)| Some((segment::number_of(lane, name)?, name)))
        .collect();
    segments.sort_unstable();
    let beginning = floor::file_name(lane);
    let floors = files.iter().map(|(name, _)| name).filter(|name| **name == beginning);
    for from in segments.into_iter().map(|(_, name)| name).chain(floors).cloned() {
        let to = format!("{ASIDE}{from}");
        let taken = files.iter().any(|(name, _)| *name == to);
        disk.sync(if taken { DiskOp::Remove { file: from } } else { DiskOp::Rename { from, to } })?;
    }
    Ok(())
}

/// What removes all traces, in this order, once the node is whole again.
#[must_use]
pub fn forget(files: &[(String, u64)]) -> Vec<DiskOp> {
    let aside = files.iter().map(|(name, _)| name).filter(|name| name.starts_with(ASIDE));
    let mark = String::from(MARK_FILE);
    aside.chain([&mark]).map(|file| DiskOp::Remove { file: file.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryDisk;

    fn disk(names: &[&str]) -> MemoryDisk {
        let mut disk = MemoryDisk::new();
        for name in names {
            let content = Bytes::copy_from_slice(name.as_bytes());
            disk.sync(DiskOp::Replace { file: (*name).into(), content }).unwrap();
        }
        disk
    }

    fn names(disk: &mut MemoryDisk) -> Vec<String> {
        disk.list().unwrap().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_was_set_aside_first_stays_until_it_is_forgotten() {
        let first = segment::file_name(0, 1);
        let mut disk = disk(&[&first, "wal-0.floor", "node.id"]);
        set_aside(&mut disk, 0, "a bit").unwrap();
        let aside = format!("lost-{first}");
        let held = [aside.as_str(), "lost-wal-0.floor", MARK_FILE, "node.id"];
        assert_eq!(names(&mut disk), held);
        let content = Bytes::from_static(b"begun since");
        disk.sync(DiskOp::Replace { file: first.clone(), content }).unwrap();
        set_aside(&mut disk, 0, "more").unwrap();
        assert_eq!(marked(&mut disk).unwrap().as_deref(), Some("a bit"));
        assert_eq!(names(&mut disk), held);
        assert_eq!(disk.read(&aside, 100).unwrap(), first.as_bytes());
        let ops = forget(&disk.list().unwrap());
        assert!(matches!(ops.last(), Some(DiskOp::Remove { file }) if file == MARK_FILE));
        ops.into_iter().for_each(|op| disk.sync(op).unwrap());
        assert_eq!(names(&mut disk), ["node.id"]);
    }
}
