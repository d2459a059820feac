//! Calling other programs: verbs of ours, and signals.

use crate::{Outcome, shell};
use std::path::Path;
use std::process::{Command, Stdio};

/// What a verb of ours says.
pub(super) fn told(trimaran: &Path, words: &[&str]) -> Result<String, String> {
    let done = Command::new(trimaran)
        .args(words)
        .args(["--command-timeout", "60s"])
        .stdin(Stdio::null())
        .output()
        .map_err(|why| format!("{}: {why}", trimaran.display()))?;
    if done.status.success() {
        String::from_utf8(done.stdout).map_err(|_| "no text".to_string())
    } else {
        Err(String::from_utf8_lossy(&done.stderr).into_owned())
    }
}

/// Sends a signal to a process.
pub(super) fn signal(pid: u32, name: &str) -> Outcome {
    shell::output(&["sh", "-c", &format!("kill -{name} {pid}")]).map(drop)
}
