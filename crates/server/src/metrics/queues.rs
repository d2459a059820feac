//! What waits where, of how much that may, and what was lost for want of room?
//! A number for every queue: under etcd's name where it has one, else ours.

use crate::bounds::{INBOX_FRAME_BYTES_MAX, PEER_QUEUE_BYTES_MAX};
use crate::inbox::Waits;
use base::NodeId;
use base::limits::{ASK_BYTES_MAX, ASKS_MAX, WATCHES_MAX};
use node::event::{Class, Queues, Refused};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

type Number = Gauge<u64, AtomicU64>;

/// Names and values of labels.
type Labels<const N: usize> = [(&'static str, String); N];

/// Names of [`Class::ALL`].
const CLASSES: [&str; 2] = ["urgent", "bulk"];

/// What a scrape asks of the lane and of the queue before it.
#[derive(Debug, Default)]
pub(super) struct SeenQueues {
    inbox_asks: Number,
    inbox_ask_bytes: Number,
    inbox_frame_bytes: Family<Labels<1>, Number>,
    asks: Number,
    ask_bytes: Number,
    writes_parked: Number,
    writes_forwarded: Number,
    writes_pending: Number,
    log_bytes: Number,
    letters: Number,
    watches: Number,
    watches_stalled: Number,
    watch_stalls: Number,
}

impl SeenQueues {
    pub(super) fn register(&self, to: &mut Registry) {
        let numbers = [
            ("trimaran_inbox_asks", "Asks that wait for the lane", &self.inbox_asks),
            ("trimaran_inbox_ask_bytes", "Their bytes", &self.inbox_ask_bytes),
            ("trimaran_asks_in_hand", "Asks without an answer", &self.asks),
            ("trimaran_ask_bytes_in_hand", "Their bytes", &self.ask_bytes),
            ("trimaran_writes_parked", "Writes that wait for a leader", &self.writes_parked),
            (
                "trimaran_writes_forwarded",
                "Writes on their way to the leader",
                &self.writes_forwarded,
            ),
            ("etcd_server_proposals_pending", "Writes without an answer", &self.writes_pending),
            ("trimaran_log_pending_bytes", "Bytes not durable yet", &self.log_bytes),
            ("trimaran_letters_waiting", "Letters that wait for the disk", &self.letters),
            ("etcd_debugging_mvcc_watcher_total", "Watches that are open", &self.watches),
            (
                "etcd_debugging_mvcc_slow_watcher_total",
                "Watches whose clients are slow",
                &self.watches_stalled,
            ),
            (
                "trimaran_watch_stalls",
                "How often a watch began to wait for its client",
                &self.watch_stalls,
            ),
        ];
        for (name, help, gauge) in numbers {
            to.register(name, help, gauge.clone());
        }
        let frames = "Frames that wait for the lane, in bytes";
        to.register("trimaran_inbox_frame_bytes", frames, self.inbox_frame_bytes.clone());
        register_bounds(to);
    }

    pub(super) fn see(&self, lane: &Queues, waits: Waits) {
        let set = |gauge: &Number, value: usize| {
            gauge.set(value as u64);
        };
        set(&self.inbox_asks, waits.asks);
        set(&self.inbox_ask_bytes, waits.ask_bytes);
        for (class, bytes) in CLASSES.iter().zip(waits.frame_bytes) {
            let labels = [("class", (*class).to_owned())];
            set(&self.inbox_frame_bytes.get_or_create(&labels), bytes);
        }
        set(&self.asks, lane.asks);
        set(&self.ask_bytes, lane.ask_bytes);
        set(&self.writes_parked, lane.writes_parked);
        set(&self.writes_forwarded, lane.writes_forwarded);
        let pending = lane.writes_parked + lane.writes_forwarded + lane.writes_placed;
        set(&self.writes_pending, pending);
        set(&self.log_bytes, lane.log_bytes);
        set(&self.letters, lane.letters);
        set(&self.watches, lane.watches);
        set(&self.watches_stalled, lane.watches_stalled);
        self.watch_stalls.set(lane.watch_stalls);
    }
}

/// What the bounded ones may grow to, so that an alert can say "nearly full".
fn register_bounds(to: &mut Registry) {
    let bounds = [
        ("trimaran_asks_in_hand_max", "Bound of trimaran_asks_in_hand", ASKS_MAX),
        ("trimaran_ask_bytes_in_hand_max", "Bound of trimaran_ask_bytes_in_hand", ASK_BYTES_MAX),
        (
            "trimaran_inbox_frame_bytes_max",
            "Bound of trimaran_inbox_frame_bytes",
            INBOX_FRAME_BYTES_MAX,
        ),
        (
            "trimaran_peer_queue_bytes_max",
            "Bound of trimaran_peer_queue_bytes",
            PEER_QUEUE_BYTES_MAX,
        ),
        ("trimaran_watches_max", "Bound of etcd_debugging_mvcc_watcher_total", WATCHES_MAX),
    ];
    for (name, help, bound) in bounds {
        let gauge = Number::default();
        gauge.set(bound as u64);
        to.register(name, help, gauge);
    }
}

/// What is counted where it happens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    /// Answers that wait for their connections.
    pub(crate) replies: Gauge,
    /// Watch streams that are open.
    pub(crate) streams: Gauge,
    dropped: Family<Labels<1>, Counter>,
    refused: Family<Labels<1>, Counter>,
    peer_queue: Family<Labels<2>, Gauge>,
    peer_lost: Family<Labels<2>, Counter>,
    peer_failures: Family<Labels<1>, Counter>,
    peer_sent: Family<Labels<1>, Counter>,
    peer_received: Family<Labels<1>, Counter>,
}

impl Counted {
    /// The names of counters are registered without the `_total` that they end in.
    pub(super) fn register(&self, to: &mut Registry) {
        let replies = "Answers that wait for their connections";
        to.register("trimaran_replies_queued", replies, self.replies.clone());
        let streams = "Watch streams that are open";
        to.register("etcd_debugging_mvcc_watch_stream_total", streams, self.streams.clone());
        let dropped = "Frames and letters that were dropped";
        to.register("trimaran_letters_dropped", dropped, self.dropped.clone());
        let refused = "Asks that no keyspace has answered";
        to.register("trimaran_asks_refused", refused, self.refused.clone());
        let queue = "Bytes that wait for a connection to a peer";
        to.register("trimaran_peer_queue_bytes", queue, self.peer_queue.clone());
        let lost = "Frames that found no room or no connection";
        to.register("trimaran_peer_frames_lost", lost, self.peer_lost.clone());
        let failures = "Frames that were not sent";
        to.register("etcd_network_peer_sent_failures", failures, self.peer_failures.clone());
        to.register("etcd_network_peer_sent_bytes", "Bytes to peers", self.peer_sent.clone());
        let received = "Bytes from peers";
        to.register("etcd_network_peer_received_bytes", received, self.peer_received.clone());
    }

    /// A frame or letter was dropped.
    pub(crate) fn dropped(&self, why: &str) {
        self.dropped.get_or_create(&[("reason", why.to_owned())]).inc();
    }

    /// An ask was refused by the node.
    pub(crate) fn refused(&self, why: Refused) {
        self.refused.get_or_create(&[("reason", format!("{why:?}"))]).inc();
    }

    /// What is counted of one connection to a peer.
    pub(crate) fn peer(&self, to: NodeId, class: Class) -> PeerMeter {
        let name = CLASSES.get(class as usize).copied().unwrap_or_default().to_owned();
        let both = [("To", to.to_string()), ("class", name)];
        let one = [("To", to.to_string())];
        PeerMeter {
            queued: self.peer_queue.get_or_create(&both).clone(),
            lost: self.peer_lost.get_or_create(&both).clone(),
            failures: self.peer_failures.get_or_create(&one).clone(),
            sent: self.peer_sent.get_or_create(&one).clone(),
        }
    }

    /// Bytes that come from a peer.
    pub(crate) fn heard_from(&self, from: NodeId) -> Counter {
        self.peer_received.get_or_create(&[("From", from.to_string())]).clone()
    }
}

/// What is counted of one connection to a peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerMeter {
    queued: Gauge,
    lost: Counter,
    failures: Counter,
    sent: Counter,
}

impl PeerMeter {
    /// So many bytes wait now.
    pub(crate) fn waits(&self, bytes: usize) {
        self.queued.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Frames were lost.
    pub(crate) fn lost(&self, frames: u64) {
        self.lost.inc_by(frames);
        self.failures.inc_by(frames);
    }

    /// So many bytes were handed to the connection.
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.inc_by(bytes as u64);
    }
}
