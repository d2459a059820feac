//! What was frozen and thawed is the same machine, whatever its life was.

use crate::{apply_numbered, count, everything, strategy};
use base::checksum::hash64;
use base::{KeyspaceId, Revision};
use bytes::Bytes;
use kv::command::KeyRange;
use kv::machine::Machine;
use kv::snapshot::{SnapshotError, Thaw};
use kv::watch::WatchFilter;
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;

fn chunks(machine: &Machine) -> Vec<Bytes> {
    let mut frozen = machine.freeze();
    std::iter::from_fn(|| frozen.next_chunk()).collect()
}

fn thaw(chunks: &[Bytes]) -> Result<Machine, SnapshotError> {
    let mut thaw = Thaw::new(KeyspaceId(0));
    chunks.iter().try_for_each(|chunk| thaw.add(chunk))?;
    thaw.finish()
}

/// Everything that a client or another replica can ask.
fn is_same(one: &Machine, other: &Machine) {
    assert_eq!(one.applied(), other.applied());
    assert_eq!(one.clock(), other.clock());
    assert_eq!(one.revision(), other.revision());
    assert_eq!(one.compacted(), other.compacted());
    assert_eq!(one.keys(), other.keys());
    assert_eq!(one.state_hash(), other.state_hash());
    assert_eq!(one.bytes_held(), other.bytes_held());
    assert_eq!(one.alarms(), other.alarms());
    assert!(one.leases().eq(other.leases()));
    for lease in one.leases() {
        assert_eq!(one.lease(lease.id), other.lease(lease.id));
    }
    let oldest = one.compacted().unwrap_or_default();
    let filter = WatchFilter {
        range: KeyRange::From(Bytes::from_static(b"\0")),
        no_put: false,
        no_delete: false,
        want_previous: true,
    };
    for revision in (0..=one.revision().0).map(Revision) {
        assert_eq!(one.hash_at(revision), other.hash_at(revision));
        assert_eq!(one.query(&everything(revision)), other.query(&everything(revision)));
        let pages = [one, other].map(|it| it.changes(&filter, revision, usize::MAX));
        assert_eq!(pages[0], pages[1]);
        assert_eq!(pages[0].is_ok(), revision >= oldest);
    }
}

/// What a run must have met, or it proves nothing.
#[derive(Default)]
struct Met {
    unswept: Cell<u32>,
    compacted: Cell<u32>,
    leased: Cell<u32>,
    again: Cell<u32>,
    refused: Cell<u32>,
}

/// Three machines hear the same: one sweeps now and then, one never does, and
/// one is frozen and thawed now and then.
#[test]
fn a_thawed_machine_is_the_one_that_was_frozen() {
    let met = Met::default();
    let sweeps = prop_oneof![Just(0usize), 1usize..4];
    let thaws = prop::bool::weighted(0.15);
    let step = (strategy::command(), strategy::numbering(), sweeps, thaws);
    proptest!(ProptestConfig::with_cases(800), |(steps in vec(step, 1..60))| {
        let mut machines = [(); 3].map(|()| Machine::new(KeyspaceId(0)));
        let mut said = BTreeMap::new();
        for (command, numbering, budget, thaws) in &steps {
            let sequence = numbering.map(|(client, step)| {
                let last: u64 = said.get(&client).copied().unwrap_or(0);
                (client, last.saturating_add_signed(step))
            });
            let replies = machines.each_mut().map(|it| apply_numbered(it, command, sequence));
            prop_assert_eq!(&replies[0], &replies[1]);
            prop_assert_eq!(&replies[0], &replies[2]);
            if let Some((client, number)) = sequence {
                let last = said.entry(client).or_insert(0);
                count(&met.again, *last == number && number > 0);
                *last = if number == *last + 1 { number } else { *last };
            }
            machines[0].sweep(*budget);
            if *thaws {
                machines[2].sweep(*budget);
                machines[2] = thaw(&chunks(&machines[2])).unwrap();
                machines[2].validate();
            }
            count(&met.unswept, !machines[1].is_swept());
        }
        let told = chunks(&machines[0]);
        prop_assert_eq!(&told, &chunks(&machines[1]));
        prop_assert_eq!(&told, &chunks(&machines[2]));
        let again = thaw(&told).unwrap();
        again.validate();
        prop_assert!(again.is_swept());
        prop_assert_eq!(&told, &chunks(&again));
        for machine in &machines {
            is_same(machine, &again);
        }
        count(&met.compacted, again.compacted() > Some(Revision(1)));
        let hangs = |id| again.lease(id).is_some_and(|lease| !lease.keys.is_empty());
        count(&met.leased, (1..4).any(hangs));
    });
    for (what, met) in [
        ("unswept", &met.unswept),
        ("compacted", &met.compacted),
        ("key on a lease", &met.leased),
        ("again", &met.again),
    ] {
        assert!(met.get() > 50, "{what} was met {} times", met.get());
    }
}

/// With a check that fits.
fn resealed(bytes: &[u8]) -> Bytes {
    let content = bytes.get(..bytes.len().saturating_sub(8)).unwrap_or_default();
    [content, &hash64(content).to_le_bytes()].concat().into()
}

#[test]
fn changed_chunks_are_refused_or_are_another_state() {
    let met = Met::default();
    let step = (strategy::command(), strategy::numbering());
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1u8..=255);
    let cases = ProptestConfig::with_cases(1500);
    proptest!(cases, |(steps in vec(step, 1..25), changes in vec(change, 1..3))| {
        let mut machine = Machine::new(KeyspaceId(0));
        for (command, numbering) in &steps {
            apply_numbered(&mut machine, command, numbering.map(|(client, _)| (client, 1)));
        }
        let mut told = chunks(&machine);
        for (which, at, by) in changes {
            let which = which.index(told.len());
            let mut bytes = told[which].to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            told[which] = bytes.into();
            prop_assert!(thaw(&told).is_err(), "a change at {at} of {which}");
            told[which] = resealed(&told[which]);
        }
        match thaw(&told) {
            Err(_) => count(&met.refused, true),
            Ok(other) => {
                other.validate();
                prop_assert_eq!(told, chunks(&other), "one state has one encoding");
            }
        }
    });
    assert!(met.refused.get() > 1000, "refused {} times", met.refused.get());
}

proptest! {
    #[test]
    fn random_bytes_are_no_chunk(tail in vec(any::<u8>(), 0..300), kind in 0u8..7) {
        prop_assert!(thaw(&[tail.clone().into()]).is_err());
        // Behind a head that is right, to get deeper.
        let empty = chunks(&Machine::new(KeyspaceId(0)));
        let bytes = [b"TRIMKV\x01", &[kind][..], &tail, &[0; 8]].concat();
        prop_assert!(thaw(&[empty[0].clone(), resealed(&bytes)]).is_err());
        prop_assert!(thaw(&[resealed(&bytes)]).is_err());
    }
}
