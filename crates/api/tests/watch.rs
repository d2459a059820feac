//! One Watch stream: every rule of etcd's that this machine owns.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use api::etcd::fragment::PART_BYTES_MAX;
use api::etcd::header::Header;
use api::etcd::sheet::Sheets;
use api::etcd::watch::{StreamOut, WatchEvent, WatchStream};
use api::etcd::wire::etcdserverpb::watch_request::RequestUnion;
use api::etcd::wire::etcdserverpb::{
    WatchCancelRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse,
};
use api::etcd::wire::mvccpb::event::EventType;
use base::{ClusterId, NodeId, Revision, WatchKey};
use bytes::Bytes;
use kv::command::{Change, Changes, KeyRange, KeyValue};
use prost::Message;
use std::collections::BTreeMap;

const HEADER: Header =
    Header { cluster_id: ClusterId(7), member_id: NodeId(2), revision: Revision(10), raft_term: 3 };

/// A stream and the keys it has been given.
#[derive(Default)]
struct Bench {
    stream: WatchStream,
    keys: u64,
    /// What the node was asked to leave out: puts, deletions, the pairs before.
    left_out: BTreeMap<u64, [bool; 3]>,
}

impl Bench {
    fn ask(&mut self, union: RequestUnion) -> Vec<StreamOut> {
        let request = WatchRequest { request_union: Some(union) };
        let keys = &mut self.keys;
        let out = self.stream.on_request(request, HEADER, || {
            *keys += 1;
            WatchKey(*keys)
        });
        for out in &out {
            if let StreamOut::Open { key, no_put, no_delete, want_previous, .. } = out {
                self.left_out.insert(key.0, [*no_put, *no_delete, !*want_previous]);
            }
        }
        out
    }

    fn create(&mut self, create: WatchCreateRequest) -> Vec<StreamOut> {
        self.ask(RequestUnion::CreateRequest(create))
    }

    fn cancel(&mut self, watch_id: i64) -> Vec<StreamOut> {
        self.ask(RequestUnion::CancelRequest(WatchCancelRequest { watch_id }))
    }

    fn tell(&mut self, key: u64, event: WatchEvent) -> Vec<WatchResponse> {
        let said = self.stream.on_event(WatchKey(key), event, HEADER);
        said.iter().map(|it| WatchResponse::decode(&it.encode_to_vec()[..]).unwrap()).collect()
    }

    fn open(&mut self, key: u64) -> Vec<WatchResponse> {
        self.tell(key, WatchEvent::Opened { revision: Revision(12) })
    }

    /// A watch that the node has opened at revision 12.
    fn opened(create: WatchCreateRequest) -> Self {
        let mut bench = Self::default();
        bench.create(create);
        bench.open(1);
        bench
    }

    fn changes(&mut self, store: u64, batches: Vec<(u64, Vec<Change>)>) -> Vec<WatchResponse> {
        self.changes_of(1, store, batches)
    }

    fn changes_of(
        &mut self,
        key: u64,
        store: u64,
        batches: Vec<(u64, Vec<Change>)>,
    ) -> Vec<WatchResponse> {
        // The node leaves out what it was asked to.
        let left_out = self.left_out.get(&key).copied().unwrap_or_default();
        let batch = |(at, changes): (u64, Vec<Change>)| {
            let changes: Vec<_> =
                changes.into_iter().filter_map(|change| leave_out(change, left_out)).collect();
            Changes { revision: Revision(at), changes: changes.into() }
        };
        let batches: Vec<Changes> = batches.into_iter().map(batch).collect();
        let sheets = Sheets::new(&batches).into();
        self.tell(key, WatchEvent::Changes { revision: Revision(store), sheets })
    }

    fn ask_progress(&mut self) -> Vec<StreamOut> {
        self.ask(RequestUnion::ProgressRequest(WatchProgressRequest {}))
    }

    /// The node says that a watch is as far as this: (id, revision) of what the
    /// client hears.
    fn progress(&mut self, key: u64, revision: u64) -> Vec<(i64, i64)> {
        self.progress_of(&[key], revision)
    }

    /// The same of more than one.
    fn progress_of(&mut self, keys: &[u64], revision: u64) -> Vec<(i64, i64)> {
        let all = keys.iter().copied().map(WatchKey).collect();
        let first = keys.first().copied().unwrap();
        let said = self.tell(first, WatchEvent::Progress { revision: Revision(revision), all });
        let bookmark = |it: &WatchResponse| {
            let bare = !it.created && !it.canceled && it.events.is_empty();
            assert!(bare && it.compact_revision == 0, "{it:?}");
            (it.watch_id, at(it))
        };
        said.iter().map(bookmark).collect()
    }
}

fn leave_out(change: Change, [puts, deletions, before]: [bool; 3]) -> Option<Change> {
    let unwanted = if change.deleted { deletions } else { puts };
    let previous = change.previous.clone().filter(|_| !before);
    (!unwanted).then_some(Change { previous, ..change })
}

fn on(key: &'static str) -> WatchCreateRequest {
    WatchCreateRequest { key: Bytes::from_static(key.as_bytes()), ..Default::default() }
}

fn from(start_revision: i64) -> WatchCreateRequest {
    WatchCreateRequest { start_revision, ..on("k") }
}

fn change(revision: u64, deleted: bool) -> Change {
    let kv = KeyValue {
        key: Bytes::from_static(b"k"),
        create: Revision(2),
        modified: Revision(revision),
        version: 4,
        lease: 6,
        value: Bytes::from_static(b"v"),
        extension: Bytes::new(),
    };
    let previous = Some(KeyValue { modified: Revision(revision - 1), ..kv.clone() });
    Change { kv: kv.into(), deleted, previous: previous.map(Into::into) }
}

fn put(revision: u64) -> Change {
    change(revision, false)
}

fn deletion(revision: u64) -> Change {
    change(revision, true)
}

fn said(out: Vec<StreamOut>) -> Vec<WatchResponse> {
    let say = |out| match out {
        StreamOut::Say(response) => Some(response),
        _ => None,
    };
    out.into_iter().filter_map(say).collect()
}

fn at(response: &WatchResponse) -> i64 {
    response.header.unwrap().revision
}

/// (header revision, how many events) of each response.
fn shape(responses: &[WatchResponse]) -> Vec<(i64, usize)> {
    responses.iter().map(|response| (at(response), response.events.len())).collect()
}

#[track_caller]
fn refused(response: &WatchResponse, reason: &str) {
    assert!(response.created && response.canceled);
    assert_eq!((response.watch_id, response.cancel_reason.as_str()), (-1, reason));
}

const DUPLICATE: &str = "mvcc: duplicate watch ID provided on the WatchStream";

#[test]
fn a_creation_opens_a_watch_with_everything_it_asks_for() {
    let create = WatchCreateRequest {
        range_end: Bytes::from_static(b"z"),
        start_revision: 5,
        filters: vec![0, 1, 77],
        prev_kv: true,
        ..on("k")
    };
    let out = Bench::default().create(create);
    let range = KeyRange::Span { start: Bytes::from_static(b"k"), end: Bytes::from_static(b"z") };
    let open = StreamOut::Open {
        key: WatchKey(1),
        range,
        no_put: true,
        no_delete: true,
        want_previous: true,
        from: Some(Revision(5)),
    };
    assert_eq!(out, [open]);
}

#[test]
fn a_creation_without_key_watches_from_the_smallest_one() {
    let mut bench = Bench::default();
    let mut range = |range_end: &'static [u8]| {
        let create = WatchCreateRequest { range_end: range_end.into(), ..on("") };
        match bench.create(create).remove(0) {
            StreamOut::Open { range, from: None, .. } => range,
            other => panic!("not opened from now on: {other:?}"),
        }
    };
    assert_eq!(range(b""), KeyRange::One(Bytes::from_static(b"\0")));
    assert_eq!(range(b"\0"), KeyRange::From(Bytes::from_static(b"\0")));
}

#[test]
fn the_first_answer_says_created_under_the_revision_of_the_store() {
    let mut bench = Bench::default();
    bench.create(on("k"));
    let first = bench.open(1).remove(0);
    assert!(first.created && !first.canceled && first.events.is_empty());
    assert_eq!((first.watch_id, at(&first)), (0, 12));
    assert_eq!(first.header.unwrap().cluster_id, 7);
}

#[test]
fn ids_are_picked_upwards_around_those_that_clients_chose() {
    let mut bench = Bench::default();
    let mut id = |wish| {
        bench.create(WatchCreateRequest { watch_id: wish, ..on("k") });
        let key = bench.keys;
        bench.open(key).remove(0).watch_id
    };
    assert_eq!([id(0), id(2), id(0), id(0), id(-7), id(0)], [0, 2, 1, 3, -7, 4]);
}

#[test]
fn an_id_is_not_picked_again_after_it_was_cancelled() {
    let mut bench = Bench::opened(on("k"));
    bench.cancel(0);
    bench.create(on("k"));
    assert_eq!(bench.open(2).remove(0).watch_id, 1);
}

#[test]
fn an_id_that_is_taken_is_refused_and_free_again_after_its_cancellation() {
    let five = || WatchCreateRequest { watch_id: 5, ..on("k") };
    let mut bench = Bench::opened(five());
    let out = said(bench.create(five()));
    assert_eq!(out.len(), 1);
    refused(&out[0], DUPLICATE);
    bench.cancel(5);
    bench.create(five());
    assert_eq!(bench.open(2).remove(0).watch_id, 5);
}

#[test]
fn a_range_that_holds_nothing_is_refused() {
    for end in ["k", "a"] {
        let create = WatchCreateRequest { range_end: end.into(), ..on("k") };
        let out = said(Bench::default().create(create));
        refused(&out[0], "mvcc: watcher range is empty");
    }
}

#[test]
fn a_negative_start_is_refused_before_an_empty_range() {
    let create = WatchCreateRequest { range_end: "a".into(), ..from(-1) };
    let out = said(Bench::default().create(create));
    refused(&out[0], "etcdserver: mvcc: required revision has been compacted");
    assert_eq!(out[0].compact_revision, 0);
}

#[test]
fn a_refusal_waits_for_the_answers_to_the_creations_before_it() {
    let mut bench = Bench::default();
    bench.create(WatchCreateRequest { watch_id: 5, ..on("k") });
    assert_eq!(bench.create(WatchCreateRequest { watch_id: 5, ..on("k") }), []);
    let out = bench.open(1);
    assert_eq!(out.len(), 2);
    assert!(out[0].created && !out[0].canceled);
    refused(&out[1], DUPLICATE);
}

#[test]
fn a_live_watch_gets_one_response_a_revision_under_that_revision() {
    let mut bench = Bench::opened(on("k"));
    let out = bench.changes(20, vec![(13, vec![put(13), put(13)]), (15, vec![put(15)])]);
    assert_eq!(shape(&out), [(13, 2), (15, 1)]);
    assert!(out.iter().all(|response| response.watch_id == 0 && !response.created));
}

#[test]
fn a_live_watch_that_does_not_keep_up_gets_one_response_and_stays_live() {
    let mut bench = Bench::opened(on("k"));
    let many = |from: u64| (from..from + 9).map(|at| (at, vec![put(at)])).collect();
    assert_eq!(shape(&bench.changes(30, many(13))), [(30, 9)]);
    assert_eq!(shape(&bench.changes(31, vec![(22, vec![put(22)])])), [(22, 1)]);
}

#[test]
fn a_watch_that_is_behind_gets_one_response_under_the_revision_of_the_store() {
    let mut bench = Bench::opened(from(3));
    let out = bench.changes(14, vec![(3, vec![put(3)]), (7, vec![put(7), put(7)])]);
    assert_eq!(shape(&out), [(14, 3)]);
}

#[test]
fn a_watch_that_has_caught_up_is_live() {
    let mut bench = Bench::opened(from(3));
    let out = bench.changes(14, vec![(3, vec![put(3)]), (14, vec![put(14)])]);
    assert_eq!(shape(&out), [(14, 2)]);
    let out = bench.changes(16, vec![(15, vec![put(15)]), (16, vec![put(16)])]);
    assert_eq!(shape(&out), [(15, 1), (16, 1)]);
}

#[test]
fn a_watch_is_behind_as_long_as_the_store_is_one_revision_ahead() {
    let mut bench = Bench::opened(from(3));
    bench.changes(14, vec![(13, vec![put(13)])]);
    let out = bench.changes(16, vec![(14, vec![put(14)]), (16, vec![put(16)])]);
    assert_eq!(shape(&out), [(16, 2)]);
}

#[test]
fn from_now_on_leaves_out_what_is_there_already() {
    let mut bench = Bench::opened(on("k"));
    let out = bench.changes(13, vec![(12, vec![put(12)]), (13, vec![put(13)])]);
    assert_eq!(shape(&out), [(13, 1)]);
}

#[test]
fn a_watch_of_the_future_sees_nothing_earlier() {
    let mut bench = Bench::opened(from(20));
    assert_eq!(bench.changes(19, vec![(13, vec![put(13)]), (19, vec![put(19)])]), []);
    assert_eq!(shape(&bench.changes(20, vec![(20, vec![put(20)])])), [(20, 1)]);
}

#[test]
fn no_revision_is_told_twice() {
    let mut bench = Bench::opened(on("k"));
    bench.changes(14, vec![(14, vec![put(14)])]);
    let out = bench.changes(15, vec![(14, vec![put(14)]), (15, vec![put(15)])]);
    assert_eq!(shape(&out), [(15, 1)]);
}

#[test]
fn a_put_shows_the_whole_pair_and_a_deletion_key_and_revision_only() {
    let mut bench = Bench::opened(WatchCreateRequest { prev_kv: true, ..on("k") });
    let events = bench.changes(13, vec![(13, vec![put(13), deletion(13)])]).remove(0).events;
    let kv = events[0].kv.clone().unwrap();
    assert_eq!(events[0].r#type(), EventType::Put);
    assert_eq!((kv.create_revision, kv.mod_revision, kv.version, kv.lease), (2, 13, 4, 6));
    assert_eq!(&kv.value[..], b"v");
    let kv = events[1].kv.clone().unwrap();
    assert_eq!(events[1].r#type(), EventType::Delete);
    assert_eq!((kv.create_revision, kv.mod_revision, kv.version, kv.lease), (0, 13, 0, 0));
    assert_eq!((&kv.key[..], kv.value.is_empty()), (&b"k"[..], true));
}

#[test]
fn the_pair_before_is_told_only_if_it_was_asked_for() {
    for prev_kv in [true, false] {
        let mut bench = Bench::opened(WatchCreateRequest { prev_kv, ..on("k") });
        let events = bench.changes(13, vec![(13, vec![put(13), deletion(13)])]).remove(0).events;
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|event| event.prev_kv.is_some() == prev_kv));
    }
}

#[test]
fn filters_drop_what_they_name_and_nothing_else() {
    for (filters, kept) in [
        (vec![0], vec![EventType::Delete]),
        (vec![1], vec![EventType::Put]),
        (vec![], vec![EventType::Put, EventType::Delete]),
        (vec![9], vec![EventType::Put, EventType::Delete]),
    ] {
        let mut bench = Bench::opened(WatchCreateRequest { filters, ..on("k") });
        let events = bench.changes(13, vec![(13, vec![put(13), deletion(13)])]).remove(0).events;
        assert_eq!(events.iter().map(|event| event.r#type()).collect::<Vec<_>>(), kept);
    }
}

#[test]
fn a_response_with_no_event_left_is_not_sent() {
    let mut bench = Bench::opened(WatchCreateRequest { filters: vec![0], ..on("k") });
    let out = bench.changes(14, vec![(13, vec![put(13)]), (14, vec![deletion(14)])]);
    assert_eq!(shape(&out), [(14, 1)]);
    assert_eq!(bench.changes(15, vec![(15, vec![put(15)])]), []);
}

#[test]
fn a_large_revision_comes_in_parts_only_if_the_client_puts_parts_together() {
    let large = || {
        let mut change = put(13);
        let value = Bytes::from(vec![b'v'; PART_BYTES_MAX / 2]);
        change.kv = KeyValue { value, ..change.kv.into() }.into();
        change
    };
    let mut bench = Bench::opened(on("k"));
    let out = bench.changes(13, vec![(13, vec![large(), large(), large()])]);
    assert_eq!(shape(&out), [(13, 3)]);
    let mut bench = Bench::opened(WatchCreateRequest { fragment: true, ..on("k") });
    let out = bench.changes(13, vec![(13, vec![large(), large(), large()])]);
    assert_eq!(shape(&out), [(13, 1), (13, 1), (13, 1)]);
    assert_eq!(out.iter().map(|part| part.fragment).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn a_cancellation_is_answered_and_nothing_is_told_after_it() {
    let mut bench = Bench::opened(on("k"));
    let out = bench.cancel(0);
    assert_eq!(out[0], StreamOut::Close { key: WatchKey(1) });
    let out = said(out);
    assert_eq!(out.len(), 1);
    assert!(out[0].canceled && !out[0].created && out[0].cancel_reason.is_empty());
    assert_eq!((out[0].watch_id, out[0].compact_revision, at(&out[0])), (0, 0, 10));
    assert_eq!(bench.changes(13, vec![(13, vec![put(13)])]), []);
    assert_eq!(bench.tell(1, WatchEvent::Ended), []);
}

#[test]
fn an_unknown_id_is_not_answered() {
    let mut bench = Bench::opened(on("k"));
    assert_eq!(bench.cancel(9), []);
    bench.cancel(0);
    assert_eq!(bench.cancel(0), []);
}

#[test]
fn a_cancellation_before_the_node_answered_still_says_created_first() {
    let mut bench = Bench::default();
    bench.create(WatchCreateRequest { watch_id: 5, ..on("k") });
    let out = said(bench.cancel(5));
    assert_eq!(out.len(), 2);
    assert!(out[0].created && !out[0].canceled && out[1].canceled && !out[1].created);
    assert_eq!(bench.open(1), []);
}

#[test]
fn a_compacted_watch_is_created_then_cancelled_under_the_revision_to_begin_from() {
    for opened_first in [true, false] {
        let mut bench = Bench::default();
        bench.create(from(3));
        let mut out = if opened_first { bench.open(1) } else { vec![] };
        out.extend(bench.tell(1, WatchEvent::Compacted { oldest: Revision(8) }));
        assert_eq!(out.len(), 2);
        assert!(out[0].created && !out[0].canceled);
        assert!(out[1].canceled && !out[1].created && out[1].cancel_reason.is_empty());
        assert_eq!((out[1].watch_id, out[1].compact_revision, at(&out[1])), (0, 8, 0));
    }
}

#[test]
fn a_compacted_watch_keeps_its_id_until_the_client_cancels() {
    let five = || WatchCreateRequest { watch_id: 5, ..from(3) };
    let mut bench = Bench::opened(five());
    bench.tell(1, WatchEvent::Compacted { oldest: Revision(8) });
    assert_eq!(bench.stream.keys().count(), 0);
    assert_eq!(bench.changes(13, vec![(13, vec![put(13)])]), []);
    refused(&said(bench.create(five()))[0], DUPLICATE);
    let out = bench.cancel(5);
    assert_eq!(out.len(), 1, "the node has closed it already");
    assert!(said(out)[0].canceled);
    assert!(matches!(bench.create(five())[..], [StreamOut::Open { .. }]));
}

#[test]
fn a_watch_that_the_node_ends_says_so() {
    let mut bench = Bench::opened(on("k"));
    let out = bench.tell(1, WatchEvent::Ended);
    assert_eq!(out.len(), 1);
    assert!(out[0].canceled && !out[0].created && out[0].watch_id == 0);
    assert_eq!(out[0].cancel_reason, "etcdserver: watch canceled");
    assert_eq!(bench.cancel(0), [], "its id is free");
}

#[test]
fn a_watch_that_the_node_never_opened_is_refused() {
    let mut bench = Bench::default();
    bench.create(on("k"));
    let out = bench.tell(1, WatchEvent::Ended);
    assert_eq!(out.len(), 1);
    refused(&out[0], "etcdserver: watch canceled");
}

#[test]
fn an_empty_request_is_not_answered() {
    let mut bench = Bench::opened(on("k"));
    let none = WatchRequest { request_union: None };
    assert_eq!(bench.stream.on_request(none, HEADER, || panic!("no key is needed")), []);
}

#[test]
fn the_watches_to_close_at_the_end_are_the_open_ones() {
    let mut bench = Bench::default();
    for _ in 0..3 {
        bench.create(on("k"));
    }
    bench.cancel(1);
    assert_eq!(bench.stream.keys().collect::<Vec<_>>(), [WatchKey(1), WatchKey(3)]);
}

fn notified() -> WatchCreateRequest {
    WatchCreateRequest { progress_notify: true, ..on("k") }
}

#[test]
fn a_progress_request_is_answered_when_every_watch_has_said_how_far_it_is() {
    let mut bench = Bench::opened(on("k"));
    bench.create(on("l"));
    bench.open(2);
    let keys = vec![WatchKey(1), WatchKey(2)];
    assert_eq!(bench.ask_progress(), [StreamOut::Progress { keys }]);
    assert_eq!(bench.progress(2, 15), [], "one is not all");
    assert_eq!(bench.progress_of(&[1, 2], 16), [(-1, 16)]);
    assert_eq!(bench.progress_of(&[1, 2], 16), [], "it was answered");
}

#[test]
fn without_watches_a_progress_request_is_dropped() {
    let mut bench = Bench::default();
    assert_eq!(bench.ask_progress(), []);
    bench.create(on("k"));
    bench.tell(1, WatchEvent::Compacted { oldest: Revision(5) });
    assert_eq!(bench.ask_progress(), [], "one that has ended is none");
}

#[test]
fn a_progress_request_is_dropped_when_the_watches_change_meanwhile() {
    let begun = || {
        let mut bench = Bench::opened(on("k"));
        bench.create(on("l"));
        bench.open(2);
        bench.ask_progress();
        bench
    };
    let mut bench = begun();
    bench.create(from(3));
    assert_eq!(bench.progress_of(&[1, 2], 14), [], "the new one may have history to read");
    bench.ask_progress();
    assert_eq!(bench.progress_of(&[1, 2], 14), [], "an answer to the question before");
    assert_eq!(bench.progress_of(&[1, 2, 3], 14), [(-1, 14)]);
    let mut bench = begun();
    bench.cancel(1);
    assert_eq!(bench.progress_of(&[1, 2], 15), []);
    let mut bench = begun();
    bench.tell(2, WatchEvent::Compacted { oldest: Revision(5) });
    assert_eq!(bench.progress_of(&[1, 2], 15), []);
}

#[test]
fn a_bookmark_of_the_stream_never_steps_back_behind_an_event() {
    let mut bench = Bench::opened(on("k"));
    bench.create(on("l"));
    bench.open(2);
    bench.ask_progress();
    bench.changes_of(1, 15, vec![(15, vec![put(15)])]);
    assert_eq!(bench.progress_of(&[1, 2], 14), []);
    bench.ask_progress();
    assert_eq!(bench.progress_of(&[1, 2], 15), [(-1, 15)]);
}

#[test]
fn a_quiet_watch_that_wants_it_is_noticed_each_interval() {
    let mut bench = Bench::opened(notified());
    for revision in [12, 12, 30] {
        assert_eq!(bench.stream.notify_due(), [WatchKey(1)]);
        assert_eq!(bench.progress(1, revision), [(0, revision as i64)]);
        assert_eq!(bench.progress(1, revision), [], "once an interval");
    }
}

#[test]
fn a_watch_that_does_not_want_it_or_is_not_open_is_not_noticed() {
    let mut bench = Bench::opened(on("k"));
    assert_eq!(bench.stream.notify_due(), []);
    bench.create(notified());
    assert_eq!(bench.stream.notify_due(), [], "not open yet");
    bench.open(2);
    assert_eq!(bench.stream.notify_due(), [WatchKey(2)]);
    bench.tell(2, WatchEvent::Compacted { oldest: Revision(20) });
    assert_eq!(bench.stream.notify_due(), []);
}

#[test]
fn a_notice_is_left_out_where_events_went_out_meanwhile() {
    let mut bench = Bench::opened(notified());
    bench.changes(13, vec![(13, vec![put(13)])]);
    assert_eq!(bench.stream.notify_due(), [], "events since the last interval");
    assert_eq!(bench.stream.notify_due(), [WatchKey(1)]);
    bench.changes(14, vec![(14, vec![put(14)])]);
    assert_eq!(bench.progress(1, 14), [], "events since it was asked");
}

#[test]
fn events_that_the_client_filtered_out_leave_a_watch_quiet() {
    let mut bench = Bench::opened(WatchCreateRequest { filters: vec![0], ..notified() });
    assert_eq!(bench.changes(13, vec![(13, vec![put(13)])]), []);
    assert_eq!(bench.stream.notify_due(), [WatchKey(1)]);
    assert_eq!(bench.progress(1, 13), [(0, 13)]);
}

#[test]
fn a_watch_of_the_future_is_not_noticed_before_it_begins() {
    let mut bench = Bench::opened(WatchCreateRequest { start_revision: 20, ..notified() });
    assert_eq!(bench.stream.notify_due(), [WatchKey(1)]);
    assert_eq!(bench.progress(1, 18), []);
    assert_eq!(bench.stream.notify_due(), [WatchKey(1)]);
    assert_eq!(bench.progress(1, 19), [(0, 19)]);
}

#[test]
fn one_answer_of_the_node_serves_a_notice_and_a_request() {
    let mut bench = Bench::opened(notified());
    assert_eq!(bench.stream.notify_due(), [WatchKey(1)]);
    bench.ask_progress();
    assert_eq!(bench.progress(1, 14), [(0, 14), (-1, 14)]);
}
