//! What is done to the nodes of a running cluster, from its prompt or from
//! another terminal alike.

use super::gap::{self, Loss, stamp};
use super::node::Node;
use super::nodes::{Nurse, leader};
use super::process::{Condition, Process};
use super::state::{Home, Member, State};
use super::{block, ready, spawn};
use crate::failure::Failure;
use rustix::process::Signal;
use std::io::Write;
use std::time::{Duration, Instant};

/// How long a node may take to say how it is.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the kernel may take to end a process.
const END: Duration = Duration::from_secs(30);

type Out<'a> = &'a mut (dyn Write + Send);

/// Shows the nodes.
pub(super) async fn ps(home: &Home, out: Out<'_>) -> Result<(), Failure> {
    let state = home.need()?;
    let leader = leader(&nurses(&running(&state))).await;
    print(out, &block::table(&state, leader.as_ref()))
}

/// SIGKILL, then how long writes were out.
pub(super) async fn kill(home: &Home, name: &str, out: Out<'_>) -> Result<(), Failure> {
    lose(home, name, Signal::KILL, "killed (SIGKILL)", out).await
}

/// SIGSTOP, then how long writes were out.
pub(super) async fn pause(home: &Home, name: &str, out: Out<'_>) -> Result<(), Failure> {
    lose(home, name, Signal::STOP, "paused (SIGSTOP)", out).await
}

async fn lose(
    home: &Home,
    name: &str,
    signal: Signal,
    done: &str,
    out: Out<'_>,
) -> Result<(), Failure> {
    let state = home.need()?;
    let process = alive(&state, name)?;
    let before = leader(&nurses(&running(&state))).await;
    let led = before.as_ref().is_some_and(|leader| leader.name == name);
    let at = Instant::now();
    if !process.signal(signal) {
        return Err(Failure::error(format!("{name} ended by itself just now")));
    }
    let led = if led { "; it led" } else { "" };
    print(out, &format!("{} {name} {done}{led}\n", stamp(Duration::ZERO)))?;
    if signal == Signal::KILL {
        process.wait_gone(END);
    }
    let left: Vec<Node> = running(&state).into_iter().filter(|node| node.name != name).collect();
    gap::tell(Loss { at, before, left: &left, size: state.nodes.len() }, out).await
}

/// Starts a node that is down and waits until it serves, if it can.
pub(super) async fn start(home: &Home, name: &str, out: Out<'_>) -> Result<(), Failure> {
    let begun = Instant::now();
    let (state, member) = start_process(home, name)?;
    if running(&state).len() < super::plan::majority(state.nodes.len()) {
        return print(out, &format!("{name} started; there is no majority yet\n"));
    }
    ready::wait(home, std::slice::from_ref(&member)).await?;
    print(out, &format!("{} {name} serves\n", stamp(begun.elapsed())))
}

fn start_process(home: &Home, name: &str) -> Result<(State, Member), Failure> {
    let lock = home.lock()?;
    let mut state = home.need()?;
    let member = state.member(name)?.clone();
    if member.alive().is_some() {
        return Err(Failure::error(format!("{name} runs already")));
    }
    // A killed node has left its process behind in the state; a stopped one has not.
    let stopped = state.nodes.iter().all(|member| member.process.is_none());
    if stopped && state.foreground().is_none() {
        return Err(Failure::error(
            "the cluster is stopped\n  try: `trimaran dev` or `trimaran dev -d` starts all of it",
        ));
    }
    super::ports::check_free(std::slice::from_ref(&member.node))?;
    let process = spawn::node(home, &state, &member.node)?;
    let started = Member { process: Some(process), ..member };
    for member in state.nodes.iter_mut().filter(|member| member.node.name == name) {
        member.clone_from(&started);
    }
    home.store(&lock, &state)?;
    Ok((state, started))
}

/// SIGCONT.
pub(super) async fn resume(home: &Home, name: &str, out: Out<'_>) -> Result<(), Failure> {
    let state = home.need()?;
    let process = alive(&state, name)?;
    if process.condition() != Condition::Paused {
        return Err(Failure::error(format!("{name} is not paused")));
    }
    process.signal(Signal::CONT);
    print(out, &format!("{name} goes on\n"))
}

fn alive(state: &State, name: &str) -> Result<Process, Failure> {
    state.member(name)?.alive().ok_or_else(|| {
        Failure::error(format!("{name} is down\n  try: `start {name}` brings it back"))
    })
}

/// The nodes that can answer.
pub(super) fn running(state: &State) -> Vec<Node> {
    let runs = |member: &&Member| {
        member.process.is_some_and(|process| process.condition() == Condition::Running)
    };
    state.nodes.iter().filter(runs).map(|member| member.node.clone()).collect()
}

fn nurses(nodes: &[Node]) -> Vec<Nurse> {
    nodes.iter().map(|node| Nurse::new(node, PATIENCE)).collect()
}

pub(super) fn print(out: Out<'_>, text: &str) -> Result<(), Failure> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::io("print", &error))
}
