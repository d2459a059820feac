//! What nodes tell each other at every beat, to the byte: one message for all groups.

use alloc::vec::Vec;
use base::codec::{CodecError, Reader, Writer};
use base::{Ballot, GroupId, Index, NodeId};
use consensus::entry::Place;
use consensus::trigger::Pulse;
use core::time::Duration;

const LEADS: u8 = 1;
const QUORUM: u8 = 2;
const FOLLOWS: u8 = 4;

/// Whether the sender hears the receiver, and a pulse of each of its groups.
pub(crate) fn put_pulses(frame: &mut Vec<u8>, hears: bool, groups: &[(GroupId, Pulse)]) {
    frame.put_u8(u8::from(hears));
    for (group, pulse) in groups {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let follows = flag(pulse.silence.is_some(), FOLLOWS);
        frame.put_varint(group.0);
        frame.put_u8(flag(pulse.leads, LEADS) | flag(pulse.quorum, QUORUM) | follows);
        put_ballot(frame, pulse.ballot);
        put_ballot(frame, pulse.last.ballot);
        frame.put_varint(pulse.last.index.0);
        if let Some(silence) = pulse.silence {
            frame.put_varint(u64::try_from(silence.as_millis()).unwrap_or(u64::MAX));
        }
    }
}

/// The rest of a message.
pub(crate) fn take_pulses(body: &mut Reader) -> Result<(bool, Vec<(GroupId, Pulse)>), CodecError> {
    let hears = body.u8()? != 0;
    let mut groups = Vec::new();
    while body.left() > 0 {
        let (group, flags) = (GroupId(body.varint()?), body.u8()?);
        let (ballot, at) = (take_ballot(body)?, take_ballot(body)?);
        let last = Place { ballot: at, index: Index(body.varint()?) };
        let silence = if flags & FOLLOWS == 0 { None } else { Some(body.varint()?) };
        let silence = silence.map(Duration::from_millis);
        let (leads, quorum) = (flags & LEADS != 0, flags & QUORUM != 0);
        groups.push((group, Pulse { ballot, leads, quorum, silence, last }));
    }
    Ok((hears, groups))
}

fn put_ballot(frame: &mut Vec<u8>, ballot: Ballot) {
    frame.put_varint(ballot.round);
    frame.put_varint(ballot.node.0);
}

fn take_ballot(body: &mut Reader) -> Result<Ballot, CodecError> {
    Ok(Ballot { round: body.varint()?, node: NodeId(body.varint()?) })
}
