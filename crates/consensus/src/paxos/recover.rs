//! From what the disk gave back to a replica that may take part again.

use super::Paxos;
use super::state::{Core, Follower, PROMISE_VERSION, Role, promise_body};
use super::window::{Slot, Window};
use crate::contract::{Setup, Stable};
use crate::log::Log;
use crate::open::{OpenError, check_voters};
use crate::waiting::Asked;
use alloc::vec::Vec;
use base::codec::{CodecError, Reader};
use base::prng::Prng;
use base::{Ballot, Index, NodeId, Serial};
use bytes::Bytes;

impl Paxos {
    /// A follower that knows no leader. What its disk knows to be chosen is told in
    /// its first step; all else that it has is what it has accepted.
    pub fn open(setup: Setup, stable: Stable) -> Result<Self, OpenError> {
        check_voters(&setup)?;
        let promise = stable.vote.clone().map(read_promise).transpose();
        let (promised, known) = promise.map_err(OpenError::Vote)?.unzip();
        // Who has lost its promises knows of those that its checkpoint was made under.
        let owed =
            setup.mute && promised < Some(stable.base.ballot) && stable.base.index > Index::ZERO;
        let promised = if owed { Some(stable.base.ballot) } else { promised };
        check_entries(&stable, promised)?;
        let Setup { me, voters, timing, retention, seed, mute } = setup;
        let Stable { base, base_clock, stale, entries, accepted, chosen, durable, .. } = stable;
        let mut window = Window::behind(base.index);
        for (entry, accepted) in entries.into_iter().zip(accepted) {
            window.put(Slot { entry, accepted, serial: Serial::ZERO });
        }
        // Nodes that were given one seed must not wait for the same times.
        let prng = Prng::new(seed ^ me.0.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let chosen = chosen.max(known.unwrap_or_default()).min(dense(&window, base.index));
        let core = Core {
            me,
            mute,
            stranded: false,
            voters,
            timing,
            prng,
            promised: promised.unwrap_or_default(),
            promise: Serial::ZERO,
            kept: promised.is_some() && !owed,
            stale: stale.is_some(),
            owed,
            seen: promised.unwrap_or_default().round,
            led: false,
            durable,
            written: Serial::ZERO,
            log: Log::recovered(base, base_clock, None, Vec::new()),
            window,
            held: base.index,
            sound: base.index,
            hint: Some(chosen).filter(|chosen| *chosen > base.index),
            retention,
            newest: base.index,
            spare: base.index,
            ctx: None,
        };
        let (leader, heard, deadline, asked) = (None, None, None, Asked::default());
        Ok(Self::new(core, Role::Follower(Follower { leader, heard, deadline, asked })))
    }

    /// The ballot of a state with which a new group begins, and the promise of a
    /// replica that has it: the first round, which nobody owns.
    pub(crate) fn founding() -> (Ballot, Bytes) {
        let ballot = Ballot::new(FOUNDING_ROUND, NodeId::ZERO);
        (ballot, promise_body(ballot, Index::ZERO).into())
    }
}

/// Every round in which somebody proposes is a later one.
const FOUNDING_ROUND: u64 = 1;

/// The ballot, and up to where all was known to be chosen then.
fn read_promise(body: Bytes) -> Result<(Ballot, Index), CodecError> {
    let mut reader = Reader::new(body);
    let version = reader.u8()?;
    if version != PROMISE_VERSION {
        let got = u64::from(version);
        return Err(CodecError::Invalid { what: "version of a promise record", got });
    }
    let ballot = Ballot::new(reader.u64()?, NodeId(reader.u64()?));
    let chosen = Index(reader.u64()?);
    reader.finish()?;
    Ok((ballot, chosen))
}

/// Ascending from the base, nothing accepted under a ballot that was not promised
/// then, nor before it was proposed first.
fn check_entries(stable: &Stable, promised: Option<Ballot>) -> Result<(), OpenError> {
    let mut before = stable.base.index;
    if stable.entries.len() != stable.accepted.len() {
        return Err(OpenError::Entry(before.next()));
    }
    for (entry, accepted) in stable.entries.iter().zip(&stable.accepted) {
        if entry.index <= before || entry.ballot > *accepted {
            return Err(OpenError::Entry(entry.index));
        }
        if promised.is_none_or(|promised| *accepted > promised) {
            return Err(OpenError::Amnesia);
        }
        before = entry.index;
    }
    if before > Index::ZERO && promised.is_none() { Err(OpenError::Amnesia) } else { Ok(()) }
}

/// How far there is no gap.
fn dense(window: &Window, base: Index) -> Index {
    let mut index = base;
    while window.get(index.next()).is_some() {
        index = index.next();
    }
    index
}
