//! `del`: delete a key or a range of keys.

use super::write;
use crate::args::DelArgs;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::key_range::{KeyRange, Reach};
use client::wire::DeleteRangeRequest;
use std::io::Write;

pub(super) async fn run(
    args: &DelArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let printer = caller.printer()?;
    let answer = caller.client.delete(request(args)?).await?;
    write(out, &printer.delete(&answer))
}

/// What is asked for.
pub(super) fn request(args: &DelArgs) -> Result<DeleteRangeRequest, Failure> {
    let reach = Reach { prefix: args.prefix, from_key: args.from_key };
    let range = KeyRange::of(&args.words, reach, "del")?;
    Ok(DeleteRangeRequest {
        key: range.key.into(),
        range_end: range.end.into(),
        prev_kv: args.prev_kv,
    })
}
