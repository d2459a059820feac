//! A replica whose disk was lost, with its promises. First the histories that
//! happen if it goes on as if nothing were lost; then the same, and it is mute.

mod world;

use base::{Index, NodeId};
use consensus::contract::{Answer, Input};
use consensus::entry::{Entry, Place};
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

fn lose(world: &mut World, id: u64, mute: bool) {
    world.lose_disk(id);
    world.node(id).setup.mute = mute;
    world.restart(id);
}

fn beat(world: &mut World, id: u64, without: &[u64]) {
    world.now += TIMING.heartbeat;
    world.turn(id, Input::Beat);
    world.settle_without(without);
}

fn tell(world: &mut World, from: u64, to: u64, term: u64, say: Say) -> Vec<Output> {
    let letter = Letter::Raft(Message { term, mute: false, say });
    world.deliver(Flight { from: NodeId(from), to: NodeId(to), letter })
}

fn dropped(seen: &[Output]) -> Option<&'static str> {
    seen.iter().find_map(|output| if let Output::Dropped(why) = output { Some(*why) } else { None })
}

fn chosen(world: &mut World, id: u64) -> Vec<Entry> {
    let commit = world.node(id).commit;
    world.node(id).log().into_iter().filter(|entry| entry.index <= commit).collect()
}

/// n3 is elected in term 2 by the vote of n2, and n1, who leads term 1, hears
/// nothing of it. n2 loses its disk, and its vote with it.
fn voted_and_forgot(mute: bool) -> World {
    let mut world = led(3);
    world.now += Duration::from_secs(3);
    world.turn(3, Input::Campaign);
    world.settle_without(&[1]);
    world.net.clear();
    assert!(world.replica(1).status().leads && world.replica(3).status().leads);
    lose(&mut world, 2, mute);
    world
}

/// n2 was away when n1 was elected, votes for n3 in term 2, and loses its disk.
/// n1 sends it "x" for index 2, n3 sends it something else there; what n2
/// hears of commits is lost.
fn both_write(mute: bool) -> World {
    let mut world = World::new(ProtocolKind::Raft, 3, 3);
    world.turn(1, Input::Campaign);
    world.settle_without(&[2]);
    world.now += Duration::from_secs(3);
    world.turn(3, Input::Campaign);
    while !world.replica(3).status().leads {
        let flight = world.net.remove(0);
        if flight.from != NodeId(1) && flight.to != NodeId(1) {
            world.deliver(flight);
        }
    }
    world.net.clear();
    lose(&mut world, 2, mute);
    world.propose(1, "x");
    (0..4).for_each(|_| beat_between(&mut world, 1, 2));
    (0..4).for_each(|_| beat_between(&mut world, 3, 2));
    world
}

/// A beat of `a` that only `b` hears, and what follows until `a` commits.
fn beat_between(world: &mut World, a: u64, b: u64) {
    let (both, before) = ([NodeId(a), NodeId(b)], world.node(a).commit);
    world.now += TIMING.heartbeat;
    world.turn(a, Input::Beat);
    while !world.net.is_empty() && world.node(a).commit == before {
        let flight = world.net.remove(0);
        if both.contains(&flight.from) && both.contains(&flight.to) {
            world.deliver(flight);
        }
    }
    world.net.clear();
}

#[test]
fn bad_if_it_is_counted_two_entries_are_chosen_at_one_index() {
    let mut world = both_write(false);
    let (first, third) = (chosen(&mut world, 1), chosen(&mut world, 3));
    assert_eq!((first.len(), third.len()), (2, 2));
    assert_ne!(first[1], third[1], "what n1 acknowledged is lost");
}

#[test]
fn mute_it_chooses_nothing_and_the_others_agree_in_the_end() {
    let mut world = both_write(true);
    assert_eq!((world.node(1).commit, world.node(3).commit), (Index(1), Index(1)));
    assert_eq!(world.node(2).log(), world.node(3).log(), "it follows all the same");
    (0..4).for_each(|_| beat(&mut world, 3, &[]));
    for id in 1..=3 {
        assert_eq!(world.node(id).commit, Index(2));
        assert_eq!(world.node(id).log(), world.node(3).log());
    }
}

fn stale_read(mute: bool) -> Vec<Answer> {
    let mut world = voted_and_forgot(mute);
    let id = world.ask();
    world.turn(1, Input::Read { id });
    world.settle_without(&[3]);
    world.node(1).answers.clone()
}

/// n3 has committed an entry that the reader of n1 does not see.
#[test]
fn bad_if_it_confirms_a_lead_a_read_is_stale() {
    assert_eq!(voted_and_forgot(false).node(3).commit, Index(2));
    assert!(matches!(stale_read(false)[..], [Answer::ReadAt { index: Index(1), .. }]));
}

#[test]
fn mute_it_confirms_no_lead() {
    assert_eq!(voted_and_forgot(true).node(3).commit, Index(2));
    assert_eq!(stale_read(true), []);
}

/// n2 voted for n3 in term 2 and forgot it: n1 gets its vote in the same term.
fn votes_again(mute: bool) -> World {
    let mut world = voted_and_forgot(mute);
    let say = Say::Vote { last: Place { index: Index(9), ..Place::default() } };
    tell(&mut world, 1, 2, 2, say);
    world
}

fn votes(world: &World) -> usize {
    let yes = |flight: &&Flight| {
        let Letter::Raft(message) = &flight.letter else { unreachable!("Raft is spoken") };
        matches!(message.say, Say::VoteAnswer { granted: true, .. })
    };
    world.net.iter().filter(yes).count()
}

#[test]
fn bad_if_it_votes_a_term_may_have_two_leaders() {
    assert_eq!(votes(&votes_again(false)), 1);
}

#[test]
fn mute_it_votes_for_nobody_and_takes_no_term_from_who_asks() {
    let mut world = votes_again(true);
    assert_eq!(votes(&world), 0);
    assert_eq!(world.replica(2).status().ballot.round, 0);
    let last = Place { index: Index(9), ..Place::default() };
    for say in [Say::PreVote { last }, Say::Vote { last }, Say::VoteForced { last }] {
        let seen = tell(&mut world, 1, 2, 7, say);
        assert_eq!((dropped(&seen), seen.len()), (Some("this replica is mute"), 1));
    }
}

#[test]
fn it_keeps_no_leader_in_office() {
    let mut world = led(3);
    lose(&mut world, 2, true);
    world.crash(3, 0);
    for _ in 0..9 {
        beat(&mut world, 1, &[]);
    }
    assert!(world.replica(1).status().leads);
    (0..2).for_each(|_| beat(&mut world, 1, &[]));
    world.turn(1, Input::Timeout);
    assert!(!world.replica(1).status().leads, "n2 answers, and does not count");
}

#[test]
fn it_never_stands() {
    let mut world = led(3);
    lose(&mut world, 2, true);
    assert!(world.replica(2).status().mute);
    assert_eq!(dropped(&world.turn(2, Input::Campaign)), Some("this replica is mute"));
    beat(&mut world, 1, &[]);
    let seen = tell(&mut world, 1, 2, 1, Say::TimeoutNow);
    assert_eq!(dropped(&seen), Some("this replica is mute"));
    world.turn(2, Input::Link { peer: NodeId(1), up: false });
    for _ in 0..20 {
        world.now = world.replica(2).deadline().expect("it looks for a leader");
        let seen = world.turn(2, Input::Timeout);
        assert!(!seen.iter().any(|it| matches!(it, Output::Letter { .. } | Output::Write(..))));
    }
    assert_eq!(world.replica(2).status().leader, None);
}

#[test]
fn it_gets_the_log_and_reads_are_served_at_it() {
    let mut world = led(3);
    world.propose(1, "x");
    world.settle();
    lose(&mut world, 2, true);
    (0..4).for_each(|_| beat(&mut world, 1, &[]));
    assert_eq!(world.node(2).log(), world.node(1).log());
    assert_eq!(world.node(2).commit, Index(2));
    let id = world.ask();
    world.turn(2, Input::Read { id });
    world.settle();
    assert_eq!(world.node(2).answers, [Answer::ReadAt { id, index: Index(2) }]);
    let nobody = world.turn(1, Input::Transfer { to: Some(NodeId(2)) });
    assert_eq!(dropped(&nobody), Some("nobody to hand over to"));
}

/// It is given a checkpoint like any other that is behind.
#[test]
fn it_is_given_a_checkpoint() {
    let mut world = World::new(ProtocolKind::Raft, 3, 3);
    world.retain(consensus::contract::Retention { entries: 0, ..Default::default() });
    world.elect(1);
    world.propose(1, "x");
    world.settle();
    world.checkpoint(1);
    lose(&mut world, 2, true);
    (0..4).for_each(|_| beat(&mut world, 1, &[]));
    assert_eq!(world.node(1).behind.first(), Some(&(NodeId(2), Index(0))));
    let checkpoint = world.node(1).checkpoint;
    world.install(2, checkpoint);
    world.propose(1, "y");
    world.settle();
    assert_eq!(world.node(2).commit, Index(3));
    world.node(1).behind.clear();
    beat(&mut world, 1, &[]);
    assert!(world.node(1).behind.is_empty());
}

/// The leader knows from before that n2 has the log, and n2 has another one: an
/// old leader gave it an entry that was never chosen. It believes only what it
/// has confirmed in this life.
#[test]
fn it_does_not_commit_by_what_its_leader_remembers_of_it() {
    let mut world = led(3);
    lose(&mut world, 2, true);
    let ballot = base::Ballot::new(0, NodeId(3));
    let kind = consensus::entry::EntryKind::Command;
    let other = Entry { index: Index(1), ballot, kind, clock: 0, body: "other".into() };
    let (prev, commit) = (Place::default(), Index(0));
    tell(&mut world, 3, 2, 0, Say::Append { prev, commit, entries: vec![other] });
    tell(&mut world, 1, 2, 1, Say::Heartbeat { commit: Index(1), round: 0 });
    assert_eq!(world.node(2).commit, Index(0));
    (0..4).for_each(|_| beat(&mut world, 1, &[]));
    assert_eq!(world.node(2).log(), world.node(1).log());
    assert_eq!(world.node(2).commit, Index(1));
}

#[test]
fn unmuted_it_is_a_voter_like_any_other() {
    let mut world = World::new(ProtocolKind::Raft, 3, 3);
    (1..=3).for_each(|id| lose(&mut world, id, true));
    world.now += Duration::from_secs(9);
    (1..=3).for_each(|id| drop(world.turn(id, Input::Timeout)));
    assert!(world.net.is_empty(), "nobody may begin");
    (1..=2).for_each(|id| drop(world.turn(id, Input::Unmute)));
    assert!(!world.replica(1).status().mute);
    let again = world.turn(1, Input::Unmute);
    assert_eq!(dropped(&again), Some("this replica is not mute"));
    world.elect(1);
    world.settle();
    assert_eq!(world.node(1).commit, Index(1), "two of three");
    world.crash(2, 0);
    world.propose(1, "x");
    world.settle();
    assert_eq!(world.node(1).commit, Index(1), "n3 does not count yet");
    world.turn(3, Input::Unmute);
    beat(&mut world, 1, &[]);
    assert_eq!(world.node(1).commit, Index(2));
}

/// The vote that it forgot may have made the leader of the term. Whoever stood beside
/// that leader must not get another one, whenever its letter comes.
#[test]
fn after_its_vow_nobody_else_gets_its_vote_of_the_term() {
    let mut world = led(3);
    lose(&mut world, 3, true);
    beat(&mut world, 1, &[]);
    world.turn(3, Input::Vow);
    world.settle();
    world.turn(3, Input::Unmute);
    let last = world.replica(1).status();
    let last = Place { ballot: last.ballot, index: last.last };
    let seen = tell(&mut world, 2, 3, 1, Say::VoteForced { last });
    assert!(!format!("{seen:?}").contains("granted: true"), "{seen:?}");
    assert_eq!(world.replica(3).status().leader, Some(NodeId(1)));
}
