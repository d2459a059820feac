//! The client verbs, one file each.

mod del;
mod get;
mod put;
mod watch;

use crate::args::Verb;
use crate::caller::Caller;
use crate::failure::Failure;
use std::io::Write;

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
        Verb::Watch(args) => watch::run(args, caller, out).await,
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
