//! The keyspace as one would write it in an hour: a list of all changes, and
//! every state computed from the beginning.

use base::Revision;
use bytes::Bytes;
use kv::command::{
    Alarm, AlarmKind, Change, Command, Compare, CompareHow, CompareWith, DeleteRange, KeyRange,
    KeyValue, KvError, OpReply, Put, RangeQuery, RangeReply, Reply, SortTarget, Txn, TxnOp,
    TxnReply,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone)]
pub(crate) struct Naive {
    /// All of them, whatever was compacted.
    pub(crate) changes: Vec<Change>,
    pub(crate) revision: Revision,
    pub(crate) compacted: Option<Revision>,
    /// Seconds, and when it was granted.
    pub(crate) leases: BTreeMap<i64, (u64, u64)>,
    pub(crate) alarms: BTreeSet<Alarm>,
    pub(crate) said: BTreeMap<u64, (u64, Reply)>,
}

type State = BTreeMap<Bytes, KeyValue>;

impl Naive {
    pub(crate) fn new() -> Self {
        Self {
            changes: Vec::new(),
            revision: Revision(1),
            compacted: None,
            leases: BTreeMap::new(),
            alarms: BTreeSet::new(),
            said: BTreeMap::new(),
        }
    }

    pub(crate) fn oldest(&self) -> Revision {
        self.compacted.map_or(Revision(1), |compacted| compacted.max(Revision(1)))
    }

    /// The keys that hang on a lease.
    pub(crate) fn hanging(&self, id: i64) -> Vec<Bytes> {
        self.now().into_values().filter(|kv| kv.lease == id).map(|kv| kv.key).collect()
    }

    pub(crate) fn state(&self, at: Revision) -> State {
        let mut state = State::new();
        for change in self.changes.iter().filter(|change| change.kv.modified() <= at) {
            if change.deleted {
                state.remove(change.kv.key());
            } else {
                let kv = KeyValue::from(change.kv.clone());
                state.insert(kv.key.clone(), kv);
            }
        }
        state
    }

    /// What the last transaction's draft sees: everything.
    fn now(&self) -> State {
        self.state(Revision(u64::MAX))
    }

    pub(crate) fn apply_numbered(
        &mut self,
        command: &Command,
        clock: u64,
        (client, sequence): (u64, u64),
    ) -> Reply {
        let last = self.said.get(&client).map_or(0, |said| said.0);
        let refused = |why| Reply { revision: self.revision, result: Err(why) };
        match sequence {
            0 => refused(KvError::SequenceGap { expected: last + 1 }),
            it if it == last + 1 => {
                let reply = self.apply(command, clock);
                self.said.insert(client, (sequence, reply.clone()));
                reply
            }
            it if it > last => refused(KvError::SequenceGap { expected: last + 1 }),
            it if it < last => refused(KvError::SequenceOld { last }),
            _ => self.said.get(&client).map(|said| said.1.clone()).unwrap(),
        }
    }

    pub(crate) fn apply(&mut self, command: &Command, clock: u64) -> Reply {
        let result = self.apply_other(command, clock);
        match result {
            Some(result) => Reply { revision: self.revision, result },
            None => self.apply_txn(command),
        }
    }

    fn is_over(&self, id: i64, clock: u64) -> bool {
        self.leases.get(&id).is_some_and(|(ttl_s, granted)| clock >= granted + ttl_s * 1_000)
    }

    /// All but puts, deletions and transactions.
    fn apply_other(&mut self, command: &Command, clock: u64) -> Option<Result<OpReply, KvError>> {
        let corrupt = self.stands(AlarmKind::Corrupt);
        Some(match command {
            Command::Put(_) | Command::DeleteRange(_) | Command::Txn(_) => return None,
            Command::Alarm(change) => {
                if change.raise {
                    self.alarms.insert(change.alarm);
                    Ok(OpReply::Alarm(vec![change.alarm]))
                } else {
                    let fell = self.alarms.remove(&change.alarm);
                    Ok(OpReply::Alarm(vec![change.alarm; usize::from(fell)]))
                }
            }
            Command::LeaseGrant(grant) if grant.ttl_s > 9_000_000_000 => {
                Err(KvError::LeaseTtlTooLarge)
            }
            Command::LeaseGrant(grant) if grant.id == 0 => Err(KvError::LeaseExists),
            _ if corrupt => Err(KvError::Corrupt),
            Command::LeaseGrant(_) if self.stands(AlarmKind::NoSpace) => Err(KvError::NoSpace),
            Command::LeaseGrant(grant) if self.leases.contains_key(&grant.id) => {
                Err(KvError::LeaseExists)
            }
            Command::LeaseGrant(grant) => {
                self.leases.insert(grant.id, (grant.ttl_s, clock));
                Ok(OpReply::LeaseGrant { id: grant.id, ttl_s: grant.ttl_s })
            }
            Command::LeaseRevoke { id } if self.end(*id) => Ok(OpReply::LeaseRevoke),
            Command::LeaseRevoke { .. } => Err(KvError::LeaseNotFound),
            Command::LeaseExpire { ids } => {
                let mut ended = ids.clone();
                ended.retain(|id| self.is_over(*id, clock) && self.end(*id));
                Ok(OpReply::LeaseExpire { ended })
            }
            Command::Compact(compact) => {
                if self.compacted >= Some(compact.revision) {
                    Err(KvError::Compacted { oldest: self.oldest() })
                } else if compact.revision > self.revision {
                    Err(KvError::FutureRevision)
                } else {
                    self.compacted = Some(compact.revision);
                    Ok(OpReply::Compact)
                }
            }
        })
    }

    fn end(&mut self, id: i64) -> bool {
        if self.leases.remove(&id).is_none() {
            return false;
        }
        let keys = self.hanging(id);
        for key in &keys {
            let range = KeyRange::One(key.clone());
            self.run_op(&TxnOp::DeleteRange(DeleteRange { range, want_previous: false }));
        }
        if !keys.is_empty() {
            self.revision = self.revision.next();
        }
        true
    }

    fn stands(&self, kind: AlarmKind) -> bool {
        self.alarms.iter().any(|alarm| alarm.kind == kind)
    }

    /// What an alarm forbids.
    fn alarmed(&self, txn: &Txn) -> Option<KvError> {
        let all = || txn.success.iter().chain(&txn.failure);
        let only_reads = all().all(is_read);
        if self.stands(AlarmKind::Corrupt) && !only_reads {
            return Some(KvError::Corrupt);
        }
        (self.stands(AlarmKind::NoSpace) && all().any(has_put)).then_some(KvError::NoSpace)
    }

    fn apply_txn(&mut self, command: &Command) -> Reply {
        let before = self.changes.len();
        let txn = alone(command);
        let refusal = self.refusal(&txn).or_else(|| self.alarmed(&txn));
        let refusal = refusal.or_else(|| self.refusal_by_state(&txn));
        let result = refusal.map_or_else(|| Ok(self.run(&txn)), Err);
        if self.changes.len() > before {
            self.revision = self.revision.next();
        }
        let result = result.map(|mut reply| match command {
            Command::Txn(_) => OpReply::Txn(reply),
            _ => reply.replies.remove(0),
        });
        Reply { revision: self.revision, result }
    }

    pub(crate) fn query(&self, query: &RangeQuery) -> Reply {
        let txn =
            Txn { compare: vec![], success: vec![TxnOp::Range(query.clone())], failure: vec![] };
        let refusal = self.refusal(&txn).or_else(|| self.refusal_by_state(&txn));
        let result = refusal.map_or_else(|| Ok(range(&self.now(), self, query)), Err);
        Reply { revision: self.revision, result: result.map(OpReply::Range) }
    }

    fn refusal(&self, txn: &Txn) -> Option<KvError> {
        if has_empty_key(txn) {
            return Some(KvError::EmptyKey);
        }
        if worlds(txn).iter().any(|world| collides(world)) {
            return Some(KvError::DuplicateKey);
        }
        None
    }

    fn taken<'a>(&self, txn: &'a Txn) -> (bool, &'a [TxnOp]) {
        let state = self.state(self.revision);
        let holds = txn.compare.iter().all(|compare| holds(&state, compare));
        (holds, if holds { &txn.success } else { &txn.failure })
    }

    fn refusal_by_state(&self, txn: &Txn) -> Option<KvError> {
        self.taken(txn).1.iter().find_map(|op| match op {
            TxnOp::Txn(txn) => self.refusal_by_state(txn),
            TxnOp::DeleteRange(_) => None,
            TxnOp::Range(query) => match query.revision? {
                at if at > self.revision => Some(KvError::FutureRevision),
                at => (at < self.oldest()).then_some(KvError::Compacted { oldest: self.oldest() }),
            },
            TxnOp::Put(put) => {
                let keeps = put.value.is_none() || put.lease.is_none();
                if keeps && !self.state(self.revision).contains_key(&put.key) {
                    return Some(KvError::KeyNotFound);
                }
                let lease = put.lease.unwrap_or(0);
                (lease != 0 && !self.leases.contains_key(&lease)).then_some(KvError::LeaseNotFound)
            }
        })
    }

    fn run(&mut self, txn: &Txn) -> TxnReply {
        let (succeeded, ops) = self.taken(txn);
        TxnReply { succeeded, replies: ops.iter().map(|op| self.run_op(op)).collect() }
    }

    fn run_op(&mut self, op: &TxnOp) -> OpReply {
        match op {
            TxnOp::Range(query) => OpReply::Range(range(&self.now(), self, query)),
            TxnOp::Txn(txn) => OpReply::Txn(self.run(txn)),
            TxnOp::Put(put) => {
                let previous = self.put(put);
                OpReply::Put { previous: if put.want_previous { previous } else { None } }
            }
            TxnOp::DeleteRange(delete) => {
                let doomed: Vec<_> = self.now().into_values().collect();
                let doomed: Vec<_> =
                    doomed.into_iter().filter(|kv| inside(&delete.range, &kv.key)).collect();
                for kv in &doomed {
                    let (key, modified) = (kv.key.clone(), self.revision.next());
                    let gone = KeyValue { key, modified, ..nothing() };
                    let previous = Some(kv.clone().into());
                    let change = Change { kv: gone.into(), deleted: true, previous };
                    self.changes.push(change);
                }
                let deleted = doomed.len() as u64;
                let previous = if delete.want_previous { doomed } else { vec![] };
                OpReply::DeleteRange { deleted, previous }
            }
        }
    }

    fn put(&mut self, put: &Put) -> Option<KeyValue> {
        let previous = self.now().remove(&put.key);
        let modified = self.revision.next();
        let old = previous.clone().unwrap_or(KeyValue { create: modified, ..nothing() });
        let kv = KeyValue {
            key: put.key.clone(),
            modified,
            version: old.version + 1,
            value: put.value.clone().unwrap_or(old.value),
            lease: put.lease.unwrap_or(old.lease),
            ..old
        };
        let before = previous.clone().map(Into::into);
        self.changes.push(Change { kv: kv.into(), deleted: false, previous: before });
        previous
    }
}

fn has_put(op: &TxnOp) -> bool {
    match op {
        TxnOp::Put(_) => true,
        TxnOp::Txn(txn) => txn.success.iter().chain(&txn.failure).any(has_put),
        TxnOp::Range(_) | TxnOp::DeleteRange(_) => false,
    }
}

fn is_read(op: &TxnOp) -> bool {
    match op {
        TxnOp::Range(_) => true,
        TxnOp::Txn(txn) => txn.success.iter().chain(&txn.failure).all(is_read),
        TxnOp::Put(_) | TxnOp::DeleteRange(_) => false,
    }
}

fn nothing() -> KeyValue {
    KeyValue {
        key: Bytes::new(),
        create: Revision(0),
        modified: Revision(0),
        version: 0,
        lease: 0,
        value: Bytes::new(),
        extension: Bytes::new(),
    }
}

pub(crate) fn inside(range: &KeyRange, key: &[u8]) -> bool {
    match range {
        KeyRange::One(one) => key == one,
        KeyRange::Span { start, end } => key >= start && key < end,
        KeyRange::From(start) => key >= start,
    }
}

fn range(now: &State, naive: &Naive, query: &RangeQuery) -> RangeReply {
    let state = query.revision.map_or_else(|| now.clone(), |at| naive.state(at));
    let mut kvs: Vec<_> = state.into_values().filter(|kv| inside(&query.range, &kv.key)).collect();
    let count = kvs.len() as u64;
    if query.count_only {
        return RangeReply { kvs: vec![], more: false, count };
    }
    let limit = if query.limit == 0 { usize::MAX } else { query.limit as usize };
    let filters = query.modified != (0, 0) || query.create != (0, 0);
    if matches!(query.sort, Some((_, None))) && !filters {
        kvs.truncate(limit.saturating_add(1));
    }
    let high = |bound: u64| if bound == 0 { u64::MAX } else { bound };
    kvs.retain(|kv| (query.modified.0..=high(query.modified.1)).contains(&kv.modified.0));
    kvs.retain(|kv| (query.create.0..=high(query.create.1)).contains(&kv.create.0));
    if let Some((target, order)) = query.sort {
        // Turned before and after, equal ones stay in key order.
        let descending = order.is_some_and(|order| order.descending);
        if descending {
            kvs.reverse();
        }
        kvs.sort_by_key(|kv| rank(target, kv));
        if descending {
            kvs.reverse();
        }
    }
    let more = kvs.len() > limit;
    kvs.truncate(limit);
    if query.keys_only {
        kvs.iter_mut().for_each(|kv| kv.value = Bytes::new());
    }
    RangeReply { kvs, more, count }
}

fn rank(target: SortTarget, kv: &KeyValue) -> (u64, Bytes) {
    match target {
        SortTarget::Key => (0, kv.key.clone()),
        SortTarget::Value => (0, kv.value.clone()),
        SortTarget::Version => (kv.version, Bytes::new()),
        SortTarget::Create => (kv.create.0, Bytes::new()),
        SortTarget::Modified => (kv.modified.0, Bytes::new()),
    }
}

fn holds(state: &State, compare: &Compare) -> bool {
    let mut kvs: Vec<_> =
        state.values().filter(|kv| inside(&compare.range, &kv.key)).cloned().collect();
    if kvs.is_empty() {
        if let CompareWith::Value(_) = compare.with {
            return false;
        }
        kvs.push(nothing());
    }
    kvs.iter().all(|kv| {
        let (less, equal) = match &compare.with {
            CompareWith::Version(x) => ((kv.version as i64) < *x, kv.version as i64 == *x),
            CompareWith::Create(x) => ((kv.create.0 as i64) < *x, kv.create.0 as i64 == *x),
            CompareWith::Modified(x) => ((kv.modified.0 as i64) < *x, kv.modified.0 as i64 == *x),
            CompareWith::Lease(x) => (kv.lease < *x, kv.lease == *x),
            CompareWith::Value(x) => (kv.value < *x, kv.value == *x),
        };
        match compare.how {
            CompareHow::Equal => equal,
            CompareHow::NotEqual => !equal,
            CompareHow::Less => less,
            CompareHow::Greater => !less && !equal,
        }
    })
}

/// A command as a transaction of one operation.
fn alone(command: &Command) -> Txn {
    let op = match command {
        Command::Txn(txn) => return txn.clone(),
        Command::Put(put) => TxnOp::Put(put.clone()),
        Command::DeleteRange(delete) => TxnOp::DeleteRange(delete.clone()),
        other => panic!("{other:?}"),
    };
    Txn { compare: vec![], success: vec![op], failure: vec![] }
}

fn has_empty_key(txn: &Txn) -> bool {
    let empty = |range: &KeyRange| range.start().is_empty();
    txn.compare.iter().any(|compare| empty(&compare.range))
        || txn.success.iter().chain(&txn.failure).any(|op| match op {
            TxnOp::Range(query) => empty(&query.range),
            TxnOp::Put(put) => put.key.is_empty(),
            TxnOp::DeleteRange(delete) => empty(&delete.range),
            TxnOp::Txn(txn) => has_empty_key(txn),
        })
}

/// The operations that run together, for every way in which the comparisons
/// may turn out.
fn worlds(txn: &Txn) -> Vec<Vec<&TxnOp>> {
    [&txn.success, &txn.failure].into_iter().flat_map(|branch| worlds_of(branch)).collect()
}

fn worlds_of(ops: &[TxnOp]) -> Vec<Vec<&TxnOp>> {
    let mut all = vec![vec![]];
    for op in ops {
        let ways = if let TxnOp::Txn(txn) = op { worlds(txn) } else { vec![vec![op]] };
        all = all
            .iter()
            .flat_map(|world| ways.iter().map(|way| [&world[..], &way[..]].concat()))
            .collect();
    }
    all
}

fn collides(world: &[&TxnOp]) -> bool {
    world.iter().enumerate().any(|(at, op)| {
        let TxnOp::Put(put) = op else { return false };
        world.iter().enumerate().any(|(other, op)| match op {
            TxnOp::Put(second) => other != at && second.key == put.key,
            TxnOp::DeleteRange(delete) => inside(&delete.range, &put.key),
            _ => false,
        })
    })
}
