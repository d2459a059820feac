//! Sixteen writers, the leader killed in the middle: nothing acknowledged is lost.
//!
//! `TRIMARAN_SOAK_TIMES=20` repeats it that often on one cluster; only then is
//! one second demanded, since a machine that is busy with other tests is slow.

mod harness;

use client::mvccpb::KeyValue;
use client::wire::{PutRequest, RangeRequest};
use client::{Client, Timeouts};
use harness::{Cluster, Node, PATIENCE, send, wait_until};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

const WRITERS: usize = 16;
/// Acknowledged writes before the kill, and again after it.
const WRITES_EACH_SIDE: u64 = 300;
/// The longest gap that a soak run forgives.
const GAP_MAX: Duration = Duration::from_secs(1);

#[test]
fn no_acknowledged_write_is_lost_with_the_leader() {
    let asked = std::env::var("TRIMARAN_SOAK_TIMES").ok();
    let rounds: usize = asked.as_ref().map_or(1, |times| times.parse().expect("a number"));
    let runtime = Runtime::new().expect("a runtime");
    let cluster = Cluster::up("failover", 3);
    let mut acknowledged = BTreeMap::new();
    for round in 1..=rounds {
        let gap = one_round(round, &cluster, &runtime, &mut acknowledged);
        println!(
            "round {round} of {rounds}: writes were out for {} ms, {} acknowledged so far",
            gap.as_millis(),
            acknowledged.len()
        );
        assert!(asked.is_none() || gap <= GAP_MAX, "round {round}: {gap:?} is too long");
    }
}

/// Keys and values that a server said it keeps.
type Acknowledged = BTreeMap<Vec<u8>, Vec<u8>>;

fn one_round(
    round: usize,
    cluster: &Cluster,
    runtime: &Runtime,
    acknowledged: &mut Acknowledged,
) -> Duration {
    let leader = cluster.leader();
    let writers = Writers::start(round, &cluster.endpoints(), runtime);
    wait_until("writers wrote before the kill", || writers.count() >= WRITES_EACH_SIDE);

    send(leader.pid.expect("the leader runs"), Signal::KILL);
    writers.mark_the_kill();

    wait_until("writes are accepted again", || writers.first_after_kill().is_some());
    let enough = writers.count() + WRITES_EACH_SIDE;
    wait_until("writers wrote after the kill", || writers.count() >= enough);
    let gap = writers.first_after_kill().expect("it was waited for");
    acknowledged.extend(writers.stop(runtime));

    let survivors: Vec<Node> =
        cluster.ps().into_iter().filter(|node| node.name != leader.name).collect();
    assert_eq!(survivors.len(), 2);
    for node in &survivors {
        let found = runtime.block_on(everything(node, false)).expect("a survivor answers");
        assert_eq!(missing(acknowledged, &found), Vec::<String>::new(), "at {}", node.name);
    }
    assert_ne!(cluster.leader().name, leader.name, "another node leads");

    cluster.dev(&["start", &leader.name]).ok();
    wait_until("the killed node has caught up", || {
        let found = runtime.block_on(everything(&leader, true)).unwrap_or_default();
        missing(acknowledged, &found).is_empty()
    });
    gap
}

/// All keys, as one node gives them; serializable asks nobody else.
async fn everything(node: &Node, serializable: bool) -> Result<Acknowledged, client::Error> {
    let timeouts = Timeouts { dial: PATIENCE, command: PATIENCE };
    let client = Client::connect(&[&node.endpoint], timeouts)?;
    let key = b"w".to_vec().into();
    let range_end = b"x".to_vec().into();
    let request = RangeRequest { key, range_end, serializable, ..RangeRequest::default() };
    let pair = |kv: KeyValue| (kv.key.to_vec(), kv.value.to_vec());
    Ok(client.range(request).await?.kvs.into_iter().map(pair).collect())
}

fn missing(acknowledged: &Acknowledged, found: &Acknowledged) -> Vec<String> {
    let lost = acknowledged.iter().filter(|(key, value)| found.get(*key) != Some(*value));
    lost.map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
}

/// Writers that each write one key after another until they are stopped.
struct Writers {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<Acknowledged>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    count: AtomicU64,
    killed: Mutex<Option<Instant>>,
    first_after: Mutex<Option<Duration>>,
}

impl Writers {
    /// Each begins at another node and has the others for when that fails.
    fn start(round: usize, endpoints: &[String], runtime: &Runtime) -> Self {
        let shared = Arc::new(Shared::default());
        let tasks = (0..WRITERS)
            .map(|writer| {
                let mut own = endpoints.to_vec();
                own.rotate_left(writer % endpoints.len());
                runtime.spawn(write(format!("w/{round}/{writer}"), own, Arc::clone(&shared)))
            })
            .collect();
        Self { shared, tasks }
    }

    fn count(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }

    fn mark_the_kill(&self) {
        *self.shared.killed.lock().expect("no writer panics") = Some(Instant::now());
    }

    /// From the kill to the first acknowledgement of a write that began after it.
    fn first_after_kill(&self) -> Option<Duration> {
        *self.shared.first_after.lock().expect("no writer panics")
    }

    fn stop(self, runtime: &Runtime) -> Acknowledged {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut all = Acknowledged::new();
        for task in self.tasks {
            all.extend(runtime.block_on(task).expect("no writer panics"));
        }
        all
    }
}

async fn write(name: String, endpoints: Vec<String>, shared: Arc<Shared>) -> Acknowledged {
    let client = Client::connect(&endpoints, Timeouts::default()).expect("endpoints are fine");
    let mut acknowledged = Acknowledged::new();
    for number in 0u64.. {
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{name}/{number}").into_bytes();
        let value = format!("value {number}").into_bytes();
        let (begun, request) = (
            Instant::now(),
            PutRequest {
                key: key.clone().into(),
                value: value.clone().into(),
                ..PutRequest::default()
            },
        );
        // Whatever has no answer may be there or not: each key is written once.
        if client.put(request).await.is_ok() {
            shared.note(begun);
            acknowledged.insert(key, value);
        }
    }
    acknowledged
}

impl Shared {
    fn note(&self, begun: Instant) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let killed = *self.killed.lock().expect("no writer panics");
        if let Some(killed) = killed.filter(|killed| begun > *killed) {
            let mut first = self.first_after.lock().expect("no writer panics");
            first.get_or_insert_with(|| killed.elapsed());
        }
    }
}
