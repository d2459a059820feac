//! Trees of several levels, under snapshots, against the standard map.

use crate::build::{all, at, delete, query};
use base::prng::Prng;
use base::{Index, KeyspaceId, Revision};
use bytes::Bytes;
use kv::command::{Command, Envelope, KeyRange, OpReply, Put, RangeQuery, RangeReply};
use kv::encode::encode;
use kv::machine::Machine;
use std::collections::BTreeMap;

type Plain = BTreeMap<Bytes, Bytes>;

fn key(number: u64) -> Bytes {
    Bytes::from(format!("key/{number:05}"))
}

fn command(prng: &mut Prng, plain: &mut Plain) -> Command {
    // Half of the writes go to few keys, which get versions by the hundred.
    let keys = if prng.chance(1, 2) { 5000 } else { 20 };
    let number = prng.below(keys);
    let start = key(number);
    if prng.chance(1, 200) {
        let end = key(number + prng.below(100));
        plain.retain(|key, _| *key < start || *key >= end);
        return Command::DeleteRange(delete(KeyRange::Span { start, end }));
    }
    let value = Bytes::from(prng.next().to_string());
    plain.insert(start.clone(), value.clone());
    Command::Put(Put { key: start, value: Some(value), lease: Some(0), want_previous: false })
}

fn read(machine: &Machine, query: &RangeQuery) -> RangeReply {
    match machine.query(query).result {
        Ok(OpReply::Range(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

fn is_same(machine: &Machine, query: &RangeQuery, plain: &Plain) {
    let reply = read(machine, query);
    let wanted: Vec<_> = plain.range::<[u8], _>(query.range.bounds()).collect();
    let got: Vec<_> = reply.kvs.iter().map(|kv| (&kv.key, &kv.value)).collect();
    assert!(got == wanted, "{query:?}: {} pairs, {} wanted", got.len(), wanted.len());
    assert_eq!(reply.count, wanted.len() as u64);
}

#[test]
fn many_keys_read_right_now_and_in_the_past() {
    let mut prng = Prng::new(50);
    let (mut machine, mut plain) = (Machine::new(KeyspaceId(0)), Plain::new());
    let mut kept: Vec<(Machine, Plain)> = Vec::new();
    for index in 1..=20_000 {
        let body = encode(&Envelope::default(), &command(&mut prng, &mut plain));
        machine.apply(Index(index), 0, &body).unwrap();
        if index % 2000 == 0 {
            kept.push((machine.clone(), plain.clone()));
        }
    }
    machine.validate();
    assert!(machine.keys() > 1000, "{} keys", machine.keys());
    for (then, plain) in &kept {
        let Revision(revision) = then.revision();
        let (start, end) = (key(prng.below(5000)), key(5000));
        is_same(then, &query(all()), plain);
        is_same(&machine, &at(revision, all()), plain);
        is_same(&machine, &at(revision, KeyRange::Span { start, end }), plain);
    }
    assert_eq!(kept.len(), 10);
}
