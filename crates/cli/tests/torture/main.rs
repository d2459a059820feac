//! Torture of real processes: nodes are killed and frozen while clients write,
//! read, watch, compact and hold leases; then what the clients saw is judged.
//!
//! `cargo test` runs a few rounds; `cargo xtask soak torture` and `soak stop`
//! many. The seed decides which fault hits whom; it is printed first. When
//! things happen is the machine's business, so a seed repeats the faults and not
//! the run.

mod check;
#[cfg(test)]
mod check_tests;
mod clients;
#[path = "../harness/mod.rs"]
mod harness;
mod history;
mod nodes;
mod proof;
mod seed;

use clients::{PREFIX, Shared, World};
use harness::wait_until;
use nodes::{NODES, Nodes};
use proof::Proof;
use seed::Seed;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Rounds of `cargo test`.
const FEW: u64 = 4;
/// Writers of shared keys, and as many with a key of their own.
const OWN: usize = 4;
/// Writes that must be acknowledged after a fault before the next one comes.
const PROGRESS: u64 = 60;
/// Large values during a long absence: far more than a log in memory keeps for
/// those who lag behind, and several segments.
const BALLAST: u64 = 160;
/// Every so many rounds somebody is away for long, whatever the seed says; the
/// first time in the second round, so that a short run sees it too.
const LONG_EVERY: u64 = 20;
/// So many rounds are told about at once in a long run.
const TOLD_EVERY: u64 = 5;
/// The longest gap after a freeze of the leader that `soak stop` forgives.
const STOP_GAP_MAX: Duration = Duration::from_millis(2500);

#[test]
fn nothing_that_was_promised_is_broken() {
    let rounds = asked("TRIMARAN_SOAK_TORTURE");
    let seed = asked("TRIMARAN_SOAK_SEED").unwrap_or(1);
    torture("torture", rounds.unwrap_or(FEW), seed, rounds.is_some());
}

/// A leader that is frozen keeps its sockets, so that only silence tells.
#[test]
fn writes_go_on_without_a_frozen_leader() {
    let rounds = asked("TRIMARAN_SOAK_STOP");
    let runtime = Runtime::new().expect("a runtime");
    let mut nodes = Nodes::up("torture-stop");
    let world = World::new(nodes.endpoints());
    let tasks: Vec<_> = (0..4).map(|at| runtime.spawn(clients::count(world.clone(), at))).collect();
    let mut late = 0;
    for round in 1..=rounds.unwrap_or(1) {
        progress(&world, &mut nodes);
        let leader = nodes.wait_for_a_leader(&runtime);
        let gap = froze(&world, &nodes, leader);
        println!("round {round}: n{leader} frozen, writes were out for {} ms", gap.as_millis());
        late += u64::from(gap > STOP_GAP_MAX);
        nodes.resume(leader);
    }
    world.stop.store(true, Ordering::Relaxed);
    tasks.into_iter().for_each(|task| runtime.block_on(task).expect("no client panics"));
    assert!(rounds.is_none() || late == 0, "{late} gaps were longer than {STOP_GAP_MAX:?}");
}

/// From the freeze to the end of the first write that began after it.
fn froze(world: &Shared, nodes: &Nodes, leader: usize) -> Duration {
    nodes.pause(leader);
    let at = world.notes.now();
    let mut first = None;
    wait_until("writes are accepted again", || {
        first = world.notes.with(|history| {
            let after = history.writes.iter().rev().take_while(|write| write.ended > at);
            let done = after.filter(|write| {
                write.begun > at && matches!(write.outcome, history::Outcome::Done(_))
            });
            done.map(|write| write.ended).min()
        });
        first.is_some()
    });
    let ended = first.expect("it was waited for");
    Duration::from_micros(ended - at)
}

fn asked(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn torture(name: &str, rounds: u64, seed: u64, long: bool) {
    println!("torture: {rounds} rounds, seed {seed}");
    let runtime = Runtime::new().expect("a runtime");
    let mut nodes = Nodes::up(name);
    println!("torture: frequent checkpoints: {:?}", nodes.often());
    let world = World::new(nodes.endpoints());
    let tasks = start(&world, &runtime, seed);
    let mut faults = BTreeMap::<String, u64>::new();
    let mut chance = Seed(seed);
    for round in 1..=rounds {
        progress(&world, &mut nodes);
        let long_for_sure = round % LONG_EVERY == 2;
        let what = one_round(&mut nodes, &runtime, &mut chance, &world, long_for_sure);
        *faults.entry(what).or_default() += 1;
        if long && round % TOLD_EVERY == 0 {
            let so_far = Proof::of(&world, &nodes).so_far();
            println!("round {round} of {rounds}: {faults:?}\n  {so_far}");
        }
    }
    progress(&world, &mut nodes);
    world.stop.store(true, Ordering::Relaxed);
    tasks.into_iter().for_each(|task| runtime.block_on(task).expect("no client panics"));
    // Nobody renews any lease now, and nothing fails any more.
    wait_until("dead leases took their keys", || runtime.block_on(no_leased_key(&world)));
    for at in 0..NODES {
        runtime.block_on(clients::look_at_the_end(world.clone(), at, OWN));
    }
    let hashes = runtime.block_on(hashes(&nodes));
    let proof = Proof::of(&world, &nodes);
    report(&world, rounds, &faults, &proof);
    let found = world.notes.with(|history| check::faults(history));
    assert!(found.is_empty(), "seed {seed}:\n{}", found.join("\n"));
    assert!(hashes.iter().all(|hash| Some(hash) == hashes.first()), "{hashes:?}");
    let missing = proof.missing(rounds);
    assert!(missing.is_empty(), "all is well, but {}: {proof}", missing.join(", "));
}

fn start(world: &Shared, runtime: &Runtime, seed: u64) -> Vec<JoinHandle<()>> {
    let chance = |number: u64| Seed(seed.wrapping_mul(1000) + number);
    let mut tasks = Vec::new();
    for at in 0..OWN {
        tasks.push(runtime.spawn(clients::write(world.clone(), at, chance(at as u64))));
        tasks.push(runtime.spawn(clients::count(world.clone(), at)));
    }
    for at in 0..NODES {
        tasks.push(runtime.spawn(clients::read(world.clone(), at, chance(10 + at as u64))));
    }
    let prefixes = [
        ("", false),
        ("", false),
        ("shared/", false),
        ("own/", false),
        ("", true),
        ("lease/", true),
    ];
    for (number, (prefix, lag)) in prefixes.into_iter().enumerate() {
        let prefix = format!("{PREFIX}{prefix}");
        let watch = clients::watch(world.clone(), number, prefix, lag, chance(20 + number as u64));
        tasks.push(runtime.spawn(watch));
    }
    for number in 0..4 {
        tasks.push(runtime.spawn(clients::hold(world.clone(), number, number % 2 == 0)));
    }
    tasks.push(runtime.spawn(clients::load(world.clone())));
    tasks.push(runtime.spawn(clients::compact(world.clone(), chance(40))));
    tasks
}

/// Waits until clients have written enough.
fn progress(world: &Shared, nodes: &mut Nodes) {
    let enough = world.acknowledged.load(Ordering::Relaxed) + PROGRESS;
    wait_until("writes are acknowledged", || {
        let ended = nodes.ended_by_itself();
        assert!(ended.is_none(), "{}", ended.unwrap_or_default());
        world.acknowledged.load(Ordering::Relaxed) >= enough
    });
}

/// One fault, half of the time at the leader; writes go on without the victim, and it comes back.
fn one_round(
    nodes: &mut Nodes,
    runtime: &Runtime,
    chance: &mut Seed,
    world: &Shared,
    long_for_sure: bool,
) -> String {
    let leader = nodes.wait_for_a_leader(runtime);
    let other = 1 + usize::try_from(chance.below(2)).expect("small");
    let victim = if chance.one_in(2) { leader } else { (leader + other) % NODES };
    let who = if victim == leader { "the leader" } else { "a follower" };
    // Sometimes it is back before the others have noticed much.
    let brief = chance.one_in(4).then(|| Duration::from_millis(chance.below(600)));
    let brief = brief.filter(|_| !long_for_sure);
    let kill = chance.one_in(2);
    let long = long_for_sure || (brief.is_none() && chance.one_in(6));
    if kill {
        nodes.kill(victim)
    } else {
        nodes.pause(victim)
    }
    match brief {
        Some(brief) => std::thread::sleep(brief),
        None => {
            let enough = world.acknowledged.load(Ordering::Relaxed) + PROGRESS;
            let filled = world.ballast.load(Ordering::Relaxed) + if long { BALLAST } else { 0 };
            world.flood.store(long, Ordering::Relaxed);
            wait_until("writes go on without it", || {
                world.acknowledged.load(Ordering::Relaxed) >= enough
                    && world.ballast.load(Ordering::Relaxed) >= filled
            });
            world.flood.store(false, Ordering::Relaxed);
        }
    }
    if kill {
        nodes.start(victim)
    } else {
        nodes.resume(victim)
    }
    let how = if kill { "killed" } else { "frozen" };
    let span = if long { " for long" } else { "" };
    format!("{who} {how}{}", if brief.is_some() { " briefly" } else { span })
}

async fn no_leased_key(world: &Shared) -> bool {
    let client = client::Client::connect(&world.endpoints, client::Timeouts::default());
    let request = client::wire::RangeRequest {
        key: format!("{PREFIX}lease/").into(),
        range_end: format!("{PREFIX}lease0").into(),
        count_only: true,
        ..Default::default()
    };
    let answer = client.expect("endpoints are fine").range(request).await;
    answer.is_ok_and(|answer| answer.count == 0)
}

/// The sum over each node's history, once all have applied the same.
async fn hashes(nodes: &Nodes) -> Vec<(u32, i64, i64)> {
    let client = client::Client::connect(&nodes.endpoints(), clients::PATIENT);
    let request = client::wire::RangeRequest { key: "x".into(), ..Default::default() };
    let client = client.expect("endpoints are fine");
    let newest = client.range(request.clone()).await.expect("all is well again");
    let revision = newest.header.map_or(0, |header| header.revision);
    let mut hashes = Vec::new();
    for endpoint in nodes.endpoints() {
        let one = client::Client::connect(&[endpoint], clients::PATIENT);
        let one = one.expect("the endpoint is fine");
        // A read that all agree on: then this node has applied what they have.
        one.range(request.clone()).await.expect("each node serves again");
        let hash = one.hash_kv(revision).await.expect("each node has a hash");
        hashes.push((hash.hash, hash.compact_revision, revision));
    }
    hashes
}

fn report(world: &Shared, rounds: u64, faults: &BTreeMap<String, u64>, proof: &Proof) {
    println!("{rounds} rounds, faults: {faults:?}");
    println!("{proof}");
    world.notes.with(|history| {
        let steps: usize = history.watches.iter().map(|watch| watch.steps.len()).sum();
        println!(
            "{} serializable reads, {steps} steps of watches, {} leases lapsed while kept",
            history.reads.len() - proof.reads,
            world.lapsed.load(Ordering::Relaxed)
        );
    });
    println!(
        "not tested here: power cuts, sick disks, partitions, clocks, transactions over many keys"
    );
}
