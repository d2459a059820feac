//! How a state is cut into chunks, and what a thaw refuses.

use crate::build::{Keyspace, bytes, one, put};
use base::limits::{CHUNK_BYTES_AIM, CHUNK_BYTES_MAX, REQUEST_BYTES_MAX};
use base::prng::Prng;
use base::{Index, KeyspaceId, Revision};
use bytes::Bytes;
use kv::command::{
    Alarm, AlarmChange, AlarmKind, Command, Compact, DeleteRange, Envelope, LeaseGrant, Put,
};
use kv::encode::encode;
use kv::machine::Machine;
use kv::snapshot::{Frozen, SnapshotError, Thaw};
use std::collections::BTreeSet;

fn chunks(machine: &Machine) -> Vec<Bytes> {
    let mut frozen = machine.freeze();
    std::iter::from_fn(|| frozen.next_chunk()).collect()
}

fn thaw(chunks: &[Bytes]) -> Result<Machine, SnapshotError> {
    let mut thaw = Thaw::new(KeyspaceId(0));
    chunks.iter().try_for_each(|chunk| thaw.add(chunk))?;
    thaw.finish()
}

fn apply(machine: &mut Machine, command: &Command, sequence: Option<(u64, u64)>) {
    let body = encode(&Envelope { sequence, ..Envelope::default() }, command);
    let index = machine.applied().next();
    machine.apply(index, index.0 * 10, &body).unwrap().result.unwrap();
}

fn write(machine: &mut Machine, key: &str, value: Vec<u8>) {
    let put = Put { value: Some(value.into()), ..put(key, "") };
    apply(machine, &Command::Put(put), None);
}

/// Some thousand keys with values of many sizes.
fn large() -> Machine {
    let (mut machine, mut prng) = (Machine::new(KeyspaceId(0)), Prng::new(7));
    for number in 0..20_000u64 {
        let value = vec![number as u8; prng.below(500) as usize];
        write(&mut machine, &format!("/key/{:05}", number * 7919 % 20_000), value);
    }
    machine
}

fn differ(one: &[Bytes], other: &[Bytes]) -> usize {
    let known: BTreeSet<&Bytes> = one.iter().collect();
    other.iter().filter(|chunk| !known.contains(chunk)).count()
}

#[test]
fn a_frozen_state_may_go_to_another_thread() {
    fn may<T: Clone + Send + Sync + std::fmt::Debug + 'static>(_: &T) {}
    let machine = large();
    let frozen: Frozen = machine.freeze();
    may(&machine);
    may(&frozen);
    fn may_move<T: Send + 'static>(_: &T) {}
    may_move(&Thaw::new(KeyspaceId(0)));
    let told = std::thread::spawn(move || {
        let mut frozen = frozen;
        std::iter::from_fn(|| frozen.next_chunk()).count()
    });
    assert_eq!(told.join().unwrap(), chunks(&machine).len());
}

#[test]
fn a_frozen_state_stands_still() {
    let mut machine = large();
    let before = chunks(&machine);
    let mut frozen = machine.freeze();
    let mut told = vec![frozen.next_chunk().unwrap()];
    write(&mut machine, "/key/00007", vec![1]);
    apply(&mut machine, &Command::DeleteRange(crate::build::delete(one("/key/00009"))), None);
    let revision = machine.revision();
    apply(&mut machine, &Command::Compact(Compact { revision, physical: false }), None);
    while machine.sweep(100) {}
    told.extend(std::iter::from_fn(|| frozen.next_chunk()));
    assert_eq!(told, before);
    assert_eq!((frozen.applied(), frozen.revision()), (Index(20_000), Revision(20_001)));
    assert_eq!(frozen.keys(), 20_000);
    assert!(frozen.bytes_held() > told.iter().map(|chunk| chunk.len() as u64).sum());
}

#[test]
fn a_change_changes_few_chunks() {
    let machine = large();
    let before = chunks(&machine);
    assert!((10..40).contains(&before.len()), "{} chunks", before.len());
    let mut changed = 0;
    for number in 0..50u64 {
        let mut other = machine.clone();
        // In the middle of others, and shorter or longer than what was there.
        let key = format!("/key/{:05}", number * 399 + 3);
        write(&mut other, &key, vec![1; (number * 300) as usize]);
        changed += differ(&before, &chunks(&other));
    }
    // The head always, and mostly one other.
    assert!(changed < 50 * 3, "{changed} chunks");
}

#[test]
fn no_chunk_is_larger_than_the_aim_but_for_one_item() {
    let mut machine = large();
    // One key with a long history, and one as large as a request can make it.
    for number in 0..60u8 {
        write(&mut machine, "/key/00100", vec![number; 50_000]);
    }
    write(&mut machine, "/key/00200", vec![1; REQUEST_BYTES_MAX]);
    write(&mut machine, "/key/00200", vec![2; REQUEST_BYTES_MAX]);
    let told = chunks(&machine);
    let larger: Vec<_> = told.iter().filter(|chunk| chunk.len() > CHUNK_BYTES_AIM).collect();
    assert_eq!(larger.len(), 2, "one for each large value");
    for chunk in larger {
        let rest = chunk.len() - REQUEST_BYTES_MAX;
        assert!(chunk.len() <= CHUNK_BYTES_MAX && rest < 64, "{rest} bytes of others");
    }
    let again = thaw(&told).unwrap();
    again.validate();
    assert_eq!(chunks(&again), told);
}

#[test]
fn chunks_that_are_missing_twice_there_or_out_of_order_are_refused() {
    let mut machine = large();
    for client in 0..3000u64 {
        let delete = DeleteRange { want_previous: true, range: one(&format!("/key/{client:05}")) };
        apply(&mut machine, &Command::DeleteRange(delete), Some((client, 1)));
    }
    for id in 1..6000 {
        apply(&mut machine, &Command::LeaseGrant(LeaseGrant { id, ttl_s: 9_000_000_000 }), None);
    }
    let told = chunks(&machine);
    let kinds: BTreeSet<u8> = told.iter().map(|chunk| chunk[7]).collect();
    assert_eq!(kinds.len(), 4, "all kinds");
    assert!(thaw(&told).is_ok());
    for at in 0..told.len() {
        let mut missing = told.clone();
        missing.remove(at);
        assert!(thaw(&missing).is_err(), "without {at}");
        let mut twice = told.clone();
        twice.insert(at, told[at].clone());
        assert!(thaw(&twice).is_err(), "{at} twice");
        let mut swapped = told.clone();
        swapped.swap(at, (at + 1) % told.len());
        assert!(thaw(&swapped).is_err(), "{at} behind the next");
        let mut cut = told.clone();
        cut[at].truncate(told[at].len() - 1);
        assert!(thaw(&cut).is_err(), "{at} cut");
    }
    assert!(thaw(&[]).is_err());
}

#[test]
fn a_chunk_of_another_state_is_refused() {
    let mut machine = large();
    let before = chunks(&machine);
    write(&mut machine, "/key/00500", vec![9; 9]);
    let after = chunks(&machine);
    let mut mixed = after.clone();
    let at = before.iter().zip(&after).rposition(|(one, other)| one != other).unwrap();
    mixed[at] = before[at].clone();
    let refused = thaw(&mixed).unwrap_err();
    assert!(matches!(refused, SnapshotError::Contradiction { .. }), "{refused}");
}

#[test]
fn a_refused_chunk_is_not_made_good_by_others() {
    let told = chunks(&large());
    let mut thaw = Thaw::new(KeyspaceId(0));
    thaw.add(&told[0]).unwrap();
    assert_eq!(thaw.add(&bytes("no chunk at all")), Err(SnapshotError::NotOurs));
    assert_eq!(thaw.add(&told[1]), Err(SnapshotError::NotOurs));
    assert_eq!(thaw.finish().unwrap_err(), SnapshotError::NotOurs);
    let other = Thaw::new(KeyspaceId(3)).add(&told[0]);
    assert_eq!(other, Err(SnapshotError::Keyspace { got: 0 }));
}

/// A state with one of everything.
fn small() -> Machine {
    let mut machine = Machine::new(KeyspaceId(0));
    apply(&mut machine, &Command::LeaseGrant(LeaseGrant { id: -2, ttl_s: 60 }), None);
    for (key, value) in [("a", "gone"), ("b", "old"), ("b", "new")] {
        apply(&mut machine, &Command::Put(put(key, value)), None);
    }
    let leased = Put { lease: Some(-2), ..put("c", "") };
    apply(&mut machine, &Command::Put(leased), Some((7, 1)));
    let both =
        crate::build::txn([crate::build::op_delete(one("a")), crate::build::op_put("d", "x")]);
    apply(&mut machine, &Command::Txn(both), None);
    let compact = Compact { revision: Revision(4), physical: false };
    apply(&mut machine, &Command::Compact(compact), None);
    let alarm = Alarm { member: 300, kind: AlarmKind::NoSpace };
    apply(&mut machine, &Command::Alarm(AlarmChange { alarm, raise: true }), None);
    machine
}

/// Stored states depend on these bytes: a change here is a new format.
#[test]
fn a_small_state_to_the_byte() {
    let number = |number: u64| number.to_le_bytes();
    // Keyspace, applied, clock, revision, compacted; keys, leases, clients.
    let head = [0, 8, 80, 6, 5, 3, 1, 1, 0xcd74_8a36_30a1_c227].map(number);
    let wanted: [(u8, &[&[u8]]); 4] = [
        (1, &[head.as_flattened(), b"\x01\xac\x02\x01"]),
        (2, &[&number(-2i64 as u64), b"\x3c\x0a"]),
        // Client 7 said number 1 at index 5, and a put was its answer at revision 5.
        (3, &[&number(7), b"\x01\x05\x01\x05\x01\x02\x00"]),
        (
            4,
            &[
                b"\x00\x01a\x02\x04gone",
                b"\x05\x06",
                b"\x10\x01b\x04\x01\x02\x03new",
                b"\x20\x01c\x05\xfe\xff\xff\xff\xff\xff\xff\xff\x00",
                b"\x08\x01d\x06\x01\x01x",
            ],
        ),
    ];
    let told = chunks(&small());
    assert_eq!(told.len(), wanted.len());
    for (chunk, (kind, items)) in told.iter().zip(wanted) {
        let content = [b"TRIMKV\x01", &[kind][..], &items.concat()].concat();
        let check = base::checksum::hash64(&content).to_le_bytes();
        let wanted = Bytes::from([content, check.into()].concat());
        assert_eq!(*chunk, wanted);
    }
}

#[test]
fn newer_chunks_are_refused_by_name() {
    let told = chunks(&small());
    let mut newer = told[0].to_vec();
    newer[6] = 2;
    assert_eq!(thaw(&[newer.into()]).unwrap_err(), SnapshotError::Format { got: 2 });
    let mut other = told[1].to_vec();
    other[7] = 9;
    let check = base::checksum::hash64(&other[..other.len() - 8]).to_le_bytes();
    let end = other.len() - 8;
    other[end..].copy_from_slice(&check);
    let refused = thaw(&[told[0].clone(), other.into()]).unwrap_err();
    assert_eq!(refused, SnapshotError::Kind { got: 9 });
}

#[test]
fn an_empty_keyspace_is_a_head() {
    let told = chunks(&Keyspace::new().0);
    assert_eq!(told.len(), 1);
    assert_eq!(chunks(&thaw(&told).unwrap()), told);
}
