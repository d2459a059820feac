//! What a frame says, for those who look on: the pictures of simulated runs.

use crate::wire::{self, Say};
use alloc::vec::Vec;
use base::{GroupId, Index};
use bytes::Bytes;
use consensus::letter::Letter;

/// One message of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peek {
    /// The group whose copies speak.
    pub group: GroupId,
    /// What is said.
    pub what: What,
}

/// What a message says, as far as an onlooker cares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A letter of the group's protocol.
    Letter(Letter),
    /// A client's command on its way to the leader.
    Forward {
        /// Its encoded bytes.
        bytes: usize,
    },
    /// Where a forwarded command stands in the leader's log, if it got there.
    Forwarded(Option<Index>),
    /// A forwarded command was not proposed and never will be.
    NotProposed,
    /// A question about a lease, or its answer.
    Lease,
    /// A checkpoint of this place is offered to one who is behind.
    Offer(Index),
    /// A part of a checkpoint is wanted.
    Want,
    /// A part of a checkpoint.
    Part {
        /// Its bytes.
        bytes: usize,
    },
    /// What was wanted is not there any more.
    Gone,
    /// Who knows the life of whose disk.
    Standing,
    /// A beat: who hears whom.
    Pulse,
    /// How far others are, for one that lost part of its log.
    Healing,
}

/// Everything that a frame says; nothing if it cannot be read.
#[must_use]
pub fn peek(frame: &Bytes) -> Vec<Peek> {
    let posts = wire::decode_frame(frame.clone()).unwrap_or_default();
    posts.into_iter().map(|post| Peek { group: post.group, what: what(post.say) }).collect()
}

fn what(say: Say) -> What {
    match say {
        Say::Letter(letter) => What::Letter(letter),
        Say::Forward { body, .. } => What::Forward { bytes: body.len() },
        Say::Forwarded { place, .. } => What::Forwarded(place.map(|(index, _)| index)),
        Say::NotProposed { .. } => What::NotProposed,
        Say::Lease { .. } | Say::Leased { .. } => What::Lease,
        Say::Offer(offer) => What::Offer(offer.index),
        Say::Want { .. } => What::Want,
        Say::Part { plain, .. } => What::Part { bytes: plain.len() },
        Say::Gone { .. } => What::Gone,
        Say::WhoAmI | Say::YouAre { .. } => What::Standing,
        Say::Pulse { .. } => What::Pulse,
        Say::HowFar { .. } | Say::SoFar(_) => What::Healing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Post, begin_frame, put_post};
    use base::{ChunkId, Era, Incarnation};

    #[test]
    fn a_frame_is_seen_through_and_noise_is_nothing() {
        let post =
            |say| Post { group: GroupId::DEFAULT, era: Era(1), incarnation: Incarnation(5), say };
        let mut frame = begin_frame();
        let part = Say::Part { id: ChunkId([9; 32]), plain: Bytes::from_static(b"chunk") };
        [post(part), post(Say::WhoAmI)].iter().for_each(|post| put_post(&mut frame, post));
        let seen: Vec<What> = peek(&frame.into()).into_iter().map(|it| it.what).collect();
        assert_eq!(seen, [What::Part { bytes: 5 }, What::Standing]);
        assert_eq!(peek(&Bytes::from_static(b"noise")), []);
    }
}
