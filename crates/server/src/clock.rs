//! What time is it, and what is random? The only clock and the only dice of the house.

use base::Time;
use rustix::time::{ClockId, clock_gettime};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// Goes on while the machine sleeps: a lane that slept with its machine must
/// know how long, or it would believe that it still leads.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// The time since boot.
pub(crate) fn now() -> Time {
    let time = clock_gettime(CLOCK);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Time(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// Milliseconds since 1970, for people only: it may jump.
pub(crate) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A number that nobody can foresee: what std seeds its maps with, which is
/// what the system's generator gave.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_clock_never_goes_back() {
        let times: Vec<_> = (0..1000).map(|_| super::now()).collect();
        assert!(times.is_sorted());
        assert!(times[0] > base::Time::ZERO);
    }

    #[test]
    fn random_numbers_differ() {
        assert_ne!(super::random(), super::random());
    }
}
