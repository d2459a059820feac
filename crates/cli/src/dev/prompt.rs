//! The prompt of a dev cluster: client verbs, and the verbs that break things.

use super::state::Home;
use super::{act, plan, stop};
use crate::args::Root;
use crate::caller::Caller;
use crate::command::{self, Stdin};
use crate::env;
use crate::failure::Failure;
use clap::Parser;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use std::io::{BufRead, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

const PROMPT: &str = "trimaran> ";

const HELP: &str = "\
put KEY VALUE · get KEY · del KEY · watch KEY    as etcdctl has them, flags too
endpoint status -w table · member list · lease grant TTL · compaction REV    likewise
ps                    the nodes
kill n1 · start n1    kill -9, and how long writes were out; bring it back
pause n1 · resume n1  freeze it (SIGSTOP) and let it go on
stop                  stop every node and leave (so do Ctrl-D and Ctrl-C); data is kept
";

/// The client verbs; those that read stdin say themselves that they cannot here.
const VERBS: &[&str] = &[
    "put",
    "get",
    "del",
    "watch",
    "txn",
    "lease",
    "compaction",
    "alarm",
    "move-leader",
    "endpoint",
    "member",
    "defrag",
    "check",
    "version",
];

/// Whether a verb runs that Ctrl-C ends, instead of the whole cluster.
static WATCHING: AtomicBool = AtomicBool::new(false);
/// Ctrl-C for that verb. One listener decides whose it is: with two, the verb
/// could end first and the other take the same signal for its own.
static ENOUGH: Notify = Notify::const_new();

/// From here on Ctrl-C and SIGTERM stop every node, then this process.
pub(super) fn stop_on_signals(home: Home, runtime: &Runtime) -> Result<(), Failure> {
    let _inside = runtime.enter();
    // Taken now, before the prompt changes it.
    let terminal = tcgetattr(std::io::stdin()).ok();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).map_err(|error| Failure::io("listen to signals", &error))?;
        let (home, terminal) = (home.clone(), terminal.clone());
        runtime.spawn(async move {
            while signals.recv().await.is_some() {
                if kind == SignalKind::interrupt() && WATCHING.load(Ordering::Relaxed) {
                    ENOUGH.notify_waiters();
                    continue;
                }
                if let Some(terminal) = &terminal {
                    let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, terminal);
                }
                let stopped = tokio::task::spawn_blocking(move || stop::nodes(&home)).await;
                std::process::exit(i32::from(!matches!(stopped, Ok(Ok(_)))));
            }
        });
    }
    Ok(())
}

/// Reads and does what is said, to the end of the input or to `stop`.
pub(super) fn run(home: &Home, runtime: &Runtime) -> Result<(), Failure> {
    match std::io::stdin().is_terminal() {
        true => from_terminal(home, runtime),
        false => from_pipe(home, runtime),
    }
}

fn from_terminal(home: &Home, runtime: &Runtime) -> Result<(), Failure> {
    let fault = |error| Failure::error(format!("cannot use the terminal: {error}"));
    let mut editor = rustyline::DefaultEditor::new().map_err(fault)?;
    loop {
        match editor.readline(PROMPT) {
            Ok(line) => {
                let _ = editor.add_history_entry(&line);
                if !obey(&line, home, runtime) {
                    return Ok(());
                }
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(()),
            Err(error) => return Err(fault(error)),
        }
    }
}

/// Without a terminal there is no prompt to see; lines are commands all the same.
fn from_pipe(home: &Home, runtime: &Runtime) -> Result<(), Failure> {
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::io("read commands", &error))?;
        if !obey(&line, home, runtime) {
            break;
        }
    }
    Ok(())
}

/// Does one line. False if it was the last.
fn obey(line: &str, home: &Home, runtime: &Runtime) -> bool {
    let words = match split(line) {
        Ok(words) => words,
        Err(why) => {
            eprintln!("Error: {why}");
            return true;
        }
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if matches!(words.as_slice(), ["stop" | "exit" | "quit"]) {
        return false;
    }
    if let Err(failure) = runtime.block_on(act_on(&words, home)) {
        eprintln!("{}", failure.words());
    }
    true
}

async fn act_on(words: &[&str], home: &Home) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    match words {
        [] => Ok(()),
        ["help" | "?"] => act::print(&mut out, HELP),
        ["ps"] => act::ps(home, &mut out).await,
        ["kill", node] => act::kill(home, node, &mut out).await,
        ["start", node] => act::start(home, node, &mut out).await,
        ["pause", node] => act::pause(home, node, &mut out).await,
        ["resume", node] => act::resume(home, node, &mut out).await,
        ["kill" | "start" | "pause" | "resume", ..] => {
            Err(Failure::arguments("which node? for example: kill n1"))
        }
        [word, ..] if VERBS.contains(word) => verb(words, home, &mut out).await,
        [other, ..] => {
            Err(Failure::arguments(format!("{other:?} is no command here; `help` lists them")))
        }
    }
}

/// A client verb, at the nodes of this cluster.
async fn verb(words: &[&str], home: &Home, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let mut args = Root::try_parse_from(std::iter::once("trimaran").chain(words.iter().copied()))?;
    let state = home.need()?;
    let running = act::running(&state);
    // A paused node would take the connection and never answer.
    let nodes = if running.is_empty() { state.plan() } else { running };
    args.caller.endpoints.get_or_insert(plan::endpoints(&nodes));
    let caller = Caller::resolve(&args.caller, &env::Process)?;
    WATCHING.store(true, Ordering::Relaxed);
    let ended = tokio::select! {
        ended = command::run(&args.verb, &caller, out, Stdin::Taken) => ended,
        () = ENOUGH.notified() => Ok(()),
    };
    WATCHING.store(false, Ordering::Relaxed);
    ended
}

/// Words as a shell has them: quotes hold words together, a backslash takes the
/// next sign as it is.
fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        match (quote, sign) {
            (Some(open), close) if open == close => quote = None,
            (None | Some('"'), '\\') => {
                let taken = signs.next().ok_or("the line ends with a backslash")?;
                word.get_or_insert_default().push(taken);
            }
            (None, '\'' | '"') => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_in_a_shell() {
        let words = |line| split(line).unwrap_or_default();
        assert_eq!(words("put  a 'b c' \"\" d\\ e"), ["put", "a", "b c", "", "d e"]);
        assert_eq!(words(r#"put "say \"hi\"" '\'"#), ["put", "say \"hi\"", "\\"]);
        assert!(words("   ").is_empty());
        assert!(split("put 'a").is_err());
        assert!(split("put a\\").is_err());
    }
}
