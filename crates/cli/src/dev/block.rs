//! What a dev cluster shows: the block when it is ready, and the table of `ps`.

use super::nodes::Leader;
use super::plan::endpoints;
use super::process::Condition;
use super::state::{Home, Member, State};
use std::path::Path;
use std::time::Duration;

/// The block when the cluster is ready.
pub(super) fn ready(
    home: &Home,
    state: &State,
    leader: Option<&Leader>,
    took: Duration,
    detached: bool,
) -> String {
    let count = state.nodes.len();
    let mut text = format!(
        "trimaran {}  dev cluster  {count} node{} · {}   ready in {}.{:02} s\n",
        env!("CARGO_PKG_VERSION"),
        if count == 1 { "" } else { "s" },
        state.protocol().unwrap_or("raft"),
        took.as_secs(),
        took.subsec_millis() / 10,
    );
    text.push_str("  NODE  ETCD API         PEER             LEADS\n");
    for Member { node, .. } in &state.nodes {
        let leads = leader.is_some_and(|leader| leader.name == node.name);
        let leads = if leads { "yes" } else { "" };
        let line =
            format!("  {:<4}  {:<15}  {:<15}  {leads}", node.name, node.client(), node.peer());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let endpoints = endpoints(&state.plan());
    text.push_str(&format!(
        "  etcdctl    export ETCDCTL_API=3 ETCDCTL_ENDPOINTS={endpoints}\n  \
         Data       {}   (kept; `trimaran dev rm` deletes it)\n  \
         Logs       {}\n  \
         Loopback only, no TLS, no auth: for development.   {}\n",
        short(&home.dir),
        short(&home.dir.join("n1.log")),
        if detached {
            "`trimaran dev stop` stops it"
        } else {
            "Ctrl-D stops · `trimaran dev -d` runs in background"
        },
    ));
    text
}

/// The table of `ps`.
pub(super) fn table(state: &State, leader: Option<&Leader>) -> String {
    let mut text =
        String::from("NODE  STATE    PID      ETCD API         PEER             LEADS\n");
    for member in &state.nodes {
        let condition = member.process.map_or(Condition::Gone, |process| process.condition());
        let (word, pid) = match (condition, member.process) {
            (Condition::Running, Some(process)) => ("running", process.pid().to_string()),
            (Condition::Paused, Some(process)) => ("paused", process.pid().to_string()),
            _ => ("down", "-".to_owned()),
        };
        let node = &member.node;
        let leads = leader.filter(|leader| leader.name == node.name);
        let leads = leads.map(|leader| format!("term {}", leader.term)).unwrap_or_default();
        let line = format!(
            "{:<4}  {word:<7}  {pid:<7}  {:<15}  {:<15}  {leads}",
            node.name,
            node.client(),
            node.peer()
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A path with `~` for the home directory.
fn short(path: &Path) -> String {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    match home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_path_buf)) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}
