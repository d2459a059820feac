//! What Multi-Paxos does and the other protocols do not (Lamport, "Paxos made
//! simple"; each test says what Raft would do instead).
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod world;

use base::{Ballot, Index, NodeId};
use consensus::contract::{Answer, Input, Refusal, Write};
use consensus::entry::{Entry, EntryKind};
use consensus::letter::Letter;
use consensus::paxos::message::{Message, Say};
use consensus::protocol::ProtocolKind;
use std::time::Duration;
use world::{Flight, World};

/// A cluster with a leader; place 1 is its opening, and everybody has it.
fn led_by(leader: u64, count: u64) -> World {
    let mut world = World::new(ProtocolKind::Paxos, count, 7);
    world.elect(leader);
    world
}

/// Nobody hears anybody for so long that all forget the leader, and it itself.
fn in_vain(world: &mut World) {
    world.now += Duration::from_secs(3);
    let leads = |node: &world::Node| node.replica.as_ref().is_some_and(|it| it.status().leads);
    let leaders = world.nodes.values().filter(|node| leads(node)).map(|node| node.id.0);
    for id in leaders.collect::<Vec<_>>() {
        world.turn(id, Input::Timeout);
    }
}

/// It leads, and nobody has heard anything of it since its prepare.
fn lead_alone(world: &mut World, id: u64, without: &[u64]) {
    in_vain(world);
    world.turn(id, Input::Campaign);
    while !world.replica(id).status().leads {
        let flight = world.net.remove(0);
        if !without.contains(&flight.from.0) && !without.contains(&flight.to.0) {
            world.deliver(flight);
        }
    }
    world.net.clear();
}

fn at(world: &mut World, id: u64, index: u64) -> Entry {
    world.replica(id).entry(Index(index)).unwrap().clone()
}

fn ballot(world: &mut World, id: u64) -> Ballot {
    world.replica(id).status().ballot
}

fn accepts(flight: &Flight) -> Option<u64> {
    match &flight.letter {
        Letter::Paxos(Message { say: Say::Accept { entries, .. }, .. }) => {
            entries.first().map(|entry| entry.index.0)
        }
        _ => None,
    }
}

/// Delivers what asks this node to accept this place.
fn deliver_accept(world: &mut World, to: u64, index: u64) {
    let wanted = |it: &Flight| it.to == NodeId(to) && accepts(it) == Some(index);
    let at = world.net.iter().position(wanted).unwrap();
    let flight = world.net.remove(at);
    world.deliver(flight);
}

/// Raft: n2 would refuse its vote to a log that is shorter than its own; n3 could
/// not lead before it was given what it lacks.
#[test]
fn the_shortest_log_leads_and_proposes_what_it_lacked_under_its_own_ballot() {
    let mut world = led_by(1, 3);
    let first = ballot(&mut world, 1);
    for body in ["a", "b", "c"] {
        world.propose(1, body);
    }
    world.settle_without(&[3]);
    assert_eq!(world.node(1).commit, Index(4));
    world.crash(1, 0);
    in_vain(&mut world);
    assert_eq!(world.replica(3).status().last, Index(1));
    world.turn(3, Input::Campaign);
    while !world.replica(3).status().leads {
        let flight = world.net.remove(0);
        let brought = accepts(&flight).is_some_and(|_| flight.to == NodeId(3));
        assert!(!brought, "nobody brings it up to date");
        world.deliver(flight);
    }
    let own = ballot(&mut world, 3);
    world.settle();
    let bodies = [2, 3, 4].map(|index| at(&mut world, 3, index).body);
    assert_eq!(bodies, ["a", "b", "c"]);
    assert!([2, 3, 4].iter().all(|index| at(&mut world, 3, *index).ballot == first));
    let under = |(_, write): &(_, Write)| match write {
        Write::Slot { entry, accepted, .. } => Some((entry.index.0, *accepted)),
        _ => None,
    };
    let under: Vec<_> = world.node(3).disk.iter().filter_map(under).collect();
    assert_eq!(under[1..], [(2, own), (3, own), (4, own), (5, own)]);
    assert_eq!((world.node(2).commit, world.node(3).commit), (Index(5), Index(5)));
}

/// Raft: n3 could not lead without the log of n2, and n1's entry would be cut.
#[test]
fn of_two_entries_that_were_accepted_in_one_place_the_one_of_the_higher_ballot_stays() {
    let mut world = led_by(1, 5);
    world.propose(1, "older");
    world.net.clear();
    lead_alone(&mut world, 2, &[1]);
    world.propose(2, "newer");
    world.net.clear();
    let second = ballot(&mut world, 2);
    let (older, newer) = (at(&mut world, 1, 2), at(&mut world, 2, 2));
    assert!(older.ballot < newer.ballot && newer.ballot == second);
    lead_alone(&mut world, 3, &[4, 5]);
    assert_eq!(at(&mut world, 3, 2), newer, "n1 says the older one, n2 the newer");
    assert_eq!(at(&mut world, 3, 3).body, "newer");
    world.propose(3, "own");
    world.turn(3, Input::Beat);
    world.settle();
    world.turn(3, Input::Beat);
    world.settle();
    for id in 1..=5 {
        assert_eq!((world.node(id).commit, at(&mut world, id, 2).ballot), (Index(5), second));
    }
}

/// Raft: n2 would refuse what is behind an entry that it lacks, so no log has a hole.
#[test]
fn a_hole_below_what_was_accepted_becomes_a_no_op() {
    let mut world = led_by(1, 3);
    let first = ballot(&mut world, 1);
    world.propose(1, "nobody gets it");
    world.propose(1, "n2 gets it");
    deliver_accept(&mut world, 2, 3);
    world.crash(1, 0);
    world.net.clear();
    in_vain(&mut world);
    world.turn(3, Input::Campaign);
    world.settle();
    let own = ballot(&mut world, 3);
    let (hole, kept) = (at(&mut world, 3, 2), at(&mut world, 3, 3));
    assert_eq!((hole.kind, hole.ballot, hole.body.len()), (EntryKind::Open, own, 0));
    assert_eq!((kept.ballot, &kept.body[..]), (first, &b"n2 gets it"[..]));
    assert!(hole.clock <= kept.clock && hole.ballot > kept.ballot, "ballots fall, time does not");
    assert_eq!((world.node(2).commit, world.node(3).commit), (Index(4), Index(4)));
}

/// Raft: n2 would take none of the three before the first.
#[test]
fn a_place_is_accepted_before_earlier_ones_and_told_after_them() {
    let mut world = led_by(1, 3);
    for body in ["i", "i+1", "i+2", "i+3"] {
        world.propose(1, body);
    }
    for index in [5, 4, 3] {
        deliver_accept(&mut world, 2, index);
    }
    let held = world.replica(2).entry(Index(5)).map(|entry| entry.body.clone());
    assert_eq!(held.as_deref(), Some(&b"i+3"[..]));
    let answers = |flight: &Flight| flight.to == NodeId(1);
    let (back, rest): (Vec<_>, Vec<_>) = world.net.drain(..).partition(answers);
    world.net = rest;
    back.into_iter().for_each(|flight| drop(world.deliver(flight)));
    assert_eq!(world.node(1).commit, Index(1), "three are chosen, and the first is not");
    deliver_accept(&mut world, 2, 2);
    world.settle_without(&[3]);
    assert_eq!((world.node(1).commit, world.node(2).commit), (Index(5), Index(5)));
}

/// Raft: a commit index is about a log that is known to agree up to a place. Here a
/// place is only what it is (the derivation M4).
#[test]
fn that_a_place_is_chosen_says_nothing_about_what_was_accepted_under_another_ballot() {
    let mut world = led_by(3, 3);
    world.propose(3, "never chosen");
    world.net.clear();
    in_vain(&mut world);
    world.turn(2, Input::Campaign);
    world.settle_without(&[3]);
    world.propose(2, "chosen");
    world.settle_without(&[3]);
    assert_eq!(world.node(2).commit, Index(3));
    world.turn(2, Input::Beat);
    let is_learn = |flight: &Flight| {
        let Letter::Paxos(message) = &flight.letter else { return false };
        flight.to == NodeId(3) && matches!(message.say, Say::Learn { .. })
    };
    let learn = world.net.iter().find(|flight| is_learn(flight)).unwrap().clone();
    world.net.clear();
    world.deliver(learn);
    assert_eq!(at(&mut world, 3, 2).body, "never chosen");
    assert_eq!(world.node(3).commit, Index(1));
    for _ in 0..4 {
        world.turn(2, Input::Beat);
        world.settle();
    }
    assert_eq!((world.node(3).commit, at(&mut world, 3, 3).body), (Index(3), "chosen".into()));
}

/// Raft: bytes alone bound what is open.
#[test]
fn no_more_places_are_open_than_a_window_has() {
    let mut world = led_by(1, 3);
    let mut seen = Vec::new();
    let id = world.ask();
    let (kind, body) = (EntryKind::Command, bytes::Bytes::new());
    for _ in 0..base::limits::WINDOW_SLOTS_MAX {
        world.step(1, Input::Propose { id, kind, body: body.clone() }, &mut seen);
    }
    let busy = |answer: &Answer| matches!(answer, Answer::Refused { why: Refusal::Busy, .. });
    assert!(!world.node(1).answers.iter().any(busy));
    world.step(1, Input::Propose { id, kind, body: body.clone() }, &mut seen);
    assert!(world.node(1).answers.last().is_some_and(busy));
    world.end_turn(1, &mut seen);
    world.settle();
    world.step(1, Input::Propose { id, kind, body }, &mut seen);
    assert!(!world.node(1).answers.last().is_some_and(busy), "what is chosen makes room");
}

/// A long log that one acceptor has comes in parts, each no longer than a letter.
#[test]
fn a_promise_comes_in_parts_and_a_lost_part_is_asked_for_again() {
    let mut world = led_by(1, 3);
    let mut seen = Vec::new();
    let id = world.ask();
    let (kind, body) = (EntryKind::Command, bytes::Bytes::from_static(b"x"));
    for _ in 0..10_000 {
        world.step(1, Input::Propose { id, kind, body: body.clone() }, &mut seen);
    }
    world.end_turn(1, &mut seen);
    world.settle_without(&[3]);
    assert_eq!(world.node(1).commit, Index(10_001));
    world.crash(1, 0);
    in_vain(&mut world);
    world.turn(3, Input::Campaign);
    let (mut parts, mut lost) = (0, false);
    while !world.replica(3).status().leads {
        if world.net.is_empty() {
            world.turn(3, Input::Beat);
        }
        let flight = world.net.remove(0);
        if let Letter::Paxos(Message { say: Say::Promise { slots, .. }, .. }) = &flight.letter {
            assert!(slots.len() <= base::limits::LETTER_ENTRIES_MAX);
            parts += 1;
            if parts == 2 {
                lost = true;
                continue;
            }
        }
        world.deliver(flight);
    }
    assert!(lost && parts == 4, "{parts} parts, one of them twice");
    world.settle();
    assert_eq!(world.node(3).commit, Index(10_002));
}

/// The disk that comes back knows what was chosen, and says so in its first step: a
/// restart of all does not propose everything again.
#[test]
fn a_replica_remembers_what_was_chosen() {
    let mut world = led_by(1, 3);
    for body in ["a", "b", "c"] {
        world.propose(1, body);
        world.settle();
    }
    world.crash(2, 0);
    world.restart(2);
    assert_eq!(world.node(2).commit, Index::ZERO);
    world.turn(2, Input::Timeout);
    assert_eq!(world.node(2).commit, Index(3), "what its last record of an entry says");
    assert_eq!(world.replica(2).status().last, Index(4), "and it holds the last one");
}

/// A round names its owner, so a term that clients see has one leader.
#[test]
fn rounds_are_dealt_out_in_turn() {
    let mut world = World::new(ProtocolKind::Paxos, 3, 7);
    for id in [2, 3, 1, 2, 1] {
        in_vain(&mut world);
        world.turn(id, Input::Campaign);
        world.settle();
        let Ballot { round, node } = ballot(&mut world, id);
        assert_eq!((node, round % 3), (NodeId(id), (id - 1) % 3));
    }
}
