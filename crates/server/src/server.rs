//! How does a server begin, and how does it end? The order of both is here and
//! nowhere else.

use crate::clock;
use crate::config::ServerConfig;
use crate::disk::RealDisk;
use crate::door::{self, Desk, Manner};
use crate::driver::{Driver, Waiting};
use crate::error::ServerError;
use crate::face::Face;
use crate::gallery::gallery;
use crate::inbox::{Inbox, LaneEnd};
use crate::item::Item;
use crate::listen::{self, Listeners};
use crate::log_thread;
use crate::metrics::Metrics;
use crate::peer::{Calls, Identity, Peers, dialers};
use crate::threads::{self, Breakdown, Handle};
use crate::work_thread;
use base::Time;
use node::boot::{BootOptions, Booted, Timing, boot};
use node::bootstrap::MemberSpec;
use node::event::Event;
use node::lane::Lane;
use std::future::Future;
use std::io;
use std::net;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// So many election timeouts a stream that wants a leader does without one, as
/// in etcd.
const ELECTIONS_WITHOUT_LEADER: u32 = 3;

/// How long requests that are under way may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// How long the sockets may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A node that runs, with threads and sockets of its own. Dropping it ends it
/// as a crash would, except that the disk operation under way is finished.
#[derive(Debug)]
pub struct Server {
    inbox: Arc<Inbox>,
    closing: watch::Sender<bool>,
    ready: watch::Receiver<bool>,
    left: watch::Receiver<bool>,
    ended: mpsc::UnboundedReceiver<ServerError>,
    /// The lane's first: it holds the queues of the others, which end with them.
    threads: Vec<Handle>,
    doors: Option<JoinHandle<()>>,
    runtime: Option<Runtime>,
    gallery: Option<Runtime>,
}

/// Runs a node until `stop`, then ends it in good order: what it leads is handed
/// over, nothing is accepted any more, what is under way may end, the last disk operation is finished.
pub async fn run(config: ServerConfig, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
    let starting = tokio::task::spawn_blocking(move || Server::start(&config));
    let mut server = starting.await.map_err(|_| ServerError::BrokeDown("starting"))??;
    let outcome = tokio::select! {
        () = stop => Ok(()),
        error = server.ended() => Err(error),
    };
    let stopping = tokio::task::spawn_blocking(move || server.stop());
    stopping.await.map_err(|_| ServerError::BrokeDown("stopping"))?;
    outcome
}

impl Server {
    /// Starts a node on the addresses of its configuration.
    pub fn start(config: &ServerConfig) -> Result<Self, ServerError> {
        let listeners = Listeners::bind(&config.listen_client, &config.listen_peer)?;
        Self::start_on(config, listeners)
    }

    /// Starts a node on sockets that are bound already.
    pub fn start_on(config: &ServerConfig, listeners: Listeners) -> Result<Self, ServerError> {
        let (disk, booted) = open(config)?;
        let Booted { lane, cluster, me, incarnation, peers, .. } = booted;
        let inbox = Arc::new(Inbox::new());
        let face = Arc::new(Face::new(cluster, me));
        let identity = Identity { cluster, me, incarnation };
        let metrics = Arc::new(Metrics::new(me));
        let peers = Arc::new(Peers::new(identity, peers, &inbox, &metrics.counted));

        let mut server = Self::start_threads(disk, lane, &inbox, &peers, &face, &metrics)?;
        let desk = Desk::new(inbox, face, metrics, server.closing.subscribe())
            .noticing(config.progress_notices)
            .patient(config.election * ELECTIONS_WITHOUT_LEADER);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("sockets")
            .enable_all()
            .build()
            .map_err(ServerError::Threads)?;
        let gallery = gallery().map_err(ServerError::Threads)?;
        let manner = Manner { gallery: gallery.handle().clone(), direct: config.direct };
        let doors = open_sockets(&runtime, listeners, &peers, desk, manner);
        server.gallery = Some(gallery);
        server.runtime = Some(runtime);
        server.doors = Some(doors.map_err(ServerError::Threads)?);
        Ok(server)
    }

    /// The log's thread, the worker's and the lane's, with no socket open yet.
    fn start_threads(
        disk: RealDisk,
        lane: Lane,
        inbox: &Arc<Inbox>,
        peers: &Arc<Peers>,
        face: &Arc<Face>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, ServerError> {
        let (ready, is_ready) = watch::channel(false);
        let (left, has_left) = watch::channel(false);
        let (breakdown, ended) = mpsc::unbounded_channel();
        let (inbox, peers, face) = (Arc::clone(inbox), Arc::clone(peers), Arc::clone(face));
        let metrics = Arc::clone(metrics);
        let (work, work_thread) =
            work_thread::start(disk.beside(), Arc::clone(&inbox), breakdown.clone())
                .map_err(ServerError::Threads)?;
        let (log, log_thread) =
            log_thread::start(disk, Arc::clone(&inbox), Arc::clone(&metrics), breakdown.clone())
                .map_err(ServerError::Threads)?;
        let driver = Driver {
            lane,
            log,
            work,
            peers,
            face,
            metrics,
            ready,
            left,
            waiting: Waiting::default(),
            writing: 0,
            company: Time::ZERO,
            turned: Time::ZERO,
            out: Vec::new(),
        };
        let end = LaneEnd::new(&inbox, driver);
        let lane_thread = start_lane(end, breakdown).map_err(ServerError::Threads)?;
        Ok(Self {
            inbox,
            closing: watch::Sender::new(false),
            ready: is_ready,
            left: has_left,
            ended,
            threads: vec![lane_thread, log_thread, work_thread],
            doors: None,
            runtime: None,
            gallery: None,
        })
    }

    /// Waits until every group of the node knows a leader. False if it has
    /// ended before.
    pub async fn ready(&self) -> bool {
        self.ready.clone().wait_for(|ready| *ready).await.is_ok()
    }

    /// Waits until the node cannot go on, and says why.
    pub async fn ended(&mut self) -> ServerError {
        self.ended.recv().await.unwrap_or(ServerError::BrokeDown("lane"))
    }

    /// Ends in good order: what it leads is handed over, what is under way may
    /// end; blocks until nothing of it is left.
    pub fn stop(mut self) {
        self.inbox.push(Item::Event(Event::Leave));
        if let Some(runtime) = &self.runtime {
            // The lane says when it has waited long enough; it cannot if it is gone.
            let _ = runtime.block_on(self.left.clone().wait_for(|left| *left));
        }
        self.closing.send_replace(true);
        if let (Some(runtime), Some(doors)) = (&self.runtime, self.doors.take()) {
            // Whoever is still there after the grace is cut off.
            let _ = runtime.block_on(async { tokio::time::timeout(GRACE, doors).await });
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        self.inbox.push(Item::Stop);
        for handle in self.threads.drain(..) {
            // A panic in it was told by its sentinel.
            let _ = handle.join();
        }
        for runtime in self.runtime.take().into_iter().chain(self.gallery.take()) {
            // From a thread of its own, for whoever drops this may be a task.
            let close = move || runtime.shutdown_timeout(CLOSE_TIMEOUT);
            let _ = thread::spawn(close).join();
        }
    }
}

/// The data directory and the node that it holds.
fn open(config: &ServerConfig) -> Result<(RealDisk, Booted), ServerError> {
    let mut disk = RealDisk::open(&config.data_dir)?;
    let booted = boot(&mut disk, &boot_options(config), clock::now());
    let booted = booted.map_err(ServerError::Boot)?;
    info!(
        name = config.name, cluster = %booted.cluster, node = %booted.me,
        protocol = booted.protocol.name(),
        found = booted.report, "opened the data directory"
    );
    if booted.lane.is_healing() {
        warn!("this node lost part of its log: until it is healed it neither votes nor counts");
    }
    Ok((disk, booted))
}

fn boot_options(config: &ServerConfig) -> BootOptions {
    let member = |(name, peer_urls): &(String, Vec<String>)| MemberSpec {
        name: name.clone(),
        peer_urls: peer_urls.clone(),
    };
    BootOptions {
        name: config.name.clone(),
        token: config.token.clone(),
        members: config.initial_cluster.iter().map(member).collect(),
        protocol: config.protocol,
        client_urls: config.advertise_client_urls.clone(),
        timing: Timing { heartbeat: config.heartbeat, election: config.election },
        request_timeout: config.request_timeout,
        quota: config.quota,
        keep_history: config.keep_history,
        segment_bytes: config.segment_bytes,
        checkpoint_bytes: config.checkpoint_bytes,
        held_bytes: base::limits::HELD_BYTES,
        sweep_per_turn: base::limits::SWEEP_PER_TURN,
        pending_bytes: base::limits::LOG_PENDING_BYTES_MAX,
        seed: clock::random(),
        incarnation: clock::random(),
    }
}

fn start_lane(lane: LaneEnd, breakdown: Breakdown) -> io::Result<Handle> {
    let end = breakdown.clone();
    threads::spawn("lane", breakdown, move || {
        if let Err(error) = lane.serve() {
            let _ = end.send(error);
        }
    })
}

/// Peers first: a cluster that has no leader cannot serve its clients.
fn open_sockets(
    runtime: &Runtime,
    listeners: Listeners,
    peers: &Arc<Peers>,
    desk: Desk,
    manner: Manner,
) -> io::Result<JoinHandle<()>> {
    let _inside = runtime.enter();
    let calls = Arc::new(Calls::new(Arc::clone(peers)));
    for listener in adopt(listeners.peer)? {
        let calls = Arc::clone(&calls);
        runtime.spawn(listen::accept(listener, move |line, from| {
            let calls = Arc::clone(&calls);
            tokio::spawn(async move { calls.serve(line, from).await });
        }));
    }
    for dialer in dialers(peers, clock::random()) {
        runtime.spawn(dialer);
    }
    Ok(runtime.spawn(door::serve(adopt(listeners.client)?, desk, manner)))
}

pub(crate) fn adopt(sockets: Vec<net::TcpListener>) -> io::Result<Vec<TcpListener>> {
    sockets.into_iter().map(TcpListener::from_std).collect()
}
