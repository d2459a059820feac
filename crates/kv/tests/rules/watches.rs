//! What a watch is told.

use crate::build::{Keyspace, all, delete, one, op_delete, op_put, put, span, story, txn};
use base::Revision;
use kv::command::{Changes, KeyRange};
use kv::watch::WatchFilter;
use std::sync::Arc;

fn of(range: KeyRange) -> WatchFilter {
    WatchFilter { range, no_put: false, no_delete: false, want_previous: false }
}

/// Revisions 2 to 6.
fn sample() -> Keyspace {
    let mut keyspace = Keyspace::with(&[("a", "1"), ("b", "1"), ("a", "2")]);
    keyspace.txn(txn([op_put("d", "1"), op_put("c", "1"), op_delete(one("a"))]));
    keyspace.delete(delete(span("b", "d")));
    keyspace
}

#[test]
fn revisions_come_in_order_and_changes_as_they_were_made() {
    let page = sample().0.changes(&of(all()), Revision(2), 100).unwrap();
    let wanted = ["2: a=1", "3: b=1", "4: a=2", "5: d=1 c=1 -a", "6: -b -c"];
    assert_eq!((story(&page.batches), page.next), (wanted.map(String::from).into(), Revision(7)));
}

#[test]
fn a_page_ends_between_revisions_and_says_where_to_go_on() {
    let keyspace = sample();
    let page = keyspace.0.changes(&of(all()), Revision(4), 2).unwrap();
    assert_eq!((story(&page.batches).len(), page.next), (2, Revision(6)));
    let page = keyspace.0.changes(&of(one("d")), Revision(2), 2).unwrap();
    assert_eq!((page.batches.len(), page.next), (0, Revision(4)), "empty, but more to come");
    let page = keyspace.0.changes(&of(all()), Revision(6), 1).unwrap();
    assert_eq!((story(&page.batches), page.next), (vec!["6: -b -c".into()], Revision(7)));
    let page = keyspace.0.changes(&of(all()), Revision(2), 0).unwrap();
    assert_eq!(page.next, Revision(3), "a page always goes on");
}

#[test]
fn filters_drop_only_what_they_name() {
    let keyspace = sample();
    let told = |filter| story(&keyspace.0.changes(&filter, Revision(4), 100).unwrap().batches);
    assert_eq!(told(WatchFilter { no_put: true, ..of(all()) }), ["5: -a", "6: -b -c"]);
    assert_eq!(told(WatchFilter { no_delete: true, ..of(all()) }), ["4: a=2", "5: d=1 c=1"]);
    assert_eq!(told(of(one("c"))), ["5: c=1", "6: -c"]);
    assert!(told(WatchFilter { no_put: true, no_delete: true, ..of(all()) }).is_empty());
}

#[test]
fn the_pair_before_is_told_if_asked_and_if_there_was_one() {
    let keyspace = sample();
    let told = |want_previous| {
        let filter = WatchFilter { want_previous, ..of(one("a")) };
        let page = keyspace.0.changes(&filter, Revision(2), 100).unwrap();
        let previous = page.batches.iter().flat_map(|batch| batch.changes.iter());
        previous
            .map(|change| change.previous.as_ref().map(|kv| kv.modified().0))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(true), [None, Some(2), Some(4)]);
    assert_eq!(told(false), [None, None, None]);
}

#[test]
fn a_watch_of_the_future_waits() {
    let mut keyspace = sample();
    let page = keyspace.0.changes(&of(all()), Revision(9), 100).unwrap();
    assert_eq!((page.batches.len(), page.next), (0, Revision(9)));
    for value in ["7", "8", "9"] {
        keyspace.put(put("f", value));
    }
    let page = keyspace.0.changes(&of(all()), Revision(9), 100).unwrap();
    assert_eq!(story(&page.batches), ["9: f=9"]);
}

#[test]
fn a_tombstone_holds_its_key_and_its_revision_only() {
    let page = sample().0.changes(&of(one("b")), Revision(6), 1).unwrap();
    let kv = page.batches[0].changes[0].kv.fields();
    assert_eq!((kv.create.0, kv.modified.0, kv.version, kv.value.len()), (0, 6, 0, 0));
}

/// A thousand watches of everything cost a thousand pointers.
#[test]
fn a_revision_that_is_wanted_whole_is_shared() {
    let keyspace = sample();
    let filter = WatchFilter { want_previous: true, ..of(all()) };
    let pages = [1, 100].map(|max| keyspace.0.changes(&filter, Revision(5), max).unwrap());
    let [one, other]: [&Changes; 2] = pages.each_ref().map(|page| &page.batches[0]);
    assert!(Arc::ptr_eq(&one.changes, &other.changes));
}

/// Many clients refuse a message above 4 MiB.
#[test]
fn a_page_ends_before_it_has_too_many_bytes() {
    let mut keyspace = Keyspace::with(&[]);
    let value = "v".repeat(300 << 10);
    for _ in 0..8 {
        keyspace.put(put("a", &value));
    }
    keyspace.put(put("a", &"v".repeat(2 << 20)));
    let (mut from, mut sizes) = (Revision(2), Vec::new());
    while from <= keyspace.0.revision() {
        let page = keyspace.0.changes(&of(all()), from, 100).unwrap();
        sizes.push(page.batches.len());
        from = page.next;
    }
    assert_eq!(sizes, [3, 3, 2, 1], "one revision alone is told whatever its size");
}
