//! `watch`: print changes as they happen, until somebody stops it.

use super::write;
use crate::args::WatchArgs;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::key_range::{KeyRange, Reach};
use client::wire::WatchCreateRequest;
use std::io::Write;

pub(super) async fn run(
    args: &WatchArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let reach = Reach { prefix: args.prefix, from_key: false };
    let range = KeyRange::of(&args.words, reach, "watch")?;
    let mut watch = caller.client.watch(WatchCreateRequest {
        key: range.key.into(),
        range_end: range.end.into(),
        start_revision: args.rev,
        prev_kv: args.prev_kv,
        ..WatchCreateRequest::default()
    });
    loop {
        let answer = watch.next().await?;
        if !answer.events.is_empty() {
            write(out, &caller.printer.watch(&answer))?;
        }
    }
}
