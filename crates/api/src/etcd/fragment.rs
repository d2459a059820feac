//! Large watch answers in parts, for clients that said they put them together.

use crate::etcd::wire::etcdserverpb::WatchResponse;
use crate::etcd::wire::mvccpb::Event;
use alloc::vec;
use alloc::vec::Vec;
use base::limits::{REQUEST_BYTES_MAX, REQUEST_OVERHEAD_BYTES_MAX};
use core::mem;
use prost::Message;

/// A response above this size is split: what a client accepts by default, as it
/// is what the server accepts.
pub const PART_BYTES_MAX: usize = REQUEST_BYTES_MAX + REQUEST_OVERHEAD_BYTES_MAX;

/// What the tag and the length of one event take beside the event itself.
const EVENT_FRAME_BYTES_MAX: usize = 11;

/// Splits a response between events, never inside one, into parts of at most
/// `bytes_max` (a single larger event still goes, alone). All parts but the
/// last say that more follows.
#[must_use]
pub fn split(mut whole: WatchResponse, bytes_max: usize) -> Vec<WatchResponse> {
    if whole.events.len() < 2 || whole.encoded_len() <= bytes_max {
        return vec![whole];
    }
    let events = mem::take(&mut whole.events);
    let frame = WatchResponse { fragment: true, ..whole };
    let room = bytes_max.saturating_sub(frame.encoded_len());
    let mut parts: Vec<WatchResponse> = groups(events, room)
        .into_iter()
        .map(|events| WatchResponse { events, ..frame.clone() })
        .collect();
    if let Some(last) = parts.last_mut() {
        last.fragment = false;
    }
    parts
}

/// The events in order, as many together as fit in `room` bytes.
fn groups(events: Vec<Event>, room: usize) -> Vec<Vec<Event>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    let mut used = 0;
    for event in events {
        let size = event.encoded_len() + EVENT_FRAME_BYTES_MAX;
        if !group.is_empty() && used + size > room {
            groups.push(mem::take(&mut group));
            used = 0;
        }
        used += size;
        group.push(event);
    }
    groups.push(group);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::wire::mvccpb::KeyValue;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn response(sizes: &[usize]) -> WatchResponse {
        let event = |(n, size): (usize, &usize)| Event {
            kv: Some(KeyValue {
                key: Bytes::from(format!("{n}")),
                value: Bytes::from(vec![b'v'; *size]),
                ..KeyValue::default()
            }),
            ..Event::default()
        };
        WatchResponse {
            watch_id: 3,
            events: sizes.iter().enumerate().map(event).collect(),
            ..WatchResponse::default()
        }
    }

    #[test]
    fn what_fits_goes_whole() {
        let whole = response(&[10, 10, 10]);
        let limit = whole.encoded_len();
        assert_eq!(split(whole.clone(), limit), [whole]);
    }

    #[test]
    fn one_event_is_never_split() {
        let whole = response(&[500]);
        assert_eq!(split(whole.clone(), 100), [whole]);
        let parts = split(response(&[500, 500]), 100);
        assert_eq!(parts.iter().map(|part| part.events.len()).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn all_parts_but_the_last_say_that_more_follows() {
        let parts = split(response(&[60, 60, 60, 60, 60]), 200);
        assert!(parts.len() > 1);
        let (last, others) = parts.split_last().unwrap();
        assert!(!last.fragment);
        assert!(others.iter().all(|part| part.fragment && part.watch_id == 3));
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole_and_each_is_small(
            sizes in prop::collection::vec(0_usize..300, 0..40),
            limit in 0_usize..1000,
        ) {
            let whole = response(&sizes);
            let parts = split(whole.clone(), limit);
            for part in &parts {
                prop_assert!(part.events.len() < 2 || part.encoded_len() <= limit);
            }
            let together: Vec<Event> = parts.into_iter().flat_map(|part| part.events).collect();
            prop_assert_eq!(together, whole.events);
        }
    }
}
