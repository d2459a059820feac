//! A leadership that is handed over while the leader lives, in every protocol.

use base::{NodeId, Time, sometimes};

/// A leadership that is being handed over.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Transfer {
    pub(crate) to: NodeId,
    /// When it has come to nothing.
    pub(crate) deadline: Time,
    /// Whether the follower was told to stand since the last beat.
    pub(crate) told: bool,
}

/// A beat: who was told to stand may not have heard it.
pub(crate) const fn again(transfer: &mut Option<Transfer>) {
    if let Some(transfer) = transfer {
        transfer.told = false;
    }
}

/// Whether a transfer has just come to nothing.
pub(crate) fn give_up(transfer: &mut Option<Transfer>, now: Time) -> bool {
    let over = transfer.take_if(|transfer| transfer.deadline <= now).is_some();
    if over {
        sometimes!(TransferAbandoned);
    }
    over
}
