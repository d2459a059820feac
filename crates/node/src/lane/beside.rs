//! What the log has done beside it, one operation at a time and only while the
//! log itself asks for none.

use alloc::collections::VecDeque;
use journal::disk::{DiskDone, DiskError, DiskOp};
use journal::wal::Wal;

/// A job beside the log.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// What is left of it.
    ops: VecDeque<DiskOp>,
    /// One of its operations is under way.
    out: bool,
}

impl Beside {
    /// Whether the operation that is under way is one of these.
    pub(super) const fn is_out(&self) -> bool {
        self.out
    }

    /// The next operation, if the log is idle and there is something to do.
    pub(super) fn next_op(&mut self, wal: &mut Wal) -> Option<DiskOp> {
        if wal.is_busy() {
            return None;
        }
        if self.ops.is_empty() {
            self.ops = wal.next_aside()?.into();
        }
        let op = self.ops.pop_front();
        self.out = op.is_some();
        op
    }

    /// An operation has ended, and with the last one the job.
    pub(super) fn on_done(&mut self, wal: &mut Wal, done: DiskDone) -> Result<(), DiskError> {
        self.out = false;
        if let DiskDone::Failed(error) = done {
            wal.on_aside(Err(error.clone()));
            return Err(error);
        }
        if self.ops.is_empty() {
            wal.on_aside(Ok(()));
        }
        Ok(())
    }
}
