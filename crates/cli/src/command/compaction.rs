//! `compaction`: drop the history before a revision.

use super::{number, write};
use crate::args::CompactionArgs;
use crate::caller::Caller;
use crate::failure::Failure;
use client::wire::CompactionRequest;
use std::io::Write;

pub(super) async fn run(
    args: &CompactionArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let [revision] = args.words.as_slice() else {
        return Err(Failure::arguments("compaction command needs 1 argument"));
    };
    let revision = number::decimal(revision).map_err(Failure::error)?;
    caller.client.compact(CompactionRequest { revision, physical: args.physical }).await?;
    write(out, format!("compacted revision {revision}\n").as_bytes())
}
