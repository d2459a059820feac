//! What is counted? The numbers that dashboards of etcd ask for, under its
//! names, as far as they can be told honestly.

mod queues;

use crate::inbox::Waits;
use base::NodeId;
use node::event::Status;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use queues::SeenQueues;
pub(crate) use queues::{Counted, PeerMeter};
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Kinds of calls: what gRPC calls the type of a method.
pub(crate) const UNARY: &str = "unary";
pub(crate) const BIDI: &str = "bidi_stream";

/// One kind of call that ended in one way.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(crate) struct Handled {
    pub(crate) grpc_type: &'static str,
    pub(crate) grpc_service: String,
    pub(crate) grpc_method: String,
    pub(crate) grpc_code: &'static str,
}

/// What the groups speak.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Spoken {
    protocol: &'static str,
}

/// What this process counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    me: NodeId,
    registry: Registry,
    seen: Seen,
    leader: Mutex<Option<NodeId>>,
    leader_changes: Counter,
    appends: Histogram,
    handled: Family<Handled, Counter>,
    received: Counter,
    sent: Counter,
    health: [Gauge<u64, AtomicU64>; 2],
    queues: SeenQueues,
    /// What is counted where it waits or is lost.
    pub(crate) counted: Counted,
}

/// What a scrape sets before it reads.
#[derive(Debug, Default)]
struct Seen {
    protocol: Family<Spoken, Gauge>,
    has_leader: Gauge,
    is_leader: Gauge,
    healing: Gauge,
    committed: Gauge<u64, AtomicU64>,
    applied: Gauge<u64, AtomicU64>,
    bytes: Gauge<u64, AtomicU64>,
    bytes_in_use: Gauge<u64, AtomicU64>,
    revision: Gauge<u64, AtomicU64>,
    quota: Gauge<u64, AtomicU64>,
    memory: Gauge<u64, AtomicU64>,
    descriptors: Gauge<u64, AtomicU64>,
    descriptors_max: Gauge<u64, AtomicU64>,
    started: Gauge<f64, AtomicU64>,
}

/// How the process is, as the system sees it.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Process {
    pub(crate) memory: u64,
    pub(crate) descriptors: u64,
    pub(crate) descriptors_max: u64,
    pub(crate) started: f64,
}

impl Metrics {
    pub(crate) fn new(me: NodeId) -> Self {
        let mut metrics = Self {
            me,
            registry: Registry::default(),
            seen: Seen::default(),
            leader: Mutex::default(),
            leader_changes: Counter::default(),
            // etcd's buckets: 1 ms, doubled 13 times.
            appends: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            handled: Family::default(),
            received: Counter::default(),
            sent: Counter::default(),
            health: Default::default(),
            queues: SeenQueues::default(),
            counted: Counted::default(),
        };
        metrics.register_seen();
        metrics.register_counted();
        metrics.queues.register(&mut metrics.registry);
        metrics.counted.register(&mut metrics.registry);
        metrics
    }

    fn register_seen(&mut self) {
        let (seen, to) = (&self.seen, &mut self.registry);
        let leads = "Whether this member leads";
        to.register("trimaran_protocol", "What its groups speak: 1", seen.protocol.clone());
        to.register("etcd_server_has_leader", "Whether a leader is known", seen.has_leader.clone());
        to.register("etcd_server_is_leader", leads, seen.is_leader.clone());
        let heals = "Whether part of the log was lost and is not here again: no vote until then";
        to.register("trimaran_healing", heals, seen.healing.clone());
        let numbers = [
            (
                "etcd_server_proposals_committed_total",
                "Last index known as chosen",
                &seen.committed,
            ),
            ("etcd_server_proposals_applied_total", "Last index applied", &seen.applied),
            ("etcd_mvcc_db_total_size_in_bytes", "Bytes of the state", &seen.bytes),
            ("etcd_mvcc_db_total_size_in_use_in_bytes", "Bytes in use", &seen.bytes_in_use),
            ("etcd_debugging_mvcc_current_revision", "Revision of the state", &seen.revision),
            ("etcd_server_quota_backend_bytes", "Bytes the state may take; 0: any", &seen.quota),
            ("process_resident_memory_bytes", "Memory of the process", &seen.memory),
            ("process_open_fds", "Open descriptors", &seen.descriptors),
            ("process_max_fds", "Descriptors allowed", &seen.descriptors_max),
        ];
        for (name, help, gauge) in numbers {
            to.register(name, help, gauge.clone());
        }
        let since = "Start of the process, in seconds since 1970";
        to.register("process_start_time_seconds", since, seen.started.clone());
    }

    /// The names of counters are registered without the `_total` that they end in.
    fn register_counted(&mut self) {
        let to = &mut self.registry;
        let changes = "Changes of the leader";
        to.register("etcd_server_leader_changes_seen", changes, self.leader_changes.clone());
        let appends = "Time of one write to the log with its sync";
        to.register("etcd_disk_wal_fsync_duration_seconds", appends, self.appends.clone());
        to.register("grpc_server_handled", "Calls that ended", self.handled.clone());
        let received = "Bytes from clients";
        to.register("etcd_network_client_grpc_received_bytes", received, self.received.clone());
        to.register("etcd_network_client_grpc_sent_bytes", "Bytes to clients", self.sent.clone());
        // Counters to etcd too, but their names do not end as those of counters must.
        let [well, ill] = self.health.clone();
        to.register("etcd_server_health_success", "Health checks that were passed", well);
        to.register("etcd_server_health_failures", "Health checks that were failed", ill);
    }

    /// Somebody is known to lead.
    pub(crate) fn leads(&self, leader: NodeId) {
        let mut known = self.leader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.replace(leader) != Some(leader) {
            self.leader_changes.inc();
        }
    }

    /// A write to the log took so long.
    pub(crate) fn appended(&self, took: Duration) {
        self.appends.observe(took.as_secs_f64());
    }

    /// So many bytes came from clients.
    pub(crate) fn received(&self, bytes: usize) {
        self.received.inc_by(bytes as u64);
    }

    /// So many bytes went to clients.
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.inc_by(bytes as u64);
    }

    /// A health check was passed or not.
    pub(crate) fn checked(&self, well: bool) {
        let [passed, failed] = &self.health;
        let counter = if well { passed } else { failed };
        counter.inc();
    }

    /// The counter of such calls, to be kept by whoever counts often.
    pub(crate) fn handled(&self, handled: &Handled) -> Counter {
        self.handled.get_or_create(handled).clone()
    }

    /// Everything, in the text that Prometheus reads.
    pub(crate) fn text(&self, status: &Status, waits: Waits, process: Process) -> String {
        self.see(status, process);
        self.queues.see(&status.queues, waits);
        let mut text = String::new();
        // A string takes everything, so this never fails.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    fn see(&self, status: &Status, process: Process) {
        let seen = &self.seen;
        let protocol = status.protocol.name();
        seen.protocol.get_or_create(&Spoken { protocol }).set(1);
        seen.has_leader.set(status.leader.is_some().into());
        seen.is_leader.set((status.leader == Some(self.me)).into());
        seen.healing.set(status.healing.is_some().into());
        seen.committed.set(status.commit.0);
        seen.applied.set(status.applied.0);
        seen.bytes.set(status.bytes);
        seen.bytes_in_use.set(status.bytes);
        seen.revision.set(status.revision.0);
        seen.quota.set(status.quota.unwrap_or(0));
        seen.memory.set(process.memory);
        seen.descriptors.set(process.descriptors);
        seen.descriptors_max.set(process.descriptors_max);
        seen.started.set(process.started);
    }
}
