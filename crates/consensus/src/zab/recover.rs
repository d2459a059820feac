//! From what the disk gave back to a replica that may take part again.

use super::Zab;
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

impl Zab {
    /// A follower that knows no leader. Nothing is committed yet as far as it knows,
    /// but what its checkpoint holds. The log on the disk is the only truth: of an
    /// election that was under way nothing is kept but the promise.
    pub fn open(setup: Setup, stable: Stable) -> Result<Self, OpenError> {
        check_voters(&setup)?;
        let (promised, accepted) = match stable.vote.clone() {
            Some(body) => read_vote(body).map_err(OpenError::Vote)?,
            None => (Ballot::ZERO, Ballot::ZERO),
        };
        // Who has lost its promises knows of those that its checkpoint was made under.
        let owed = setup.mute && stable.base.ballot.round > promised.round;
        let promised = if owed { stable.base.ballot } else { promised };
        check_entries(&stable, promised)?;
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
            promised,
            accepted,
            promised_by: Serial::ZERO,
            accepted_by: Serial::ZERO,
            owed,
            durable_epoch: promised.round,
            seen: 0,
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
            up_to_date: false,
            asked: Asked::default(),
        });
        Ok(Self::new(core, role))
    }

    /// The ballot of a state with which a new group begins, and the promise of a
    /// replica that has it: it is accepted in the first epoch, which nobody leads.
    pub(crate) fn founding() -> (Ballot, Bytes) {
        let ballot = Ballot::new(FOUNDING_EPOCH, NodeId::ZERO);
        (ballot, vote_body(ballot, ballot).into())
    }
}

/// Every epoch in which somebody leads is a later one.
const FOUNDING_EPOCH: u64 = 1;

fn read_vote(body: Bytes) -> Result<(Ballot, Ballot), CodecError> {
    let mut reader = Reader::new(body);
    let version = reader.u8()?;
    if version != VOTE_VERSION {
        let got = u64::from(version);
        return Err(CodecError::Invalid { what: "version of a vote record", got });
    }
    let promised = Ballot::new(reader.u64()?, NodeId(reader.u64()?));
    let accepted = Ballot::new(reader.u64()?, NodeId(reader.u64()?));
    reader.finish()?;
    if accepted != promised && accepted.round >= promised.round {
        return Err(CodecError::Invalid { what: "accepted epoch", got: accepted.round });
    }
    Ok((promised, accepted))
}

/// Dense from the base, no ballot and no clock goes back, no epoch beyond the promised
/// one; and nothing is there if all of it is void.
fn check_entries(stable: &Stable, promised: Ballot) -> Result<(), OpenError> {
    let (mut before, mut clock) = (stable.base, stable.base_clock);
    for entry in &stable.entries {
        let dense = entry.index == before.index.next() && stable.stale.is_none();
        if !dense || entry.ballot < before.ballot || entry.clock < clock {
            return Err(OpenError::Entry(entry.index));
        }
        (before, clock) = (Place { ballot: entry.ballot, index: entry.index }, entry.clock);
    }
    if before.ballot.round > promised.round { Err(OpenError::Amnesia) } else { Ok(()) }
}
