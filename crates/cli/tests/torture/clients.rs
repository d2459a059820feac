//! Those who write, read, watch, compact and hold leases while nodes come and go.

use crate::check::COUNTERS;
use crate::history::{Event, Held, Leased, Notes, Outcome, Read, Step, Watched, Write};
use crate::seed::Seed;
use client::mvccpb::event::EventType;
use client::wire::request_op::Request;
use client::wire::{
    CompactionRequest, Compare, DeleteRangeRequest, LeaseGrantRequest, PutRequest, RangeRequest,
    RequestOp, TxnRequest, WatchCreateRequest, WatchResponse,
};
use client::{Client, Error, Timeouts};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(crate) const PREFIX: &str = "t/";
const SHARED_KEYS: u64 = 8;
const BALLAST_BYTES: usize = 64 << 10;
/// For what must come to be, however busy the machine is.
pub(crate) const PATIENT: Timeouts =
    Timeouts { dial: Duration::from_secs(60), command: Duration::from_secs(60) };
/// A writer that never rests would only measure the disk.
const PAUSE: Duration = Duration::from_millis(4);

/// What all clients share.
pub(crate) struct World {
    pub(crate) notes: Notes,
    pub(crate) endpoints: Vec<String>,
    pub(crate) stop: AtomicBool,
    /// Acknowledged writes so far.
    pub(crate) acknowledged: AtomicU64,
    /// Large values written, so that the log grows and its segments retire.
    pub(crate) ballast: AtomicU64,
    /// Large values come one after another: somebody is away for long.
    pub(crate) flood: AtomicBool,
    pub(crate) compactions: AtomicU64,
    pub(crate) compacted_watches: AtomicU64,
    pub(crate) resumed_watches: AtomicU64,
    pub(crate) lapsed: AtomicU64,
    /// Up to where the historian was told; nothing above it is compacted.
    pub(crate) told: AtomicI64,
}

pub(crate) type Shared = Arc<World>;

impl World {
    pub(crate) fn new(endpoints: Vec<String>) -> Shared {
        Arc::new(Self {
            notes: Notes::new(),
            endpoints,
            stop: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            ballast: AtomicU64::new(0),
            flood: AtomicBool::new(false),
            compactions: AtomicU64::new(0),
            compacted_watches: AtomicU64::new(0),
            resumed_watches: AtomicU64::new(0),
            lapsed: AtomicU64::new(0),
            told: AtomicI64::new(0),
        })
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// A client that begins at the node `first` and has the others for when that fails.
    fn client(&self, first: usize) -> Client {
        let mut endpoints = self.endpoints.clone();
        endpoints.rotate_left(first % self.endpoints.len());
        let brief = Timeouts { dial: Duration::from_millis(500), command: Duration::from_secs(2) };
        Client::connect(&endpoints, brief).expect("endpoints are fine")
    }

    /// A client that knows only one node.
    fn client_of(&self, at: usize) -> Client {
        let endpoint = self.endpoints.get(at % self.endpoints.len()).expect("a node");
        let brief = Timeouts { dial: Duration::from_millis(500), command: Duration::from_secs(2) };
        Client::connect(&[endpoint], brief).expect("the endpoint is fine")
    }

    fn wrote(&self, key: &str, value: Option<String>, begun: u64, outcome: Outcome) {
        let ended = self.notes.now();
        if matches!(outcome, Outcome::Done(_)) {
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        let write = Write { key: key.to_owned(), value, begun, ended, outcome };
        self.notes.with(|history| history.writes.push(write));
    }
}

/// Nothing was changed, or nobody knows.
fn without_answer(error: &Error) -> Outcome {
    match error {
        Error::Refused { .. } | Error::Unreachable { .. } => Outcome::Nothing,
        _ => Outcome::Unknown,
    }
}

fn revision(header: Option<&client::wire::ResponseHeader>) -> i64 {
    header.map_or(0, |header| header.revision)
}

fn put(key: &str, value: &str) -> PutRequest {
    let (key, value) = (key.to_owned().into(), value.to_owned().into());
    PutRequest { key, value, ..PutRequest::default() }
}

/// Puts and deletions of keys that all writers share.
pub(crate) async fn write(world: Shared, number: usize, mut seed: Seed) {
    let client = world.client(number);
    for count in 0u64.. {
        if world.stopped() {
            return;
        }
        let key = format!("{PREFIX}shared/{}", seed.below(SHARED_KEYS));
        let begun = world.notes.now();
        if seed.one_in(10) {
            let request = DeleteRangeRequest { key: key.clone().into(), ..Default::default() };
            match client.delete(request).await {
                Ok(answer) if answer.deleted == 0 => {
                    let (ended, revision) = (world.notes.now(), revision(answer.header.as_ref()));
                    let read = Read { key, begun, ended, linearizable: true, revision, held: None };
                    world.notes.with(|history| history.reads.push(read));
                }
                Ok(answer) => {
                    let at = revision(answer.header.as_ref());
                    world.wrote(&key, None, begun, Outcome::Done(at));
                }
                Err(error) => world.wrote(&key, None, begun, without_answer(&error)),
            }
        } else {
            let value = format!("{number}.{count}");
            let outcome = match client.put(put(&key, &value)).await {
                Ok(answer) => Outcome::Done(revision(answer.header.as_ref())),
                Err(error) => without_answer(&error),
            };
            world.wrote(&key, Some(value), begun, outcome);
        }
        sleep(PAUSE).await;
    }
}

/// Values that are not judged: they fill the log, so that whoever is away for
/// long finds that the others have dropped what it lacks.
pub(crate) async fn load(world: Shared) {
    let client = world.client(2);
    while !world.stopped() {
        let number = world.ballast.load(Ordering::Relaxed) % 16;
        let request = PutRequest {
            key: format!("ballast/{number}").into(),
            value: vec![b'x'; BALLAST_BYTES].into(),
            ..PutRequest::default()
        };
        let done = client.put(request).await.is_ok();
        world.ballast.fetch_add(u64::from(done), Ordering::Relaxed);
        if !(done && world.flood.load(Ordering::Relaxed)) {
            sleep(5 * PAUSE).await;
        }
    }
}

/// A counter of one's own: each step only if the key is as it was left.
pub(crate) async fn count(world: Shared, number: usize) {
    let client = world.client(number);
    let key = format!("{COUNTERS}{number}");
    let (mut at, mut counted) = (0i64, 0u64);
    for attempt in 0u64.. {
        if world.stopped() {
            return;
        }
        let value = format!("{}.{attempt}", counted + 1);
        let begun = world.notes.now();
        let outcome = match client.txn(step(&key, at, &value)).await {
            Ok(answer) if answer.succeeded => Outcome::Done(revision(answer.header.as_ref())),
            // Somebody wrote: an earlier step of ours whose fate was unknown.
            Ok(_) => Outcome::Nothing,
            Err(error) => without_answer(&error),
        };
        world.wrote(&key, Some(value), begun, outcome);
        if let Outcome::Done(revision) = outcome {
            (at, counted) = (revision, counted + 1);
        } else if let Some((value, revision)) = look(&world, &client, &key, true).await.flatten() {
            let number = value.split('.').next().and_then(|text| text.parse().ok());
            (at, counted) = (revision, number.expect("our own number"));
        }
        sleep(PAUSE).await;
    }
}

fn step(key: &str, at: i64, value: &str) -> TxnRequest {
    use client::wire::compare::{CompareResult, CompareTarget, TargetUnion};
    let compare = Compare {
        key: key.to_owned().into(),
        result: CompareResult::Equal.into(),
        target: CompareTarget::Mod.into(),
        target_union: Some(TargetUnion::ModRevision(at)),
        ..Compare::default()
    };
    let put = RequestOp { request: Some(Request::RequestPut(put(key, value))) };
    TxnRequest { compare: vec![compare], success: vec![put], failure: Vec::new() }
}

/// Reads a key and notes what it held.
async fn look(world: &World, client: &Client, key: &str, linearizable: bool) -> Option<Held> {
    let begun = world.notes.now();
    let request = RangeRequest {
        key: key.to_owned().into(),
        serializable: !linearizable,
        ..RangeRequest::default()
    };
    let answer = client.range(request).await.ok()?;
    let kv = answer.kvs.first();
    let held = kv.map(|kv| (String::from_utf8_lossy(&kv.value).into_owned(), kv.mod_revision));
    let (ended, revision) = (world.notes.now(), revision(answer.header.as_ref()));
    let (key, seen) = (key.to_owned(), held.clone());
    let read = Read { key, begun, ended, linearizable, revision, held: seen };
    // A node that has applied nothing yet has no state to speak of.
    if revision > 1 {
        world.notes.with(|history| history.reads.push(read));
    }
    Some(held)
}

/// Reads of both kinds at one node.
pub(crate) async fn read(world: Shared, at: usize, mut seed: Seed) {
    let client = world.client_of(at);
    while !world.stopped() {
        let key = format!("{PREFIX}shared/{}", seed.below(SHARED_KEYS));
        let linearizable = !seed.one_in(3);
        look(&world, &client, &key, linearizable).await;
        sleep(PAUSE).await;
    }
}

/// Every key that writers share or own, in both ways at one node, when all is quiet.
pub(crate) async fn look_at_the_end(world: Shared, at: usize, own: usize) {
    let endpoint = world.endpoints.get(at).expect("a node");
    let client = Client::connect(&[endpoint], PATIENT).expect("the endpoint is fine");
    let shared = (0..SHARED_KEYS).map(|key| format!("{PREFIX}shared/{key}"));
    for key in shared.chain((0..own).map(|key| format!("{COUNTERS}{key}"))) {
        for linearizable in [true, false] {
            let held = look(&world, &client, &key, linearizable).await;
            assert!(held.is_some(), "node {at} serves again");
        }
    }
}

/// Drops history that the historian has been told.
pub(crate) async fn compact(world: Shared, mut seed: Seed) {
    let client = world.client(1);
    while !world.stopped() {
        sleep(Duration::from_millis(200 + seed.below(600))).await;
        let revision = world.told.load(Ordering::Relaxed) - 50;
        if revision > 1 {
            let physical = seed.one_in(2);
            let request = CompactionRequest { revision, physical };
            let done = client.compact(request).await.is_ok();
            world.compactions.fetch_add(u64::from(done), Ordering::Relaxed);
        }
    }
}

/// A watch of a prefix from a revision on. It is dropped now and then, and
/// resumed by hand at another node; those who `lag` begin where history is
/// gone, again and again.
pub(crate) async fn watch(world: Shared, number: usize, prefix: String, lag: bool, mut seed: Seed) {
    let historian = number == 0;
    let mut watched = Watched { prefix, ..Watched::default() };
    let mut next = 1i64;
    'resume: loop {
        watched.steps.push(Step::From(next));
        let request = WatchCreateRequest {
            key: watched.prefix.clone().into(),
            range_end: end_of(&watched.prefix).into(),
            start_revision: next,
            progress_notify: true,
            ..WatchCreateRequest::default()
        };
        let mut watch =
            world.client(number + usize::try_from(seed.below(3)).expect("small")).watch(request);
        let life = 20 + seed.below(400);
        for _ in 0..life {
            let stopped = world.stopped();
            let patience = Duration::from_millis(if stopped { 1500 } else { 3000 });
            match timeout(patience, watch.next()).await {
                Ok(Ok(answer)) => next = next.max(note(&world, &mut watched, answer) + 1),
                Ok(Err(Error::Compacted { oldest })) => {
                    world.compacted_watches.fetch_add(1, Ordering::Relaxed);
                    watched.steps.push(Step::Compacted(oldest));
                    next = next.max(oldest);
                    continue 'resume;
                }
                Ok(Err(_)) => break,
                // All is quiet: the end, if nobody writes any more.
                Err(_) if stopped => break 'resume,
                Err(_) => break,
            }
            if historian {
                world.told.fetch_max(next - 1, Ordering::Relaxed);
            }
        }
        world.resumed_watches.fetch_add(1, Ordering::Relaxed);
        if lag && !world.stopped() {
            // Long enough that history it has not seen is dropped.
            sleep(Duration::from_millis(500 + seed.below(2500))).await;
        }
    }
    watched.upto = next - 1;
    world.notes.with(|history| history.watches.push(watched));
}

fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

/// The newest revision that was told.
fn note(world: &World, watched: &mut Watched, answer: WatchResponse) -> i64 {
    let now = world.notes.now();
    let mut newest = 0;
    for event in answer.events {
        let deleted = event.r#type() == EventType::Delete;
        let Some(kv) = event.kv else { continue };
        newest = newest.max(kv.mod_revision);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let value = (!deleted).then(|| text(&kv.value));
        let event = Event { revision: kv.mod_revision, key: text(&kv.key), value };
        watched.steps.push(Step::Told(event, now));
    }
    newest
}

/// Leases with a key each, kept alive or left to die.
pub(crate) async fn hold(world: Shared, number: usize, kept: bool) {
    let client = world.client(number);
    let ttl: u64 = if kept { 5 } else { 1 };
    for count in 0u64.. {
        if world.stopped() {
            return;
        }
        let begun = world.notes.now();
        let request = LeaseGrantRequest { ttl: i64::try_from(ttl).expect("small"), id: 0 };
        let Ok(granted) = client.lease_grant(request).await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let renewals = vec![(begun, world.notes.now())];
        let key = format!("{PREFIX}lease/{number}/{count}");
        let begun = world.notes.now();
        let value = format!("{number}.{count}");
        let request = PutRequest { lease: granted.id, ..put(&key, &value) };
        let put = client.put(request).await;
        let outcome = match &put {
            Ok(answer) => Outcome::Done(revision(answer.header.as_ref())),
            Err(error) => without_answer(error),
        };
        world.wrote(&key, Some(value), begun, outcome);
        let revision = if let Outcome::Done(revision) = outcome { revision } else { 0 };
        let granted_ttl = u64::try_from(granted.ttl).expect("a life") * 1_000_000;
        let mut lease = Leased { key, revision, ttl: granted_ttl, renewals };
        if kept {
            renew(&world, &client, granted.id, &mut lease).await;
        }
        world.notes.with(|history| history.leases.push(lease));
        sleep(Duration::from_millis(300)).await;
    }
}

/// Until it is gone, which happens if nobody could renew it in time.
async fn renew(world: &World, client: &Client, id: i64, lease: &mut Leased) {
    while !world.stopped() {
        sleep(Duration::from_millis(200)).await;
        let begun = world.notes.now();
        match client.lease_keep_alive(id).await {
            Ok(answer) if answer.ttl > 0 => lease.renewals.push((begun, world.notes.now())),
            Ok(_) => {
                world.lapsed.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Err(_) => (),
        }
    }
}
