//! A set of key ranges in which a key is found in logarithmic time.
//!
//! Nested transactions may hold hundreds of thousands of deletions and puts in
//! one request; comparing each with each would stall the lane.

use crate::command::KeyRange;
use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Bound;

/// A range of keys; `end` of `None` is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span<'a> {
    start: &'a [u8],
    end: End<'a>,
}

/// Where a span ends, in ascending order for one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End<'a> {
    Before(&'a [u8]),
    At(&'a [u8]),
    Never,
}

impl<'a> End<'a> {
    /// Whether `key` lies before the end.
    fn admits(self, key: &[u8]) -> bool {
        match self {
            Self::Before(end) => key < end,
            Self::At(end) => key <= end,
            Self::Never => true,
        }
    }

    const fn bound(self) -> Bound<&'a [u8]> {
        match self {
            Self::Before(end) => Bound::Excluded(end),
            Self::At(end) => Bound::Included(end),
            Self::Never => Bound::Unbounded,
        }
    }

    fn later(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::At(key) | Self::Before(key), end) if end.admits(key) => end,
            (end, _) => end,
        }
    }
}

impl<'a> Span<'a> {
    /// The first of `keys` in the span.
    pub(super) fn first_of(&self, keys: &BTreeSet<&'a [u8]>) -> Option<&'a [u8]> {
        let bounds = (Bound::Included(self.start), self.end.bound());
        keys.range::<[u8], _>(bounds).next().copied()
    }
}

/// Spans that do not overlap, by their start.
#[derive(Default, Debug)]
pub(super) struct Spans<'a>(BTreeMap<&'a [u8], End<'a>>);

impl<'a> Spans<'a> {
    pub(super) fn of(range: &'a KeyRange) -> Self {
        let end = match range {
            KeyRange::One(key) => End::At(key),
            KeyRange::Span { end, .. } => End::Before(end),
            KeyRange::From(_) => End::Never,
        };
        let mut spans = Self::default();
        if !range.is_empty() {
            spans.0.insert(range.start(), end);
        }
        spans
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.0.range(..=key).next_back().is_some_and(|(_, end)| end.admits(key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Span<'a>> + '_ {
        self.0.iter().map(|(start, end)| Span { start, end: *end })
    }

    /// Adds a span and joins it with those that it meets. Each insertion
    /// removes what it swallows, so the work is paid by earlier insertions.
    pub(super) fn insert(&mut self, span: Span<'a>) {
        let Span { mut start, mut end } = span;
        if let Some((before, its)) = self.0.range(..=start).next_back()
            && its.admits(start)
        {
            (start, end) = (before, its.later(end));
        }
        while let Some((next, its)) = self.0.range(start..).next()
            && end.admits(next)
        {
            let next = *next;
            end = end.later(*its);
            self.0.remove(next);
        }
        self.0.insert(start, end);
    }
}
