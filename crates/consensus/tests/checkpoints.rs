//! A log that begins behind a checkpoint: what is forgotten and what is not,
//! who is behind and how that ends, and what a crash in the middle leaves.

mod world;

use base::{Ballot, Index, NodeId, Serial};
use consensus::contract::{Input, Retention, Status, Write};
use consensus::entry::{Entry, EntryKind, Place};
use consensus::letter::Letter;
use consensus::protocol::ProtocolKind;
use consensus::raft::message::{Message, Say};
use std::time::Duration;
use world::{Checkpoint, Flight, Output, World};

/// Of three nodes the first leads; a log keeps `entries` below a checkpoint.
fn led(entries: usize) -> World {
    let mut world = World::new(ProtocolKind::Raft, 3, 3);
    world.retain(Retention { entries, ..Retention::default() });
    world.elect(1);
    world
}

fn write(world: &mut World, count: usize) {
    for _ in 0..count {
        world.propose(1, "x");
        world.settle();
    }
}

fn beat(world: &mut World) {
    world.now += Duration::from_millis(100);
    world.turn(1, Input::Beat);
    world.settle();
}

fn status(world: &mut World, id: u64) -> Status {
    world.replica(id).status()
}

fn tell(world: &mut World, to: u64, say: Say) -> Vec<Output> {
    let letter = Letter::Raft(Message { term: 1, mute: false, say });
    world.deliver(Flight { from: NodeId(1), to: NodeId(to), letter })
}

fn place(index: u64, term: u64) -> Place {
    Place { ballot: Ballot::new(term, NodeId(1)), index: Index(index) }
}

fn entry(index: u64, term: u64) -> Entry {
    let ballot = Ballot::new(term, NodeId(1));
    Entry { index: Index(index), ballot, kind: EntryKind::Command, clock: 0, body: "y".into() }
}

fn said(seen: &[Output]) -> Vec<Say> {
    let say = |output: &Output| match output {
        Output::Letter { letter: Letter::Raft(message), .. } => Some(message.say.clone()),
        _ => None,
    };
    seen.iter().filter_map(say).collect()
}

fn dropped(seen: &[Output]) -> Vec<&'static str> {
    let why = |output: &Output| if let Output::Dropped(why) = output { Some(*why) } else { None };
    seen.iter().filter_map(why).collect()
}

fn restores(seen: &[Output]) -> Vec<(Place, bool)> {
    let restore = |output: &Output| match output {
        Output::Write(_, Write::Restore { place, keep }) => Some((*place, *keep)),
        _ => None,
    };
    seen.iter().filter_map(restore).collect()
}

/// The third is down while the others write and take checkpoints, and comes back.
fn one_behind() -> World {
    let mut world = led(0);
    world.settle();
    world.crash(3, 0);
    write(&mut world, 5);
    world.checkpoint(1);
    world.checkpoint(2);
    world.restart(3);
    (0..3).for_each(|_| beat(&mut world));
    world
}

// What is forgotten.

#[test]
fn a_tail_below_the_checkpoint_stays_bounded_by_count_and_by_bytes() {
    for (entries, bytes, first) in [(3, 1 << 20, 8), (99, 2 * 65, 9), (0, 1 << 20, 11), (99, 0, 11)]
    {
        let mut world = World::new(ProtocolKind::Raft, 3, 3);
        world.retain(Retention { entries, bytes, ..Retention::default() });
        world.elect(1);
        write(&mut world, 11);
        world.turn(1, Input::Trim { upto: Index(10) });
        assert_eq!(status(&mut world, 1).first, Index(first), "{entries} entries, {bytes} bytes");
    }
}

/// A follower keeps no more than it is told to, and who leads also what another
/// one is known to lack.
#[test]
fn what_everybody_has_goes_without_a_checkpoint_if_it_takes_too_much() {
    let mut world = World::new(ProtocolKind::Raft, 3, 3);
    world.retain(Retention { held_bytes: 3 * 65, ..Retention::default() });
    world.elect(1);
    write(&mut world, 10);
    beat(&mut world);
    world.turn(2, Input::Beat);
    assert_eq!([1, 2].map(|id| status(&mut world, id).first), [Index(9); 2]);
    world.crash(3, 99);
    write(&mut world, 5);
    beat(&mut world);
    world.turn(2, Input::Beat);
    assert_eq!([1, 2].map(|id| status(&mut world, id).first), [Index(12), Index(14)]);
    world.restart(3);
    (0..3).for_each(|_| beat(&mut world));
    assert!(world.node(1).behind.is_empty());
    assert_eq!(status(&mut world, 3).commit, Index(16));
    beat(&mut world);
    assert_eq!(status(&mut world, 1).first, Index(14));
}

#[test]
fn what_no_checkpoint_holds_is_never_forgotten() {
    let mut world = led(0);
    write(&mut world, 9);
    world.turn(1, Input::Trim { upto: Index(4) });
    assert_eq!(status(&mut world, 1).first, Index(5));
    world.turn(1, Input::Trim { upto: Index(3) });
    assert_eq!(status(&mut world, 1).first, Index(5), "an older checkpoint says nothing new");
}

#[test]
fn what_is_not_chosen_or_not_on_this_disk_is_never_forgotten() {
    let mut world = led(0);
    world.propose(1, "not chosen");
    world.turn(1, Input::Trim { upto: Index(2) });
    assert_eq!(status(&mut world, 1).first, Index(2));
    world.slow_disk(1, true);
    world.propose(1, "not on disk");
    world.settle();
    assert_eq!(status(&mut world, 1).commit, Index(3));
    world.turn(1, Input::Trim { upto: Index(3) });
    assert_eq!(status(&mut world, 1).first, Index(3));
}

#[test]
fn a_follower_within_the_tail_needs_no_checkpoint() {
    let mut world = led(4);
    world.settle();
    world.crash(3, 0);
    write(&mut world, 4);
    world.checkpoint(1);
    world.restart(3);
    (0..3).for_each(|_| beat(&mut world));
    assert_eq!(status(&mut world, 3).commit, Index(5));
    assert!(world.node(1).behind.is_empty());
}

// Who is behind.

#[test]
fn who_is_behind_is_named_at_once_and_at_every_beat_while_it_is_heard() {
    let mut world = one_behind();
    let named = (NodeId(3), Index(1));
    assert_eq!(world.node(1).behind.first(), Some(&named));
    world.node(1).behind.clear();
    beat(&mut world);
    assert_eq!(world.node(1).behind, [named]);
    world.crash(3, 0);
    (0..15).for_each(|_| beat(&mut world));
    world.node(1).behind.clear();
    beat(&mut world);
    assert!(world.node(1).behind.is_empty(), "nobody is there to take a checkpoint");
    world.restart(3);
    (0..2).for_each(|_| beat(&mut world));
    assert_eq!(world.node(1).behind, [named]);
}

/// To be asked for what a log lacks does not mean that it is behind: a new
/// leader knows nothing of its followers, and a link that closes loses letters.
#[test]
fn who_has_everything_is_never_named() {
    let mut world = led(0);
    write(&mut world, 5);
    (1..=3).for_each(|id| drop(world.checkpoint(id)));
    world.now += Duration::from_secs(2);
    world.elect(2);
    for peer in [1, 3] {
        world.turn(2, Input::Link { peer: NodeId(peer), up: false });
    }
    world.propose(2, "more");
    world.settle();
    assert_eq!(status(&mut world, 2).commit, Index(8));
    assert!(world.node(2).behind.is_empty());
}

#[test]
fn who_was_behind_ends_with_the_same_log() {
    let mut world = one_behind();
    write(&mut world, 2);
    let checkpoint = world.node(1).checkpoint;
    let seen = world.install(3, checkpoint);
    assert_eq!(restores(&seen), [(place(6, 1), false)]);
    assert!(!seen.iter().any(|output| matches!(output, Output::Commit(_))), "the node knows it");
    world.settle();
    assert_eq!(world.node(3).log(), world.node(1).log());
    assert_eq!((status(&mut world, 3).first, status(&mut world, 3).commit), (Index(7), Index(8)));
    world.node(1).behind.clear();
    beat(&mut world);
    assert!(world.node(1).behind.is_empty());
}

#[test]
fn the_leader_goes_on_when_the_restore_is_on_disk_and_not_before() {
    let mut world = one_behind();
    write(&mut world, 1);
    world.slow_disk(3, true);
    let checkpoint = world.node(1).checkpoint;
    let seen = world.install(3, checkpoint);
    assert_eq!(said(&seen), [Say::AppendAnswer { matched: Index(6) }]);
    assert!(world.net.is_empty());
    world.durable(3, Serial(u64::MAX));
    world.settle();
    assert_eq!(status(&mut world, 3).last, Index(7));
}

/// While a follower is given the checkpoint at 6 the leader takes others: the
/// log goes on from 6 all the same.
#[test]
fn a_log_waits_for_who_is_given_a_checkpoint() {
    let mut world = one_behind();
    let offered = world.node(1).checkpoint;
    for _ in 0..3 {
        write(&mut world, 2);
        world.checkpoint(1);
    }
    assert_eq!(status(&mut world, 1).first, Index(7));
    world.install(3, offered);
    world.settle();
    assert_eq!(status(&mut world, 3).last, Index(12));
    world.node(1).behind.clear();
    beat(&mut world);
    assert_eq!(status(&mut world, 1).first, Index(13), "nobody needs it any more");
    assert!(world.node(1).behind.is_empty());
}

#[test]
fn a_log_does_not_wait_for_who_is_silent() {
    let mut world = one_behind();
    world.crash(3, 0);
    (0..15).for_each(|_| beat(&mut world));
    write(&mut world, 2);
    world.checkpoint(1);
    assert_eq!(status(&mut world, 1).first, Index(9));
}

/// The wait is bounded; who is given a checkpoint for too long needs a newer one.
#[test]
fn a_log_waits_only_so_long() {
    let mut world = World::new(ProtocolKind::Raft, 3, 3);
    world.retain(Retention { entries: 0, pinned_bytes: 3 * 65, ..Retention::default() });
    world.elect(1);
    world.settle();
    world.crash(3, 0);
    write(&mut world, 5);
    world.checkpoint(1);
    world.restart(3);
    (0..3).for_each(|_| beat(&mut world));
    let old = world.node(1).checkpoint;
    write(&mut world, 3);
    world.checkpoint(1);
    assert_eq!(status(&mut world, 1).first, Index(7));
    write(&mut world, 1);
    world.checkpoint(1);
    assert_eq!(status(&mut world, 1).first, Index(11));
    world.install(3, old);
    (0..3).for_each(|_| beat(&mut world));
    assert_eq!(world.node(1).behind.last(), Some(&(NodeId(3), Index(6))));
    let new = world.node(1).checkpoint;
    world.install(3, new);
    write(&mut world, 1);
    assert_eq!(status(&mut world, 3).commit, Index(11));
}

// What a restore does to a log.

/// A follower in term 2 with three entries of term 1, none of them known to be chosen.
fn follower() -> World {
    let mut world = World::new(ProtocolKind::Raft, 3, 3);
    let entries = (1..=3).map(|index| entry(index, 1)).collect();
    let commit = Index(0);
    tell(&mut world, 2, Say::Append { prev: Place::default(), commit, entries });
    let letter = Letter::Raft(Message { term: 2, mute: false, say: Say::TermOver });
    world.deliver(Flight { from: NodeId(3), to: NodeId(2), letter });
    world.net.clear();
    world
}

fn restore(world: &mut World, place: Place) -> Vec<Output> {
    world.install(2, Checkpoint { place, clock: 0 })
}

#[test]
fn a_log_that_has_the_place_keeps_what_follows() {
    let mut world = follower();
    assert_eq!(restores(&restore(&mut world, place(2, 1))), [(place(2, 1), true)]);
    assert_eq!(world.node(2).log(), [entry(3, 1)]);
    let now = status(&mut world, 2);
    assert_eq!((now.first, now.last, now.commit), (Index(3), Index(3), Index(2)));
    world.crash(2, 0);
    world.restart(2);
    assert_eq!(world.node(2).log(), [entry(3, 1)]);
}

#[test]
fn a_log_that_does_not_have_the_place_is_void() {
    for at in [place(2, 2), place(3, 2), place(9, 1), place(9, 2)] {
        let mut world = follower();
        assert_eq!(restores(&restore(&mut world, at)), [(at, false)]);
        assert_eq!(world.node(2).log(), []);
        let now = status(&mut world, 2);
        assert_eq!((now.first, now.last, now.commit), (at.index.next(), at.index, at.index));
        world.crash(2, 0);
        world.restart(2);
        let next = entry(at.index.0 + 1, 2);
        let letter = Letter::Raft(Message {
            term: 2,
            mute: false,
            say: Say::Append { prev: at, commit: at.index, entries: vec![next.clone()] },
        });
        world.deliver(Flight { from: NodeId(3), to: NodeId(2), letter });
        assert_eq!(world.node(2).log(), [next], "and the log goes on behind it");
    }
}

#[test]
fn a_checkpoint_that_is_no_news_or_contradicts_is_refused_by_name() {
    let mut world = follower();
    restore(&mut world, place(2, 1));
    // Old, the same, older than the log beyond it, and of a term never promised.
    for at in [place(1, 1), place(2, 1), place(3, 0), place(9, 3)] {
        assert!(!world.replica(2).takes(at));
        let seen = world.turn(2, Input::Restore { place: at, clock: 0 });
        assert_eq!(dropped(&seen), ["a checkpoint that leads no further"]);
        assert_eq!(seen.len(), 1);
    }
}

/// A crash would leave a checkpoint of a term that this replica never promised.
#[test]
fn a_checkpoint_waits_for_the_promise_of_its_term() {
    let mut world = follower();
    world.slow_disk(2, true);
    let letter = Letter::Raft(Message { term: 4, mute: false, say: Say::TermOver });
    world.deliver(Flight { from: NodeId(3), to: NodeId(2), letter });
    assert!(world.replica(2).takes(place(9, 2)) && !world.replica(2).takes(place(9, 4)));
    world.durable(2, Serial(u64::MAX));
    assert!(world.replica(2).takes(place(9, 4)));
}

/// A checkpoint is on the disk and no record says so: the entries 1 to 3 are
/// void, and stay void when others have been written.
#[test]
fn what_a_crash_left_of_a_replaced_log_is_made_void_at_once() {
    let mut world = follower();
    assert!(world.flip(2, Checkpoint { place: place(9, 2), clock: 0 }));
    world.crash(2, 0);
    assert_eq!(world.node(2).stable().stale, Some(Index(3)));
    world.restart(2);
    assert_eq!(restores(&world.turn(2, Input::Timeout)), [(place(9, 2), false)]);
    let say = Say::Append { prev: place(9, 2), commit: Index(9), entries: vec![entry(10, 2)] };
    let letter = Letter::Raft(Message { term: 2, mute: false, say });
    world.deliver(Flight { from: NodeId(1), to: NodeId(2), letter });
    world.crash(2, 0);
    assert_eq!(world.node(2).stable().stale, None);
    world.restart(2);
    assert_eq!(world.node(2).log(), [entry(10, 2)], "what was acknowledged is there");
    assert_eq!(status(&mut world, 2).commit, Index(9));
}

/// The same crash, and the log has the place: nothing is void.
#[test]
fn a_crash_between_checkpoint_and_record_keeps_a_log_that_has_the_place() {
    let mut world = follower();
    assert!(world.flip(2, Checkpoint { place: place(2, 1), clock: 0 }));
    world.crash(2, 0);
    world.restart(2);
    assert!(restores(&world.turn(2, Input::Timeout)).is_empty());
    assert_eq!(world.node(2).log(), [entry(3, 1)]);
}

// Who begins behind a checkpoint and has nothing else.

#[test]
fn an_empty_log_behind_a_checkpoint_stands_votes_and_leads() {
    let mut world = led(0);
    write(&mut world, 5);
    for id in 1..=3 {
        world.checkpoint(id);
        world.crash(id, 0);
        let node = world.node(id);
        node.disk.retain(|(_, write)| !matches!(write, Write::Entry { .. }));
        world.restart(id);
        let now = status(&mut world, id);
        assert_eq!((now.first, now.last, now.commit), (Index(7), Index(6), Index(6)));
    }
    let last = Say::Vote { last: place(5, 1) };
    let letter = Letter::Raft(Message { term: 2, mute: false, say: last });
    let seen = world.deliver(Flight { from: NodeId(2), to: NodeId(3), letter });
    let no = Say::VoteAnswer { granted: false, last: place(6, 1) };
    assert_eq!(said(&seen), [no], "its log ends at its checkpoint");
    world.net.clear();
    world.elect(1);
    world.propose(1, "more");
    world.settle();
    for id in 1..=3 {
        assert_eq!(status(&mut world, id).commit, Index(8));
    }
}

/// What is below a checkpoint is chosen, so the leader's log has it too.
#[test]
fn a_letter_from_below_a_checkpoint_is_answered_with_yes() {
    let mut world = follower();
    restore(&mut world, place(9, 1));
    let mut append = |prev: u64, more: std::ops::Range<u64>| {
        let entries = more.map(|index| entry(index, 1)).collect();
        let say = Say::Append { prev: place(prev, 1), commit: Index(9), entries };
        let letter = Letter::Raft(Message { term: 2, mute: false, say });
        said(&world.deliver(Flight { from: NodeId(1), to: NodeId(2), letter }))
    };
    assert_eq!(append(3, 4..6), [Say::AppendAnswer { matched: Index(9) }]);
    assert_eq!(append(3, 4..10), [Say::AppendAnswer { matched: Index(9) }]);
    assert_eq!(append(3, 4..12), [Say::AppendAnswer { matched: Index(11) }]);
    assert_eq!(append(3, 4..4), []);
    let seen = {
        let entries = (8..=12).map(|index| entry(index, 2)).collect();
        let say = Say::Append { prev: place(7, 2), commit: Index(9), entries };
        let letter = Letter::Raft(Message { term: 2, mute: false, say });
        world.deliver(Flight { from: NodeId(1), to: NodeId(2), letter })
    };
    assert_eq!(dropped(&seen), ["contradicts a checkpoint"]);
    assert_eq!(status(&mut world, 2).last, Index(11));
}
