//! What should a keyspace answer? A naive one, made of copies, that shares no
//! code with the real one.

use crate::history::{Batch, Number};
use base::Revision;
use base::limits::SEQUENCE_REPLY_BYTES_MAX;
use bytes::Bytes;
use kv::command::{
    Alarm, AlarmKind, Change, Command, Compare, CompareHow, CompareWith, DeleteRange, KeyRange,
    KeyValue, KvError, OpReply, Put, RangeQuery, RangeReply, Reply, Txn, TxnOp, TxnReply,
};
use node::event::Query;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

type Pairs = BTreeMap<Bytes, Arc<KeyValue>>;

/// What a keyspace holds beside its pairs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rest {
    /// The revision of the last compaction.
    pub compacted: Option<Revision>,
    /// The leases and their times in seconds.
    pub leases: BTreeMap<i64, u64>,
    /// The alarms that stand.
    pub alarms: BTreeSet<Alarm>,
}

impl Rest {
    fn oldest(&self) -> Revision {
        self.compacted.map_or(Revision(1), |compacted| compacted.max(Revision(1)))
    }
}

/// All states that a keyspace went through.
#[derive(Clone, Debug)]
pub struct Model {
    /// The state at revision 1, 2, 3 and so on.
    states: Vec<Pairs>,
    /// Everything that watches can be told, from revision 2 on.
    history: Vec<Batch>,
    rest: Rc<Rest>,
    /// The last number of each client and what it was answered.
    said: BTreeMap<u64, (u64, Option<Reply>)>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            states: vec![Pairs::new()],
            history: Vec::new(),
            rest: Rc::default(),
            said: BTreeMap::new(),
        }
    }
}

impl Model {
    /// The newest revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        Revision(self.states.len() as u64)
    }

    /// What it holds beside the pairs.
    #[must_use]
    pub fn rest(&self) -> Rc<Rest> {
        Rc::clone(&self.rest)
    }

    /// Every revision above the first, with its changes.
    #[must_use]
    pub fn history(&self) -> &[Batch] {
        &self.history
    }

    /// The keys that hung on a lease at a revision.
    #[must_use]
    pub fn hanging(&self, at: Revision, lease: i64) -> Vec<Bytes> {
        let pairs = self.at(at).into_iter().flat_map(BTreeMap::values);
        pairs.filter(|kv| kv.lease == lease).map(|kv| kv.key.clone()).collect()
    }

    /// Does a command, unless its number says that it was done before.
    pub fn apply(&mut self, number: Number, command: &Command) -> Reply {
        let Some((client, number)) = number else { return self.run(command) };
        let (said, kept) = self.said.get(&client).cloned().unwrap_or_default();
        if number == said + 1 {
            let reply = self.run(command);
            let kept = (size(&reply) <= SEQUENCE_REPLY_BYTES_MAX).then(|| reply.clone());
            self.said.insert(client, (number, kept));
            return reply;
        }
        if number == said
            && let Some(reply) = kept
        {
            return reply;
        }
        let again = number <= said && number > 0;
        let old = KvError::SequenceOld { last: said };
        let gap = KvError::SequenceGap { expected: said + 1 };
        Reply { revision: self.revision(), result: Err(if again { old } else { gap }) }
    }

    fn run(&mut self, command: &Command) -> Reply {
        let result = self.refused(command).map_or_else(|| self.act(command), Err);
        Reply { revision: self.revision(), result }
    }

    fn refused(&self, command: &Command) -> Option<KvError> {
        let stands = |kind| self.rest.alarms.iter().any(|alarm| alarm.kind == kind);
        (stands(AlarmKind::NoSpace) && takes_room(command)).then_some(KvError::NoSpace)
    }

    fn act(&mut self, command: &Command) -> Result<OpReply, KvError> {
        let now = self.revision();
        match command {
            Command::Put(_) | Command::DeleteRange(_) | Command::Txn(_) => {
                let (changes, reply) = self.view(now, &self.rest).run(command)?;
                self.push(changes);
                Ok(reply)
            }
            Command::Compact(it) => {
                if self.rest.compacted.is_some_and(|last| it.revision <= last) {
                    return Err(KvError::Compacted { oldest: self.rest.oldest() });
                }
                if it.revision > now {
                    return Err(KvError::FutureRevision);
                }
                Rc::make_mut(&mut self.rest).compacted = Some(it.revision);
                Ok(OpReply::Compact)
            }
            Command::LeaseGrant(it) => {
                if it.id == 0 || self.rest.leases.contains_key(&it.id) {
                    return Err(KvError::LeaseExists);
                }
                Rc::make_mut(&mut self.rest).leases.insert(it.id, it.ttl_s);
                Ok(OpReply::LeaseGrant { id: it.id, ttl_s: it.ttl_s })
            }
            Command::LeaseRevoke { id } => {
                self.end(*id).then_some(OpReply::LeaseRevoke).ok_or(KvError::LeaseNotFound)
            }
            Command::LeaseExpire { ids } => {
                let ended = ids.iter().copied().filter(|id| self.end(*id)).collect();
                Ok(OpReply::LeaseExpire { ended })
            }
            Command::Alarm(it) => {
                let alarms = &mut Rc::make_mut(&mut self.rest).alarms;
                let done = if it.raise {
                    alarms.insert(it.alarm);
                    true
                } else {
                    alarms.remove(&it.alarm)
                };
                Ok(OpReply::Alarm(done.then_some(it.alarm).into_iter().collect()))
            }
        }
    }

    /// Ends a lease; says whether there was one.
    fn end(&mut self, id: i64) -> bool {
        let now = self.revision();
        if Rc::make_mut(&mut self.rest).leases.remove(&id).is_none() {
            return false;
        }
        let mut draft = self.view(now, &self.rest).draft();
        self.hanging(now, id).into_iter().for_each(|key| draft.remove(&key));
        self.push(draft.changes);
        true
    }

    /// Makes these changes the next revision, if there are any.
    fn push(&mut self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let mut pairs = self.states.last().cloned().unwrap_or_default();
        for Change { kv, deleted, .. } in &changes {
            if *deleted {
                pairs.remove(kv.key());
            } else {
                let kv = KeyValue::from(kv.clone());
                pairs.insert(kv.key.clone(), kv.into());
            }
        }
        self.history.push((self.revision().next(), changes));
        self.states.push(pairs);
    }

    /// What a question would be answered at revision `at`, with this beside it.
    #[must_use]
    pub fn read(&self, at: Revision, rest: &Rest, query: &Query) -> Reply {
        let view = self.view(at, rest);
        let result = match query {
            Query::Range(query) => view
                .outside(query)
                .map_or_else(|| Ok(OpReply::Range(view.draft().range(query))), Err),
            Query::Txn(txn) => view.run(&Command::Txn(txn.clone())).map(|(_, reply)| reply),
        };
        Reply { revision: at, result }
    }

    fn at(&self, at: Revision) -> Option<&Pairs> {
        self.states.get(usize::try_from(at.0.checked_sub(1)?).ok()?)
    }

    const fn view<'a>(&'a self, at: Revision, rest: &'a Rest) -> View<'a> {
        View { model: self, at, rest }
    }
}

/// The keyspace as it was at a revision.
#[derive(Clone, Copy)]
struct View<'a> {
    model: &'a Model,
    at: Revision,
    rest: &'a Rest,
}

/// A command at work on a copy.
struct Draft<'a> {
    view: View<'a>,
    pairs: Pairs,
    revision: Revision,
    changes: Vec<Change>,
}

impl<'a> View<'a> {
    fn draft(self) -> Draft<'a> {
        let pairs = self.model.at(self.at).cloned().unwrap_or_default();
        Draft { view: self, pairs, revision: self.at.next(), changes: Vec::new() }
    }

    fn run(self, command: &Command) -> Result<(Vec<Change>, OpReply), KvError> {
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
                let pairs = self.model.at(self.at);
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

    fn outside(self, query: &RangeQuery) -> Option<KvError> {
        let wanted = query.revision?;
        let oldest = self.rest.oldest();
        if wanted > self.at {
            return Some(KvError::FutureRevision);
        }
        (wanted < oldest).then_some(KvError::Compacted { oldest })
    }

    fn taken(self, txn: &Txn) -> (bool, &[TxnOp]) {
        let none = Pairs::new();
        let pairs = self.model.at(self.at).unwrap_or(&none);
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

    fn range(&self, query: &RangeQuery) -> RangeReply {
        let old = query.revision.and_then(|at| self.view.model.at(at));
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

    fn remove(&mut self, key: &Bytes) {
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

/// Whether a command may add something.
#[must_use]
pub fn takes_room(command: &Command) -> bool {
    fn in_txn(txn: &Txn) -> bool {
        txn.success.iter().chain(&txn.failure).any(|op| match op {
            TxnOp::Put(_) => true,
            TxnOp::Txn(txn) => in_txn(txn),
            TxnOp::Range(_) | TxnOp::DeleteRange(_) => false,
        })
    }
    match command {
        Command::Put(_) | Command::LeaseGrant(_) => true,
        Command::Txn(txn) => in_txn(txn),
        _ => false,
    }
}

/// What it takes to keep a reply; larger ones are not kept.
fn size(reply: &Reply) -> u64 {
    fn pair(kv: &KeyValue) -> u64 {
        128 + (kv.key.len() + kv.value.len()) as u64
    }
    fn of(reply: &OpReply) -> u64 {
        128 + match reply {
            OpReply::Range(it) => it.kvs.iter().map(pair).sum(),
            OpReply::Put { previous } => previous.iter().map(pair).sum(),
            OpReply::DeleteRange { previous, .. } => previous.iter().map(pair).sum(),
            OpReply::Txn(it) => it.replies.iter().map(of).sum(),
            OpReply::LeaseExpire { ended } => 8 * ended.len() as u64,
            OpReply::Alarm(alarms) => 16 * alarms.len() as u64,
            OpReply::Compact | OpReply::LeaseGrant { .. } | OpReply::LeaseRevoke => 0,
        }
    }
    reply.result.as_ref().map_or(0, of)
}

/// Whether a key is in a range.
#[must_use]
pub fn inside(range: &KeyRange, key: &[u8]) -> bool {
    match range {
        KeyRange::One(one) => one == key,
        KeyRange::Span { start, end } => start <= key && key < end,
        KeyRange::From(start) => start <= key,
    }
}

fn range(pairs: &Pairs, query: &RangeQuery) -> RangeReply {
    let all: Vec<_> = pairs.values().filter(|kv| inside(&query.range, &kv.key)).collect();
    let count = all.len() as u64;
    if query.count_only {
        return RangeReply { kvs: Vec::new(), more: false, count };
    }
    let limit = if query.limit == 0 { all.len() } else { query.limit as usize };
    let mut kvs: Vec<KeyValue> =
        all.into_iter().take(limit).map(|kv| KeyValue::clone(kv)).collect();
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
    use crate::ask;
    use base::prng::Prng;
    use base::{Index, KeyspaceId};
    use kv::command::{AlarmChange, Compact, Envelope, LeaseGrant};

    /// Everything that the log can hold, about few leases.
    fn command(prng: &mut Prng, value: &str, known: Revision) -> Command {
        let id = prng.between(1, 4).cast_signed();
        let alarm = Alarm { member: 1, kind: AlarmKind::NoSpace };
        match prng.below(20) {
            0 => Command::LeaseGrant(LeaseGrant { id, ttl_s: id.cast_unsigned() }),
            1 => Command::LeaseRevoke { id },
            2 => Command::LeaseExpire { ids: vec![id, 3] },
            3 => {
                let revision = Revision(prng.between(known.0.saturating_sub(9), known.0 + 1));
                Command::Compact(Compact { revision, physical: false })
            }
            4 => Command::Alarm(AlarmChange { alarm, raise: prng.chance(1, 4) }),
            _ => ask::command(prng, 3, value, &[1, 2, 3, 4]),
        }
    }

    /// The naive keyspace and the real one agree, command by command.
    #[test]
    fn the_model_agrees_with_the_machine() {
        let mut prng = Prng::new(1);
        let mut machine = kv::machine::Machine::new(KeyspaceId(1));
        let mut model = Model::default();
        for index in 1..4_000 {
            let command = command(&mut prng, &format!("v{index}"), model.revision());
            let number =
                prng.chance(1, 4).then(|| (prng.below(2), prng.between(1, 1 + index / 20)));
            let envelope =
                Envelope { keyspace: KeyspaceId(1), sequence: number, ..Envelope::default() };
            let body = kv::encode::encode(&envelope, &command);
            let reply = machine.apply(Index(index), 0, &body).unwrap();
            assert_eq!(reply, model.apply(number, &command), "{command:?}");
            assert_eq!(machine.compacted(), model.rest.compacted);
            let query = Query::Range(ask::range(&mut prng, 3, model.revision()));
            let Query::Range(range) = &query else { continue };
            let wanted = model.read(model.revision(), &model.rest, &query);
            assert_eq!(machine.query(range), wanted, "{range:?}");
        }
        assert!(model.revision() > Revision(1_000));
    }
}
