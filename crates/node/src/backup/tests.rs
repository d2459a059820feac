//! Backups are read back, and nothing else is read as one.

use super::*;
use crate::snapshot::{Snapshot, Source};
use alloc::boxed::Box;
use base::sha256::Sha256;
use base::{Ballot, ClusterId, Index, KeyspaceId, NodeId};
use bytes::Bytes;
use consensus::entry::Place;
use kv::command::{Command, Envelope, Put};
use kv::encode::encode;
use kv::machine::Machine;

const KEYSPACE: KeyspaceId = KeyspaceId(1);

fn snapshot(keys: u64) -> Snapshot {
    let mut machine = Machine::new(KEYSPACE);
    for index in 1..=keys {
        let envelope = Envelope { keyspace: KEYSPACE, ..Envelope::default() };
        let key = Bytes::from(format!("key {index}"));
        let value = Some(Bytes::from(vec![index as u8; 700]));
        let put = Put { key, value, lease: Some(0), want_previous: false };
        machine.apply(Index(index), index, &encode(&envelope, &Command::Put(put))).unwrap();
    }
    let place = Place { index: Index(keys), ballot: Ballot::new(4, NodeId(9)) };
    Snapshot::new(place, keys, Source::Keyspace(Box::new(machine.freeze())))
}

fn written(snapshot: Snapshot) -> Vec<u8> {
    let mut writing = Writing::new(ClusterId(7), KEYSPACE, snapshot);
    let size = loop {
        if let Some(size) = writing.measure() {
            break size;
        }
    };
    let (mut file, mut sum) = (Vec::new(), Sha256::new());
    while let Some(part) = writing.next_part() {
        sum.add(&part);
        file.extend_from_slice(&part);
    }
    file.extend_from_slice(&sum.finish());
    assert_eq!(file.len() as u64, size);
    file
}

fn read(file: &[u8]) -> Result<Vec<Found>, BackupError> {
    let (mut reading, mut found, mut rest) = (Reading::new(), Vec::new(), file);
    while reading.wants() > 0 || !rest.is_empty() {
        // All that is left is too much at the end only.
        let wants = if reading.wants() > 0 { reading.wants() } else { rest.len() };
        let (now, later) = rest.split_at(wants.min(rest.len()));
        found.extend(reading.take(&Bytes::copy_from_slice(now))?);
        rest = later;
    }
    Ok(found)
}

#[test]
fn what_is_written_is_read_and_ends_as_etcds_snapshots_do() {
    for keys in [0, 1, 2000] {
        let mut snapshot = snapshot(keys);
        let file = written(snapshot.clone());
        assert_eq!(file.len() % 512, 32);
        let found = read(&file).unwrap();
        let Some(Found::Head(head)) = found.first() else { panic!("{found:?}") };
        assert_eq!((head.cluster, head.keyspace), (ClusterId(7), KEYSPACE));
        assert_eq!((head.place, head.clock, head.keys), (snapshot.place(), keys, keys));
        assert_eq!(head.revision, snapshot.revision());
        let (mut count, mut bytes) = (0, 0);
        for chunk in &found[1..found.len() - 1] {
            let Found::Chunk(chunk) = chunk else { panic!("{chunk:?}") };
            assert_eq!(Some(chunk), snapshot.next_chunk().as_ref());
            (count, bytes) = (count + 1, bytes + chunk.len() as u64);
        }
        assert_eq!(snapshot.next_chunk(), None);
        let Some(Found::End(totals)) = found.last() else { panic!("{found:?}") };
        assert_eq!((totals.chunks, totals.bytes), (count, bytes));
        assert!(file.ends_with(&totals.sum));
    }
}

#[test]
fn every_flipped_bit_is_seen() {
    let file = written(snapshot(2));
    for bit in 0..file.len() * 8 {
        let mut bytes = file.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&bytes).is_err(), "bit {bit}");
    }
}

#[test]
fn every_shortening_and_every_addition_is_seen() {
    let file = written(snapshot(2));
    for cut in 0..file.len() {
        assert_eq!(read(&file[..cut]).unwrap_err(), BackupError::Short, "cut at {cut}");
    }
    assert_eq!(read(&[&file[..], &[0]].concat()), Err(BackupError::Long));
}

/// A part whose own checksum is good reaches the code behind it.
#[test]
fn chunks_that_were_left_out_repeated_or_swapped_are_seen() {
    let file = written(snapshot(2));
    let length = |at: usize| 36 + u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let first = 112..112 + length(112);
    let second = first.end..first.end + length(first.end);
    let (head, end) = (&file[..112], &file[second.end..]);
    let (one, two) = (&file[first], &file[second]);
    assert_eq!([head, one, two, end].concat(), file);
    let damaged = Err(BackupError::Damaged { what: "list of chunks" });
    for chunks in [&[one][..], &[two], &[two, one], &[one, two, two], &[]] {
        assert_eq!(read(&[head, &chunks.concat(), end].concat()), damaged);
    }
}

#[test]
fn what_others_wrote_is_named() {
    let file = written(snapshot(1));
    for (at, what) in [(10, "format"), (16, "feature bits"), (24, "cipher"), (32, "key id")] {
        let mut bytes = file.clone();
        bytes[at] = 9;
        assert_eq!(read(&bytes), Err(BackupError::Newer { what, got: 9 }));
    }
    assert_eq!(read(&[1; 600]), Err(BackupError::NotOurs));
    let mut bolt = vec![0; 4096];
    bolt[16..20].copy_from_slice(&[0xed, 0xda, 0x0c, 0xed]);
    let error = read(&bolt).unwrap_err();
    assert_eq!(error, BackupError::Etcd);
    assert!(error.to_string().contains("snapshot of etcd"), "{error}");
}

#[test]
fn a_length_is_not_believed_beyond_its_bound() {
    let mut file = written(snapshot(1))[..116].to_vec();
    file[112..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(read(&file), Err(BackupError::Damaged { what: "chunk length" }));
}
