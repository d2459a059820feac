//! `lease`: grant, revoke, timetolive, list, keep-alive.

use super::{number, write};
use crate::args::{KeepAliveArgs, LeaseVerb, TimeToLiveArgs};
use crate::caller::Caller;
use crate::failure::Failure;
use client::wire::{LeaseGrantRequest, LeaseKeepAliveResponse, LeaseTimeToLiveRequest};
use std::io::Write;
use std::time::Duration;

/// etcd's client keeps a lease three times in its life, so that two renewals may
/// be lost; and no more than twice a second.
const RENEWALS_PER_LIFE: u32 = 3;
const RENEWAL_PAUSE_MIN: Duration = Duration::from_millis(500);

pub(super) async fn run(
    verb: &LeaseVerb,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    match verb {
        LeaseVerb::Grant(args) => grant(&args.words, caller, out).await,
        LeaseVerb::Revoke(args) => revoke(&args.words, caller, out).await,
        LeaseVerb::Timetolive(args) => time_to_live(args, caller, out).await,
        LeaseVerb::List => {
            let printer = caller.printer()?;
            write(out, &printer.leases(&caller.client.leases().await?))
        }
        LeaseVerb::KeepAlive(args) if args.once => keep_alive_once(args, caller, out).await,
        LeaseVerb::KeepAlive(args) => keep_alive(args, caller, out).await,
    }
}

async fn grant(
    words: &[String],
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let [ttl] = words else {
        return Err(Failure::arguments("lease grant command needs TTL argument"));
    };
    let bad = |why| Failure::arguments(format!("bad TTL ({why})"));
    let ttl = number::decimal(ttl).map_err(bad)?;
    let printer = caller.printer()?;
    let answer = caller.client.lease_grant(LeaseGrantRequest { ttl, id: 0 }).await;
    let answer = answer.map_err(|error| Failure::from(error).while_doing("grant lease"))?;
    write(out, &printer.lease_grant(&answer))
}

async fn revoke(
    words: &[String],
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let id = id_of(words, "lease revoke command needs 1 argument")?;
    let printer = caller.printer()?;
    let answer = caller.client.lease_revoke(id).await;
    let answer = answer.map_err(|error| Failure::from(error).while_doing("revoke lease"))?;
    write(out, &printer.lease_revoke(id, &answer))
}

async fn time_to_live(
    args: &TimeToLiveArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let id = id_of(&args.words, "lease timetolive command needs lease ID as argument")?;
    let printer = caller.printer()?;
    let request = LeaseTimeToLiveRequest { id, keys: args.keys };
    let answer = caller.client.lease_time_to_live(request).await?;
    write(out, &printer.time_to_live(&answer, args.keys))
}

/// The code of a refusal is the odd one of etcdctl.
async fn keep_alive_once(
    args: &KeepAliveArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let id = keep_alive_id(args)?;
    let printer = caller.printer()?;
    let answer = caller.client.lease_keep_alive(id).await?;
    if answer.ttl <= 0 {
        return Err(Failure::connection("etcdserver: requested lease not found"));
    }
    write(out, &printer.lease_keep_alive(&answer))
}

async fn keep_alive(
    args: &KeepAliveArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let id = keep_alive_id(args)?;
    let printer = caller.printer()?;
    loop {
        let answer = caller.client.lease_keep_alive(id).await?;
        if answer.ttl <= 0 {
            return write(out, format!("lease {id:016x} expired or revoked.\n").as_bytes());
        }
        write(out, &printer.lease_keep_alive(&answer))?;
        tokio::time::sleep(pause(&answer)).await;
    }
}

fn pause(answer: &LeaseKeepAliveResponse) -> Duration {
    let life = Duration::from_secs(u64::try_from(answer.ttl).unwrap_or_default());
    (life / RENEWALS_PER_LIFE).max(RENEWAL_PAUSE_MIN)
}

fn keep_alive_id(args: &KeepAliveArgs) -> Result<i64, Failure> {
    id_of(&args.words, "lease keep-alive command needs lease ID as argument")
}

fn id_of(words: &[String], count_text: &str) -> Result<i64, Failure> {
    let [id] = words else {
        return Err(Failure::arguments(count_text));
    };
    let bad = |why| Failure::arguments(format!("bad lease ID arg ({why}), expecting ID in Hex"));
    number::hex(id).map_err(bad)
}
