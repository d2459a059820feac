//! How letters of Multi-Paxos read in a picture.

use super::Kind;
use consensus::paxos::message::{Message, Say};

/// What it is, in which round, and its words.
pub(super) fn letter(message: &Message) -> (Kind, u64, String) {
    let Message { ballot, mute, say } = message;
    let (kind, text) = match say {
        Say::Canvass { commit } => {
            (Kind::Vote, format!("canvass: would you promise? I know {} to be chosen", commit.0))
        }
        Say::CanvassAnswer { granted: true } => (Kind::Vote, "canvass reply: I would".into()),
        Say::CanvassAnswer { .. } => (Kind::Vote, "canvass reply: I would not".into()),
        Say::Prepare { from, forced } => {
            let why = if *forced { ", told to stand" } else { "" };
            (Kind::Vote, format!("prepare from {} on{why}", from.0))
        }
        Say::Promise { from, upto, last, slots, .. } => {
            let (count, from, upto, last) = (slots.len(), from.0, upto.0, last.0);
            (Kind::Vote, format!("promise: {count} accepted from {from} to {upto} of {last}"))
        }
        Say::Nack => (Kind::Other, "nack: I have promised a higher ballot".into()),
        Say::Accept { prev, commit, entries } => {
            let what = match (entries.first(), entries.last()) {
                (Some(first), Some(last)) if first.index == last.index => {
                    format!("{}", first.index.0)
                }
                (Some(first), Some(last)) => format!("{} to {}", first.index.0, last.index.0),
                _ => format!("nothing behind {}", prev.0),
            };
            (Kind::Append, format!("accept {what}; chosen up to {}", commit.0))
        }
        Say::Accepted { matched, beyond, .. } => {
            let gap = if beyond.is_empty() { "" } else { " and more beyond a gap" };
            (Kind::Append, format!("accepted, on my disk up to {}{gap}", matched.0))
        }
        Say::Learn { commit, .. } => (Kind::Heartbeat, format!("learn: chosen up to {}", commit.0)),
        Say::LearnAnswer { held, matched, .. } => {
            let (held, matched) = (held.0, matched.0);
            (Kind::Heartbeat, format!("learn reply: I hold up to {held}, on disk up to {matched}"))
        }
        Say::ReadAsk { .. } => (Kind::Read, "from which index on may I read?".into()),
        Say::ReadAnswer { index, .. } => (Kind::Read, format!("read from index {}", index.0)),
        Say::TakeOver => (Kind::Vote, "take over: prepare at once".into()),
    };
    let mute = if *mute { " (from a node without a vote)" } else { "" };
    (kind, ballot.round, format!("{text}{mute}"))
}
