//! What callers ask: commands and questions drawn from a seed, over few keys,
//! so that they meet.

use base::Revision;
use base::prng::Prng;
use bytes::Bytes;
use kv::command::{
    Command, Compare, CompareHow, CompareWith, DeleteRange, KeyRange, Put, RangeQuery, Sort,
    SortTarget, Txn, TxnOp,
};
use node::event::Query;

/// Every key that there can be.
#[must_use]
pub fn everything() -> KeyRange {
    KeyRange::From(Bytes::from_static(b"\0"))
}

/// A change; `value` is never used again, so whoever reads it knows who wrote
/// it. Some pairs are hung on one of the `leases`, which may have ended.
#[must_use]
pub fn command(prng: &mut Prng, keys: u64, value: &str, leases: &[i64]) -> Command {
    let one = key(prng, keys);
    match prng.below(10) {
        0..=4 => {
            let put = put(prng, one, value);
            Command::Put(vary(prng, put, leases))
        }
        5 | 6 => Command::DeleteRange(delete(prng, keys)),
        7 => Command::Txn(nested(prng, keys, value)),
        _ => Command::Txn(txn(prng, keys, value)),
    }
}

/// A put that keeps a part of the pair, or hangs it on a lease.
fn vary(prng: &mut Prng, put: Put, leases: &[i64]) -> Put {
    match prng.below(16) {
        0 => Put { value: None, ..put },
        1 | 2 => Put { lease: None, ..put },
        3..=5 => Put { lease: prng.pick(leases).copied().or(put.lease), ..put },
        _ => put,
    }
}

/// A question that reads a range, perhaps as it was at an old revision.
#[must_use]
pub fn range(prng: &mut Prng, keys: u64, known: Revision) -> RangeQuery {
    // Drawn beside everything else, so that the worlds are what they were before.
    let mut beside = prng.clone().fork();
    let revision = prng.chance(1, 5).then(|| Revision(prng.between(1, known.0.max(1))));
    RangeQuery {
        range: key_range(prng, keys),
        revision,
        limit: if prng.chance(1, 4) { prng.between(1, 3) } else { 0 },
        keys_only: prng.chance(1, 10),
        count_only: prng.chance(1, 10),
        sort: beside.chance(1, 3).then(|| sort(&mut beside)),
        modified: bounds(&mut beside, known),
        create: bounds(&mut beside, known),
    }
}

/// By what, and in most cases in which direction.
fn sort(prng: &mut Prng) -> (SortTarget, Option<Sort>) {
    let target = match prng.below(5) {
        0 => SortTarget::Key,
        1 => SortTarget::Version,
        2 => SortTarget::Create,
        3 => SortTarget::Modified,
        _ => SortTarget::Value,
    };
    let descending = prng.chance(1, 2);
    (target, prng.chance(3, 4).then_some(Sort { target, descending }))
}

/// Bounds of a revision; most often none.
fn bounds(prng: &mut Prng, known: Revision) -> (u64, u64) {
    let bound = |prng: &mut Prng| {
        let newest = prng.between(known.0.saturating_sub(10), known.0 + 1);
        if prng.chance(1, 12) { newest } else { 0 }
    };
    (bound(prng), bound(prng))
}

/// A question.
#[must_use]
pub fn query(prng: &mut Prng, keys: u64, known: Revision) -> Query {
    if prng.chance(1, 8) {
        let ranges = |prng: &mut Prng| vec![TxnOp::Range(newest(key_range(prng, keys)))];
        let one = key(prng, keys);
        let compare = vec![compare(prng, one, "v")];
        return Query::Txn(Txn { compare, success: ranges(prng), failure: ranges(prng) });
    }
    Query::Range(range(prng, keys, known))
}

/// One key, a stretch of keys or all of them.
#[must_use]
pub fn key_range(prng: &mut Prng, keys: u64) -> KeyRange {
    match prng.below(6) {
        0 => everything(),
        1 => KeyRange::Span { start: key(prng, keys), end: key(prng, keys) },
        _ => KeyRange::One(key(prng, keys)),
    }
}

fn key(prng: &mut Prng, keys: u64) -> Bytes {
    format!("k{}", prng.below(keys)).into()
}

fn newest(range: KeyRange) -> RangeQuery {
    RangeQuery {
        range,
        revision: None,
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        modified: (0, 0),
        create: (0, 0),
    }
}

/// A write of one key. Some values are long, so that records cross sectors and
/// segments fill.
#[must_use]
pub fn put(prng: &mut Prng, key: Bytes, value: &str) -> Put {
    let filler = if prng.chance(1, 4) { prng.below(3_000) } else { 0 };
    let value = format!("{value}{}", ".".repeat(filler as usize));
    Put { key, value: Some(value.into()), lease: Some(0), want_previous: prng.chance(1, 4) }
}

fn delete(prng: &mut Prng, keys: u64) -> DeleteRange {
    DeleteRange { range: key_range(prng, keys), want_previous: prng.chance(1, 4) }
}

/// Compare and set, in the ways in which recipes use it.
fn txn(prng: &mut Prng, keys: u64, value: &str) -> Txn {
    let (one, two) = (key(prng, keys), key(prng, keys));
    let compare = vec![compare(prng, one.clone(), value)];
    let mut success = vec![TxnOp::Put(put(prng, one.clone(), value))];
    if two != one {
        success.push(TxnOp::Put(put(prng, two.clone(), &format!("{value}+"))));
    }
    success.push(TxnOp::Range(newest(everything())));
    let otherwise = put(&mut prng.clone().fork(), one.clone(), &format!("{value}-else"));
    let puts = prng.clone().fork().chance(1, 4);
    let failure = match prng.below(3) {
        _ if puts => vec![TxnOp::Put(otherwise)],
        0 => Vec::new(),
        1 => vec![TxnOp::Range(newest(KeyRange::One(one)))],
        _ => {
            vec![TxnOp::DeleteRange(DeleteRange { range: KeyRange::One(two), want_previous: true })]
        }
    };
    Txn { compare, success, failure }
}

/// A transaction inside the branch of another: what it compares is the state
/// before all of it.
fn nested(prng: &mut Prng, keys: u64, value: &str) -> Txn {
    let one = key(prng, keys);
    let inner = txn(prng, keys, value);
    let beside = Bytes::from_static(b"k-beside");
    let beside = put(prng, beside, &format!("{value}-"));
    let compare = vec![compare(prng, one, value)];
    let (success, failure) = (vec![TxnOp::Put(beside), TxnOp::Txn(inner.clone())], vec![]);
    let deeper = Txn { compare, success, failure };
    Txn { compare: inner.compare, success: vec![TxnOp::Txn(deeper)], failure: inner.failure }
}

fn compare(prng: &mut Prng, key: Bytes, value: &str) -> Compare {
    let how = [CompareHow::Equal, CompareHow::Greater, CompareHow::Less, CompareHow::NotEqual];
    let how = prng.pick(&how).copied().unwrap_or(CompareHow::Equal);
    let with = match prng.below(5) {
        4 => CompareWith::Lease(0),
        0 => CompareWith::Version(prng.below(4).cast_signed()),
        1 => CompareWith::Create(0),
        2 => CompareWith::Modified(prng.below(50).cast_signed()),
        _ => CompareWith::Value(value.to_owned().into()),
    };
    Compare { range: KeyRange::One(key), how, with }
}
