//! How a cluster's outputs read as text.

use super::{Flight, Output};
use base::Ballot;
use consensus::contract::{Answer, Lead, Refusal, Write};
use consensus::entry::{Entry, EntryKind, Place};
use consensus::letter::Letter;
use consensus::{paxos, raft};

pub fn output(from: base::NodeId, output: &Output) -> String {
    match output {
        Output::Write(serial, write) => format!("  {from} writes {serial}: {}", self::write(write)),
        Output::Letter { to, letter, after, gated: true } => {
            format!("  {from} -> {to} {}, after {after}", self::letter(letter))
        }
        Output::Letter { to, letter, .. } => format!("  {from} -> {to} {}", self::letter(letter)),
        Output::Leaves(to, letter) => format!("  {from} releases -> {to} {}", self::letter(letter)),
        Output::Commit(index) => format!("  {from} commits {index}"),
        Output::Answer(answer) => format!("  {from} answers {}", self::answer(answer)),
        Output::Lead(lead) => format!("  {from} {}", self::lead(lead)),
        Output::Behind(peer, has) => format!("  {from} finds {peer} behind at {has}"),
        Output::Dropped(why) => format!("  {from} drops it: {why}"),
    }
}

pub fn flight(flight: &Flight) -> String {
    format!("{} => {} {}", flight.from, flight.to, letter(&flight.letter))
}

fn write(write: &Write) -> String {
    match write {
        Write::Entry { entry, cut: false } => format!("entry {}", self::entry(entry)),
        Write::Entry { entry, cut: true } => format!("entry {}, cutting", self::entry(entry)),
        Write::Cut { from } => format!("cut from {from}"),
        Write::Slot { entry, accepted, chosen } => {
            format!("slot {} under {accepted}, chosen {chosen}", self::entry(entry))
        }
        Write::Restore { place, keep: true } => format!("restore {}, keeping", self::place(*place)),
        Write::Restore { place, keep: false } => format!("restore {}", self::place(*place)),
        Write::Vote { ballot, .. } if ballot.node.0 == 0 => format!("round {}", ballot.round),
        Write::Vote { ballot, .. } => format!("vote {ballot}"),
    }
}

/// Index, ballot, and what is in it: `i3=b2.1 "x"`.
pub fn entry(entry: &Entry) -> String {
    let at = place(Place { ballot: entry.ballot, index: entry.index });
    match entry.kind {
        EntryKind::Open => format!("{at} open"),
        EntryKind::Command => format!("{at} {:?}", String::from_utf8_lossy(&entry.body)),
    }
}

pub fn place(place: Place) -> String {
    match place.ballot {
        Ballot::ZERO => "start".to_owned(),
        ballot => format!("{}={ballot}", place.index),
    }
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Accepted { id, index, ballot } => format!("{id}: accepted at {index}={ballot}"),
        Answer::Refused { id, why: Refusal::Busy } => format!("{id}: busy"),
        Answer::Refused { id, why: Refusal::NotLeader(None) } => format!("{id}: no leader"),
        Answer::Refused { id, why: Refusal::NotLeader(Some(who)) } => {
            format!("{id}: {who} leads")
        }
        Answer::ReadAt { id, index } => format!("{id}: read at {index}"),
    }
}

fn lead(lead: &Lead) -> String {
    match lead.leader {
        Some(leader) => format!("sees {leader} lead round {}", lead.ballot.round),
        None => format!("sees no leader in round {}", lead.ballot.round),
    }
}

fn letter(letter: &Letter) -> String {
    match letter {
        Letter::Raft(message) => raft(message),
        Letter::Paxos(message) => paxos(message),
        Letter::Zab(message) => super::zab::letter(message),
    }
}

fn paxos(message: &paxos::message::Message) -> String {
    use paxos::message::Say;
    let what = match &message.say {
        Say::Canvass { commit } => format!("Canvass commit {commit}"),
        Say::CanvassAnswer { granted } => format!("CanvassAnswer {}", yes(*granted)),
        Say::Prepare { from, forced } => {
            format!("Prepare from {from}{}", if *forced { ", forced" } else { "" })
        }
        Say::Promise { from, upto, last, commit, slots } => {
            let slot = |it: &paxos::message::Accepted| {
                format!("{} under {}", entry(&it.entry), it.accepted)
            };
            let slots: Vec<String> = slots.iter().map(slot).collect();
            let slots = slots.join(", ");
            format!("Promise from {from} upto {upto} of {last}, commit {commit} [{slots}]")
        }
        Say::Nack => "Nack".to_owned(),
        Say::Accept { prev, commit, entries } => {
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("Accept prev {prev} commit {commit} [{}]", entries.join(", "))
        }
        Say::Accepted { prev, matched, beyond } => {
            let stretch =
                |(first, last): &(base::Index, base::Index)| format!(" {first} to {last}");
            let beyond: String = beyond.iter().map(stretch).collect();
            let and = if beyond.is_empty() { "" } else { " and" };
            format!("Accepted prev {prev} matched {matched}{and}{beyond}")
        }
        Say::Learn { commit, round } => format!("Learn commit {commit} round {round}"),
        Say::LearnAnswer { held, matched, round } => {
            format!("LearnAnswer held {held} matched {matched} round {round}")
        }
        Say::ReadAsk { .. } => "ReadAsk".to_owned(),
        Say::ReadAnswer { index, .. } => format!("ReadAnswer {index}"),
        Say::TakeOver => "TakeOver".to_owned(),
    };
    let mute = if message.mute { ", mute" } else { "" };
    format!("{} {what}{mute}", message.ballot)
}

fn raft(message: &raft::message::Message) -> String {
    use raft::message::Say;
    let what = match &message.say {
        Say::PreVote { last } => format!("PreVote last {}", place(*last)),
        Say::PreVoteAnswer { granted, last } => {
            format!("PreVoteAnswer {}, last {}", yes(*granted), place(*last))
        }
        Say::Vote { last } => format!("Vote last {}", place(*last)),
        Say::VoteAnswer { granted, last } => {
            format!("VoteAnswer {}, last {}", yes(*granted), place(*last))
        }
        Say::Append { prev, commit, entries } => {
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("Append prev {} commit {commit} [{}]", place(*prev), entries.join(", "))
        }
        Say::AppendAnswer { matched } => format!("AppendAnswer matched {matched}"),
        Say::Reject { tried, near } => format!("Reject tried {tried} near {}", place(*near)),
        Say::Heartbeat { commit, round } => format!("Heartbeat commit {commit} round {round}"),
        Say::HeartbeatAnswer { held, matched, round } => {
            format!("HeartbeatAnswer held {held} matched {matched} round {round}")
        }
        Say::ReadAsk { .. } => "ReadAsk".to_owned(),
        Say::ReadAnswer { index, .. } => format!("ReadAnswer {index}"),
        Say::TermOver => "TermOver".to_owned(),
        Say::Pull { near } => format!("Pull near {}", place(*near)),
        Say::Pulled { prev, last, entries } => {
            format!("Pulled {} behind {}, last {}", entries.len(), place(*prev), place(*last))
        }
        Say::TimeoutNow => "TimeoutNow".to_owned(),
        Say::VoteForced { last } => format!("VoteForced last {}", place(*last)),
    };
    let mute = if message.mute { ", mute" } else { "" };
    format!("t{} {what}{mute}", message.term)
}

const fn yes(granted: bool) -> &'static str {
    if granted { "yes" } else { "no" }
}
