//! Zab by its paper (DSN 2011): one test for each thing that only the true protocol
//! does, with a word on what Raft would do instead.

mod world;

use base::{Ballot, Index, NodeId, Serial};
use consensus::contract::{Answer, Input, Refusal, Write};
use consensus::entry::Entry;
use consensus::letter::Letter;
use consensus::protocol::ProtocolKind;
use consensus::zab::message::{Message, Say};
use std::time::Duration;
use world::{Flight, Output, World};

fn cluster(count: u64) -> World {
    choose_mutant();
    World::new(ProtocolKind::Zab, count, 7)
}

/// `TRIMARAN_MUTANT=Name` with the feature `mutants` of `base` shows which test sees it.
fn choose_mutant() {
    use base::mutant::Mutant;
    let name = std::env::var("TRIMARAN_MUTANT").unwrap_or_default();
    let wanted = Mutant::ALL.iter().find(|mutant| format!("{mutant:?}") == name);
    wanted.copied().unwrap_or(Mutant::None).choose();
}

/// Everybody has forgotten the leader; `id` claims, and `cut` hear nothing of it.
fn elect(world: &mut World, id: u64, cut: &[u64]) {
    world.now += Duration::from_secs(1);
    world.turn(id, Input::Campaign);
    world.settle_without(cut);
    assert!(world.replica(id).status().leads, "n{id} leads");
}

fn say(flight: &Flight) -> &Say {
    let Letter::Zab(message) = &flight.letter else { panic!("zab speaks zab") };
    &message.say
}

fn commands(world: &mut World, id: u64) -> Vec<String> {
    let text = |entry: &Entry| String::from_utf8_lossy(&entry.body).into_owned();
    world.node(id).log().iter().map(text).collect()
}

fn writes(seen: &[Output]) -> Vec<&Write> {
    let mut writes = Vec::new();
    for output in seen {
        if let Output::Write(_, write) = output {
            writes.push(write);
        }
    }
    writes
}

fn tell(world: &mut World, from: u64, to: u64, ballot: Ballot, say: Say) -> Vec<Output> {
    let letter = Letter::Zab(Message { ballot, mute: false, say });
    world.deliver(Flight { from: NodeId(from), to: NodeId(to), letter })
}

fn answered(seen: &[Output]) -> Vec<&Say> {
    let mut said = Vec::new();
    for output in seen {
        if let Output::Letter { letter: Letter::Zab(message), .. } = output {
            said.push(&message.say);
        }
    }
    said
}

/// n1 proposes what nobody else gets, and is gone.
fn dead_tail(world: &mut World, bodies: &[&str]) {
    elect(world, 1, &[]);
    for body in bodies {
        world.propose(1, body);
    }
    world.net.clear();
    world.crash(1, 0);
}

/// A named leader may be behind: it takes over the best history of a quorum by its
/// missing end. Raft's voters refuse it (5.4.1), and somebody else has to stand.
#[test]
fn a_leader_that_is_behind_pulls_and_leads() {
    let mut world = cluster(3);
    elect(&mut world, 1, &[]);
    world.propose(1, "a");
    world.propose(1, "b");
    world.settle_without(&[3]);
    world.crash(1, 0);
    assert_eq!(commands(&mut world, 3), [""; 0]);
    elect(&mut world, 3, &[]);
    assert_eq!(commands(&mut world, 3), ["a", "b"]);
    assert_eq!((world.node(3).commit, world.node(2).commit), (Index(2), Index(2)));
}

/// Z4: what a leader inherits is committed when a quorum has accepted its history in the
/// new epoch, all at once and with no entry of that epoch. Raft commits nothing of
/// an earlier term before an entry of its own (5.4.2): its leader appends one.
#[test]
fn inherited_history_commits_as_a_whole_on_acknowledgements_of_newleader() {
    let mut world = cluster(5);
    elect(&mut world, 1, &[]);
    for body in ["a", "b", "c"] {
        world.propose(1, body);
    }
    world.settle_without(&[3, 4, 5]);
    world.crash(1, 0);
    assert_eq!(world.node(2).commit, Index(0));
    world.now += Duration::from_secs(1);
    world.turn(2, Input::Campaign);
    let mut held = Vec::new();
    while !world.net.is_empty() {
        let flight = world.net.remove(0);
        match say(&flight) {
            Say::AckNewLeader { .. } => held.push(flight),
            _ if flight.to == NodeId(5) => {}
            _ => _ = world.deliver(flight),
        }
    }
    // All three are on the disks of three of five. Raft's leader would be counting.
    assert_eq!(commands(&mut world, 3), ["a", "b", "c"]);
    assert_eq!(commands(&mut world, 4), ["a", "b", "c"]);
    assert_eq!((held.len(), world.node(2).commit), (2, Index(0)));
    assert!(!world.replica(2).status().leads, "it serves nobody yet");
    let ask = world.ask();
    let body = bytes::Bytes::from_static(b"early");
    let kind = consensus::entry::EntryKind::Command;
    world.turn(2, Input::Propose { id: ask, kind, body });
    let refused = Answer::Refused { id: ask, why: Refusal::NotLeader(None) };
    assert_eq!(world.node(2).answers.last(), Some(&refused));
    world.deliver(held.remove(0));
    assert_eq!(world.node(2).commit, Index(0), "two of five");
    let seen = world.deliver(held.remove(0));
    let commits = |it: &&Output| matches!(it, Output::Commit(_));
    let commits: Vec<&Output> = seen.iter().filter(commits).collect();
    assert!(matches!(commits[..], [Output::Commit(Index(3))]), "{commits:?}");
    assert_eq!(commands(&mut world, 2), ["a", "b", "c"], "and nothing of its own");
}

/// TRUNC: a follower's entries of an epoch that came to nothing are cut, though nothing
/// takes their place. In Raft they stay until the leader's next entry meets them.
#[test]
fn the_tail_of_a_dead_epoch_is_cut_by_a_record_of_its_own() {
    let mut world = cluster(3);
    dead_tail(&mut world, &["x", "y"]);
    elect(&mut world, 2, &[]);
    world.restart(1);
    assert_eq!(commands(&mut world, 1), ["x", "y"]);
    world.turn(2, Input::Beat);
    world.settle();
    assert_eq!(commands(&mut world, 1), [""; 0]);
    let cut = |(_, write): &&(Serial, Write)| matches!(write, Write::Cut { from: Index(1) });
    assert_eq!(world.node(1).disk.iter().filter(cut).count(), 1);
    world.crash(1, 0);
    world.restart(1);
    assert_eq!(commands(&mut world, 1), [""; 0], "after a crash as well");
}

/// The best history is that of the latest epoch in which a log was accepted, not the
/// one with the latest entry: the second epoch began without x, so x never comes back.
/// Raft would elect n1 for x (the last term decides, 5.4.1) and commit it after all.
#[test]
fn a_history_that_a_later_epoch_began_without_never_comes_back() {
    let mut world = cluster(3);
    dead_tail(&mut world, &["x"]);
    elect(&mut world, 2, &[]);
    world.crash(2, 0);
    world.restart(1);
    elect(&mut world, 1, &[2]);
    assert_eq!(commands(&mut world, 1), [""; 0]);
    world.propose(1, "z");
    world.settle();
    assert_eq!((commands(&mut world, 3), world.node(3).commit), (vec!["z".to_owned()], Index(1)));
}

/// Z2: after ACKEPOCH nothing of an earlier epoch is served, and an equal epoch of
/// another owner is no other promise. (A Raft voter would answer with its term, and
/// follow any leader of the same term whomever it voted for.)
#[test]
fn a_lower_epoch_and_an_equal_one_of_another_owner_are_refused() {
    let mut world = cluster(3);
    let claimed = Ballot::new(5, NodeId(2));
    let seen = tell(&mut world, 2, 1, claimed, Say::NewEpoch { forced: false });
    assert!(matches!(answered(&seen)[..], [Say::AckEpoch { .. }]), "{seen:?}");
    for (ballot, from) in [(Ballot::new(4, NodeId(3)), 3), (Ballot::new(5, NodeId(3)), 3)] {
        let seen = tell(&mut world, from, 1, ballot, Say::NewEpoch { forced: false });
        assert!(matches!(answered(&seen)[..], [Say::EpochOver]), "{seen:?}");
        assert!(writes(&seen).is_empty(), "no promise changes");
    }
    let history = consensus::entry::Place::default();
    let seen = tell(&mut world, 3, 1, Ballot::new(4, NodeId(3)), Say::NewLeader { history });
    assert!(matches!(answered(&seen)[..], [Say::EpochOver]), "{seen:?}");
    world.crash(1, 0);
    world.restart(1);
    let seen = tell(&mut world, 3, 1, Ballot::new(5, NodeId(3)), Say::NewEpoch { forced: false });
    assert!(matches!(answered(&seen)[..], [Say::EpochOver]), "also after a crash: {seen:?}");
}

/// A claimant that lost the race for its epoch follows who won it: a quorum has promised
/// the epoch to that one, so nobody else can come to lead it.
#[test]
fn who_claimed_the_same_epoch_in_vain_follows_its_leader() {
    let mut world = cluster(3);
    world.turn(1, Input::Campaign);
    world.turn(2, Input::Campaign);
    let answers = |flight: &Flight| flight.to == NodeId(3) || flight.from == NodeId(3);
    for _ in 0..4 {
        let (now, later): (Vec<Flight>, Vec<Flight>) =
            std::mem::take(&mut world.net).into_iter().partition(answers);
        world.net = later;
        for flight in now {
            world.deliver(flight);
        }
    }
    let promised = |world: &mut World, id: u64| world.replica(id).status().ballot;
    let (one, two, three) =
        (promised(&mut world, 1), promised(&mut world, 2), promised(&mut world, 3));
    assert_eq!((one, two), (Ballot::new(1, NodeId(1)), Ballot::new(1, NodeId(2))));
    assert_eq!(three, one, "first come, first served");
    world.net.retain(|flight| !matches!(say(flight), Say::Claim { .. }));
    world.settle();
    assert!(world.replica(1).status().leads);
    assert_eq!(promised(&mut world, 2), one);
    world.propose(1, "a");
    world.settle();
    assert_eq!(commands(&mut world, 2), ["a"]);
}

/// Z3: the log is made equal, then f.a says so, then the leader is told: one order of
/// writes, and an answer that waits for the last of them. Raft has no such record:
/// it answers for entries alone.
#[test]
fn the_log_is_written_before_f_a_and_f_a_before_the_answer() {
    let mut world = cluster(3);
    elect(&mut world, 1, &[]);
    world.propose(1, "a");
    world.settle_without(&[3]);
    world.crash(1, 0);
    world.now += Duration::from_secs(1);
    world.turn(2, Input::Campaign);
    let mut seen = Vec::new();
    while !world.net.is_empty() {
        let flight = world.net.remove(0);
        world.slow_disk(3, matches!(say(&flight), Say::Diff { .. } | Say::NewLeader { .. }));
        let to = flight.to;
        let said = world.deliver(flight);
        if to == NodeId(3) {
            seen.extend(said);
        }
    }
    let entry = seen.iter().position(|it| matches!(it, Output::Write(_, Write::Entry { .. })));
    let vote = seen.iter().rposition(|it| matches!(it, Output::Write(_, Write::Vote { .. })));
    assert!(entry.is_some() && entry < vote, "{seen:?}");
    let ack = |it: &&Output| {
        let Output::Letter { letter: Letter::Zab(message), .. } = it else { return false };
        matches!(message.say, Say::AckNewLeader { .. })
    };
    let gate = seen.iter().find(ack);
    let last = world.node(3).serial;
    assert!(matches!(gate, Some(Output::Letter { after, gated: true, .. }) if *after == last));
    assert!(!world.replica(2).status().leads);
    world.durable(3, last);
    world.settle();
    assert!(world.replica(2).status().leads);
}

/// Primary order: only a prefix of what a leader proposed is ever taken, in its order,
/// whatever order the letters have; a gap is named and filled. (Raft's check of `prev`
/// does the same; `ZooKeeper` relies on its links for it, see issue 4925.)
#[test]
fn proposals_are_taken_in_the_order_of_their_leader_alone() {
    let mut world = cluster(3);
    elect(&mut world, 1, &[]);
    world.propose(1, "a");
    world.propose(1, "b");
    let mut later: Vec<Flight> = world.net.drain(..).filter(|it| it.to == NodeId(2)).collect();
    assert_eq!(later.len(), 2);
    let seen = world.deliver(later.remove(1));
    assert!(matches!(answered(&seen)[..], [Say::Reject { .. }]), "{seen:?}");
    assert_eq!(commands(&mut world, 2), [""; 0]);
    world.deliver(later.remove(0));
    world.settle();
    assert_eq!(commands(&mut world, 2), ["a", "b"]);
}

/// An observer, here a replica that lost its disk, gets what is committed (INFORM),
/// and its answers count for nothing. Raft sends it everything.
#[test]
fn an_observer_is_informed_of_what_is_committed() {
    let mut world = cluster(3);
    elect(&mut world, 1, &[]);
    world.lose_disk(3);
    world.node(3).setup.mute = true;
    world.restart(3);
    world.turn(1, Input::Beat);
    world.settle();
    world.propose(1, "a");
    assert!(world.net.iter().all(|flight| flight.to == NodeId(2)), "{:?}", world.net);
    world.settle_without(&[2]);
    assert_eq!(world.node(1).commit, Index(0));
    world.now += Duration::from_millis(100);
    for _ in 0..4 {
        world.turn(1, Input::Beat);
        let informs = world.net.iter().any(|it| matches!(say(it), Say::Inform { .. }));
        assert!(!informs || world.node(1).commit == Index(1));
        world.settle();
    }
    assert_eq!((commands(&mut world, 3), world.node(3).commit), (vec!["a".to_owned()], Index(1)));
}

/// SNAP: what a follower has of an epoch that came to nothing reaches farther than the
/// leader's log; a checkpoint takes the place of it all. Raft refuses a checkpoint
/// that ends before the log that it replaces.
#[test]
fn a_checkpoint_takes_the_place_of_a_longer_log_of_a_dead_epoch() {
    let mut world = cluster(3);
    dead_tail(&mut world, &["x", "y", "z"]);
    elect(&mut world, 2, &[1]);
    world.propose(2, "a");
    world.settle_without(&[1]);
    world.turn(2, Input::Beat);
    world.settle_without(&[1]);
    let retention =
        consensus::contract::Retention { entries: 0, bytes: 0, pinned_bytes: 0, held_bytes: 0 };
    world.node(2).setup.retention = retention;
    world.restart(1);
    let checkpoint = {
        world.take_checkpoint(2);
        world.node(2).checkpoint
    };
    assert_eq!(checkpoint.place.index, Index(1));
    world.turn(2, Input::Beat);
    let ping = world.net.iter().position(|it| it.to == NodeId(1)).unwrap();
    let ping = world.net.remove(ping);
    world.deliver(ping);
    let seen = world.install(1, checkpoint);
    let voids = |it: &&Write| matches!(it, Write::Restore { keep: false, .. });
    assert_eq!(writes(&seen).into_iter().filter(voids).count(), 1, "{seen:?}");
    world.settle();
    world.propose(2, "b");
    world.settle();
    assert_eq!(commands(&mut world, 1), ["b"]);
    assert_eq!(world.node(1).commit, Index(2));
}
