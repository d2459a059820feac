//! A command or a question at work on a copy of one state.

use super::rest::Rest;
use super::select::{Pairs, holds, inside, range};
use base::Revision;
use bytes::Bytes;
use kv::command::{
    Change, Command, DeleteRange, KeyValue, KvError, OpReply, Put, RangeQuery, RangeReply, Txn,
    TxnOp, TxnReply,
};
use std::sync::Arc;

/// The keyspace as it was at a revision.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The states at revision 1, 2, 3 and so on.
    pub(super) states: &'a [Pairs],
    pub(super) at: Revision,
    pub(super) rest: &'a Rest,
}

/// A command at work on a copy.
pub(super) struct Draft<'a> {
    view: View<'a>,
    pairs: Pairs,
    revision: Revision,
    pub(super) changes: Vec<Change>,
}

impl<'a> View<'a> {
    pub(super) fn state(self, at: Revision) -> Option<&'a Pairs> {
        self.states.get(usize::try_from(at.0.checked_sub(1)?).ok()?)
    }

    pub(super) fn draft(self) -> Draft<'a> {
        let pairs = self.state(self.at).cloned().unwrap_or_default();
        Draft { view: self, pairs, revision: self.at.next(), changes: Vec::new() }
    }

    pub(super) fn run(self, command: &Command) -> Result<(Vec<Change>, OpReply), KvError> {
        let op = match command {
            Command::Put(it) => TxnOp::Put(it.clone()),
            Command::DeleteRange(it) => TxnOp::DeleteRange(it.clone()),
            Command::Txn(it) => TxnOp::Txn(it.clone()),
            other => unreachable!("{other:?} works on no pairs"),
        };
        if let Some(why) = self.refusal(&op) {
            return Err(why);
        }
        let mut draft = self.draft();
        let reply = draft.op(&op);
        Ok((draft.changes, reply))
    }

    /// Why an operation cannot be done on the state before.
    fn refusal(self, op: &TxnOp) -> Option<KvError> {
        match op {
            TxnOp::Range(query) => self.outside(query),
            TxnOp::Put(put) => {
                let pairs = self.state(self.at);
                let keeps = put.value.is_none() || put.lease.is_none();
                let there = pairs.is_some_and(|pairs| pairs.contains_key(&put.key));
                let lease = put.lease.unwrap_or(0);
                let no_lease = lease != 0 && !self.rest.leases.contains_key(&lease);
                (keeps && !there)
                    .then_some(KvError::KeyNotFound)
                    .or_else(|| no_lease.then_some(KvError::LeaseNotFound))
            }
            TxnOp::DeleteRange(_) => None,
            TxnOp::Txn(txn) => self.taken(txn).1.iter().find_map(|op| self.refusal(op)),
        }
    }

    pub(super) fn outside(self, query: &RangeQuery) -> Option<KvError> {
        let wanted = query.revision?;
        let oldest = self.rest.oldest();
        if wanted > self.at {
            return Some(KvError::FutureRevision);
        }
        (wanted < oldest).then_some(KvError::Compacted { oldest })
    }

    fn taken(self, txn: &Txn) -> (bool, &[TxnOp]) {
        let none = Pairs::new();
        let pairs = self.state(self.at).unwrap_or(&none);
        let succeeded = txn.compare.iter().all(|it| holds(pairs, it));
        (succeeded, if succeeded { &txn.success } else { &txn.failure })
    }
}

impl Draft<'_> {
    fn op(&mut self, op: &TxnOp) -> OpReply {
        match op {
            TxnOp::Range(it) => OpReply::Range(self.range(it)),
            TxnOp::Put(it) => self.put(it),
            TxnOp::DeleteRange(it) => self.delete(it),
            TxnOp::Txn(txn) => {
                let (succeeded, taken) = self.view.taken(txn);
                let replies = taken.iter().map(|op| self.op(op)).collect();
                OpReply::Txn(TxnReply { succeeded, replies })
            }
        }
    }

    pub(super) fn range(&self, query: &RangeQuery) -> RangeReply {
        let old = query.revision.and_then(|at| self.view.state(at));
        range(old.unwrap_or(&self.pairs), query)
    }

    fn put(&mut self, put: &Put) -> OpReply {
        let old = self.pairs.get(&put.key).cloned();
        let kept = old.as_deref();
        let kv = Arc::new(KeyValue {
            key: put.key.clone(),
            create: kept.map_or(self.revision, |kv| kv.create),
            modified: self.revision,
            version: kept.map_or(1, |kv| kv.version + 1),
            lease: put.lease.or(kept.map(|kv| kv.lease)).unwrap_or(0),
            value: put.value.clone().or(kept.map(|kv| kv.value.clone())).unwrap_or_default(),
            extension: Bytes::new(),
        });
        self.pairs.insert(put.key.clone(), Arc::clone(&kv));
        let previous = old.as_deref().map(Into::into);
        self.changes.push(Change { kv: (&*kv).into(), deleted: false, previous });
        let told = old.filter(|_| put.want_previous);
        OpReply::Put { previous: told.map(Arc::unwrap_or_clone) }
    }

    fn delete(&mut self, delete: &DeleteRange) -> OpReply {
        let gone: Vec<KeyValue> = self
            .pairs
            .values()
            .filter(|kv| inside(&delete.range, &kv.key))
            .map(|kv| KeyValue::clone(kv))
            .collect();
        gone.iter().for_each(|old| self.remove(&old.key));
        let deleted = gone.len() as u64;
        let previous = if delete.want_previous { gone } else { Vec::new() };
        OpReply::DeleteRange { deleted, previous }
    }

    pub(super) fn remove(&mut self, key: &Bytes) {
        let Some(old) = self.pairs.remove(key) else { return };
        let kv = KeyValue {
            key: key.clone(),
            create: Revision::ZERO,
            modified: self.revision,
            version: 0,
            lease: 0,
            value: Bytes::new(),
            extension: Bytes::new(),
        };
        let previous = Some((&*old).into());
        self.changes.push(Change { kv: kv.into(), deleted: true, previous });
    }
}
