//! A walk over a tree in order.

use super::item::Item;
use super::node::{Branch, Node};
use alloc::vec::Vec;
use core::slice;

/// The items of a tree, in order.
#[derive(Debug)]
pub(crate) struct Iter<'a, T: Item> {
    /// What is still to be visited, the deepest last.
    above: Vec<slice::Iter<'a, Branch<T>>>,
    leaf: slice::Iter<'a, T>,
}

impl<'a, T: Item> Iter<'a, T> {
    pub(super) fn from_start(root: &'a Node<T>) -> Self {
        let mut iter = Self { above: Vec::new(), leaf: [].iter() };
        iter.descend(root);
        iter
    }

    pub(super) fn from(root: &'a Node<T>, key: &T::Key) -> Self {
        let mut iter = Self { above: Vec::new(), leaf: [].iter() };
        let mut node = root;
        loop {
            match node {
                Node::Leaf(items) => {
                    let at = items.partition_point(|item| item.key() < key);
                    iter.leaf = items.get(at..).unwrap_or_default().iter();
                    return iter;
                }
                Node::Inner(branches) => {
                    let at = Node::child(branches, key);
                    let mut rest = branches.get(at..).unwrap_or_default().iter();
                    let Some(branch) = rest.next() else { return iter };
                    iter.above.push(rest);
                    node = &branch.node;
                }
            }
        }
    }

    fn descend(&mut self, mut node: &'a Node<T>) {
        loop {
            match node {
                Node::Leaf(items) => {
                    self.leaf = items.iter();
                    return;
                }
                Node::Inner(branches) => {
                    let mut rest = branches.iter();
                    let Some(branch) = rest.next() else { return };
                    self.above.push(rest);
                    node = &branch.node;
                }
            }
        }
    }

    fn next_leaf(&mut self) -> Option<()> {
        let branch = loop {
            match self.above.last_mut()?.next() {
                Some(branch) => break branch,
                None => self.above.pop(),
            };
        };
        self.descend(&branch.node);
        Some(())
    }
}

impl<'a, T: Item> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        loop {
            if let Some(item) = self.leaf.next() {
                return Some(item);
            }
            self.next_leaf()?;
        }
    }
}
