//! From chunks that were fetched to a state, and to a checkpoint that is current:
//! each chunk is read back and checked, so what becomes the state is what the
//! disk holds.

use super::outcome::{Kept, Outcome, Unfit};
use super::thawing::{ThawError, Thawing};
use crate::machine::Machine;
use alloc::boxed::Box;
use alloc::vec::Vec;
use base::GroupId;
use bytes::Bytes;
use journal::checkpoint::{self, Chunk, Contents, Slot};
use journal::disk::{DiskError, DiskOp};
use journal::record::Owner;

/// A checkpoint that is being taken over.
#[derive(Debug)]
pub(crate) struct Install {
    owner: Owner,
    slot: Slot,
    contents: Contents,
    /// How many chunks were read.
    read: usize,
    damaged: Vec<Chunk>,
    state: State,
}

#[derive(Debug)]
enum State {
    Building(Thawing),
    Unreadable(ThawError),
    /// Built; the manifest makes it current.
    Built(Box<Machine>),
    Failed,
}

impl Install {
    /// All chunks of `contents` are in `slot`, as far as names tell.
    pub(crate) fn new(owner: Owner, slot: Slot, contents: Contents) -> Self {
        let state = State::Building(Thawing::new(contents.group));
        Self { owner, slot, contents, read: 0, damaged: Vec::new(), state }
    }

    pub(super) fn next(&mut self) -> Option<DiskOp> {
        let Self { contents, slot, .. } = self;
        if let Some(chunk) = contents.chunks.get(self.read) {
            return Some(checkpoint::read_chunk(contents.group, *slot, chunk));
        }
        let State::Building(_) = self.state else { return None };
        self.build();
        let Self { owner, contents, slot, state, .. } = self;
        matches!(state, State::Built(_)).then(|| checkpoint::write_manifest(owner, *slot, contents))
    }

    pub(super) fn on_read(&mut self, file: &Bytes) {
        let Self { owner, contents, read, damaged, state, .. } = self;
        let Some(chunk) = contents.chunks.get(*read) else { return };
        *read += 1;
        let Ok(plain) = checkpoint::open_chunk(owner, contents.group, chunk, file) else {
            return damaged.push(*chunk);
        };
        if let State::Building(thawing) = state
            && damaged.is_empty()
            && let Err(why) = thawing.add(&plain)
        {
            *state = State::Unreadable(why);
        }
    }

    /// A chunk that cannot be read is fetched again, like a damaged one: it is
    /// written to another file then.
    pub(super) fn on_failed(&mut self, error: DiskError) -> Option<DiskError> {
        let (State::Building(_) | State::Unreadable(_)) = self.state else { return Some(error) };
        let chunk = self.contents.chunks.get(self.read)?;
        self.damaged.push(*chunk);
        self.read += 1;
        None
    }

    pub(super) const fn group(&self) -> GroupId {
        self.contents.group
    }

    fn build(&mut self) {
        let State::Building(thawing) = core::mem::replace(&mut self.state, State::Failed) else {
            return;
        };
        if !self.damaged.is_empty() {
            return;
        }
        self.state = match thawing.finish(self.contents.index) {
            Ok(machine) => State::Built(Box::new(machine)),
            Err(why) => State::Unreadable(why),
        };
    }

    pub(super) fn finish(self) -> Outcome {
        let group = self.contents.group;
        let result = match self.state {
            State::Built(machine) => {
                Ok((Kept { contents: self.contents, slot: self.slot }, machine))
            }
            State::Unreadable(why) => Err(Unfit::Unreadable(why)),
            State::Building(_) | State::Failed => Err(Unfit::Damaged(self.damaged)),
        };
        Outcome::Installed { group, result }
    }
}
