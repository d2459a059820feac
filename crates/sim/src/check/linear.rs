//! Could one keyspace on one machine have given these answers, in real time?
//!
//! A search is not needed: the log says in which order the changes were made,
//! and every answer must be that of the naive keyspace at some place of the
//! log. A change has its own place; a question may have any that shows what it
//! was told, not before what was answered when it began, nor behind what was
//! applied when it ended. The places are a witness of linearizability (Herlihy
//! and Wing, "Linearizability", 1990).

use super::Violation;
use super::model::takes_room;
use super::order::Floor;
use super::replay::{Done, Replay, Step};
use crate::history::{Op, Outcome, What};
use kv::command::{Command, KvError, Reply};
use node::event::{Answer, Level};
use std::collections::BTreeMap;

/// What nodes may do by themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// Room is limited: they may refuse writes and raise alarms.
    pub quota: bool,
    /// History is limited: they may compact it.
    pub keeps: bool,
}

/// Judges the requests against the log.
#[must_use]
pub fn check(ops: &[Op], replay: &Replay, rules: Rules) -> Vec<Violation> {
    let mut judge = Judge { ops, replay, rules, places: BTreeMap::new(), found: Vec::new() };
    judge.log();
    judge.answers();
    judge.found
}

struct Judge<'a> {
    ops: &'a [Op],
    replay: &'a Replay,
    rules: Rules,
    /// Where each write stands in the log.
    places: BTreeMap<usize, usize>,
    found: Vec<Violation>,
}

impl<'a> Judge<'a> {
    fn wrong(&mut self, what: String) {
        self.found.push(Violation::new("linear", what));
    }

    /// Everything in the log was asked for, once, before it was there, and by
    /// somebody who was not told that it would not be.
    fn log(&mut self) {
        for (place, step) in self.replay.steps.iter().enumerate() {
            let Some(done) = &step.done else { continue };
            let Some(asked) = done.asked else {
                if !self.is_chore(&done.command) {
                    self.wrong(format!("nobody asked for {:?} at {place}", done.command));
                }
                continue;
            };
            if let Some(other) = self.places.insert(asked, place) {
                self.wrong(format!("{:?} is in the log twice, at {other} and {place}", done));
            }
            let op = self.ops.get(asked).filter(|op| asks(op, done) && op.invoke < step.at);
            match op {
                None => self.wrong(format!("nobody asked for {done:?} at {place}")),
                Some(op) if matches!(op.outcome, Outcome::Failed(_)) => {
                    self.wrong(format!("{place} holds what was said not to be done: {op:?}"));
                }
                Some(_) => {}
            }
        }
    }

    const fn is_chore(&self, command: &Command) -> bool {
        match command {
            Command::LeaseExpire { .. } => true,
            Command::Compact(_) => self.rules.keeps,
            Command::Alarm(change) => self.rules.quota && change.raise,
            _ => false,
        }
    }

    /// Every answer is the naive keyspace's at a place that real time allows.
    /// A serializable read may be behind others, but not behind what its node
    /// answered before, in this life or an earlier one. One that does not know what
    /// it told in earlier lives is held to what it told in this one.
    fn answers(&mut self) {
        let mut all = Floor::default();
        let mut members: BTreeMap<(usize, Option<u64>), Floor> = BTreeMap::new();
        let mut begun: Vec<(usize, &'a Op)> = self.ops.iter().enumerate().collect();
        begun.sort_by_key(|(_, op)| op.invoke);
        for (place, op) in begun {
            let Some((complete, answer)) = op.answered() else { continue };
            let member = members.entry((op.node, op.life)).or_default();
            let floor = if weak(op) { member.at(op.invoke) } else { all.at(op.invoke) };
            match self.place(place, op, answer, floor) {
                Ok(Some(seen)) => {
                    all.add(complete, seen);
                    // About a lease the leader answers, wherever it was asked.
                    if !matches!(op.what, What::Lease(_)) {
                        member.add(complete, seen);
                    }
                }
                Ok(None) => {}
                Err(what) => self.wrong(format!("{what}: {op:?}")),
            }
        }
    }

    /// The first place at which the answer is right; `None` if it needs none.
    fn place(
        &self,
        op: usize,
        asked: &Op,
        answer: &Answer,
        floor: usize,
    ) -> Result<Option<usize>, String> {
        if let What::Write(command, number) = &asked.what {
            // A number is used up by an entry of the log, even if that is refused.
            let off_log = number.is_none() && self.lacks_room(command, answer);
            return self.write(op, asked, answer, floor, off_log);
        }
        let right = |place: &usize| self.answers_at(*place, asked, answer);
        let range = self.range(answer, asked.top);
        let from = range.start.max(floor);
        match (from..range.end).find(right) {
            Some(place) => Ok(Some(place)),
            None if range.clone().any(|place| right(&place)) => {
                Err(format!("place {floor} was seen before, yet stale"))
            }
            None => Err("no state gives this answer".into()),
        }
    }

    /// Whether the node that was asked may have refused this for want of room.
    fn lacks_room(&self, command: &Command, answer: &Answer) -> bool {
        let refused = matches!(answer, Answer::Kv(Reply { result: Err(KvError::NoSpace), .. }));
        self.rules.quota && refused && takes_room(command)
    }

    fn write(
        &self,
        op: usize,
        asked: &Op,
        answer: &Answer,
        floor: usize,
        off_log: bool,
    ) -> Result<Option<usize>, String> {
        let Some(place) = self.places.get(&op).copied() else {
            return if off_log { Ok(None) } else { Err("it is not in the log".into()) };
        };
        let done = self.replay.steps.get(place).and_then(|step| step.done.as_ref());
        let wanted = done.map(|done| Answer::Kv(done.reply.clone()));
        if wanted.as_ref() != Some(answer) {
            return Err(format!("{place} should have been answered {wanted:?}"));
        }
        if place > asked.top {
            return Err(format!("{place} was answered before anybody applied it"));
        }
        if place <= floor {
            return Err(format!("{place} is stale: {floor} was seen before"));
        }
        Ok(Some(place))
    }

    /// The places at which a question may have been answered: those of the
    /// revision that came with the answer, as far as anybody was.
    fn range(&self, answer: &Answer, top: usize) -> core::ops::Range<usize> {
        let steps = self.replay.steps.get(..=top).unwrap_or(&self.replay.steps);
        let Answer::Kv(reply) = answer else { return 0..steps.len() };
        let start = steps.partition_point(|step| step.revision < reply.revision);
        start..steps.partition_point(|step| step.revision <= reply.revision)
    }

    fn answers_at(&self, place: usize, op: &Op, answer: &Answer) -> bool {
        let Some(step) = self.replay.steps.get(place) else { return false };
        match (&op.what, answer) {
            (What::Read(query, _), Answer::Kv(reply)) => {
                self.replay.model.read(step.revision, &step.rest, query) == *reply
            }
            (What::Lease(ask), Answer::Lease { told, keys }) => {
                let ttl = step.rest.leases.get(&ask.id).copied().unwrap_or(0);
                let full = told.remaining_ms == ttl * 1_000;
                let time = if ask.renew { full } else { told.remaining_ms <= ttl * 1_000 };
                // The keys are read after the leader's word, perhaps much later.
                let hung = |step: &Step| {
                    let hung = step.rest.leases.contains_key(&ask.id);
                    let keys = hung.then(|| self.replay.model.hanging(step.revision, ask.id));
                    keys.unwrap_or_default()
                };
                let later = self.replay.steps.get(place..=op.top).unwrap_or_default();
                let listed = ask.renew || ttl == 0;
                told.ttl_s == ttl
                    && time
                    && if listed {
                        keys.is_empty()
                    } else {
                        later.iter().any(|it| hung(it) == *keys)
                    }
            }
            (What::Leases, Answer::Leases(ids)) => step.rest.leases.keys().eq(ids),
            (What::Alarms, Answer::Alarms(alarms)) => step.rest.alarms.iter().eq(alarms),
            _ => false,
        }
    }
}

/// Whether this is what the request asked for. The node that is asked picks a
/// free id for a lease without one, and raises times that are too short.
fn asks(op: &Op, done: &Done) -> bool {
    let What::Write(command, number) = &op.what else { return false };
    if *number != done.number {
        return false;
    }
    match (command, &done.command) {
        (Command::LeaseGrant(asked), Command::LeaseGrant(done)) => {
            (asked.id == done.id || asked.id == 0) && asked.ttl_s <= done.ttl_s
        }
        (asked, done) => asked == done,
    }
}

const fn weak(op: &Op) -> bool {
    matches!(op.what, What::Read(_, Level::Serializable))
}

#[cfg(test)]
mod tests {
    use super::super::made::{at, line, op, put, replay, unknown};
    use super::*;
    use crate::chronicle::Line;
    use base::Revision;
    use kv::command::{Compact, KeyRange, LeaseGrant, OpReply, RangeQuery};
    use node::event::{LeaseAsk, LeaseTold, Query, Refused};

    fn wrote(value: &'static str, from: u64, to: u64, revision: u64) -> Op {
        let result = Ok(OpReply::Put { previous: None });
        let reply = Reply { revision: Revision(revision), result };
        op(What::Write(put(value), None), from, to, Answer::Kv(reply))
    }

    fn log(entries: &[(usize, u64, &'static str)]) -> Vec<Line> {
        let line = |(asked, at, value): &(usize, u64, &'static str)| {
            line(Some(*asked), None, *at, &put(value))
        };
        entries.iter().map(line).collect()
    }

    fn query(revision: Option<u64>) -> Query {
        let range = KeyRange::One("k".into());
        let revision = revision.map(Revision);
        Query::Range(RangeQuery {
            range,
            revision,
            limit: 0,
            sort: None,
            keys_only: false,
            count_only: false,
            modified: (0, 0),
            create: (0, 0),
        })
    }

    /// The model answers, so the read is right but for what the test changes.
    fn read(lines: &[Line], place: usize, from: u64, to: u64, old: Option<u64>) -> Op {
        let replay = replay(lines);
        let step = &replay.steps[place];
        let reply = replay.model.read(step.revision, &step.rest, &query(old));
        op(What::Read(query(old), Level::Linearizable), from, to, Answer::Kv(reply))
    }

    fn says(ops: &[Op], lines: &[Line]) -> String {
        let found = check(ops, &replay(lines), Rules::default());
        found.iter().map(ToString::to_string).collect()
    }

    fn weak(mut op: Op) -> Op {
        if let What::Read(_, level) = &mut op.what {
            *level = Level::Serializable;
        }
        op
    }

    #[test]
    fn a_good_history_passes() {
        let lines = log(&[(0, 2, "a"), (1, 4, "b"), (3, 7, "c")]);
        let mut failed = wrote("no", 6, 7, 9);
        failed.outcome = Outcome::Failed(Refused::NoLeader);
        let ops = [
            wrote("a", 1, 3, 2),
            unknown(What::Write(put("b"), None), 3),
            read(&lines, 2, 5, 9, None),
            wrote("c", 6, 8, 4),
            unknown(What::Write(put("never"), None), 6),
            failed,
        ];
        assert_eq!(says(&ops, &lines), "");
    }

    #[test]
    fn a_lost_write_is_seen() {
        let ops = [wrote("a", 1, 2, 2), wrote("b", 3, 4, 3)];
        assert!(says(&ops, &log(&[(0, 1, "a")])).contains("not in the log"));
    }

    #[test]
    fn what_nobody_asked_for_is_seen() {
        let ops = [wrote("a", 1, 3, 2)];
        assert!(says(&ops, &log(&[(0, 2, "b")])).contains("nobody asked"));
        assert!(says(&ops, &[line(None, None, 2, &put("a"))]).contains("nobody asked"));
        assert!(says(&ops, &log(&[(0, 2, "a"), (7, 3, "x")])).contains("nobody asked"));
        let early = [unknown(What::Write(put("a"), None), 5)];
        assert!(says(&early, &log(&[(0, 2, "a")])).contains("nobody asked"));
    }

    #[test]
    fn one_request_is_in_the_log_once() {
        assert!(says(&[wrote("a", 1, 3, 2)], &log(&[(0, 2, "a"), (0, 2, "a")])).contains("twice"));
    }

    #[test]
    fn what_was_said_to_have_failed_must_not_appear() {
        let mut failed = wrote("a", 1, 3, 2);
        failed.outcome = Outcome::Failed(Refused::NoLeader);
        assert!(says(&[failed], &log(&[(0, 2, "a")])).contains("said not to be done"));
    }

    #[test]
    fn a_wrong_answer_is_seen() {
        let lines = log(&[(0, 2, "a")]);
        assert!(says(&[wrote("a", 1, 3, 3)], &lines).contains("should have been answered"));
        let other = log(&[(0, 2, "x")]);
        let ops = [wrote("a", 1, 3, 2), read(&other, 1, 4, 5, None)];
        assert!(says(&ops, &lines).contains("no state gives"));
    }

    #[test]
    fn a_stale_read_is_seen() {
        let lines = log(&[(0, 2, "a"), (1, 4, "b")]);
        let stale = read(&lines, 1, 6, 7, None);
        let mut ops = [wrote("a", 1, 3, 2), wrote("b", 3, 5, 3), stale];
        assert!(says(&ops, &lines).contains("stale"));
        ops[2] = read(&lines, 1, 4, 7, None);
        assert_eq!(says(&ops, &lines), "", "it began before the answer");
    }

    #[test]
    fn nothing_is_read_before_it_is() {
        let lines = log(&[(0, 9, "a")]);
        let mut early = read(&lines, 1, 2, 3, None);
        early.top = 0;
        assert!(says(&[wrote("a", 1, 10, 2), early], &lines).contains("no state gives"));
    }

    #[test]
    fn writes_follow_real_time() {
        let lines = log(&[(1, 4, "b"), (0, 5, "a")]);
        let ops = [wrote("a", 1, 2, 3), wrote("b", 3, 6, 2)];
        assert!(says(&ops, &lines).contains("stale"));
    }

    #[test]
    fn a_member_does_not_go_back() {
        let lines = log(&[(0, 2, "a")]);
        let mut ops = [wrote("a", 1, 3, 2), weak(read(&lines, 0, 4, 5, None))];
        assert!(says(&ops, &lines).contains("stale"));
        ops[1].node = 1;
        assert_eq!(says(&ops, &lines), "", "another member may be behind");
        (ops[1].node, ops[1].life) = (0, Some(1));
        assert_eq!(says(&ops, &lines), "", "a life may know less, if it knows that");
        ops[0].life = Some(1);
        assert!(says(&ops, &lines).contains("stale"), "but not less than it told itself");
        ops[1] = read(&lines, 0, 4, 5, None);
        assert!(says(&ops, &lines).contains("stale"), "unless more is asked of it");
    }

    #[test]
    fn old_revisions_are_as_they_were_or_compacted() {
        let mut lines = log(&[(0, 2, "a"), (1, 4, "b")]);
        let compact = Command::Compact(Compact { revision: Revision(3), physical: false });
        lines.push(line(Some(2), None, 6, &compact));
        let result = Ok(OpReply::Compact);
        let reply = Reply { revision: Revision(3), result };
        let told = op(What::Write(compact, None), 5, 7, Answer::Kv(reply));
        let writes = [wrote("a", 1, 3, 2), wrote("b", 3, 5, 3), told];
        let with = |read: Op| [&writes[..], &[read]].concat();
        assert_eq!(says(&with(read(&lines, 3, 8, 9, Some(2))), &lines), "");
        assert_eq!(says(&with(read(&lines, 2, 6, 9, Some(2))), &lines), "");
        assert!(says(&with(read(&lines, 2, 8, 9, Some(2))), &lines).contains("stale"));
        let other = log(&[(0, 2, "x"), (1, 4, "b")]);
        let wrong = read(&other, 2, 6, 9, Some(2));
        assert!(says(&with(wrong), &lines).contains("no state gives"));
    }

    fn renewal(ttl_s: u64, from: u64, to: u64) -> Op {
        let told = LeaseTold { ttl_s, remaining_ms: ttl_s * 1_000 };
        let ask = LeaseAsk { id: 7, renew: true };
        op(What::Lease(ask), from, to, Answer::Lease { told, keys: Vec::new() })
    }

    /// A lease that was granted at 2 and ended by the leader at 6.
    fn leased() -> (Op, Vec<Line>) {
        let grant = Command::LeaseGrant(LeaseGrant { id: 7, ttl_s: 1 });
        let expire = Command::LeaseExpire { ids: vec![7] };
        let lines = vec![line(Some(0), None, 2, &grant), line(None, None, 6, &expire)];
        (unknown(What::Write(grant, None), 1), lines)
    }

    #[test]
    fn who_is_told_that_a_lease_was_renewed_has_one() {
        let (grant, lines) = leased();
        let gone = op(What::Leases, 7, 8, Answer::Leases(Vec::new()));
        assert_eq!(says(&[grant.clone(), renewal(1, 3, 4), gone.clone()], &lines), "");
        assert!(says(&[grant.clone(), renewal(2, 3, 4)], &lines).contains("no state"));
        let alive = op(What::Leases, 3, 4, Answer::Leases(vec![7]));
        let late = [grant.clone(), alive.clone(), gone, renewal(1, 9, 10)];
        assert!(says(&late, &lines).contains("stale"));
        let mut lost = renewal(0, 5, 5);
        lost.top = 1;
        assert!(says(&[grant, alive, lost], &lines).contains("stale"));
    }

    #[test]
    fn only_rules_allow_chores() {
        let compact = Command::Compact(Compact { revision: Revision(1), physical: false });
        let lines = [line(None, None, 2, &compact)];
        assert!(says(&[], &lines).contains("nobody asked"));
        let rules = Rules { keeps: true, quota: false };
        assert_eq!(check(&[], &replay(&lines), rules), []);
        assert_eq!(at(1).order, 1);
    }
}
