//! What a range query answers: collect, filter, sort, cut, in that order.

use crate::command::{KeyValue, KvError, RangeQuery, RangeReply, SortTarget};
use crate::pair::{Fields, Pair};
use crate::store::Store;
use alloc::vec::Vec;
use base::Revision;
use bytes::Bytes;
use core::cmp::Ordering;

/// Refuses a query of a revision that is not kept any more or not made yet.
pub(crate) fn check_window(store: &Store, query: &RangeQuery) -> Result<(), KvError> {
    query.revision.map_or(Ok(()), |at| check_revision(store, at))
}

/// Refuses a revision that is not kept any more or not made yet.
pub(crate) fn check_revision(store: &Store, at: Revision) -> Result<(), KvError> {
    if at > store.revision() {
        Err(KvError::FutureRevision)
    } else if at < base::mutant!(CompactedIsRead, store.oldest(), store.oldest().prev()) {
        Err(KvError::Compacted { oldest: store.oldest() })
    } else {
        Ok(())
    }
}

/// Answers `query`; where it names no revision, as of `newest`.
pub(crate) fn evaluate(store: &Store, query: &RangeQuery, newest: Revision) -> RangeReply {
    let at = query.revision.unwrap_or(newest);
    let page = store.range(&query.range, at, fetched(query));
    let looked = if query.count_only { page.count } else { page.pairs.len() as u64 };
    let count = base::mutant!(CountStopsAtLimit, page.count, looked);
    let mut pairs = page.pairs;
    if filters(query) {
        pairs.retain(|kv| passes(query, &kv.fields()));
    }
    sort(&mut pairs, query);
    let more = !query.count_only && cut(&mut pairs, query.limit);
    let kvs = pairs.into_iter().map(|kv| answer(kv, query.keys_only)).collect();
    RangeReply { kvs, more, count }
}

/// How many pairs must be looked at. Whatever filters or sorts needs them all,
/// but for the order "none by another target than the key", which etcd cuts
/// first and sorts then. One more than the limit says whether there is more.
fn fetched(query: &RangeQuery) -> usize {
    if query.count_only {
        return 0;
    }
    let all = query.limit == 0 || filters(query) || sorts_before_the_cut(query);
    if all {
        usize::MAX
    } else {
        usize::try_from(query.limit).unwrap_or(usize::MAX).saturating_add(1)
    }
}

fn filters(query: &RangeQuery) -> bool {
    query.modified != (0, 0) || query.create != (0, 0)
}

fn sorts_before_the_cut(query: &RangeQuery) -> bool {
    match query.sort {
        None | Some((_, None)) => false,
        Some((_, Some(order))) => order.descending || order.target != SortTarget::Key,
    }
}

fn passes(query: &RangeQuery, kv: &Fields<'_>) -> bool {
    within(query.modified, kv.modified) && within(query.create, kv.create)
}

const fn within((low, high): (u64, u64), revision: Revision) -> bool {
    (low == 0 || revision.0 >= low) && (high == 0 || revision.0 <= high)
}

/// Equal ones stay in key order, in either direction.
fn sort(pairs: &mut [Pair], query: &RangeQuery) {
    match query.sort {
        None => {}
        Some((target, None)) => pairs.sort_by(|a, b| compare(target, a, b)),
        Some((_, Some(order))) if order.descending => {
            pairs.sort_by(|a, b| compare(order.target, b, a));
        }
        Some((_, Some(order))) => pairs.sort_by(|a, b| compare(order.target, a, b)),
    }
}

fn compare(target: SortTarget, a: &Pair, b: &Pair) -> Ordering {
    let (a, b) = (a.fields(), b.fields());
    match target {
        SortTarget::Key => a.key.cmp(b.key),
        SortTarget::Version => a.version.cmp(&b.version),
        SortTarget::Create => a.create.cmp(&b.create),
        SortTarget::Modified => a.modified.cmp(&b.modified),
        SortTarget::Value => a.value.cmp(b.value),
    }
}

/// Cuts to `limit`; says whether something was cut off.
fn cut(pairs: &mut Vec<Pair>, limit: u64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = limit != 0 && pairs.len() > limit;
    if more {
        pairs.truncate(limit);
    }
    more
}

fn answer(kv: Pair, keys_only: bool) -> KeyValue {
    let mut kv = KeyValue::from(kv);
    if keys_only {
        kv.value = Bytes::new();
    }
    kv
}
