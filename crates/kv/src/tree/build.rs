//! A tree made of items that come in order: nothing is searched, and every
//! node but the last of its level is full.

use super::item::Item;
use super::node::{Branch, INNER_MAX, LEAF_MAX, Node};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A tree that grows at its end.
#[derive(Debug)]
pub(crate) struct Builder<T: Item> {
    leaf: Vec<T>,
    /// The open node of each level above the leaves, the lowest first.
    above: Vec<Vec<Branch<T>>>,
}

impl<T: Item> Default for Builder<T> {
    fn default() -> Self {
        Self { leaf: Vec::new(), above: Vec::new() }
    }
}

impl<T: Item> Builder<T> {
    /// The last item so far.
    pub(crate) fn last(&self) -> Option<&T> {
        self.leaf.last()
    }

    /// Appends an item, whose key is above all others.
    pub(crate) fn push(&mut self, item: T) {
        base::invariant!(I68, self.last().is_none_or(|last| last.key() < item.key()));
        if self.leaf.len() == LEAF_MAX {
            self.end_leaf();
        }
        if self.leaf.capacity() == 0 {
            self.leaf.reserve_exact(LEAF_MAX);
        }
        self.leaf.push(item);
    }

    /// The root over all items.
    pub(super) fn root(mut self) -> Arc<Node<T>> {
        self.end_leaf();
        let mut level = 0;
        loop {
            let top = level + 1 >= self.above.len();
            let Some(mut branches) = self.above.get_mut(level).map(core::mem::take) else {
                return Arc::new(Node::empty());
            };
            if top && branches.len() <= 1 {
                return branches.pop().map_or_else(|| Arc::new(Node::empty()), |only| only.node);
            }
            level += 1;
            self.raise(level, Branch::to(Node::Inner(branches)));
        }
    }

    fn end_leaf(&mut self) {
        let leaf = core::mem::take(&mut self.leaf);
        self.raise(0, Branch::to(Node::Leaf(leaf)));
    }

    /// Appends a branch to the open node of a level.
    fn raise(&mut self, level: usize, branch: Option<Branch<T>>) {
        let Some(branch) = branch else { return };
        let Some(open) = self.above.get_mut(level) else {
            let mut first = Vec::with_capacity(INNER_MAX);
            first.push(branch);
            return self.above.push(first);
        };
        if open.len() < INNER_MAX {
            return open.push(branch);
        }
        let mut next = Vec::with_capacity(INNER_MAX);
        next.push(branch);
        let full = core::mem::replace(open, next);
        self.raise(level + 1, Branch::to(Node::Inner(full)));
    }
}
