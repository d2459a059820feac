//! Random commands over few keys, so that they meet.

use base::{KeyspaceId, Revision};
use bytes::Bytes;
use kv::command::{
    Alarm, AlarmChange, AlarmKind, Command, Compact, Compare, CompareHow, CompareWith, DeleteRange,
    Envelope, KeyRange, LeaseGrant, Put, RangeQuery, Sort, SortTarget, Txn, TxnOp,
};
use kv::watch::WatchFilter;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) const REVISION_MAX: u64 = 40;

pub(crate) fn key() -> impl Strategy<Value = Bytes> + Clone {
    const KEYS: [&[u8]; 9] =
        [b"a", b"a\0", b"aa", b"b", b"b\xff", b"c", b"\0", b"\xff", b"\xff\xff"];
    prop_oneof![
        40 => prop::sample::select(&KEYS[..]).prop_map(Bytes::from_static),
        1 => Just(Bytes::new()),
    ]
}

pub(crate) fn value() -> impl Strategy<Value = Bytes> {
    vec(0u8..3, 0..3).prop_map(Bytes::from)
}

pub(crate) fn range() -> impl Strategy<Value = KeyRange> + Clone {
    prop_oneof![
        key().prop_map(KeyRange::One),
        (key(), key()).prop_map(|(start, end)| KeyRange::Span { start, end }),
        key().prop_map(KeyRange::From),
    ]
}

fn target() -> impl Strategy<Value = SortTarget> {
    use SortTarget::{Create, Key, Modified, Value, Version};
    prop::sample::select(&[Key, Version, Create, Modified, Value][..])
}

fn sort() -> impl Strategy<Value = (SortTarget, Option<Sort>)> {
    (target(), option::of(any::<bool>())).prop_map(|(target, descending)| {
        (target, descending.map(|descending| Sort { target, descending }))
    })
}

fn bound() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(0), 1 => 1..REVISION_MAX]
}

pub(crate) fn query() -> impl Strategy<Value = RangeQuery> {
    let marks = (prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let bounds = ((bound(), bound()), (bound(), bound()));
    let revision = option::weighted(0.3, (0..REVISION_MAX).prop_map(Revision));
    (range(), revision, 0u64..5, option::of(sort()), marks, bounds).prop_map(
        |(range, revision, limit, sort, (keys_only, count_only), (modified, create))| RangeQuery {
            range,
            revision,
            limit,
            sort,
            keys_only,
            count_only,
            modified,
            create,
        },
    )
}

pub(crate) fn put() -> impl Strategy<Value = Put> {
    let lease = prop_oneof![8 => Just(Some(0)), 2 => Just(None), 6 => (1i64..3).prop_map(Some)];
    (key(), option::weighted(0.8, value()), lease, any::<bool>())
        .prop_map(|(key, value, lease, want_previous)| Put { key, value, lease, want_previous })
}

fn delete() -> impl Strategy<Value = DeleteRange> {
    (range(), any::<bool>()).prop_map(|(range, want_previous)| DeleteRange { range, want_previous })
}

fn compare() -> impl Strategy<Value = Compare> {
    use CompareHow::{Equal, Greater, Less, NotEqual};
    let with = prop_oneof![
        (-1i64..5).prop_map(CompareWith::Version),
        (-1i64..20).prop_map(CompareWith::Create),
        (-1i64..20).prop_map(CompareWith::Modified),
        value().prop_map(CompareWith::Value),
        (-1i64..2).prop_map(CompareWith::Lease),
    ];
    (range(), prop::sample::select(&[Equal, Greater, Less, NotEqual][..]), with)
        .prop_map(|(range, how, with)| Compare { range, how, with })
}

fn assemble(op: impl Strategy<Value = TxnOp> + Clone) -> impl Strategy<Value = Txn> {
    (vec(compare(), 0..3), vec(op.clone(), 0..4), vec(op, 0..4))
        .prop_map(|(compare, success, failure)| Txn { compare, success, failure })
}

/// With up to two more levels inside.
pub(crate) fn txn() -> impl Strategy<Value = Txn> {
    let leaf = prop_oneof![
        2 => query().prop_map(TxnOp::Range),
        3 => put().prop_map(TxnOp::Put),
        1 => delete().prop_map(TxnOp::DeleteRange),
    ];
    let op = leaf.prop_recursive(2, 12, 3, |op| assemble(op).prop_map(TxnOp::Txn));
    assemble(op.boxed())
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        8 => put().prop_map(Command::Put),
        2 => delete().prop_map(Command::DeleteRange),
        6 => txn().prop_map(Command::Txn),
        3 => ((0..REVISION_MAX / 2).prop_map(Revision), any::<bool>())
            .prop_map(|(revision, physical)| Command::Compact(Compact { revision, physical })),
        4 => (0i64..4, ttl()).prop_map(|(id, ttl_s)| Command::LeaseGrant(LeaseGrant { id, ttl_s })),
        2 => (0i64..4).prop_map(|id| Command::LeaseRevoke { id }),
        2 => vec(0i64..4, 0..4).prop_map(|ids| Command::LeaseExpire { ids }),
        1 => alarm().prop_map(Command::Alarm),
    ]
}

fn ttl() -> impl Strategy<Value = u64> {
    prop_oneof![9 => 0u64..100, 1 => 8_999_999_999u64..9_000_000_003]
}

fn alarm() -> impl Strategy<Value = AlarmChange> {
    let kind = prop_oneof![3 => Just(AlarmKind::NoSpace), 1 => Just(AlarmKind::Corrupt)];
    (1u64..3, kind, prop::bool::weighted(0.2))
        .prop_map(|(member, kind, raise)| AlarmChange { alarm: Alarm { member, kind }, raise })
}

/// Who says it, and how far behind its last command the number is: mostly one ahead.
pub(crate) fn numbering() -> impl Strategy<Value = Option<(u64, i64)>> {
    let step = prop_oneof![6 => Just(1i64), 2 => Just(0), 1 => Just(-1), 1 => Just(2)];
    option::weighted(0.3, (0u64..2, step))
}

pub(crate) fn envelope() -> impl Strategy<Value = Envelope> {
    (any::<u64>(), value(), any::<u64>(), any::<u64>(), option::of(any::<(u64, u64)>()), value())
        .prop_map(|(keyspace, caller, auth_revision, wall_ms, sequence, extension)| Envelope {
            keyspace: KeyspaceId(keyspace),
            caller,
            auth_revision,
            wall_ms,
            sequence,
            extension,
        })
}

pub(crate) fn filter() -> impl Strategy<Value = WatchFilter> {
    let rare = || prop::bool::weighted(0.2);
    (range(), rare(), rare(), any::<bool>()).prop_map(
        |(range, no_put, no_delete, want_previous)| WatchFilter {
            range,
            no_put,
            no_delete,
            want_previous,
        },
    )
}
