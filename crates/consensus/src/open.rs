//! What every protocol demands of what it starts with.

use crate::contract::Setup;
use base::codec::CodecError;
use base::limits::VOTERS_MAX;
use base::{Index, NodeId};
use core::fmt;

/// Why a replica cannot start. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError {
    /// The voters are not ascending, too many, or not this node's.
    Voters,
    /// The vote record cannot be read.
    Vote(CodecError),
    /// The entry with this index is not the one that may stand there.
    Entry(Index),
    /// There is a log or a checkpoint and no vote record, or one of an earlier
    /// term: promises were lost. To go on could vote twice in a term.
    Amnesia,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Voters => f.write_str("the voters must be ascending, few, and include this node"),
            Self::Vote(error) => write!(f, "the vote record is damaged: {error}"),
            Self::Entry(index) => write!(f, "the log is damaged at {index}"),
            Self::Amnesia => f.write_str("the vote record is older than the log"),
        }
    }
}

impl core::error::Error for OpenError {}

/// The voters are this node's, few, and in order.
pub(crate) fn check_voters(setup: &Setup) -> Result<(), OpenError> {
    let ascending = setup.voters.windows(2).all(|pair| pair.first() < pair.last());
    let named = setup.voters.first().is_some_and(|first| *first > NodeId::ZERO);
    let few = setup.voters.len() <= VOTERS_MAX;
    let mine = setup.voters.contains(&setup.me);
    if ascending && named && few && mine { Ok(()) } else { Err(OpenError::Voters) }
}
