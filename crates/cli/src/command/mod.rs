//! The client verbs, one file each.

mod check;
mod compaction;
mod del;
mod endpoint;
mod get;
mod lease;
mod member;
mod number;
mod put;
mod snapshot;
mod txn;
mod upkeep;
mod watch;

use crate::args::{MemberVerb, Verb};
use crate::caller::Caller;
use crate::failure::Failure;
use std::io::Write;

/// Ours, and the API's that is spoken.
const VERSION: &str =
    concat!("trimaran version: ", env!("CARGO_PKG_VERSION"), "\nAPI version: 3.5\n");

/// Whether a verb may read stdin.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stdin {
    /// It is the command's own.
    Readable,
    /// It belongs to a prompt.
    Taken,
}

/// Does what a verb says and prints the answer.
pub(crate) async fn run(
    verb: &Verb,
    caller: &Caller,
    out: &mut (dyn Write + Send),
    stdin: Stdin,
) -> Result<(), Failure> {
    match verb {
        Verb::Put(args) => put::run(args, caller, out, stdin).await,
        Verb::Get(args) => get::run(args, caller, out).await,
        Verb::Del(args) => del::run(args, caller, out).await,
        Verb::Watch(args) => watch::run(args, caller, out, stdin).await,
        Verb::Txn(args) => txn::run(args, caller, out, stdin).await,
        Verb::Lease(verb) => lease::run(verb, caller, out).await,
        Verb::Compaction(args) => compaction::run(args, caller, out).await,
        Verb::Alarm(verb) => upkeep::alarm(verb, caller, out).await,
        Verb::MoveLeader(args) => upkeep::move_leader(args, caller, out).await,
        Verb::Defrag(args) => upkeep::defrag(args, caller, out).await,
        Verb::Endpoint(args) => endpoint::run(args, caller, out).await,
        Verb::Member(MemberVerb::List(_)) => member::list(caller, out).await,
        Verb::Snapshot(verb) => snapshot::run(verb, caller, out).await,
        Verb::Check(verb) => check::run(verb, caller, out).await,
        Verb::Version(_) => write(out, VERSION.as_bytes()),
        Verb::Server(_) | Verb::Dev(_) | Verb::Sim(_) | Verb::Bench(_) => Err(Failure::arguments(
            "`server`, `dev`, `sim` and `bench` stand first: trimaran server …",
        )),
    }
}

/// Writes a whole answer. A reader that has gone away is not an error of ours,
/// but there is nothing left to do for it.
fn write(out: &mut (dyn Write + Send), text: &[u8]) -> Result<(), Failure> {
    out.write_all(text).and_then(|()| out.flush()).map_err(|error| Failure::io("print", &error))
}
