//! From the checkpoints on a disk to the states they hold: the newest that can
//! be read; the older one if the newest is damaged.

use crate::job::{Kept, Thawing};
use crate::keep::Keep;
use crate::machine::Machine;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base::{Ballot, GroupId, Index};
use consensus::entry::Place;
use journal::checkpoint::{self, Contents, Found};
use journal::disk::{Disk, DiskDone, DiskError};
use journal::record::Owner;

/// The state of a group as its checkpoints have it.
#[derive(Debug)]
pub(crate) struct Restored {
    /// The state; the empty one if there is no checkpoint.
    pub(crate) machine: Machine,
    /// Of which place of the log.
    pub(crate) place: Place,
    /// The log time there.
    pub(crate) clock: u64,
    /// The checkpoints.
    pub(crate) keep: Keep,
    /// What could not be used, for people.
    pub(crate) damaged: Vec<String>,
}

/// Reads the checkpoints of a group, `found` being the newest first.
pub(crate) fn restore(
    disk: &mut dyn Disk,
    owner: &Owner,
    group: GroupId,
    found: Vec<Found>,
) -> Result<Restored, DiskError> {
    let mut damaged = Vec::new();
    let mut found = found.into_iter();
    while let Some(next) = found.next() {
        let kept = match next {
            Found::Good { slot, contents } => Kept { contents, slot },
            Found::Damaged { file, why, .. } => {
                base::sometimes!(CheckpointFellBack);
                damaged.push(format!("{file}: {why}"));
                continue;
            }
        };
        match read(disk, owner, &kept)? {
            Ok(machine) => {
                let older = found.find_map(|it| match it {
                    Found::Good { slot, contents } => Some(Kept { contents, slot }),
                    Found::Damaged { .. } => None,
                });
                return Ok(restored(machine, kept, older, damaged));
            }
            Err(why) => {
                base::sometimes!(CheckpointFellBack);
                damaged.push(why);
            }
        }
    }
    let (machine, place) =
        (Machine::new(group), Place { ballot: Ballot::ZERO, index: Index::ZERO });
    Ok(Restored { machine, place, clock: 0, keep: Keep::default(), damaged })
}

fn restored(machine: Machine, kept: Kept, older: Option<Kept>, damaged: Vec<String>) -> Restored {
    let Contents { index, ballot, clock, .. } = kept.contents;
    let keep = Keep::found(Some(kept), older);
    Restored { machine, place: Place { ballot, index }, clock, keep, damaged }
}

/// The state of one checkpoint, or what is wrong with it.
fn read(
    disk: &mut dyn Disk,
    owner: &Owner,
    kept: &Kept,
) -> Result<Result<Machine, String>, DiskError> {
    let Kept { contents, slot } = kept;
    let mut thawing = Thawing::new(contents.group);
    for chunk in &contents.chunks {
        let file = match disk.perform(checkpoint::read_chunk(contents.group, *slot, chunk)) {
            DiskDone::Read(file) => file,
            DiskDone::Failed(error) => return Err(error),
            DiskDone::Listed(_) | DiskDone::Synced => Default::default(),
        };
        let name = || checkpoint::chunk_name(contents.group, *slot, chunk.id);
        let plain = match checkpoint::open_chunk(owner, contents.group, chunk, &file) {
            Ok(plain) => plain,
            Err(why) => return Ok(Err(format!("{}: {why}", name()))),
        };
        if let Err(why) = thawing.add(&plain) {
            return Ok(Err(format!("{}: {why}", name())));
        }
    }
    // Each chunk is what it was: it is the manifest that does not go with them.
    let name = || checkpoint::manifest_name(contents.group, *slot);
    Ok(thawing.finish(contents.index).map_err(|why| format!("{}: {why}", name())))
}
