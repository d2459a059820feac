//! The jobs that a lane hands out: when they begin, and what follows from their end.

use super::Lane;
use crate::event::{Action, Halt, Note};
use crate::job::{Job, JobDone, Outcome, Wanted};
use crate::replica::Replica;
use alloc::vec::Vec;
use base::Time;
use journal::disk::DiskError;

impl Lane {
    /// Hands out what is due: the log's files first, for writes may wait for them.
    pub(super) fn begin_jobs(&mut self, now: Time, out: &mut Vec<Action>) {
        if self.room.may_log(now)
            && let Some(ops) = self.wal.next_aside()
        {
            out.push(Action::Job(Job::aside(ops)));
        }
        if self.groups.values().any(|replica| replica.keep.is_writing()) {
            return;
        }
        if !self.room.may_checkpoint(now) {
            return;
        }
        if self.jobs.round.is_empty() && self.groups.values().any(Replica::wants_checkpoint) {
            self.jobs.round.extend(self.groups.keys());
        } else if self.jobs.round.is_empty() && self.room.is_short() {
            self.room.no_checkpoint_needed();
            self.tell_room(true, out);
        }
        while let Some(group) = self.jobs.round.pop_front() {
            if self.one(now, out, group, |replica, turn| replica.begin_checkpoint(turn))
                == Some(true)
            {
                return;
            }
        }
    }

    /// A job has ended.
    pub(super) fn on_job_done(&mut self, now: Time, done: JobDone, out: &mut Vec<Action>) {
        let outcome = match done.0 {
            Ok(outcome) => outcome,
            Err(error) => {
                self.halt = Some(Halt::Disk(error));
                return;
            }
        };
        let short = self.room.is_short();
        match outcome {
            Outcome::Aside => {
                self.wal.on_aside(Ok(()));
                self.room.on_log(self.wal.is_short());
            }
            Outcome::NoRoom { wanted, why } => self.on_no_room(now, wanted, why, out),
            Outcome::Checkpoint(kept) => {
                let group = kept.contents.group;
                self.room.on_checkpoint(group);
                self.one(now, out, group, |replica, turn| replica.on_checkpoint(turn, kept));
            }
            Outcome::Loaded { group, to, id, plain } => {
                self.jobs.loads = self.jobs.loads.saturating_sub(1);
                self.one(now, out, group, |replica, turn| replica.on_loaded(turn, to, id, plain));
            }
            Outcome::Surveyed { group, lacking } => {
                self.one(now, out, group, |replica, turn| replica.on_surveyed(turn, lacking));
            }
            Outcome::Saved { group, chunk, good } => {
                self.one(now, out, group, |replica, turn| replica.on_saved(turn, chunk, good));
            }
            Outcome::Installed { group, result } => {
                if result.is_ok() {
                    self.room.on_checkpoint(group);
                }
                self.one(now, out, group, |replica, turn| replica.on_installed(turn, result));
            }
            Outcome::Unmuted => self.on_unmuted(now, out),
            Outcome::Healed => self.on_healed(now, out),
            Outcome::Nothing => {}
        }
        self.tell_room(short, out);
    }

    /// A job found no room on the disk: it is tried again later, and until then
    /// others lead, who can take writes.
    fn on_no_room(&mut self, now: Time, wanted: Wanted, why: DiskError, out: &mut Vec<Action>) {
        let short = self.room.is_short();
        let (patience, error) = (self.patience, why.clone());
        match wanted {
            Wanted::Aside => {
                self.wal.on_aside(Err(error));
                self.room.no_log(now, patience);
            }
            Wanted::Checkpoint(group) => {
                base::sometimes!(CheckpointWithoutRoom);
                self.jobs.round.clear();
                self.room.no_checkpoint(group, now, patience);
                self.one(now, out, group, |replica, _| replica.keep.abandon());
            }
            Wanted::Save(group) | Wanted::Install(group) => {
                let installing = matches!(wanted, Wanted::Install(_));
                self.one(now, out, group, |replica, turn| {
                    replica.on_fetch_without_room(turn, installing);
                });
                return out.push(Action::Note(Note::NoRoom { why }));
            }
        }
        if !short {
            out.push(Action::Note(Note::NoRoom { why }));
            self.each(now, out, |replica, turn| replica.leave(turn));
        }
    }

    /// Says so if the disk was `short` of room and has some again.
    fn tell_room(&self, short: bool, out: &mut Vec<Action>) {
        if short && !self.room.is_short() {
            base::sometimes!(RoomAgain);
            out.push(Action::Note(Note::Room));
        }
    }
}
