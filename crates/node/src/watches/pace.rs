//! How much of a lane's time may watches take? So much that whoever writes does
//! not feel it: work is paid from an account that fills slowly, and what an idle
//! node has saved lets many watches hear of one write at once.

use base::Time;

/// What one turn does for watches, at most: so many are told something, or as
/// much history is read as is about as much work. A write that comes meanwhile
/// waits for no more than that.
const WORK_PER_TURN: usize = 256;

/// What the account gets: a piece of work this often. It takes about a tenth of it.
const NANOS_PER_WORK: u64 = 16_000;

/// What can be saved.
const SAVED_MAX: u64 = 16_384;

/// The account.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the account was, or would be, full. Work moves it on.
    full: Time,
}

impl Pace {
    /// How much may be done in this turn. Less than a turn's work is not begun:
    /// it would cost a wake-up all the same.
    pub(super) fn room(&self, now: Time) -> usize {
        if now < self.ready() { 0 } else { WORK_PER_TURN }
    }

    /// So much was done.
    pub(super) fn spend(&mut self, now: Time, work: usize) {
        let work = u64::try_from(work).unwrap_or(u64::MAX);
        let nanos = work.saturating_mul(NANOS_PER_WORK);
        self.full = Time(self.full.max(now).0.saturating_add(nanos));
    }

    /// When there is room for a turn's work.
    pub(super) const fn ready(&self) -> Time {
        let saved = (SAVED_MAX - WORK_PER_TURN as u64) * NANOS_PER_WORK;
        Time(self.full.0.saturating_sub(saved))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done from `now` on for so long, by one who does all that may be.
    fn done(pace: &mut Pace, from: u64, nanos: u64) -> usize {
        let (mut now, mut done) = (from, 0);
        while now <= from + nanos {
            let room = pace.room(Time(now));
            pace.spend(Time(now), room);
            done += room;
            now = now.max(pace.ready().0).max(now + u64::from(room == 0));
        }
        done
    }

    #[test]
    fn what_was_saved_is_spent_at_once_and_then_only_what_comes_in() {
        let mut pace = Pace::default();
        let second = 1_000_000_000;
        let saved = usize::try_from(SAVED_MAX).unwrap();
        let first = done(&mut pace, 10 * second, 0);
        assert_eq!(first, saved, "whatever time had passed before");
        let then = done(&mut pace, 10 * second + 1, second);
        let income = usize::try_from(second / NANOS_PER_WORK).unwrap();
        assert!(then.abs_diff(income) <= WORK_PER_TURN, "{then} of {income}");
        assert_eq!(done(&mut pace, 20 * second, 0), saved, "it fills again");
    }

    #[test]
    fn little_work_is_paid_as_little() {
        let mut pace = Pace::default();
        let now = Time(1_000_000_000);
        for _ in 0..SAVED_MAX - WORK_PER_TURN as u64 {
            assert_eq!(pace.room(now), WORK_PER_TURN);
            pace.spend(now, 1);
        }
        assert_eq!(pace.room(now), WORK_PER_TURN);
        pace.spend(now, 1);
        assert_eq!(pace.room(now), 0);
        assert_eq!(pace.room(Time(now.0 + NANOS_PER_WORK)), WORK_PER_TURN);
    }
}
