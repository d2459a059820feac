//! Has the disk room for new files? What found none is tried again after a while,
//! and until then the node takes no writes that need more.

use alloc::collections::BTreeSet;
use base::time::earliest;
use base::{GroupId, Time};
use core::time::Duration;

/// Bytes of the log that votes and other small promises have for themselves
/// while no segment can be made.
const RESERVE_BYTES: u64 = 4 << 10;

/// A checkpoint is tried again at the latest after so many times the patience:
/// it may write for minutes before it finds that there is no room.
const PATIENCES_MAX: u32 = 8;

/// What has found no room on the disk.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// A file of the log has none.
    log: bool,
    log_due: Option<Time>,
    /// Checkpoints of these groups have none.
    checkpoints: BTreeSet<GroupId>,
    checkpoint_due: Option<Time>,
    /// How often that was found in a row.
    tries: u32,
    /// Until when no checkpoint of another node is taken over.
    fetch_due: Option<Time>,
}

impl Room {
    /// Whether anything that the node cannot do without for long has no room.
    pub(crate) fn is_short(&self) -> bool {
        self.log || !self.checkpoints.is_empty()
    }

    /// Whether a command may be taken that leaves so many bytes of the log. What
    /// frees space may use up what is left of it.
    pub(crate) fn admits(&self, frees: bool, left: u64) -> bool {
        !self.is_short() || frees && left > RESERVE_BYTES
    }

    /// There was no room for a file of the log.
    pub(crate) fn no_log(&mut self, now: Time, patience: Duration) {
        self.log = true;
        self.log_due = Some(now + patience);
    }

    /// The log's files are as it wants them, or it is still short of one.
    pub(crate) const fn on_log(&mut self, short: bool) {
        self.log = short;
    }

    /// There was no room for a checkpoint of a group.
    pub(crate) fn no_checkpoint(&mut self, group: GroupId, now: Time, patience: Duration) {
        self.checkpoints.insert(group);
        self.tries = (self.tries + 1).min(PATIENCES_MAX);
        self.checkpoint_due = Some(now + patience * self.tries);
    }

    /// A group has a checkpoint, or needs none.
    pub(crate) fn on_checkpoint(&mut self, group: GroupId) {
        self.checkpoints.remove(&group);
        if self.checkpoints.is_empty() {
            self.tries = 0;
        }
    }

    /// No group needs a checkpoint.
    pub(crate) fn no_checkpoint_needed(&mut self) {
        self.checkpoints.clear();
        self.tries = 0;
    }

    /// There was no room for a checkpoint of another node.
    pub(crate) fn no_fetch(&mut self, now: Time, patience: Duration) {
        base::sometimes!(FetchWithoutRoom);
        self.fetch_due = Some(now + patience * (PATIENCES_MAX / 2));
    }

    /// Whether the log's files may be worked on now.
    pub(crate) fn may_log(&mut self, now: Time) -> bool {
        has_come(&mut self.log_due, now)
    }

    /// Whether a checkpoint may be begun now.
    pub(crate) fn may_checkpoint(&mut self, now: Time) -> bool {
        has_come(&mut self.checkpoint_due, now)
    }

    /// Whether a checkpoint of another node may be taken over now.
    pub(crate) fn may_fetch(&mut self, now: Time) -> bool {
        has_come(&mut self.fetch_due, now)
    }

    /// When something is tried again. Other nodes' checkpoints are offered again.
    pub(crate) fn deadline(&self) -> Option<Time> {
        earliest(self.log_due, self.checkpoint_due)
    }
}

fn has_come(due: &mut Option<Time>, now: Time) -> bool {
    let waits = due.is_some_and(|due| due > now);
    if !waits {
        *due = None;
    }
    !waits
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_log_is_short_until_it_has_its_file() {
        let mut room = Room::default();
        assert!(room.may_log(Time(5)) && !room.is_short());
        room.no_log(Time(5), SECOND);
        assert!(room.is_short() && !room.may_log(Time(6)));
        assert_eq!(room.deadline(), Some(Time(5) + SECOND));
        assert!(room.may_log(Time(5) + SECOND) && room.is_short());
        assert_eq!(room.deadline(), None, "it is under way");
        room.on_log(true);
        assert!(room.is_short());
        room.on_log(false);
        assert!(!room.is_short());
    }

    #[test]
    fn checkpoints_wait_longer_each_time_and_each_group_for_itself() {
        let mut room = Room::default();
        let (one, two) = (GroupId(1), GroupId(2));
        room.no_checkpoint(one, Time(0), SECOND);
        room.no_checkpoint(two, Time(0), SECOND);
        assert_eq!(room.deadline(), Some(Time(0) + SECOND * 2));
        room.on_checkpoint(one);
        assert!(room.is_short());
        room.on_checkpoint(two);
        assert!(!room.is_short());
        (0..40).for_each(|_| room.no_checkpoint(one, Time(0), SECOND));
        assert_eq!(room.deadline(), Some(Time(0) + SECOND * 8));
    }
}
