//! Was what was refused refused with a reason that there was?

use super::Violation;
use crate::history::{Op, Outcome, What};
use kv::command::{Command, Put};
use node::event::Refused;

/// Values of this size and more are large.
const LARGE_BYTES: usize = 100_000;

/// Judges refusals; `short` says whether room was ever short anywhere.
#[must_use]
pub fn check(ops: &[Op], short: bool) -> Vec<Violation> {
    let unfounded = |op: &&Op| match op.outcome {
        Outcome::Failed(Refused::NoSpace) => !short || !matches!(op.what, What::Write(..)),
        Outcome::Failed(Refused::TooLarge) => !large(&op.what),
        Outcome::Failed(Refused::NoSuchKeyspace) => true,
        _ => false,
    };
    let what = |op: &Op| Violation::new("refused", format!("there was no reason to: {op:?}"));
    ops.iter().filter(unfounded).map(what).collect()
}

fn large(what: &What) -> bool {
    let What::Write(command, _) = what else { return false };
    let put = |put: &Put| put.value.as_ref().is_some_and(|value| value.len() >= LARGE_BYTES);
    match command {
        Command::Put(it) => put(it),
        Command::Txn(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::made::{put, unknown};
    use super::*;

    fn good(why: Refused, short: bool) -> bool {
        let mut op = unknown(What::Write(put("a"), None), 1);
        op.outcome = Outcome::Failed(why);
        check(&[op], short).is_empty()
    }

    #[test]
    fn a_refusal_has_a_reason() {
        assert!(good(Refused::NoLeader, false) && good(Refused::TooManyRequests, false));
        assert!(good(Refused::NoSpace, true));
        assert!(!good(Refused::NoSpace, false), "no disk was full");
        assert!(!good(Refused::TooLarge, true), "it is small");
        assert!(!good(Refused::NoSuchKeyspace, true), "there is one");
    }
}
