//! Stopping a cluster so that nothing is left running, and deleting what it wrote.

use super::act::print;
use super::state::{Home, Member, State};
use crate::failure::Failure;
use rustix::process::Signal;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// How long nodes may take to stop in good order.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the foreground may take, its nodes included.
const FOREGROUND_PATIENCE: Duration = Duration::from_secs(20);

/// Stops every node: asks first, then insists.
pub(super) fn nodes(home: &Home) -> Result<usize, Failure> {
    // With the lock held nobody starts a node behind our back.
    let lock = home.lock()?;
    let mut state = home.need()?;
    let live: Vec<_> = state.nodes.iter().filter_map(Member::alive).collect();
    for process in &live {
        process.signal(Signal::TERM);
        // A paused one hears nothing until it goes on.
        process.signal(Signal::CONT);
    }
    for process in &live {
        if !process.wait_gone(PATIENCE) {
            process.signal(Signal::KILL);
            process.wait_gone(PATIENCE);
        }
    }
    forget_processes(&mut state);
    home.store(&lock, &state)?;
    Ok(live.len())
}

fn forget_processes(state: &mut State) {
    state.foreground = None;
    for member in &mut state.nodes {
        member.process = None;
    }
}

/// `dev stop`: the foreground stops its own nodes; without one it is done here.
pub(super) fn from_elsewhere(home: &Home, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let state = home.need()?;
    let running = state.nodes.iter().filter(|member| member.alive().is_some()).count();
    if let Some(foreground) = state.foreground() {
        foreground.signal(Signal::TERM);
        foreground.wait_gone(FOREGROUND_PATIENCE);
    }
    nodes(home)?;
    print(out, &told(running))
}

/// What was stopped, in words.
pub(super) fn told(count: usize) -> String {
    match count {
        0 => "nothing was running\n".to_owned(),
        1 => "stopped 1 node; data is kept\n".to_owned(),
        several => format!("stopped {several} nodes; data is kept\n"),
    }
}

/// `dev rm`: deletes what `dev` made in the directory, and nothing else.
pub(super) fn remove(home: &Home, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let state = home.need()?;
    // Refused while a foreground has it, or nodes run in the background.
    let _up = home.lock_up()?;
    if state.any_alive() {
        return Err(home.running());
    }
    for Member { node, .. } in &state.nodes {
        gone(&home.data(node), |path| fs::remove_dir_all(path))?;
        gone(&home.log(node), |path| fs::remove_file(path))?;
    }
    for file in home.own_files() {
        gone(&file, |path| fs::remove_file(path))?;
    }
    // Somebody else's files may be in it: then it stays.
    let _ = fs::remove_dir(&home.dir);
    print(out, &format!("deleted the dev cluster in {}\n", home.dir.display()))
}

fn gone(path: &Path, remove: impl Fn(&Path) -> io::Result<()>) -> Result<(), Failure> {
    match remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::io(&format!("delete {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}
