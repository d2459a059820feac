//! The jobs of a lane that are out, and those that come next.

use alloc::collections::VecDeque;
use base::GroupId;

/// The jobs that are out.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    /// Chunks that are being read for other nodes.
    pub(super) loads: usize,
    /// Groups whose checkpoints come next: when one is due all are made, so that
    /// none keeps the log that they share from getting shorter.
    pub(super) round: VecDeque<GroupId>,
}
