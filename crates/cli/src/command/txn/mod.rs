//! `txn`: compares, what to do if they all hold, what to do otherwise.

mod compare;
mod line;
mod quoted;

pub(super) use line::split;

use super::{Stdin, write};
use crate::args::TxnArgs;
use crate::caller::Caller;
use crate::failure::Failure;
use client::wire::TxnRequest;
use std::io::{BufRead, Write};

pub(super) async fn run(
    args: &TxnArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
    stdin: Stdin,
) -> Result<(), Failure> {
    if !args.words.is_empty() {
        return Err(Failure::arguments("txn command does not accept argument"));
    }
    if matches!(stdin, Stdin::Taken) {
        return Err(Failure::arguments("txn reads stdin, which belongs to this prompt"));
    }
    let printer = caller.printer()?;
    let request = read(&mut std::io::stdin().lock(), out, args.interactive)?;
    let answer = caller.client.txn(request).await?;
    write(out, &printer.txn(&answer))
}

/// Each part ends with an empty line.
fn read(
    from: &mut impl BufRead,
    out: &mut (dyn Write + Send),
    says_which: bool,
) -> Result<TxnRequest, Failure> {
    let mut part = |title: &str| {
        if says_which {
            write(out, format!("{title}:\n").as_bytes())?;
        }
        lines(from)
    };
    let mut request = TxnRequest::default();
    for line in part("compares")? {
        request.compare.push(compare::parse(&line).map_err(Failure::input)?);
    }
    for line in part("success requests (get, put, del)")? {
        request.success.push(line::parse(&line)?);
    }
    for line in part("failure requests (get, put, del)")? {
        request.failure.push(line::parse(&line)?);
    }
    Ok(request)
}

/// Lines up to an empty one, which must come.
fn lines(from: &mut impl BufRead) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line).map_err(|error| Failure::io("read stdin", &error))?;
        match line.strip_suffix('\n') {
            None => return Err(Failure::input("EOF")),
            Some("") => return Ok(lines),
            Some(text) => lines.push(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, says_which: bool) -> (Result<TxnRequest, Failure>, String) {
        let mut out = Vec::new();
        let request = read(&mut text.as_bytes(), &mut out, says_which);
        (request, String::from_utf8(out).unwrap_or_default())
    }

    #[test]
    fn three_parts_with_an_empty_line_after_each() {
        let (request, out) =
            said("mod(\"k\") > \"0\"\n\nput k v\nget k\n\ndel k --prefix\n\n", true);
        let request = request.expect("it is well formed");
        let counts = (request.compare.len(), request.success.len(), request.failure.len());
        assert_eq!(counts, (1, 2, 1));
        assert_eq!(
            out,
            "compares:\nsuccess requests (get, put, del):\nfailure requests (get, put, del):\n"
        );
    }

    #[test]
    fn an_end_before_its_time_is_refused() {
        for text in ["", "\n", "\nput a b\n", "\n\n", "\n\nput a b"] {
            let failure = said(text, false).0.expect_err("a part is missing");
            assert_eq!((failure.code, failure.words().as_str()), (3, "Error: EOF"), "{text:?}");
        }
        assert!(said("\n\n\n", false).0.is_ok(), "a transaction may do nothing");
    }
}
