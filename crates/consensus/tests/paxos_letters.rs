//! The bytes of Multi-Paxos's letters: each kind is these bytes and no others.

use base::{Ballot, Index, NodeId};
use bytes::Bytes;
use consensus::entry::{Entry, EntryKind};
use consensus::letter::Letter;
use consensus::paxos::message::{Accepted, Message, Say};

const BALLOT: Ballot = Ballot { round: 7, node: NodeId(1) };

fn entry(index: u64) -> Entry {
    let (ballot, body) = (Ballot::new(5, NodeId(2)), Bytes::from_static(b"x"));
    Entry { index: Index(index), ballot, kind: EntryKind::Command, clock: 9, body }
}

fn samples() -> Vec<(bool, Say, &'static [u8])> {
    let (commit, from, forced) = (Index(300), Index(4), true);
    let (held, matched, round) = (Index(9), Index(8), 4);
    let slots = vec![Accepted { accepted: Ballot::new(6, NodeId(3)), entry: entry(11) }];
    let promise = Say::Promise { from, upto: Index(12), last: Index(13), commit: Index(9), slots };
    let prev = Index(10);
    let accepted = Say::Accepted { prev, matched, beyond: vec![(Index(11), Index(12))] };
    let answer = Say::LearnAnswer { held, matched, round };
    vec![
        (false, Say::Canvass { commit }, &[2, 1, 1, 7, 1, 0xac, 2]),
        (false, Say::CanvassAnswer { granted: true }, &[2, 1, 2, 7, 1, 1]),
        (false, Say::Prepare { from, forced }, &[2, 1, 3, 7, 1, 4, 1]),
        (false, promise, &[2, 1, 4, 7, 1, 4, 12, 13, 9, 1, 11, 6, 3, 5, 2, 1, 9, 1, b'x']),
        (false, Say::Nack, &[2, 1, 5, 7, 1]),
        (
            false,
            Say::Accept { prev, commit, entries: vec![entry(11)] },
            &[2, 1, 6, 7, 1, 10, 0xac, 2, 1, 5, 2, 1, 9, 1, b'x'],
        ),
        (false, accepted.clone(), &[2, 1, 7, 7, 1, 10, 8, 1, 11, 12]),
        (false, Say::Learn { commit, round }, &[2, 1, 8, 7, 1, 0xac, 2, 4]),
        (false, answer.clone(), &[2, 1, 9, 7, 1, 9, 8, 4]),
        (false, Say::ReadAsk { ctx: 1 }, &[2, 1, 10, 7, 1, 1, 0, 0, 0, 0, 0, 0, 0]),
        (
            false,
            Say::ReadAnswer { ctx: 1, index: Index(9) },
            &[2, 1, 11, 7, 1, 1, 0, 0, 0, 0, 0, 0, 0, 9],
        ),
        (false, Say::TakeOver, &[2, 1, 12, 7, 1]),
        (true, accepted, &[2, 1, 13, 7, 1, 10, 8, 1, 11, 12]),
        (true, answer, &[2, 1, 14, 7, 1, 9, 8, 4]),
    ]
}

#[test]
fn every_kind_is_these_bytes_and_comes_back() {
    for (mute, say, expected) in samples() {
        let letter = Letter::Paxos(Message { ballot: BALLOT, mute, say });
        let mut bytes = Vec::new();
        letter.encode(&mut bytes);
        assert_eq!(bytes, expected, "{letter:?}");
        assert_eq!(Letter::decode(Bytes::from_static(expected)), Ok(letter));
    }
}

#[test]
fn every_truncation_and_every_longer_form_is_refused() {
    for (_, say, expected) in samples() {
        for cut in 0..expected.len() {
            let read = Letter::decode(Bytes::from_static(expected.get(..cut).unwrap()));
            assert!(read.is_err(), "{say:?} cut at {cut}: {read:?}");
        }
        let longer = [expected, &[0]].concat();
        assert!(Letter::decode(longer.into()).is_err(), "{say:?} with a byte too many");
    }
}
