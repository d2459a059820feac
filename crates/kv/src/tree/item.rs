//! What a tree holds, and what may become of it.

use core::borrow::Borrow;
use core::fmt::Debug;

/// Something with a key of its own.
pub(crate) trait Item: Clone {
    /// By what it is ordered.
    type Key: Ord + ?Sized;
    /// A key that a branch can keep for itself. It must not hold more alive
    /// than the key: it may outlive the item by far.
    type Fence: Borrow<Self::Key> + Clone + Debug;
    /// Its key; it never changes while the item is in a tree.
    fn key(&self) -> &Self::Key;
    /// Its key, to keep.
    fn fence(&self) -> Self::Fence;
    /// How much it counts in the weight of a range.
    fn weight(&self) -> u64;
}

/// What becomes of the place that was looked for.
pub(crate) enum Change<T> {
    /// It stays as it is now: changed in place, or empty.
    Keep,
    /// It holds this.
    Set(T),
    /// It is empty.
    Remove,
}
