//! A fingerprint of the state that two replicas can compare.
//!
//! The digest of a set of things is the wrapping sum of their hashes. A sum
//! knows no order, so it depends on what is there and not on the shape of a
//! tree or on the way there, and it follows a change in one addition or
//! subtraction. It finds mistakes, not forgers.

use base::checksum::hash64;

/// One hash of some numbers, in their order.
pub(crate) fn digest<const N: usize>(numbers: &[u64; N]) -> u64 {
    hash64(numbers.map(u64::to_le_bytes).as_flattened())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_numbers_counts() {
        assert_ne!(digest(&[1, 0]), digest(&[0, 1]));
    }
}
