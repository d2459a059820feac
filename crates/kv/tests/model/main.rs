//! The machine against a naive one, and the encoding against random commands
//! and random bytes.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod encoding;
mod naive;
mod strategy;

use base::{KeyspaceId, Revision};
use bytes::Bytes;
use kv::command::{Change, Command, Envelope, KeyRange, KvError, OpReply, RangeQuery};
use kv::encode::encode;
use kv::machine::Machine;
use kv::watch::WatchFilter;
use naive::Naive;
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::Cell;

fn apply(machine: &mut Machine, command: &Command) -> kv::command::Reply {
    let body = encode(&Envelope::default(), command);
    machine.apply(machine.applied().next(), 0, &body).unwrap()
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
}

fn count(cell: &Cell<u32>, met: bool) {
    cell.set(cell.get() + u32::from(met));
}

#[test]
fn the_machine_does_what_the_naive_one_does() {
    let met = Met::default();
    let steps = vec((strategy::command(), strategy::query()), 1..40);
    let halfway = any::<prop::sample::Index>();
    proptest!(ProptestConfig::with_cases(400), |(steps in steps, halfway in halfway)| {
        let (mut machine, mut naive) = (Machine::new(KeyspaceId(0)), Naive::new());
        let halfway = halfway.index(steps.len());
        let mut kept = None;
        for (at, (command, query)) in steps.iter().enumerate() {
            if at == halfway {
                kept = Some((machine.clone(), naive.clone(), machine.state_hash()));
            }
            let before = machine.revision();
            let reply = apply(&mut machine, command);
            prop_assert_eq!(&reply, &naive.apply(command), "{:?}", command);
            prop_assert_eq!(machine.query(query), naive.query(query), "{:?}", query);
            note(&met, &reply, reply.revision > before);
            let old = query.revision.is_some_and(|at| at < machine.revision() && at.0 > 1);
            count(&met.old_range, old && !query.range.is_empty());
        }
        machine.validate();
        for revision in 1..=naive.revision.0 {
            is_as_at(&machine, &naive, Revision(revision));
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
    ] {
        assert!(met.get() > 50, "{what} was met {} times", met.get());
    }
}

fn note(met: &Met, reply: &kv::command::Reply, changed: bool) {
    count(&met.changed, changed);
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
                let revision = machine.revision();
                (apply(machine, command), machine.revision() > revision)
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
            naive.apply(command);
        }
        let (mut seen, mut next) = (Vec::new(), Revision(from));
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
    wanted.retain(|change| change.kv.modified.0 >= from);
    wanted.retain(|change| naive::inside(&filter.range, &change.kv.key));
    wanted.retain(|change| !(if change.deleted { filter.no_delete } else { filter.no_put }));
    if !filter.want_previous {
        wanted.iter_mut().for_each(|change| change.previous = None);
    }
    wanted
}
