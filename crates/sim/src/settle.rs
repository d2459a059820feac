//! After the last cut of a scenario: does the cluster settle, though nothing is mended?
//!
//! Asked of the worlds in which links are cut in part: within so many election
//! timeouts of the last cut a write that was asked for after it is acknowledged;
//! from then on nobody takes the lead anew; and at the end writes are still taken.

use crate::caller::Callers;
use crate::check::Violation;
use crate::history::{History, Outcome};
use crate::scenario::Scenario;
use crate::world::{Alarm, World};
use base::{AskId, Time};
use core::time::Duration;
use node::event::Answer;
use std::collections::BTreeMap;

/// How often every node is asked, in an election timeout.
const ASKS_PER_ELECTION: u32 = 4;

/// Who wants to know.
#[derive(Debug)]
pub struct Settle {
    cut: Time,
    election: Duration,
    elections: u32,
    /// What was asked since the cut, and when.
    asked: BTreeMap<AskId, Time>,
    /// When the first write was acknowledged that was asked for after the cut.
    first: Option<Time>,
    /// When the last one was asked for that was acknowledged.
    last: Option<Time>,
    /// When somebody took the lead last.
    led: Option<Time>,
}

impl Settle {
    /// Nobody, unless the scenario demands it and cuts something.
    pub fn new(scenario: &Scenario, election: Duration, world: &mut World) -> Option<Self> {
        let (elections, cut) = (scenario.settle?, Time::ZERO + scenario.last_cut()?);
        world.remind_at(cut, Alarm::Settle);
        let asked = BTreeMap::new();
        Some(Self { cut, election, elections, asked, first: None, last: None, led: None })
    }

    /// Every node is asked for a write.
    pub fn on_alarm(&mut self, callers: &mut Callers, world: &mut World, history: &mut History) {
        for node in 0..world.size() {
            let asked = callers.prove(usize::MAX, node, world, history);
            self.asked.extend(asked.map(|id| (id, world.now())));
        }
        world.remind(self.election / ASKS_PER_ELECTION, Alarm::Settle);
    }

    /// An answer came.
    pub fn on_answer(&mut self, now: Time, id: AskId, history: &History, place: usize) {
        let Some(asked) = self.asked.remove(&id) else { return };
        let outcome = history.ops.get(place).map(|op| &op.outcome);
        if matches!(outcome, Some(Outcome::Ok(Answer::Kv(reply))) if reply.result.is_ok()) {
            self.first.get_or_insert(now);
            self.last = self.last.max(Some(asked));
        }
    }

    /// Somebody takes the lead.
    pub const fn on_leader(&mut self, now: Time) {
        self.led = Some(now);
    }

    /// What was demanded and is not so at the end.
    pub fn check(&self, end: Time) -> Option<Violation> {
        let limit = self.cut + self.election * self.elections;
        let found = |what: String| Some(Violation::new("settle", what));
        let within = format!("{} election timeouts of the last cut", self.elections);
        if self.first.is_none_or(|first| first > limit) {
            let when =
                self.percent().map_or("never".into(), |it| format!("after {it} percent of one"));
            return found(format!("no write was acknowledged within {within}, {when}"));
        }
        if let Some(led) = self.led.filter(|led| *led > limit) {
            let after = led.since(self.cut);
            return found(format!(
                "somebody took the lead {after:.1?} after the cut, not within {within}"
            ));
        }
        let late = end.since(self.last.unwrap_or_default()) > self.election * 2;
        late.then_some(()).and_then(|()| found(format!("{within}, but no longer writes")))
    }

    /// How long it took until a write was acknowledged, in hundredths of an election timeout.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        let took = self.first?.since(self.cut).as_nanos() * 100;
        u64::try_from(took / self.election.as_nanos().max(1)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    fn settle(first: Option<u64>, last: u64, led: u64) -> Option<String> {
        let settle = Settle {
            cut: at(1_000),
            election: Duration::from_millis(100),
            elections: 4,
            asked: BTreeMap::new(),
            first: first.map(at),
            last: Some(at(last)),
            led: Some(at(led)),
        };
        settle.check(at(3_000)).map(|it| it.what)
    }

    #[test]
    fn bad_histories_are_flagged_and_a_good_one_is_not() {
        assert_eq!(settle(Some(1_400), 2_900, 1_300), None);
        let says =
            |found: Option<String>, what: &str| assert!(found.is_some_and(|it| it.contains(what)));
        says(settle(Some(1_401), 2_900, 1_300), "after 401 percent");
        says(settle(None, 2_900, 1_300), "never");
        says(settle(Some(1_400), 2_900, 1_401), "took the lead");
        says(settle(Some(1_400), 2_700, 1_300), "no longer writes");
    }
}
