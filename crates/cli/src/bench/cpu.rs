//! What a process has used, as the kernel counts it.

use crate::failure::Failure;
use std::time::Duration;

/// User and system time of all these processes since they began.
pub(crate) fn used(pids: &[u32]) -> Result<Duration, Failure> {
    let ticks = rustix::param::clock_ticks_per_second();
    let mut sum = Duration::ZERO;
    for pid in pids {
        let path = format!("/proc/{pid}/stat");
        let stat = std::fs::read(&path)
            .map_err(|error| Failure::io(&format!("read the CPU of process {pid}"), &error))?;
        sum += parse(&String::from_utf8_lossy(&stat), ticks)
            .ok_or_else(|| Failure::error(format!("{path} is not as proc(5) says")))?;
    }
    Ok(sum)
}

/// Fields 14 and 15 of proc(5) stat: utime and stime, of all threads, also of
/// those that have ended. The name, field 2, may hold anything, so fields are
/// counted from its closing parenthesis.
fn parse(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let ticks = u128::from(user.checked_add(system)?);
    let nanos = (ticks * 1_000_000_000).checked_div(u128::from(ticks_per_second))?;
    Some(Duration::from_nanos(u64::try_from(nanos).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4242 (a) b (c) S 1 4242 4242 0 -1 4194560 1189 0 0 0 150 75 3 4 20 0 9 0 \
                        100 1000 20 18446744073709551615";

    #[test]
    fn user_and_system_are_added_whatever_the_name() {
        assert_eq!(parse(STAT, 100), Some(Duration::from_millis(2250)));
        assert_eq!(parse(STAT, 1000), Some(Duration::from_millis(225)));
    }

    #[test]
    fn what_is_no_stat_is_refused() {
        for stat in ["", "1 (a) S 1 2 3", "1 a S 1", &STAT.replace("150 75", "x y")] {
            assert_eq!(parse(stat, 100), None, "{stat:?}");
        }
        assert_eq!(parse(STAT, 0), None);
    }

    #[test]
    fn this_process_is_read() {
        assert!(used(&[std::process::id()]).is_ok());
        assert!(used(&[u32::MAX]).is_err());
    }
}
