//! What a keyspace costs: `cargo run --release -p kv --example store_bench`.
//!
//! Prints nanoseconds for each kind of operation, through encoding, decoding
//! and the machine as an entry of the log goes, at 100,000 and at 1,000,000
//! keys; and the resident memory that a key takes, also after freeze and thaw.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use base::KeyspaceId;
use base::prng::Prng;
use bytes::Bytes;
use kv::command::{Command, Envelope, KeyRange, Put, RangeQuery};
use kv::encode::encode;
use kv::machine::Machine;
use kv::snapshot::Thaw;
use std::hint::black_box;
use std::time::Instant;

const VALUE_BYTES: usize = 256;

fn main() {
    // All are kept: memory that was given back and taken again would not show.
    let mut machines = Vec::new();
    for keys in [100_000, 1_000_000] {
        let resident = resident_bytes();
        let mut machine = Machine::new(KeyspaceId(0));
        println!("{keys} keys, values of {VALUE_BYTES} bytes");
        measure("  first put in random order", keys, |at| put(&mut machine, scatter(at, keys)));
        let taken = resident_bytes().saturating_sub(resident);
        println!("  {:<44} {:>8}", "resident bytes a key", taken / keys);
        println!("  {:<44} {:>8}", "counted bytes a key", machine.bytes_held() / keys);
        reads(&machine, keys);
        writes(&mut machine, keys);
        machines.push(machine.clone());
        machines.push(snapshots(&machine, keys));
    }
}

fn reads(machine: &Machine, keys: u64) {
    let mut prng = Prng::new(1);
    measure("  get", 200_000, |_| {
        let query = query(KeyRange::One(key(prng.below(keys))), 0);
        black_box(machine.query(&query));
    });
    measure("  page of 500 with the count of all", 200, |_| {
        black_box(machine.query(&query(KeyRange::From(Bytes::from_static(b"\0")), 500)));
    });
    measure("  page of 500 with the count of half", 200, |_| {
        let (start, end) = (key(keys / 4), key(keys / 4 * 3));
        black_box(machine.query(&query(KeyRange::Span { start, end }, 500)));
    });
    measure("  count of half", 200, |_| {
        let (start, end) = (key(keys / 4), key(keys / 4 * 3));
        let range = KeyRange::Span { start, end };
        black_box(machine.query(&RangeQuery { count_only: true, ..query(range, 0) }));
    });
}

fn writes(machine: &mut Machine, keys: u64) {
    let mut prng = Prng::new(2);
    let puts = 200_000;
    measure("  put over a key", puts, |_| put(machine, prng.below(keys)));
    let snapshot = machine.clone();
    measure("  put over a key, a snapshot alive", puts, |_| put(machine, prng.below(keys)));
    drop(snapshot);
    measure("  encode and decode alone", puts, |_| {
        let body = body(prng.below(keys));
        black_box(kv::encode::decode(body).unwrap());
    });
}

fn snapshots(machine: &Machine, keys: u64) -> Machine {
    // As a checkpoint does it: each chunk is gone before the next is made.
    let (start, mut frozen) = (Instant::now(), machine.freeze());
    let bytes: usize = std::iter::from_fn(|| Some(frozen.next_chunk()?.len())).sum();
    let taken = start.elapsed();
    let mut frozen = machine.freeze();
    let chunks: Vec<Bytes> = std::iter::from_fn(|| frozen.next_chunk()).collect();
    println!("  freeze: {taken:?}, {bytes} bytes in {} chunks", chunks.len());
    let (start, resident) = (Instant::now(), resident_bytes());
    let mut thaw = Thaw::new(KeyspaceId(0));
    chunks.iter().for_each(|chunk| thaw.add(chunk).unwrap());
    let added = start.elapsed();
    let thawed = thaw.finish().unwrap();
    let taken = resident_bytes().saturating_sub(resident);
    println!("  thaw: {added:?} to add, {:?} in all", start.elapsed());
    println!("  {:<44} {:>8}", "resident bytes a key after thaw", taken / keys);
    let (start, other) = (Instant::now(), thawed.clone());
    drop(thawed);
    println!("  dropping a share of it: {:?}", start.elapsed());
    other
}

fn put(machine: &mut Machine, number: u64) {
    let body = body(number);
    black_box(machine.apply(machine.applied().next(), 0, &body).unwrap());
}

fn body(number: u64) -> Bytes {
    static VALUE: [u8; VALUE_BYTES] = [b'v'; VALUE_BYTES];
    let value = Some(Bytes::from_static(&VALUE));
    let put = Put { key: key(number), value, lease: Some(0), want_previous: false };
    encode(&Envelope::default(), &Command::Put(put))
}

/// 24 bytes, as a short path would have.
fn key(number: u64) -> Bytes {
    Bytes::from(format!("/bench/keys/{number:012}"))
}

/// Visits each number below `keys` once, in an order that jumps.
fn scatter(at: u64, keys: u64) -> u64 {
    at.wrapping_mul(7_368_787) % keys
}

fn query(range: KeyRange, limit: u64) -> RangeQuery {
    RangeQuery {
        range,
        revision: None,
        limit,
        sort: None,
        keys_only: false,
        count_only: false,
        modified: (0, 0),
        create: (0, 0),
    }
}

fn measure(what: &str, times: u64, mut run: impl FnMut(u64)) {
    let start = Instant::now();
    for at in 0..times {
        run(at);
    }
    println!("{what:<46} {:>8} ns", start.elapsed().as_nanos() / u128::from(times));
}

/// Pages of this process that are in memory, where the system tells.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|it| it.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
