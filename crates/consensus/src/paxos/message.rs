//! The letters of Multi-Paxos (Lamport, "Paxos made simple") and their bytes.
//!
//! `Canvass` is not in the paper: it asks whether a prepare could be answered and
//! changes nothing. `Learn` tells learners what is chosen, and is the leader's beat.

use crate::encode::{
    invalid, put_ballot, put_entries, put_entry, read_ballot, read_bool, read_entries, read_entry,
    read_index, read_number,
};
use crate::entry::Entry;
use alloc::vec::Vec;
use base::codec::{CodecError, Reader, Writer};
use base::limits::{FRAME_BYTES_MAX, LETTER_ENTRIES_MAX, STRETCHES_MAX};
use base::{Ballot, Index};

/// The least bytes of an accepted entry: eight fields of one byte.
const SLOT_BYTES_MIN: usize = 8;

/// What a mute replica answers has numbers of its own: who does not know them
/// drops the letter, and does not count it by mistake.
const MUTE_ACCEPTED: u8 = 13;
const MUTE_LEARN_ANSWER: u8 = 14;

/// A letter between two replicas.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Message {
    /// The ballot that it is about. In `Nack` and a refusing `CanvassAnswer` the one
    /// that the sender has promised.
    pub ballot: Ballot,
    /// Whether the sender's promises are lost, so that its answer counts for
    /// nothing but the flow of letters. Only answers to a leader say so.
    pub mute: bool,
    /// What it says.
    pub say: Say,
}

/// An entry and the ballot under which it was accepted last.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Accepted {
    /// Under which ballot.
    pub accepted: Ballot,
    /// What.
    pub entry: Entry,
}

/// What a letter says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Say {
    /// Would you promise this ballot? Changes nothing anywhere.
    Canvass {
        /// Up to where the candidate knows what is chosen.
        commit: Index,
    },
    /// Whether the sender would.
    CanvassAnswer {
        /// Yes or no.
        granted: bool,
    },
    /// Promise this ballot, and say what you have accepted (phase 1a).
    Prepare {
        /// From here on.
        from: Index,
        /// The last leader said that the sender should, so its being alive is no
        /// reason to refuse.
        forced: bool,
    },
    /// It is promised, on the sender's disk (phase 1b). One part of what was accepted.
    Promise {
        /// What was asked for.
        from: Index,
        /// Up to here nothing else was accepted: the next part begins behind it.
        upto: Index,
        /// The last place that was accepted.
        last: Index,
        /// What stands up to here is known to be chosen, whatever its ballots.
        commit: Index,
        /// In ascending order.
        slots: Vec<Accepted>,
    },
    /// The sender has promised a higher ballot.
    Nack,
    /// Accept these, unless a higher ballot was promised (phase 2a).
    Accept {
        /// The index right before them.
        prev: Index,
        /// Up to here the sender knows what is chosen.
        commit: Index,
        /// Dense from there on; if there are none, `commit` is the news.
        entries: Vec<Entry>,
    },
    /// They are accepted, on the sender's disk (phase 2b).
    Accepted {
        /// The `prev` of the letter that is answered.
        prev: Index,
        /// Under this ballot, or chosen, without a gap up to here.
        matched: Index,
        /// And beyond a gap: the first and the last index of each stretch.
        beyond: Vec<(Index, Index)>,
    },
    /// The leader is there.
    Learn {
        /// Up to here everything is chosen: of a place that the receiver has not
        /// accepted under this ballot, that says nothing.
        commit: Index,
        /// The newest leadership round.
        round: u64,
    },
    /// The sender follows.
    LearnAnswer {
        /// Accepted under this ballot or chosen up to here, perhaps in memory only.
        held: Index,
        /// And up to here on disk.
        matched: Index,
        /// The round that the letter began or repeated.
        round: u64,
    },
    /// From which index on may a read that begins now be served?
    ReadAsk {
        /// Names the answer; never used twice.
        ctx: u64,
    },
    /// From this one.
    ReadAnswer {
        /// Which question.
        ctx: u64,
        /// The index.
        index: Index,
    },
    /// Prepare a ballot at once: the sender leads, and the receiver has accepted
    /// all that it has.
    TakeOver,
}

impl Message {
    /// Whether this is part of the stream of entries.
    #[must_use]
    pub const fn is_bulk(&self) -> bool {
        matches!(self.say, Say::Accept { .. } | Say::Promise { .. })
    }

    /// Appends the bytes.
    pub fn encode(&self, into: &mut Vec<u8>) {
        into.put_u8(self.number());
        put_ballot(into, self.ballot);
        match &self.say {
            Say::Canvass { commit } => into.put_varint(commit.0),
            Say::CanvassAnswer { granted } => into.put_u8(u8::from(*granted)),
            Say::Prepare { from, forced } => {
                into.put_varint(from.0);
                into.put_u8(u8::from(*forced));
            }
            Say::Promise { from, upto, last, commit, slots } => {
                [from, upto, last, commit].iter().for_each(|index| into.put_varint(index.0));
                put_slots(into, slots);
            }
            Say::Nack | Say::TakeOver => {}
            Say::Accept { prev, commit, entries } => {
                into.put_varint(prev.0);
                into.put_varint(commit.0);
                put_entries(into, entries);
            }
            Say::Accepted { prev, matched, beyond } => {
                into.put_varint(prev.0);
                into.put_varint(matched.0);
                put_stretches(into, beyond);
            }
            Say::Learn { commit, round } => {
                into.put_varint(commit.0);
                into.put_varint(*round);
            }
            Say::LearnAnswer { held, matched, round } => {
                into.put_varint(held.0);
                into.put_varint(matched.0);
                into.put_varint(*round);
            }
            Say::ReadAsk { ctx } => into.put_u64(*ctx),
            Say::ReadAnswer { ctx, index } => {
                into.put_u64(*ctx);
                into.put_varint(index.0);
            }
        }
    }

    /// Reads a letter that fills the rest of `reader`.
    pub fn decode(mut reader: Reader) -> Result<Self, CodecError> {
        if reader.left() > FRAME_BYTES_MAX {
            return Err(invalid("length of a letter", reader.left() as u64));
        }
        let (number, mute) = match reader.u8()? {
            MUTE_ACCEPTED => (7, true),
            MUTE_LEARN_ANSWER => (9, true),
            number => (number, false),
        };
        let ballot = read_ballot(&mut reader)?;
        let say = read_say(&mut reader, number)?;
        reader.finish()?;
        Ok(Self { ballot, mute, say })
    }

    const fn number(&self) -> u8 {
        match self.say {
            Say::Accepted { .. } if self.mute => MUTE_ACCEPTED,
            Say::LearnAnswer { .. } if self.mute => MUTE_LEARN_ANSWER,
            _ => self.say.number(),
        }
    }
}

impl Say {
    /// Whether it matters who says it: a leader counts these.
    pub(super) const fn counts(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::LearnAnswer { .. })
    }

    const fn number(&self) -> u8 {
        match self {
            Self::Canvass { .. } => 1,
            Self::CanvassAnswer { .. } => 2,
            Self::Prepare { .. } => 3,
            Self::Promise { .. } => 4,
            Self::Nack => 5,
            Self::Accept { .. } => 6,
            Self::Accepted { .. } => 7,
            Self::Learn { .. } => 8,
            Self::LearnAnswer { .. } => 9,
            Self::ReadAsk { .. } => 10,
            Self::ReadAnswer { .. } => 11,
            Self::TakeOver => 12,
        }
    }
}

fn read_say(reader: &mut Reader, number: u8) -> Result<Say, CodecError> {
    Ok(match number {
        1 => Say::Canvass { commit: read_index(reader)? },
        2 => Say::CanvassAnswer { granted: read_bool(reader)? },
        3 => Say::Prepare { from: read_index(reader)?, forced: read_bool(reader)? },
        4 => Say::Promise {
            from: read_index(reader)?,
            upto: read_index(reader)?,
            last: read_index(reader)?,
            commit: read_index(reader)?,
            slots: read_slots(reader)?,
        },
        5 => Say::Nack,
        6 => {
            let (prev, commit) = (read_index(reader)?, read_index(reader)?);
            Say::Accept { prev, commit, entries: read_entries(reader, prev)? }
        }
        7 => Say::Accepted {
            prev: read_index(reader)?,
            matched: read_index(reader)?,
            beyond: read_stretches(reader)?,
        },
        8 => Say::Learn { commit: read_index(reader)?, round: read_number(reader, "round")? },
        9 => Say::LearnAnswer {
            held: read_index(reader)?,
            matched: read_index(reader)?,
            round: read_number(reader, "round")?,
        },
        10 => Say::ReadAsk { ctx: reader.u64()? },
        11 => Say::ReadAnswer { ctx: reader.u64()?, index: read_index(reader)? },
        12 => Say::TakeOver,
        other => return Err(invalid("kind of a paxos letter", u64::from(other))),
    })
}

fn put_slots(into: &mut Vec<u8>, slots: &[Accepted]) {
    into.put_varint(slots.len() as u64);
    for Accepted { accepted, entry } in slots {
        into.put_varint(entry.index.0);
        put_ballot(into, *accepted);
        put_entry(into, entry);
    }
}

fn read_slots(reader: &mut Reader) -> Result<Vec<Accepted>, CodecError> {
    let claimed = reader.varint()?;
    let count = usize::try_from(claimed).unwrap_or(usize::MAX);
    if count > LETTER_ENTRIES_MAX || count > reader.left() / SLOT_BYTES_MIN {
        return Err(invalid("count of entries", claimed));
    }
    let mut slots = Vec::with_capacity(count);
    for _ in 0..count {
        let (index, accepted) = (read_index(reader)?, read_ballot(reader)?);
        slots.push(Accepted { accepted, entry: read_entry(reader, index)? });
    }
    Ok(slots)
}

fn put_stretches(into: &mut Vec<u8>, stretches: &[(Index, Index)]) {
    into.put_varint(stretches.len() as u64);
    for (first, last) in stretches {
        into.put_varint(first.0);
        into.put_varint(last.0);
    }
}

fn read_stretches(reader: &mut Reader) -> Result<Vec<(Index, Index)>, CodecError> {
    let claimed = reader.varint()?;
    let count = usize::try_from(claimed).unwrap_or(usize::MAX);
    if count > STRETCHES_MAX {
        return Err(invalid("count of stretches", claimed));
    }
    (0..count).map(|_| Ok((read_index(reader)?, read_index(reader)?))).collect()
}
