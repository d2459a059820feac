//! Which keys a range holds.

use crate::command::KeyRange;
use bytes::Bytes;
use core::ops::Bound;

impl KeyRange {
    /// The first key that the range may hold.
    #[must_use]
    pub const fn start(&self) -> &Bytes {
        match self {
            Self::One(start) | Self::Span { start, .. } | Self::From(start) => start,
        }
    }

    /// Whether no key at all can be in the range.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Span { start, end } => end <= start,
            Self::One(_) | Self::From(_) => false,
        }
    }

    /// Whether `key` is in the range.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        match self {
            Self::One(one) => one == key,
            Self::Span { start, end } => start <= key && key < &end[..],
            Self::From(start) => start <= key,
        }
    }

    /// The range for an ordered map. Never backwards: maps may panic at that,
    /// so an empty range becomes the empty bounds at its start.
    #[must_use]
    pub fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let from = Bound::Included(&self.start()[..]);
        match self {
            Self::One(key) => (from, Bound::Included(key)),
            Self::Span { start, end } => (from, Bound::Excluded(end.max(start))),
            Self::From(_) => (from, Bound::Unbounded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// `contains` and `bounds` are two ways to say one thing.
    #[test]
    fn both_views_agree() {
        let b = Bytes::from_static;
        let keys: BTreeSet<Bytes> = [b"a", b"b", b"c"].map(|key| b(key)).into();
        let span = |start, end| KeyRange::Span { start: b(start), end: b(end) };
        let table = [
            (KeyRange::One(b(b"b")), "b"),
            (KeyRange::One(b(b"bb")), ""),
            (span(b"a", b"c"), "ab"),
            (span(b"b", b"b"), ""),
            (span(b"c", b"a"), ""),
            (span(b"b", b""), ""),
            (KeyRange::From(b(b"b")), "bc"),
            (KeyRange::From(b(b"\0")), "abc"),
        ];
        for (range, wanted) in table {
            let filtered: Vec<_> = keys.iter().filter(|key| range.contains(key)).collect();
            let ranged: Vec<_> = keys.range::<[u8], _>(range.bounds()).collect();
            assert_eq!(
                filtered.iter().flat_map(|key| key.iter().copied()).collect::<Vec<_>>(),
                wanted.as_bytes()
            );
            assert_eq!(filtered, ranged, "{range:?}");
            assert!(!range.is_empty() || wanted.is_empty());
        }
    }
}
