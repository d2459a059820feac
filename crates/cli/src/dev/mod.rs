//! `dev`: a local cluster of real processes, and the means to break it.

mod act;
mod args;
mod block;
mod gap;
mod node;
mod nodes;
mod plan;
mod ports;
pub(crate) mod process;
mod prompt;
mod ready;
mod spawn;
pub(crate) mod state;
mod stop;
mod up;

use crate::failure::Failure;
use args::{DevArgs, DevVerb};
use clap::Parser;
use state::Home;
use std::ffi::OsString;
use std::io::stdout;

pub(crate) fn run(words: &[OsString]) -> Result<(), Failure> {
    let words = std::iter::once(OsString::from("trimaran dev")).chain(words.iter().cloned());
    let args = DevArgs::try_parse_from(words)?;
    let home = Home::new(args.dir.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::io("start the runtime", &error))?;
    let Some(verb) = &args.verb else {
        return up::run(&args, &home, &runtime);
    };
    let mut out = stdout();
    match verb {
        DevVerb::Ps => runtime.block_on(act::ps(&home, &mut out)),
        DevVerb::Stop => stop::from_elsewhere(&home, &mut out),
        DevVerb::Rm => stop::remove(&home, &mut out),
        DevVerb::Kill { node } => runtime.block_on(act::kill(&home, node, &mut out)),
        DevVerb::Start { node } => runtime.block_on(act::start(&home, node, &mut out)),
        DevVerb::Pause { node } => runtime.block_on(act::pause(&home, node, &mut out)),
        DevVerb::Resume { node } => runtime.block_on(act::resume(&home, node, &mut out)),
    }
}
