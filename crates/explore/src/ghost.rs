//! What an observer of all nodes remembers, and no node does.

use crate::scope::Budget;
use base::NodeId;
use consensus::entry::Entry;

/// The observer's memory. It is part of a state.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Ghost {
    /// The chosen log: what any node has told as committed.
    pub chosen: Vec<Entry>,
    /// In which term each of these was chosen: not always that of the entry.
    pub chosen_in: Vec<u64>,
    /// Who led each term that was led, in order.
    pub leaders: Vec<(u64, NodeId)>,
    /// Reads that wait for an answer, and how much was chosen when each began.
    pub reads: Vec<(u64, u64)>,
    /// What may still happen.
    pub left: Budget,
}
