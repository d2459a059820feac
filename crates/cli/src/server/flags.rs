//! The flags of `server` that there are: etcd's names, raw.

use crate::duration;
use clap::Parser;
use std::time::Duration;

/// Every flag keeps what was said; `resolve` gives it meaning.
#[derive(Parser, Debug, Default)]
#[command(
    name = "trimaran server",
    version,
    about = "Run one node, told in etcd's words: flags, ETCD_… and TRIMARAN_… variables",
    before_help = "Examples:
  trimaran server                                  one durable node on 2379/2380
  trimaran server --data-dir /var/lib/trimaran     with its data there
  trimaran server --name n1 --listen-peer-urls http://10.0.0.1:2380 \\
      --initial-cluster n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380,n3=http://10.0.0.3:2380 \\
      --insecure",
    after_help = "Each flag is also a variable: --data-dir is TRIMARAN_DATA_DIR and ETCD_DATA_DIR.
The flag wins over TRIMARAN_…, and that over ETCD_…. A flag of etcd that is not
implemented yet is refused by name, never ignored."
)]
pub(crate) struct ServerArgs {
    /// The name of this node in the cluster [default: default]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where its data lives [default: NAME.trimaran]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// Where to listen for clients [default: http://localhost:2379]
    #[arg(long, value_name = "URL,…")]
    pub(crate) listen_client_urls: Option<String>,
    /// Where clients are told to find this node [default: where it listens]
    #[arg(long, value_name = "URL,…")]
    pub(crate) advertise_client_urls: Option<String>,
    /// Where to listen for other nodes [default: http://localhost:2380]
    #[arg(long, value_name = "URL,…")]
    pub(crate) listen_peer_urls: Option<String>,
    /// Where other nodes are told to find this node [default: where it listens]
    #[arg(long, value_name = "URL,…")]
    pub(crate) initial_advertise_peer_urls: Option<String>,
    /// The members of a new cluster [default: this node alone]
    #[arg(long, value_name = "NAME=URL,…")]
    pub(crate) initial_cluster: Option<String>,
    /// `new`; a running cluster cannot be joined yet [default: new]
    #[arg(long, value_name = "STATE")]
    pub(crate) initial_cluster_state: Option<String>,
    /// Sets apart clusters with the same members [default: etcd-cluster]
    #[arg(long, value_name = "TEXT")]
    pub(crate) initial_cluster_token: Option<String>,
    /// raft, paxos or zab; it is fixed when the data directory is made [default: what the
    /// data directory has; raft for a new one]
    #[arg(long, value_name = "NAME")]
    pub(crate) protocol: Option<String>,
    /// How often a leader says that it is there, in milliseconds [default: 100]
    #[arg(long, value_name = "MS")]
    pub(crate) heartbeat_interval: Option<String>,
    /// How long a follower hears nothing before it stands for leader, in milliseconds
    /// [default: 1000]
    #[arg(long, value_name = "MS")]
    pub(crate) election_timeout: Option<String>,
    /// Bytes of data and history; 0 is the default, a negative number no limit
    /// [default: 2147483648]
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    pub(crate) quota_backend_bytes: Option<String>,
    /// `periodic`; etcd's `revision` is not implemented [default: periodic]
    #[arg(long, value_name = "MODE")]
    pub(crate) auto_compaction_mode: Option<String>,
    /// How long history is kept: hours, or a duration with its unit; 0 or `off`
    /// keeps it until somebody compacts it [default: 1h]
    #[arg(long, value_name = "TIME")]
    pub(crate) auto_compaction_retention: Option<String>,
    /// How often a watch that wants it hears how far it is, at least 100ms; 0 is the
    /// default [default: 10m]
    #[arg(long, value_name = "TIME")]
    pub(crate) watch_progress_notify_interval: Option<String>,
    /// The same in the spelling of etcd 3.5.
    #[arg(long, hide = true)]
    pub(crate) experimental_watch_progress_notify_interval: Option<String>,
    /// Let other machines in, though without TLS whoever reaches this node may read
    /// and change everything
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Bytes of the log that make a checkpoint due, if that is more than half of
    /// the data: a restart reads about as much [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    pub(crate) checkpoint_bytes: Option<String>,
    /// Bytes of one file of the log, at least 65536 [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    pub(crate) segment_bytes: Option<String>,
    /// debug, info, warn, error, panic or fatal [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// End when the process PID:BORN ends; `dev` uses it.
    #[arg(long, hide = true)]
    pub(crate) die_with: Option<String>,
    /// Leave the session of the terminal; `dev -d` uses it.
    #[arg(long, hide = true)]
    pub(crate) own_session: bool,
}

/// Milliseconds as etcd has them: a bare number. A duration with its unit will do.
pub(crate) fn milliseconds(flag: &str, text: &str) -> Result<Duration, String> {
    let bare = text.parse().map(Duration::from_millis).ok();
    bare.map_or_else(|| duration::parse(text), Ok)
        .map_err(|_| format!("--{flag} is {text:?}; write milliseconds, for example --{flag} 100"))
}
