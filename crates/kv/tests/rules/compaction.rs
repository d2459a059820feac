//! What is forgotten, and what is not.

use crate::build::{Keyspace, all, at, delete, one, put, span, story, text};
use base::Revision;
use kv::command::{Command, Compact, KvError, OpReply, Reply};
use kv::watch::{Compacted, WatchFilter};

fn compact(keyspace: &mut Keyspace, revision: u64) -> Reply {
    let revision = Revision(revision);
    keyspace.apply(&Command::Compact(Compact { revision, physical: false }))
}

fn filter() -> WatchFilter {
    WatchFilter { range: all(), no_put: false, no_delete: false, want_previous: true }
}

/// Revisions 2 to 7: a is written thrice, b is deleted at 5, c at 7.
fn sample() -> Keyspace {
    let mut keyspace = Keyspace::with(&[("a", "1"), ("b", "1"), ("a", "2")]);
    keyspace.delete(delete(one("b")));
    keyspace.put(put("c", "1"));
    keyspace.delete(delete(one("c")));
    keyspace
}

fn sweep(keyspace: &mut Keyspace, budget: usize) -> u32 {
    let mut slices = 1;
    while keyspace.0.sweep(budget) {
        keyspace.0.validate();
        slices += 1;
    }
    keyspace.0.validate();
    slices
}

#[test]
fn the_revision_itself_stays_readable_and_what_is_below_is_refused_at_once() {
    let mut keyspace = sample();
    let reply = compact(&mut keyspace, 4);
    assert_eq!((reply.result, reply.revision), (Ok(OpReply::Compact), Revision(7)));
    let oldest = Revision(4);
    assert_eq!(keyspace.refused(&at(3, all())), KvError::Compacted { oldest });
    for _ in 0..2 {
        assert_eq!(text(&keyspace.range(&at(4, all())).kvs), "a=2 b=1");
        assert_eq!(text(&keyspace.range(&at(5, all())).kvs), "a=2");
        assert_eq!(keyspace.range(&at(4, span("a", "c"))).count, 2);
        sweep(&mut keyspace, 1);
    }
}

#[test]
fn only_a_revision_that_is_newer_and_exists_can_be_compacted() {
    let mut keyspace = sample();
    assert_eq!(compact(&mut keyspace, 8).result, Err(KvError::FutureRevision));
    assert!(compact(&mut keyspace, 0).result.is_ok(), "zero once");
    let oldest = Revision(1);
    assert_eq!(compact(&mut keyspace, 0).result, Err(KvError::Compacted { oldest }));
    assert!(compact(&mut keyspace, 7).result.is_ok(), "the newest one");
    let oldest = Revision(7);
    for revision in [0, 6, 7] {
        assert_eq!(compact(&mut keyspace, revision).result, Err(KvError::Compacted { oldest }));
    }
}

/// A deletion at the compacted revision is an event that a watch may start at.
#[test]
fn a_watch_may_start_at_the_compacted_revision_and_not_before() {
    let mut keyspace = sample();
    compact(&mut keyspace, 5);
    for _ in 0..2 {
        let changes = |from| keyspace.0.changes(&filter(), Revision(from), 100);
        assert_eq!(changes(4), Err(Compacted { oldest: Revision(5) }));
        let page = changes(5).unwrap();
        assert_eq!(story(&page.batches), ["5: -b", "6: c=1", "7: -c"]);
        let previous = |at: usize| page.batches[at].changes[0].previous.clone();
        assert_eq!(previous(0), None, "the pair before is compacted");
        assert_eq!(previous(2).map(|kv| kv.modified()), Some(Revision(6)));
        sweep(&mut keyspace, 100);
    }
}

#[test]
fn no_answer_and_no_hash_depends_on_the_sweep() {
    let (mut one, mut other) = (sample(), sample());
    for revision in [4, 6, 7] {
        compact(&mut one, revision);
        compact(&mut other, revision);
        one.0.sweep(1);
        assert_eq!(one.0.state_hash(), other.0.state_hash());
        assert_eq!(one.0.bytes_held(), other.0.bytes_held());
    }
    assert!(sweep(&mut one, 1) > 1, "in slices");
    assert!(one.0.is_swept() && !other.0.is_swept());
    assert_eq!(one.0.state_hash(), other.0.state_hash());
    assert_eq!(one.0.hash_at(Revision(7)), other.0.hash_at(Revision(7)));
    assert!(one.0.hash_at(Revision(6)).is_err());
}

#[test]
fn compaction_gives_room_back() {
    let mut keyspace = Keyspace::with(&[("a", "1")]);
    let alone = keyspace.0.bytes_held();
    for _ in 0..10 {
        keyspace.put(put("a", "2"));
    }
    assert!(keyspace.0.bytes_held() > 8 * alone);
    compact(&mut keyspace, 12);
    assert!(keyspace.0.bytes_held() <= alone);
    keyspace.delete(delete(one("a")));
    compact(&mut keyspace, 13);
    assert_eq!(keyspace.0.bytes_held(), 0);
}

/// A large deletion is one revision; a sweep must not take it as one slice.
#[test]
fn a_sweep_stops_inside_a_revision_and_a_later_compaction_takes_what_was_kept() {
    let mut keyspace = Keyspace::with(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
    keyspace.delete(delete(all()));
    keyspace.put(put("a", "2"));
    compact(&mut keyspace, 6);
    let mut slices = 0;
    while keyspace.0.sweep(1) {
        slices += 1;
        keyspace.0.validate();
        // The goal moves while the deletions at 6 may be half seen.
        let mut moved = Keyspace(keyspace.0.clone());
        compact(&mut moved, 7);
        sweep(&mut moved, 1);
        assert_eq!(text(&moved.range(&at(7, all())).kvs), "a=2");
    }
    assert!(slices > 5, "{slices} slices");
}

/// However small the slices of a sweep are, it keeps pace with the writers.
#[test]
fn a_sweep_is_through_before_half_as_much_is_written_again() {
    let mut keyspace = Keyspace::with(&[("a", "1")]);
    let write = |keyspace: &mut Keyspace| {
        (0..10).for_each(|_| _ = keyspace.put(put("a", "2")));
    };
    (0..40).for_each(|_| write(&mut keyspace));
    compact(&mut keyspace, 400);
    let turns = (1..).find(|_| {
        write(&mut keyspace);
        !keyspace.0.sweep(1)
    });
    assert!(turns.is_some_and(|it| (15..=21).contains(&it)), "{turns:?} turns of 10 writes");
    keyspace.0.validate();
}

/// A compaction in the middle halves what is not data, whatever the changes take.
#[test]
fn the_middle_of_the_history_is_that_of_its_bytes() {
    let mut keyspace = Keyspace::with(&[]);
    assert_eq!(keyspace.0.middle(), Revision(1), "nothing yet");
    for _ in 0..50 {
        keyspace.put(put("a", "small"));
    }
    let large = "-".repeat(10_000);
    for _ in 0..10 {
        keyspace.put(put("b", &large));
    }
    let mut before = keyspace.0.bytes_of_history();
    assert!((90_000..150_000).contains(&before), "{before}");
    for _ in 0..2 {
        let middle = keyspace.0.middle();
        assert!((52..61).contains(&middle.0), "{middle}");
        compact(&mut keyspace, middle.0);
        let after = keyspace.0.bytes_of_history();
        assert!(after <= before / 2 + 11_000 && after >= before / 2 - 22_000, "{before}, {after}");
        before = after;
    }
    let newest = keyspace.0.revision();
    compact(&mut keyspace, newest.0);
    assert_eq!((keyspace.0.bytes_of_history(), keyspace.0.middle()), (0, newest));
}
