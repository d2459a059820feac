//! Raft's letters (Raft, figure 2) and their bytes.
//!
//! Names differ from the paper's where another word shows the state better:
//! `Vote` is RequestVote, `Append` is AppendEntries, `matched` is what its
//! success means. Numbers are varints; a place is (round, node, index).

use crate::encode::{
    invalid, put_entries, put_place, read_bool, read_entries, read_index, read_number, read_place,
};
use crate::entry::{Entry, Place};
use alloc::vec::Vec;
use base::Index;
use base::codec::{CodecError, Reader, Writer};
use base::limits::FRAME_BYTES_MAX;

/// What a mute replica answers has numbers of its own: who does not know them
/// drops the letter, and does not count it by mistake.
const MUTE_APPEND_ANSWER: u8 = 15;
const MUTE_REJECT: u8 = 16;
const MUTE_HEARTBEAT_ANSWER: u8 = 17;

/// A letter between two replicas.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Message {
    /// The sender's term; in `PreVote` and a granted `PreVoteAnswer` the term
    /// that the candidate would stand in.
    pub term: u64,
    /// Whether the sender's promises are lost, so that its answer counts for
    /// nothing but the flow of letters. Only answers to a leader say so.
    pub mute: bool,
    /// What it says.
    pub say: Say,
}

/// What a letter says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Say {
    /// Would you vote for me? Changes nothing anywhere (dissertation, 9.6).
    PreVote {
        /// Where the candidate's log ends.
        last: Place,
    },
    /// Whether the sender would.
    PreVoteAnswer {
        /// Yes or no.
        granted: bool,
        /// Where the sender's log ends.
        last: Place,
    },
    /// Vote for me.
    Vote {
        /// Where the candidate's log ends.
        last: Place,
    },
    /// Whether the sender did; what it promised is on its disk.
    VoteAnswer {
        /// Yes or no.
        granted: bool,
        /// Where the sender's log ends.
        last: Place,
    },
    /// Entries for a follower.
    Append {
        /// The place right before them.
        prev: Place,
        /// What the leader knows to be chosen.
        commit: Index,
        /// The entries, dense from `prev` on; if there are none, `commit` is the news.
        entries: Vec<Entry>,
    },
    /// The log agrees with the leader's up to here, on the sender's disk.
    AppendAnswer {
        /// Up to where.
        matched: Index,
    },
    /// The sender's log does not have the leader's entry at `tried`.
    Reject {
        /// The `prev` of the refused letter.
        tried: Index,
        /// The last place where the two logs can still agree.
        near: Place,
    },
    /// The leader is there.
    Heartbeat {
        /// What is chosen, as far as the receiver is known to have it.
        commit: Index,
        /// The newest leadership round.
        round: u64,
    },
    /// The sender follows.
    HeartbeatAnswer {
        /// The log agrees with the leader's up to here, perhaps in memory only.
        held: Index,
        /// And up to here on disk.
        matched: Index,
        /// The round that the heartbeat began or repeated.
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
    /// The receiver's term is over; the sender's is in `term`.
    TermOver,
    /// Stand for leader at once: the sender leads, and the receiver has all of
    /// its log (dissertation, 3.10).
    TimeoutNow,
    /// Vote for me though a leader is alive: it told me to stand.
    VoteForced {
        /// Where the candidate's log ends.
        last: Place,
    },
    /// What does the receiver's log have behind this place, or behind the last
    /// before it that it has too? Changes nothing at the receiver.
    Pull {
        /// A place of the sender's log.
        near: Place,
    },
    /// What it has; in the term of who asked.
    Pulled {
        /// The place right before the entries.
        prev: Place,
        /// Where the sender's log ends.
        last: Place,
        /// The entries, dense from `prev` on.
        entries: Vec<Entry>,
    },
}

impl Message {
    /// Whether this is part of the stream of entries.
    #[must_use]
    pub const fn is_bulk(&self) -> bool {
        matches!(self.say, Say::Append { .. } | Say::Pulled { .. })
    }

    /// Appends the bytes.
    pub fn encode(&self, into: &mut Vec<u8>) {
        into.put_u8(self.number());
        into.put_varint(self.term);
        match &self.say {
            Say::PreVote { last } | Say::Vote { last } | Say::VoteForced { last } => {
                put_place(into, *last);
            }
            Say::PreVoteAnswer { granted, last } | Say::VoteAnswer { granted, last } => {
                into.put_u8(u8::from(*granted));
                put_place(into, *last);
            }
            Say::Append { prev, commit, entries } => put_append(into, *prev, *commit, entries),
            Say::AppendAnswer { matched } => into.put_varint(matched.0),
            Say::Reject { tried, near } => {
                into.put_varint(tried.0);
                put_place(into, *near);
            }
            Say::Heartbeat { commit, round } => {
                into.put_varint(commit.0);
                into.put_varint(*round);
            }
            Say::HeartbeatAnswer { held, matched, round } => {
                into.put_varint(held.0);
                into.put_varint(matched.0);
                into.put_varint(*round);
            }
            Say::ReadAsk { ctx } => into.put_u64(*ctx),
            Say::ReadAnswer { ctx, index } => {
                into.put_u64(*ctx);
                into.put_varint(index.0);
            }
            Say::TermOver | Say::TimeoutNow => {}
            Say::Pull { near } => put_place(into, *near),
            Say::Pulled { prev, last, entries } => {
                put_place(into, *last);
                put_place(into, *prev);
                put_entries(into, entries);
            }
        }
    }

    /// Reads a letter that fills the rest of `reader`.
    pub fn decode(mut reader: Reader) -> Result<Self, CodecError> {
        if reader.left() > FRAME_BYTES_MAX {
            return Err(invalid("length of a letter", reader.left() as u64));
        }
        let (number, mute) = spoken(reader.u8()?);
        let term = read_number(&mut reader, "term")?;
        let say = read_say(&mut reader, number)?;
        reader.finish()?;
        Ok(Self { term, mute, say })
    }

    const fn number(&self) -> u8 {
        match self.say {
            Say::AppendAnswer { .. } if self.mute => MUTE_APPEND_ANSWER,
            Say::Reject { .. } if self.mute => MUTE_REJECT,
            Say::HeartbeatAnswer { .. } if self.mute => MUTE_HEARTBEAT_ANSWER,
            _ => self.say.number(),
        }
    }
}

/// The number of what was said, and whether by a mute replica.
const fn spoken(number: u8) -> (u8, bool) {
    match number {
        MUTE_APPEND_ANSWER => (6, true),
        MUTE_REJECT => (7, true),
        MUTE_HEARTBEAT_ANSWER => (9, true),
        number => (number, false),
    }
}

impl Say {
    /// Whether it matters who says it: a leader counts these.
    pub(super) const fn counts(&self) -> bool {
        matches!(
            self,
            Self::AppendAnswer { .. } | Self::Reject { .. } | Self::HeartbeatAnswer { .. }
        )
    }

    const fn number(&self) -> u8 {
        match self {
            Self::PreVote { .. } => 1,
            Self::PreVoteAnswer { .. } => 2,
            Self::Vote { .. } => 3,
            Self::VoteAnswer { .. } => 4,
            Self::Append { .. } => 5,
            Self::AppendAnswer { .. } => 6,
            Self::Reject { .. } => 7,
            Self::Heartbeat { .. } => 8,
            Self::HeartbeatAnswer { .. } => 9,
            Self::ReadAsk { .. } => 10,
            Self::ReadAnswer { .. } => 11,
            Self::TermOver => 12,
            Self::TimeoutNow => 13,
            Self::VoteForced { .. } => 14,
            Self::Pull { .. } => 18,
            Self::Pulled { .. } => 19,
        }
    }
}

fn read_say(reader: &mut Reader, number: u8) -> Result<Say, CodecError> {
    Ok(match number {
        1 => Say::PreVote { last: read_place(reader)? },
        2 => Say::PreVoteAnswer { granted: read_bool(reader)?, last: read_place(reader)? },
        3 => Say::Vote { last: read_place(reader)? },
        4 => Say::VoteAnswer { granted: read_bool(reader)?, last: read_place(reader)? },
        5 => read_append(reader)?,
        6 => Say::AppendAnswer { matched: read_index(reader)? },
        7 => Say::Reject { tried: read_index(reader)?, near: read_place(reader)? },
        8 => Say::Heartbeat { commit: read_index(reader)?, round: read_number(reader, "round")? },
        9 => Say::HeartbeatAnswer {
            held: read_index(reader)?,
            matched: read_index(reader)?,
            round: read_number(reader, "round")?,
        },
        10 => Say::ReadAsk { ctx: reader.u64()? },
        11 => Say::ReadAnswer { ctx: reader.u64()?, index: read_index(reader)? },
        12 => Say::TermOver,
        13 => Say::TimeoutNow,
        14 => Say::VoteForced { last: read_place(reader)? },
        18 => Say::Pull { near: read_place(reader)? },
        19 => {
            let (last, prev) = (read_place(reader)?, read_place(reader)?);
            Say::Pulled { prev, last, entries: read_entries(reader, prev.index)? }
        }
        other => return Err(invalid("kind of a raft letter", u64::from(other))),
    })
}

/// Indexes are not sent: the entries are dense.
fn put_append(into: &mut Vec<u8>, prev: Place, commit: Index, entries: &[Entry]) {
    put_place(into, prev);
    into.put_varint(commit.0);
    put_entries(into, entries);
}

fn read_append(reader: &mut Reader) -> Result<Say, CodecError> {
    let prev = read_place(reader)?;
    let commit = read_index(reader)?;
    Ok(Say::Append { prev, commit, entries: read_entries(reader, prev.index)? })
}
