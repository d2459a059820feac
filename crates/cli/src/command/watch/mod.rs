//! `watch`: print changes as they happen, until somebody stops it.

mod command;
mod interactive;

use super::{Stdin, write};
use crate::args::WatchArgs;
use crate::caller::Caller;
use crate::env::{Environment, Process};
use crate::failure::Failure;
use crate::key_range::{KeyRange, Reach};
use crate::print::Printer;
use client::Error;
use client::wire::{WatchCreateRequest, WatchResponse};
use std::ffi::OsString;
use std::io::Write;

pub(super) async fn run(
    args: &WatchArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
    stdin: Stdin,
) -> Result<(), Failure> {
    let printer = caller.printer()?;
    match (args.interactive, stdin) {
        (true, Stdin::Readable) => return interactive::run(args, caller, out).await,
        (true, Stdin::Taken) => {
            return Err(Failure::arguments("watch -i reads stdin, which belongs to this prompt"));
        }
        (false, _) => (),
    }
    let mut watch = caller.client.watch(request(args, &Process)?);
    loop {
        let answer = watch.next().await.map_err(ended)?;
        write(out, &text(&answer, printer))?;
        command::run_for(&answer, &args.command)?;
    }
}

/// What is asked for; without a KEY, etcdctl's variables say which.
fn request(args: &WatchArgs, environment: &dyn Environment) -> Result<WatchCreateRequest, Failure> {
    let mut words = args.words.clone();
    if words.is_empty() {
        let named = ["ETCDCTL_WATCH_KEY", "ETCDCTL_WATCH_RANGE_END"];
        words.extend(named.iter().map_while(|name| environment.get(name)).map(OsString::from));
    }
    let reach = Reach { prefix: args.prefix, from_key: false };
    let range = KeyRange::of(&words, reach, "watch")?;
    Ok(WatchCreateRequest {
        key: range.key.into(),
        range_end: range.end.into(),
        start_revision: args.rev,
        prev_kv: args.prev_kv,
        progress_notify: args.progress_notify,
        ..WatchCreateRequest::default()
    })
}

/// Changes, or how far the watch has come. That it was made is not said.
fn text(answer: &WatchResponse, printer: Printer) -> Vec<u8> {
    if answer.created && answer.events.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::new();
    if answer.events.is_empty() {
        let revision = answer.header.as_ref().map_or(0, |header| header.revision);
        out.extend(format!("progress notify: {revision}\n").into_bytes());
    }
    out.extend(printer.watch(answer));
    out
}

/// etcdctl says first why the server ended it, and then that it did.
fn ended(error: Error) -> Failure {
    match error {
        Error::Compacted { .. } | Error::Refused { .. } => {
            eprintln!("watch was canceled ({error})");
            Failure::interrupted("watch is canceled by the server")
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::tests::Made;

    #[test]
    fn a_variable_names_the_key_if_no_word_does() {
        let made = Made::of(&[("ETCDCTL_WATCH_KEY", "a"), ("ETCDCTL_WATCH_RANGE_END", "c")]);
        let range = |words: &[&str]| {
            let words = words.iter().map(OsString::from).collect();
            let args = WatchArgs { words, ..WatchArgs::default() };
            request(&args, &made).map(|asked| (asked.key, asked.range_end)).ok()
        };
        assert_eq!(range(&[]), Some(("a".into(), "c".into())));
        assert_eq!(range(&["k"]), Some(("k".into(), "".into())));
    }
}
