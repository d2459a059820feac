//! The jobs that a lane hands out: when they begin, and what follows from their end.

use super::Lane;
use crate::event::{Action, Halt};
use crate::job::{Job, JobDone, Outcome};
use crate::replica::Replica;
use alloc::vec::Vec;
use base::Time;

impl Lane {
    /// Hands out what is due: the log's files first, for writes may wait for them.
    pub(super) fn begin_jobs(&mut self, now: Time, out: &mut Vec<Action>) {
        if let Some(ops) = self.wal.next_aside() {
            out.push(Action::Job(Job::aside(ops)));
        }
        if self.groups.values().any(|replica| replica.keep.is_writing()) {
            return;
        }
        if self.jobs.round.is_empty() && self.groups.values().any(Replica::wants_checkpoint) {
            self.jobs.round.extend(self.groups.keys());
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
        match outcome {
            Outcome::Aside => self.wal.on_aside(Ok(())),
            Outcome::Checkpoint(kept) => {
                let group = kept.contents.group;
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
                self.one(now, out, group, |replica, turn| replica.on_installed(turn, result));
            }
            Outcome::Unmuted => self.on_unmuted(now, out),
            Outcome::Nothing => {}
        }
    }
}
