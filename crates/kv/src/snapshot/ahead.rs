//! Looking ahead, so that memory is waited for less often.
//!
//! Pairs lie wherever they were written: a walk in the order of the keys waits
//! for memory twice for each one, which takes longer than all else. Waiting for
//! many at once takes hardly longer than for one.

use crate::store::Kept;
use alloc::vec::{IntoIter, Vec};
use core::hint::black_box;

/// How many are looked at together.
const BATCH: usize = 32;

/// The same versions, each looked at before its turn comes.
pub(super) struct Ahead<'a, I> {
    versions: I,
    batch: IntoIter<Kept<'a>>,
}

impl<'a, I: Iterator<Item = Kept<'a>>> Ahead<'a, I> {
    pub(super) fn new(versions: I) -> Self {
        Self { versions, batch: Vec::new().into_iter() }
    }

    fn look(&mut self) {
        let batch: Vec<Kept<'a>> = self.versions.by_ref().take(BATCH).collect();
        let pairs = batch.iter().map(|kept| kept.version);
        black_box(pairs.fold(0u64, |sum, pair| sum.wrapping_add(pair.digest())));
        self.batch = batch.into_iter();
    }
}

impl<'a, I: Iterator<Item = Kept<'a>>> Iterator for Ahead<'a, I> {
    type Item = Kept<'a>;

    fn next(&mut self) -> Option<Kept<'a>> {
        if self.batch.len() == 0 {
            self.look();
        }
        self.batch.next()
    }
}
