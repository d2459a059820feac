//! The nodes of a tree: how they are searched, split and joined.

use super::item::{Change, Item};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::borrow::Borrow;

/// Items in a leaf. A write moves half of them, a write under a snapshot
/// copies all of them.
pub(super) const LEAF_MAX: usize = 32;

/// Branches in an inner node.
pub(super) const INNER_MAX: usize = 64;

/// A node of a tree. Only the root may be empty.
#[derive(Debug)]
pub(super) enum Node<T: Item> {
    /// Items in order.
    Leaf(Vec<T>),
    /// Nodes in order.
    Inner(Vec<Branch<T>>),
}

/// A node below another.
#[derive(Clone, Debug)]
pub(super) struct Branch<T: Item> {
    /// At or below every key in the node, above every key of the branch before.
    fence: T::Fence,
    weight: u64,
    pub(super) node: Arc<Node<T>>,
}

impl<T: Item> Branch<T> {
    /// The branch to a node that is not empty.
    pub(super) fn to(node: Node<T>) -> Option<Self> {
        let fence = match &node {
            Node::Leaf(items) => items.first()?.fence(),
            Node::Inner(branches) => branches.first()?.fence.clone(),
        };
        Some(Self { fence, weight: node.weight(), node: Arc::new(node) })
    }
}

/// What came of a change.
pub(super) struct Done<T: Item, R> {
    pub(super) answer: R,
    /// By how much the weight grew, modulo 2^64.
    grown: u64,
    /// The right half, where the node became two.
    pub(super) split: Option<Branch<T>>,
}

/// A copy is made to be written to: it gets as much room as the original had.
impl<T: Item> Clone for Node<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(items) => Self::Leaf(roomy(items)),
            Self::Inner(branches) => Self::Inner(roomy(branches)),
        }
    }
}

fn roomy<T: Clone>(old: &Vec<T>) -> Vec<T> {
    let mut new = Vec::with_capacity(old.capacity());
    new.extend_from_slice(old);
    new
}

impl<T: Item> Node<T> {
    pub(super) const fn empty() -> Self {
        Self::Leaf(Vec::new())
    }

    /// The new root over an old one that became two.
    pub(super) fn above(left: Arc<Self>, right: Branch<T>) -> Self {
        let (fence, weight) = (right.fence.clone(), left.weight());
        // The first fence of a node is never asked.
        Self::Inner(Vec::from([Branch { fence, weight, node: left }, right]))
    }

    pub(super) fn only_child(&self) -> Option<Arc<Self>> {
        match self {
            Self::Inner(branches) if branches.len() <= 1 => {
                Some(branches.first().map_or_else(|| Arc::new(Self::empty()), |it| it.node.clone()))
            }
            _ => None,
        }
    }

    /// The branch in whose reach the key lies.
    pub(super) fn child(branches: &[Branch<T>], key: &T::Key) -> usize {
        let above = branches.get(1..).unwrap_or_default();
        above.partition_point(|branch| branch.fence.borrow() <= key)
    }

    pub(super) fn get(&self, key: &T::Key) -> Option<&T> {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(items) => {
                    let at = items.binary_search_by(|item| item.key().cmp(key)).ok()?;
                    return items.get(at);
                }
                Self::Inner(branches) => node = &branches.get(Self::child(branches, key))?.node,
            }
        }
    }

    pub(super) fn floor(&self, key: &T::Key) -> Option<&T> {
        match self {
            Self::Leaf(items) => {
                let above = items.partition_point(|item| item.key() <= key);
                items.get(above.checked_sub(1)?)
            }
            // The nearest branch may have lost its first items: then it is the
            // last item of the one before.
            Self::Inner(branches) => {
                let near = branches.get(..=Self::child(branches, key))?;
                near.iter().rev().find_map(|branch| branch.node.floor(key))
            }
        }
    }

    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::Leaf(items) => items.iter().map(Item::weight).sum(),
            Self::Inner(branches) => branches.iter().map(|branch| branch.weight).sum(),
        }
    }

    /// The weight of the items below `key`, with the one at it or without.
    pub(super) fn weight_before(&self, key: &T::Key, with: bool) -> u64 {
        let (mut node, mut before) = (self, 0);
        loop {
            match node {
                Self::Leaf(items) => {
                    let below = |item: &&T| item.key() < key || (with && item.key() == key);
                    return before + items.iter().take_while(below).map(T::weight).sum::<u64>();
                }
                Self::Inner(branches) => {
                    let at = Self::child(branches, key);
                    before += branches.iter().take(at).map(|branch| branch.weight).sum::<u64>();
                    let Some(branch) = branches.get(at) else { return before };
                    node = &branch.node;
                }
            }
        }
    }

    pub(super) fn alter<R>(
        &mut self,
        key: &T::Key,
        change: impl FnOnce(Option<&mut T>) -> (Change<T>, R),
    ) -> Done<T, R> {
        match self {
            Self::Leaf(items) => alter_leaf(items, key, change),
            Self::Inner(branches) => alter_inner(branches, key, change),
        }
    }

    pub(super) const fn is_inner(&self) -> bool {
        matches!(self, Self::Inner(_))
    }

    /// Drops the branches that lie below `key` as a whole; says what they weighed.
    pub(super) fn forget_below(&mut self, key: &T::Key) -> u64 {
        let Self::Inner(branches) = self else { return 0 };
        let at = Self::child(branches, key);
        let mut gone: u64 = branches.drain(..at).map(|branch| branch.weight).sum();
        if let Some(first) = branches.first_mut().filter(|it| it.node.is_inner()) {
            let below = Arc::make_mut(&mut first.node).forget_below(key);
            first.weight -= below;
            gone += below;
        }
        gone
    }

    fn len(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(branches) => branches.len(),
        }
    }

    /// Takes in the node to the right, all of whose keys are at `fence` or above.
    fn join(&mut self, right: Self, fence: T::Fence) {
        match (self, right) {
            (Self::Leaf(items), Self::Leaf(mut more)) => items.append(&mut more),
            (Self::Inner(branches), Self::Inner(mut more)) => {
                // What was first, and never asked, is first no more.
                if let Some(first) = more.first_mut() {
                    first.fence = fence;
                }
                branches.append(&mut more);
            }
            _ => base::invariant!(I68, false, "leaves at two depths"),
        }
    }

    /// Order, weights, fences, and one depth for all leaves, which is returned.
    pub(super) fn validate(&self, low: Option<&T::Key>, high: Option<&T::Key>) -> usize {
        match self {
            Self::Leaf(items) => {
                let mut last = None;
                for key in items.iter().map(T::key) {
                    base::invariant!(I68, last.is_none_or(|last| last < key));
                    base::invariant!(I68, low.is_none_or(|low| low <= key));
                    base::invariant!(I68, high.is_none_or(|high| key < high));
                    last = Some(key);
                }
                0
            }
            Self::Inner(branches) => validate_inner(branches, low, high) + 1,
        }
    }

    #[cfg(test)]
    pub(super) fn leaves(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Inner(branches) => branches.iter().map(|branch| branch.node.leaves()).sum(),
        }
    }
}

fn alter_leaf<T: Item, R>(
    items: &mut Vec<T>,
    key: &T::Key,
    change: impl FnOnce(Option<&mut T>) -> (Change<T>, R),
) -> Done<T, R> {
    let place = items.binary_search_by(|item| item.key().cmp(key));
    let item = place.ok().and_then(|at| items.get_mut(at));
    let before = item.as_ref().map_or(0, |item| item.weight());
    let (change, answer) = change(item);
    let (after, split) = match (place, change) {
        (Ok(at), Change::Remove) => {
            items.remove(at);
            (0, None)
        }
        (Ok(at), Change::Set(new)) => {
            let weight = new.weight();
            if let Some(item) = items.get_mut(at) {
                *item = new;
            }
            (weight, None)
        }
        (Ok(at), Change::Keep) => (items.get(at).map_or(0, T::weight), None),
        (Err(at), Change::Set(new)) => (new.weight(), insert_item(items, at, new)),
        (Err(_), Change::Keep | Change::Remove) => (0, None),
    };
    Done { answer, grown: after.wrapping_sub(before), split }
}

fn insert_item<T: Item>(items: &mut Vec<T>, at: usize, new: T) -> Option<Branch<T>> {
    let Some((mut right, into)) = split(items, at, LEAF_MAX) else {
        if items.capacity() == 0 {
            // A million small trees have one item each.
            items.reserve_exact(1);
        }
        items.insert(at, new);
        return None;
    };
    match into {
        Some(at) => right.insert(at, new),
        None => items.insert(at, new),
    }
    let fence = right.first()?.fence();
    let weight = right.iter().map(T::weight).sum();
    Some(Branch { fence, weight, node: Arc::new(Node::Leaf(right)) })
}

fn insert_branch<T: Item>(
    branches: &mut Vec<Branch<T>>,
    at: usize,
    new: Branch<T>,
) -> Option<Branch<T>> {
    let Some((mut right, into)) = split(branches, at, INNER_MAX) else {
        branches.insert(at, new);
        return None;
    };
    match into {
        Some(at) => right.insert(at, new),
        None => branches.insert(at, new),
    }
    let fence = right.first()?.fence.clone();
    let weight = right.iter().map(|branch| branch.weight).sum();
    Some(Branch { fence, weight, node: Arc::new(Node::Inner(right)) })
}

/// Makes room for one more at `at`, if all `max` places are taken: the right
/// half, and where in it the new one goes, if there. What grows at its end
/// is left full, since more will come there.
fn split<E>(all: &mut Vec<E>, at: usize, max: usize) -> Option<(Vec<E>, Option<usize>)> {
    if all.len() < max {
        return None;
    }
    let middle = if at == all.len() { at } else { all.len() / 2 };
    let mut right = Vec::with_capacity(max);
    right.extend(all.drain(middle..));
    let into = at.checked_sub(middle).filter(|into| *into > 0 || right.is_empty());
    Some((right, into))
}

fn alter_inner<T: Item, R>(
    branches: &mut Vec<Branch<T>>,
    key: &T::Key,
    change: impl FnOnce(Option<&mut T>) -> (Change<T>, R),
) -> Done<T, R> {
    let at = Node::child(branches, key);
    let Some(branch) = branches.get_mut(at) else {
        unreachable!("an inner node has a child");
    };
    let node = Arc::make_mut(&mut branch.node);
    let Done { answer, grown, split } = node.alter(key, change);
    let left = node.len();
    branch.weight = branch.weight.wrapping_add(grown);
    if let Some(right) = &split {
        branch.weight -= right.weight;
    }
    let split = split.and_then(|right| insert_branch(branches, at + 1, right));
    if left < LEAF_MAX / 4 {
        shrink(branches, at);
    }
    Done { answer, grown, split }
}

/// Drops the child at `at` if it is empty, or joins it with a neighbour where
/// the two leave room.
fn shrink<T: Item>(branches: &mut Vec<Branch<T>>, at: usize) {
    if branches.get(at).is_some_and(|branch| branch.node.len() == 0) {
        branches.remove(at);
        return;
    }
    let left = at.min(branches.len().saturating_sub(2));
    let [one, other, ..] = branches.get(left..).unwrap_or_default() else { return };
    let max = if matches!(*one.node, Node::Leaf(_)) { LEAF_MAX } else { INNER_MAX };
    if one.node.len() + other.node.len() > max / 2 {
        return;
    }
    let right = branches.remove(left + 1);
    if let Some(one) = branches.get_mut(left) {
        one.weight += right.weight;
        Arc::make_mut(&mut one.node).join(Arc::unwrap_or_clone(right.node), right.fence);
    }
}

fn validate_inner<'a, T: Item>(
    branches: &'a [Branch<T>],
    low: Option<&'a T::Key>,
    high: Option<&'a T::Key>,
) -> usize {
    let mut depth = None;
    for (at, branch) in branches.iter().enumerate() {
        let low = if at == 0 { low } else { Some(branch.fence.borrow()) };
        let high = branches.get(at + 1).map_or(high, |next| Some(next.fence.borrow()));
        let below = branch.node.validate(low, high);
        base::invariant!(I68, depth.is_none_or(|depth| depth == below));
        base::invariant!(I68, branch.node.len() > 0);
        base::invariant!(I68, branch.weight == branch.node.weight());
        depth = Some(below);
    }
    base::invariant!(I68, depth.is_some());
    depth.unwrap_or(0)
}
