//! A good run, damaged in one place that a seed chooses: the judges must see it.
//!
//! Some damage cannot be seen, because nobody was promised anything about it;
//! each such kind says why, and how often it was seen is printed.
#![allow(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the message"
)]

use base::prng::Prng;
use base::{Index, Revision};
use core::time::Duration;
use kv::command::{Command, KeyValue, KvError, OpReply, Reply};
use node::event::{Answer, Level, Query, Refused};
use sim::check::evidence::Evidence;
use sim::check::replay::Replay;
use sim::history::{Op, Outcome, What};
use sim::world::Keep;
use sim::{Options, run};
use std::io::Write;

/// Runs that are damaged.
const SEEDS: [u64; 3] = [3, 11, 27];
/// How often each kind is tried on each of them.
const TRIES: u64 = 8;

/// Damages something; says whether it found anything to damage.
type Damage = fn(&mut Evidence, &mut Prng) -> bool;

struct Kind {
    name: &'static str,
    damage: Damage,
    /// Why some of it cannot be seen.
    unseen: Option<&'static str>,
}

const fn always(name: &'static str, damage: Damage) -> Kind {
    Kind { name, damage, unseen: None }
}

const fn mostly(name: &'static str, unseen: &'static str, damage: Damage) -> Kind {
    Kind { name, damage, unseen: Some(unseen) }
}

fn kinds() -> Vec<Kind> {
    vec![
        always("an acknowledged write is lost", |it, prng| lose(it, prng, true)),
        mostly("a write of unknown fate is lost", "nobody may have seen it", |it, prng| {
            lose(it, prng, false)
        }),
        always("an entry is there twice", |it, prng| {
            let places = written(it, true);
            let Some(place) = prng.pick(&places).copied() else { return false };
            let again = it.lines[place].clone();
            it.lines.insert(place + 1, again);
            level(it)
        }),
        mostly("two writes are swapped", "they may have overlapped, and commute", swap),
        always("a write that is there was said to have failed", |it, prng| {
            let places = written(it, true);
            let Some(asked) = prng.pick(&places).and_then(|place| asked(it, *place)) else {
                return false;
            };
            it.history.ops[asked].outcome = Outcome::Failed(Refused::NoLeader);
            true
        }),
        always("an answer names another revision", |it, prng| {
            reply(
                it,
                prng,
                |op, _| matches!(op.what, What::Write(..)),
                |reply, prng| {
                    let back = prng.chance(1, 2);
                    reply.revision =
                        if back { reply.revision.prev() } else { reply.revision.next() };
                    true
                },
            )
        }),
        always("a read shows another value", |it, prng| {
            pair(it, prng, |kv| kv.value = "never".into())
        }),
        always("a read shows another creation", |it, prng| {
            pair(it, prng, |kv| kv.create = kv.create.next())
        }),
        always("a read shows another version", |it, prng| pair(it, prng, |kv| kv.version += 1)),
        always("a read lacks a pair", |it, prng| {
            reply(it, prng, read_pairs, |reply, prng| {
                let Ok(OpReply::Range(range)) = &mut reply.result else { return false };
                range.kvs.remove(prng.below(range.kvs.len() as u64) as usize);
                true
            })
        }),
        mostly("a read is of one revision before", "it may have begun before that was over", stale),
        mostly(
            "a revision that is kept is said to be gone",
            "it may have been gone just then",
            |it, prng| {
                reply(it, prng, read_old, |reply, _| {
                    let oldest = reply.revision;
                    reply.result = Err(KvError::Compacted { oldest });
                    true
                })
            },
        ),
        mostly(
            "a retry is answered otherwise",
            "it is the only one that was answered",
            |it, prng| {
                let numbered = |op: &Op, _: &Answer| matches!(op.what, What::Write(_, Some(_)));
                reply(it, prng, numbered, |reply, _| {
                    reply.result = Err(KvError::LeaseTtlTooLarge);
                    true
                })
            },
        ),
        always("an event is missing", |it, prng| {
            tale(it, prng, 3, |told, place| drop(told.remove(place.max(1))))
        }),
        always("an event is repeated", |it, prng| {
            tale(it, prng, 2, |told, place| told.insert(place, told[place].clone()))
        }),
        always("two events are out of order", |it, prng| {
            tale(it, prng, 2, |told, place| told.swap(place.max(1), place.max(1) - 1))
        }),
        always("an event has another value", |it, prng| {
            event(it, prng, |kv| kv.value = "never".into())
        }),
        always("an event has a wrong create flag", |it, prng| {
            event(it, prng, |kv| {
                (kv.create, kv.version) =
                    if kv.version == 1 { (Revision(1), 9) } else { (kv.modified, 1) };
            })
        }),
        always("a revision is torn", |it, prng| {
            let whole: Vec<(usize, usize)> = places(it, |batch| batch.1.len() > 1);
            let Some((tale, place)) = prng.pick(&whole).copied() else { return false };
            it.history.tales[tale].told[place].1.pop();
            true
        }),
        mostly("the pair before is missing", "at a compacted revision it may be", |it, prng| {
            let with = places(it, |batch| batch.1.iter().any(|it| it.previous.is_some()));
            let Some((tale, place)) = prng.pick(&with).copied() else { return false };
            let changes = &mut it.history.tales[tale].told[place].1;
            changes.iter_mut().for_each(|change| change.previous = None);
            true
        }),
        always("progress is told too early", |it, prng| {
            let told = places(it, |_| true);
            let Some((tale, place)) = prng.pick(&told).copied() else { return false };
            let tale = &mut it.history.tales[tale];
            tale.progress.push((tale.told[place].0, place));
            true
        }),
        mostly("a lease ends half a second sooner", "it may have ended late", |it, prng| {
            let ends = |it: &Evidence, place: usize| {
                let body = it.lines[place].entry.body.clone();
                let command = kv::encode::decode(body).map(|(_, command)| command);
                matches!(command, Ok(Command::LeaseExpire { .. }))
            };
            let all: Vec<usize> = (0..it.lines.len()).filter(|place| ends(it, *place)).collect();
            let Some(place) = prng.pick(&all).copied() else { return false };
            // Nothing else is out of order by that.
            for line in it.lines.iter_mut().skip(place) {
                line.at.time += Duration::from_millis(1);
            }
            let line = &mut it.lines[place];
            line.at.time = base::Time(line.at.time.0.saturating_sub(501_000_000));
            line.entry.clock = line.entry.clock.saturating_sub(500);
            true
        }),
        mostly(
            "a renewal is of a lease that is gone",
            "it may have ended just then",
            |it, prng| {
                let renewed = |op: &Op| match &op.outcome {
                    Outcome::Ok(Answer::Lease { told, .. }) => told.ttl_s > 0,
                    _ => false,
                };
                let all: Vec<usize> = ops(it, renewed);
                let Some(place) = prng.pick(&all).copied() else { return false };
                let Outcome::Ok(Answer::Lease { told, keys }) = &mut it.history.ops[place].outcome
                else {
                    return false;
                };
                (told.ttl_s, told.remaining_ms) = (0, 0);
                keys.clear();
                true
            },
        ),
        always("log time goes back", |it, prng| {
            let place = prng.between(1, it.lines.len() as u64 - 1) as usize;
            it.lines[place - 1].entry.clock += 1;
            it.lines[place].entry.clock = 0;
            true
        }),
        always("a node holds less than the others", |it, prng| {
            let node = prng.below(it.held.len() as u64) as usize;
            it.held[node] = it.held[node].prev();
            true
        }),
        always("a refusal has no reason", |it, prng| {
            let all = ops(it, |op| matches!(op.outcome, Outcome::Unknown));
            let Some(place) = prng.pick(&all).copied() else { return false };
            it.history.ops[place].outcome = Outcome::Failed(Refused::NoSuchKeyspace);
            true
        }),
    ]
}

/// Which request an entry is for.
fn asked(it: &Evidence, line: usize) -> Option<usize> {
    let (envelope, _) = kv::encode::decode(it.lines[line].entry.body.clone()).ok()?;
    usize::try_from(envelope.wall_ms).ok()?.checked_sub(1)
}

/// The entries of requests that were acknowledged, or of those of unknown fate.
fn written(it: &Evidence, acknowledged: bool) -> Vec<usize> {
    let of = |line: &usize| {
        let op = asked(it, *line).and_then(|place| it.history.ops.get(place));
        op.is_some_and(|op| op.answered().is_some() == acknowledged)
    };
    (0..it.lines.len()).filter(of).collect()
}

/// Nobody may notice it by counting entries.
fn level(it: &mut Evidence) -> bool {
    it.held.fill(Index(it.lines.len() as u64));
    true
}

fn lose(it: &mut Evidence, prng: &mut Prng, acknowledged: bool) -> bool {
    let places = written(it, acknowledged);
    let Some(place) = prng.pick(&places).copied() else { return false };
    it.lines.remove(place);
    level(it)
}

fn swap(it: &mut Evidence, prng: &mut Prng) -> bool {
    let places = written(it, true);
    let pairs: Vec<usize> =
        places.windows(2).filter(|two| two[0] + 1 == two[1]).map(|two| two[0]).collect();
    let Some(place) = prng.pick(&pairs).copied() else { return false };
    it.lines.swap(place, place + 1);
    let (one, two) = (it.lines[place].clone(), it.lines[place + 1].clone());
    (it.lines[place].at, it.lines[place].entry.clock) = (two.at, two.entry.clock);
    (it.lines[place + 1].at, it.lines[place + 1].entry.clock) = (one.at, one.entry.clock);
    true
}

fn ops(it: &Evidence, which: impl Fn(&Op) -> bool) -> Vec<usize> {
    let all = it.history.ops.iter().enumerate();
    all.filter(|(_, op)| which(op)).map(|(place, _)| place).collect()
}

/// One of the answers of the keyspace that fit is changed.
fn reply(
    it: &mut Evidence,
    prng: &mut Prng,
    which: fn(&Op, &Answer) -> bool,
    change: fn(&mut Reply, &mut Prng) -> bool,
) -> bool {
    let fits = |op: &Op| {
        op.answered().is_some_and(|(_, answer)| {
            let good = matches!(answer, Answer::Kv(reply) if reply.result.is_ok());
            good && which(op, answer)
        })
    };
    let all = ops(it, fits);
    let Some(place) = prng.pick(&all).copied() else { return false };
    let Outcome::Ok(Answer::Kv(reply)) = &mut it.history.ops[place].outcome else { return false };
    change(reply, prng)
}

fn read_pairs(op: &Op, answer: &Answer) -> bool {
    let Answer::Kv(Reply { result: Ok(OpReply::Range(range)), .. }) = answer else { return false };
    matches!(op.what, What::Read(..)) && !range.kvs.is_empty()
}

fn read_old(op: &Op, answer: &Answer) -> bool {
    let Answer::Kv(reply) = answer else { return false };
    match &op.what {
        What::Read(Query::Range(query), _) => query.revision.is_some_and(|at| at < reply.revision),
        _ => false,
    }
}

fn pair(it: &mut Evidence, prng: &mut Prng, change: fn(&mut KeyValue)) -> bool {
    let all = ops(it, |op| op.answered().is_some_and(|(_, answer)| read_pairs(op, answer)));
    let Some(place) = prng.pick(&all).copied() else { return false };
    let Outcome::Ok(Answer::Kv(reply)) = &mut it.history.ops[place].outcome else { return false };
    let Ok(OpReply::Range(range)) = &mut reply.result else { return false };
    let place = prng.below(range.kvs.len() as u64) as usize;
    change(&mut range.kvs[place]);
    true
}

/// A linearizable read is answered as it would have been one revision before.
fn stale(it: &mut Evidence, prng: &mut Prng) -> bool {
    let replay = Replay::new(&it.lines).expect("a log");
    let mut before = Vec::new();
    for (place, op) in it.history.ops.iter().enumerate() {
        let What::Read(query @ Query::Range(range), Level::Linearizable) = &op.what else {
            continue;
        };
        let Some((_, Answer::Kv(reply))) = op.answered() else { continue };
        let old = replay.steps.iter().rposition(|step| step.revision < reply.revision);
        let Some(step) = old.and_then(|place| replay.steps.get(place)) else { continue };
        let answer = replay.model.read(step.revision, &step.rest, query);
        if range.revision.is_none() && answer.result != reply.result {
            before.push((place, answer));
        }
    }
    let Some((place, answer)) = prng.pick(&before).cloned() else { return false };
    it.history.ops[place].outcome = Outcome::Ok(Answer::Kv(answer));
    true
}

type Batch = sim::history::Batch;

/// The batches that fit, of all tales that have some behind and before them.
fn places(it: &Evidence, which: impl Fn(&Batch) -> bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (tale, told) in it.history.tales.iter().enumerate() {
        let fits = told.told.iter().enumerate().filter(|(_, batch)| which(batch));
        found.extend(fits.map(|(place, _)| (tale, place)));
    }
    found
}

fn tale(
    it: &mut Evidence,
    prng: &mut Prng,
    least: usize,
    change: fn(&mut Vec<Batch>, usize),
) -> bool {
    let long: Vec<usize> = (0..it.history.tales.len())
        .filter(|place| it.history.tales[*place].told.len() >= least)
        .collect();
    let Some(tale) = prng.pick(&long).copied() else { return false };
    let told = &mut it.history.tales[tale].told;
    // The last one may be missing where the tale broke off.
    let place = prng.below(told.len() as u64 - 1) as usize;
    change(told, place);
    true
}

fn event(it: &mut Evidence, prng: &mut Prng, change: fn(&mut KeyValue)) -> bool {
    let puts = places(it, |batch| batch.1.iter().any(|change| !change.deleted));
    let Some((tale, place)) = prng.pick(&puts).copied() else { return false };
    let changes = &mut it.history.tales[tale].told[place].1;
    let Some(put) = changes.iter_mut().find(|change| !change.deleted) else { return false };
    let mut kv = KeyValue::from(put.kv.clone());
    change(&mut kv);
    put.kv = kv.into();
    true
}

#[test]
fn what_is_damaged_in_a_good_run_is_seen() {
    let keep = Keep { evidence: true, ..Keep::default() };
    let runs: Vec<Evidence> = SEEDS
        .iter()
        .map(|seed| run(Options { seed: *seed, keep, ..Options::default() }))
        .map(|report| {
            assert!(report.passed(), "{report}");
            report.evidence.expect("it was asked for")
        })
        .collect();
    let (mut prng, mut out, mut missed) = (Prng::new(1), std::io::stdout(), Vec::new());
    writeln!(out, "damage that was seen, of {} tries each", TRIES * SEEDS.len() as u64)
        .expect("room");
    for Kind { name, damage, unseen } in kinds() {
        let (mut tried, mut seen) = (0, 0);
        for good in &runs {
            for _ in 0..TRIES {
                let mut bad = good.clone();
                if damage(&mut bad, &mut prng) {
                    tried += 1;
                    seen += u64::from(!bad.judge().is_empty());
                }
            }
        }
        let why = unseen.map(|why| format!(" ({why})")).unwrap_or_default();
        writeln!(out, "  {seen:3} of {tried:3}: {name}{why}").expect("room");
        if tried == 0 || seen == 0 || (unseen.is_none() && seen < tried) {
            missed.push(name);
        }
    }
    assert!(missed.is_empty(), "not seen: {missed:?}");
}
