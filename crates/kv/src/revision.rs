//! The one place where a revision is given out: all changes of a command get
//! the next one together, and a command without changes gets none.

use crate::command::{Change, Changes, KeyRange, Put};
use crate::pair::{Fields, Pair};
use crate::state::State;
use crate::store::Store;
use alloc::vec::Vec;
use base::Revision;

/// The revision that a command is building.
pub(crate) struct Draft<'a> {
    state: &'a mut State,
    changes: Vec<Change>,
}

impl<'a> Draft<'a> {
    pub(crate) const fn begin(state: &'a mut State) -> Self {
        Self { state, changes: Vec::new() }
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.state.store
    }

    /// The revision of the changes. A read at it sees those that are made
    /// already; a read at the one before sees the state before the command.
    pub(crate) const fn revision(&self) -> Revision {
        self.state.store.revision().next()
    }

    /// Writes a key; says what was there.
    pub(crate) fn put(&mut self, put: &Put) -> Option<Pair> {
        let revision = self.revision();
        let change = self.state.store.put(&put.key, |old, place| pair(put, old, revision, place));
        let previous = change.previous.clone();
        let lease = (previous.as_ref().map_or(0, Pair::lease), change.kv.lease());
        self.state.leases.move_key(&put.key, lease.0, lease.1);
        self.changes.push(change);
        previous
    }

    /// Deletes a range; says what was there, in key order.
    pub(crate) fn delete(&mut self, range: &KeyRange) -> Vec<Pair> {
        if let KeyRange::One(key) = range {
            return self.delete_key(key).into_iter().collect();
        }
        let page = self.state.store.range(range, self.revision(), usize::MAX);
        page.pairs.iter().filter_map(|kv| self.delete_key(kv.key())).collect()
    }

    /// Deletes a key; says what was there.
    pub(crate) fn delete_key(&mut self, key: &[u8]) -> Option<Pair> {
        let change = self.state.store.delete(key)?;
        let previous = change.previous.clone();
        let lease = previous.as_ref().map_or(0, Pair::lease);
        self.state.leases.move_key(key, lease, 0);
        self.changes.push(change);
        previous
    }

    /// Makes the changes history, if there are any.
    pub(crate) fn seal(self) {
        if !self.changes.is_empty() {
            let revision = self.revision();
            self.state.store.seal(Changes { revision, changes: self.changes.into() });
        }
    }
}

/// What a put makes of the pair that is there.
fn pair(put: &Put, old: Option<&Pair>, revision: Revision, place: u32) -> Pair {
    let old = old.map(Pair::fields);
    let value = put.value.as_deref().or(old.map(|old| old.value));
    let kept = old.map_or(0, |old| old.lease);
    let fields = Fields {
        key: &put.key,
        create: old.map_or(revision, |old| old.create),
        modified: revision,
        version: old.map_or(1, |old| old.version + 1),
        lease: put.lease.unwrap_or_else(|| base::mutant!(KeptLeaseLost, kept, 0)),
        value: value.unwrap_or_default(),
        extension: old.map_or(&[], |old| old.extension),
    };
    Pair::new(&fields, place)
}
