//! The one place where a revision is given out: all changes of a command get
//! the next one together, and a command without changes gets none.

use crate::command::{Change, Changes, KeyRange, KeyValue, Put};
use crate::state::State;
use crate::store::Store;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::Revision;
use bytes::Bytes;

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
    pub(crate) fn put(&mut self, put: &Put) -> Option<Arc<KeyValue>> {
        let revision = self.revision();
        let change = self.state.store.put(&put.key, |old| pair(put, old, revision));
        let previous = change.previous.clone();
        let lease = (previous.as_ref().map_or(0, |old| old.lease), change.kv.lease);
        self.state.leases.move_key(&put.key, lease.0, lease.1);
        self.changes.push(change);
        previous
    }

    /// Deletes a range; says what was there, in key order.
    pub(crate) fn delete(&mut self, range: &KeyRange) -> Vec<Arc<KeyValue>> {
        if let KeyRange::One(key) = range {
            return self.delete_key(key).into_iter().collect();
        }
        let page = self.state.store.range(range, self.revision(), usize::MAX);
        page.pairs.iter().filter_map(|kv| self.delete_key(&kv.key)).collect()
    }

    /// Deletes a key; says what was there.
    pub(crate) fn delete_key(&mut self, key: &[u8]) -> Option<Arc<KeyValue>> {
        let change = self.state.store.delete(key)?;
        let previous = change.previous.clone();
        let lease = previous.as_ref().map_or(0, |old| old.lease);
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
///
/// Key and value are copied out of the entry's body, into one buffer. A slice
/// would pin the whole body: one byte stored out of a large transaction would
/// hold all of it after the log has let it go, and no count of bytes could say
/// so. For the same reason a new value has a key of its own.
fn pair(put: &Put, old: Option<&KeyValue>, revision: Revision) -> KeyValue {
    let (key, value) = match (&put.value, old) {
        (None, Some(old)) => (old.key.clone(), old.value.clone()),
        (value, _) => joined(&put.key, value.as_deref().unwrap_or_default()),
    };
    KeyValue {
        key,
        create: old.map_or(revision, |old| old.create),
        modified: revision,
        version: old.map_or(1, |old| old.version + 1),
        lease: put.lease.unwrap_or_else(|| old.map_or(0, |old| old.lease)),
        value,
        extension: old.map_or_else(Bytes::new, |old| old.extension.clone()),
    }
}

/// Both in one buffer of their own.
pub(crate) fn joined(key: &[u8], value: &[u8]) -> (Bytes, Bytes) {
    let mut both = Bytes::from([key, value].concat());
    (both.split_to(key.len()), both)
}
