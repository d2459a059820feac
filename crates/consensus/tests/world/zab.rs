//! How Zab's letters read as text.

use super::say::{entry, place};
use consensus::zab::message::{History, Message, Say};

pub fn letter(message: &Message) -> String {
    let list = |entries: &[consensus::entry::Entry]| {
        let entries: Vec<String> = entries.iter().map(entry).collect();
        format!("[{}]", entries.join(", "))
    };
    let log =
        |history: &History| format!("last {} accepted {}", place(history.last), history.accepted);
    let what = match &message.say {
        Say::Claim { history } => format!("Claim {}", log(history)),
        Say::CEpoch => "CEpoch".to_owned(),
        Say::NewEpoch { forced: false } => "NewEpoch".to_owned(),
        Say::NewEpoch { forced: true } => "NewEpoch forced".to_owned(),
        Say::AckEpoch { history } => format!("AckEpoch {}", log(history)),
        Say::Pull { near } => format!("Pull near {}", place(*near)),
        Say::Pulled { prev, last, entries } => {
            format!("Pulled {} behind {}, last {}", entries.len(), place(*prev), place(*last))
        }
        Say::Diff { prev, entries } => format!("Diff prev {} {}", place(*prev), list(entries)),
        Say::NewLeader { history } => format!("NewLeader history {}", place(*history)),
        Say::AckNewLeader { matched } => format!("AckNewLeader matched {matched}"),
        Say::Proposal { prev, commit, entries } => {
            format!("Proposal prev {} commit {commit} {}", place(*prev), list(entries))
        }
        Say::Inform { prev, commit, entries } => {
            format!("Inform prev {} commit {commit} {}", place(*prev), list(entries))
        }
        Say::Commit { commit } => format!("Commit {commit}"),
        Say::Ack { matched } => format!("Ack matched {matched}"),
        Say::Reject { tried, near } => format!("Reject tried {tried} near {}", place(*near)),
        Say::Ping => "Ping".to_owned(),
        Say::UpToDate { commit, round } => format!("UpToDate commit {commit} round {round}"),
        Say::Pong { held, matched, round } => {
            format!("Pong held {held} matched {matched} round {round}")
        }
        Say::ReadAsk { .. } => "ReadAsk".to_owned(),
        Say::ReadAnswer { index, .. } => format!("ReadAnswer {index}"),
        Say::HandOver => "HandOver".to_owned(),
        Say::EpochOver => "EpochOver".to_owned(),
    };
    let mute = if message.mute { ", mute" } else { "" };
    let epoch = message.ballot;
    format!("e{}.{} {what}{mute}", epoch.round, epoch.node.0)
}
