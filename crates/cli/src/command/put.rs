//! `put`: write a key.

use super::{Stdin, number, write};
use crate::args::PutArgs;
use crate::caller::Caller;
use crate::failure::Failure;
use client::wire::PutRequest;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;

pub(super) async fn run(
    args: &PutArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
    stdin: Stdin,
) -> Result<(), Failure> {
    let (request, printer) = (request(args, stdin)?, caller.printer()?);
    let answer = caller.client.put(request).await?;
    write(out, &printer.put(&answer))
}

/// What is asked for.
pub(super) fn request(args: &PutArgs, stdin: Stdin) -> Result<PutRequest, Failure> {
    let lease = match args.lease.as_deref() {
        Some(id) => number::hex(id).map_err(|why| {
            Failure::arguments(format!("bad lease ID ({why}), expecting ID in Hex"))
        })?,
        None => 0,
    };
    let (key, value) = pair(&args.words, args.ignore_value, stdin)?;
    Ok(PutRequest {
        key: key.into(),
        value: value.into(),
        lease,
        prev_kv: args.prev_kv,
        ignore_value: args.ignore_value,
        ignore_lease: args.ignore_lease,
    })
}

fn pair(
    words: &[OsString],
    ignore_value: bool,
    stdin: Stdin,
) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    match (words, stdin) {
        ([key, value], _) if !ignore_value => {
            Ok((key.as_bytes().to_vec(), value.as_bytes().to_vec()))
        }
        ([key], _) if ignore_value => Ok((key.as_bytes().to_vec(), Vec::new())),
        ([key], Stdin::Readable) => Ok((key.as_bytes().to_vec(), from_stdin()?)),
        _ if ignore_value => {
            Err(Failure::arguments("put command needs only 1 argument when 'ignore-value' is set"))
        }
        _ => Err(Failure::arguments(
            "put command needs 1 argument and input from stdin or 2 arguments",
        )),
    }
}

/// All of stdin. An empty one is a forgotten value, as etcdctl sees it.
fn from_stdin() -> Result<Vec<u8>, Failure> {
    let mut value = Vec::new();
    std::io::stdin()
        .read_to_end(&mut value)
        .map_err(|error| Failure::io("read the value from stdin", &error))?;
    if value.is_empty() {
        return Err(Failure::arguments(
            "put command needs 1 argument and input from stdin or 2 arguments",
        ));
    }
    Ok(value)
}
