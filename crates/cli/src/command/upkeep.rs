//! `alarm`, `move-leader` and `defrag`.

use super::endpoint::{each, endpoints};
use super::{number, write};
use crate::args::{AlarmVerb, DefragArgs, MoveLeaderArgs};
use crate::caller::Caller;
use crate::failure::Failure;
use client::wire::{AlarmResponse, StatusResponse};
use std::io::Write;

pub(super) async fn alarm(
    verb: &AlarmVerb,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let printer = caller.printer()?;
    let mut answer = caller.client.alarms().await?;
    if matches!(verb, AlarmVerb::Disarm) {
        answer = disarm(answer, caller).await?;
    }
    write(out, &printer.alarms(&answer))
}

/// Calls each alarm off that is raised; those are what is printed.
async fn disarm(raised: AlarmResponse, caller: &Caller) -> Result<AlarmResponse, Failure> {
    let mut disarmed = AlarmResponse { header: raised.header, alarms: Vec::new() };
    for alarm in raised.alarms {
        let answer = caller.client.disarm(alarm).await?;
        disarmed.header = answer.header;
        disarmed.alarms.extend(answer.alarms);
    }
    Ok(disarmed)
}

/// Only the leader can be asked, so it is looked for among the endpoints.
pub(super) async fn move_leader(
    args: &MoveLeaderArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let [target] = args.words.as_slice() else {
        return Err(Failure::arguments("move-leader command needs 1 argument"));
    };
    let target = number::member(target).map_err(Failure::arguments)?;
    let statuses = each(caller, &caller.endpoints, |client| async move { client.status().await });
    let leader = statuses.await?.into_iter().find_map(|(endpoint, answer)| {
        let answer = answer.ok()?;
        (member_of(&answer) == answer.leader).then_some((endpoint, answer.leader))
    });
    let Some((endpoint, leader)) = leader else {
        let given = caller.endpoints.join(" ");
        return Err(Failure::arguments(format!("no leader endpoint given at [{given}]")));
    };
    caller.of(&endpoint)?.move_leader(target).await?;
    write(out, format!("Leadership transferred from {leader:x} to {target:x}\n").as_bytes())
}

fn member_of(status: &StatusResponse) -> u64 {
    status.header.as_ref().map_or(0, |header| header.member_id)
}

/// One member after the other: a member may be slow while it tidies up.
pub(super) async fn defrag(
    args: &DefragArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let mut failed = false;
    for endpoint in endpoints(caller, args.cluster).await? {
        match caller.of(&endpoint)?.defragment().await {
            Ok(_) => {
                let text = format!("Finished defragmenting etcd member[{endpoint}]\n");
                write(out, text.as_bytes())?;
            }
            Err(error) => {
                eprintln!("Failed to defragment etcd member[{endpoint}] ({error})");
                failed = true;
            }
        }
    }
    if failed { Err(Failure::said()) } else { Ok(()) }
}
