//! The machine against a naive one, and the encoding against random commands
//! and random bytes.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod encoding;
mod naive;
mod snapshot;
mod strategy;

use base::{Index, KeyspaceId, Revision};
use bytes::Bytes;
use kv::command::{
    Change, Command, Envelope, KeyRange, KvError, Lease, OpReply, RangeQuery, Reply,
};
use kv::encode::encode;
use kv::machine::Machine;
use kv::watch::{Compacted, WatchFilter};
use naive::Naive;
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::Cell;

/// The log's clock is the index, in seconds.
fn apply(machine: &mut Machine, command: &Command) -> Reply {
    apply_numbered(machine, command, None)
}

fn apply_numbered(machine: &mut Machine, command: &Command, sequence: Option<(u64, u64)>) -> Reply {
    let body = encode(&Envelope { sequence, ..Envelope::default() }, command);
    let index = machine.applied().next();
    machine.apply(index, clock_at(index), &body).unwrap()
}

/// The log's clock at an index, in milliseconds: a second an entry.
const fn clock_at(index: Index) -> u64 {
    index.0 * 1_000
}

fn everything(revision: Revision) -> RangeQuery {
    RangeQuery {
        range: KeyRange::From(Bytes::from_static(b"\0")),
        revision: Some(revision),
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        modified: (0, 0),
        create: (0, 0),
    }
}

fn is_as_at(machine: &Machine, naive: &Naive, revision: Revision) {
    let reply = machine.query(&everything(revision));
    let Ok(OpReply::Range(reply)) = reply.result else { panic!("{reply:?}") };
    assert_eq!(reply.kvs, naive.state(revision).into_values().collect::<Vec<_>>());
}

/// What a run must have met, or it proves nothing.
#[derive(Default)]
struct Met {
    changed: Cell<u32>,
    duplicate: Cell<u32>,
    nested: Cell<u32>,
    deleted: Cell<u32>,
    old_range: Cell<u32>,
    compacted: Cell<u32>,
    ended: Cell<u32>,
    key_on_lease: Cell<u32>,
    no_space: Cell<u32>,
    again: Cell<u32>,
    gap: Cell<u32>,
    swept: Cell<u32>,
}

fn count(cell: &Cell<u32>, met: bool) {
    cell.set(cell.get() + u32::from(met));
}

#[test]
fn the_machine_does_what_the_naive_one_does() {
    let met = Met::default();
    let sweeps = prop_oneof![Just(0usize), 1usize..3];
    let step = (strategy::command(), strategy::query(), strategy::numbering(), sweeps);
    let steps = vec(step, 1..50);
    let halfway = any::<prop::sample::Index>();
    proptest!(ProptestConfig::with_cases(1500), |(steps in steps, halfway in halfway)| {
        let (mut machine, mut naive) = (Machine::new(KeyspaceId(0)), Naive::new());
        let mut unswept = machine.clone();
        let halfway = halfway.index(steps.len());
        let mut kept = None;
        for (at, (command, query, numbering, budget)) in steps.iter().enumerate() {
            if at == halfway {
                kept = Some((machine.clone(), naive.clone(), machine.state_hash()));
            }
            let before = machine.revision();
            let sequence = numbering.map(|(client, step)| {
                let last = naive.said.get(&client).map_or(0, |said| said.0);
                (client, last.saturating_add_signed(step))
            });
            let again = sequence.is_some_and(|(client, it)| {
                naive.said.get(&client).is_some_and(|said| said.0 == it)
            });
            let clock = clock_at(machine.applied().next());
            let wanted = match sequence {
                Some(sequence) => naive.apply_numbered(command, clock, sequence),
                None => naive.apply(command, clock),
            };
            let reply = apply_numbered(&mut machine, command, sequence);
            prop_assert_eq!(&reply, &wanted, "{:?}", command);
            prop_assert_eq!(apply_numbered(&mut unswept, command, sequence), wanted);
            prop_assert_eq!(machine.query(query), naive.query(query), "{:?}", query);
            prop_assert_eq!(unswept.query(query), naive.query(query), "{:?}", query);
            if *budget > 0 {
                count(&met.swept, machine.sweep(*budget));
            }
            prop_assert_eq!(machine.state_hash(), unswept.state_hash());
            prop_assert_eq!(machine.bytes_held(), unswept.bytes_held());
            is_same_beside(&machine, &naive);
            let hangs = |id| machine.lease(id).is_some_and(|lease| !lease.keys.is_empty());
            count(&met.key_on_lease, (1..4).any(hangs));
            count(&met.again, again);
            note(&met, &reply, machine.revision() > before);
            let old = query.revision.is_some_and(|at| at < machine.revision() && at.0 > 1);
            count(&met.old_range, old && !query.range.is_empty());
        }
        unswept.validate();
        while machine.sweep(3) {
            machine.validate();
        }
        prop_assert!(machine.is_swept());
        machine.validate();
        for revision in naive.oldest().0..=naive.revision.0 {
            is_as_at(&machine, &naive, Revision(revision));
            is_as_at(&unswept, &naive, Revision(revision));
            let hash = machine.hash_at(Revision(revision));
            prop_assert_eq!(hash, unswept.hash_at(Revision(revision)));
        }
        let (kept, then, hash) = kept.unwrap();
        kept.validate();
        is_as_at(&kept, &then, then.revision);
        prop_assert_eq!(kept.state_hash(), hash, "a snapshot does not move");
    });
    for (what, met) in [
        ("changed", &met.changed),
        ("duplicate", &met.duplicate),
        ("nested", &met.nested),
        ("deleted", &met.deleted),
        ("old range", &met.old_range),
        ("compacted", &met.compacted),
        ("ended", &met.ended),
        ("key on a lease", &met.key_on_lease),
        ("no space", &met.no_space),
        ("again", &met.again),
        ("gap", &met.gap),
        ("swept in part", &met.swept),
    ] {
        assert!(met.get() > 50, "{what} was met {} times", met.get());
    }
}

/// Leases and alarms.
fn is_same_beside(machine: &Machine, naive: &Naive) {
    assert_eq!(machine.compacted(), naive.compacted);
    assert_eq!(machine.alarms(), naive.alarms.iter().copied().collect::<Vec<_>>());
    let leases: Vec<_> = machine.leases().map(|lease| (lease.id, lease.ttl_s)).collect();
    let wanted: Vec<_> = naive.leases.iter().map(|(id, (ttl_s, _))| (*id, *ttl_s)).collect();
    assert_eq!(leases, wanted);
    for id in 0..4 {
        let wanted = naive.leases.get(&id).map(|(ttl_s, granted_at)| Lease {
            id,
            ttl_s: *ttl_s,
            granted_at: *granted_at,
            keys: naive.hanging(id),
        });
        assert_eq!(machine.lease(id), wanted);
    }
}

fn note(met: &Met, reply: &Reply, changed: bool) {
    count(&met.changed, changed);
    count(&met.compacted, matches!(reply.result, Ok(OpReply::Compact)));
    count(&met.no_space, reply.result == Err(KvError::NoSpace));
    count(&met.gap, matches!(reply.result, Err(KvError::SequenceGap { .. })));
    let ends = matches!(reply.result, Ok(OpReply::LeaseRevoke | OpReply::LeaseExpire { .. }));
    count(&met.ended, ends && changed);
    count(&met.duplicate, reply.result == Err(KvError::DuplicateKey));
    if let Ok(OpReply::Txn(txn)) = &reply.result {
        count(&met.nested, txn.replies.iter().any(|reply| matches!(reply, OpReply::Txn(_))));
    }
    count(
        &met.deleted,
        matches!(&reply.result, Ok(OpReply::DeleteRange { deleted, .. }) if *deleted > 0),
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Two machines that heard the same have the same fingerprint; one more
    /// change is another fingerprint.
    #[test]
    fn equal_histories_have_equal_hashes(commands in vec(strategy::command(), 1..30)) {
        let mut machines = [Machine::new(KeyspaceId(0)), Machine::new(KeyspaceId(0))];
        for command in &commands {
            let before = machines[0].state_hash();
            let replies = machines.each_mut().map(|machine| {
                let was = machine.clone();
                let reply = apply(machine, command);
                let changed = machine.revision() > was.revision()
                    || machine.compacted() != was.compacted()
                    || machine.alarms() != was.alarms()
                    || !machine.leases().eq(was.leases());
                (reply, changed)
            });
            prop_assert_eq!(&replies[0], &replies[1]);
            prop_assert_eq!(machines[0].state_hash(), machines[1].state_hash());
            prop_assert_eq!(machines[0].state_hash() != before, replies[0].1);
            prop_assert_eq!(machines[0].bytes_held(), machines[1].bytes_held());
        }
    }

    /// Pages of any size, one after the other, are the whole filtered history.
    #[test]
    fn pages_of_a_watch_make_the_history(
        commands in vec(strategy::command(), 1..30),
        filter in strategy::filter(),
        from in 0u64..10,
        sizes in vec(0usize..5, 1..5),
    ) {
        let (mut machine, mut naive) = (Machine::new(KeyspaceId(0)), Naive::new());
        for command in &commands {
            apply(&mut machine, command);
            naive.apply(command, clock_at(machine.applied()));
        }
        let (mut seen, mut next) = (Vec::new(), Revision(from));
        if let Some(oldest) = naive.compacted.filter(|oldest| next < *oldest) {
            prop_assert_eq!(machine.changes(&filter, next, 1), Err(Compacted { oldest }));
            next = oldest;
        }
        let from = next.0;
        for size in sizes.iter().cycle() {
            if next > machine.revision() {
                break;
            }
            let page = machine.changes(&filter, next, *size).unwrap();
            prop_assert!(page.next > next && page.batches.len() <= (*size).max(1));
            for batch in &page.batches {
                prop_assert!((next..page.next).contains(&batch.revision));
                next = batch.revision.next();
                seen.extend(batch.changes.iter().cloned());
            }
            next = page.next;
        }
        prop_assert_eq!(seen, wanted(&naive, &filter, from));
        let end = machine.changes(&filter, next, 1).unwrap();
        prop_assert_eq!((end.batches.len(), end.next), (0, next), "nothing is new");
    }
}

fn wanted(naive: &Naive, filter: &WatchFilter, from: u64) -> Vec<Change> {
    let mut wanted = naive.changes.clone();
    wanted.retain(|change| change.kv.modified().0 >= from);
    wanted.retain(|change| naive::inside(&filter.range, change.kv.key()));
    wanted.retain(|change| !(if change.deleted { filter.no_delete } else { filter.no_put }));
    for change in &mut wanted {
        if !filter.want_previous || naive.compacted == Some(change.kv.modified()) {
            change.previous = None;
        }
    }
    wanted
}
