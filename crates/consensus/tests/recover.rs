//! What a replica makes of its disk, and what it refuses to start with.

mod world;

use base::codec::CodecError;
use base::{Ballot, Index, NodeId, Serial, Time};
use bytes::Bytes;
use consensus::contract::{Input, Outbox, Retention, Setup, Stable, Write};
use consensus::entry::{Entry, EntryKind, Place};
use consensus::protocol::{OpenError, Protocol, ProtocolKind};
use world::{TIMING, World};

fn setup(voters: &[u64]) -> Setup {
    let voters = voters.iter().copied().map(NodeId).collect();
    Setup {
        me: NodeId(1),
        voters,
        timing: TIMING,
        seed: 1,
        mute: false,
        retention: Retention::default(),
    }
}

fn open(voters: &[u64], stable: Stable) -> Result<Protocol, OpenError> {
    Protocol::open(ProtocolKind::Raft, setup(voters), stable)
}

fn entry(index: u64, term: u64, clock: u64) -> Entry {
    let ballot = Ballot::new(term, NodeId(1));
    Entry { index: Index(index), ballot, kind: EntryKind::Command, clock, body: Bytes::new() }
}

/// The record that a replica writes when it votes for itself in its first term.
fn vote() -> Bytes {
    Bytes::from_static(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
}

fn stable(vote: Option<Bytes>, entries: Vec<Entry>) -> Stable {
    Stable { vote, entries, durable: Serial(9), ..Stable::default() }
}

#[test]
fn the_vote_record_is_these_bytes() {
    let mut raft = open(&[1], Stable::default()).unwrap();
    let mut out = Outbox::default();
    raft.step(Time::ZERO, Input::Timeout, &mut out);
    assert_eq!(out.writes, [Write::Vote { ballot: Ballot::new(1, NodeId(1)), body: vote() }]);
}

#[test]
fn a_log_and_its_vote_come_back() {
    let raft = open(&[1, 2, 3], stable(Some(vote()), vec![entry(1, 1, 5), entry(2, 1, 5)]));
    let status = raft.unwrap().status();
    assert_eq!((status.ballot.round, status.last, status.commit), (1, Index(2), Index(0)));
}

#[test]
fn voters_are_ascending_few_named_and_ours() {
    let bad: [&[u64]; 6] =
        [&[], &[2, 3], &[2, 1, 3], &[1, 1, 2], &[0, 1], &[1, 2, 3, 4, 5, 6, 7, 8]];
    for voters in bad {
        assert_eq!(open(voters, Stable::default()).err(), Some(OpenError::Voters), "{voters:?}");
    }
}

/// A log without the promise of its term could vote twice in that term.
#[test]
fn a_log_newer_than_its_promise_is_amnesia() {
    let newer = stable(Some(vote()), vec![entry(1, 2, 0)]);
    assert_eq!(open(&[1, 2, 3], newer).err(), Some(OpenError::Amnesia));
    let none = stable(None, vec![entry(1, 1, 0)]);
    assert_eq!(open(&[1, 2, 3], none).err(), Some(OpenError::Amnesia));
}

#[test]
fn a_log_with_a_gap_or_a_step_back_is_damaged() {
    let bad = [
        (vec![entry(2, 1, 0)], 2),
        (vec![entry(1, 1, 0), entry(3, 1, 0)], 3),
        (vec![entry(1, 1, 0), entry(2, 0, 0)], 2),
        (vec![entry(1, 1, 9), entry(2, 1, 8)], 2),
    ];
    for (entries, at) in bad {
        let opened = open(&[1, 2, 3], stable(Some(vote()), entries));
        assert_eq!(opened.err(), Some(OpenError::Entry(Index(at))));
    }
}

fn behind(base: u64, entries: Vec<Entry>) -> Stable {
    let place = Place { ballot: Ballot::new(1, NodeId(1)), index: Index(base) };
    Stable { base: place, base_clock: 5, ..stable(Some(vote()), entries) }
}

#[test]
fn a_log_goes_on_behind_its_checkpoint() {
    let table = [(vec![], 7), (vec![entry(8, 1, 5), entry(9, 1, 6)], 9)];
    for (entries, last) in table {
        let status = open(&[1, 2, 3], behind(7, entries)).unwrap().status();
        assert_eq!((status.first, status.last), (Index(8), Index(last)));
        assert_eq!(status.commit, Index(7), "what a checkpoint holds is chosen");
    }
}

#[test]
fn a_log_that_does_not_follow_on_its_checkpoint_is_damaged() {
    let bad = [
        (behind(7, vec![entry(7, 1, 5)]), 7),
        (behind(7, vec![entry(9, 1, 5)]), 9),
        (behind(7, vec![entry(8, 0, 5)]), 8),
        (behind(7, vec![entry(8, 1, 4)]), 8),
        (Stable { stale: Some(Index(3)), ..behind(7, vec![entry(8, 1, 5)]) }, 8),
    ];
    for (stable, at) in bad {
        assert_eq!(open(&[1, 2, 3], stable).err(), Some(OpenError::Entry(Index(at))));
    }
}

/// A checkpoint of a term in which this replica may have voted, and forgot it.
#[test]
fn a_checkpoint_newer_than_the_promise_is_amnesia() {
    let forgotten = Stable { vote: None, ..behind(7, vec![]) };
    assert_eq!(open(&[1, 2, 3], forgotten).err(), Some(OpenError::Amnesia));
}

#[test]
fn a_vote_record_that_cannot_be_read_is_refused() {
    let got = |body: &'static [u8]| {
        let vote = Some(Bytes::from_static(body));
        open(&[1, 2, 3], stable(vote, Vec::new())).err()
    };
    let version = CodecError::Invalid { what: "version of a vote record", got: 2 };
    assert_eq!(got(&[2]), Some(OpenError::Vote(version)));
    let short = CodecError::Short { wanted: 8, left: 1 };
    assert_eq!(got(&[1, 0]), Some(OpenError::Vote(short)));
}

/// Log time goes on from the log, not from the new leader's clock.
#[test]
fn log_time_never_goes_back_over_a_change_of_leader() {
    let mut world = World::new(ProtocolKind::Raft, 3, 1);
    world.now = Time::ZERO + core::time::Duration::from_secs(50);
    world.elect(1);
    world.now += core::time::Duration::from_millis(300);
    world.propose(1, "x");
    world.settle();
    world.crash(1, 0);
    // The next leader's machine has just been started.
    world.now = Time::ZERO + core::time::Duration::from_secs(53);
    world.elect(2);
    world.now += core::time::Duration::from_millis(20);
    world.propose(2, "y");
    let clocks: Vec<u64> = world.node(2).log().iter().map(|entry| entry.clock).collect();
    assert_eq!(clocks, [0, 300, 300, 320]);
}
