//! Which keys, at which revision, in which order: etcd's conventions, resolved once.

use crate::etcd::error::Status;
use crate::etcd::wire::etcdserverpb::range_request::{SortOrder, SortTarget as WireTarget};
use base::Revision;
use bytes::Bytes;
use kv::command::{KeyRange, Sort, SortTarget};

/// The end that stands for "no end".
const NO_END: &[u8] = b"\0";

/// How a query says in which order it wants its answer.
pub type SortChoice = Option<(SortTarget, Option<Sort>)>;

/// The keys that `key` and `range_end` name; copied, so that nothing that
/// stays holds on to the buffer in which the request came.
#[must_use]
pub fn keys(key: &[u8], range_end: &[u8]) -> KeyRange {
    let start = Bytes::copy_from_slice(key);
    match range_end {
        [] => KeyRange::One(start),
        NO_END => KeyRange::From(start),
        end => KeyRange::Span { start, end: Bytes::copy_from_slice(end) },
    }
}

/// As [`keys`], for requests that must name a key.
pub fn keys_given(key: &[u8], range_end: &[u8]) -> Result<KeyRange, Status> {
    if key.is_empty() {
        return Err(Status::EMPTY_KEY);
    }
    Ok(keys(key, range_end))
}

/// Where a range stands: the same revision number means different things.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A request of its own: zero and every negative number are the newest.
    Alone,
    /// An operation of a transaction: only zero is the newest, a negative
    /// number is older than anything kept.
    InTxn,
}

/// The revision that `number` names; `None` is the newest.
#[must_use]
pub fn revision(number: i64, place: Place) -> Option<Revision> {
    match (u64::try_from(number), place) {
        (Ok(0), _) | (Err(_), Place::Alone) => None,
        (Ok(number), _) => Some(Revision(number)),
        (Err(_), Place::InTxn) => Some(Revision::ZERO),
    }
}

/// The order that two enum numbers name. `bounded` says that the request also
/// bounds revisions: then etcd looks at the whole range before it cuts, and
/// its peculiar "cut first, then sort" does not apply.
pub fn sort(order: i32, target: i32, bounded: bool) -> Result<SortChoice, Status> {
    let order = SortOrder::try_from(order).map_err(|_| Status::INVALID_SORT)?;
    let target = WireTarget::try_from(target).map_err(|_| Status::INVALID_SORT)?;
    let target = match target {
        WireTarget::Key => SortTarget::Key,
        WireTarget::Version => SortTarget::Version,
        WireTarget::Create => SortTarget::Create,
        WireTarget::Mod => SortTarget::Modified,
        WireTarget::Value => SortTarget::Value,
    };
    let sorted = |descending| Some((target, Some(Sort { target, descending })));
    Ok(match (order, target) {
        // A range comes in key order anyway.
        (SortOrder::None | SortOrder::Ascend, SortTarget::Key) => None,
        (SortOrder::None, _) if !bounded => Some((target, None)),
        (SortOrder::None | SortOrder::Ascend, _) => sorted(false),
        (SortOrder::Descend, _) => sorted(true),
    })
}

/// A limit: zero and negative numbers are none.
#[must_use]
pub fn limit(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Bounds of a revision, inclusive, 0 for off. Nothing lies below a negative
/// upper bound; as no key is written at revision 1, the empty store's, that
/// says the same.
#[must_use]
pub fn bounds(min: i64, max: i64) -> (u64, u64) {
    (u64::try_from(min).unwrap_or(0), u64::try_from(max).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static [u8]) -> Bytes {
        Bytes::from_static(text)
    }

    #[test]
    fn an_empty_end_names_one_key() {
        assert_eq!(keys(b"a", b""), KeyRange::One(bytes(b"a")));
    }

    #[test]
    fn a_zero_byte_as_end_names_every_key_from_there_on() {
        assert_eq!(keys(b"a", b"\0"), KeyRange::From(bytes(b"a")));
        assert_eq!(keys(b"\0", b"\0"), KeyRange::From(bytes(b"\0")));
    }

    #[test]
    fn another_end_is_the_first_key_behind_the_range_even_if_that_leaves_nothing() {
        for end in [&b"b"[..], b"a", b"0", b"\0\0"] {
            let span = KeyRange::Span { start: bytes(b"a"), end: Bytes::copy_from_slice(end) };
            assert_eq!(keys(b"a", end), span);
        }
    }

    #[test]
    fn a_range_without_a_key_is_refused_where_a_key_is_needed() {
        assert_eq!(keys_given(b"", b"\0"), Err(Status::EMPTY_KEY));
        assert_eq!(keys_given(b"a", b""), Ok(KeyRange::One(bytes(b"a"))));
    }

    #[test]
    fn a_key_does_not_share_the_buffer_it_came_in() {
        let buffer = bytes(b"a whole receive buffer");
        let KeyRange::One(key) = keys(&buffer.slice(2..7), b"") else { panic!("one key") };
        assert!(!buffer.as_ptr_range().contains(&key.as_ptr()));
    }

    #[test]
    fn revisions_alone_and_inside_a_transaction() {
        //           number  alone              inside
        let table = [
            (0, None, None),
            (-1, None, Some(Revision::ZERO)),
            (i64::MIN, None, Some(Revision::ZERO)),
            (1, Some(Revision(1)), Some(Revision(1))),
            (i64::MAX, Some(Revision(i64::MAX as u64)), Some(Revision(i64::MAX as u64))),
        ];
        for (number, alone, inside) in table {
            assert_eq!(revision(number, Place::Alone), alone);
            assert_eq!(revision(number, Place::InTxn), inside);
        }
    }

    #[test]
    fn every_order_of_every_target() {
        use SortTarget::{Create, Key, Modified, Value, Version};
        for (number, target) in [Key, Version, Create, Modified, Value].into_iter().enumerate() {
            let number = number as i32;
            let sorted = |descending| Some((target, Some(Sort { target, descending })));
            let (none, ascending) =
                if target == Key { (None, None) } else { (Some((target, None)), sorted(false)) };
            assert_eq!(sort(0, number, false), Ok(none));
            assert_eq!(sort(0, number, true), Ok(ascending));
            assert_eq!(sort(1, number, false), Ok(ascending));
            assert_eq!(sort(2, number, false), Ok(sorted(true)));
        }
    }

    #[test]
    fn an_unknown_order_or_target_is_refused() {
        for (order, target) in [(3, 0), (-1, 0), (0, 5), (0, -1), (i32::MAX, i32::MIN)] {
            assert_eq!(sort(order, target, false), Err(Status::INVALID_SORT));
        }
    }

    #[test]
    fn limits_and_bounds_that_are_negative() {
        assert_eq!((limit(0), limit(-5), limit(5)), (0, 0, 5));
        assert_eq!(bounds(0, 0), (0, 0));
        assert_eq!(bounds(3, 9), (3, 9));
        assert_eq!(bounds(-3, 0), (0, 0));
        assert_eq!(bounds(0, -1), (0, 1));
    }
}
