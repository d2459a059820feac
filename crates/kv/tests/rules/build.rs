//! Short words for commands, and a machine that eats them.

use base::{Index, KeyspaceId, Revision};
use bytes::Bytes;
use kv::command::{
    Change, Changes, Command, Compare, CompareHow, CompareWith, DeleteRange, Envelope, KeyRange,
    KeyValue, KvError, OpReply, Put, RangeQuery, RangeReply, Reply, Txn, TxnOp, TxnReply,
};
use kv::encode::encode;
use kv::machine::Machine;

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn one(key: &str) -> KeyRange {
    KeyRange::One(bytes(key))
}

pub(crate) fn span(start: &str, end: &str) -> KeyRange {
    KeyRange::Span { start: bytes(start), end: bytes(end) }
}

pub(crate) fn all() -> KeyRange {
    KeyRange::From(bytes("\0"))
}

pub(crate) fn put(key: &str, value: &str) -> Put {
    Put { key: bytes(key), value: Some(bytes(value)), lease: Some(0), want_previous: false }
}

pub(crate) fn delete(range: KeyRange) -> DeleteRange {
    DeleteRange { range, want_previous: false }
}

pub(crate) fn query(range: KeyRange) -> RangeQuery {
    RangeQuery {
        range,
        revision: None,
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        modified: (0, 0),
        create: (0, 0),
    }
}

pub(crate) fn at(revision: u64, range: KeyRange) -> RangeQuery {
    RangeQuery { revision: Some(Revision(revision)), ..query(range) }
}

pub(crate) fn compare(range: KeyRange, how: CompareHow, with: CompareWith) -> Compare {
    Compare { range, how, with }
}

/// A transaction without conditions.
pub(crate) fn txn(ops: impl Into<Vec<TxnOp>>) -> Txn {
    Txn { compare: vec![], success: ops.into(), failure: vec![] }
}

pub(crate) fn when(compare: Compare, success: Vec<TxnOp>, failure: Vec<TxnOp>) -> Txn {
    Txn { compare: vec![compare], success, failure }
}

pub(crate) fn op_put(key: &str, value: &str) -> TxnOp {
    TxnOp::Put(put(key, value))
}

pub(crate) fn op_delete(range: KeyRange) -> TxnOp {
    TxnOp::DeleteRange(delete(range))
}

pub(crate) struct Keyspace(pub(crate) Machine);

impl Keyspace {
    pub(crate) fn new() -> Self {
        Self(Machine::new(KeyspaceId(0)))
    }

    /// With keys written one by one: `(key, value)` at revision 2, 3, …
    pub(crate) fn with(pairs: &[(&str, &str)]) -> Self {
        let mut keyspace = Self::new();
        for (key, value) in pairs {
            keyspace.put(put(key, value));
        }
        keyspace
    }

    pub(crate) fn apply(&mut self, command: &Command) -> Reply {
        self.apply_at(0, command)
    }

    /// The same when the log's clock says so many milliseconds.
    pub(crate) fn apply_at(&mut self, clock: u64, command: &Command) -> Reply {
        let index: Index = self.0.applied().next();
        let reply = self.0.apply(index, clock, &encode(&Envelope::default(), command)).unwrap();
        self.0.validate();
        reply
    }

    pub(crate) fn put(&mut self, put: Put) -> Reply {
        self.apply(&Command::Put(put))
    }

    pub(crate) fn delete(&mut self, delete: DeleteRange) -> Reply {
        self.apply(&Command::DeleteRange(delete))
    }

    pub(crate) fn txn(&mut self, txn: Txn) -> Reply {
        self.apply(&Command::Txn(txn))
    }

    pub(crate) fn txn_ok(&mut self, txn: Txn) -> TxnReply {
        match self.txn(txn).result {
            Ok(OpReply::Txn(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn range(&self, query: &RangeQuery) -> RangeReply {
        match self.0.query(query).result {
            Ok(OpReply::Range(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn refused(&self, query: &RangeQuery) -> KvError {
        self.0.query(query).result.unwrap_err()
    }

    pub(crate) fn get(&self, key: &str) -> Option<KeyValue> {
        self.range(&query(one(key))).kvs.pop()
    }
}

/// `key=value` of each pair, with blanks between.
pub(crate) fn text(kvs: &[KeyValue]) -> String {
    let word = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let pairs = kvs.iter().map(|kv| format!("{}={}", word(&kv.key), word(&kv.value)));
    pairs.collect::<Vec<_>>().join(" ")
}

/// `revision: key=value -key …` for each revision.
pub(crate) fn story(batches: &[Changes]) -> Vec<String> {
    let word = |change: &Change| {
        let pair = text(&[change.kv.clone().into()]);
        if change.deleted { format!("-{}", pair.trim_end_matches('=')) } else { pair }
    };
    let words = |batch: &Changes| batch.changes.iter().map(word).collect::<Vec<_>>().join(" ");
    batches.iter().map(|batch| format!("{}: {}", batch.revision.0, words(batch))).collect()
}
