//! `check perf`: whether the cluster bears a steady load of puts.

use super::endpoint::endpoints;
use super::write;
use crate::args::{CheckPerfArgs, CheckVerb};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::key_range::KeyRange;
use client::Client;
use client::wire::{CompactionRequest, DeleteRangeRequest, PutRequest, RangeRequest};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const VALUE_BYTES: usize = 1024;
/// The least part of the wished rate, the slowest put and the widest spread that pass.
const RATE_SHARE: f64 = 0.9;
const SLOWEST: f64 = 0.5;
const SPREAD: f64 = 0.1;

/// So many puts a second, by so many callers.
#[derive(Clone, Copy)]
struct Load {
    rate: u64,
    callers: u64,
}

/// What each put took, in seconds, and how many failed.
#[derive(Default)]
struct Seen {
    took: Vec<f64>,
    failed: Vec<String>,
}

pub(super) async fn run(
    verb: &CheckVerb,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let CheckVerb::Perf(args) = verb;
    let load = load(&args.load)?;
    let range = KeyRange::prefix(args.prefix.clone().into_bytes());
    refuse_if_taken(&range, args, caller).await?;
    let seen = drive(load, args, caller).await?;
    let (text, passed) = judge(&seen, load.rate, args.seconds);
    tidy_up(range, args, caller, out).await?;
    write(out, text.as_bytes())?;
    if passed { Ok(()) } else { Err(Failure::said()) }
}

fn load(name: &str) -> Result<Load, Failure> {
    let (rate, callers) = match name {
        "s" | "small" => (150, 50),
        "m" | "medium" => (1_000, 200),
        "l" | "large" => (8_000, 500),
        "xl" | "xLarge" => (15_000, 1_000),
        _ => return Err(Failure::feature(format!("unknown load option {name}"))),
    };
    Ok(Load { rate, callers })
}

async fn refuse_if_taken(
    range: &KeyRange,
    args: &CheckPerfArgs,
    caller: &Caller,
) -> Result<(), Failure> {
    let request = RangeRequest {
        key: range.key.clone().into(),
        range_end: range.end.clone().into(),
        limit: 1,
        ..RangeRequest::default()
    };
    if caller.client.range(request).await?.kvs.is_empty() {
        return Ok(());
    }
    let prefix = &args.prefix;
    Err(Failure::input(format!(
        "prefix {prefix:?} has keys. Delete with `trimaran del --prefix {prefix}` first"
    )))
}

/// Puts are due at even distances. What each took is counted from when it was
/// due, so that a cluster that stands still cannot hide it.
async fn drive(load: Load, args: &CheckPerfArgs, caller: &Caller) -> Result<Seen, Failure> {
    let (began, next) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let count = load.rate.saturating_mul(args.seconds);
    let callers = (0..load.callers).map(|_| {
        let (client, prefix, next) = (caller.client.clone(), args.prefix.clone(), next.clone());
        tokio::spawn(async move {
            let mut seen = Seen::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return seen;
                }
                let due =
                    began + Duration::from_secs(number) / u32::try_from(load.rate).unwrap_or(1);
                tokio::time::sleep_until(due.into()).await;
                put(&client, format!("{prefix}{number:016x}"), due, &mut seen).await;
            }
        })
    });
    let mut all = Seen::default();
    for caller in callers.collect::<Vec<_>>() {
        let seen = caller.await.map_err(|error| Failure::error(error.to_string()))?;
        all.took.extend(seen.took);
        all.failed.extend(seen.failed);
    }
    Ok(all)
}

async fn put(client: &Client, key: String, due: Instant, seen: &mut Seen) {
    let value = vec![b'x'; VALUE_BYTES];
    let request = PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() };
    match client.put(request).await {
        Ok(_) => seen.took.push(due.elapsed().as_secs_f64()),
        Err(error) => seen.failed.push(error.to_string()),
    }
}

/// The verdict in etcdctl's words.
fn judge(seen: &Seen, rate: u64, seconds: u64) -> (String, bool) {
    let count = seen.took.len() as f64;
    let per_second = count / seconds.max(1) as f64;
    let slowest = seen.took.iter().copied().fold(0.0, f64::max);
    let mean = seen.took.iter().sum::<f64>() / count.max(1.0);
    let square = |took: &f64| (took - mean) * (took - mean);
    let spread = (seen.took.iter().map(square).sum::<f64>() / count.max(1.0)).sqrt();
    let mut out = String::new();
    let mut passed = seen.failed.is_empty();
    if let Some(first) = seen.failed.first() {
        out.push_str(&format!(
            "FAIL: too many errors\nFAIL: ERROR({first}) -> {}\n",
            seen.failed.len()
        ));
    }
    let mut say = |holds: bool, well: String, badly: String| {
        passed &= holds;
        out.push_str(&if holds { format!("PASS: {well}\n") } else { format!("FAIL: {badly}\n") });
    };
    say(
        per_second > rate as f64 * RATE_SHARE,
        format!("Throughput is {per_second:.0} writes/s"),
        format!("Throughput too low: {per_second:.0} writes/s"),
    );
    say(
        slowest <= SLOWEST,
        format!("Slowest request took {slowest:.6}s"),
        format!("Slowest request took too long: {slowest:.6}s"),
    );
    say(
        spread <= SPREAD,
        format!("Stddev is {spread:.6}s"),
        format!("Stddev too high: {spread:.6}s"),
    );
    out.push_str(if passed { "PASS\n" } else { "FAIL\n" });
    (out, passed)
}

async fn tidy_up(
    range: KeyRange,
    args: &CheckPerfArgs,
    caller: &Caller,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let request =
        DeleteRangeRequest { key: range.key.into(), range_end: range.end.into(), prev_kv: false };
    let answer = caller.client.delete(request).await?;
    if args.auto_compact {
        let revision = answer.header.map_or(0, |header| header.revision);
        caller.client.compact(CompactionRequest { revision, physical: true }).await?;
        write(out, format!("Compacted with revision {revision}\n").as_bytes())?;
    }
    if args.auto_defrag {
        for endpoint in endpoints(caller, false).await? {
            caller.of(&endpoint)?.defragment().await?;
            write(out, format!("Defragmented {endpoint:?}\n").as_bytes())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_load_passes_and_a_halting_one_does_not() {
        let steady = Seen { took: vec![0.001; 300], failed: Vec::new() };
        let (text, passed) = judge(&steady, 150, 2);
        assert_eq!(
            text,
            "PASS: Throughput is 150 writes/s\nPASS: Slowest request took 0.001000s\n\
             PASS: Stddev is 0.000000s\nPASS\n"
        );
        assert!(passed);
        let halting = Seen { took: vec![0.001, 0.9], failed: vec!["no".into()] };
        let (text, passed) = judge(&halting, 150, 2);
        assert!(text.contains("FAIL: Throughput too low: 1 writes/s\n"), "{text}");
        assert!(text.contains("FAIL: Slowest request took too long: 0.900000s\n"), "{text}");
        assert!(text.contains("FAIL: Stddev too high"), "{text}");
        assert!(text.ends_with("FAIL\n") && !passed, "{text}");
    }
}
