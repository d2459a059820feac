//! `watch -i`: watches and "progress", each on a line of stdin.

use super::{command, ended, request, text};
use crate::args::WatchArgs;
use crate::caller::Caller;
use crate::command::txn::split;
use crate::command::write;
use crate::env::Process;
use crate::failure::Failure;
use crate::print::Printer;
use clap::Parser;
use client::Watch;
use client::wire::WatchResponse;
use std::ffi::OsString;
use std::io::{BufRead, Write};
use tokio::sync::{broadcast, mpsc};

#[derive(Parser, Debug)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Line {
    #[command(flatten)]
    args: WatchArgs,
}

/// What a watch has to say, and the command to run for it.
type Told = Result<(WatchResponse, Vec<OsString>), client::Error>;

/// Goes on until a watch fails or there are no more lines.
pub(super) async fn run(
    first: &WatchArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let printer = caller.printer()?;
    let (mut lines, (say, mut told)) = (lines(), mpsc::channel(16));
    let progress = broadcast::Sender::new(16);
    if !first.words.is_empty() {
        start(first, caller, &progress, &say).await?;
    }
    loop {
        tokio::select! {
            // Whoever said "watch" and then nothing more sees what that gave.
            biased;
            Some(answer) = told.recv() => show(answer, printer, out)?,
            line = lines.recv() => match line {
                Some(line) => obey(&line, caller, &progress, &say).await?,
                None => return Err(Failure::input("error reading watch request line: EOF")),
            },
        }
    }
}

/// stdin, line by line, from a thread of its own: a read there cannot be waited
/// for beside others.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn obey(
    line: &str,
    caller: &Caller,
    progress: &broadcast::Sender<()>,
    say: &mpsc::Sender<Told>,
) -> Result<(), Failure> {
    let words = split(line).unwrap_or_default();
    let Some((verb, rest)) = words.split_first() else { return Ok(()) };
    match verb.to_str() {
        // Nobody may be watching yet, and then nobody answers.
        Some("progress") => drop(progress.send(())),
        Some("watch") => match Line::try_parse_from(rest) {
            Ok(line) => return start(&line.args, caller, progress, say).await,
            Err(error) => eprintln!("Invalid command {line} ({})", error.kind()),
        },
        _ => eprintln!("Invalid command {line} (only support watch)"),
    }
    Ok(())
}

/// Returns when the watch is there, so that lines that follow find it.
async fn start(
    args: &WatchArgs,
    caller: &Caller,
    progress: &broadcast::Sender<()>,
    say: &mpsc::Sender<Told>,
) -> Result<(), Failure> {
    let mut watch = caller.client.watch(request(args, &Process)?);
    watch.next().await.map_err(ended)?;
    tokio::spawn(follow(watch, args.command.clone(), progress.subscribe(), say.clone()));
    Ok(())
}

/// Hands on what a watch says, and asks it how far it is when that is wanted.
async fn follow(
    mut watch: Watch,
    command: Vec<OsString>,
    mut progress: broadcast::Receiver<()>,
    say: mpsc::Sender<Told>,
) {
    loop {
        let answer = tokio::select! {
            answer = watch.next() => answer,
            Ok(()) = progress.recv() => {
                watch.ask_progress();
                continue;
            }
        };
        let over = answer.is_err();
        let told = say.send(answer.map(|answer| (answer, command.clone()))).await;
        if over || told.is_err() {
            return;
        }
    }
}

fn show(told: Told, printer: Printer, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let (answer, words) = told.map_err(ended)?;
    write(out, &text(&answer, printer))?;
    command::run_for(&answer, &words)
}
