//! The one place where a revision is given out: all changes of a command get
//! the next one together, and a command without changes gets none.

use crate::command::{Change, Changes, DeleteRange, KeyValue, Put};
use crate::store::Store;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::Revision;
use bytes::Bytes;

/// The revision that a command is building.
pub(crate) struct Draft<'a> {
    store: &'a mut Store,
    changes: Vec<Change>,
}

impl<'a> Draft<'a> {
    pub(crate) const fn begin(store: &'a mut Store) -> Self {
        Self { store, changes: Vec::new() }
    }

    pub(crate) const fn store(&self) -> &Store {
        self.store
    }

    /// The revision of the changes. A read at it sees those that are made
    /// already; a read at the one before sees the state before the command.
    pub(crate) const fn revision(&self) -> Revision {
        self.store.revision().next()
    }

    /// Writes a key; says what was there.
    ///
    /// Key and value are copied out of the entry's body. A slice would pin the
    /// whole body: one byte stored out of a large transaction would hold all of
    /// it after the log has let it go, and no count of bytes could say so. The
    /// copy of the key is shared by all versions of one life of the key.
    pub(crate) fn put(&mut self, put: &Put) -> Option<KeyValue> {
        let revision = self.revision();
        let previous = self.store.get(&put.key, revision).map(Arc::unwrap_or_clone);
        let old = previous.as_ref();
        let kv = KeyValue {
            key: old.map_or_else(|| owned(&put.key), |kv| kv.key.clone()),
            create: old.map_or(revision, |kv| kv.create),
            modified: revision,
            version: old.map_or(1, |kv| kv.version + 1),
            lease: put.lease.unwrap_or_else(|| old.map_or(0, |kv| kv.lease)),
            value: match &put.value {
                Some(value) => owned(value),
                None => old.map_or_else(Bytes::new, |kv| kv.value.clone()),
            },
            extension: old.map_or_else(Bytes::new, |kv| kv.extension.clone()),
        };
        self.take(Change { kv, deleted: false, previous: previous.clone() });
        previous
    }

    /// Deletes a range; says what was there, in key order.
    pub(crate) fn delete(&mut self, delete: &DeleteRange) -> Vec<KeyValue> {
        let page = self.store.range(&delete.range, self.revision(), usize::MAX);
        let previous: Vec<_> = page.pairs.into_iter().map(Arc::unwrap_or_clone).collect();
        for kv in &previous {
            let kv = tombstone(kv, self.revision());
            self.take(kv);
        }
        previous
    }

    /// Makes the changes history, if there are any.
    pub(crate) fn seal(self) {
        if !self.changes.is_empty() {
            let revision = self.revision();
            self.store.seal(Changes { revision, changes: self.changes.into() });
        }
    }

    fn take(&mut self, change: Change) {
        self.store.stage(&change);
        self.changes.push(change);
    }
}

fn tombstone(previous: &KeyValue, revision: Revision) -> Change {
    let kv = KeyValue {
        key: previous.key.clone(),
        create: Revision::ZERO,
        modified: revision,
        version: 0,
        lease: 0,
        value: Bytes::new(),
        extension: Bytes::new(),
    };
    Change { kv, deleted: true, previous: Some(previous.clone()) }
}

fn owned(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
