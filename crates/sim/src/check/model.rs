//! What should a keyspace answer? A naive one, made of copies, that shares no
//! code with the real one.

use base::Revision;
use bytes::Bytes;
use kv::command::{
    Change, Command, Compare, CompareHow, CompareWith, DeleteRange, KeyRange, KeyValue, KvError,
    OpReply, Put, RangeQuery, RangeReply, Reply, Txn, TxnOp, TxnReply,
};
use node::event::Query;
use std::collections::BTreeMap;

type Pairs = BTreeMap<Bytes, KeyValue>;

/// All states that a keyspace went through.
#[derive(Clone, Debug)]
pub struct Model {
    /// The state at revision 1, 2, 3 and so on.
    states: Vec<Pairs>,
}

impl Default for Model {
    fn default() -> Self {
        Self { states: vec![Pairs::new()] }
    }
}

/// A command at work on a copy.
struct Draft {
    pairs: Pairs,
    revision: Revision,
    changes: Vec<Change>,
}

impl Model {
    /// The newest revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        Revision(self.states.len() as u64)
    }

    /// What a command would change and answer at revision `at`.
    #[must_use]
    pub fn try_command(&self, at: Revision, command: &Command) -> Option<(Vec<Change>, Reply)> {
        let (draft, reply) = self.run(at, command)?;
        let revision = if draft.changes.is_empty() { at } else { draft.revision };
        Some((draft.changes, Reply { revision, result: Ok(reply) }))
    }

    /// Makes these changes the next revision.
    pub fn push(&mut self, changes: &[Change]) {
        let mut pairs = self.states.last().cloned().unwrap_or_default();
        for Change { kv, deleted, .. } in changes {
            if *deleted {
                pairs.remove(&kv.key);
            } else {
                pairs.insert(kv.key.clone(), KeyValue::clone(kv));
            }
        }
        self.states.push(pairs);
    }

    /// Makes the command the next revision, if it changes something.
    pub fn apply(&mut self, command: &Command) {
        if let Some((draft, _)) = self.run(self.revision(), command)
            && !draft.changes.is_empty()
        {
            self.states.push(draft.pairs);
        }
    }

    /// What a question would be answered at revision `at`.
    #[must_use]
    pub fn read(&self, at: Revision, query: &Query) -> Option<Reply> {
        let result = match query {
            Query::Range(query) => self.range(at, query).map(|range| range.map(OpReply::Range)),
            Query::Txn(txn) => self.run(at, &Command::Txn(txn.clone())).map(|(_, reply)| Ok(reply)),
        };
        result.map(|result| Reply { revision: at, result })
    }

    fn range(&self, at: Revision, query: &RangeQuery) -> Option<Result<RangeReply, KvError>> {
        let wanted = query.revision.unwrap_or(at);
        if wanted > at {
            return Some(Err(KvError::FutureRevision));
        }
        self.at(wanted).map(|pairs| Ok(range(pairs, query)))
    }

    fn at(&self, at: Revision) -> Option<&Pairs> {
        self.states.get(usize::try_from(at.prev().0).ok()?)
    }

    fn run(&self, at: Revision, command: &Command) -> Option<(Draft, OpReply)> {
        let mut draft =
            Draft { pairs: self.at(at)?.clone(), revision: at.next(), changes: Vec::new() };
        let reply = match command {
            Command::Put(it) => draft.put(it),
            Command::DeleteRange(it) => draft.delete(it),
            Command::Txn(it) => draft.txn(it),
            // Not asked in any scenario yet.
            Command::Compact(_)
            | Command::LeaseGrant(_)
            | Command::LeaseRevoke { .. }
            | Command::LeaseExpire { .. }
            | Command::Alarm(_) => return None,
        };
        Some((draft, reply))
    }
}

impl Draft {
    fn txn(&mut self, txn: &Txn) -> OpReply {
        let succeeded = txn.compare.iter().all(|it| holds(&self.pairs, it));
        let taken = if succeeded { &txn.success } else { &txn.failure };
        let replies = taken.iter().map(|op| self.op(op)).collect();
        OpReply::Txn(TxnReply { succeeded, replies })
    }

    fn op(&mut self, op: &TxnOp) -> OpReply {
        match op {
            TxnOp::Range(it) => OpReply::Range(range(&self.pairs, it)),
            TxnOp::Put(it) => self.put(it),
            TxnOp::DeleteRange(it) => self.delete(it),
            TxnOp::Txn(it) => self.txn(it),
        }
    }

    fn put(&mut self, put: &Put) -> OpReply {
        let old = self.pairs.get(&put.key).cloned();
        let kv = KeyValue {
            key: put.key.clone(),
            create: old.as_ref().map_or(self.revision, |kv| kv.create),
            modified: self.revision,
            version: old.as_ref().map_or(1, |kv| kv.version + 1),
            lease: put.lease.unwrap_or(0),
            value: put.value.clone().unwrap_or_default(),
            extension: Bytes::new(),
        };
        self.pairs.insert(put.key.clone(), kv.clone());
        let previous = old.clone().map(Into::into);
        self.changes.push(Change { kv: kv.into(), deleted: false, previous });
        OpReply::Put { previous: old.filter(|_| put.want_previous) }
    }

    fn delete(&mut self, delete: &DeleteRange) -> OpReply {
        let gone: Vec<KeyValue> =
            self.pairs.values().filter(|kv| inside(&delete.range, &kv.key)).cloned().collect();
        for old in &gone {
            self.pairs.remove(&old.key);
            let kv = KeyValue {
                create: Revision::ZERO,
                modified: self.revision,
                version: 0,
                lease: 0,
                value: Bytes::new(),
                ..old.clone()
            };
            let previous = Some(old.clone().into());
            self.changes.push(Change { kv: kv.into(), deleted: true, previous });
        }
        let deleted = gone.len() as u64;
        OpReply::DeleteRange {
            deleted,
            previous: if delete.want_previous { gone } else { Vec::new() },
        }
    }
}

/// Whether a key is in a range.
#[must_use]
pub fn inside(range: &KeyRange, key: &Bytes) -> bool {
    match range {
        KeyRange::One(one) => one == key,
        KeyRange::Span { start, end } => start <= key && key < end,
        KeyRange::From(start) => start <= key,
    }
}

fn range(pairs: &Pairs, query: &RangeQuery) -> RangeReply {
    let all: Vec<&KeyValue> = pairs.values().filter(|kv| inside(&query.range, &kv.key)).collect();
    let count = all.len() as u64;
    if query.count_only {
        return RangeReply { kvs: Vec::new(), more: false, count };
    }
    let limit = if query.limit == 0 { all.len() } else { query.limit as usize };
    let mut kvs: Vec<KeyValue> = all.into_iter().take(limit).cloned().collect();
    if query.keys_only {
        kvs.iter_mut().for_each(|kv| kv.value = Bytes::new());
    }
    RangeReply { more: count > kvs.len() as u64, kvs, count }
}

fn holds(pairs: &Pairs, compare: &Compare) -> bool {
    let mut found = pairs.values().filter(|kv| inside(&compare.range, &kv.key)).peekable();
    if found.peek().is_none() {
        let zero = |given: i64| relates(compare.how, i128::from(0u8), i128::from(given));
        return match &compare.with {
            CompareWith::Value(_) => false,
            CompareWith::Version(it)
            | CompareWith::Create(it)
            | CompareWith::Modified(it)
            | CompareWith::Lease(it) => zero(*it),
        };
    }
    found.all(|kv| match &compare.with {
        CompareWith::Version(it) => relates(compare.how, kv.version.into(), i128::from(*it)),
        CompareWith::Create(it) => relates(compare.how, kv.create.0.into(), i128::from(*it)),
        CompareWith::Modified(it) => relates(compare.how, kv.modified.0.into(), i128::from(*it)),
        CompareWith::Value(it) => relates(compare.how, &kv.value, it),
        CompareWith::Lease(it) => relates(compare.how, kv.lease, *it),
    })
}

fn relates<T: Ord>(how: CompareHow, stored: T, given: T) -> bool {
    match how {
        CompareHow::Equal => stored == given,
        CompareHow::Greater => stored > given,
        CompareHow::Less => stored < given,
        CompareHow::NotEqual => stored != given,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::prng::Prng;
    use base::{Index, KeyspaceId};
    use kv::command::Envelope;

    /// The naive keyspace and the real one agree, command by command.
    #[test]
    fn the_model_agrees_with_the_machine() {
        let mut prng = Prng::new(1);
        let mut machine = kv::machine::Machine::new(KeyspaceId(1));
        let mut model = Model::default();
        for index in 1..2_000 {
            let command = crate::ask::command(&mut prng, 3, &format!("v{index}"));
            let envelope = Envelope { keyspace: KeyspaceId(1), ..Envelope::default() };
            let body = kv::encode::encode(&envelope, &command);
            let reply = machine.apply(Index(index), 0, &body).unwrap();
            let wanted = model.try_command(model.revision(), &command).unwrap().1;
            model.apply(&command);
            assert_eq!(reply, wanted, "{command:?}");
            let query = crate::ask::range(&mut prng, 3, model.revision());
            let wanted = model.read(model.revision(), &Query::Range(query.clone())).unwrap();
            assert_eq!(machine.query(&query), wanted, "{query:?}");
        }
    }
}
