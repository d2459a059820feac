//! Leases and alarms have no revision: is there an order for what callers were
//! told of each of them? This judge does not look at the log.

use super::Violation;
use super::flag::{Act, Call, misfit};
use crate::history::{At, Op, What};
use kv::command::{Alarm, Command, KvError, OpReply};
use node::event::Answer;
use std::collections::BTreeMap;

/// A lease or an alarm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Thing {
    Lease(i64),
    Alarm(Alarm),
}

/// Judges what was told of every lease and of every alarm.
#[must_use]
pub fn check(ops: &[Op]) -> Vec<Violation> {
    let mut things: BTreeMap<Thing, Vec<Call>> = BTreeMap::new();
    let retried = retried(ops);
    for (place, op) in ops.iter().enumerate() {
        let first = retried.get(&place);
        for (thing, act) in acts(op) {
            let end = op.answered().map(|(at, _)| at);
            let call = Call { place, act, begin: op.invoke, end };
            let call = first.map_or(Some(call), |begin| once(call, *begin));
            things.entry(thing).or_default().extend(call);
        }
    }
    lists(ops, &mut things);
    let wrong = |(thing, calls): (&Thing, &Vec<Call>)| {
        // A lease ends by itself, an alarm is raised by itself.
        let call = misfit(calls, matches!(thing, Thing::Alarm(_)))?;
        let what = format!("{thing:?}: no order fits {:?}", ops.get(call.place));
        Some(Violation::new("ephemeral", what))
    };
    things.iter().filter_map(wrong).collect()
}

/// The numbered requests that were asked more than once, with the time of the first.
fn retried(ops: &[Op]) -> BTreeMap<usize, At> {
    let mut places: BTreeMap<(u64, u64), Vec<(usize, At)>> = BTreeMap::new();
    for (place, op) in ops.iter().enumerate() {
        if let What::Write(_, Some(number)) = &op.what {
            places.entry(*number).or_default().push((place, op.invoke));
        }
    }
    let twice = places.into_values().filter(|places| places.len() > 1);
    let begun = |places: Vec<(usize, At)>| {
        let first = places.iter().map(|(_, at)| *at).min().unwrap_or_default();
        places.into_iter().map(move |(place, _)| (place, first))
    };
    twice.flat_map(begun).collect()
}

/// Which of the attempts took effect only the log knows: some time after the
/// first one began.
fn once(call: Call, begin: At) -> Option<Call> {
    let act = match call.act {
        Act::Turn { from } => Act::Perhaps { to: !from },
        Act::Perhaps { to } => Act::Perhaps { to },
        Act::See(_) => return None,
    };
    Some(Call { act, begin, end: None, ..call })
}

/// What a request says of single leases and alarms.
fn acts(op: &Op) -> Vec<(Thing, Act)> {
    let answer = op.answered().map(|(_, answer)| answer);
    match (&op.what, answer) {
        (What::Write(command, _), answer) => write(command, answer),
        (What::Lease(ask), Some(Answer::Lease { told, .. })) => {
            vec![(Thing::Lease(ask.id), Act::See(told.ttl_s > 0))]
        }
        _ => Vec::new(),
    }
}

fn write(command: &Command, answer: Option<&Answer>) -> Vec<(Thing, Act)> {
    let told = match answer {
        Some(Answer::Kv(reply)) => Some(&reply.result),
        _ => None,
    };
    let act = match (command, told) {
        (Command::LeaseGrant(_), Some(Ok(OpReply::LeaseGrant { id, .. }))) => {
            Some((Thing::Lease(*id), Act::Turn { from: false }))
        }
        (Command::LeaseGrant(it), Some(Err(KvError::LeaseExists))) if it.id != 0 => {
            Some((Thing::Lease(it.id), Act::See(true)))
        }
        (Command::LeaseGrant(it), None) if it.id != 0 => {
            Some((Thing::Lease(it.id), Act::Perhaps { to: true }))
        }
        (Command::LeaseRevoke { id }, Some(Ok(_))) => {
            Some((Thing::Lease(*id), Act::Turn { from: true }))
        }
        (Command::LeaseRevoke { id }, Some(Err(KvError::LeaseNotFound))) => {
            Some((Thing::Lease(*id), Act::See(false)))
        }
        (Command::Put(put), Some(result)) => put.lease.filter(|id| *id != 0).and_then(|id| {
            let seen = match result {
                Ok(_) => Some(true),
                Err(KvError::LeaseNotFound) => Some(false),
                Err(_) => None,
            };
            seen.map(|seen| (Thing::Lease(id), Act::See(seen)))
        }),
        (Command::Alarm(it), Some(Ok(OpReply::Alarm(done)))) if !it.raise => {
            let act = if done.is_empty() { Act::See(false) } else { Act::Turn { from: true } };
            Some((Thing::Alarm(it.alarm), act))
        }
        (Command::Alarm(it), None) if !it.raise => {
            Some((Thing::Alarm(it.alarm), Act::Perhaps { to: false }))
        }
        _ => None,
    };
    act.into_iter().collect()
}

/// Lists show each thing that somebody named, or do not show it.
fn lists(ops: &[Op], things: &mut BTreeMap<Thing, Vec<Call>>) {
    for (place, op) in ops.iter().enumerate() {
        let Some((end, answer)) = op.answered() else { continue };
        let shown = |thing: &Thing| match (thing, answer) {
            (Thing::Lease(id), Answer::Leases(ids)) => Some(ids.contains(id)),
            (Thing::Alarm(alarm), Answer::Alarms(alarms)) => Some(alarms.contains(alarm)),
            _ => None,
        };
        for (thing, calls) in things.iter_mut() {
            if let Some(shown) = shown(thing) {
                let act = Act::See(shown);
                calls.push(Call { place, act, begin: op.invoke, end: Some(end) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::made::{op, unknown};
    use super::*;
    use base::Revision;
    use kv::command::{AlarmChange, AlarmKind, LeaseGrant, Reply};
    use node::event::{LeaseAsk, LeaseTold};

    const ALARM: Alarm = Alarm { member: 1, kind: AlarmKind::NoSpace };

    fn wrote(command: Command, from: u64, to: u64, result: Result<OpReply, KvError>) -> Op {
        let answer = Answer::Kv(Reply { revision: Revision(1), result });
        op(What::Write(command, None), from, to, answer)
    }

    fn grant(id: i64) -> Command {
        Command::LeaseGrant(LeaseGrant { id, ttl_s: 1 })
    }

    fn granted(from: u64, to: u64) -> Op {
        wrote(grant(0), from, to, Ok(OpReply::LeaseGrant { id: 7, ttl_s: 1 }))
    }

    fn renewed(ttl_s: u64, from: u64, to: u64) -> Op {
        let told = LeaseTold { ttl_s, remaining_ms: ttl_s * 1_000 };
        op(
            What::Lease(LeaseAsk { id: 7, renew: true }),
            from,
            to,
            Answer::Lease { told, keys: vec![] },
        )
    }

    fn listed(ids: Vec<i64>, from: u64, to: u64) -> Op {
        op(What::Leases, from, to, Answer::Leases(ids))
    }

    fn good(ops: &[Op]) -> bool {
        check(ops).is_empty()
    }

    #[test]
    fn a_lease_that_was_seen_to_be_gone_is_not_renewed() {
        assert!(good(&[granted(1, 2), renewed(1, 3, 4), listed(vec![], 5, 6), renewed(0, 7, 8)]));
        assert!(!good(&[granted(1, 2), listed(vec![], 5, 6), renewed(1, 7, 8)]));
        assert!(!good(&[granted(1, 2), renewed(0, 3, 4), listed(vec![7], 5, 6)]));
        assert!(!good(&[renewed(1, 1, 2), granted(3, 4)]), "not yet");
        let lost = unknown(What::Write(grant(7), None), 3);
        assert!(good(&[granted(1, 2), listed(vec![], 5, 6), lost, renewed(1, 7, 8)]));
    }

    #[test]
    fn a_lease_is_revoked_once() {
        let revoke =
            |from, to| wrote(Command::LeaseRevoke { id: 7 }, from, to, Ok(OpReply::LeaseRevoke));
        assert!(good(&[granted(1, 2), revoke(3, 4)]));
        assert!(!good(&[granted(1, 2), revoke(3, 4), revoke(5, 6)]));
    }

    #[test]
    fn an_alarm_stands_until_it_is_called_off() {
        let off = AlarmChange { alarm: ALARM, raise: false };
        let off = wrote(Command::Alarm(off), 3, 4, Ok(OpReply::Alarm(vec![ALARM])));
        let stands = |alarms, from, to| op(What::Alarms, from, to, Answer::Alarms(alarms));
        assert!(good(&[off.clone(), stands(vec![ALARM], 1, 2), stands(vec![], 5, 6)]));
        let later = stands(vec![], 7, 8);
        assert!(!good(&[off.clone(), stands(vec![ALARM], 5, 6), later.clone()]));
        assert!(good(&[off, stands(vec![ALARM], 1, 2), later]));
    }
}
