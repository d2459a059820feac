//! What did the person ask? The binary `trimaran`: a server, a dev cluster, the
//! verbs of etcdctl, the simulator, a load to measure with.

mod args;
mod bench;
mod caller;
mod command;
mod dev;
mod duration;
mod env;
mod failure;
mod key_range;
mod outage;
mod print;
mod server;
mod sim;

use clap::Parser;
use failure::Failure;
use std::ffi::OsString;
use std::process::ExitCode;

/// Requests are made and dropped by several threads at once, which the
/// system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if words.first().is_some_and(|word| word == "ctl") {
        words.remove(0);
    }
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// `server`, `dev`, `sim` and `bench` read their own words, so that the options of the
/// client verbs do not mix with theirs.
fn run(words: &[OsString]) -> Result<(), Failure> {
    match words.split_first() {
        Some((first, rest)) if first == "server" => server::run(rest),
        Some((first, rest)) if first == "dev" => dev::run(rest),
        Some((first, rest)) if first == "sim" => sim::run(rest),
        Some((first, rest)) if first == "bench" => bench::run(rest),
        _ => verb(words),
    }
}

fn verb(words: &[OsString]) -> Result<(), Failure> {
    let words = std::iter::once(OsString::from("trimaran")).chain(words.iter().cloned());
    let args = args::Root::try_parse_from(words)?;
    let caller = caller::Caller::resolve(&args.caller, &env::Process)?;
    let mut stdout = std::io::stdout();
    async_run(command::run(&args.verb, &caller, &mut stdout, command::Stdin::Readable))
}

/// A client verb needs one thread.
fn async_run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("start the runtime", &error))?
        .block_on(work)
}
