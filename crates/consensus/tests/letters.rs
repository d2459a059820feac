//! The bytes of letters: each kind to the byte and back, and nothing that a
//! peer can send, by accident or on purpose, stops a replica.

mod world;

use base::codec::CodecError;
use base::limits::{ENTRY_BYTES_MAX, LETTER_ENTRIES_MAX};
use base::prng::Prng;
use base::{Ballot, Index, NodeId};
use bytes::Bytes;
use consensus::contract::Input;
use consensus::entry::{Entry, EntryKind, Place};
use consensus::letter::Letter;
use consensus::protocol::ProtocolKind;
use consensus::raft::message::{Message, Say};
use world::World;

const BALLOT: Ballot = Ballot { round: 5, node: NodeId(2) };
const PLACE: Place = Place { ballot: BALLOT, index: Index(300) };

fn entry(index: u64, body: &[u8]) -> Entry {
    let body = Bytes::copy_from_slice(body);
    Entry { index: Index(index), ballot: BALLOT, kind: EntryKind::Command, clock: 1, body }
}

/// Each kind of letter and its bytes: protocol, version, kind, term, fields.
fn samples() -> Vec<(Say, &'static [u8])> {
    let open = Entry { kind: EntryKind::Open, ..entry(301, b"") };
    let entries = vec![open, entry(302, b"xy")];
    let pulled = vec![entry(301, b"z")];
    vec![
        (Say::PreVote { last: PLACE }, &[1, 1, 1, 7, 5, 2, 0xac, 2]),
        (Say::PreVoteAnswer { granted: true, last: PLACE }, &[1, 1, 2, 7, 1, 5, 2, 0xac, 2]),
        (Say::Vote { last: PLACE }, &[1, 1, 3, 7, 5, 2, 0xac, 2]),
        (Say::VoteAnswer { granted: false, last: PLACE }, &[1, 1, 4, 7, 0, 5, 2, 0xac, 2]),
        (
            Say::Append { prev: PLACE, commit: Index(9), entries },
            &[
                1, 1, 5, 7, 5, 2, 0xac, 2, 9, 2, // two entries
                5, 2, 2, 1, 0, // ballot, kind, clock, no body
                5, 2, 1, 1, 2, b'x', b'y',
            ],
        ),
        (Say::AppendAnswer { matched: Index(9) }, &[1, 1, 6, 7, 9]),
        (Say::Reject { tried: Index(9), near: PLACE }, &[1, 1, 7, 7, 9, 5, 2, 0xac, 2]),
        (Say::Heartbeat { commit: Index(9), round: 4 }, &[1, 1, 8, 7, 9, 4]),
        (
            Say::HeartbeatAnswer { held: Index(9), matched: Index(8), round: 4 },
            &[1, 1, 9, 7, 9, 8, 4],
        ),
        (Say::ReadAsk { ctx: 3 }, &[1, 1, 10, 7, 3, 0, 0, 0, 0, 0, 0, 0]),
        (Say::ReadAnswer { ctx: 3, index: Index(9) }, &[1, 1, 11, 7, 3, 0, 0, 0, 0, 0, 0, 0, 9]),
        (Say::TermOver, &[1, 1, 12, 7]),
        (Say::TimeoutNow, &[1, 1, 13, 7]),
        (Say::VoteForced { last: PLACE }, &[1, 1, 14, 7, 5, 2, 0xac, 2]),
        (Say::Pull { near: PLACE }, &[1, 1, 18, 7, 5, 2, 0xac, 2]),
        (
            Say::Pulled { prev: PLACE, last: PLACE, entries: pulled },
            &[1, 1, 19, 7, 5, 2, 0xac, 2, 5, 2, 0xac, 2, 1, 5, 2, 1, 1, 1, b'z'],
        ),
    ]
}

/// What a mute replica answers has numbers of its own.
fn mute_samples() -> Vec<(Say, &'static [u8])> {
    let (tried, near) = (Index(9), PLACE);
    let (held, matched, round) = (Index(9), Index(8), 4);
    vec![
        (Say::AppendAnswer { matched: Index(9) }, &[1, 1, 15, 7, 9]),
        (Say::Reject { tried, near }, &[1, 1, 16, 7, 9, 5, 2, 0xac, 2]),
        (Say::HeartbeatAnswer { held, matched, round }, &[1, 1, 17, 7, 9, 8, 4]),
    ]
}

fn letter(say: Say) -> Letter {
    Letter::Raft(Message { term: 7, mute: false, say })
}

fn bytes(letter: &Letter) -> Vec<u8> {
    let mut bytes = Vec::new();
    letter.encode(&mut bytes);
    bytes
}

#[test]
fn every_kind_is_these_bytes_and_comes_back() {
    for (say, expected) in samples() {
        let letter = letter(say);
        assert_eq!(bytes(&letter), expected, "{letter:?}");
        assert_eq!(Letter::decode(Bytes::from_static(expected)), Ok(letter));
    }
}

#[test]
fn the_answers_of_a_mute_replica_are_other_bytes() {
    for (say, expected) in mute_samples() {
        let letter = Letter::Raft(Message { term: 7, mute: true, say });
        assert_eq!(bytes(&letter), expected, "{letter:?}");
        assert_eq!(Letter::decode(Bytes::from_static(expected)), Ok(letter));
    }
}

#[test]
fn every_truncation_and_every_longer_form_is_refused() {
    for (say, expected) in samples().into_iter().chain(mute_samples()) {
        for cut in 0..expected.len() {
            let read = Letter::decode(Bytes::from_static(&expected[..cut]));
            assert!(read.is_err(), "{say:?} cut at {cut}: {read:?}");
        }
        let longer = [expected, &[0]].concat();
        assert_eq!(Letter::decode(longer.into()), Err(CodecError::Trailing { left: 1 }));
    }
}

#[test]
fn bodies_are_slices_of_the_frame() {
    let entries = vec![entry(301, b"a body of some length")];
    let whole: Bytes =
        bytes(&letter(Say::Append { prev: PLACE, commit: Index(0), entries })).into();
    let frame = whole.as_ptr_range();
    let Letter::Raft(message) = Letter::decode(whole.clone()).unwrap() else {
        unreachable!("Raft is spoken")
    };
    let Say::Append { entries, .. } = message.say else { panic!("an append") };
    assert!(frame.contains(&entries[0].body.as_ptr()));
}

#[test]
fn what_exceeds_a_bound_is_refused_before_it_is_built() {
    let head = [1, 1, 5, 7, 5, 2, 1, 0];
    let count = |bytes: &[u8]| Letter::decode([&head[..], bytes].concat().into());
    let invalid = |what, got| Err(CodecError::Invalid { what, got });
    // A hundred entries in no bytes, more than a letter has, more than memory has.
    assert_eq!(count(&[100]), invalid("count of entries", 100));
    let many = LETTER_ENTRIES_MAX + 1;
    let entries: Vec<Entry> = (0..many as u64).map(|k| entry(301 + k, b"")).collect();
    let long = bytes(&letter(Say::Append { prev: PLACE, commit: Index(0), entries }));
    assert_eq!(Letter::decode(long.into()), invalid("count of entries", many as u64));
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(count(&huge), invalid("count of entries", u64::MAX));
    let entries = vec![entry(301, &vec![0; ENTRY_BYTES_MAX + 1])];
    let large = bytes(&letter(Say::Append { prev: PLACE, commit: Index(0), entries }));
    let got = ENTRY_BYTES_MAX as u64 + 1;
    assert_eq!(Letter::decode(large.into()), invalid("length of an entry", got));
}

#[test]
fn what_no_version_means_is_refused() {
    let refused: [(&[u8], &str); 10] = [
        (&[4, 1, 12, 7], "protocol of a letter"),
        (&[2, 2, 5, 7, 1], "version of a letter"),
        (&[2, 1, 15, 7, 1], "kind of a paxos letter"),
        (&[2, 1, 7, 7, 1, 0, 0, 33], "count of stretches"),
        (&[2, 1, 4, 7, 1, 0, 0, 0, 0, 9], "count of entries"),
        (&[1, 2, 12, 7], "version of a letter"),
        (&[1, 1, 20, 7], "kind of a raft letter"),
        (&[1, 1, 4, 7, 2, 5, 2, 1], "yes or no"),
        (&[1, 1, 5, 7, 5, 2, 1, 0, 1, 5, 2, 9, 1, 0], "kind of an entry"),
        (&[1, 1, 12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "term"),
    ];
    for (bytes, field) in refused {
        let read = Letter::decode(Bytes::copy_from_slice(bytes));
        assert!(
            matches!(read, Err(CodecError::Invalid { what, .. }) if what == field),
            "{field}: {read:?}"
        );
    }
}

/// Random bytes, and letters of a living cluster with some bytes changed, find
/// their way to replicas in every role.
#[test]
fn no_bytes_stop_a_replica() {
    let (mut understood, mut refused) = (0, 0);
    for (seed, kind) in
        (0..400).flat_map(|seed| ProtocolKind::ALL.iter().map(move |it| (seed, *it)))
    {
        let mut prng = Prng::new(seed);
        let mut world = World::new(kind, 3, seed);
        if seed % 4 == 0 {
            world.lose_disk(2);
            world.node(2).setup.mute = true;
            world.restart(2);
        }
        for _ in 0..400 {
            let id = prng.between(1, 3);
            match prng.below(11) {
                5 => drop(world.checkpoint(id)),
                6 => {
                    let checkpoint = world.node(prng.between(1, 3)).checkpoint;
                    drop(world.install(id, checkpoint));
                }
                4 => drop(world.turn(id, Input::Transfer { to: None })),
                0 => drop(world.turn(id, Input::Campaign)),
                1 => drop(world.turn(id, Input::Beat)),
                2 => drop(world.propose(id, "x")),
                3 => {
                    let id = world.ask();
                    world.turn(prng.between(1, 3), Input::Read { id });
                }
                _ => {}
            }
            world.now += core::time::Duration::from_millis(prng.below(200));
            let Some(flight) = world.net.pop() else { continue };
            let mut frame = bytes(&flight.letter);
            for _ in 0..prng.below(3) {
                let at = prng.below(frame.len() as u64) as usize;
                frame[at] = prng.next() as u8;
            }
            if prng.chance(1, 10) {
                frame = (0..prng.below(40)).map(|_| prng.next() as u8 % 19).collect();
            }
            match Letter::decode(frame.into()) {
                Ok(letter) => {
                    understood += 1;
                    let from = NodeId(prng.between(1, 3));
                    world.turn(id, Input::Letter { from, letter });
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(understood > 10_000 && refused > 10_000, "{understood} understood, {refused} refused");
}
