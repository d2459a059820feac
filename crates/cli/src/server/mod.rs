//! `server`: run one node, told in etcd's words.

mod block;
mod flags;
mod guard;
mod known;
mod log;
mod resolve;
mod stop;
mod urls;

use crate::env;
use crate::failure::Failure;
use clap::Parser;
use flags::ServerArgs;
pub(crate) use resolve::restored;
use std::ffi::OsString;
use std::io::Write;

pub(crate) fn run(words: &[OsString]) -> Result<(), Failure> {
    let words = known::with_two_dashes(words);
    known::refuse_flags(&words)?;
    let args = ServerArgs::try_parse_from(std::iter::once("trimaran server".into()).chain(words))?;
    known::refuse_variables(&env::Process)?;
    let told = resolve::resolve(&args, &env::Process)?;
    if args.own_session {
        // It fails only for one who leads a session already: then all is well.
        let _ = rustix::process::setsid();
    }
    if let Some(guardian) = &args.die_with {
        guard::die_with(guardian)?;
    }
    log::start(&told.log_level)?;
    for name in known::unknown_variables(&env::Process) {
        tracing::warn!(name, "a variable that is no flag of etcd's was ignored");
    }
    // Nobody may be there to read it; that is no reason not to serve.
    let _ = std::io::stdout().write_all(block::of(&told.config).as_bytes());
    stop::serve(told.config)
}
