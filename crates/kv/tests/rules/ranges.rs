//! What a range answers.

use crate::build::{Keyspace, all, at, delete, one, put, query, span, text};
use base::Revision;
use kv::command::{KeyRange, KvError, RangeQuery, Sort, SortTarget};

/// Revisions 2 to 6; `b` was written twice.
fn five() -> Keyspace {
    Keyspace::with(&[("b", "9"), ("d", "1"), ("a", "5"), ("c", "3"), ("b", "2")])
}

fn sorted(target: SortTarget, order: Option<bool>) -> RangeQuery {
    let sort = order.map(|descending| Sort { target, descending });
    RangeQuery { sort: Some((target, sort)), ..query(all()) }
}

#[test]
fn keys_come_in_byte_order() {
    let keyspace = five();
    assert_eq!(text(&keyspace.range(&query(all())).kvs), "a=5 b=2 c=3 d=1");
    assert_eq!(text(&keyspace.range(&query(span("b", "d"))).kvs), "b=2 c=3");
    assert_eq!(text(&keyspace.range(&query(one("c"))).kvs), "c=3");
    assert_eq!(text(&keyspace.range(&query(KeyRange::From("c".into()))).kvs), "c=3 d=1");
    assert_eq!(keyspace.range(&query(span("d", "b"))).count, 0, "backwards is empty");
}

#[test]
fn a_limit_cuts_and_says_so_and_the_count_ignores_it() {
    let keyspace = five();
    for (limit, wanted, more) in
        [(0, "a=5 b=2 c=3 d=1", false), (3, "a=5 b=2 c=3", true), (4, "a=5 b=2 c=3 d=1", false)]
    {
        let reply = keyspace.range(&RangeQuery { limit, ..query(all()) });
        assert_eq!((text(&reply.kvs).as_str(), reply.more, reply.count), (wanted, more, 4));
    }
}

#[test]
fn counting_answers_no_pairs_and_no_more() {
    let keyspace = five();
    let reply = keyspace.range(&RangeQuery { count_only: true, limit: 1, ..query(all()) });
    assert_eq!((reply.kvs.len(), reply.more, reply.count), (0, false, 4));
    let reply = keyspace.range(&RangeQuery { count_only: true, ..at(3, all()) });
    assert_eq!(reply.count, 2, "as it was");
}

#[test]
fn keys_only_leaves_the_value_out_and_nothing_else() {
    let keyspace = five();
    let reply = keyspace.range(&RangeQuery { keys_only: true, ..query(one("b")) });
    let mut wanted = keyspace.get("b").unwrap();
    wanted.value.clear();
    assert_eq!(reply.kvs, [wanted]);
}

#[test]
fn every_target_sorts_both_ways() {
    let keyspace = five();
    let table = [
        (SortTarget::Key, "a=5 b=2 c=3 d=1", "d=1 c=3 b=2 a=5"),
        (SortTarget::Version, "a=5 c=3 d=1 b=2", "b=2 a=5 c=3 d=1"),
        (SortTarget::Create, "b=2 d=1 a=5 c=3", "c=3 a=5 d=1 b=2"),
        (SortTarget::Modified, "d=1 a=5 c=3 b=2", "b=2 c=3 a=5 d=1"),
        (SortTarget::Value, "d=1 b=2 c=3 a=5", "a=5 c=3 b=2 d=1"),
    ];
    for (target, up, down) in table {
        assert_eq!(text(&keyspace.range(&sorted(target, Some(false))).kvs), up, "{target:?}");
        assert_eq!(text(&keyspace.range(&sorted(target, Some(true))).kvs), down, "{target:?}");
    }
}

/// A sort sees the whole range before the cut; etcd's order NONE with a target
/// does not: it takes one more than the limit in key order, sorts, then cuts.
#[test]
fn order_none_with_a_target_cuts_first() {
    let keyspace = five();
    let limited = |order| RangeQuery { limit: 2, ..sorted(SortTarget::Value, order) };
    assert_eq!(text(&keyspace.range(&limited(Some(false))).kvs), "d=1 b=2");
    let trap = keyspace.range(&limited(None));
    assert_eq!((text(&trap.kvs).as_str(), trap.more, trap.count), ("b=2 c=3", true, 4));
}

/// A filter needs the whole range, even under order NONE with a target.
#[test]
fn filters_come_before_sort_and_cut() {
    let keyspace = five();
    let newer = RangeQuery { modified: (4, 0), limit: 2, ..query(all()) };
    let reply = keyspace.range(&newer);
    assert_eq!((text(&reply.kvs).as_str(), reply.more, reply.count), ("a=5 b=2", true, 4));
    let trap = RangeQuery { sort: Some((SortTarget::Value, None)), ..newer };
    assert_eq!(text(&keyspace.range(&trap).kvs), "b=2 c=3");
}

#[test]
fn filter_bounds_are_inclusive_and_zero_is_off() {
    let keyspace = five();
    let table = [
        ((0, 0), (0, 0), "a=5 b=2 c=3 d=1"),
        ((3, 5), (0, 0), "a=5 c=3 d=1"),
        ((0, 4), (0, 0), "a=5 d=1"),
        ((0, 0), (3, 0), "a=5 c=3 d=1"),
        ((0, 0), (0, 2), "b=2"),
        ((5, 6), (2, 4), "b=2"),
    ];
    for (modified, create, wanted) in table {
        let reply = keyspace.range(&RangeQuery { modified, create, ..query(all()) });
        assert_eq!((text(&reply.kvs).as_str(), reply.count), (wanted, 4));
    }
}

#[test]
fn only_revisions_that_exist_can_be_read() {
    let keyspace = five();
    assert_eq!(keyspace.refused(&at(7, all())), KvError::FutureRevision);
    assert_eq!(keyspace.refused(&at(0, all())), KvError::Compacted { oldest: Revision(1) });
    assert_eq!(keyspace.range(&at(1, all())).count, 0);
    assert_eq!(keyspace.range(&at(6, all())).count, 4);
}

#[test]
fn the_header_shows_the_current_revision_not_the_asked_one() {
    assert_eq!(five().0.query(&at(2, all())).revision, Revision(6));
}

#[test]
fn the_empty_key_is_no_key() {
    assert_eq!(five().refused(&query(one(""))), KvError::EmptyKey);
    assert_eq!(five().refused(&query(span("", "z"))), KvError::EmptyKey);
}

#[test]
fn a_key_that_is_gone_is_in_no_count() {
    let mut keyspace = five();
    keyspace.delete(delete(span("b", "d")));
    keyspace.put(put("c", "8"));
    assert_eq!(text(&keyspace.range(&query(all())).kvs), "a=5 c=8 d=1");
    assert_eq!(keyspace.range(&at(7, all())).count, 2);
    assert_eq!(keyspace.range(&RangeQuery { limit: 1, ..at(6, span("b", "z")) }).count, 3);
}
