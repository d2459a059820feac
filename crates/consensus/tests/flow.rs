//! How much is on its way, how much waits, and what bounds it.

mod world;

use base::limits::{
    ENTRY_BYTES_MAX, INFLIGHT_BYTES_MAX, INFLIGHT_LETTERS_MAX, LETTER_BYTES_MAX,
    LETTER_ENTRIES_MAX, UNCOMMITTED_BYTES_MAX,
};
use base::{Index, NodeId};
use bytes::Bytes;
use consensus::contract::{Answer, Input, Refusal};
use consensus::entry::{Entry, EntryKind};
use consensus::letter::Letter;
use consensus::protocol::ProtocolKind;
use consensus::raft::message::Say;
use std::time::Duration;
use world::{Flight, World};

fn led() -> World {
    let mut world = World::new(ProtocolKind::Raft, 3, 3);
    world.elect(1);
    world
}

fn propose(world: &mut World, count: usize, size: usize) {
    let body = Bytes::from(vec![0; size]);
    let mut seen = Vec::new();
    for _ in 0..count {
        let (id, body) = (world.ask(), body.clone());
        world.step(1, Input::Propose { id, kind: EntryKind::Command, body }, &mut seen);
    }
    world.end_turn(1, &mut seen);
}

/// The entries of each letter to `id`.
fn appends(world: &World, id: u64) -> Vec<Vec<Entry>> {
    let entries = |flight: &Flight| {
        let Letter::Raft(message) = &flight.letter else { unreachable!("Raft is spoken") };
        match &message.say {
            Say::Append { entries, .. } if flight.to == NodeId(id) => Some(entries.clone()),
            _ => None,
        }
    };
    world.net.iter().filter_map(entries).collect()
}

#[test]
fn proposals_of_one_turn_are_one_letter_per_follower() {
    let mut world = led();
    propose(&mut world, 100, 10);
    for id in [2, 3] {
        let sizes: Vec<usize> = appends(&world, id).iter().map(Vec::len).collect();
        assert_eq!(sizes, [100]);
    }
}

#[test]
fn letters_are_split_by_count_and_by_bytes() {
    let mut world = led();
    propose(&mut world, LETTER_ENTRIES_MAX + 1, 0);
    let sizes: Vec<usize> = appends(&world, 2).iter().map(Vec::len).collect();
    assert_eq!(sizes, [LETTER_ENTRIES_MAX, 1]);
    world.settle();
    propose(&mut world, 3, LETTER_BYTES_MAX / 2);
    let sizes: Vec<usize> = appends(&world, 2).iter().map(Vec::len).collect();
    assert_eq!(sizes, [2, 1]);
    world.settle();
    propose(&mut world, 2, ENTRY_BYTES_MAX);
    let sizes: Vec<usize> = appends(&world, 2).iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 1], "larger than a letter, and goes alone");
}

#[test]
fn a_window_closes_and_opens_with_the_answers() {
    let mut world = led();
    for _ in 0..INFLIGHT_LETTERS_MAX + 9 {
        propose(&mut world, 1, 1);
    }
    assert_eq!(appends(&world, 2).len(), INFLIGHT_LETTERS_MAX);
    world.settle();
    assert_eq!(world.node(2).log(), world.node(1).log());

    propose(&mut world, INFLIGHT_BYTES_MAX / LETTER_BYTES_MAX + 5, LETTER_BYTES_MAX);
    assert_eq!(appends(&world, 2).len(), INFLIGHT_BYTES_MAX / LETTER_BYTES_MAX);
    world.settle();
    assert_eq!(world.node(2).log(), world.node(1).log());
}

#[test]
fn a_leader_whose_log_is_full_of_unchosen_bytes_is_busy() {
    let mut world = led();
    propose(&mut world, UNCOMMITTED_BYTES_MAX / LETTER_BYTES_MAX, LETTER_BYTES_MAX);
    let busy = |answer: &&Answer| matches!(answer, Answer::Refused { why: Refusal::Busy, .. });
    assert_eq!(world.node(1).answers.iter().filter(busy).count(), 1, "the last one");
    world.settle();
    world.node(1).answers.clear();
    propose(&mut world, 1, LETTER_BYTES_MAX);
    assert_eq!(world.node(1).answers.iter().filter(busy).count(), 0);
}

#[test]
fn a_body_that_no_letter_carries_is_refused() {
    let mut world = led();
    propose(&mut world, 1, ENTRY_BYTES_MAX + 1);
    let busy = matches!(world.node(1).answers[..], [Answer::Refused { why: Refusal::Busy, .. }]);
    assert!(busy && world.replica(1).status().last == Index(1));
}

/// The window is full of letters that are lost: beats find it out, and the
/// rest is not sent before the follower answers.
#[test]
fn a_full_window_that_is_lost_is_found_by_beats() {
    let mut world = led();
    world.crash(3, 0);
    for _ in 0..INFLIGHT_LETTERS_MAX + 9 {
        propose(&mut world, 1, 1);
    }
    world.settle();
    world.restart(3);
    for _ in 0..3 {
        world.now += Duration::from_millis(100);
        world.turn(1, Input::Beat);
        world.settle();
    }
    assert_eq!(world.node(3).log(), world.node(1).log());
    let commits = [world.node(1).commit, world.node(3).commit];
    assert_eq!(commits[0], commits[1]);
}

/// The links come back: what was lost with them is sent at once.
#[test]
fn a_link_that_comes_back_needs_no_beat() {
    let mut world = led();
    propose(&mut world, 5, 10);
    world.settle_without(&[3]);
    world.turn(1, Input::Link { peer: NodeId(3), up: true });
    world.settle();
    assert_eq!(world.node(3).log(), world.node(1).log());
    let commits = [world.node(1).commit, world.node(3).commit];
    assert_eq!(commits[0], commits[1]);
}
