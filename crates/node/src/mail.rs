//! What leaves for other nodes: letters wait here for their writes, then share
//! one frame per peer and connection.

use crate::event::{Action, Class};
use crate::wire::{self, Post, Say};
use alloc::collections::{BTreeMap, VecDeque};
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
    frames: BTreeMap<(NodeId, Class), Vec<u8>>,
    full: Vec<(NodeId, Class, Vec<u8>)>,
}

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
            Say::WhoAmI | Say::YouAre { .. } => Class::Urgent,
            Say::Letter(_) | Say::Forward { .. } | Say::Part { .. } => Class::Bulk,
        };
        let frame = self.frames.entry((to, class)).or_insert_with(wire::begin_frame);
        let Sender { group, era, incarnation } = sender;
        wire::put_post(frame, &Post { group, era, incarnation, say });
        if frame.len() >= FRAME_FULL {
            self.full.push((to, class, core::mem::take(frame)));
            self.frames.remove(&(to, class));
        }
    }

    /// Lets go what `durable` allows.
    pub(crate) fn release(&mut self, durable: Serial) {
        for (sender, parcel) in core::mem::take(&mut self.waiting) {
            match parcel.release(durable) {
                Ok((to, letter)) => self.say(sender, to, Say::Letter(letter)),
                Err(parcel) => self.waiting.push_back((sender, parcel)),
            }
        }
    }

    /// Closes all frames: they are on their way.
    pub(crate) fn flush(&mut self, out: &mut Vec<Action>) {
        let open = core::mem::take(&mut self.frames);
        let full = core::mem::take(&mut self.full);
        let all = full.into_iter().chain(open.into_iter().map(|((to, class), it)| (to, class, it)));
        out.extend(all.map(|(to, class, frame)| Action::Send { to, class, frame: frame.into() }));
    }
}
