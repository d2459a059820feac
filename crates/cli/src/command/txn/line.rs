//! A request of a transaction: `put`, `get` or `del` with their options, on a line.

use super::quoted;
use crate::args::{DelArgs, GetArgs, PutArgs};
use crate::command::{Stdin, del, get, put};
use crate::failure::Failure;
use clap::{Parser, Subcommand};
use client::wire::RequestOp;
use client::wire::request_op::Request;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

#[derive(Parser, Debug)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
struct Line {
    #[command(subcommand)]
    verb: LineVerb,
}

#[derive(Subcommand, Debug)]
enum LineVerb {
    Put(PutArgs),
    Get(GetArgs),
    Del(DelArgs),
}

/// Reads one; refuses in etcdctl's words.
pub(super) fn parse(line: &str) -> Result<RequestOp, Failure> {
    let words = split(line).filter(|words| words.len() > 1);
    let invalid = || Failure::input(format!("invalid txn compare request: {line}"));
    let words = words.ok_or_else(invalid)?;
    let parsed = Line::try_parse_from(words);
    let invalid = |_| Failure::input(format!("invalid txn request: {line}"));
    let request = match parsed.map_err(invalid)?.verb {
        // stdin is where the lines come from.
        LineVerb::Put(args) => Request::RequestPut(put::request(&args, Stdin::Taken)?),
        LineVerb::Get(args) => Request::RequestRange(get::request(&args)?),
        LineVerb::Del(args) => Request::RequestDeleteRange(del::request(&args)?),
    };
    Ok(RequestOp { request: Some(request) })
}

/// Words between blanks; those in double quotes as Go has them, those in single
/// quotes as they are.
pub(in crate::command) fn split(line: &str) -> Option<Vec<OsString>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, tail) = if rest.starts_with('"') {
            quoted::leading(rest)?
        } else if let Some(inside) = rest.strip_prefix('\'') {
            inside.split_once('\'').map(|(word, tail)| (word.as_bytes().to_vec(), tail))?
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            (word.as_bytes().to_vec(), tail)
        };
        words.push(OsString::from_vec(word));
        rest = tail.trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_quotes_taken_away() {
        let words = split(r#"  put "a b" 'c "d' e"#);
        let expected = ["put", "a b", "c \"d", "e"].map(OsString::from);
        assert_eq!(words, Some(expected.to_vec()));
        assert_eq!(split("put \"a"), None);
        assert_eq!(split("put 'a"), None);
    }

    #[test]
    fn options_are_those_of_the_verbs() {
        let request = |line| parse(line).expect("it is well formed").request;
        let Some(Request::RequestPut(put)) = request("put k \"a\\nb\" --prev-kv --lease 1f") else {
            panic!("no put");
        };
        assert_eq!((put.value.as_ref(), put.lease, put.prev_kv), (&b"a\nb"[..], 31, true));
        let Some(Request::RequestRange(get)) = request("get --prefix k --rev 7") else {
            panic!("no get");
        };
        assert_eq!((get.range_end.as_ref(), get.revision), (&b"l"[..], 7));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, code, words) in [
            ("put", 3, "Error: invalid txn compare request: put"),
            ("txn x", 3, "Error: invalid txn request: txn x"),
            ("get --bogus a", 3, "Error: invalid txn request: get --bogus a"),
            ("get a --order up", 4, "Error: bad sort order up"),
            (
                "put a",
                128,
                "Error: put command needs 1 argument and input from stdin or 2 arguments",
            ),
        ] {
            let failure = parse(line).expect_err(line);
            assert_eq!((failure.code, failure.words().as_str()), (code, words));
        }
    }
}
