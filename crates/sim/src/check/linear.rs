//! Could one keyspace on one machine have given these answers, in real time?
//!
//! A search is not needed. Every answer carries the revision at which it was
//! made, and the final history says what each revision changed; so the order is
//! known, and it is only to be replayed (it is a witness of linearizability:
//! Herlihy and Wing, "Linearizability", 1990).

use super::Violation;
use super::model::Model;
use crate::history::{At, Batch, Op, Outcome, What};
use base::Revision;
use node::event::Level;
use std::collections::{BTreeMap, BTreeSet};

/// Judges the requests against the final history of the keyspace.
#[must_use]
pub fn check(ops: &[Op], history: &[Batch]) -> Vec<Violation> {
    let mut found = Vec::new();
    let model = replay(ops, history, &mut found);
    if found.is_empty() {
        answers(ops, &model, &mut found);
        real_time(ops, &mut found);
    }
    found
}

fn wrong(found: &mut Vec<Violation>, what: String) {
    found.push(Violation::new("linear", what));
}

/// Finds the request behind every revision: the one that was told so, or one
/// whose outcome is unknown. Each is used once.
fn replay(ops: &[Op], history: &[Batch], found: &mut Vec<Violation>) -> Model {
    let mut model = Model::default();
    for (revision, changes) in history {
        let at = model.revision();
        if *revision != at.next() {
            wrong(found, format!("the history goes from {at} to {revision}"));
            return model;
        }
        model.push(changes);
    }
    let claims = claims(ops, found);
    for (revision, op) in &claims {
        match history.iter().find(|(held, _)| held == revision) {
            Some(batch) if fits(&model, op, batch) => {}
            Some((_, changes)) => {
                wrong(found, format!("{revision} was told to {op:?}; it holds {changes:?}"));
            }
            None => wrong(found, format!("{revision} is lost; it was told to {op:?}")),
        }
    }
    unclaimed(ops, history, &claims, &model, found);
    model
}

/// Whether the request, done at that revision, makes exactly these changes.
fn fits(model: &Model, op: &Op, (revision, changes): &Batch) -> bool {
    let made = op.command().and_then(|command| model.try_command(revision.prev(), command));
    made.is_some_and(|(made, _)| made == *changes)
}

/// Every revision that nobody was told needs a request of its own whose outcome
/// is unknown and that was made before anybody saw the revision.
fn unclaimed(
    ops: &[Op],
    history: &[Batch],
    claims: &BTreeMap<Revision, &Op>,
    model: &Model,
    found: &mut Vec<Violation>,
) {
    let open: Vec<&Op> = ops.iter().filter(|op| maybe(op)).collect();
    let seen = first_seen(ops);
    let rest: Vec<&Batch> = history.iter().filter(|(at, _)| !claims.contains_key(at)).collect();
    let candidates = |batch: &&Batch| {
        let first = seen.range(batch.0..).map(|(_, at)| *at).min();
        let could = |op: &Op| first.is_none_or(|first| op.invoke < first) && fits(model, op, batch);
        (0..open.len()).filter(|place| open.get(*place).is_some_and(|op| could(op))).collect()
    };
    let candidates: Vec<Vec<usize>> = rest.iter().map(candidates).collect();
    if let Some((revision, changes)) = unmatched(&candidates).and_then(|place| rest.get(place)) {
        wrong(found, format!("nobody asked for {revision}: {changes:?}"));
    }
}

/// Gives everyone one of its candidates, none twice; returns the first for whom
/// that cannot be done (augmenting paths: Kuhn, "The Hungarian method", 1955).
fn unmatched(candidates: &[Vec<usize>]) -> Option<usize> {
    let mut owner: BTreeMap<usize, usize> = BTreeMap::new();
    (0..candidates.len()).find(|who| !give(candidates, *who, &mut BTreeSet::new(), &mut owner))
}

fn give(
    candidates: &[Vec<usize>],
    who: usize,
    tried: &mut BTreeSet<usize>,
    owner: &mut BTreeMap<usize, usize>,
) -> bool {
    for it in candidates.get(who).into_iter().flatten() {
        if tried.insert(*it) {
            let other = owner.get(it).copied();
            if other.is_none_or(|other| give(candidates, other, tried, owner)) {
                owner.insert(*it, who);
                return true;
            }
        }
    }
    false
}

/// Whether the request may have been done though its caller does not know.
fn maybe(op: &Op) -> bool {
    op.outcome == Outcome::Unknown
}

fn claims<'a>(ops: &'a [Op], found: &mut Vec<Violation>) -> BTreeMap<Revision, &'a Op> {
    let mut claims: BTreeMap<Revision, &Op> = BTreeMap::new();
    for op in ops {
        let Some(revision) = op.made() else { continue };
        if let Some(other) = claims.insert(revision, op) {
            wrong(found, format!("{revision} was told twice, to {other:?} and to {op:?}"));
        }
    }
    claims
}

/// When each revision was first seen by somebody.
fn first_seen(ops: &[Op]) -> BTreeMap<Revision, At> {
    let mut seen = BTreeMap::new();
    for (at, reply) in ops.iter().filter_map(Op::answered) {
        let first = seen.entry(reply.revision).or_insert(at);
        *first = at.min(*first);
    }
    seen
}

/// Every answer is the model's at its revision.
fn answers(ops: &[Op], model: &Model, found: &mut Vec<Violation>) {
    for op in ops {
        let Some((_, reply)) = op.answered() else { continue };
        let at = if op.made().is_some() { reply.revision.prev() } else { reply.revision };
        let wanted = match &op.what {
            What::Write(command) => model.try_command(at, command).map(|(_, reply)| reply),
            What::Read(query, _) => model.read(at, query),
        };
        if wanted.as_ref() != Some(reply) {
            wrong(found, format!("{op:?} should have been answered {wanted:?}"));
        }
    }
}

/// What was answered before a request began, the request sees; and a write
/// stands behind it. A serializable read may be behind others, but not behind
/// what this life of its member answered before.
fn real_time(ops: &[Op], found: &mut Vec<Violation>) {
    in_order(&ops.iter().collect::<Vec<_>>(), |op| !weak(op), found);
    let mut members: BTreeMap<(usize, u64), Vec<&Op>> = BTreeMap::new();
    for op in ops {
        members.entry((op.node, op.life)).or_default().push(op);
    }
    members.values().for_each(|member| in_order(member, weak, found));
}

const fn weak(op: &Op) -> bool {
    matches!(op.what, What::Read(_, Level::Serializable))
}

fn in_order(ops: &[&Op], judged: impl Fn(&Op) -> bool, found: &mut Vec<Violation>) {
    let answered = |op: &&Op| op.answered().map(|(at, reply)| (at, reply.revision));
    let mut ends: Vec<(At, Revision)> = ops.iter().filter_map(answered).collect();
    ends.sort_unstable();
    let mut begins: Vec<&Op> = ops.iter().filter(|op| op.answered().is_some()).copied().collect();
    begins.sort_by_key(|op| op.invoke);
    let mut ends = ends.into_iter().peekable();
    let mut floor = Revision::ZERO;
    for op in begins {
        while let Some((_, revision)) = ends.next_if(|(at, _)| *at < op.invoke) {
            floor = floor.max(revision);
        }
        let least = if op.made().is_some() { floor.next() } else { floor };
        let stale = op.answered().is_some_and(|(_, reply)| reply.revision < least);
        if stale && judged(op) {
            wrong(found, format!("{floor} was seen before, yet stale: {op:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Time;
    use bytes::Bytes;
    use kv::command::{Change, Command, KeyRange, OpReply, Put, RangeQuery, Reply};
    use node::event::{Query, Refused};

    fn at(order: u64) -> At {
        At { time: Time(order), order }
    }

    fn put(value: &str) -> Command {
        let value = Some(Bytes::from(value.to_owned()));
        Command::Put(Put { key: "k".into(), value, lease: Some(0), want_previous: false })
    }

    fn op(what: What, from: u64, to: u64, outcome: Outcome) -> Op {
        let complete = (outcome != Outcome::Unknown).then(|| at(to));
        Op { client: 0, node: 0, life: 0, what, invoke: at(from), complete, outcome }
    }

    fn wrote(value: &str, from: u64, to: u64, revision: u64) -> Op {
        let result = Ok(OpReply::Put { previous: None });
        let reply = Reply { revision: Revision(revision), result };
        op(What::Write(put(value)), from, to, Outcome::Ok(reply))
    }

    fn unknown(value: &str, from: u64) -> Op {
        op(What::Write(put(value)), from, 0, Outcome::Unknown)
    }

    /// The model answers, so the read is right but for what the test changes.
    fn read(values: &[&str], from: u64, to: u64, revision: u64) -> Op {
        let range = KeyRange::One("k".into());
        let query = Query::Range(RangeQuery {
            range,
            revision: None,
            limit: 0,
            sort: None,
            keys_only: false,
            count_only: false,
            modified: (0, 0),
            create: (0, 0),
        });
        let reply = model(values).read(Revision(revision), &query).unwrap();
        op(What::Read(query, Level::Linearizable), from, to, Outcome::Ok(reply))
    }

    fn model(values: &[&str]) -> Model {
        let mut model = Model::default();
        values.iter().for_each(|value| model.apply(&put(value)));
        model
    }

    fn history(values: &[&str]) -> Vec<(Revision, Vec<Change>)> {
        let mut model = Model::default();
        let step = |value: &&str| {
            let (changes, reply) = model.try_command(model.revision(), &put(value)).unwrap();
            model.apply(&put(value));
            (reply.revision, changes)
        };
        values.iter().map(step).collect()
    }

    fn says(ops: &[Op], values: &[&str]) -> String {
        check(ops, &history(values)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_history_passes() {
        let values = ["a", "b", "c"];
        let ops = [
            wrote("a", 1, 2, 2),
            unknown("b", 3),
            read(&values, 4, 9, 3),
            wrote("c", 5, 8, 4),
            unknown("never", 6),
            op(What::Write(put("no")), 6, 7, Outcome::Failed(Refused::NoLeader)),
        ];
        assert_eq!(says(&ops, &values), "");
    }

    #[test]
    fn a_lost_write_is_seen() {
        let ops = [wrote("a", 1, 2, 2), wrote("b", 3, 4, 3)];
        assert!(says(&ops, &["a"]).contains("r3 is lost"));
        assert!(says(&ops, &["b"]).contains("r2 was told to"));
    }

    #[test]
    fn a_stale_read_is_seen() {
        let ops = [wrote("a", 1, 2, 2), wrote("b", 3, 4, 3), read(&["a", "b"], 5, 6, 2)];
        assert!(says(&ops, &["a", "b"]).contains("stale"));
    }

    #[test]
    fn a_dirty_read_is_seen() {
        let mut dirty = read(&["x"], 5, 6, 2);
        dirty.node = 1;
        let ops = [wrote("a", 1, 2, 2), dirty];
        assert!(says(&ops, &["a"]).contains("should have been answered"));
    }

    #[test]
    fn a_double_apply_is_seen() {
        assert!(says(&[wrote("a", 1, 2, 2)], &["a", "a"]).contains("nobody asked for r3"));
        assert!(says(&[unknown("a", 1)], &["a", "a"]).contains("nobody asked for r3"));
    }

    #[test]
    fn what_was_said_to_have_failed_must_not_appear() {
        let failed = op(What::Write(put("a")), 1, 2, Outcome::Failed(Refused::NoLeader));
        assert!(says(&[failed], &["a"]).contains("nobody asked"));
    }

    /// Both could have made the second revision, only one of them the first.
    #[test]
    fn whoever_can_explain_more_waits() {
        assert_eq!(unmatched(&[vec![0, 1], vec![0]]), None);
        assert_eq!(unmatched(&[vec![0, 1], vec![0, 2], vec![0], vec![1]]), Some(3));
        assert_eq!(unmatched(&[vec![0], vec![]]), Some(1));
    }

    #[test]
    fn one_revision_has_one_owner() {
        let ops = [wrote("a", 1, 2, 2), wrote("a", 1, 2, 2)];
        assert!(says(&ops, &["a"]).contains("told twice"));
    }

    #[test]
    fn writes_follow_real_time() {
        let ops = [wrote("b", 1, 2, 3), wrote("a", 3, 4, 2)];
        assert!(says(&ops, &["a", "b"]).contains("stale"));
        let late = [read(&["a"], 1, 2, 2), unknown("a", 3)];
        assert!(says(&late, &["a"]).contains("nobody asked"));
    }

    #[test]
    fn a_member_does_not_go_back() {
        let mut weak = read(&["a"], 3, 4, 1);
        weak.what = match weak.what {
            What::Read(query, _) => What::Read(query, Level::Serializable),
            other => other,
        };
        let mut ops = [wrote("a", 1, 2, 2), weak];
        assert!(says(&ops, &["a"]).contains("stale"));
        ops[1].node = 1;
        assert_eq!(says(&ops, &["a"]), "", "another member may be behind");
    }

    #[test]
    fn a_gap_in_the_history_is_seen() {
        let mut gap = history(&["a", "b"]);
        gap.remove(0);
        let found = check(&[wrote("b", 1, 2, 3)], &gap);
        assert!(found[0].what.contains("goes from r1 to r3"));
    }
}
