//! What is turned when something has come for the lane, and by whom?

use crate::error::ServerError;
use crate::item::Item;
use base::Time;
use std::collections::VecDeque;
use std::fmt::Debug;

/// A lane and its driver, as whoever turns them sees them.
pub(crate) trait Wheel: Debug + Send {
    /// One turn with everything in `batch`, and all that it wants done.
    fn turn(&mut self, batch: &mut VecDeque<Item>) -> Result<Next, ServerError>;

    /// Turn again no later than this, whatever comes.
    fn deadline(&self) -> Option<Time>;

    /// Whether much is under way, so that what comes next will not come alone.
    fn is_crowded(&self) -> bool;
}

/// Whether the wheel goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    Turn,
    Stop,
}

/// Whether who brings something turns the wheel too, if nobody else does. It
/// saves waking the lane's thread, and costs whoever does it the time of a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hand {
    /// Nothing more urgent waits for this thread.
    Free,
    /// It holds a lock, has a lower rank than the lane, or much to do.
    Busy,
}
