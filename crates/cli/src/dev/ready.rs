//! When a cluster, or one node of it, serves.

use super::nodes::{Leader, Nurse, leader};
use super::state::{Home, Member};
use crate::failure::Failure;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How often to ask.
const ASK_EVERY: Duration = Duration::from_millis(5);
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_millis(500);
/// When to give up. Generous: a slow machine is not an error.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits until each of these nodes answers a read that needs the leader, and
/// can tell a client of all the others.
pub(super) async fn wait(home: &Home, members: &[Member]) -> Result<Option<Leader>, Failure> {
    let until = Instant::now() + LIMIT;
    let nurses: Vec<Nurse> =
        members.iter().map(|member| Nurse::new(&member.node, PATIENCE)).collect();
    for (member, nurse) in members.iter().zip(&nurses) {
        while !(nurse.reads().await && nurse.knows_all().await) {
            if member.alive().is_none() {
                return Err(ended(home, member));
            }
            if Instant::now() >= until {
                return Err(silent(home, member));
            }
            sleep(ASK_EVERY).await;
        }
    }
    Ok(leader(&nurses).await)
}

fn ended(home: &Home, member: &Member) -> Failure {
    let name = &member.node.name;
    let path = home.log(&member.node);
    Failure::error(format!("{name} ended; the end of {}:\n{}", path.display(), tail(&path)))
}

fn silent(home: &Home, member: &Member) -> Failure {
    let path = home.log(&member.node);
    Failure::error(format!(
        "{} did not serve within {} s; the end of {}:\n{}",
        member.node.name,
        LIMIT.as_secs(),
        path.display(),
        tail(&path)
    ))
}

/// The last lines of a log.
fn tail(path: &std::path::Path) -> String {
    const LINES: usize = 10;
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines.iter().skip(from).map(|line| format!("  {line}\n")).collect()
}
