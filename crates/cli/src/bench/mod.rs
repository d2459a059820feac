//! `bench`: load against any server that speaks etcd's API, and what it costs.
//!
//! The load shares the machine with the servers more often than not, so it must
//! be cheap: HTTP/2 of its own with header blocks that never change (`wire`),
//! requests that are patched and not encoded, answers that are looked at and not
//! decoded, and one task for each of a few connections, all on one thread.

mod answer;
mod args;
mod cpu;
mod fault;
mod floor;
mod gap;
mod heard;
mod json;
mod lane;
mod link;
mod listen;
mod machine;
mod pace;
mod plan;
mod progress;
mod random;
mod report;
mod run;
mod tally;
mod targets;
mod template;
mod timer;
mod watch;
mod wire;
mod workload;

use crate::failure::Failure;
use args::{BenchArgs, BenchVerb};
use clap::Parser;
use plan::Plan;
use std::ffi::OsString;
use std::io::Write;
use tokio::task::LocalSet;

pub(crate) fn run(words: &[OsString]) -> Result<(), Failure> {
    let words = std::iter::once(OsString::from("trimaran bench")).chain(words.iter().cloned());
    let (_floor, verb) = match BenchArgs::try_parse_from(words)?.verb {
        BenchVerb::Gap(args) => return gap::run(&args),
        BenchVerb::Floor(args) if args.serve => return floor::serve(),
        BenchVerb::Floor(args) => {
            let (floor, verb) = floor::start(args)?;
            (Some(floor), verb)
        }
        verb => (None, verb),
    };
    let plan = Plan::resolve(&verb)?;
    if let BenchVerb::Listen(_) = verb {
        return listen::run(&plan);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("start the runtime", &error))?;
    let report = LocalSet::new().block_on(&runtime, run::run(&plan))?;
    let mut text = if plan.json { report.json() } else { report.to_string() };
    text.truncate(text.trim_end().len());
    writeln!(std::io::stdout(), "{text}").map_err(|error| Failure::io("print", &error))?;
    if report.operations() > 0 {
        return Ok(());
    }
    Err(Failure::error("not one operation ended well, see the errors above"))
}
