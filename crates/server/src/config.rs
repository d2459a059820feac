//! How is this node told to be? Resolved values only; flags are the caller's matter.

pub use node::boot::ProtocolKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything a node must be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerConfig {
    /// Its name, unique in the cluster.
    pub name: String,
    /// Where its data lives; made if it is not there.
    pub data_dir: PathBuf,
    /// Where it listens for clients.
    pub listen_client: Vec<SocketAddr>,
    /// Where it listens for other nodes.
    pub listen_peer: Vec<SocketAddr>,
    /// Where clients are told to find it.
    pub advertise_client_urls: Vec<String>,
    /// Where other nodes are told to find it.
    pub initial_advertise_peer_urls: Vec<String>,
    /// The members of a new cluster: names and where other nodes reach them.
    pub initial_cluster: Vec<(String, Vec<String>)>,
    /// Sets apart clusters that have the same members.
    pub token: String,
    /// The protocol of the groups. `None`: the one that the data has, and Raft if
    /// there is none yet.
    pub protocol: Option<ProtocolKind>,
    /// How often a leader says that it is there.
    pub heartbeat: Duration,
    /// How long a follower hears nothing before it stands for leader, at the least.
    pub election: Duration,
    /// How long a client waits for a decision, at the most.
    pub request_timeout: Duration,
    /// Bytes of data and history that the keyspace may hold; `None` is no limit.
    pub quota: Option<u64>,
    /// How long history is kept; `None`: until somebody compacts it.
    pub keep_history: Option<Duration>,
    /// How often watches that want it hear how far they are, a little more at random.
    pub progress_notices: Duration,
    /// The size of one file of the log.
    pub segment_bytes: u64,
    /// Bytes of the log behind a checkpoint that make another one due, if that is
    /// more than half of what that checkpoint takes.
    pub checkpoint_bytes: u64,
    /// Whether the hot calls take the short way, past the gRPC library. Without
    /// it they are served by the same code as all the others, only slower.
    pub direct: bool,
}

impl ServerConfig {
    /// A node with these names, etcd's times, and nothing to listen on yet.
    #[must_use]
    pub fn new(name: &str, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            data_dir: data_dir.into(),
            listen_client: Vec::new(),
            listen_peer: Vec::new(),
            advertise_client_urls: Vec::new(),
            initial_advertise_peer_urls: Vec::new(),
            initial_cluster: Vec::new(),
            token: "etcd-cluster".into(),
            protocol: None,
            heartbeat: Duration::from_millis(100),
            election: Duration::from_millis(1000),
            request_timeout: Duration::from_secs(5),
            quota: Some(2 << 30),
            keep_history: Some(Duration::from_secs(3600)),
            progress_notices: Duration::from_secs(600),
            segment_bytes: base::limits::SEGMENT_BYTES,
            checkpoint_bytes: base::limits::CHECKPOINT_BYTES,
            direct: true,
        }
    }
}
