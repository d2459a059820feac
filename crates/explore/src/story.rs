//! A way through a world, told in sentences.

use crate::cue::Cue;
use crate::net::Flight;
use crate::node::{NODES, Turn, read_id};
use crate::search::{Move, Search};
use base::Ballot;
use consensus::contract::{Answer, Refusal, Write};
use consensus::entry::{Entry, EntryKind, Place};
use consensus::letter::Letter;
use consensus::raft::message::{Message, Say};

/// The steps as numbered sentences, and what broke in the last.
#[must_use]
pub fn tell(search: &mut Search<'_>, steps: &[Move], what: &str) -> String {
    let mut text = String::new();
    for (number, (Move { at, cue }, outcome)) in search.replay(steps).into_iter().enumerate() {
        let who = NODES.get(at).copied().unwrap_or_default();
        let follows = follows(search, &outcome.turn);
        let follows = if follows.is_empty() { "nothing".to_owned() } else { follows.join("; ") };
        let happens = happens(search, who, cue);
        text += &format!("{:>3}. {happens}\n     n{who}: {follows}\n", number + 1);
    }
    text + &format!("\nBroken: {what}\n")
}

fn happens(search: &Search<'_>, who: u64, cue: Cue) -> String {
    match cue {
        Cue::Letter { letter, late } => {
            let Flight { from, letter, .. } = search.letter(letter);
            let late = if late { ", having heard no leader for long" } else { "" };
            format!("n{who} gets from {from}{late}: {}", self::letter(&letter))
        }
        Cue::Sync(count) => format!("The disk of n{who} has synced {count} of its writes."),
        Cue::Timer => format!("The timer of n{who} is over."),
        Cue::QuorumLost => format!("n{who}, which leads, has heard no majority for long."),
        Cue::Propose(number) => format!("A client gives n{who} the command {number}."),
        Cue::Beat => format!("The pulse of n{who} beats."),
        Cue::Read(number) => format!("A client begins the read {number} at n{who}."),
        Cue::Transfer(to) => format!("n{who} is asked to hand its leadership to n{to}."),
        Cue::Pull(of) => format!("n{who} may claim, and n{of} refuses it for what it lacks."),
        Cue::Checkpoint => format!("n{who} has a checkpoint of all that it applied."),
        Cue::Install { of, place } => {
            format!("n{who} takes over the checkpoint of n{of}, which stands at {}.", at(place))
        }
        Cue::Crash { keep } => {
            format!("n{who} loses its power and starts again; {keep} unsynced writes are there.")
        }
        Cue::Heal => format!("n{who} is whole again: it votes and counts."),
        Cue::LoseDisk => format!("n{who} loses its disk and starts again on an empty one."),
    }
}

fn follows(search: &Search<'_>, turn: &Turn) -> Vec<String> {
    let mut said = Vec::new();
    said.extend(turn.dropped.map(|why| format!("drops it ({why})")));
    said.extend(turn.writes.iter().map(|write| format!("writes {}", self::write(write))));
    said.extend(turn.letters.iter().map(|number| {
        let Flight { to, letter, .. } = search.letter(*number);
        format!("sends {to}: {}", self::letter(&letter))
    }));
    said.extend(
        turn.committed.iter().map(|entry| format!("tells {} as chosen", self::entry(entry))),
    );
    said.extend(turn.answers.iter().map(answer));
    said
}

fn write(write: &Write) -> String {
    match write {
        Write::Vote { ballot, .. } if ballot.node.0 == 0 => format!("the term {}", ballot.round),
        Write::Vote { ballot, .. } => {
            format!("its vote of term {} for {}", ballot.round, ballot.node)
        }
        Write::Entry { entry, cut: false } => self::entry(entry),
        Write::Entry { entry, cut: true } => {
            format!("{}, cutting what stood there", self::entry(entry))
        }
        Write::Cut { from } => format!("that nothing stands at {from} or above"),
        Write::Slot { entry, accepted, .. } => format!("{} under {accepted}", self::entry(entry)),
        Write::Restore { place, keep: true } => {
            format!("that its log begins behind {}", at(*place))
        }
        Write::Restore { place, keep: false } => {
            format!("that its log begins anew behind {}", at(*place))
        }
    }
}

fn entry(entry: &Entry) -> String {
    let place = at(Place { ballot: entry.ballot, index: entry.index });
    match entry.kind {
        EntryKind::Open => format!("{place} (opening)"),
        EntryKind::Command => {
            format!("{place} (command {})", entry.body.first().copied().unwrap_or_default())
        }
    }
}

fn at(place: Place) -> String {
    match place.ballot {
        Ballot::ZERO => "the start".to_owned(),
        ballot => format!("{} of term {}", place.index, ballot.round),
    }
}

fn answer(answer: &Answer) -> String {
    let name = |id: base::AskId| match id.0.checked_sub(read_id(0).0) {
        Some(read) => format!("the read {read}"),
        None => format!("the command {}", id.0),
    };
    match answer {
        Answer::Accepted { id, index, .. } => format!("takes {} at {index}", name(*id)),
        Answer::Refused { id, why: Refusal::Busy } => format!("is too busy for {}", name(*id)),
        Answer::Refused { id, .. } => format!("does not take {}: it does not lead", name(*id)),
        Answer::ReadAt { id, index } => format!("answers {} with the state at {index}", name(*id)),
    }
}

fn letter(letter: &Letter) -> String {
    let Letter::Raft(Message { term, mute, say }) = letter else { unreachable!("Raft is spoken") };
    let what = match say {
        Say::PreVote { last } => format!("would you vote for me? My log ends at {}", at(*last)),
        Say::PreVoteAnswer { granted, .. } => format!("{}, I would vote for you", yes(*granted)),
        Say::Vote { last } => format!("vote for me; my log ends at {}", at(*last)),
        Say::VoteForced { last } => {
            format!("vote for me, the leader told me to stand; my log ends at {}", at(*last))
        }
        Say::VoteAnswer { granted, .. } => format!("{}, you have my vote", yes(*granted)),
        Say::Append { prev, commit, entries } => {
            let entries: Vec<String> = entries.iter().map(entry).collect();
            let what = if entries.is_empty() { "nothing".into() } else { entries.join(", ") };
            format!("behind {} comes {what}; chosen up to {commit}", at(*prev))
        }
        Say::AppendAnswer { matched } => format!("my disk has your log up to {matched}"),
        Say::Reject { tried, near } => {
            format!("my log is not yours at {tried}; they may agree at {}", at(*near))
        }
        Say::Heartbeat { commit, round } => {
            format!("I lead, round {round}; chosen up to {commit}")
        }
        Say::HeartbeatAnswer { held, matched, round } => {
            format!(
                "I follow, round {round}; I hold your log up to {held}, my disk up to {matched}"
            )
        }
        Say::ReadAsk { .. } => "from where may I read?".to_owned(),
        Say::ReadAnswer { index, .. } => format!("read at {index} or later"),
        Say::Pull { near } => format!("what do you have behind {}, or before it?", at(*near)),
        Say::Pulled { prev, last, entries } => {
            let entries: Vec<String> = entries.iter().map(entry).collect();
            let what = entries.join(", ");
            format!("behind {} I have {what}; my log ends at {}", at(*prev), at(*last))
        }
        Say::TermOver => "your term is over".to_owned(),
        Say::TimeoutNow => "stand for leader now".to_owned(),
    };
    let mute = if *mute { ", mute" } else { "" };
    format!("\"{what}\" (term {term}{mute})")
}

const fn yes(granted: bool) -> &'static str {
    if granted { "yes" } else { "no" }
}
