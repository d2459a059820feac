//! A log that is completed before its owner stands.

mod world;

use base::{Ballot, Index, NodeId};
use consensus::contract::{Input, Retention};
use consensus::entry::{Entry, EntryKind, Place};
use consensus::letter::Letter;
use consensus::protocol::ProtocolKind;
use consensus::raft::message::{Message, Say};
use std::time::Duration;
use world::{Flight, Output, World};

/// n1 leads n2 and n3 of five; n5 has missed what they have, and nobody is heard any
/// more: it claims, and n2 and n3 refuse it.
fn behind() -> World {
    let mut world = World::new(ProtocolKind::Raft, 5, 7);
    world.elect(1);
    world.propose(1, "a");
    world.propose(1, "b");
    world.settle_without(&[4, 5]);
    world.pass(Duration::from_millis(1000));
    world.net.clear();
    world
}

fn claim(world: &mut World) -> Vec<Output> {
    world.turn(5, Input::Claim)
}

fn letters(world: &World) -> Vec<(u64, u64, Say)> {
    let letter = |flight: &Flight| {
        let Letter::Raft(Message { say, .. }) = &flight.letter else {
            unreachable!("Raft is spoken")
        };
        (flight.from.0, flight.to.0, say.clone())
    };
    // The timers of the others go on as well, and matter to none of this.
    world.net.iter().filter(|flight| flight.from == NodeId(5)).map(letter).collect()
}

fn last(world: &mut World, id: u64) -> Place {
    world.replica(id).last()
}

#[test]
fn who_is_refused_for_its_log_completes_it_and_is_elected() {
    let mut world = behind();
    claim(&mut world);
    world.settle_without(&[1, 4]);
    world.pass(Duration::from_millis(300));
    world.settle_without(&[1, 4]);
    assert!(world.replica(5).status().leads);
    let commands = |entry: &Entry| entry.kind == EntryKind::Command;
    assert_eq!(world.node(5).log().into_iter().filter(commands).count(), 2);
}

#[test]
fn the_term_is_on_disk_before_anything_is_asked_for_and_nothing_is_confirmed() {
    let mut world = behind();
    world.slow_disk(5, true);
    claim(&mut world);
    world.settle_without(&[1, 4]);
    world.pass(Duration::from_millis(300));
    assert!(letters(&world).is_empty(), "{:?}", letters(&world));
    let term = world.replica(5).status().ballot.round;
    assert_eq!(term, 2, "one above all that it knows");
    let written = world.node(5).serial;
    world.durable(5, written);
    let asked = letters(&world);
    assert!(matches!(asked.as_slice(), [(5, 2 | 3, Say::Pull { .. })]), "{asked:?}");
    world.slow_disk(5, false);
    world.net.retain(|flight| flight.from == NodeId(5));
    while let Some(flight) = world.net.pop() {
        let Letter::Raft(Message { say, .. }) = &flight.letter else {
            unreachable!("Raft is spoken")
        };
        let own = flight.from == NodeId(5);
        assert!(!own || !matches!(say, Say::AppendAnswer { .. }), "{flight:?}");
        if [2, 3, 5].contains(&flight.to.0) {
            world.deliver(flight);
        }
    }
}

#[test]
fn a_node_that_hears_a_leader_gives_nothing_and_who_has_a_later_log_cuts_nothing() {
    let mut world = World::new(ProtocolKind::Raft, 5, 7);
    world.elect(1);
    let letter =
        Letter::Raft(Message { term: 9, mute: false, say: Say::Pull { near: Place::default() } });
    let seen = world.deliver(Flight { from: NodeId(5), to: NodeId(2), letter });
    assert!(matches!(seen.as_slice(), [Output::Dropped("a leader is alive")]), "{seen:?}");

    let mut world = behind();
    let mine = last(&mut world, 2);
    world.turn(2, Input::Claim);
    let far = Place { ballot: Ballot::new(9, NodeId(3)), index: Index(9) };
    let no = Say::PreVoteAnswer { granted: false, last: far };
    let term = world.replica(2).status().ballot.round;
    let told = Message { term, mute: false, say: no };
    world.deliver(Flight { from: NodeId(3), to: NodeId(2), letter: Letter::Raft(told) });
    world.pass(Duration::from_millis(300));
    let term = world.replica(2).status().ballot.round;
    let other = Ballot::new(0, NodeId(3));
    let body = bytes::Bytes::from_static(b"older");
    let entry = Entry { index: Index(1), ballot: other, kind: EntryKind::Command, clock: 0, body };
    let end = Place { ballot: other, index: Index(1) };
    let say = Say::Pulled { prev: Place::default(), last: end, entries: vec![entry] };
    let told = Message { term, mute: false, say };
    let seen = world.deliver(Flight { from: NodeId(3), to: NodeId(2), letter: Letter::Raft(told) });
    assert!(seen.iter().any(|it| matches!(it, Output::Dropped(_))), "{seen:?}");
    assert_eq!(last(&mut world, 2), mine);
}

/// What n5 lacks is forgotten by whoever has more: its checkpoint is offered, and once
/// n5 has taken that over it asks for the rest.
#[test]
fn what_is_only_in_a_checkpoint_is_offered_and_the_rest_is_pulled() {
    let mut world = World::new(ProtocolKind::Raft, 5, 7);
    world.retain(Retention { entries: 0, ..Retention::default() });
    world.elect(1);
    world.propose(1, "a");
    world.settle_without(&[4, 5]);
    world.turn(1, Input::Beat);
    world.settle_without(&[4, 5]);
    for id in [2, 3] {
        world.checkpoint(id);
        assert_eq!(world.node(id).checkpoint.place.index, Index(2));
    }
    world.propose(1, "b");
    world.settle_without(&[4, 5]);
    world.pass(Duration::from_millis(1000));
    world.net.clear();

    claim(&mut world);
    world.settle_without(&[1, 4]);
    world.pass(Duration::from_millis(300));
    world.settle_without(&[1, 4]);
    assert!(!world.replica(5).status().leads);
    let wanted = (NodeId(5), Index::ZERO);
    let named = |world: &mut World, id: u64| world.node(id).behind.contains(&wanted);
    let from = [2, 3].into_iter().find(|id| named(&mut world, *id)).expect("one offers");
    let checkpoint = world.node(from).checkpoint;
    world.install(5, checkpoint);
    world.settle_without(&[1, 4]);
    assert!(world.replica(5).status().leads);
    let commands = |entry: &Entry| entry.kind == EntryKind::Command;
    assert_eq!(world.node(5).log().into_iter().filter(commands).count(), 1, "behind it");
}
