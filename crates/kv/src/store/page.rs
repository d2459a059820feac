//! What every member of the store answers with.

use crate::pair::Pair;
use alloc::vec::Vec;
use base::Revision;

/// The revision of a keyspace that nobody has written to.
pub const REVISION_EMPTY: Revision = Revision(1);

/// Some pairs of a range, and how many there are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// The first pairs in key order, as many as were asked for.
    pub pairs: Vec<Pair>,
    /// How many pairs the whole range has.
    pub count: u64,
}
