//! A leadership is handed over (Raft dissertation, 3.10), one test per
//! sentence in our own words.

mod world;

use base::{Ballot, Index, NodeId};
use consensus::contract::{Answer, Input, Refusal};
use consensus::entry::Place;
use consensus::letter::Letter;
use consensus::protocol::ProtocolKind;
use consensus::raft::message::{Message, Say};
use std::time::Duration;
use world::{Flight, Output, TIMING, World};

fn led(count: u64) -> World {
    let mut world = World::new(ProtocolKind::Raft, count, 3);
    world.elect(1);
    world.settle();
    world
}

fn transfer(world: &mut World, id: u64, to: Option<u64>) -> Vec<Output> {
    world.turn(id, Input::Transfer { to: to.map(NodeId) })
}

fn under_way(world: &mut World, id: u64) -> Option<NodeId> {
    world.replica(id).status().transfer
}

fn dropped(seen: &[Output]) -> Option<&'static str> {
    seen.iter().find_map(|output| if let Output::Dropped(why) = output { Some(*why) } else { None })
}

fn tell(world: &mut World, from: u64, to: u64, term: u64, say: Say) -> Vec<Output> {
    let letter = Letter::Raft(Message { term, mute: false, say });
    world.deliver(Flight { from: NodeId(from), to: NodeId(to), letter })
}

fn votes(seen: &[Output]) -> Vec<bool> {
    let vote = |output: &Output| match output {
        Output::Letter { letter: Letter::Raft(message), .. } => Some(message.say.clone()),
        _ => None,
    };
    let granted =
        |say| if let Say::VoteAnswer { granted, .. } = say { Some(granted) } else { None };
    seen.iter().filter_map(vote).filter_map(granted).collect()
}

fn place(index: u64, term: u64) -> Place {
    Place { ballot: Ballot::new(term, NodeId(1)), index: Index(index) }
}

/// No time passes: nobody waits for a timer, though all have just heard the leader.
#[test]
fn the_named_follower_leads_at_once_and_loses_nothing() {
    let mut world = led(5);
    world.propose(1, "x");
    transfer(&mut world, 1, Some(3));
    world.settle();
    assert_eq!(world.leader(), Some(3));
    let status = world.replica(3).status();
    assert_eq!((status.ballot.round, status.commit, status.serves), (2, Index(3), true));
    for id in 1..=5 {
        assert_eq!(world.replica(id).status().leader, Some(NodeId(3)));
        assert_eq!(world.node(id).log(), world.node(3).log());
    }
}

#[test]
fn the_follower_that_lacks_least_is_chosen_if_none_is_named() {
    let mut world = led(3);
    world.propose(1, "x");
    world.settle_without(&[2]);
    transfer(&mut world, 1, None);
    assert_eq!(under_way(&mut world, 1), Some(NodeId(3)));
    world.settle();
    assert_eq!(world.leader(), Some(3));
}

#[test]
fn who_is_silent_is_not_chosen() {
    let mut world = led(5);
    world.crash(2, 0);
    for _ in 0..15 {
        world.now += TIMING.heartbeat;
        world.turn(1, Input::Beat);
        world.settle();
    }
    transfer(&mut world, 1, None);
    assert_eq!(under_way(&mut world, 1), Some(NodeId(3)));
}

/// The follower is told to stand when it has everything on its disk, and not before.
#[test]
fn the_follower_is_brought_up_to_date_first() {
    let mut world = led(3);
    world.slow_disk(3, true);
    world.propose(1, "x");
    world.settle();
    transfer(&mut world, 1, Some(3));
    world.settle();
    assert_eq!(world.leader(), Some(1));
    let all = world.node(3).serial;
    world.durable(3, all);
    world.slow_disk(3, false);
    world.settle();
    assert_eq!(world.leader(), Some(3));
}

#[test]
fn no_proposals_are_taken_meanwhile() {
    let mut world = led(3);
    transfer(&mut world, 1, Some(3));
    let last = world.replica(1).status().last;
    world.propose(1, "x");
    let why = Refusal::NotLeader(None);
    assert!(matches!(world.node(1).answers[..], [Answer::Refused { why: it, .. }] if it == why));
    assert_eq!(world.replica(1).status().last, last);
}

#[test]
fn after_an_election_timeout_the_leader_takes_proposals_again_and_says_so() {
    let mut world = led(5);
    world.crash(3, 0);
    transfer(&mut world, 1, Some(3));
    let over = world.now + TIMING.election;
    assert_eq!(world.replica(1).deadline(), Some(over));
    while world.now < over {
        assert_eq!(under_way(&mut world, 1), Some(NodeId(3)));
        world.now += TIMING.heartbeat;
        world.turn(1, Input::Beat);
        world.settle();
    }
    let seen = world.turn(1, Input::Timeout);
    assert!(
        seen.iter()
            .any(|output| matches!(output, Output::Lead(lead) if lead.leader == Some(NodeId(1))))
    );
    assert_eq!(under_way(&mut world, 1), None);
    world.propose(1, "x");
    world.settle();
    assert_eq!(world.node(1).commit, Index(2));
}

#[test]
fn a_lost_letter_is_said_again_at_the_next_beat() {
    let mut world = led(3);
    transfer(&mut world, 1, Some(3));
    world.net.clear();
    world.settle();
    assert_eq!(world.leader(), Some(1));
    world.turn(1, Input::Beat);
    world.settle();
    assert_eq!(world.leader(), Some(3));
}

#[test]
fn what_cannot_be_done_is_dropped_by_name() {
    let mut world = led(3);
    for to in [1, 9] {
        assert_eq!(dropped(&transfer(&mut world, 1, Some(to))), Some("nobody to hand over to"));
    }
    assert_eq!(dropped(&transfer(&mut world, 2, None)), Some("only a leader hands over"));
    transfer(&mut world, 1, Some(2));
    assert_eq!(dropped(&transfer(&mut world, 1, Some(3))), Some("a transfer is under way"));
    let mut alone = led(1);
    assert_eq!(dropped(&transfer(&mut alone, 1, None)), Some("nobody to hand over to"));
}

#[test]
fn only_the_leader_of_the_term_tells_anybody_to_stand() {
    let mut world = led(3);
    let seen = tell(&mut world, 2, 3, 1, Say::TimeoutNow);
    assert_eq!(dropped(&seen), Some("a second leader of the term"));
    let seen = tell(&mut world, 2, 1, 1, Say::TimeoutNow);
    assert_eq!(dropped(&seen), Some("a second leader of the term"));
    world.turn(1, Input::Beat);
    world.settle();
    assert_eq!(world.leader(), Some(1));
}

/// A forced vote is refused by every rule but stickiness.
#[test]
fn a_forced_vote_is_given_once_and_to_a_log_that_misses_nothing() {
    let mut world = led(3);
    let forced = |last| Say::VoteForced { last };
    assert_eq!(votes(&tell(&mut world, 2, 3, 2, forced(place(0, 0)))), [false]);
    assert_eq!(votes(&tell(&mut world, 2, 3, 3, forced(place(1, 1)))), [true]);
    assert_eq!(votes(&tell(&mut world, 1, 3, 3, forced(place(9, 1)))), [false], "given");
    assert_eq!(votes(&tell(&mut world, 1, 3, 2, forced(place(9, 1)))), [false], "of an old term");
    let mut world = led(3);
    assert_eq!(
        votes(&tell(&mut world, 2, 3, 2, Say::Vote { last: place(9, 1) })),
        [],
        "a leader is alive"
    );
}

/// The old leader does not know that it was replaced: its reads find out.
#[test]
fn a_read_of_the_old_leader_is_not_answered_once_the_new_one_may_write() {
    let mut world = led(3);
    transfer(&mut world, 1, Some(3));
    // The old leader hears nothing of the election that it asked for.
    while let Some(at) = world.net.iter().position(|it| it.to != NodeId(1)) {
        let flight = world.net.remove(at);
        world.deliver(flight);
    }
    world.net.clear();
    assert!(world.replica(3).status().leads && world.replica(1).status().leads);
    world.propose(3, "news");
    while let Some(at) = world.net.iter().position(|it| it.to != NodeId(1)) {
        let flight = world.net.remove(at);
        world.deliver(flight);
        world.net.retain(|it| it.to != NodeId(1));
    }
    assert_eq!(world.node(3).commit, Index(3));
    let id = world.ask();
    world.turn(1, Input::Read { id });
    world.settle();
    let why = Refusal::NotLeader(None);
    assert!(matches!(world.node(1).answers[..], [Answer::Refused { why: it, .. }] if it == why));
}

/// A read that arrives while the leader hands over is answered: it leads still.
#[test]
fn reads_are_answered_while_the_leader_hands_over() {
    let mut world = led(3);
    world.crash(3, 0);
    transfer(&mut world, 1, Some(3));
    let id = world.ask();
    world.turn(1, Input::Read { id });
    world.settle();
    assert_eq!(world.node(1).answers, [Answer::ReadAt { id, index: Index(1) }]);
}

#[test]
fn a_leader_that_is_replaced_hands_over_no_more() {
    let mut world = led(3);
    world.crash(3, 0);
    transfer(&mut world, 1, Some(3));
    world.now += Duration::from_secs(3);
    world.turn(1, Input::Timeout);
    assert_eq!(under_way(&mut world, 1), None);
    world.net.clear();
    world.elect(1);
    world.propose(1, "x");
    world.settle();
    assert_eq!(world.node(1).commit, Index(3));
}
