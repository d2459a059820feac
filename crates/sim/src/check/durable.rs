//! Does every node, in the end, hold every write that was acknowledged?

use super::Violation;
use crate::history::{Batch, Op};
use base::Revision;
use std::collections::BTreeSet;

/// Judges the final history of one node.
#[must_use]
pub fn check(ops: &[Op], node: usize, history: &[Batch]) -> Option<Violation> {
    let held: BTreeSet<Revision> = history.iter().map(|(revision, _)| *revision).collect();
    let lost = ops.iter().find(|op| op.made().is_some_and(|revision| !held.contains(&revision)))?;
    let revision = lost.made().unwrap_or_default();
    let what = format!("node {node} lost {revision}, which was acknowledged: {lost:?}");
    Some(Violation::new("durable", what))
}

/// Judges whether two nodes tell one history.
#[must_use]
pub fn same(one: (usize, &[Batch]), other: (usize, &[Batch])) -> Option<Violation> {
    let place = one.1.iter().zip(other.1).position(|(a, b)| a != b);
    let place =
        place.or_else(|| (one.1.len() != other.1.len()).then(|| one.1.len().min(other.1.len())))?;
    let what = format!(
        "node {} has {:?} where node {} has {:?}",
        one.0,
        one.1.get(place),
        other.0,
        other.1.get(place)
    );
    Some(Violation::new("durable", what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{At, Outcome, What};
    use kv::command::{Command, OpReply, Put, Reply};

    fn wrote(revision: u64) -> Op {
        let put =
            Put { key: "k".into(), value: Some("v".into()), lease: None, want_previous: false };
        let result = Ok(OpReply::Put { previous: None });
        Op {
            client: 0,
            node: 0,
            life: 0,
            what: What::Write(Command::Put(put)),
            invoke: At::default(),
            complete: Some(At::default()),
            outcome: Outcome::Ok(Reply { revision: Revision(revision), result }),
        }
    }

    fn held(revisions: &[u64]) -> Vec<Batch> {
        revisions.iter().map(|revision| (Revision(*revision), Vec::new())).collect()
    }

    #[test]
    fn an_acknowledged_write_that_is_gone_is_seen() {
        let ops = [wrote(2), wrote(3)];
        assert_eq!(check(&ops, 0, &held(&[2, 3, 4])), None);
        assert!(check(&ops, 0, &held(&[2])).unwrap().what.contains("lost r3"));
    }

    #[test]
    fn what_was_not_acknowledged_may_be_gone() {
        let mut op = wrote(2);
        op.outcome = Outcome::Unknown;
        assert_eq!(check(&[op], 0, &[]), None);
    }

    #[test]
    fn two_histories_are_seen() {
        assert_eq!(same((0, &held(&[2, 3])), (1, &held(&[2, 3]))), None);
        assert!(same((0, &held(&[2, 3])), (1, &held(&[2]))).is_some());
        assert!(same((0, &held(&[2, 3])), (1, &held(&[2, 4]))).is_some());
    }
}
