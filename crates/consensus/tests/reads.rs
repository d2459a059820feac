//! Reads: who is answered by what, who is refused, and that no late answer
//! fits a new question.

mod world;

use base::limits::READS_WAITING_MAX;
use base::{AskId, Index, NodeId};
use consensus::contract::{Answer, Input, Refusal};
use consensus::letter::Letter;
use consensus::protocol::ProtocolKind;
use consensus::raft::message::Say;
use std::time::Duration;
use world::{Flight, World};

fn led(count: u64) -> World {
    let mut world = World::new(ProtocolKind::Raft, count, 3);
    world.elect(1);
    world
}

fn read(world: &mut World, id: u64) -> AskId {
    let ask = world.ask();
    world.turn(id, Input::Read { id: ask });
    ask
}

fn is_ask(flight: &Flight) -> bool {
    let Letter::Raft(message) = &flight.letter else { unreachable!("Raft is spoken") };
    matches!(message.say, Say::ReadAsk { .. })
}

fn refused(id: AskId, leader: Option<u64>) -> Answer {
    Answer::Refused { id, why: Refusal::NotLeader(leader.map(NodeId)) }
}

#[test]
fn a_round_that_began_before_a_read_does_not_answer_it() {
    let mut world = led(3);
    let first = read(&mut world, 1);
    let second = read(&mut world, 1);
    let round: Vec<Flight> = world.net.drain(..).collect();
    for flight in round {
        world.deliver(flight);
    }
    let answers: Vec<Flight> = world.net.drain(..).collect();
    for flight in answers {
        world.deliver(flight);
    }
    assert_eq!(world.node(1).answers, [Answer::ReadAt { id: first, index: Index(1) }]);
    world.settle();
    let last = world.node(1).answers.last().copied();
    assert_eq!(last, Some(Answer::ReadAt { id: second, index: Index(1) }));
}

/// An answer to a round that is repeated late says nothing about the next one.
#[test]
fn a_late_answer_counts_for_its_own_round_only() {
    let mut world = led(3);
    read(&mut world, 1);
    let question = world.net.remove(0);
    world.deliver(question);
    let answer = world.net.pop().unwrap();
    world.net.clear();
    world.deliver(answer.clone());
    assert_eq!(world.node(1).answers.len(), 1);
    read(&mut world, 1);
    world.net.clear();
    world.deliver(answer);
    assert_eq!(world.node(1).answers.len(), 1, "nobody has answered the second round");
}

#[test]
fn a_leader_that_loses_its_quorum_refuses_who_waits() {
    let mut world = led(3);
    let ask = read(&mut world, 1);
    world.now += Duration::from_secs(1);
    world.turn(1, Input::Timeout);
    assert_eq!(world.node(1).answers, [refused(ask, None)]);
}

#[test]
fn a_followers_reads_of_one_turn_are_one_question() {
    let mut world = led(3);
    let ids: Vec<AskId> = (0..3).map(|_| world.ask()).collect();
    let mut seen = Vec::new();
    for id in &ids {
        world.step(2, Input::Read { id: *id }, &mut seen);
    }
    world.end_turn(2, &mut seen);
    assert_eq!(world.net.iter().filter(|flight| is_ask(flight)).count(), 1);
    world.settle();
    let expected: Vec<Answer> =
        ids.iter().map(|id| Answer::ReadAt { id: *id, index: Index(1) }).collect();
    assert_eq!(world.node(2).answers, expected);
}

#[test]
fn a_lost_question_is_asked_again_at_the_second_beat() {
    let mut world = led(3);
    let ask = read(&mut world, 2);
    world.net.clear();
    world.turn(2, Input::Beat);
    assert!(world.net.is_empty(), "the answer may be on its way");
    world.turn(2, Input::Beat);
    world.settle();
    assert_eq!(world.node(2).answers, [Answer::ReadAt { id: ask, index: Index(1) }]);
}

#[test]
fn who_waits_for_a_leader_that_is_gone_is_refused() {
    let mut world = led(3);
    let ask = read(&mut world, 2);
    world.turn(2, Input::Link { peer: NodeId(1), up: false });
    assert_eq!(world.node(2).answers, [refused(ask, None)]);
    let ask = read(&mut world, 3);
    world.net.clear();
    world.crash(1, 0);
    world.now += Duration::from_secs(1);
    world.elect(2);
    assert_eq!(world.node(3).answers.first(), Some(&refused(ask, None)));
}

/// A follower restarts in the same term, with the same seed: the answer to a
/// question of its earlier life may come now, and it is too old.
#[test]
fn an_answer_to_an_earlier_life_is_dropped() {
    let mut world = led(3);
    read(&mut world, 2);
    let mut late = Vec::new();
    while let Some(flight) = world.net.pop() {
        let Letter::Raft(message) = &flight.letter else { unreachable!("Raft is spoken") };
        if matches!(message.say, Say::ReadAnswer { .. }) {
            late.push(flight);
        } else {
            world.deliver(flight);
        }
    }
    assert_eq!(late.len(), 1);
    world.crash(2, 0);
    world.now += Duration::from_millis(1);
    world.restart(2);
    world.turn(1, Input::Beat);
    world.settle();
    world.propose(1, "newer");
    world.settle();
    read(&mut world, 2);
    world.net.clear();
    world.deliver(late.remove(0));
    assert_eq!(world.node(2).answers.len(), 0);
}

#[test]
fn too_many_reads_are_refused_as_busy() {
    for id in [1, 2] {
        let mut world = led(3);
        let mut seen = Vec::new();
        for _ in 0..=READS_WAITING_MAX {
            let ask = world.ask();
            world.step(id, Input::Read { id: ask }, &mut seen);
        }
        let ask = AskId(world.asks);
        let busy = Answer::Refused { id: ask, why: Refusal::Busy };
        assert_eq!(world.node(id).answers, [busy]);
    }
}
