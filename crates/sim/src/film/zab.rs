//! Zab's letters in words, with their names from the paper.

use super::Kind;
use base::Index;
use consensus::entry::{Entry, Place};
use consensus::zab::message::{Message, Say};

/// What kind of letter it is, its epoch, and what it says.
pub(super) fn letter(message: &Message) -> (Kind, u64, String) {
    let Message { ballot, mute, say } = message;
    let (kind, text) = match say {
        Say::Claim { history } => {
            (Kind::Vote, format!("who would follow me? My log {}", ends(history.last)))
        }
        Say::CEpoch => (Kind::Vote, format!("CEPOCH: I promised epoch {}", ballot.round)),
        Say::NewEpoch { forced: false } => (Kind::Vote, "NEWEPOCH".into()),
        Say::NewEpoch { forced: true } => {
            (Kind::Vote, "NEWEPOCH, told to claim by the leader".into())
        }
        Say::AckEpoch { history } => {
            let (epoch, last) = (history.accepted.round, ends(history.last));
            (Kind::Vote, format!("ACKEPOCH: my log {last}, accepted in epoch {epoch}"))
        }
        Say::Pull { near } => {
            (Kind::Vote, format!("Pull: what do you have behind {}?", near.index))
        }
        Say::Pulled { prev, entries, .. } => {
            (Kind::Append, format!("Pull reply: {}", behind(*prev, entries)))
        }
        Say::Diff { prev, entries } => (Kind::Append, format!("DIFF: {}", behind(*prev, entries))),
        Say::NewLeader { history } => {
            (Kind::Append, format!("NEWLEADER: my history {}, cut what follows", ends(*history)))
        }
        Say::AckNewLeader { matched } => {
            (Kind::Append, format!("ACK of NEWLEADER: on my disk up to {matched}"))
        }
        Say::Proposal { prev, commit, entries } => {
            (Kind::Append, format!("PROPOSAL: {}, commit {commit}", behind(*prev, entries)))
        }
        Say::Inform { prev, commit, entries } => {
            (Kind::Append, format!("INFORM: {}, commit {commit}", behind(*prev, entries)))
        }
        Say::Commit { commit } => (Kind::Append, format!("COMMIT up to {commit}")),
        Say::Ack { matched } => (Kind::Append, format!("ACK: on my disk up to {matched}")),
        Say::Reject { tried, near } => {
            (Kind::Append, format!("no entry like yours at {tried}, try {}", near.index))
        }
        Say::Ping => (Kind::Heartbeat, "PING: I lead this epoch".into()),
        Say::UpToDate { commit, .. } => (Kind::Heartbeat, format!("UPTODATE: commit {commit}")),
        Say::Pong { held, matched, .. } => {
            (Kind::Heartbeat, format!("PING reply: I hold up to {held}, on disk up to {matched}"))
        }
        Say::ReadAsk { .. } => (Kind::Read, "from which index on may I read?".into()),
        Say::ReadAnswer { index, .. } => (Kind::Read, format!("read from index {index}")),
        Say::HandOver => (Kind::Vote, "claim the next epoch at once".into()),
        Say::EpochOver => (Kind::Other, format!("I promised epoch {}", ballot.round)),
    };
    let mute = if *mute { " (from a node without a vote)" } else { "" };
    (kind, ballot.round, format!("{text}{mute}"))
}

fn ends(last: Place) -> String {
    format!("ends at {} (epoch {})", last.index, last.ballot.round)
}

fn behind(prev: Place, entries: &[Entry]) -> String {
    let what = match (entries.first(), entries.last()) {
        (Some(first), Some(last)) if first.index == last.index => {
            format!("entry {}", number(first))
        }
        (Some(first), Some(last)) => format!("entries {} to {}", number(first), number(last)),
        _ => "no entries".into(),
    };
    format!("{what} behind {} (epoch {})", prev.index, prev.ballot.round)
}

const fn number(entry: &Entry) -> Index {
    entry.index
}
