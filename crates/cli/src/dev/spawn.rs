//! Starting the process of one node.

use super::node::Node;
use super::process::Process;
use super::state::{Home, State};
use crate::failure::Failure;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Starts a node. It ends with the foreground, if there is one; else it is on its
/// own, in a session of its own.
pub(super) fn node(home: &Home, state: &State, node: &Node) -> Result<Process, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::io("find this program's own file", &error))?;
    let path = home.log(node);
    let log = File::options()
        .append(true)
        .create(true)
        .open(&path)
        .map_err(|error| Failure::io(&format!("write to {}", path.display()), &error))?;
    let copy = log.try_clone().map_err(|error| Failure::io("share the log", &error))?;
    let mut command = Command::new(program);
    command.arg("server").args(words(home, state, node));
    command.stdin(Stdio::null()).stdout(copy).stderr(log);
    without_own_variables(&mut command);
    match state.foreground() {
        // Out of the terminal's group: Ctrl-C is for the foreground, which then
        // stops the nodes in good order.
        Some(foreground) => command.arg("--die-with").arg(foreground.to_string()).process_group(0),
        None => command.arg("--own-session"),
    };
    let mut child =
        command.spawn().map_err(|error| Failure::io(&format!("start {}", node.name), &error))?;
    let process = Process::of(child.id())
        .ok_or_else(|| Failure::error(format!("{} ended at once", node.name)))?;
    // Somebody must look at it when it has ended, or it stays a zombie.
    std::thread::spawn(move || child.wait());
    Ok(process)
}

/// What is set for this command is not meant for its nodes.
fn without_own_variables(command: &mut Command) {
    let names = std::env::vars_os().map(|(name, _)| name);
    let ours = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy();
        name.starts_with("ETCD_") || name.starts_with("TRIMARAN_")
    };
    for name in names.filter(ours) {
        command.env_remove(name);
    }
}

fn words(home: &Home, state: &State, node: &Node) -> Vec<String> {
    let member = |node: &Node| format!("{}=http://{}", node.name, node.peer());
    let cluster: Vec<String> = state.plan().iter().map(member).collect();
    let (heartbeat, election) = state.times;
    let own = [
        ("name", node.name.clone()),
        ("data-dir", home.data(node).display().to_string()),
        ("listen-client-urls", format!("http://{}", node.client())),
        ("advertise-client-urls", format!("http://{}", node.client())),
        ("listen-peer-urls", format!("http://{}", node.peer())),
        ("initial-advertise-peer-urls", format!("http://{}", node.peer())),
        ("initial-cluster", cluster.join(",")),
        ("initial-cluster-token", "dev".to_owned()),
        ("heartbeat-interval", heartbeat.to_string()),
        ("election-timeout", election.to_string()),
    ]
    .map(|(flag, value)| format!("--{flag}={value}"));
    let more = state.more.iter().map(|flag| format!("--{flag}"));
    own.into_iter().chain(more).collect()
}
