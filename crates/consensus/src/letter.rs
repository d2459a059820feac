//! What replicas say to each other.

/// A letter between two replicas of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Letter {}
