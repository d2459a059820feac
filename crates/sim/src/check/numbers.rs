//! Does a retry under the same number get the answer that the first one got?

use super::Violation;
use super::replay::{Done, Replay};
use crate::history::{Op, What};
use kv::command::{KvError, Reply};
use node::event::Answer;
use std::collections::BTreeMap;

/// Judges all requests that carry a number: they are answered alike, and as the
/// one that took effect was.
#[must_use]
pub fn check(ops: &[Op], replay: &Replay) -> Vec<Violation> {
    let mut first: BTreeMap<(u64, u64), &Op> = BTreeMap::new();
    let mut found = Vec::new();
    let mut done: BTreeMap<(u64, u64), &Done> = BTreeMap::new();
    for it in replay.steps.iter().filter_map(|step| step.done.as_ref()) {
        it.number.into_iter().for_each(|number| {
            done.entry(number).or_insert(it);
        });
    }
    for op in ops {
        let What::Write(_, Some(number)) = &op.what else { continue };
        if op.answered().is_none_or(|(_, answer)| no_longer_kept(answer)) {
            continue;
        }
        let answered = op.answered().map(|(_, answer)| answer);
        if let Some(done) = done.get(number)
            && answered != Some(&Answer::Kv(done.reply.clone()))
        {
            found.push(Violation::new("numbers", format!("{op:?} was done before: {done:?}")));
        }
        let other = first.entry(*number).or_insert(op);
        if other.outcome != op.outcome {
            let what = format!("{number:?} was answered twice: {other:?} and {op:?}");
            found.push(Violation::new("numbers", what));
        }
    }
    found
}

const fn no_longer_kept(answer: &Answer) -> bool {
    matches!(answer, Answer::Kv(Reply { result: Err(KvError::SequenceOld { .. }), .. }))
}

#[cfg(test)]
mod tests {
    use super::super::made::{line, op, put, replay, unknown};
    use super::*;
    use base::Revision;
    use kv::command::OpReply;

    const ONE: (u64, u64) = (9, 1);

    fn told(revision: u64, result: Result<OpReply, KvError>) -> Op {
        let reply = Reply { revision: Revision(revision), result };
        op(What::Write(put("a"), Some(ONE)), 1, 9, Answer::Kv(reply))
    }

    fn good(ops: &[Op]) -> bool {
        let lines = [(0, 2), (1, 3)].map(|(asked, at)| line(Some(asked), Some(ONE), at, &put("a")));
        check(ops, &replay(&lines)).is_empty()
    }

    #[test]
    fn a_retry_hears_what_the_first_one_heard() {
        let first = told(2, Ok(OpReply::Put { previous: None }));
        let lost = unknown(What::Write(put("a"), Some(ONE)), 1);
        assert!(good(&[lost, first.clone()]));
        assert!(good(&[first.clone(), first.clone()]));
        assert!(good(&[first.clone(), told(3, Err(KvError::SequenceOld { last: 1 }))]));
        assert!(!good(&[first, told(3, Ok(OpReply::Put { previous: None }))]));
    }

    #[test]
    fn nobody_hears_that_what_took_effect_did_not() {
        assert!(!good(&[told(2, Err(KvError::NoSpace))]));
    }
}
