//! One test per sentence of the Raft paper's safety sections (extended
//! version, 5.1 to 5.5), in our own words, section by section.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod world;

use base::{Ballot, Index, NodeId, Serial, Time};
use consensus::contract::{Input, Write};
use consensus::entry::{Entry, EntryKind, Place};
use consensus::letter::Letter;
use consensus::protocol::ProtocolKind;
use consensus::raft::message::{Message, Say};
use std::time::Duration;
use world::{Flight, Output, World};

fn cluster(count: u64) -> World {
    World::new(ProtocolKind::Raft, count, 7)
}

/// Entries of these terms, each led by the node with the term's number.
fn entries(terms: &[u64]) -> Vec<Entry> {
    let entry = |(index, term): (u64, &u64)| Entry {
        index: Index(index),
        ballot: Ballot::new(*term, NodeId(*term)),
        kind: EntryKind::Command,
        clock: 0,
        body: format!("{index} of {term}").into(),
    };
    (1..).zip(terms).map(entry).collect()
}

fn place(terms: &[u64]) -> Place {
    entries(terms).last().map_or(Place::default(), |e| Place { ballot: e.ballot, index: e.index })
}

/// A node that wakes up in `term` with a log of these terms.
fn wake(world: &mut World, id: u64, term: u64, vote: u64, terms: &[u64]) {
    world.crash(id, 0);
    let mut body = vec![1];
    body.extend(term.to_le_bytes());
    body.extend(vote.to_le_bytes());
    let vote = Write::Vote { ballot: Ballot::new(term, NodeId(vote)), body: body.into() };
    let entries = entries(terms).into_iter().map(|entry| Write::Entry { entry, cut: false });
    let node = world.node(id);
    node.disk = (1..).map(Serial).zip(std::iter::once(vote).chain(entries)).collect();
    node.serial = node.disk.last().unwrap().0;
    node.durable = node.serial;
    world.restart(id);
}

fn tell(world: &mut World, from: u64, to: u64, term: u64, say: Say) -> Vec<Output> {
    let letter = Letter::Raft(Message { term, mute: false, say });
    world.deliver(Flight { from: NodeId(from), to: NodeId(to), letter })
}

/// What leaves the node for the others in the end, once its disk is done.
fn letters(seen: &[Output]) -> Vec<(NodeId, u64, Say)> {
    let letter = |output: &Output| match output {
        Output::Letter { to, letter: Letter::Raft(message), .. } => {
            Some((*to, message.term, message.say.clone()))
        }
        _ => None,
    };
    seen.iter().filter_map(letter).collect()
}

fn votes(seen: &[Output]) -> Vec<bool> {
    let vote = |(_, _, say): (_, _, Say)| match say {
        Say::VoteAnswer { granted, .. } => Some(granted),
        _ => None,
    };
    letters(seen).into_iter().filter_map(vote).collect()
}

fn terms(world: &mut World, id: u64) -> Vec<u64> {
    world.node(id).log().iter().map(|entry| entry.ballot.round).collect()
}

fn term(world: &mut World, id: u64) -> u64 {
    world.replica(id).status().ballot.round
}

fn append(prev: &[u64], more: &[u64], commit: u64) -> Say {
    let whole: Vec<u64> = prev.iter().chain(more).copied().collect();
    let entries = entries(&whole).split_off(prev.len());
    Say::Append { prev: place(prev), commit: Index(commit), entries }
}

// 5.1: terms.

#[test]
fn s5_1_a_server_that_sees_a_newer_term_takes_it_over() {
    let mut world = cluster(3);
    tell(&mut world, 2, 1, 5, append(&[], &[], 0));
    assert_eq!(term(&mut world, 1), 5);
}

#[test]
fn s5_1_a_leader_that_sees_a_newer_term_follows() {
    let mut world = cluster(3);
    world.elect(1);
    tell(&mut world, 2, 1, 9, Say::TermOver);
    let status = world.replica(1).status();
    assert_eq!((status.leads, status.ballot.round), (false, 9));
}

#[test]
fn s5_1_a_candidate_that_sees_a_newer_term_follows() {
    let mut world = cluster(3);
    world.turn(1, Input::Campaign);
    tell(&mut world, 2, 1, 1, Say::PreVoteAnswer { granted: true, last: Place::default() });
    assert_eq!(term(&mut world, 1), 1);
    tell(&mut world, 2, 1, 2, append(&[], &[], 0));
    assert_eq!(world.replica(1).status().leader, Some(NodeId(2)));
}

#[test]
fn s5_1_a_request_with_an_old_term_is_refused_with_the_new_one() {
    let mut world = cluster(3);
    wake(&mut world, 1, 5, 0, &[1]);
    let seen = tell(&mut world, 2, 1, 4, append(&[1], &[4], 2));
    assert_eq!(letters(&seen), [(NodeId(2), 5, Say::TermOver)]);
    assert_eq!(terms(&mut world, 1), [1]);
}

// 5.2: elections.

#[test]
fn s5_2_a_server_starts_as_a_follower() {
    let status = cluster(3).replica(1).status();
    assert_eq!((status.leads, status.leader), (false, None));
}

#[test]
fn s5_2_it_follows_as_long_as_it_hears_a_leader() {
    let mut world = cluster(3);
    world.elect(1);
    for _ in 0..50 {
        world.now += Duration::from_millis(900);
        world.turn(1, Input::Beat);
        world.settle();
        (1..=3).for_each(|id| drop(world.turn(id, Input::Timeout)));
        assert!(world.net.is_empty(), "nobody asks for votes");
    }
    assert_eq!(world.leader(), Some(1));
}

#[test]
fn s5_2_a_follower_that_hears_nothing_stands_in_the_next_term_and_votes_for_itself() {
    let mut world = cluster(3);
    wake(&mut world, 1, 4, 0, &[1]);
    world.turn(1, Input::Timeout);
    world.now = world.replica(1).deadline().unwrap();
    world.turn(1, Input::Timeout);
    let seen = tell(&mut world, 2, 1, 5, Say::PreVoteAnswer { granted: true, last: place(&[]) });
    let own = Ballot::new(5, NodeId(1));
    assert!(matches!(&seen[0], Output::Write(_, Write::Vote { ballot, .. }) if *ballot == own));
    let ask = Say::Vote { last: place(&[1]) };
    assert_eq!(letters(&seen), [(NodeId(2), 5, ask.clone()), (NodeId(3), 5, ask)]);
}

#[test]
fn s5_2_a_majority_wins_and_less_does_not() {
    let mut world = cluster(5);
    world.turn(1, Input::Campaign);
    let yes = |world: &mut World, from, say: fn(bool, Place) -> Say| {
        tell(world, from, 1, 1, say(true, Place::default()));
    };
    let pre = |granted, last| Say::PreVoteAnswer { granted, last };
    yes(&mut world, 2, pre);
    yes(&mut world, 3, pre);
    let vote = |granted, last| Say::VoteAnswer { granted, last };
    yes(&mut world, 2, vote);
    yes(&mut world, 2, vote);
    assert!(!world.replica(1).status().leads, "two of five");
    yes(&mut world, 3, vote);
    assert!(world.replica(1).status().leads, "three of five");
}

#[test]
fn s5_2_a_server_votes_once_per_term_first_come_first_served_also_after_a_crash() {
    let mut world = cluster(3);
    let ask = || Say::Vote { last: place(&[]) };
    assert_eq!(votes(&tell(&mut world, 2, 1, 1, ask())), [true]);
    assert_eq!(votes(&tell(&mut world, 3, 1, 1, ask())), [false]);
    world.crash(1, 0);
    world.restart(1);
    assert_eq!(votes(&tell(&mut world, 3, 1, 1, ask())), [false]);
    assert_eq!(votes(&tell(&mut world, 2, 1, 1, ask())), [true], "asked again");
    assert_eq!(votes(&tell(&mut world, 3, 1, 2, ask())), [true], "another term");
}

#[test]
fn s5_2_a_vote_leaves_when_it_is_on_disk_and_not_before() {
    let mut world = cluster(3);
    world.slow_disk(1, true);
    tell(&mut world, 2, 1, 1, Say::Vote { last: place(&[]) });
    assert!(world.net.is_empty());
    world.durable(1, Serial(1));
    assert_eq!(world.net.len(), 1);
}

#[test]
fn s5_2_a_candidate_follows_the_leader_of_its_term_and_not_one_of_an_older_term() {
    for (term, expected) in [(4, None), (5, Some(NodeId(3)))] {
        let mut world = cluster(3);
        wake(&mut world, 1, 4, 0, &[1]);
        world.turn(1, Input::Campaign);
        tell(&mut world, 2, 1, 5, Say::PreVoteAnswer { granted: true, last: place(&[]) });
        tell(&mut world, 3, 1, term, append(&[1], &[], 0));
        assert_eq!(world.replica(1).status().leader, expected, "a leader of term {term}");
    }
}

#[test]
fn s5_2_a_split_vote_ends_by_a_new_election() {
    let mut world = cluster(3);
    let yes = |term| (term, Say::PreVoteAnswer { granted: true, last: place(&[]) });
    for round in 1..=2 {
        world.now = world.replica(1).deadline().unwrap() + Duration::from_millis(2000);
        world.turn(1, Input::Timeout);
        world.turn(1, Input::Campaign);
        let (term_asked, say) = yes(round);
        tell(&mut world, 2, 1, term_asked, say);
        assert_eq!(term(&mut world, 1), round);
        tell(&mut world, 2, 1, round, Say::VoteAnswer { granted: false, last: place(&[]) });
        assert!(!world.replica(1).status().leads);
        assert!(world.replica(1).deadline().is_some());
    }
}

#[test]
fn s5_2_election_timeouts_are_drawn_from_an_interval() {
    let draw = |seed| {
        let mut world = World::new(ProtocolKind::Raft, 3, seed);
        tell(&mut world, 2, 1, 1, append(&[], &[1], 0));
        world.replica(1).deadline().unwrap()
    };
    let times: std::collections::BTreeSet<Time> = (0..100).map(draw).collect();
    let low = Time::ZERO + world::TIMING.election;
    assert!(times.len() > 90, "{} of 100 differ", times.len());
    assert!(times.iter().all(|time| (low..=low + world::TIMING.election).contains(time)));
}

#[test]
fn s5_2_election_safety_two_candidates_cannot_both_win_a_term() {
    let mut world = cluster(3);
    world.turn(1, Input::Campaign);
    world.turn(2, Input::Campaign);
    world.settle();
    let leaders = (1..=3).filter(|id| world.replica(*id).status().leads).count();
    assert_eq!(leaders, 1);
}

// 5.3: replication.

#[test]
fn s5_3_a_leader_appends_and_sends_in_parallel_and_commits_by_a_majority() {
    let mut world = cluster(3);
    world.elect(1);
    world.slow_disk(1, true);
    let seen = world.propose(1, "x");
    assert_eq!(letters(&seen).len(), 2, "nobody waits for the leader's disk");
    let flight = world.net.remove(0);
    world.deliver(flight);
    let answer = world.net.pop().unwrap();
    world.deliver(answer);
    assert_eq!(world.node(1).commit, Index(1), "one disk of three");
    world.durable(1, Serial(u64::MAX));
    assert_eq!(world.node(1).commit, Index(2), "two of three");
}

#[test]
fn s5_3_a_commit_takes_all_that_precedes_with_it() {
    let mut world = cluster(3);
    wake(&mut world, 1, 2, 0, &[1, 1, 2]);
    world.elect(1);
    assert_eq!(world.node(1).commit, Index(4));
}

#[test]
fn s5_3_a_follower_learns_the_commit_index_and_never_beyond_what_it_verified() {
    let mut world = cluster(3);
    wake(&mut world, 1, 2, 0, &[1, 2, 2]);
    tell(&mut world, 3, 1, 3, append(&[1], &[], 3));
    assert_eq!(world.node(1).commit, Index(1), "the rest may differ");
    tell(&mut world, 3, 1, 3, append(&[1], &[3], 3));
    assert_eq!(world.node(1).commit, Index(2));
}

#[test]
fn s5_3_a_leader_goes_on_until_every_follower_has_everything() {
    let mut world = cluster(3);
    world.elect(1);
    world.crash(3, 0);
    for body in ["a", "b", "c"] {
        world.propose(1, body);
        world.settle();
    }
    world.restart(3);
    for _ in 0..3 {
        world.turn(1, Input::Beat);
        world.settle();
    }
    assert_eq!(world.node(3).log(), world.node(1).log());
    assert_eq!(world.node(3).commit, Index(4));
}

#[test]
fn s5_3_log_matching_a_follower_refuses_what_does_not_follow_on_its_log() {
    for (mine, prev) in [(&[1][..], &[1, 1][..]), (&[1, 1], &[1, 2])] {
        let mut world = cluster(3);
        wake(&mut world, 1, 2, 0, mine);
        let seen = tell(&mut world, 3, 1, 3, append(prev, &[3], 0));
        let near = place(&[1, 1][..mine.len()]);
        assert_eq!(letters(&seen), [(NodeId(3), 3, Say::Reject { tried: Index(2), near })]);
        assert_eq!(terms(&mut world, 1), mine);
    }
}

/// Figure 7: whatever state a follower is in, its log becomes the leader's.
#[test]
fn s5_3_every_follower_of_figure_7_ends_with_the_leaders_log() {
    let leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    let followers: [&[u64]; 6] = [
        &[1, 1, 1, 4, 4, 5, 5, 6, 6],
        &[1, 1, 1, 4],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        &[1, 1, 1, 4, 4, 4, 4],
        &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    for follower in followers {
        let mut world = cluster(3);
        wake(&mut world, 1, 7, 0, &leader);
        wake(&mut world, 2, 7, 0, follower);
        world.turn(1, Input::Campaign);
        // The third votes, and has nothing: its votes carry the election.
        world.settle_without(&[2]);
        for _ in 0..3 {
            world.turn(1, Input::Beat);
            world.settle();
        }
        assert_eq!(world.node(2).log(), world.node(1).log(), "from {follower:?}");
        assert_eq!(terms(&mut world, 2)[..10], leader);
    }
}

#[test]
fn s5_3_leader_append_only_its_own_log_is_never_cut() {
    let mut world = cluster(3);
    wake(&mut world, 1, 3, 0, &[1, 2, 3]);
    world.elect(1);
    let before = world.node(1).log();
    let near = place(&[1]);
    tell(&mut world, 2, 1, 4, Say::Reject { tried: Index(3), near });
    tell(&mut world, 2, 1, 4, append(&[1], &[4, 4], 3));
    tell(&mut world, 2, 1, 4, Say::AppendAnswer { matched: Index(99) });
    assert_eq!(world.node(1).log(), before);
}

#[test]
fn s5_3_a_late_letter_cuts_nothing_that_agrees() {
    let mut world = cluster(3);
    wake(&mut world, 1, 2, 0, &[1]);
    tell(&mut world, 2, 1, 2, append(&[1], &[2, 2, 2], 0));
    let seen = tell(&mut world, 2, 1, 2, append(&[1], &[2], 0));
    assert_eq!(terms(&mut world, 1), [1, 2, 2, 2]);
    assert_eq!(letters(&seen), [(NodeId(2), 2, Say::AppendAnswer { matched: Index(2) })]);
}

#[test]
fn s5_3_a_conflicting_entry_goes_with_all_that_follow_it() {
    let mut world = cluster(3);
    wake(&mut world, 1, 2, 0, &[1, 2, 2, 2]);
    tell(&mut world, 3, 1, 3, append(&[1, 2], &[3], 0));
    assert_eq!(terms(&mut world, 1), [1, 2, 3]);
}

/// What is acknowledged in a term is safe from the leaders of earlier ones
/// only if the term is on disk too: an entry that has long been there waits.
#[test]
fn s5_3_an_answer_waits_for_the_term_as_well_as_for_the_entries() {
    let mut world = cluster(3);
    wake(&mut world, 1, 2, 0, &[1, 2]);
    world.slow_disk(1, true);
    tell(&mut world, 3, 1, 3, append(&[1], &[2], 0));
    assert!(world.net.is_empty());
    let all = world.node(1).serial;
    world.durable(1, all);
    assert_eq!(world.net.len(), 1);
}

// 5.4: what makes it safe.

#[test]
fn s5_4_1_a_vote_goes_only_to_a_log_that_is_at_least_as_up_to_date() {
    let table: [(&[u64], &[u64], bool); 8] = [
        (&[1], &[1], true),
        (&[1], &[1, 1], true),
        (&[1, 1], &[1], false),
        (&[1, 1], &[2], true),
        (&[2], &[1, 1, 1], false),
        (&[1, 2], &[1, 1], false),
        (&[], &[1], true),
        (&[1], &[], false),
    ];
    for (mine, theirs, granted) in table {
        let mut world = cluster(3);
        wake(&mut world, 1, 2, 0, mine);
        let seen = tell(&mut world, 2, 1, 3, Say::Vote { last: place(theirs) });
        assert_eq!(votes(&seen), [granted], "{theirs:?} asks {mine:?}");
    }
}

#[test]
fn s5_4_1_leader_completeness_who_lacks_a_chosen_entry_cannot_win() {
    let mut world = cluster(3);
    world.elect(1);
    world.crash(3, 0);
    world.propose(1, "chosen");
    world.settle();
    world.crash(1, 0);
    world.restart(3);
    world.now += Duration::from_secs(2);
    for _ in 0..5 {
        world.turn(3, Input::Campaign);
        world.settle();
        assert_eq!(world.leader(), None);
    }
    world.elect(2);
    assert_eq!(world.node(2).log()[1].body, "chosen");
}

#[test]
fn s5_4_2_an_entry_of_an_earlier_term_is_not_committed_by_counting_it() {
    let mut world = cluster(3);
    wake(&mut world, 1, 2, 0, &[1, 2]);
    world.turn(1, Input::Campaign);
    for say in [
        Say::PreVoteAnswer { granted: true, last: place(&[]) },
        Say::VoteAnswer { granted: true, last: place(&[]) },
    ] {
        tell(&mut world, 2, 1, 3, say);
    }
    tell(&mut world, 2, 1, 3, Say::AppendAnswer { matched: Index(2) });
    assert_eq!(world.node(1).commit, Index(0), "on two of three, but not of this term");
    tell(&mut world, 2, 1, 3, Say::AppendAnswer { matched: Index(3) });
    assert_eq!(world.node(1).commit, Index(3), "and all that precedes");
}

#[test]
fn s5_4_3_state_machine_safety_all_commit_the_same_at_an_index() {
    let mut world = cluster(5);
    world.elect(1);
    world.propose(1, "everywhere");
    world.settle();
    world.propose(1, "nowhere");
    world.net.clear();
    world.crash(1, 1);
    world.now += Duration::from_secs(2);
    world.elect(4);
    world.propose(4, "instead");
    world.settle();
    world.restart(1);
    for _ in 0..3 {
        world.turn(4, Input::Beat);
        world.settle();
    }
    let logs: Vec<_> = world.nodes.values().map(world::Node::log).collect();
    assert!(logs.iter().all(|log| *log == logs[0] && log[3].body == "instead"));
    assert!(world.nodes.values().all(|node| node.commit == Index(4)));
}

// 5.5: crashes of followers and candidates.

#[test]
fn s5_5_a_letter_that_comes_twice_does_nothing_the_second_time() {
    let mut world = cluster(3);
    tell(&mut world, 2, 1, 2, append(&[], &[1, 2], 1));
    let before = world.node(1).disk.len();
    let seen = tell(&mut world, 2, 1, 2, append(&[], &[1, 2], 1));
    assert_eq!(world.node(1).disk.len(), before);
    assert_eq!(letters(&seen), [(NodeId(2), 2, Say::AppendAnswer { matched: Index(2) })]);
}

// 6, last paragraphs: who is not in the cluster, or was away, disturbs nobody.

#[test]
fn s6_a_vote_is_ignored_while_a_leader_is_heard_and_its_term_not_taken() {
    let mut world = cluster(3);
    world.elect(1);
    for id in [1, 3] {
        let seen = tell(&mut world, 2, id, 9, Say::Vote { last: place(&[9]) });
        assert!(letters(&seen).is_empty());
        assert_eq!(term(&mut world, id), 1);
    }
    world.now += world::TIMING.election;
    let seen = tell(&mut world, 2, 3, 9, Say::Vote { last: place(&[9]) });
    assert_eq!(votes(&seen), [true], "not heard for an election timeout");
}

#[test]
fn s6_a_leader_whose_link_is_closed_is_forgotten() {
    let mut world = cluster(3);
    world.elect(1);
    let ask = || Say::PreVote { last: place(&[9]) };
    let answer = |seen: &[Output]| match letters(seen)[..] {
        [(_, _, Say::PreVoteAnswer { granted, .. })] => granted,
        _ => panic!("one answer"),
    };
    assert!(!answer(&tell(&mut world, 2, 3, 2, ask())));
    world.turn(3, Input::Link { peer: NodeId(2), up: false });
    assert!(!answer(&tell(&mut world, 2, 3, 2, ask())), "the link to another");
    world.turn(3, Input::Link { peer: NodeId(1), up: false });
    assert!(answer(&tell(&mut world, 2, 3, 2, ask())));
    let soon = world.replica(3).deadline().unwrap() - world.now;
    assert!((Duration::from_millis(10)..=Duration::from_millis(50)).contains(&soon));
}
