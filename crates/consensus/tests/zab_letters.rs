//! The bytes of Zab's letters: each kind is these bytes and no others.

use base::{Ballot, Index, NodeId};
use bytes::Bytes;
use consensus::entry::{Entry, EntryKind, Place};
use consensus::letter::Letter;
use consensus::zab::message::{History, Message, Say};

const EPOCH: Ballot = Ballot { round: 7, node: NodeId(1) };
const PLACE: Place = Place { ballot: Ballot { round: 5, node: NodeId(2) }, index: Index(10) };

fn entry(index: u64) -> Entry {
    let (ballot, body) = (Ballot::new(5, NodeId(2)), Bytes::from_static(b"x"));
    Entry { index: Index(index), ballot, kind: EntryKind::Command, clock: 9, body }
}

fn samples() -> Vec<(Say, &'static [u8])> {
    let history = History { accepted: Ballot::new(6, NodeId(3)), last: PLACE };
    let (prev, commit, matched, entries) = (PLACE, Index(300), Index(9), vec![entry(11)]);
    let (held, round, index) = (Index(9), 4, Index(9));
    let pulled = Say::Pulled { prev, last: PLACE, entries: entries.clone() };
    vec![
        (Say::Claim { history }, &[3, 1, 1, 7, 1, 6, 3, 5, 2, 10]),
        (Say::CEpoch, &[3, 1, 2, 7, 1]),
        (Say::NewEpoch { forced: true }, &[3, 1, 3, 7, 1, 1]),
        (Say::AckEpoch { history }, &[3, 1, 4, 7, 1, 6, 3, 5, 2, 10]),
        (Say::Pull { near: PLACE }, &[3, 1, 5, 7, 1, 5, 2, 10]),
        (pulled, &[3, 1, 6, 7, 1, 5, 2, 10, 5, 2, 10, 1, 5, 2, 1, 9, 1, b'x']),
        (
            Say::Diff { prev, entries: entries.clone() },
            &[3, 1, 7, 7, 1, 5, 2, 10, 1, 5, 2, 1, 9, 1, b'x'],
        ),
        (Say::NewLeader { history: PLACE }, &[3, 1, 8, 7, 1, 5, 2, 10]),
        (Say::AckNewLeader { matched }, &[3, 1, 9, 7, 1, 9]),
        (
            Say::Proposal { prev, commit, entries: entries.clone() },
            &[3, 1, 10, 7, 1, 5, 2, 10, 0xac, 2, 1, 5, 2, 1, 9, 1, b'x'],
        ),
        (
            Say::Inform { prev, commit, entries },
            &[3, 1, 11, 7, 1, 5, 2, 10, 0xac, 2, 1, 5, 2, 1, 9, 1, b'x'],
        ),
        (Say::Commit { commit }, &[3, 1, 12, 7, 1, 0xac, 2]),
        (Say::Ack { matched }, &[3, 1, 13, 7, 1, 9]),
        (Say::Reject { tried: index, near: PLACE }, &[3, 1, 14, 7, 1, 9, 5, 2, 10]),
        (Say::Ping, &[3, 1, 15, 7, 1]),
        (Say::UpToDate { commit, round }, &[3, 1, 16, 7, 1, 0xac, 2, 4]),
        (Say::Pong { held, matched: Index(8), round }, &[3, 1, 17, 7, 1, 9, 8, 4]),
        (Say::ReadAsk { ctx: 1 }, &[3, 1, 18, 7, 1, 1, 0, 0, 0, 0, 0, 0, 0]),
        (Say::ReadAnswer { ctx: 1, index }, &[3, 1, 19, 7, 1, 1, 0, 0, 0, 0, 0, 0, 0, 9]),
        (Say::HandOver, &[3, 1, 20, 7, 1]),
        (Say::EpochOver, &[3, 1, 21, 7, 1]),
    ]
}

fn bytes(mute: bool, say: Say) -> Vec<u8> {
    let mut bytes = Vec::new();
    Letter::Zab(Message { ballot: EPOCH, mute, say }).encode(&mut bytes);
    bytes
}

#[test]
fn every_kind_is_these_bytes_and_comes_back() {
    for (say, expected) in samples() {
        let letter = Letter::Zab(Message { ballot: EPOCH, mute: false, say: say.clone() });
        assert_eq!(bytes(false, say), expected, "{letter:?}");
        assert_eq!(Letter::decode(Bytes::from_static(expected)), Ok(letter));
    }
}

/// What a mute replica answers a leader has numbers of its own; it says nothing else so.
#[test]
fn the_answers_of_a_mute_replica_are_other_bytes() {
    for (say, expected) in samples() {
        let counts = matches!(
            say,
            Say::AckEpoch { .. }
                | Say::AckNewLeader { .. }
                | Say::Ack { .. }
                | Say::Reject { .. }
                | Say::Pong { .. }
        );
        let mut other = expected.to_vec();
        *other.get_mut(2).unwrap() += 128;
        assert_eq!(bytes(true, say.clone()), other);
        let read = Letter::decode(other.into());
        let whole = Letter::Zab(Message { ballot: EPOCH, mute: true, say });
        assert_eq!(read.is_ok(), counts, "{whole:?}");
        assert!(read.is_err() || read == Ok(whole));
    }
}

#[test]
fn every_truncation_and_every_longer_form_is_refused() {
    for (say, expected) in samples() {
        for cut in 0..expected.len() {
            let read = Letter::decode(Bytes::from_static(expected.get(..cut).unwrap()));
            assert!(read.is_err(), "{say:?} cut at {cut}: {read:?}");
        }
        let longer = [expected, &[0]].concat();
        assert!(Letter::decode(longer.into()).is_err(), "{say:?} with a byte too many");
    }
}
