//! Bringing a cluster up, and keeping it until somebody has had enough.

use super::args::DevArgs;
use super::process::Process;
use super::prompt;
use super::state::{Home, Member, State};
use super::{block, plan, ports, ready, spawn, stop};
use crate::failure::Failure;
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long nodes without a foreground may take to notice and to end.
const ORPHANS: Duration = Duration::from_secs(10);

pub(super) fn run(args: &DevArgs, home: &Home, runtime: &Runtime) -> Result<(), Failure> {
    let begun = Instant::now();
    // One `dev` per directory; held to the end of this process.
    let up = home.lock_up()?;
    let state = planned(args, home)?;
    if !args.detach {
        prompt::stop_on_signals(home.clone(), runtime)?;
    }
    start_all(home, state)
        .and_then(|state| {
            let leader = runtime.block_on(ready::wait(home, &state.nodes))?;
            let text = block::ready(home, &state, leader.as_ref(), begun.elapsed(), args.detach);
            let mut out = std::io::stdout();
            out.write_all(text.as_bytes()).map_err(|error| Failure::io("print", &error))
        })
        // Half a cluster is worse than none.
        .inspect_err(|_| drop(stop::nodes(home)))?;
    if args.detach {
        return Ok(());
    }
    let ended = prompt::run(home, runtime);
    let count = stop::nodes(home)?;
    drop(up);
    // The terminal may be gone; the nodes are stopped all the same.
    let _ = std::io::stdout().write_all(stop::told(count).as_bytes());
    ended
}

/// The cluster that is to run: the one that is here, or a new one.
fn planned(args: &DevArgs, home: &Home) -> Result<State, Failure> {
    let known = home.load()?;
    if let Some(known) = &known {
        wait_for_orphans(known);
    }
    if known.as_ref().is_some_and(State::any_alive) {
        return Err(home.running());
    }
    let kept = known.as_ref().and_then(State::protocol).map(ToString::to_string);
    let protocol = args.protocol.clone().or(kept);
    let nodes = match known {
        Some(known) => same(args, home, known)?,
        None => {
            let member = |node| Member { node, process: None };
            let count = args.nodes.unwrap_or(3);
            plan::make(count, args.ports.as_deref())?.into_iter().map(member).collect()
        }
    };
    let foreground = if args.detach { None } else { Process::own() };
    let times = (args.heartbeat_interval, args.election_timeout);
    let protocol = protocol.map(|name| format!("protocol={name}"));
    let more = args.more.iter().cloned().chain(protocol).collect();
    Ok(State { foreground, times, more, nodes })
}

/// Nodes whose foreground was killed are about to end by themselves.
fn wait_for_orphans(known: &State) {
    if known.foreground.is_some() && known.foreground().is_none() {
        for process in known.nodes.iter().filter_map(Member::alive) {
            process.wait_gone(ORPHANS);
        }
    }
}

/// The members of a cluster are fixed when it is made, and so are their ports.
fn same(args: &DevArgs, home: &Home, known: State) -> Result<Vec<Member>, Failure> {
    let count = known.nodes.len();
    if args.nodes.is_some_and(|asked| asked != count) {
        return Err(Failure::arguments(format!(
            "{} holds a cluster of {count} node{}, whose members are fixed\n  \
             try: leave -n out, or --dir with another directory, or `trimaran dev rm` first",
            home.dir.display(),
            if count == 1 { "" } else { "s" },
        )));
    }
    Ok(known.nodes)
}

/// Starts all at once; what runs is known to other terminals from the first on.
fn start_all(home: &Home, mut state: State) -> Result<State, Failure> {
    let lock: File = home.lock()?;
    ports::check_free(&state.plan())?;
    home.store(&lock, &state)?;
    for number in 0..state.nodes.len() {
        let Some(node) = state.nodes.get(number).map(|member| member.node.clone()) else { break };
        let process = spawn::node(home, &state, &node)?;
        if let Some(member) = state.nodes.get_mut(number) {
            member.process = Some(process);
        }
        home.store(&lock, &state)?;
    }
    Ok(state)
}
