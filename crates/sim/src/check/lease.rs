//! Does a lease live as long as its holder was promised, and no longer than it must?
//!
//! A holder counts from the moment in which it asked for the grant or for a
//! renewal that was acknowledged. The leader's clock may be fast, and so end
//! the lease earlier by the world's clock, but by no more than its rate says.

use super::Violation;
use super::replay::{Done, Replay};
use crate::history::{At, Op, What};
use base::Time;
use core::time::Duration;
use kv::command::Command;
use node::event::Answer;
use std::collections::{BTreeMap, BTreeSet};

/// A lease from its grant to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Life {
    id: i64,
    ttl_s: u64,
    /// When it was asked for, and when it was there.
    asked: At,
    granted: At,
    /// When it was over, and whether its time was over.
    end: Option<(At, bool)>,
}

/// Judges all leases of the log; no clock is faster than `fast` thousandths of
/// the world's.
#[must_use]
pub fn check(ops: &[Op], replay: &Replay, fast: u64) -> Vec<Violation> {
    let (renewed, lives) = (renewals(ops), lives(ops, replay));
    let early = |life: &Life| {
        let (end, _) = life.end.filter(|(_, expired)| *expired)?;
        // What was answered when the id was granted anew may be about that lease.
        let anew = lives.iter().filter(|it| it.id == life.id && it.granted >= end);
        let anew = anew.map(|it| it.granted).min();
        let ours = |(asked, told): &&(At, At)| {
            (life.granted..end).contains(asked) && anew.is_none_or(|anew| *told < anew)
        };
        let renewals = renewed.get(&life.id).into_iter().flatten();
        let own = renewals.filter(ours).map(|(asked, _)| *asked);
        let last = own.max().unwrap_or(life.asked).max(life.asked);
        let promised = last.time + least(life.ttl_s, fast);
        let what = || format!("it ended at {}, not before {promised}: {life:?}", end.time);
        (end.time < promised).then(|| Violation::new("lease", what()))
    };
    lives.iter().filter_map(early).collect()
}

/// When leases must be over, if nobody renews them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Late {
    /// From then on no fault happened, nobody renewed and no leader was new.
    pub quiet: Time,
    /// When letters came since the healing that were sent before it. A renewal that
    /// got no answer is asked again, and a cut may hold the first letter back: when
    /// that comes to the leader it renews the lease once more, which nobody forbids.
    pub strays: Vec<Time>,
    /// The slowest clock, in thousandths of the world's.
    pub slow: u64,
    /// How much later than by its time a lease may end.
    pub slack: Duration,
}

/// How many election timeouts after its time a lease may end at the latest, once
/// the cluster is quiet.
pub const LATE_ELECTIONS_MAX: u32 = 2;

/// Judges how long leases outlive their time.
#[must_use]
pub fn late(ops: &[Op], replay: &Replay, late: &Late) -> Vec<Violation> {
    let (renewed, wanted) = (renewals(ops), wanted(ops));
    let too_long = |life: &Life| {
        let (end, _) = life.end?;
        let renewals = renewed.get(&life.id).into_iter().flatten();
        let last = renewals.map(|(_, told)| told.time).filter(|told| *told <= end.time).max();
        let strays = late.strays.iter().copied();
        let stray = strays.filter(|at| *at <= end.time && wanted.contains(&life.id)).max();
        let last = last.max(stray).unwrap_or(life.granted.time);
        let last = last.max(life.granted.time).max(late.quiet);
        let until = last + least(life.ttl_s, late.slow) + late.slack;
        let what = || format!("it ended at {}, later than {until}: {life:?}", end.time);
        (end.time > until).then(|| Violation::new("lease", what()))
    };
    lives(ops, replay).iter().filter_map(too_long).collect()
}

/// In the end, when nobody renews and time enough has passed, no lease is left.
#[must_use]
pub fn all_gone(replay: &Replay) -> Option<Violation> {
    let left: Vec<i64> = replay.end().leases.keys().copied().collect();
    (!left.is_empty()).then(|| Violation::new("lease", format!("never ended: {left:?}")))
}

/// A time by the fastest clock, in the world's.
#[must_use]
pub fn least(ttl_s: u64, fast: u64) -> Duration {
    Duration::from_nanos(ttl_s * 1_000_000_000_000 / fast)
}

/// When acknowledged renewals were asked for, and answered.
fn renewals(ops: &[Op]) -> BTreeMap<i64, Vec<(At, At)>> {
    let mut renewals: BTreeMap<i64, Vec<(At, At)>> = BTreeMap::new();
    for op in ops {
        if let (What::Lease(ask), Some((told_at, Answer::Lease { told, .. }))) =
            (&op.what, op.answered())
            && ask.renew
            && told.ttl_s > 0
        {
            renewals.entry(ask.id).or_default().push((op.invoke, told_at));
        }
    }
    renewals
}

/// The leases that somebody wanted to renew, whatever came of it.
fn wanted(ops: &[Op]) -> BTreeSet<i64> {
    let renews = |op: &Op| match &op.what {
        What::Lease(ask) if ask.renew => Some(ask.id),
        _ => None,
    };
    ops.iter().filter_map(renews).collect()
}

fn lives(ops: &[Op], replay: &Replay) -> Vec<Life> {
    let mut lives: Vec<Life> = Vec::new();
    for (before, after) in replay.steps.iter().zip(replay.steps.iter().skip(1)) {
        let (old, new) = (&before.rest.leases, &after.rest.leases);
        let Some(Done { asked, command, .. }) = after.done.as_ref().filter(|_| old != new) else {
            continue;
        };
        let expired = matches!(command, Command::LeaseExpire { .. });
        let over = |life: &&mut Life| life.end.is_none() && !new.contains_key(&life.id);
        lives.iter_mut().filter(over).for_each(|life| life.end = Some((after.at, expired)));
        let asked = asked.and_then(|place| ops.get(place)).map_or(after.at, |op| op.invoke);
        let begun = new.iter().filter(|(id, _)| !old.contains_key(id));
        lives.extend(begun.map(|(id, ttl_s)| Life {
            id: *id,
            ttl_s: *ttl_s,
            asked,
            granted: after.at,
            end: None,
        }));
    }
    lives
}

#[cfg(test)]
mod tests {
    use super::super::made::{line, op, replay, unknown};
    use super::*;
    use crate::chronicle::Line;
    use kv::command::LeaseGrant;
    use node::event::{LeaseAsk, LeaseTold};

    const GRANT: Command = Command::LeaseGrant(LeaseGrant { id: 7, ttl_s: 1 });

    /// Asked for at 10, granted at 20, ended by its time at `end`.
    fn lines(end: u64) -> Vec<Line> {
        let expire = Command::LeaseExpire { ids: vec![7] };
        vec![line(Some(0), None, 20, &GRANT), line(None, None, end, &expire)]
    }

    fn renewal(from: u64, ttl_s: u64) -> Op {
        let told = LeaseTold { ttl_s, remaining_ms: ttl_s * 1_000 };
        let ask = LeaseAsk { id: 7, renew: true };
        op(What::Lease(ask), from, from + 5, Answer::Lease { told, keys: Vec::new() })
    }

    fn good(end: u64, renewals: &[Op], fast: u64) -> bool {
        let ops = [&[unknown(What::Write(GRANT, None), 10)], renewals].concat();
        check(&ops, &replay(&lines(end)), fast).is_empty()
    }

    #[test]
    fn a_lease_lives_its_time_from_the_moment_it_was_asked_for() {
        assert!(good(1_010, &[], 1_000));
        assert!(!good(1_009, &[], 1_000));
        assert!(good(920, &[], 1_100), "the clock of a leader may be fast");
        assert!(!good(919, &[], 1_100), "but not that fast");
    }

    #[test]
    fn a_renewal_that_was_acknowledged_counts() {
        assert!(good(1_500, &[renewal(500, 1)], 1_000));
        assert!(!good(1_499, &[renewal(500, 1)], 1_000));
        assert!(good(1_499, &[renewal(500, 0)], 1_000), "it was told that there is none");
        let lost = unknown(What::Lease(LeaseAsk { id: 7, renew: true }), 500);
        assert!(good(1_499, &[lost], 1_000), "nobody was promised anything");
    }

    #[test]
    fn what_the_next_lease_of_an_id_was_promised_is_not_the_last_one_s() {
        let mut lines = lines(1_010);
        lines.push(line(Some(0), None, 1_012, &GRANT));
        let ops = [unknown(What::Write(GRANT, None), 10), renewal(1_009, 1)];
        assert_eq!(check(&ops, &replay(&lines), 1_000), []);
    }

    #[test]
    fn whoever_revokes_need_not_wait() {
        let revoke = Command::LeaseRevoke { id: 7 };
        let lines = [line(Some(0), None, 20, &GRANT), line(Some(1), None, 30, &revoke)];
        let ops = [unknown(What::Write(GRANT, None), 10), unknown(What::Write(revoke, None), 25)];
        assert_eq!(check(&ops, &replay(&lines), 1_000), []);
        assert_eq!(all_gone(&replay(&lines)), None);
    }

    #[test]
    fn a_lease_that_ends_too_late_is_seen() {
        let slack = Duration::from_millis(100);
        let late = |end, quiet: u64, renewals: &[Op]| {
            let ops = [&[unknown(What::Write(GRANT, None), 10)], renewals].concat();
            let strays = vec![Time(800_000_000), Time(3_000_000_000)];
            let it = Late { quiet: Time(quiet * 1_000_000), strays, slow: 1_000, slack };
            late(&ops, &replay(&lines(end)), &it).len()
        };
        assert_eq!(late(1_120, 0, &[]), 0, "granted at 20");
        assert_eq!(late(1_121, 0, &[]), 1);
        assert_eq!(late(1_600, 500, &[]), 0, "before that anything could be");
        assert_eq!(late(1_601, 500, &[]), 1);
        // Whoever renewed may have asked twice, and a letter came late, at 800.
        assert_eq!(late(1_900, 0, &[renewal(500, 1)]), 0);
        assert_eq!(late(1_901, 0, &[renewal(500, 1)]), 1);
        assert_eq!(late(1_905, 0, &[renewal(800, 1)]), 0);
        assert_eq!(late(1_906, 0, &[renewal(800, 1)]), 1);
    }

    #[test]
    fn a_lease_that_never_ends_is_seen() {
        assert!(all_gone(&replay(&lines(20)[..1])).unwrap().what.contains("[7]"));
    }
}
