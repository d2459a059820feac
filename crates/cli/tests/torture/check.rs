//! Is what the clients saw possible? Each question has a function of its own.

use crate::history::{Event, History, Leased, Moment, Outcome, Read, Step, Watched};
use std::collections::{BTreeMap, BTreeSet};

/// Faults that are told in words; the rest is counted.
const TOLD: usize = 12;

/// Where the keys are whose values begin with a number that only grows.
pub(crate) const COUNTERS: &str = "t/own/";

/// Every change that any watch told, by revision and key.
type Truth = BTreeMap<(i64, String), Option<String>>;

/// Everything that cannot be, in words; empty if all is well.
pub(crate) fn faults(history: &History) -> Vec<String> {
    let mut faults = Vec::new();
    let truth = truth(&history.watches, &mut faults);
    let by_key = by_key(&truth);
    gaps(&history.watches, &truth, &mut faults);
    lost(history, &truth, &mut faults);
    unexplained(history, &truth, &mut faults);
    stale(history, &mut faults);
    history.reads.iter().for_each(|read| wrong(read, &by_key, &mut faults));
    counted(&by_key, &mut faults);
    history.leases.iter().for_each(|lease| leased(lease, &history.watches, &by_key, &mut faults));
    let count = faults.len();
    faults.truncate(TOLD);
    if count > TOLD {
        faults.push(format!("… and {} more", count - TOLD));
    }
    faults
}

/// Puts what all watches told together. Two must not tell one change differently.
fn truth(watches: &[Watched], faults: &mut Vec<String>) -> Truth {
    let mut truth = Truth::new();
    for event in watches.iter().flat_map(events).map(|(event, _)| event) {
        let old = truth.insert((event.revision, event.key.clone()), event.value.clone());
        if old.is_some_and(|old| old != event.value) {
            faults.push(format!(
                "two watches tell {} of revision {} differently",
                event.key, event.revision
            ));
        }
    }
    truth
}

fn events(watch: &Watched) -> impl Iterator<Item = (&Event, Moment)> {
    watch.steps.iter().filter_map(|step| match step {
        Step::Told(event, at) => Some((event, *at)),
        _ => None,
    })
}

fn by_key(truth: &Truth) -> BTreeMap<&str, BTreeMap<i64, Option<&str>>> {
    let mut keys: BTreeMap<&str, BTreeMap<i64, Option<&str>>> = BTreeMap::new();
    for ((revision, key), value) in truth {
        keys.entry(key).or_default().insert(*revision, value.as_deref());
    }
    keys
}

/// Was each event told once, in order, and none left out?
fn gaps(watches: &[Watched], truth: &Truth, faults: &mut Vec<String>) {
    for watch in watches {
        let missing = gaps_of(watch, truth, faults);
        if let Some(((revision, key), _)) = missing {
            faults.push(format!(
                "a watch of {:?} was never told of {key} at revision {revision}",
                watch.prefix
            ));
        }
    }
}

fn gaps_of<'a>(
    watch: &Watched,
    truth: &'a Truth,
    faults: &mut Vec<String>,
) -> Option<(&'a (i64, String), &'a Option<String>)> {
    // What it must be told: all of its prefix, without what compaction excused.
    let mut due: BTreeSet<(i64, &str)> = BTreeSet::new();
    let (mut next, mut told) = (None::<i64>, BTreeSet::new());
    let mut reached = 0;
    let mut owed = |from: i64, upto: i64| {
        let range = truth.range((from, String::new())..(upto, String::new()));
        due.extend(
            range
                .filter(|((_, key), _)| key.starts_with(&watch.prefix))
                .map(|((r, k), _)| (*r, k.as_str())),
        );
    };
    for step in &watch.steps {
        match step {
            // A resumed watch begins where it was, and nothing is owed twice.
            Step::From(revision) => next = next.or(Some(*revision)),
            Step::Compacted(oldest) => {
                let from = next.unwrap_or(0);
                owed(from, (reached + 1).max(from));
                next = Some((*oldest).max(reached + 1));
            }
            Step::Told(event, _) => {
                if event.revision < reached {
                    faults.push(format!(
                        "a watch of {:?} went back from revision {reached} to {}",
                        watch.prefix, event.revision
                    ));
                }
                if event.revision < next.unwrap_or(0).min(reached + 1) {
                    faults.push(format!(
                        "a watch of {:?} was told of {} before its start",
                        watch.prefix, event.revision
                    ));
                }
                if !told.insert((event.revision, event.key.as_str())) {
                    faults.push(format!(
                        "a watch of {:?} was told twice of {} at revision {}",
                        watch.prefix, event.key, event.revision
                    ));
                }
                reached = reached.max(event.revision);
            }
        }
    }
    owed(next.unwrap_or(0), watch.upto.max(reached) + 1);
    truth.iter().find(|((revision, key), _)| {
        due.contains(&(*revision, key.as_str())) && !told.contains(&(*revision, key.as_str()))
    })
}

/// Is every acknowledged write there, at its revision and with its value?
fn lost(history: &History, truth: &Truth, faults: &mut Vec<String>) {
    for write in &history.writes {
        let Outcome::Done(revision) = write.outcome else { continue };
        let key = (revision, write.key.clone());
        match truth.get(&key) {
            Some(value) if *value == write.value => (),
            other => faults.push(format!(
                "lost: {} = {:?} was acknowledged at revision {revision}; there is {other:?}",
                write.key, write.value
            )),
        }
    }
}

/// Has every change a cause, and no value two?
fn unexplained(history: &History, truth: &Truth, faults: &mut Vec<String>) {
    let mut values: BTreeMap<(&str, &str), Outcome> = BTreeMap::new();
    let (mut deletions, mut unknown) = (BTreeSet::new(), BTreeMap::<&str, usize>::new());
    for write in &history.writes {
        match (&write.value, write.outcome) {
            (Some(value), outcome) => drop(values.insert((&write.key, value), outcome)),
            (None, Outcome::Done(revision)) => {
                deletions.insert((revision, write.key.as_str()));
            }
            (None, Outcome::Unknown) => *unknown.entry(&write.key).or_default() += 1,
            (None, Outcome::Nothing) => (),
        }
    }
    let ended: BTreeSet<&str> = history.leases.iter().map(|lease| lease.key.as_str()).collect();
    let mut seen = BTreeSet::new();
    for ((revision, key), value) in truth {
        let Some(value) = value else {
            let known =
                deletions.contains(&(*revision, key.as_str())) || ended.contains(key.as_str());
            let left = unknown.entry(key).or_default();
            match (known, *left) {
                (true, _) => (),
                (false, 0) => faults.push(format!("nobody deleted {key} at revision {revision}")),
                (false, _) => *left -= 1,
            }
            continue;
        };
        if !seen.insert((key, value)) {
            faults.push(format!("{key} = {value} happened twice, again at revision {revision}"));
        }
        match values.get(&(key.as_str(), value.as_str())) {
            Some(Outcome::Unknown) => (),
            Some(Outcome::Done(right)) if right == revision => (),
            cause => faults.push(format!(
                "{key} = {value} at revision {revision}, but its write came to {cause:?}"
            )),
        }
    }
}

/// Real time, over all clients: whatever begins after another call ended sees
/// at least that one's revision, and a write a higher one.
fn stale(history: &History, faults: &mut Vec<String>) {
    let writes = history.writes.iter().filter_map(|write| match write.outcome {
        Outcome::Done(revision) => Some((write.begun, write.ended, revision, true)),
        _ => None,
    });
    let reads = history.reads.iter().filter(|read| read.linearizable);
    let reads = reads.map(|read| (read.begun, read.ended, read.revision, false));
    let calls: Vec<(Moment, Moment, i64, bool)> = writes.chain(reads).collect();
    let mut begins: Vec<_> = calls.iter().collect();
    begins.sort_unstable();
    let mut ends = begins.clone();
    ends.sort_unstable_by_key(|call| call.1);
    let (mut ends, mut newest) = (ends.into_iter().peekable(), 0);
    for (begun, _, revision, is_write) in begins {
        while let Some(ended) = ends.next_if(|call| call.1 < *begun) {
            newest = newest.max(ended.2);
        }
        if *revision < newest || (*is_write && *revision == newest) {
            let what = if *is_write { "a write" } else { "a linearizable read" };
            faults.push(format!("stale: {what} that began at {begun} µs saw revision {revision}, after {newest} had been told"));
        }
    }
}

/// Does a read, of either kind, show what the key held at the revision that it names?
fn wrong(
    read: &Read,
    keys: &BTreeMap<&str, BTreeMap<i64, Option<&str>>>,
    faults: &mut Vec<String>,
) {
    let newest =
        keys.get(read.key.as_str()).and_then(|all| all.range(..=read.revision).next_back());
    let right = newest.and_then(|(revision, value)| value.map(|value| (value, *revision)));
    let held = read.held.as_ref().map(|(value, revision)| (value.as_str(), *revision));
    if right != held {
        faults.push(format!(
            "a read of {} as of revision {} shows {held:?}; it held {right:?}",
            read.key, read.revision
        ));
    }
}

/// Did every counter go up by one each time? A step is taken only if the key is as
/// it was left, so that one of unknown fate can neither be lost nor repeated.
fn counted(keys: &BTreeMap<&str, BTreeMap<i64, Option<&str>>>, faults: &mut Vec<String>) {
    for (key, all) in keys.iter().filter(|(key, _)| key.starts_with(COUNTERS)) {
        let number =
            |value: &str| value.split('.').next().and_then(|text| text.parse::<u64>().ok());
        for (right, (revision, value)) in (1u64..).zip(all) {
            let count = value.and_then(number);
            if count != Some(right) {
                faults.push(format!("{key} counts {count:?} at revision {revision}, not {right}"));
                break;
            }
        }
    }
}

/// Did the key live as long as its lease was renewed, and no renewal succeed after its end?
fn leased(
    lease: &Leased,
    watches: &[Watched],
    keys: &BTreeMap<&str, BTreeMap<i64, Option<&str>>>,
    faults: &mut Vec<String>,
) {
    let all = keys.get(lease.key.as_str());
    let gone = all.and_then(|all| all.range(lease.revision..).find(|(_, value)| value.is_none()));
    let Some((revision, _)) = gone else { return };
    // The first watch that was told: it happened no later than that.
    let told = watches
        .iter()
        .flat_map(events)
        .filter(|(event, _)| event.revision == *revision && event.key == lease.key);
    let Some(at) = told.map(|(_, at)| at).min() else { return };
    for (begun, ended) in &lease.renewals {
        let lives = begun + lease.ttl;
        if at < lives && *ended <= at {
            faults.push(format!(
                "{} went at {at} µs, though its lease was renewed until {lives}",
                lease.key
            ));
        }
        if at < *begun {
            faults.push(format!(
                "{} went at {at} µs, and its lease was renewed after that",
                lease.key
            ));
        }
    }
}
