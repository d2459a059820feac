//! A data directory in memory that can lose power: what was synced stays, what
//! was not is lost, kept, torn or filled with zeros, sector by sector.
//!
//! An operation may be begun and finished apart, so that a world can crash in
//! between. Readers see begun writes at once, as through a page cache; only
//! [`MemoryDisk::crash`] tells them apart from synced ones.

mod content;
mod pieces;

use crate::disk::{Disk, DiskDone, DiskError, DiskOp};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use base::prng::Prng;
use bytes::Bytes;
use content::Content;
pub use pieces::Piece;

/// What a power loss leaves whole or does not: the old bytes or the new.
pub const SECTOR_BYTES: u64 = 512;

type Files = BTreeMap<String, Content>;

/// Names an operation that was begun.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket(u64);

/// What becomes of one sector of an unsynced operation when the power goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is as before.
    Lost,
    /// It reached the disk.
    Kept,
    /// It is zeros.
    Zeroed,
}

/// What a loss of power took of the writes in place that were not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Toll {
    /// Writes of which nothing is left.
    pub lost: u64,
    /// Writes of which a part is left.
    pub torn: u64,
}

/// A data directory in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    /// What a reader sees. Where no unsynced operation touches a file, it is the
    /// same here and in `stable`.
    seen: Files,
    /// What survives a power loss, whatever happens.
    stable: Files,
    /// The rest, in the order in which it was begun.
    unsynced: Vec<(Ticket, DiskOp)>,
    /// Operations for which there was no room when they were begun.
    refused: Vec<(Ticket, DiskOp)>,
    /// How many bytes all files may have together.
    room: Option<u64>,
    tickets: u64,
}

impl MemoryDisk {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins an operation: readers see what it writes, the disk has not synced it.
    pub fn begin(&mut self, op: DiskOp) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        if self.fits(&op) {
            keep(&mut self.seen, &op);
            self.unsynced.push((ticket, op));
        } else {
            self.refused.push((ticket, op));
        }
        ticket
    }

    /// From now on all files together may have so many bytes: what would make them
    /// more ends in [`DiskError::full`] and changes nothing. Every file is made
    /// beside the one whose name it gets.
    pub const fn limit(&mut self, room: Option<u64>) {
        self.room = room;
    }

    /// Whether there is a limit.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        self.room.is_some()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.seen.values().map(|content| content.bytes().len() as u64).sum()
    }

    fn fits(&self, op: &DiskOp) -> bool {
        let needed = match op {
            DiskOp::Create { size, .. } => *size,
            DiskOp::Replace { content, .. } => content.len() as u64,
            _ => return true,
        };
        self.room.is_none_or(|room| self.used() + needed <= room)
    }

    /// Ends an operation well. Its file is now synced, with everything that was
    /// begun on it before. A ticket from before a crash ends in an error.
    pub fn finish(&mut self, ticket: Ticket) -> DiskDone {
        if let Some((_, op)) = self.refused.extract_if(.., |(it, _)| *it == ticket).next() {
            let (what, why) = (describe(&op), "no room on the disk".into());
            return DiskDone::Failed(DiskError { what, why, full: true });
        }
        let Some(op) = self.take(ticket) else { return lost_ticket() };
        match &op {
            DiskOp::List => DiskDone::Listed(self.sizes()),
            DiskOp::Read { file, offset, length } => self.read_at(file, *offset, *length),
            // Whoever has opened a file writes it whatever its name is meanwhile.
            DiskOp::Write { file, .. } => {
                self.sync(file, ticket);
                if self.stable.contains_key(file) { self.settle(&op) } else { no_file(file) }
            }
            DiskOp::Create { file, .. }
            | DiskOp::Replace { file, .. }
            | DiskOp::Remove { file } => {
                self.sync(file, ticket);
                self.settle(&op)
            }
            // More than a real disk must do: there the bytes need a sync of their own.
            DiskOp::Rename { from, to } => {
                self.sync(from, ticket);
                self.sync(to, ticket);
                if self.stable.contains_key(from) { self.settle(&op) } else { no_file(from) }
            }
        }
    }

    fn settle(&mut self, op: &DiskOp) -> DiskDone {
        keep(&mut self.stable, op);
        DiskDone::Synced
    }

    /// Another process opens the directory: whatever the one before it left is
    /// synced before it is looked at, as the real directory does.
    pub fn reopen(&mut self) {
        for (_, op) in &core::mem::take(&mut self.unsynced) {
            align(&mut self.stable, &self.seen, op);
        }
        self.refused.clear();
    }

    /// Ends an operation badly: what it wrote stays unsynced, for a crash to decide.
    pub fn fail(&mut self, ticket: Ticket, why: &str) -> DiskDone {
        let begun = self.unsynced.iter().chain(&self.refused);
        let what = match begun.rev().find(|(other, _)| *other == ticket) {
            Some((_, op)) => describe(op),
            None => return lost_ticket(),
        };
        DiskDone::Failed(DiskError { what, why: why.into(), full: false })
    }

    /// Operations that a crash may undo, oldest first.
    pub fn unsynced(&self) -> impl Iterator<Item = &DiskOp> {
        self.unsynced.iter().map(|(_, op)| op)
    }

    /// The power goes. For every unsynced operation `prng` decides how much of
    /// it the disk has; tickets that are out are void.
    pub fn crash(&mut self, prng: &mut Prng) -> Toll {
        let mut modes: Vec<(usize, Tear)> = Vec::new();
        // Of each write in place, how many sectors the disk has and lacks.
        let writes = |(_, op): &(Ticket, DiskOp)| matches!(op, DiskOp::Write { .. });
        let mut sectors: Vec<Option<(u64, u64)>> =
            self.unsynced.iter().map(|it| writes(it).then_some((0, 0))).collect();
        self.crash_with(&mut |op, sector| {
            if modes.last().is_none_or(|(last, _)| *last != op) {
                modes.push((op, Tear::draw(prng)));
            }
            let fate = modes.last().map_or(Fate::Lost, |(_, tear)| tear.fate(sector, prng));
            if let Some(Some((has, lacks))) = sectors.get_mut(op) {
                *if fate == Fate::Kept { has } else { lacks } += 1;
            }
            fate
        });
        let writes = sectors.into_iter().flatten();
        writes.fold(Toll::default(), |toll, (has, lacks)| Toll {
            lost: toll.lost + u64::from(has == 0 && lacks > 0),
            torn: toll.torn + u64::from(has > 0 && lacks > 0),
        })
    }

    /// The power goes, and `fate` decides for each sector of each unsynced
    /// operation, both counted from 0. The first sector decides for a whole
    /// `Replace`, `Remove` or `Rename`, and for a `Create` (`Zeroed`: the file is
    /// there, half as long).
    pub fn crash_with(&mut self, fate: &mut dyn FnMut(usize, u64) -> Fate) {
        let unsynced = core::mem::take(&mut self.unsynced);
        for (place, (_, op)) in unsynced.iter().enumerate() {
            apply(&mut self.stable, op, &mut |sector| fate(place, sector));
        }
        unsynced.iter().for_each(|(_, op)| align(&mut self.seen, &self.stable, op));
        self.refused.clear();
    }

    /// What a disk does in silence that writes to the wrong place: one file has the
    /// content of another one, synced as it is. Says whether that changed it.
    pub fn misplace(&mut self, from: &str, to: &str) -> bool {
        let content = |file: &str| self.seen.get(file).map(Content::bytes);
        let (Some(new), Some(old)) = (content(from), content(to)) else { return false };
        if new == old {
            return false;
        }
        let new = new.to_vec();
        self.put(to, &new);
        true
    }

    /// Flips the bits of `mask` in one byte, synced as it is: what a disk does
    /// in silence. Says whether the byte is there.
    pub fn rot(&mut self, file: &str, offset: u64, mask: u8) -> bool {
        let flip = |files: &mut Files| {
            let content = files.get_mut(file).map(Content::own);
            let byte = content.and_then(|bytes| bytes.get_mut(offset as usize));
            byte.map(|byte| *byte ^= mask).is_some()
        };
        flip(&mut self.seen) | flip(&mut self.stable)
    }

    /// Where the heads and records of a lane's log stand.
    #[must_use]
    pub fn pieces(&self, lane: u16) -> Vec<Piece> {
        pieces::pieces(&self.seen, lane)
    }

    /// The content of a file as a reader sees it.
    #[must_use]
    pub fn content(&self, file: &str) -> Option<&[u8]> {
        self.seen.get(file).map(Content::bytes)
    }

    /// The directory with this file as its whole content, synced.
    pub fn put(&mut self, file: &str, content: &[u8]) {
        let content = Content::Own(content.to_vec());
        self.seen.insert(file.into(), content.clone());
        self.stable.insert(file.into(), content);
    }

    fn take(&mut self, ticket: Ticket) -> Option<DiskOp> {
        let place = self.unsynced.iter().position(|(other, _)| *other == ticket)?;
        Some(self.unsynced.remove(place).1)
    }

    /// Makes stable what was begun on `file` before `ticket`.
    fn sync(&mut self, file: &str, ticket: Ticket) {
        let (synced, rest): (Vec<_>, Vec<_>) = core::mem::take(&mut self.unsynced)
            .into_iter()
            .partition(|(other, op)| *other < ticket && names(op).any(|name| name == file));
        for (_, op) in &synced {
            keep(&mut self.stable, op);
        }
        self.unsynced = rest;
    }

    fn sizes(&self) -> Vec<(String, u64)> {
        let size = |content: &Content| content.bytes().len() as u64;
        self.seen.iter().map(|(name, content)| (name.clone(), size(content))).collect()
    }

    fn read_at(&self, file: &str, offset: u64, length: usize) -> DiskDone {
        let Some(content) = self.seen.get(file) else { return DiskDone::Read(Bytes::new()) };
        let start = offset as usize;
        DiskDone::Read(content.read(start, start.saturating_add(length)))
    }
}

impl Disk for MemoryDisk {
    fn perform(&mut self, op: DiskOp) -> DiskDone {
        let ticket = self.begin(op);
        self.finish(ticket)
    }
}

/// How one operation is torn.
#[derive(Clone, Copy, Debug)]
enum Tear {
    All(Fate),
    /// The sectors before this one are kept, the others have this fate.
    Prefix(u64, Fate),
    /// Each sector for itself.
    Each,
}

impl Tear {
    fn draw(prng: &mut Prng) -> Self {
        match prng.below(6) {
            0 => Self::All(Fate::Lost),
            1 => Self::All(Fate::Kept),
            2 | 3 => Self::Prefix(prng.below(8), Fate::Lost),
            4 => Self::Prefix(prng.below(8), Fate::Zeroed),
            _ => Self::Each,
        }
    }

    fn fate(self, sector: u64, prng: &mut Prng) -> Fate {
        match self {
            Self::All(fate) => fate,
            Self::Prefix(kept, _) if sector < kept => Fate::Kept,
            Self::Prefix(_, fate) => fate,
            Self::Each => match prng.below(5) {
                0 => Fate::Zeroed,
                1 | 2 => Fate::Lost,
                _ => Fate::Kept,
            },
        }
    }
}

/// Does to `files` all that `op` does.
fn keep(files: &mut Files, op: &DiskOp) {
    let DiskOp::Write { file, offset, parts } = op else {
        return apply(files, op, &mut |_| Fate::Kept);
    };
    let Some(content) = files.get_mut(file) else { return };
    let mut at = *offset as usize;
    for part in parts {
        content.put(at, part);
        at += part.len();
    }
}

/// Does to `files` what `op` does, sector by sector as `fate` allows.
fn apply(files: &mut Files, op: &DiskOp, fate: &mut dyn FnMut(u64) -> Fate) {
    match op {
        DiskOp::List | DiskOp::Read { .. } => {}
        DiskOp::Create { file, size } => match fate(0) {
            Fate::Lost => {}
            Fate::Kept => drop(files.insert(file.clone(), Content::zeros(*size))),
            Fate::Zeroed => drop(files.insert(file.clone(), Content::zeros(*size / 2))),
        },
        DiskOp::Replace { file, content } => {
            if fate(0) == Fate::Kept {
                files.insert(file.clone(), Content::Shared(content.clone()));
            }
        }
        DiskOp::Write { file, offset, parts } => {
            if let Some(content) = files.get_mut(file) {
                write(content, *offset, &parts.concat(), fate);
            }
        }
        DiskOp::Remove { file } => {
            if fate(0) == Fate::Kept {
                files.remove(file);
            }
        }
        DiskOp::Rename { from, to } => {
            if fate(0) == Fate::Kept
                && let Some(bytes) = files.remove(from)
            {
                files.insert(to.clone(), bytes);
            }
        }
    }
}

fn write(file: &mut Content, offset: u64, new: &[u8], fate: &mut dyn FnMut(u64) -> Fate) {
    let first = offset / SECTOR_BYTES;
    let mut at = 0;
    while at < new.len() {
        let place = offset + at as u64;
        let sector = place / SECTOR_BYTES;
        let left = ((sector + 1) * SECTOR_BYTES - place) as usize;
        let piece = new.get(at..new.len().min(at + left)).unwrap_or_default();
        match fate(sector - first) {
            Fate::Lost => {}
            Fate::Kept => file.put(place as usize, piece),
            Fate::Zeroed => file.put(place as usize, &vec![0; piece.len()]),
        }
        at += piece.len();
    }
}

/// The names under which `op` changes something.
fn names(op: &DiskOp) -> impl Iterator<Item = &String> {
    let (one, other) = match op {
        DiskOp::List | DiskOp::Read { .. } => (None, None),
        DiskOp::Create { file, .. }
        | DiskOp::Write { file, .. }
        | DiskOp::Replace { file, .. }
        | DiskOp::Remove { file } => (Some(file), None),
        DiskOp::Rename { from, to } => (Some(from), Some(to)),
    };
    one.into_iter().chain(other)
}

/// Makes `files` the same as `others` where `op` changes something.
fn align(files: &mut Files, others: &Files, op: &DiskOp) {
    for name in names(op) {
        match others.get(name) {
            Some(content) => drop(files.insert(name.clone(), content.clone())),
            None => drop(files.remove(name)),
        }
    }
}

fn describe(op: &DiskOp) -> String {
    let (verb, file) = match op {
        DiskOp::List => ("list", ""),
        DiskOp::Read { file, .. } => ("read", file.as_str()),
        DiskOp::Create { file, .. } => ("create", file.as_str()),
        DiskOp::Write { file, .. } => ("write", file.as_str()),
        DiskOp::Replace { file, .. } => ("replace", file.as_str()),
        DiskOp::Remove { file } => ("remove", file.as_str()),
        DiskOp::Rename { from, .. } => ("rename", from.as_str()),
    };
    alloc::format!("{verb} {file}")
}

fn no_file(file: &str) -> DiskDone {
    DiskDone::Failed(DiskError { what: file.into(), why: "no such file".into(), full: false })
}

fn lost_ticket() -> DiskDone {
    let why = "the operation was begun before a crash".into();
    DiskDone::Failed(DiskError { what: "finish".into(), why, full: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is begun, ended and lost in between.
    #[test]
    fn a_reader_and_the_disk_agree_when_nothing_is_under_way() {
        for seed in 0..200 {
            let (mut prng, mut disk) = (Prng::new(seed), MemoryDisk::new());
            let mut out: Vec<Ticket> = Vec::new();
            for _ in 0..60 {
                let file = String::from(*prng.pick(&["a", "b"]).unwrap());
                let bytes = Bytes::from(vec![prng.below(256) as u8; prng.below(900) as usize]);
                let op = match prng.below(5) {
                    0 => DiskOp::Create { file, size: prng.below(2048) },
                    1 => DiskOp::Replace { file, content: bytes },
                    2 => DiskOp::Write { file, offset: prng.below(900), parts: vec![bytes] },
                    3 => DiskOp::Remove { file },
                    _ => DiskOp::Rename { from: file, to: "b".into() },
                };
                out.push(disk.begin(op));
                while !out.is_empty() && prng.chance(1, 2) {
                    drop(disk.finish(out.remove(0)));
                }
                if prng.chance(1, 20) {
                    out.clear();
                    disk.crash(&mut prng);
                    assert_eq!(plain(&disk.seen), plain(&disk.stable), "seed {seed}");
                }
            }
            disk.reopen();
            assert_eq!(plain(&disk.seen), plain(&disk.stable), "seed {seed}");
        }
    }

    fn plain(files: &Files) -> Vec<(&String, &[u8])> {
        files.iter().map(|(name, content)| (name, content.bytes())).collect()
    }

    fn write_op(offset: u64, bytes: &[u8]) -> DiskOp {
        let parts = vec![Bytes::copy_from_slice(bytes)];
        DiskOp::Write { file: "a".into(), offset, parts }
    }

    fn disk() -> MemoryDisk {
        let mut disk = MemoryDisk::new();
        let create = DiskOp::Create { file: "a".into(), size: 2048 };
        assert_eq!(disk.perform(create), DiskDone::Synced);
        disk
    }

    #[test]
    fn readers_see_what_is_begun_and_a_crash_may_undo_it() {
        let mut disk = disk();
        let ticket = disk.begin(write_op(100, &[1; 1000]));
        assert_eq!(disk.content("a").unwrap()[100..1100], [1; 1000]);
        disk.crash_with(&mut |op, sector| {
            assert_eq!(op, 0);
            [Fate::Kept, Fate::Lost, Fate::Zeroed][sector as usize]
        });
        assert_eq!(disk.content("a").unwrap()[100..512], [1; 412]);
        assert_eq!(disk.content("a").unwrap()[512..], [0; 1536]);
        assert!(matches!(disk.finish(ticket), DiskDone::Failed(_)));
    }

    #[test]
    fn what_is_finished_stays_with_all_that_was_begun_before_it() {
        let mut disk = disk();
        disk.begin(write_op(0, &[1; 8]));
        let second = disk.begin(write_op(8, &[2; 8]));
        disk.begin(write_op(16, &[3; 8]));
        assert_eq!(disk.finish(second), DiskDone::Synced);
        assert_eq!(disk.unsynced().count(), 1);
        disk.crash_with(&mut |_, _| Fate::Lost);
        let content = disk.content("a").unwrap();
        assert_eq!(content[..24], [[1; 8], [2; 8], [0; 8]].concat());
    }

    #[test]
    fn a_write_without_parts_syncs_what_a_killed_process_left() {
        let mut disk = disk();
        disk.begin(write_op(0, &[1; 8]));
        let sync = DiskOp::Write { file: "a".into(), offset: 0, parts: Vec::new() };
        assert_eq!(disk.perform(sync), DiskDone::Synced);
        disk.crash_with(&mut |_, _| Fate::Lost);
        assert_eq!(disk.content("a").unwrap()[..8], [1; 8]);
    }

    #[test]
    fn a_failed_write_is_for_a_crash_to_decide() {
        let mut disk = disk();
        let ticket = disk.begin(write_op(0, &[1; 8]));
        let DiskDone::Failed(error) = disk.fail(ticket, "EIO") else { panic!("not failed") };
        assert_eq!(error.to_string(), "write a: EIO");
        disk.crash_with(&mut |_, _| Fate::Lost);
        assert_eq!(disk.content("a").unwrap()[..8], [0; 8]);
    }

    #[test]
    fn a_small_file_is_replaced_whole_or_not_at_all() {
        let mut disk = MemoryDisk::new();
        let replace =
            |content: &'static str| DiskOp::Replace { file: "b".into(), content: content.into() };
        disk.perform(replace("old"));
        for (fate, left) in [(Fate::Lost, "old"), (Fate::Zeroed, "old"), (Fate::Kept, "new")] {
            let mut disk = disk.clone();
            disk.begin(replace("new"));
            disk.crash_with(&mut |_, _| fate);
            assert_eq!(disk.content("b").unwrap(), left.as_bytes());
        }
    }

    #[test]
    fn a_name_changes_or_goes_whole_or_not_at_all() {
        let rename = || DiskOp::Rename { from: "a".into(), to: "b".into() };
        let remove = || DiskOp::Remove { file: "a".into() };
        let names = |disk: &mut MemoryDisk| {
            let files = disk.list().unwrap();
            files.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let crashed = |op: DiskOp, fate: Fate| {
            let mut disk = disk();
            disk.begin(op);
            disk.crash_with(&mut |_, _| fate);
            names(&mut disk)
        };
        assert_eq!(crashed(rename(), Fate::Lost), ["a"]);
        assert_eq!(crashed(rename(), Fate::Kept), ["b"]);
        assert_eq!(crashed(remove(), Fate::Zeroed), ["a"]);
        assert!(crashed(remove(), Fate::Kept).is_empty());

        let mut disk = disk();
        disk.put("b", b"old");
        assert_eq!(disk.perform(rename()), DiskDone::Synced);
        assert_eq!(disk.content("b").map(<[u8]>::len), Some(2048));
        assert!(matches!(disk.perform(rename()), DiskDone::Failed(_)), "there is no a any more");
        assert_eq!(disk.perform(remove()), DiskDone::Synced, "nothing to remove");
        disk.crash_with(&mut |_, _| Fate::Lost);
        assert_eq!(names(&mut disk), ["b"]);
    }

    /// Two slots: what one of them finishes says nothing about the other.
    #[test]
    fn operations_on_different_files_end_in_any_order() {
        let mut disk = disk();
        let write = disk.begin(write_op(0, &[1; 8]));
        let replace = DiskOp::Replace { file: "b".into(), content: "new".into() };
        let replace = disk.begin(replace);
        let remove = disk.begin(DiskOp::Remove { file: "c".into() });
        assert_eq!(disk.finish(remove), DiskDone::Synced);
        assert_eq!(disk.finish(replace), DiskDone::Synced);
        disk.crash_with(&mut |_, _| Fate::Lost);
        assert_eq!(disk.content("a").unwrap()[..8], [0; 8]);
        assert_eq!(disk.content("b").unwrap(), b"new");
        assert!(matches!(disk.finish(write), DiskDone::Failed(_)));
    }

    #[test]
    fn another_process_begins_with_what_it_sees() {
        let mut disk = disk();
        disk.begin(write_op(0, &[1; 8]));
        disk.begin(DiskOp::Rename { from: "a".into(), to: "b".into() });
        disk.reopen();
        disk.crash_with(&mut |_, _| Fate::Lost);
        assert_eq!((disk.content("a"), disk.content("b").unwrap()[0]), (None, 1));
    }

    #[test]
    fn reads_end_with_the_file_and_a_missing_one_cannot_be_written() {
        let mut disk = disk();
        let read = |file: &str, offset| DiskOp::Read { file: file.into(), offset, length: 100 };
        assert_eq!(disk.perform(read("a", 2000)), DiskDone::Read(Bytes::from(vec![0; 48])));
        assert_eq!(disk.perform(read("a", 5000)), DiskDone::Read(Bytes::new()));
        assert_eq!(disk.perform(read("c", 0)), DiskDone::Read(Bytes::new()));
        let lost = DiskOp::Write { file: "c".into(), offset: 0, parts: Vec::new() };
        assert!(matches!(disk.perform(lost), DiskDone::Failed(_)));
        assert_eq!(disk.perform(DiskOp::List), DiskDone::Listed(vec![("a".into(), 2048)]));
    }

    #[test]
    fn the_toll_of_a_crash_is_told() {
        let toll = |seed| {
            let mut disk = disk();
            disk.begin(write_op(0, &[1; 2048]));
            let toll = disk.crash(&mut Prng::new(seed));
            let left = disk.content("a").unwrap().iter().filter(|byte| **byte == 1).count();
            assert_eq!(toll.torn, u64::from(left > 0 && left < 2048));
            assert_eq!(toll.lost, u64::from(left == 0));
            toll
        };
        assert!((0..40).any(|seed| toll(seed).lost > 0) && (0..40).any(|seed| toll(seed).torn > 0));
    }

    #[test]
    fn a_misplaced_write_is_another_files_content() {
        let mut disk = disk();
        disk.put("b", b"other");
        assert!(disk.misplace("b", "a") && !disk.misplace("b", "a") && !disk.misplace("c", "a"));
        disk.crash_with(&mut |_, _| Fate::Lost);
        assert_eq!(disk.content("a").unwrap(), b"other");
    }

    /// A seed decides every choice, and seeds reach different ends.
    #[test]
    fn a_seed_is_one_crash() {
        let crash = |seed| {
            let mut disk = disk();
            disk.begin(write_op(0, &[1; 2048]));
            disk.crash(&mut Prng::new(seed));
            disk.content("a").unwrap().to_vec()
        };
        let ends: std::collections::BTreeSet<_> = (0..40).map(crash).collect();
        assert!(ends.len() > 8, "{}", ends.len());
        assert_eq!(crash(3), crash(3));
    }
}
