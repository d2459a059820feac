//! When a revision is given out, and what a pair remembers.

use crate::build::{
    Keyspace, all, at, bytes, delete, one, op_delete, op_put, put, span, text, txn,
};
use base::codec::CodecError;
use base::{Index, KeyspaceId, Revision};
use bytes::Bytes;
use kv::command::{Command, Envelope, KvError, OpReply, Put, TxnOp};
use kv::encode::encode;
use kv::machine::{Machine, UnknownCommand};

#[test]
fn the_empty_store_is_at_one_and_the_first_write_at_two() {
    let mut keyspace = Keyspace::new();
    assert_eq!(keyspace.0.revision(), Revision(1));
    assert_eq!(keyspace.put(put("a", "1")).revision, Revision(2));
}

#[test]
fn a_command_with_changes_takes_one_revision_and_one_without_none() {
    let mut keyspace = Keyspace::with(&[("a", "1"), ("b", "2")]);
    assert_eq!(keyspace.delete(delete(one("x"))).revision, Revision(3), "nothing deleted");
    assert_eq!(keyspace.delete(delete(all())).revision, Revision(4), "two keys, one revision");
    let two = txn([op_put("a", "1"), op_put("b", "1")]);
    assert_eq!(keyspace.txn(two).revision, Revision(5));
    assert_eq!(keyspace.txn(txn([op_delete(one("x"))])).revision, Revision(5));
    assert_eq!(keyspace.txn(txn([])).revision, Revision(5));
}

#[test]
fn a_pair_knows_its_creation_its_last_write_and_its_version() {
    let mut keyspace = Keyspace::with(&[("a", "1"), ("b", "x"), ("a", "2")]);
    let marks = |keyspace: &Keyspace| {
        let kv = keyspace.get("a").unwrap();
        (kv.create.0, kv.modified.0, kv.version)
    };
    assert_eq!(marks(&keyspace), (2, 4, 2));
    keyspace.delete(delete(one("a")));
    assert_eq!(keyspace.get("a"), None);
    keyspace.put(put("a", "3"));
    assert_eq!(marks(&keyspace), (6, 6, 1), "a new life");
}

#[test]
fn a_put_answers_the_pair_before_if_asked() {
    let mut keyspace = Keyspace::with(&[("a", "1")]);
    let asking = |value| Put { want_previous: true, ..put("a", value) };
    let before = keyspace.get("a");
    let previous = |reply| match reply {
        Ok(OpReply::Put { previous }) => previous,
        other => panic!("{other:?}"),
    };
    assert_eq!(previous(keyspace.put(asking("2")).result), before);
    assert_eq!(previous(keyspace.put(put("a", "3")).result), None, "not asked");
    assert_eq!(previous(keyspace.put(Put { key: bytes("n"), ..asking("") }).result), None);
}

#[test]
fn a_put_that_keeps_the_value_needs_the_key() {
    let mut keyspace = Keyspace::with(&[("a", "1")]);
    for (value, lease) in [(None, Some(0)), (Some(bytes("2")), None), (None, None)] {
        let keeping = |key: &str| Put { value: value.clone(), lease, ..put(key, "") };
        let refused = keyspace.put(keeping("x"));
        assert_eq!(refused.result, Err(KvError::KeyNotFound));
        let wanted = value.clone().unwrap_or_else(|| keyspace.get("a").unwrap().value);
        assert!(keyspace.put(keeping("a")).result.is_ok());
        assert_eq!(keyspace.get("a").unwrap().value, wanted);
    }
    assert_eq!(keyspace.get("a").unwrap().version, 4);
}

#[test]
fn no_lease_exists() {
    let mut keyspace = Keyspace::new();
    let leased = Put { lease: Some(5), ..put("a", "1") };
    let reply = keyspace.put(leased);
    assert_eq!((reply.result, reply.revision), (Err(KvError::LeaseNotFound), Revision(1)));
}

#[test]
fn a_deletion_counts_and_answers_in_key_order() {
    let mut keyspace = Keyspace::with(&[("c", "3"), ("a", "1"), ("b", "2"), ("d", "4")]);
    let asking = kv::command::DeleteRange { want_previous: true, ..delete(span("a", "d")) };
    let Ok(OpReply::DeleteRange { deleted, previous }) = keyspace.delete(asking).result else {
        panic!("a deletion answers as one");
    };
    assert_eq!((deleted, text(&previous)), (3, "a=1 b=2 c=3".into()));
    assert_eq!(text(&keyspace.range(&crate::build::query(all())).kvs), "d=4");
}

#[test]
fn every_old_revision_reads_as_it_was() {
    let mut keyspace = Keyspace::with(&[("a", "1"), ("b", "1"), ("a", "2")]);
    keyspace.delete(delete(one("a")));
    keyspace.put(put("a", "3"));
    let history = ["", "a=1", "a=1 b=1", "a=2 b=1", "b=1", "a=3 b=1"];
    for (revision, wanted) in (1..).zip(history) {
        assert_eq!(text(&keyspace.range(&at(revision, all())).kvs), wanted, "at {revision}");
    }
}

#[test]
fn a_snapshot_does_not_move() {
    let mut keyspace = Keyspace::with(&[("a", "1")]);
    let (snapshot, hash) = (keyspace.0.snapshot(), keyspace.0.hash_at(Revision(2)));
    keyspace.delete(delete(all()));
    assert_eq!(Ok(snapshot.hash(Revision(2))), hash);
    assert_eq!((snapshot.keys(), snapshot.revision()), (1, Revision(2)));
    assert_eq!(keyspace.0.keys(), 0);
}

#[test]
fn a_refused_command_counts_as_applied_and_changes_nothing() {
    let mut keyspace = Keyspace::with(&[("a", "1")]);
    let (hash, held) = (keyspace.0.state_hash(), keyspace.0.bytes_held());
    assert_eq!(keyspace.put(put("", "x")).result, Err(KvError::EmptyKey));
    let late = TxnOp::Range(at(9, all()));
    let refused = keyspace.txn(txn([op_put("b", "1"), op_delete(one("a")), late]));
    assert_eq!(refused.result, Err(KvError::FutureRevision));
    assert_eq!(keyspace.0.applied(), Index(3));
    assert_eq!((keyspace.0.state_hash(), keyspace.0.bytes_held()), (hash, held));
}

#[test]
fn an_unknown_command_is_named_and_changes_nothing() {
    let mut machine = Machine::new(KeyspaceId(4));
    let why = CodecError::Invalid { what: "command format", got: 9 };
    let unknown = machine.apply(Index(1), 0, &Bytes::from_static(&[9]));
    assert_eq!(unknown, Err(UnknownCommand { index: Index(1), why }));
    let stray = encode(&Envelope::default(), &Command::Put(put("a", "1")));
    assert!(machine.apply(Index(1), 0, &stray).is_err(), "another keyspace");
    assert_eq!(machine.cost(&stray), None);
    assert!(Machine::new(KeyspaceId(0)).cost(&stray).is_some());
    assert_eq!((machine.applied(), machine.revision()), (Index(0), Revision(1)));
}

#[test]
fn indexes_may_have_gaps_and_clocks_never_go_back() {
    let mut machine = Machine::new(KeyspaceId(0));
    let body = encode(&Envelope::default(), &Command::Put(put("a", "1")));
    machine.skip(Index(1));
    machine.apply(Index(5), 100, &body).unwrap();
    machine.apply(Index(6), 90, &body).unwrap();
    assert_eq!((machine.applied(), machine.clock()), (Index(6), 100));
}

#[test]
#[should_panic(expected = "invariant I54 broken")]
fn an_entry_is_applied_once() {
    let mut machine = Machine::new(KeyspaceId(0));
    machine.skip(Index(2));
    machine.skip(Index(2));
}

/// What is stored must not keep the entry's body alive.
#[test]
fn stored_bytes_are_copies() {
    let mut machine = Machine::new(KeyspaceId(0));
    let body = encode(&Envelope::default(), &Command::Put(put("a key", "a value")));
    machine.apply(Index(1), 0, &body).unwrap();
    assert!(body.is_unique(), "nothing points into the body");
}

#[test]
fn held_bytes_grow_with_keys_and_values() {
    let held = |key: &str, value: &str| Keyspace::with(&[(key, value)]).0.bytes_held();
    assert_eq!(Keyspace::new().0.bytes_held(), 0);
    assert_eq!(held("abc", "12345") - held("a", ""), 7);
}
