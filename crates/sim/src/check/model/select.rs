//! Which pairs a query or a compare is about, and what it says of them.

use base::Revision;
use bytes::Bytes;
use kv::command::{
    Compare, CompareHow, CompareWith, KeyRange, KeyValue, RangeQuery, RangeReply, Sort, SortTarget,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The pairs of one state.
pub(super) type Pairs = BTreeMap<Bytes, Arc<KeyValue>>;

/// Whether a key is in a range.
#[must_use]
pub fn inside(range: &KeyRange, key: &[u8]) -> bool {
    match range {
        KeyRange::One(one) => one == key,
        KeyRange::Span { start, end } => start <= key && key < end,
        KeyRange::From(start) => start <= key,
    }
}

/// What a range query answers, by etcd's steps: collect, filter, sort, cut.
pub(super) fn range(pairs: &Pairs, query: &RangeQuery) -> RangeReply {
    let all: Vec<_> = pairs.values().filter(|kv| inside(&query.range, &kv.key)).collect();
    let count = all.len() as u64;
    if query.count_only {
        return RangeReply { kvs: Vec::new(), more: false, count };
    }
    let mut left: Vec<KeyValue> =
        all.into_iter().filter(|kv| passes(query, kv)).map(|kv| KeyValue::clone(kv)).collect();
    let passed = left.len();
    let limit = if query.limit == 0 { passed } else { query.limit as usize };
    match query.sort {
        None => {}
        Some((_, Some(sort))) => order(&mut left, sort),
        // Without a direction only what the cut leaves and one pair more is
        // sorted, unless bounds made it look at all of them.
        Some((target, None)) => {
            if (query.modified, query.create) == ((0, 0), (0, 0)) && query.limit != 0 {
                left.truncate(limit.saturating_add(1));
            }
            order(&mut left, Sort { target, descending: false });
        }
    }
    left.truncate(limit);
    if query.keys_only {
        left.iter_mut().for_each(|kv| kv.value = Bytes::new());
    }
    RangeReply { more: passed > left.len(), kvs: left, count }
}

fn passes(query: &RangeQuery, kv: &KeyValue) -> bool {
    let within = |(low, high): (u64, u64), at: Revision| low <= at.0 && (high == 0 || at.0 <= high);
    within(query.modified, kv.modified) && within(query.create, kv.create)
}

/// Equal ones stay in the order of their keys, whatever the direction.
fn order(kvs: &mut [KeyValue], sort: Sort) {
    let rank = |kv: &KeyValue| match sort.target {
        SortTarget::Key => (0, kv.key.clone()),
        SortTarget::Version => (kv.version, Bytes::new()),
        SortTarget::Create => (kv.create.0, Bytes::new()),
        SortTarget::Modified => (kv.modified.0, Bytes::new()),
        SortTarget::Value => (0, kv.value.clone()),
    };
    if sort.descending {
        kvs.sort_by_key(|kv| core::cmp::Reverse(rank(kv)));
    } else {
        kvs.sort_by_key(rank);
    }
}

/// Whether a compare holds for all pairs in its range.
pub(super) fn holds(pairs: &Pairs, compare: &Compare) -> bool {
    let mut found = pairs.values().filter(|kv| inside(&compare.range, &kv.key)).peekable();
    if found.peek().is_none() {
        let zero = |given: i64| relates(compare.how, i128::from(0u8), i128::from(given));
        return match &compare.with {
            CompareWith::Value(_) => false,
            CompareWith::Version(it)
            | CompareWith::Create(it)
            | CompareWith::Modified(it)
            | CompareWith::Lease(it) => zero(*it),
        };
    }
    found.all(|kv| match &compare.with {
        CompareWith::Version(it) => relates(compare.how, kv.version.into(), i128::from(*it)),
        CompareWith::Create(it) => relates(compare.how, kv.create.0.into(), i128::from(*it)),
        CompareWith::Modified(it) => relates(compare.how, kv.modified.0.into(), i128::from(*it)),
        CompareWith::Value(it) => relates(compare.how, &kv.value, it),
        CompareWith::Lease(it) => relates(compare.how, kv.lease, *it),
    })
}

fn relates<T: Ord>(how: CompareHow, stored: T, given: T) -> bool {
    match how {
        CompareHow::Equal => stored == given,
        CompareHow::Greater => stored > given,
        CompareHow::Less => stored < given,
        CompareHow::NotEqual => stored != given,
    }
}
