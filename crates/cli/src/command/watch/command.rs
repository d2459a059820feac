//! The command that `watch … -- COMMAND` runs for every change.

use crate::failure::Failure;
use crate::print::quoted;
use client::mvccpb::Event;
use client::mvccpb::event::EventType;
use client::wire::WatchResponse;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

/// Runs it once for each change, one after the other; a failure ends the watch.
pub(super) fn run_for(answer: &WatchResponse, words: &[OsString]) -> Result<(), Failure> {
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let revision = answer.header.as_ref().map_or(0, |header| header.revision);
    for event in &answer.events {
        let mut command = Command::new(program);
        command.args(arguments).envs(variables(revision, event));
        let why = match command.status() {
            Ok(status) if status.success() => continue,
            Ok(status) => status
                .code()
                .map_or_else(|| status.to_string(), |code| format!("exit status {code}")),
            Err(error) => error.to_string(),
        };
        let words: Vec<String> = words.iter().map(|word| quoted(word.as_bytes())).collect();
        eprintln!("command [{}] error ({why})", words.join(" "));
        return Err(Failure::said());
    }
    Ok(())
}

/// What the command is told, quoted as Go does.
fn variables(revision: i64, event: &Event) -> [(&'static OsStr, String); 4] {
    let kind = match event.r#type() {
        EventType::Put => "PUT",
        EventType::Delete => "DELETE",
    };
    let (key, value) = event.kv.as_ref().map(|kv| (&kv.key[..], &kv.value[..])).unwrap_or_default();
    [
        (OsStr::new("ETCD_WATCH_REVISION"), revision.to_string()),
        (OsStr::new("ETCD_WATCH_EVENT_TYPE"), quoted(kind.as_bytes())),
        (OsStr::new("ETCD_WATCH_KEY"), quoted(key)),
        (OsStr::new("ETCD_WATCH_VALUE"), quoted(value)),
    ]
}
