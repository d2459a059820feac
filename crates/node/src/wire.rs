//! What nodes say to each other, to the byte: the frames of a connection.
//! Drawn in docs/formats.md.

use crate::ask::{LeaseAsk, LeaseTold};
use crate::fetch::Offer;
use crate::hello::VERSION;
use crate::pulse::{put_pulses, take_pulses};
use alloc::vec::Vec;
use base::codec::{CodecError, Reader, Writer};
use base::limits::{ENTRY_BYTES_MAX, FRAME_BYTES_MAX};
use base::{Ballot, ChunkId, Era, GroupId, Incarnation, Index, NodeId};
use bytes::Bytes;
use consensus::heal::SoFar;
use consensus::letter::Letter;
use consensus::trigger::Pulse;

/// One message in a frame: which copies of which group speak, and what is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Post {
    /// The group.
    pub(crate) group: GroupId,
    /// The era that the sender's replica is in.
    pub(crate) era: Era,
    /// The life of the sender's disk.
    pub(crate) incarnation: Incarnation,
    /// What is said.
    pub(crate) say: Say,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Say {
    /// A letter of the group's protocol.
    Letter(Letter),
    /// Please propose this, if you still lead under `ballot`: my client waits for it here.
    Forward {
        /// Names the answer.
        ticket: Ticket,
        /// The leadership it is meant for: under any other it is stale.
        ballot: Ballot,
        /// The encoded command.
        body: Bytes,
    },
    /// Where the forwarded command stands; `None`: this letter did not get it proposed,
    /// but an earlier one may have.
    Forwarded {
        /// Which command.
        ticket: Ticket,
        /// Its place in the leader's log.
        place: Option<(Index, Ballot)>,
    },
    /// The forwarded command was not proposed and never will be, however often
    /// its letter is repeated.
    NotProposed {
        /// Which command.
        ticket: Ticket,
        /// Why.
        why: NotProposed,
    },
    /// My client asks about a lease, which the leader alone can answer.
    Lease {
        /// Names the answer.
        ticket: Ticket,
        /// What is asked.
        ask: LeaseAsk,
    },
    /// What the leader knows of a lease; `None`: this node does not lead.
    Leased {
        /// Which question.
        ticket: Ticket,
        /// The answer.
        told: Option<LeaseTold>,
    },
    /// My log begins behind what you have: take over this checkpoint.
    Offer(Offer),
    /// Please send me the bytes of this name.
    Want {
        /// A chunk of your checkpoint, or the contents of one that you offered.
        id: ChunkId,
    },
    /// Bytes that were wanted.
    Part {
        /// Their name.
        id: ChunkId,
        /// The bytes.
        plain: Bytes,
    },
    /// What was wanted is not here any more.
    Gone {
        /// Its name.
        id: ChunkId,
    },
    /// My disk has the life of this message: have you known me with another?
    WhoAmI,
    /// What is known of you.
    YouAre {
        /// The life that was asked about.
        asked: Incarnation,
        /// The life that is known, if any.
        known: Option<Incarnation>,
    },
    /// A beat: whether I hear you, and what the triggers of my groups tell yours.
    Pulse {
        /// Whether the receiver was heard lately.
        hears: bool,
        /// Each group and its pulse.
        groups: Vec<(GroupId, Pulse)>,
    },
    /// My log lost something, and I am not whole yet: how far are you?
    HowFar {
        /// Names the answer.
        ctx: u64,
    },
    /// How far the sender is.
    SoFar(SoFar),
}

/// Names a forwarded command: unique over all lives of the node that forwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Ticket {
    /// Drawn at random when the process started.
    pub(crate) life: u64,
    /// Counts the commands of that life from 1.
    pub(crate) number: u64,
}

/// Why a forwarded command was not proposed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum NotProposed {
    /// This node does not lead any more, or is about to hand over: ask the next leader.
    NotLeader = 1,
    /// The leader has too much in hand.
    Busy = 2,
    /// The disk of the leader has no room.
    NoSpace = 3,
    /// The leader does not know such a command.
    NotUnderstood = 4,
}

impl NotProposed {
    fn decode(number: u8) -> Result<Self, CodecError> {
        match number {
            1 => Ok(Self::NotLeader),
            2 => Ok(Self::Busy),
            3 => Ok(Self::NoSpace),
            4 => Ok(Self::NotUnderstood),
            got => Err(CodecError::Invalid { what: "why not proposed", got: u64::from(got) }),
        }
    }
}

const KIND_LETTER: u8 = 1;
const KIND_FORWARD: u8 = 2;
const KIND_FORWARDED: u8 = 3;
const KIND_NOT_FORWARDED: u8 = 4;
const KIND_LEASE: u8 = 5;
const KIND_LEASED: u8 = 6;
const KIND_NOT_LEASED: u8 = 7;
const KIND_OFFER: u8 = 8;
const KIND_WANT: u8 = 9;
const KIND_PART: u8 = 10;
const KIND_GONE: u8 = 11;
const KIND_WHO_AM_I: u8 = 12;
const KIND_YOU_ARE: u8 = 13;
const KIND_NOT_PROPOSED: u8 = 14;
const KIND_PULSE: u8 = 15;
const KIND_HOW_FAR: u8 = 16;
const KIND_SO_FAR: u8 = 17;

/// The first bytes of a frame.
pub(crate) fn begin_frame() -> Vec<u8> {
    let mut frame = Vec::with_capacity(512);
    frame.put_u16(VERSION);
    frame
}

/// Appends a message to a frame.
pub(crate) fn put_post(frame: &mut Vec<u8>, post: &Post) {
    let (kind, length_at) = (frame.len(), frame.len() + 1);
    frame.extend_from_slice(&[0; 5]); // kind and length, known at the end
    frame.put_varint(post.group.0);
    frame.put_varint(post.era.0);
    frame.put_u64(post.incarnation.0);
    let number = put_say(frame, &post.say);
    let length = u32::try_from(frame.len() - length_at - 4).unwrap_or(u32::MAX);
    let [a, b, c, d] = length.to_le_bytes();
    if let Some(head) = frame.get_mut(kind..length_at + 4) {
        head.copy_from_slice(&[number, a, b, c, d]);
    }
}

fn put_say(frame: &mut Vec<u8>, say: &Say) -> u8 {
    match say {
        Say::Letter(letter) => {
            letter.encode(frame);
            KIND_LETTER
        }
        Say::Forward { ticket, ballot, body } => {
            put_ticket(frame, *ticket);
            put_ballot(frame, *ballot);
            frame.extend_from_slice(body);
            KIND_FORWARD
        }
        Say::Forwarded { ticket, place } => {
            put_ticket(frame, *ticket);
            put_place(frame, *place)
        }
        Say::NotProposed { ticket, why } => {
            put_ticket(frame, *ticket);
            frame.put_u8(*why as u8);
            KIND_NOT_PROPOSED
        }
        Say::Lease { ticket, ask } => {
            put_ticket(frame, *ticket);
            frame.put_u64(ask.id.cast_unsigned());
            frame.put_u8(u8::from(ask.renew));
            KIND_LEASE
        }
        Say::Leased { ticket, told } => {
            put_ticket(frame, *ticket);
            put_leased(frame, *told)
        }
        Say::Offer(Offer { id, index, bytes }) => {
            frame.extend_from_slice(&id.0);
            frame.put_u64(index.0);
            frame.put_u64(*bytes);
            KIND_OFFER
        }
        Say::Want { id } => {
            frame.extend_from_slice(&id.0);
            KIND_WANT
        }
        Say::Part { id, plain } => {
            frame.extend_from_slice(&id.0);
            frame.extend_from_slice(plain);
            KIND_PART
        }
        Say::Gone { id } => {
            frame.extend_from_slice(&id.0);
            KIND_GONE
        }
        Say::WhoAmI => KIND_WHO_AM_I,
        Say::YouAre { asked, known } => {
            frame.put_u64(asked.0);
            frame.put_u64(known.unwrap_or_default().0);
            KIND_YOU_ARE
        }
        Say::Pulse { hears, groups } => {
            put_pulses(frame, *hears, groups);
            KIND_PULSE
        }
        Say::HowFar { ctx } => {
            frame.put_u64(*ctx);
            KIND_HOW_FAR
        }
        Say::SoFar(said) => {
            put_so_far(frame, said);
            KIND_SO_FAR
        }
    }
}

fn put_place(frame: &mut Vec<u8>, place: Option<(Index, Ballot)>) -> u8 {
    let Some((index, ballot)) = place else { return KIND_NOT_FORWARDED };
    for number in [index.0, ballot.round, ballot.node.0] {
        frame.put_u64(number);
    }
    KIND_FORWARDED
}

fn put_leased(frame: &mut Vec<u8>, told: Option<LeaseTold>) -> u8 {
    let Some(told) = told else { return KIND_NOT_LEASED };
    frame.put_u64(told.ttl_s);
    frame.put_u64(told.remaining_ms);
    KIND_LEASED
}

fn put_so_far(frame: &mut Vec<u8>, said: &SoFar) {
    let SoFar { ctx, term, mute, leads, last } = *said;
    frame.put_u64(ctx);
    frame.put_u64(term);
    frame.put_u8(u8::from(mute));
    frame.put_u8(u8::from(leads));
    frame.put_u64(last.0);
}

fn take_so_far(body: &mut Reader) -> Result<SoFar, CodecError> {
    let (ctx, term) = (body.u64()?, body.u64()?);
    let (mute, leads) = (body.u8()? != 0, body.u8()? != 0);
    Ok(SoFar { ctx, term, mute, leads, last: Index(body.u64()?) })
}

fn put_ticket(frame: &mut Vec<u8>, ticket: Ticket) {
    frame.put_u64(ticket.life);
    frame.put_u64(ticket.number);
}

fn take_ticket(body: &mut Reader) -> Result<Ticket, CodecError> {
    Ok(Ticket { life: body.u64()?, number: body.u64()? })
}

fn put_ballot(frame: &mut Vec<u8>, ballot: Ballot) {
    frame.put_u64(ballot.round);
    frame.put_u64(ballot.node.0);
}

fn take_ballot(body: &mut Reader) -> Result<Ballot, CodecError> {
    Ok(Ballot { round: body.u64()?, node: NodeId(body.u64()?) })
}

fn take_id(body: &mut Reader) -> Result<ChunkId, CodecError> {
    let bytes = body.take(32)?;
    let invalid = CodecError::Invalid { what: "name of a chunk", got: bytes.len() as u64 };
    bytes.first_chunk().map(|id| ChunkId(*id)).ok_or(invalid)
}

/// Takes a frame apart. Messages of a kind that this version does not know are
/// left out: an older node may be sent them during an upgrade.
pub(crate) fn decode_frame(frame: Bytes) -> Result<Vec<Post>, CodecError> {
    if frame.len() > FRAME_BYTES_MAX {
        return Err(CodecError::Invalid { what: "frame length", got: frame.len() as u64 });
    }
    let mut reader = Reader::new(frame);
    let version = reader.u16()?;
    if version != VERSION {
        return Err(CodecError::Invalid { what: "frame version", got: u64::from(version) });
    }
    let mut posts = Vec::new();
    while reader.left() > 0 {
        let kind = reader.u8()?;
        let length = reader.u32()? as usize;
        let mut body = Reader::new(reader.take(length)?);
        let (group, era) = (GroupId(body.varint()?), Era(body.varint()?));
        let incarnation = Incarnation(body.u64()?);
        if let Some(say) = take_say(kind, &mut body)? {
            posts.push(Post { group, era, incarnation, say });
        }
    }
    Ok(posts)
}

fn take_say(kind: u8, body: &mut Reader) -> Result<Option<Say>, CodecError> {
    Ok(Some(match kind {
        KIND_LETTER => Say::Letter(Letter::decode(body.rest())?),
        KIND_FORWARD => {
            let (ticket, ballot) = (take_ticket(body)?, take_ballot(body)?);
            let body = body.rest();
            if body.len() > ENTRY_BYTES_MAX {
                return Err(CodecError::Invalid { what: "entry length", got: body.len() as u64 });
            }
            Say::Forward { ticket, ballot, body }
        }
        KIND_FORWARDED => Say::Forwarded {
            ticket: take_ticket(body)?,
            place: Some((Index(body.u64()?), take_ballot(body)?)),
        },
        KIND_NOT_FORWARDED => Say::Forwarded { ticket: take_ticket(body)?, place: None },
        KIND_NOT_PROPOSED => {
            Say::NotProposed { ticket: take_ticket(body)?, why: NotProposed::decode(body.u8()?)? }
        }
        KIND_LEASE => Say::Lease {
            ticket: take_ticket(body)?,
            ask: LeaseAsk { id: body.u64()?.cast_signed(), renew: body.u8()? != 0 },
        },
        KIND_LEASED => Say::Leased {
            ticket: take_ticket(body)?,
            told: Some(LeaseTold { ttl_s: body.u64()?, remaining_ms: body.u64()? }),
        },
        KIND_NOT_LEASED => Say::Leased { ticket: take_ticket(body)?, told: None },
        KIND_OFFER => {
            Say::Offer(Offer { id: take_id(body)?, index: Index(body.u64()?), bytes: body.u64()? })
        }
        KIND_WANT => Say::Want { id: take_id(body)? },
        KIND_PART => {
            let id = take_id(body)?;
            Say::Part { id, plain: body.rest() }
        }
        KIND_GONE => Say::Gone { id: take_id(body)? },
        KIND_WHO_AM_I => Say::WhoAmI,
        KIND_YOU_ARE => Say::YouAre {
            asked: Incarnation(body.u64()?),
            known: Some(Incarnation(body.u64()?)).filter(|life| *life > Incarnation::ZERO),
        },
        KIND_PULSE => {
            let (hears, groups) = take_pulses(body)?;
            Say::Pulse { hears, groups }
        }
        KIND_HOW_FAR => Say::HowFar { ctx: body.u64()? },
        KIND_SO_FAR => Say::SoFar(take_so_far(body)?),
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use consensus::entry::Place;
    use core::time::Duration;

    fn frame() -> (Vec<u8>, Vec<Post>) {
        let post =
            |say| Post { group: GroupId(300), era: Era(1), incarnation: Incarnation(5), say };
        let place = Some((Index(9), Ballot::new(3, NodeId(2))));
        let ticket = Ticket { life: 77, number: 4 };
        let id = ChunkId([9; 32]);
        let (ballot, body) = (Ballot::new(3, NodeId(2)), Bytes::from_static(b"put"));
        let last = Place { ballot, index: Index(400) };
        let silence = Some(Duration::from_millis(300));
        let pulse = Pulse { ballot, leads: true, quorum: false, silence: None, last };
        let follows = Pulse { leads: false, quorum: true, silence, ..pulse };
        let pulses = [(GroupId(0), pulse), (GroupId(300), follows)];
        let posts = vec![
            post(Say::Forward { ticket, ballot, body }),
            post(Say::Forwarded { ticket, place }),
            post(Say::Forwarded { ticket, place: None }),
            post(Say::NotProposed { ticket, why: NotProposed::NotLeader }),
            post(Say::NotProposed { ticket, why: NotProposed::Busy }),
            post(Say::NotProposed { ticket, why: NotProposed::NoSpace }),
            post(Say::NotProposed { ticket, why: NotProposed::NotUnderstood }),
            post(Say::Lease { ticket, ask: LeaseAsk { id: -7, renew: true } }),
            post(Say::Leased { ticket, told: Some(LeaseTold { ttl_s: 9, remaining_ms: 8001 }) }),
            post(Say::Leased { ticket, told: None }),
            post(Say::Offer(Offer { id, index: Index(8), bytes: 7 })),
            post(Say::Want { id }),
            post(Say::Part { id, plain: Bytes::from_static(b"chunk") }),
            post(Say::Gone { id }),
            post(Say::WhoAmI),
            post(Say::YouAre { asked: Incarnation(1), known: Some(Incarnation(2)) }),
            post(Say::YouAre { asked: Incarnation(1), known: None }),
            post(Say::Pulse { hears: true, groups: vec![] }),
            post(Say::Pulse { hears: false, groups: pulses.to_vec() }),
            post(Say::HowFar { ctx: 7 }),
            post(Say::SoFar(SoFar { ctx: 7, term: 3, mute: true, leads: false, last: Index(9) })),
        ];
        let mut frame = begin_frame();
        posts.iter().for_each(|post| put_post(&mut frame, post));
        (frame, posts)
    }

    #[test]
    fn a_frame_is_read_back() {
        let (bytes, posts) = frame();
        assert_eq!(decode_frame(bytes.into()), Ok(posts));
    }

    #[test]
    fn a_damaged_frame_never_panics() {
        let (whole, posts) = frame();
        for cut in 0..whole.len() {
            if let Ok(read) = decode_frame(Bytes::copy_from_slice(&whole[..cut])) {
                assert!(posts.starts_with(&read), "cut at {cut}");
            }
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            let _ = decode_frame(bytes.into());
        }
    }
}
