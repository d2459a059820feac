//! Does log time keep to the clocks: never back, and no faster than the fastest of them?

use super::Violation;
use super::replay::Replay;
use base::Time;

/// Judges the clock of every entry; no clock is faster than `fast` thousandths
/// of the world's, which began at zero.
#[must_use]
pub fn check(replay: &Replay, fast: u64) -> Option<Violation> {
    let mut before = 0;
    for (place, step) in replay.steps.iter().enumerate() {
        let passed = step.at.time.since(Time::ZERO).as_millis() * u128::from(fast) / 1_000;
        if step.clock < before || u128::from(step.clock) > passed + 1 {
            let what = format!(
                "log time {} at {place}, after {before}, when {passed} ms had passed",
                step.clock
            );
            return Some(Violation::new("clock", what));
        }
        before = step.clock;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::made::{line, put, replay};
    use super::*;

    fn good(clocks: [u64; 2], fast: u64) -> bool {
        let mut lines = [line(None, None, 100, &put("a")), line(None, None, 200, &put("b"))];
        lines.iter_mut().zip(clocks).for_each(|(line, clock)| line.entry.clock = clock);
        check(&replay(&lines), fast).is_none()
    }

    #[test]
    fn log_time_is_no_faster_than_the_fastest_clock_and_never_goes_back() {
        assert!(good([100, 200], 1_000));
        assert!(good([7, 7], 1_000), "it may stand still");
        assert!(!good([50, 49], 1_000));
        assert!(!good([100, 219], 1_000));
        assert!(good([100, 219], 1_100));
    }
}
