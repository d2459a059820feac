//! What nodes say to each other, to the byte: the handshake of a connection
//! and the frames on it. Drawn in docs/formats.md.

use crate::event::{Class, LeaseAsk, LeaseTold};
use alloc::vec::Vec;
use base::codec::{CodecError, Reader, Writer};
use base::limits::{ENTRY_BYTES_MAX, FRAME_BYTES_MAX};
use base::{Ballot, ClusterId, Era, GroupId, Incarnation, Index, NodeId};
use bytes::Bytes;
use consensus::letter::Letter;
use core::fmt;

/// The version of this protocol that is spoken, and the oldest that is understood.
pub const VERSION: u16 = 1;
const VERSION_MIN: u16 = 1;
const MAGIC: [u8; 8] = *b"TRIMPEER";

/// The first bytes of each side of a peer connection: who calls whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hello {
    /// The cluster both must belong to.
    pub cluster: ClusterId,
    /// The node that speaks.
    pub node: NodeId,
    /// Which life of its disk.
    pub incarnation: Incarnation,
    /// The node it believes to speak to.
    pub to: NodeId,
    /// What the connection is for.
    pub class: Class,
}

/// Why a connection is refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HelloError {
    /// The bytes are no handshake.
    NotOurs,
    /// The other side speaks only versions that are not understood here.
    Version {
        /// The oldest version it understands.
        oldest: u16,
        /// The newest.
        newest: u16,
    },
    /// The other side requires features that are not known here.
    Features(u64),
    /// The other side encrypts its frames, with this cipher and key.
    Cipher(u32),
    /// The other side belongs to another cluster.
    Cluster(ClusterId),
    /// The other side wants to speak to another node.
    WrongNode(NodeId),
    /// The checksum does not fit.
    Damaged,
}

impl fmt::Display for HelloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => write!(f, "not a trimaran peer connection"),
            Self::Version { oldest, newest } => {
                write!(f, "the peer speaks versions {oldest} to {newest}, this node {VERSION}")
            }
            Self::Features(bits) => write!(f, "the peer requires unknown features {bits:#x}"),
            Self::Cipher(id) => write!(f, "the peer uses the unknown cipher and key {id:#x}"),
            Self::Cluster(other) => write!(f, "the peer belongs to the cluster {other}"),
            Self::WrongNode(other) => write!(f, "the peer looks for the node {other}"),
            Self::Damaged => write!(f, "the handshake is damaged"),
        }
    }
}

impl core::error::Error for HelloError {}

impl Hello {
    /// The length of a handshake.
    pub const BYTES: usize = 64;

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.put_u16(VERSION_MIN);
        bytes.put_u16(VERSION);
        bytes.put_u8(self.class as u8);
        bytes.extend_from_slice(&[0; 3]);
        bytes.put_u64(0); // feature bits that the other side must know
        bytes.put_u64(self.cluster.0);
        bytes.put_u64(self.node.0);
        bytes.put_u64(self.incarnation.0);
        bytes.put_u64(self.to.0);
        bytes.put_u32(0); // cipher and key id: none
        let crc = base::checksum::crc32c(&bytes);
        bytes.put_u32(crc);
        bytes
    }

    /// Reads a handshake of [`Hello::BYTES`] bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, HelloError> {
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or(HelloError::NotOurs)?;
        if bytes.len() != Self::BYTES || !body.starts_with(&MAGIC) {
            return Err(HelloError::NotOurs);
        }
        if base::checksum::crc32c(body) != u32::from_le_bytes(*crc) {
            return Err(HelloError::Damaged);
        }
        let mut reader = Reader::new(Bytes::copy_from_slice(body));
        Self::fields(&mut reader).map_err(|_| HelloError::NotOurs)?
    }

    fn fields(reader: &mut Reader) -> Result<Result<Self, HelloError>, CodecError> {
        reader.take(MAGIC.len())?;
        let (oldest, newest) = (reader.u16()?, reader.u16()?);
        if oldest > VERSION || newest < VERSION_MIN {
            return Ok(Err(HelloError::Version { oldest, newest }));
        }
        let class = if reader.u8()? == Class::Bulk as u8 { Class::Bulk } else { Class::Urgent };
        reader.take(3)?;
        let features = reader.u64()?;
        if features != 0 {
            return Ok(Err(HelloError::Features(features)));
        }
        let hello = Self {
            cluster: ClusterId(reader.u64()?),
            node: NodeId(reader.u64()?),
            incarnation: Incarnation(reader.u64()?),
            to: NodeId(reader.u64()?),
            class,
        };
        let cipher = reader.u32()?;
        Ok(if cipher == 0 { Ok(hello) } else { Err(HelloError::Cipher(cipher)) })
    }

    /// Whether the other side may be spoken with by the one that says `own`.
    pub fn check(&self, own: &Self) -> Result<(), HelloError> {
        if self.cluster != own.cluster {
            return Err(HelloError::Cluster(self.cluster));
        }
        if self.to != own.node {
            return Err(HelloError::WrongNode(self.to));
        }
        Ok(())
    }
}

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
    /// Where the forwarded command stands; `None`: this letter did not get it proposed.
    Forwarded {
        /// Which command.
        ticket: Ticket,
        /// Its place in the leader's log.
        place: Option<(Index, Ballot)>,
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
}

/// Names a forwarded command: unique over all lives of the node that forwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Ticket {
    /// Drawn at random when the process started.
    pub(crate) life: u64,
    /// Counts the commands of that life from 1.
    pub(crate) number: u64,
}

const KIND_LETTER: u8 = 1;
const KIND_FORWARD: u8 = 2;
const KIND_FORWARDED: u8 = 3;
const KIND_NOT_FORWARDED: u8 = 4;
const KIND_LEASE: u8 = 5;
const KIND_LEASED: u8 = 6;
const KIND_NOT_LEASED: u8 = 7;

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
    if let Some(head) = frame.get_mut(kind..length_at + 4) {
        let mut fields = Vec::with_capacity(5);
        fields.put_u8(number);
        fields.put_u32(length);
        head.copy_from_slice(&fields);
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
            frame.put_u64(ballot.round);
            frame.put_u64(ballot.node.0);
            frame.extend_from_slice(body);
            KIND_FORWARD
        }
        Say::Forwarded { ticket, place: Some((index, ballot)) } => {
            put_ticket(frame, *ticket);
            for number in [index.0, ballot.round, ballot.node.0] {
                frame.put_u64(number);
            }
            KIND_FORWARDED
        }
        Say::Forwarded { ticket, place: None } => {
            put_ticket(frame, *ticket);
            KIND_NOT_FORWARDED
        }
        Say::Lease { ticket, ask } => {
            put_ticket(frame, *ticket);
            frame.put_u64(ask.id.cast_unsigned());
            frame.put_u8(u8::from(ask.renew));
            KIND_LEASE
        }
        Say::Leased { ticket, told: Some(told) } => {
            put_ticket(frame, *ticket);
            frame.put_u64(told.ttl_s);
            frame.put_u64(told.remaining_ms);
            KIND_LEASED
        }
        Say::Leased { ticket, told: None } => {
            put_ticket(frame, *ticket);
            KIND_NOT_LEASED
        }
    }
}

fn put_ticket(frame: &mut Vec<u8>, ticket: Ticket) {
    frame.put_u64(ticket.life);
    frame.put_u64(ticket.number);
}

fn take_ticket(body: &mut Reader) -> Result<Ticket, CodecError> {
    Ok(Ticket { life: body.u64()?, number: body.u64()? })
}

fn take_ballot(body: &mut Reader) -> Result<Ballot, CodecError> {
    Ok(Ballot { round: body.u64()?, node: NodeId(body.u64()?) })
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
        KIND_LEASE => Say::Lease {
            ticket: take_ticket(body)?,
            ask: LeaseAsk { id: body.u64()?.cast_signed(), renew: body.u8()? != 0 },
        },
        KIND_LEASED => Say::Leased {
            ticket: take_ticket(body)?,
            told: Some(LeaseTold { ttl_s: body.u64()?, remaining_ms: body.u64()? }),
        },
        KIND_NOT_LEASED => Say::Leased { ticket: take_ticket(body)?, told: None },
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello {
            cluster: ClusterId(7),
            node: NodeId(1),
            incarnation: Incarnation(9),
            to: NodeId(2),
            class: Class::Bulk,
        }
    }

    #[test]
    fn a_handshake_is_read_back_and_checked() {
        let bytes = hello().encode();
        assert_eq!(bytes.len(), Hello::BYTES);
        assert_eq!(Hello::decode(&bytes), Ok(hello()));
        let own = Hello { node: NodeId(2), to: NodeId(1), ..hello() };
        assert_eq!(hello().check(&own), Ok(()));
        let foreign = Hello { cluster: ClusterId(8), ..own };
        assert_eq!(hello().check(&foreign), Err(HelloError::Cluster(ClusterId(7))));
        let other = Hello { node: NodeId(3), ..own };
        assert_eq!(hello().check(&other), Err(HelloError::WrongNode(NodeId(2))));
    }

    #[test]
    fn a_cipher_that_is_not_known_is_refused() {
        let mut bytes = hello().encode();
        bytes[Hello::BYTES - 8] = 7;
        let crc = base::checksum::crc32c(&bytes[..Hello::BYTES - 4]);
        bytes[Hello::BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Hello::decode(&bytes), Err(HelloError::Cipher(7)));
    }

    #[test]
    fn every_flipped_bit_of_a_handshake_is_refused() {
        for bit in 0..Hello::BYTES * 8 {
            let mut bytes = hello().encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Hello::decode(&bytes).is_err(), "bit {bit}");
        }
    }

    fn frame() -> (Vec<u8>, Vec<Post>) {
        let post =
            |say| Post { group: GroupId(300), era: Era(1), incarnation: Incarnation(5), say };
        let place = Some((Index(9), Ballot::new(3, NodeId(2))));
        let ticket = Ticket { life: 77, number: 4 };
        let (ballot, body) = (Ballot::new(3, NodeId(2)), Bytes::from_static(b"put"));
        let posts = vec![
            post(Say::Forward { ticket, ballot, body }),
            post(Say::Forwarded { ticket, place }),
            post(Say::Forwarded { ticket, place: None }),
            post(Say::Lease { ticket, ask: LeaseAsk { id: -7, renew: true } }),
            post(Say::Leased { ticket, told: Some(LeaseTold { ttl_s: 9, remaining_ms: 8001 }) }),
            post(Say::Leased { ticket, told: None }),
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
