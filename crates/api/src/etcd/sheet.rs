//! What watches are told, as it goes over the wire: the events of a revision are
//! encoded once for all watches that are told the same, and only the few bytes
//! before them are made for each.

use crate::etcd::fragment;
use crate::etcd::header::{pair, signed};
use crate::etcd::wire::etcdserverpb::WatchResponse;
use crate::etcd::wire::mvccpb;
use alloc::vec;
use alloc::vec::Vec;
use base::Revision;
use bytes::{Buf, BufMut, Bytes};
use core::ops::Deref;
use kv::command::{Change, Changes, KeyValue};
use prost::encoding::{DecodeContext, WireType};
use prost::{DecodeError, Message};

/// The events of one revision, encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet {
    /// The revision.
    pub revision: Revision,
    /// Its events, as they stand at the end of a response.
    pub events: Bytes,
}

impl Sheet {
    /// Encodes the changes of one revision: those that its watches want.
    #[must_use]
    pub fn new(changes: &Changes) -> Self {
        let events = changes.changes.iter().map(event).collect();
        // Nothing but events: whatever is not set takes no bytes.
        let alone = WatchResponse { events, ..WatchResponse::default() };
        Self { revision: changes.revision, events: alone.encode_to_vec().into() }
    }
}

/// A response of a watch stream: what is its own, and events that it shares.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Response {
    /// All but the events.
    pub head: WatchResponse,
    /// The events, encoded. They come last in a response.
    pub events: Vec<Bytes>,
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
        Self { head, events: Vec::new() }
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
        self.events.iter().for_each(|events| buffer.put_slice(events));
    }

    fn encoded_len(&self) -> usize {
        self.head.encoded_len() + self.events.iter().map(Bytes::len).sum::<usize>()
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

    fn sheet(revision: u64, deleted: bool) -> Sheet {
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
        Sheet::new(&Changes { revision: Revision(revision), changes: vec![change].into() })
    }

    #[test]
    fn the_bytes_are_those_of_the_whole_response() {
        let head = WatchResponse { watch_id: 300, fragment: true, ..WatchResponse::default() };
        let events = vec![sheet(7, false).events, sheet(9, true).events];
        let response = Response { head, events };
        let bytes = response.encode_to_vec();
        assert_eq!(bytes.len(), response.encoded_len());
        let whole = WatchResponse::decode(&bytes[..]).unwrap();
        let revisions = whole.events.iter().map(|event| event.kv.as_ref().unwrap().mod_revision);
        assert_eq!(revisions.collect::<Vec<_>>(), [7, 9]);
        assert_eq!((whole.watch_id, whole.fragment), (300, true));
        assert_eq!(whole.encode_to_vec(), bytes);
        assert_eq!(Response::decode(&bytes[..]).unwrap().head, whole);
    }

    #[test]
    fn nothing_takes_no_bytes() {
        let none = Changes { revision: Revision(3), changes: Vec::new().into() };
        assert!(Sheet::new(&none).events.is_empty());
    }
}
