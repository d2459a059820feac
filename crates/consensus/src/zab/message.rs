//! Zab's letters (Junqueira, Reed and Serafini, "Zab: high-performance broadcast for
//! primary-backup systems", DSN 2011, section IV) and their bytes.
//!
//! Names are those of the paper and of `ZooKeeper`, but for four that it has no word
//! for: `Claim`, by which a prospective leader asks for CEPOCH, `Pull` and `Pulled`,
//! by which it fetches a history instead of receiving whole ones, and `Reject`.
//! COMMIT of the history that a new leader inherits is `UpToDate`. Numbers are
//! varints; a place is (epoch, owner, index).

use crate::encode::{
    invalid, put_ballot, put_entries, put_place, read_ballot, read_bool, read_entries, read_index,
    read_number, read_place,
};
use crate::entry::{Entry, Place};
use alloc::vec::Vec;
use base::codec::{CodecError, Reader, Writer};
use base::limits::FRAME_BYTES_MAX;
use base::{Ballot, Index};

/// Added to the number of an answer of a mute replica: whoever does not know that
/// drops the letter, and does not count it by mistake.
const MUTE: u8 = 128;

/// A letter between two replicas.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Message {
    /// In `Claim`, `CEpoch` and `EpochOver` the epoch that the sender has promised to;
    /// in all others the one that the letter is about, with the node whose it is.
    pub ballot: Ballot,
    /// Whether the sender's promises are lost, so that its answer counts for
    /// nothing but the flow of letters. Only answers to a leader say so.
    pub mute: bool,
    /// What it says.
    pub say: Say,
}

/// A log and the epoch that it was accepted in as a whole: the order decides whose
/// history a new leader takes over (DSN 2011, phase 1, step l.1.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct History {
    /// f.a, `ZooKeeper`'s `currentEpoch`.
    pub accepted: Ballot,
    /// Where the log ends.
    pub last: Place,
}

/// What a letter says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Say {
    /// I may come to lead: which epoch have you promised to? Changes nothing anywhere.
    Claim {
        /// The sender's log.
        history: History,
    },
    /// This one (CEPOCH); the sender hears no leader.
    CEpoch,
    /// Serve nothing below this epoch any more, and follow me in it (NEWEPOCH).
    NewEpoch {
        /// The leader of the epoch before told the sender to claim.
        forced: bool,
    },
    /// The sender does; this is its log (ACKEPOCH).
    AckEpoch {
        /// Its log.
        history: History,
    },
    /// What does the receiver's log have behind this place, or behind the last
    /// before it that it has too? Changes nothing at the receiver.
    Pull {
        /// A place of the sender's log.
        near: Place,
    },
    /// What it has.
    Pulled {
        /// The place right before the entries.
        prev: Place,
        /// Where the sender's log ends.
        last: Place,
        /// The entries, dense from `prev` on.
        entries: Vec<Entry>,
    },
    /// What the receiver's log lacks of the leader's history (DIFF).
    Diff {
        /// The place right before the entries.
        prev: Place,
        /// The entries, dense from `prev` on; none to ask whether `prev` is there.
        entries: Vec<Entry>,
    },
    /// The leader's history ends here: what follows is to be cut (TRUNC), and what is
    /// up to there accepted in this epoch (NEWLEADER).
    NewLeader {
        /// Where it ends.
        history: Place,
    },
    /// It is (ACK of NEWLEADER).
    AckNewLeader {
        /// How far the sender's disk has the log. Not before the end of the history.
        matched: Index,
    },
    /// Entries that the leader proposes in its epoch (PROPOSAL), and what is committed.
    Proposal {
        /// The place right before them.
        prev: Place,
        /// Everything up to here is committed.
        commit: Index,
        /// The entries, dense from `prev` on; none to ask whether `prev` is there.
        entries: Vec<Entry>,
    },
    /// The same for an observer: entries that are committed (INFORM).
    Inform {
        /// The place right before them.
        prev: Place,
        /// Everything up to here is committed.
        commit: Index,
        /// The entries, dense from `prev` on.
        entries: Vec<Entry>,
    },
    /// Everything up to here is committed (COMMIT).
    Commit {
        /// Up to where.
        commit: Index,
    },
    /// The sender's disk has the log up to here (ACK, for all entries up to it).
    Ack {
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
    /// The leader is there; it does not serve the receiver yet.
    Ping,
    /// The leader is there, its history is committed, and the receiver's log is in
    /// sync (UPTODATE, said again at every beat).
    UpToDate {
        /// Everything up to here is committed.
        commit: Index,
        /// The newest leadership round.
        round: u64,
    },
    /// The sender follows, and its log is in sync.
    Pong {
        /// The log ends here, perhaps in memory only.
        held: Index,
        /// And up to here it is on disk.
        matched: Index,
        /// The newest round that it was told of.
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
    /// Claim the next epoch at once: the sender leads and hands over, and the receiver
    /// has all of its log.
    HandOver,
    /// The receiver's epoch is over, or was promised to somebody else.
    EpochOver,
}

impl Message {
    /// Whether this is part of the stream of entries and of what goes with it in order.
    #[must_use]
    pub const fn is_bulk(&self) -> bool {
        matches!(
            self.say,
            Say::Pulled { .. }
                | Say::Diff { .. }
                | Say::NewLeader { .. }
                | Say::Proposal { .. }
                | Say::Inform { .. }
                | Say::Commit { .. }
        )
    }

    /// Appends the bytes.
    pub fn encode(&self, into: &mut Vec<u8>) {
        into.put_u8(self.say.number() | if self.mute { MUTE } else { 0 });
        put_ballot(into, self.ballot);
        match &self.say {
            Say::Claim { history } | Say::AckEpoch { history } => {
                put_ballot(into, history.accepted);
                put_place(into, history.last);
            }
            Say::NewEpoch { forced } => into.put_u8(u8::from(*forced)),
            Say::Pull { near: place } | Say::NewLeader { history: place } => {
                put_place(into, *place);
            }
            Say::Pulled { prev, last, entries } => {
                put_place(into, *last);
                put_place(into, *prev);
                put_entries(into, entries);
            }
            Say::Diff { prev, entries } => {
                put_place(into, *prev);
                put_entries(into, entries);
            }
            Say::Proposal { prev, commit, entries } | Say::Inform { prev, commit, entries } => {
                put_place(into, *prev);
                into.put_varint(commit.0);
                put_entries(into, entries);
            }
            Say::AckNewLeader { matched: index }
            | Say::Ack { matched: index }
            | Say::Commit { commit: index } => into.put_varint(index.0),
            Say::Reject { tried, near } => {
                into.put_varint(tried.0);
                put_place(into, *near);
            }
            Say::UpToDate { commit, round } => {
                into.put_varint(commit.0);
                into.put_varint(*round);
            }
            Say::Pong { held, matched, round } => {
                into.put_varint(held.0);
                into.put_varint(matched.0);
                into.put_varint(*round);
            }
            Say::ReadAsk { ctx } => into.put_u64(*ctx),
            Say::ReadAnswer { ctx, index } => {
                into.put_u64(*ctx);
                into.put_varint(index.0);
            }
            Say::CEpoch | Say::Ping | Say::HandOver | Say::EpochOver => {}
        }
    }

    /// Reads a letter that fills the rest of `reader`.
    pub fn decode(mut reader: Reader) -> Result<Self, CodecError> {
        if reader.left() > FRAME_BYTES_MAX {
            return Err(invalid("length of a letter", reader.left() as u64));
        }
        let number = reader.u8()?;
        let mute = number & MUTE != 0;
        let ballot = read_ballot(&mut reader)?;
        let say = read_say(&mut reader, number & !MUTE)?;
        if mute && !say.counts() {
            return Err(invalid("kind of a zab letter", u64::from(number)));
        }
        reader.finish()?;
        Ok(Self { ballot, mute, say })
    }
}

impl Say {
    /// Whether it matters who says it: a leader counts these.
    pub(super) const fn counts(&self) -> bool {
        matches!(
            self,
            Self::AckEpoch { .. }
                | Self::AckNewLeader { .. }
                | Self::Ack { .. }
                | Self::Reject { .. }
                | Self::Pong { .. }
        )
    }

    /// Whether only the leader of an epoch says this: one to whom a quorum has
    /// promised it.
    pub(super) const fn is_leaders(&self) -> bool {
        matches!(
            self,
            Self::Diff { .. }
                | Self::NewLeader { .. }
                | Self::Proposal { .. }
                | Self::Inform { .. }
                | Self::Commit { .. }
                | Self::Ping
                | Self::UpToDate { .. }
                | Self::ReadAnswer { .. }
                | Self::HandOver
        )
    }

    const fn number(&self) -> u8 {
        match self {
            Self::Claim { .. } => 1,
            Self::CEpoch => 2,
            Self::NewEpoch { .. } => 3,
            Self::AckEpoch { .. } => 4,
            Self::Pull { .. } => 5,
            Self::Pulled { .. } => 6,
            Self::Diff { .. } => 7,
            Self::NewLeader { .. } => 8,
            Self::AckNewLeader { .. } => 9,
            Self::Proposal { .. } => 10,
            Self::Inform { .. } => 11,
            Self::Commit { .. } => 12,
            Self::Ack { .. } => 13,
            Self::Reject { .. } => 14,
            Self::Ping => 15,
            Self::UpToDate { .. } => 16,
            Self::Pong { .. } => 17,
            Self::ReadAsk { .. } => 18,
            Self::ReadAnswer { .. } => 19,
            Self::HandOver => 20,
            Self::EpochOver => 21,
        }
    }
}

fn read_say(reader: &mut Reader, number: u8) -> Result<Say, CodecError> {
    Ok(match number {
        1 => Say::Claim { history: read_history(reader)? },
        2 => Say::CEpoch,
        3 => Say::NewEpoch { forced: read_bool(reader)? },
        4 => Say::AckEpoch { history: read_history(reader)? },
        5 => Say::Pull { near: read_place(reader)? },
        6 => {
            let (last, prev) = (read_place(reader)?, read_place(reader)?);
            Say::Pulled { prev, last, entries: read_entries(reader, prev.index)? }
        }
        7 => {
            let prev = read_place(reader)?;
            Say::Diff { prev, entries: read_entries(reader, prev.index)? }
        }
        8 => Say::NewLeader { history: read_place(reader)? },
        9 => Say::AckNewLeader { matched: read_index(reader)? },
        10 => {
            let (prev, commit) = (read_place(reader)?, read_index(reader)?);
            Say::Proposal { prev, commit, entries: read_entries(reader, prev.index)? }
        }
        11 => {
            let (prev, commit) = (read_place(reader)?, read_index(reader)?);
            Say::Inform { prev, commit, entries: read_entries(reader, prev.index)? }
        }
        12 => Say::Commit { commit: read_index(reader)? },
        13 => Say::Ack { matched: read_index(reader)? },
        14 => Say::Reject { tried: read_index(reader)?, near: read_place(reader)? },
        15 => Say::Ping,
        16 => Say::UpToDate { commit: read_index(reader)?, round: read_number(reader, "round")? },
        17 => Say::Pong {
            held: read_index(reader)?,
            matched: read_index(reader)?,
            round: read_number(reader, "round")?,
        },
        18 => Say::ReadAsk { ctx: reader.u64()? },
        19 => Say::ReadAnswer { ctx: reader.u64()?, index: read_index(reader)? },
        20 => Say::HandOver,
        21 => Say::EpochOver,
        other => return Err(invalid("kind of a zab letter", u64::from(other))),
    })
}

fn read_history(reader: &mut Reader) -> Result<History, CodecError> {
    Ok(History { accepted: read_ballot(reader)?, last: read_place(reader)? })
}
