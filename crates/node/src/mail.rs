//! What leaves for other nodes: letters wait here for their writes, then share
//! one frame per peer and connection.

use crate::event::{Action, Class};
use crate::wire::{self, Post, Say};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use base::limits::{ENTRY_BYTES_MAX, FRAME_BYTES_MAX, LETTER_BYTES_MAX};
use base::{Era, GroupId, Incarnation, NodeId, Serial, sometimes};
use consensus::contract::Parcel;

/// A frame is closed before the largest message could overflow it.
const FRAME_FULL: usize = FRAME_BYTES_MAX - LETTER_BYTES_MAX - ENTRY_BYTES_MAX - 1024;

/// Who speaks: goes with everything that a replica says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sender {
    /// Its group.
    pub(crate) group: GroupId,
    /// The era that it is in.
    pub(crate) era: Era,
    /// The life of its disk.
    pub(crate) incarnation: Incarnation,
}

/// Letters that wait, and frames that are being filled.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// I71: in the order of their serials within a group; none of them is released
    /// before its serial is durable, because [`Parcel::release`] is the only way.
    waiting: VecDeque<(Sender, Parcel)>,
    /// Those that are being filled, one for each peer and connection, in their order.
    frames: Vec<Frame>,
    full: Vec<Frame>,
}

/// For whom, on which of its connections, and the bytes.
type Frame = (NodeId, Class, Vec<u8>);

impl Mail {
    /// Takes a parcel; it leaves when its write is durable.
    pub(crate) fn post(&mut self, sender: Sender, parcel: Parcel, durable: Serial) {
        match parcel.release(durable) {
            Ok((to, letter)) => self.say(sender, to, Say::Letter(letter)),
            Err(parcel) => {
                sometimes!(LetterGated);
                self.waiting.push_back((sender, parcel));
            }
        }
    }

    /// How many letters wait for their writes.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Puts a message into the frame for `to`.
    pub(crate) fn say(&mut self, sender: Sender, to: NodeId, say: Say) {
        let class = match &say {
            Say::Letter(letter) if !letter.is_bulk() => Class::Urgent,
            Say::Forwarded { .. } | Say::NotProposed { .. } => Class::Urgent,
            Say::Lease { .. } | Say::Leased { .. } => Class::Urgent,
            Say::Offer(_) | Say::Want { .. } | Say::Gone { .. } => Class::Urgent,
            Say::WhoAmI | Say::YouAre { .. } | Say::Pulse { .. } => Class::Urgent,
            Say::HowFar { .. } | Say::SoFar(_) => Class::Urgent,
            Say::Letter(_) | Say::Forward { .. } | Say::Part { .. } => Class::Bulk,
        };
        let place = self.frame(to, class);
        let Some((.., frame)) = self.frames.get_mut(place) else { return };
        let Sender { group, era, incarnation } = sender;
        wire::put_post(frame, &Post { group, era, incarnation, say });
        if frame.len() >= FRAME_FULL {
            self.full.push(self.frames.remove(place));
        }
    }

    /// Where the frame stands that is being filled for this connection. There are
    /// never more than a few, so a row is cheaper than a tree.
    fn frame(&mut self, to: NodeId, class: Class) -> usize {
        let found = self.frames.binary_search_by_key(&(to, class), |it| (it.0, it.1));
        found.unwrap_or_else(|place| {
            self.frames.insert(place, (to, class, wire::begin_frame()));
            place
        })
    }

    /// Lets go what `durable` allows.
    pub(crate) fn release(&mut self, durable: Serial) {
        for _ in 0..self.waiting.len() {
            let Some((sender, parcel)) = self.waiting.pop_front() else { return };
            match parcel.release(durable) {
                Ok((to, letter)) => self.say(sender, to, Say::Letter(letter)),
                Err(parcel) => self.waiting.push_back((sender, parcel)),
            }
        }
    }

    /// Closes all frames: they are on their way.
    pub(crate) fn flush(&mut self, out: &mut Vec<Action>) {
        let all = self.full.drain(..).chain(self.frames.drain(..));
        out.extend(all.map(|(to, class, frame)| Action::Send { to, class, frame: frame.into() }));
    }
}
