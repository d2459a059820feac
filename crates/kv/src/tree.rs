//! An ordered tree whose clones cost nothing and whose ranges are counted in
//! logarithmic time.
//!
//! A B+tree (Comer, "The ubiquitous B-tree", 1979) of shared nodes. A clone
//! shares the root; who writes copies the nodes on the way to the change that
//! somebody else holds too, and changes the others in place. Each branch knows
//! the weight of everything below it, so that the weight of a range is that
//! before its end without that before its start.
//!
//! ```text
//! branch   fence <= every key below, and > every key of the branch before
//!          weight = the sum of the weights below
//! ```

mod build;
mod item;
mod iter;
mod node;

use alloc::sync::Arc;
pub(crate) use build::Builder;
use core::ops::Bound;
pub(crate) use item::{Change, Item};
pub(crate) use iter::Iter;
use node::Node;

/// A persistent ordered set of items, each under its own key.
#[derive(Clone, Debug)]
pub(crate) struct Tree<T: Item> {
    root: Arc<Node<T>>,
}

impl<T: Item> Default for Tree<T> {
    fn default() -> Self {
        Self { root: Arc::new(Node::empty()) }
    }
}

impl<T: Item> From<Builder<T>> for Tree<T> {
    fn from(built: Builder<T>) -> Self {
        Self { root: built.root() }
    }
}

impl<T: Item> Tree<T> {
    /// The item with this key.
    pub(crate) fn get(&self, key: &T::Key) -> Option<&T> {
        self.root.get(key)
    }

    /// The last item whose key is not above this one.
    pub(crate) fn floor(&self, key: &T::Key) -> Option<&T> {
        self.root.floor(key)
    }

    /// The first item.
    pub(crate) fn first(&self) -> Option<&T> {
        self.iter().next()
    }

    /// Finds the place of `key` once and lets `change` decide what becomes of it.
    pub(crate) fn alter<R>(
        &mut self,
        key: &T::Key,
        change: impl FnOnce(Option<&mut T>) -> (Change<T>, R),
    ) -> R {
        let done = Arc::make_mut(&mut self.root).alter(key, change);
        if let Some(right) = done.split {
            let left = core::mem::replace(&mut self.root, Arc::new(Node::empty()));
            self.root = Arc::new(Node::above(left, right));
        }
        while let Some(only) = self.root.only_child() {
            self.root = only;
        }
        done.answer
    }

    /// Puts an item in its place; whatever has its key is replaced.
    pub(crate) fn insert(&mut self, item: T) {
        let fence = item.fence();
        self.alter(core::borrow::Borrow::borrow(&fence), |_| (Change::Set(item), ()));
    }

    /// Takes the item with this key out; says whether there was one.
    pub(crate) fn remove(&mut self, key: &T::Key) -> bool {
        self.alter(key, |item| (Change::Remove, item.is_some()))
    }

    /// Lets go of what lies below `key`, but for a leaf of it: who walks through a
    /// clone need not hold what it has seen.
    pub(crate) fn forget_below(&mut self, key: &T::Key) {
        if self.root.is_inner() {
            Arc::make_mut(&mut self.root).forget_below(key);
        }
    }

    /// All items in order.
    pub(crate) fn iter(&self) -> Iter<'_, T> {
        Iter::from_start(&self.root)
    }

    /// The items whose keys are at or above `key`, in order.
    pub(crate) fn iter_from(&self, key: &T::Key) -> Iter<'_, T> {
        Iter::from(&self.root, key)
    }

    /// The weight of all items.
    pub(crate) fn weight(&self) -> u64 {
        self.root.weight()
    }

    /// The weight of the items between the bounds; zero if they are crossed.
    pub(crate) fn weight_of(&self, (from, to): (Bound<&T::Key>, Bound<&T::Key>)) -> u64 {
        let start = match from {
            Bound::Unbounded => 0,
            Bound::Included(key) => self.root.weight_before(key, false),
            Bound::Excluded(key) => self.root.weight_before(key, true),
        };
        let end = match to {
            Bound::Unbounded => self.weight(),
            Bound::Included(key) => self.root.weight_before(key, true),
            Bound::Excluded(key) => self.root.weight_before(key, false),
        };
        end.saturating_sub(start)
    }

    /// Stops the process if the tree does not fit together.
    pub(crate) fn validate(&self) {
        self.root.validate(None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A number with a weight of 0 or 1.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Pair(u16, u8);

    impl Item for Pair {
        type Key = u16;
        type Fence = u16;
        fn key(&self) -> &u16 {
            &self.0
        }
        fn fence(&self) -> u16 {
            self.0
        }
        fn weight(&self) -> u64 {
            u64::from(self.1 % 2)
        }
    }

    type Plain = BTreeMap<u16, u8>;

    fn is_same(tree: &Tree<Pair>, plain: &Plain, probes: &[u16]) {
        tree.validate();
        let pairs: Vec<_> = plain.iter().map(|(key, value)| Pair(*key, *value)).collect();
        assert_eq!(tree.iter().copied().collect::<Vec<_>>(), pairs);
        let weight = |pairs: &[Pair]| pairs.iter().map(Item::weight).sum::<u64>();
        assert_eq!(tree.weight(), weight(&pairs));
        for probe in probes {
            let from = pairs.partition_point(|it| it.0 < *probe);
            let above = pairs.partition_point(|it| it.0 <= *probe);
            assert_eq!(tree.get(probe).map(|it| it.1), plain.get(probe).copied());
            assert_eq!(tree.floor(probe), pairs[..above].last());
            assert_eq!(tree.iter_from(probe).copied().collect::<Vec<_>>(), pairs[from..]);
            for other in probes {
                let (Bound::Included(low), Bound::Excluded(high)) =
                    (Bound::Included(probe), Bound::Excluded(other))
                else {
                    continue;
                };
                let end = pairs.partition_point(|it| it.0 < *high).max(from);
                let told = tree.weight_of((Bound::Included(low), Bound::Excluded(high)));
                assert_eq!(told, weight(&pairs[from..end]));
                let end = pairs.partition_point(|it| it.0 <= *high).max(above);
                let told = tree.weight_of((Bound::Excluded(low), Bound::Included(high)));
                assert_eq!(told, weight(&pairs[above..end]));
            }
        }
        assert_eq!(tree.weight_of((Bound::Unbounded, Bound::Unbounded)), weight(&pairs));
    }

    /// What is done to a tree: many at once, so that nodes split and merge.
    #[derive(Clone, Debug)]
    enum Deed {
        Fill { start: u16, step: u16, count: u16 },
        Drain { start: u16, count: u16 },
        Set(u16, u8),
        Touch(u16, u8),
        Remove(u16),
        Keep,
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            3 => (0u16..4000, 1u16..7, 1u16..600)
                .prop_map(|(start, step, count)| Deed::Fill { start, step, count }),
            3 => (0u16..4000, 1u16..3000).prop_map(|(start, count)| Deed::Drain { start, count }),
            4 => (0u16..8000, any::<u8>()).prop_map(|(key, value)| Deed::Set(key, value)),
            4 => (0u16..8000, any::<u8>()).prop_map(|(key, value)| Deed::Touch(key, value)),
            4 => (0u16..8000).prop_map(Deed::Remove),
            1 => Just(Deed::Keep),
        ]
    }

    fn touch(tree: &mut Tree<Pair>, key: u16, value: u8) -> bool {
        tree.alter(&key, |pair| match pair {
            Some(pair) => {
                pair.1 = value;
                (Change::Keep, true)
            }
            None => (Change::Keep, false),
        })
    }

    fn act(tree: &mut Tree<Pair>, plain: &mut Plain, deed: &Deed) {
        match *deed {
            Deed::Fill { start, step, count } => (0..count).for_each(|at| {
                let key = start + at * step;
                tree.insert(Pair(key, at as u8));
                plain.insert(key, at as u8);
            }),
            Deed::Drain { start, count } => (start..start + count).for_each(|key| {
                assert_eq!(tree.remove(&key), plain.remove(&key).is_some());
            }),
            Deed::Set(key, value) => {
                tree.insert(Pair(key, value));
                plain.insert(key, value);
            }
            Deed::Touch(key, value) => {
                let there = plain.get_mut(&key).map(|it| *it = value).is_some();
                assert_eq!(touch(tree, key, value), there);
            }
            Deed::Remove(key) => assert_eq!(tree.remove(&key), plain.remove(&key).is_some()),
            Deed::Keep => {}
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Against the standard map, with clones that must not move.
        #[test]
        fn it_does_what_the_standard_map_does(
            deeds in vec(deed(), 1..25),
            probes in vec(0u16..9000, 1..8),
        ) {
            let (mut tree, mut plain) = (Tree::default(), Plain::new());
            let mut kept = Vec::new();
            for deed in &deeds {
                act(&mut tree, &mut plain, deed);
                if matches!(deed, Deed::Keep) {
                    kept.push((tree.clone(), plain.clone()));
                }
                tree.validate();
            }
            is_same(&tree, &plain, &probes);
            for (tree, plain) in &kept {
                is_same(tree, plain, &probes);
            }
        }
    }

    /// Built trees of every shape, and what is done to them afterwards.
    #[test]
    fn a_built_tree_is_as_good_as_one_that_grew() {
        let full = node::LEAF_MAX * node::INNER_MAX;
        for count in [0, 1, 2, 31, 32, 33, 64, 65, full - 1, full, full + 1, full * 2 + 40] {
            let (mut built, mut plain) = (Builder::default(), Plain::new());
            for key in 0..count as u16 {
                built.push(Pair(2 * key, key as u8));
                plain.insert(2 * key, key as u8);
            }
            let mut tree = Tree::from(built);
            is_same(&tree, &plain, &[0, 63, 64, 4095, 4096, 8191]);
            let drain = Deed::Drain { start: 1000, count: 2500 };
            let fill = Deed::Fill { start: 500, step: 3, count: 900 };
            for deed in [Deed::Set(2 * count as u16, 7), drain, fill, Deed::Remove(0)] {
                act(&mut tree, &mut plain, &deed);
                is_same(&tree, &plain, &[0, 999, 3500, 9000]);
            }
        }
    }

    /// What is let go of is whole leaves below the key, and what is left is a tree.
    #[test]
    fn what_was_seen_is_let_go_of() {
        let (mut tree, mut plain) = (Tree::default(), Plain::new());
        act(&mut tree, &mut plain, &Deed::Fill { start: 0, step: 1, count: 9_000 });
        let mut seen = tree.clone();
        for key in [0, 1, 31, 32, 33, 2_047, 2_048, 2_049, 5_000, 8_999, 9_500] {
            seen.forget_below(&key);
            seen.validate();
            let left = seen.iter().copied().collect::<Vec<_>>();
            let from = usize::from(key).min(9_000);
            assert!(left.len() >= 9_000 - from && left.len() <= 9_000 - from + node::LEAF_MAX);
            assert!(seen.iter_from(&key).map(|it| it.0).eq(key..9_000));
        }
        is_same(&tree, &plain, &[0, 4_000, 8_999]);
    }

    #[test]
    fn items_in_order_fill_their_nodes() {
        let mut tree = Tree::default();
        (0..10_000).for_each(|key| tree.insert(Pair(key, 1)));
        tree.validate();
        assert_eq!(tree.weight(), 10_000);
        let leaves = tree.root.leaves();
        assert!(leaves <= 10_000 / node::LEAF_MAX + 1, "{leaves} leaves");
    }
}
