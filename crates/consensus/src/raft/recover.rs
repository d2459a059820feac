//! From what the disk gave back to a replica that may take part again.

use super::Raft;
use super::state::{Core, Follower, Role, VOTE_VERSION, vote_body};
use crate::contract::{Setup, Stable};
use crate::entry::Place;
use crate::log::Log;
use crate::open::{OpenError, check_voters};
use crate::waiting::Asked;
use base::codec::{CodecError, Reader};
use base::prng::Prng;
use base::{Ballot, NodeId, Serial};
use bytes::Bytes;

impl Raft {
    /// A follower that knows no leader. Nothing is committed yet as far as it
    /// knows, but what its checkpoint holds: the commit index is not stable
    /// (Raft, figure 2).
    pub fn open(setup: Setup, stable: Stable) -> Result<Self, OpenError> {
        check_voters(&setup)?;
        let (term, vote) = match stable.vote.clone() {
            Some(body) => read_vote(body).map_err(OpenError::Vote)?,
            None => (0, None),
        };
        // Who has lost its promises knows of those that its checkpoint was made under.
        let owed = setup.mute && stable.base.ballot.round > term;
        let (term, vote) = if owed { (stable.base.ballot.round, None) } else { (term, vote) };
        check_entries(&stable, term)?;
        let Setup { me, voters, timing, retention, seed, mute } = setup;
        let Stable { base, base_clock, stale, entries, durable, .. } = stable;
        // Nodes that were given one seed must not wait for the same times.
        let prng = Prng::new(seed ^ me.0.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let core = Core {
            me,
            mute,
            stranded: false,
            voters,
            timing,
            prng,
            term,
            vote,
            promised: Serial::ZERO,
            owed,
            durable_term: term,
            led: None,
            durable,
            log: Log::recovered(base, base_clock, stale, entries),
            retention,
            newest: base.index,
            spare: base.index,
            ctx: None,
        };
        let role = Role::Follower(Follower {
            leader: None,
            heard: None,
            deadline: None,
            held: base.index,
            asked: Asked::default(),
        });
        Ok(Self::new(core, role))
    }

    /// The ballot of a state with which a new group begins, and the promise of a
    /// replica that has it: the first term, in which nobody votes or leads.
    pub(crate) fn founding() -> (Ballot, Bytes) {
        (Ballot::new(FOUNDING_TERM, NodeId::ZERO), vote_body(FOUNDING_TERM, None).into())
    }
}

/// Every term in which somebody leads is a later one.
const FOUNDING_TERM: u64 = 1;

fn read_vote(body: Bytes) -> Result<(u64, Option<NodeId>), CodecError> {
    let mut reader = Reader::new(body);
    let version = reader.u8()?;
    if version != VOTE_VERSION {
        let got = u64::from(version);
        return Err(CodecError::Invalid { what: "version of a vote record", got });
    }
    let (term, vote) = (reader.u64()?, NodeId(reader.u64()?));
    reader.finish()?;
    Ok((term, Some(vote).filter(|vote| *vote > NodeId::ZERO)))
}

/// Dense from the base, no ballot and no clock goes back, no term beyond the
/// promised one; and nothing is there if all of it is void.
fn check_entries(stable: &Stable, term: u64) -> Result<(), OpenError> {
    let (mut before, mut clock) = (stable.base, stable.base_clock);
    for entry in &stable.entries {
        let dense = entry.index == before.index.next() && stable.stale.is_none();
        if !dense || entry.ballot < before.ballot || entry.clock < clock {
            return Err(OpenError::Entry(entry.index));
        }
        (before, clock) = (Place { ballot: entry.ballot, index: entry.index }, entry.clock);
    }
    if before.ballot.round > term { Err(OpenError::Amnesia) } else { Ok(()) }
}
