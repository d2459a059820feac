//! How long the parts of a backup are.

/// What stands before the sum is a multiple of this.
const ALIGN_BYTES: u64 = 512;

/// Length and id, before each chunk.
pub(super) const LISTED_BYTES: usize = 36;

/// Count, bytes and the checkpoint's id, behind the length that ends the list.
pub(super) const TOTALS_BYTES: usize = 48;

/// Zeros between the totals, which end at `end`, and the sum.
pub(super) const fn padding(end: u64) -> usize {
    (end.next_multiple_of(ALIGN_BYTES) - end) as usize
}
