//! What watches are told, as it goes over the wire: the events of a revision are
//! encoded once for all watches that are told the same, and only the few bytes
//! before them are made for each.

use crate::etcd::fragment;
use crate::etcd::header::{pair, signed};
use crate::etcd::wire::etcdserverpb::WatchResponse;
use crate::etcd::wire::mvccpb;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use base::Revision;
use bytes::{Buf, BufMut, Bytes};
use core::ops::Deref;
use kv::command::{Change, Changes, KeyValue};
use prost::encoding::{DecodeContext, WireType};
use prost::{DecodeError, Message, encoding};

/// The number of the field of a response that holds its events: the highest.
const EVENTS: u32 = 11;

/// The events of some revisions, encoded one behind the other as they stand at
/// the end of a response. What is taken of it shares its memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sheets {
    bytes: Bytes,
    /// Each revision that has events, ascending, and where they end.
    ends: Box<[(Revision, usize)]>,
}

impl Sheets {
    /// Encodes changes: those that its watches want.
    #[must_use]
    pub fn new(changes: &[Changes]) -> Self {
        let told = changes.iter().filter(|changes| !changes.changes.is_empty());
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for Changes { revision, changes } in told {
            let events = changes.iter().map(event);
            events.for_each(|event| encoding::message::encode(EVENTS, &event, &mut bytes));
            ends.push((*revision, bytes.len()));
        }
        // Kept for as long as the slowest of many needs it: nothing is left over.
        bytes.shrink_to_fit();
        Self { bytes: bytes.into(), ends: ends.into() }
    }

    /// The newest revision that has events.
    #[must_use]
    pub fn last(&self) -> Option<Revision> {
        self.ends.last().map(|(revision, _)| *revision)
    }

    /// How many revisions from this one on have events.
    #[must_use]
    pub fn count(&self, from: Revision) -> usize {
        self.ends.len() - self.place(from)
    }

    /// The events of all revisions from this one on.
    #[must_use]
    pub fn since(&self, from: Revision) -> Bytes {
        self.bytes.slice(self.start(self.place(from))..)
    }

    /// The events of each revision from this one on.
    pub fn each(&self, from: Revision) -> impl Iterator<Item = (Revision, Bytes)> + '_ {
        let ends = self.ends.iter().enumerate().skip(self.place(from));
        ends.map(|(at, (revision, end))| (*revision, self.bytes.slice(self.start(at)..*end)))
    }

    fn place(&self, from: Revision) -> usize {
        self.ends.partition_point(|(revision, _)| *revision < from)
    }

    fn start(&self, at: usize) -> usize {
        let before = at.checked_sub(1).and_then(|before| self.ends.get(before));
        before.map_or(0, |(_, end)| *end)
    }
}

/// A response of a watch stream: what is its own, and events that it shares.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Response {
    /// All but the events.
    pub head: WatchResponse,
    /// The events, encoded. They come last in a response.
    pub events: Bytes,
}

impl Response {
    /// The same in parts if it is large, for clients that put them together.
    pub(super) fn split(self) -> Vec<Self> {
        if self.encoded_len() <= fragment::PART_BYTES_MAX {
            return vec![self];
        }
        match WatchResponse::decode(Bytes::from(self.encode_to_vec())) {
            Ok(whole) => {
                let parts = fragment::split(whole, fragment::PART_BYTES_MAX);
                parts.into_iter().map(Self::from).collect()
            }
            Err(_) => vec![self],
        }
    }
}

impl From<WatchResponse> for Response {
    fn from(head: WatchResponse) -> Self {
        Self { head, events: Bytes::new() }
    }
}

impl Deref for Response {
    type Target = WatchResponse;

    fn deref(&self) -> &WatchResponse {
        &self.head
    }
}

/// The bytes are those of the whole response: events have the highest number of
/// all fields.
impl Message for Response {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        self.head.encode_raw(buffer);
        buffer.put_slice(&self.events);
    }

    fn encoded_len(&self) -> usize {
        self.head.encoded_len() + self.events.len()
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        self.head.merge_field(tag, wire_type, buffer, context)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A change in etcd's words.
fn event(change: &Change) -> mvccpb::Event {
    let (kind, kv) = match change.deleted {
        true => (
            mvccpb::event::EventType::Delete,
            mvccpb::KeyValue {
                key: KeyValue::from(change.kv.clone()).key,
                mod_revision: signed(change.kv.modified().0),
                ..Default::default()
            },
        ),
        false => (mvccpb::event::EventType::Put, pair(change.kv.clone().into())),
    };
    let previous = change.previous.clone().map(|kv| pair(kv.into()));
    mvccpb::Event { r#type: kind.into(), kv: Some(kv), prev_kv: previous }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(revision: u64, deleted: bool) -> Changes {
        let kv = KeyValue {
            key: Bytes::from_static(b"k"),
            create: Revision(2),
            modified: Revision(revision),
            version: 4,
            lease: 6,
            value: Bytes::from_static(b"v"),
            extension: Bytes::new(),
        };
        let change = Change { kv: kv.into(), deleted, previous: None };
        Changes { revision: Revision(revision), changes: vec![change].into() }
    }

    fn revisions(events: Bytes) -> Vec<i64> {
        let whole = WatchResponse::decode(events).unwrap();
        whole.events.iter().map(|event| event.kv.as_ref().unwrap().mod_revision).collect()
    }

    #[test]
    fn the_bytes_are_those_of_the_whole_response() {
        let head = WatchResponse { watch_id: 300, fragment: true, ..WatchResponse::default() };
        let sheets = Sheets::new(&[changes(7, false), changes(9, true)]);
        let response = Response { head, events: sheets.since(Revision(0)) };
        let bytes = response.encode_to_vec();
        assert_eq!(bytes.len(), response.encoded_len());
        let whole = WatchResponse::decode(&bytes[..]).unwrap();
        assert_eq!(revisions(response.events), [7, 9]);
        assert_eq!((whole.watch_id, whole.fragment), (300, true));
        assert_eq!(whole.encode_to_vec(), bytes);
        assert_eq!(Response::decode(&bytes[..]).unwrap().head, whole);
    }

    #[test]
    fn what_is_taken_begins_and_ends_with_whole_revisions() {
        let nothing = Changes { revision: Revision(8), changes: Vec::new().into() };
        let sheets = Sheets::new(&[changes(7, false), nothing, changes(9, true)]);
        assert_eq!(sheets.last(), Some(Revision(9)));
        let table: [(u64, &[i64]); 5] =
            [(0, &[7, 9]), (7, &[7, 9]), (8, &[9]), (9, &[9]), (10, &[])];
        for (from, wanted) in table {
            let from = Revision(from);
            assert_eq!(sheets.count(from), wanted.len(), "{from:?}");
            assert_eq!(revisions(sheets.since(from)), wanted, "{from:?}");
            let each = sheets.each(from).flat_map(|(_, events)| revisions(events));
            assert_eq!(each.collect::<Vec<_>>(), wanted, "{from:?}");
        }
    }

    #[test]
    fn nothing_takes_no_bytes() {
        let none = Changes { revision: Revision(3), changes: Vec::new().into() };
        assert_eq!(Sheets::new(&[none]), Sheets::default());
    }
}
