//! What must be true in every state and of every step.

use crate::ghost::Ghost;
use crate::net::Flight;
use crate::node::{Node, Turn};
use base::{Index, NodeId};
use consensus::contract::{Answer, Write};
use consensus::entry::Entry;
use consensus::letter::Letter;
use consensus::raft::message::{Message, Say};

/// The rules, as they are printed.
pub const RULES: &[&str] = &[
    "a term has one leader at most",
    "a leader only appends to its log",
    "two logs that hold one entry agree in all before it",
    "a leader's log holds everything that was chosen in an earlier term",
    "everyone commits the same entry at an index",
    "what is told as committed is on the disks of a majority",
    "if the power failed everywhere now, only who has all that is chosen could be elected",
    "a vote, asked for, given or counted, is on the voter's disk",
    "a node gives one vote in a term, over its lives",
    "what a follower confirms is on its disk, and of the term that it has promised",
    "who pulls has its term on its disk before it asks",
    "a pre-vote changes no promise",
    "a read is answered with nothing older than what was acknowledged before it began",
    "a node starts again from what its disk holds",
    "no invariant of docs/invariants.md breaks",
];

/// What must be true of one step of one node, whatever the others do.
#[must_use]
pub fn of_step(before: &Node, after: &Node, asked: Option<&Flight>, turn: &Turn) -> Option<String> {
    led(before, after).or_else(|| pre_voted(after.id, asked, turn))
}

fn led(before: &Node, after: &Node) -> Option<String> {
    let (old, new) = (before.replica.status(), after.replica.status());
    if !new.leads {
        return None;
    }
    if !old.leads || old.ballot != new.ballot {
        let vote = after.disk.vote.as_ref().map(|(ballot, _)| *ballot);
        let counted = vote == Some(new.ballot);
        let say = || format!("{} leads {}, its own vote not on its disk", after.id, new.ballot);
        return (!counted).then(say);
    }
    let kept = before.log().filter(|entry| entry.index >= new.first);
    let kept = kept.eq(after.log().take_while(|entry| entry.index <= old.last));
    (!kept).then(|| format!("the leader {} changed its log", after.id))
}

fn pre_voted(id: NodeId, asked: Option<&Flight>, turn: &Turn) -> Option<String> {
    let Letter::Raft(Message { say, .. }) = &asked?.letter else { unreachable!("Raft is spoken") };
    let promised = turn.writes.iter().any(|write| matches!(write, Write::Vote { .. }));
    let broken = matches!(say, Say::PreVote { .. }) && promised;
    broken.then(|| format!("{id} writes a promise because of a pre-vote"))
}

/// No other letter gives another candidate this voter's vote of that term.
#[must_use]
pub fn voted_once<'a>(
    flight: &Flight,
    mut others: impl Iterator<Item = &'a Flight>,
) -> Option<String> {
    let term = granted(flight)?;
    let other = others.find(|other| {
        other.from == flight.from && other.to != flight.to && granted(other) == Some(term)
    })?;
    let (voter, to) = (flight.from, flight.to);
    Some(format!("{voter} gives its vote of term {term} to {} and to {to}", other.to))
}

const fn granted(flight: &Flight) -> Option<u64> {
    match &flight.letter {
        Letter::Raft(Message { term, say: Say::VoteAnswer { granted: true, .. }, .. }) => {
            Some(*term)
        }
        Letter::Raft(_) | Letter::Paxos(_) | Letter::Zab(_) => None,
    }
}

/// Notes what a node told, and says what contradicts what the observer knows.
pub fn note(ghost: &mut Ghost, nodes: [&Node; 3], node: &Node, turn: &Turn) -> Option<String> {
    commits(ghost, nodes, node, turn)
        .or_else(|| restores(ghost, node, turn))
        .or_else(|| leads(ghost, node))
        .or_else(|| answers(ghost, node, turn))
}

fn commits(ghost: &mut Ghost, nodes: [&Node; 3], node: &Node, turn: &Turn) -> Option<String> {
    for entry in &turn.committed {
        let at = usize::try_from(entry.index.prev().0).unwrap_or(usize::MAX);
        match ghost.chosen.get(at) {
            Some(chosen) if chosen == entry => {}
            Some(chosen) => {
                let (id, index) = (node.id, entry.index);
                let (new, old) = (entry.ballot, chosen.ballot);
                return Some(format!("{id} commits {index}={new}, and {index}={old} was chosen"));
            }
            None => {
                let copies = nodes.iter().filter(|node| has(node, entry)).count();
                let (id, index) = (node.id, entry.index);
                if copies < 2 {
                    return Some(format!("{id} commits {index}, which is on {copies} disks"));
                }
                ghost.chosen.push(entry.clone());
                // The leader tells it first.
                ghost.chosen_in.push(node.replica.status().ballot.round);
            }
        }
    }
    None
}

/// Whether a disk of the node holds it, or one that counted before it was lost.
fn has(node: &Node, entry: &Entry) -> bool {
    node.lost.as_ref().unwrap_or(&node.disk).holds(entry)
}

fn restores(ghost: &Ghost, node: &Node, turn: &Turn) -> Option<String> {
    let place = turn.restored?;
    let chosen = ghost.chosen.iter().any(|it| (it.index, it.ballot) == (place.index, place.ballot));
    (!chosen).then(|| format!("{} takes over a checkpoint of what is not chosen", node.id))
}

fn leads(ghost: &mut Ghost, node: &Node) -> Option<String> {
    let status = node.replica.status();
    if !status.leads {
        return None;
    }
    let term = status.ballot.round;
    match ghost.leaders.iter().find(|(led, _)| *led == term) {
        Some((_, leader)) if *leader == node.id => None,
        Some((_, leader)) => Some(format!("{} and {leader} both lead term {term}", node.id)),
        None => {
            ghost.leaders.push((term, node.id));
            ghost.leaders.sort_unstable();
            None
        }
    }
}

fn answers(ghost: &mut Ghost, node: &Node, turn: &Turn) -> Option<String> {
    for answer in &turn.answers {
        let (id, index) = match answer {
            Answer::ReadAt { id, index } => (id.0, Some(*index)),
            Answer::Refused { id, .. } => (id.0, None),
            Answer::Accepted { .. } => continue,
        };
        let Some(at) = ghost.reads.iter().position(|(read, _)| *read == id) else { continue };
        let (_, least) = ghost.reads.remove(at);
        if index.is_some_and(|index| index.0 < least) {
            let id = node.id;
            let index = index.unwrap_or(Index::ZERO);
            return Some(format!("{id} reads at {index}, {least} were acknowledged before"));
        }
    }
    None
}

/// Two logs that hold the same entry at an index agree in all before it.
#[must_use]
pub fn matching(a: &Node, b: &Node) -> Option<String> {
    let mut agreed = true;
    let (left, right): (Vec<&Entry>, Vec<&Entry>) = (a.log().collect(), b.log().collect());
    for entry in &left {
        let Some(other) = right.iter().find(|other| other.index == entry.index) else { continue };
        if other.ballot != entry.ballot {
            agreed = false;
        } else if !agreed || other != entry {
            let (a, b, index) = (a.id, b.id, entry.index);
            return Some(format!("the logs of {a} and {b} agree at {index} and not before it"));
        }
    }
    None
}

/// The leader has everything that was chosen before its term. One that hears late
/// of its votes may lead an earlier term than the one in which more was chosen.
#[must_use]
pub fn complete(node: &Node, ghost: &Ghost) -> Option<String> {
    let status = node.replica.status();
    if !status.leads {
        return None;
    }
    let chosen = ghost.chosen.iter().zip(&ghost.chosen_in);
    let mut old = chosen.filter(|(_, term)| **term < status.ballot.round);
    let (lacks, _) = old.find(|(entry, _)| {
        entry.index >= status.first && node.replica.entry(entry.index) != Some(*entry)
    })?;
    let (id, index, ballot) = (node.id, lacks.index, lacks.ballot);
    Some(format!("{id} leads {} and lacks {index}={ballot}, which is chosen", status.ballot))
}

/// Who could be elected by what the disks hold has everything that is chosen.
#[must_use]
pub fn electable(nodes: [&Node; 3], ghost: &Ghost) -> Option<String> {
    let voters: Vec<_> = nodes.iter().filter(|node| !node.mute()).collect();
    for node in &voters {
        let last = node.disk.last();
        let votes = voters.iter().filter(|voter| voter.disk.last() <= last).count();
        let lacks = ghost.chosen.iter().find(|entry| !node.disk.holds(entry));
        if let (true, Some(entry)) = (votes >= 2, lacks) {
            let (id, index, ballot) = (node.id, entry.index, entry.ballot);
            return Some(format!(
                "{index}={ballot} is chosen, and {id} lacks it on its disk and could be elected by what the disks hold"
            ));
        }
    }
    None
}
