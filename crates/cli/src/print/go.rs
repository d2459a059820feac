//! Numbers as Go and its libraries write them.

use std::time::Duration;

/// `1.966038ms`, `1m0.5s`: the largest unit that leaves a digit before the point.
pub(super) fn duration(time: Duration) -> String {
    let nanos = time.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", parts(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", parts(nanos, 1_000_000)),
        _ => seconds(nanos),
    }
}

fn seconds(nanos: u128) -> String {
    const SECOND: u128 = 1_000_000_000;
    let (minutes, rest) = (nanos / (60 * SECOND), nanos % (60 * SECOND));
    let seconds = format!("{}s", parts(rest, SECOND));
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// `nanos` in a unit of so many, without zeros at the end.
fn parts(nanos: u128, unit: u128) -> String {
    let digits = unit.ilog10() as usize;
    let text = format!("{}.{:0digits$}", nanos / unit, nanos % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `20 kB`, `1.5 MB`: two digits that count, in steps of a thousand.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut unit, mut divisor) = ("B", 1u64);
    for next in UNITS {
        if bytes / divisor < 1000 {
            break;
        }
        (unit, divisor) = (next, divisor * 1000);
    }
    // Rounded to tenths before it is decided whether a tenth is shown.
    let tenths = (u128::from(bytes) * 10 + u128::from(divisor) / 2) / u128::from(divisor);
    match (unit, tenths) {
        ("B", _) => format!("{bytes} B"),
        (_, ..100) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
        _ => format!("{} {unit}", half_to_even(tenths)),
    }
}

/// Tenths to whole ones, as IEEE 754 rounds.
fn half_to_even(tenths: u128) -> u128 {
    match (tenths / 10, tenths % 10) {
        (whole, 5) => whole + whole % 2,
        (whole, rest) => whole + u128::from(rest > 5),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, size};
    use std::time::Duration;

    #[test]
    fn durations_as_go_prints_them() {
        for (nanos, text) in [
            (0, "0s"),
            (999, "999ns"),
            (850_300, "850.3µs"),
            (1_966_038, "1.966038ms"),
            (2_000_000, "2ms"),
            (1_000_273_042, "1.000273042s"),
            (60_500_000_000, "1m0.5s"),
            (3_600_000_000_000, "1h0m0s"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn sizes_in_steps_of_a_thousand() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_951, "10 kB"),
            (20_480, "20 kB"),
            (21_500, "22 kB"),
            (1_500_000, "1.5 MB"),
            (82_854_982, "83 MB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
