//! The words of `dev`, raw.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// What `dev` can be told.
#[derive(Parser, Debug)]
#[command(
    name = "trimaran dev",
    about = "A local cluster of real processes, and the means to break it",
    disable_help_subcommand = true,
    before_help = "Examples:
  trimaran dev                  three nodes and a prompt; Ctrl-D stops them
  trimaran dev -d               three nodes in the background
  trimaran dev kill n1          kill -9, and how long writes were out
  trimaran dev start n1         bring it back
  trimaran dev stop             stop all of them; their data is kept
  trimaran dev rm               delete what they wrote"
)]
pub(crate) struct DevArgs {
    /// Where nodes keep their data and logs
    /// [default: trimaran/dev in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How many nodes [default: 3, or as many as DIR has]
    #[arg(short, long, value_name = "COUNT")]
    pub(crate) nodes: Option<usize>,
    /// Return once the cluster serves; it goes on in the background
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// What the cluster speaks: raft, paxos or zab [default: raft, or what DIR has]
    #[arg(long, value_name = "NAME")]
    pub(crate) protocol: Option<String>,
    /// Milliseconds between a leader's heartbeats
    #[arg(long, value_name = "MS", default_value_t = 50)]
    pub(crate) heartbeat_interval: u64,
    /// Milliseconds of silence before a follower stands for leader
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub(crate) election_timeout: u64,
    /// A flag of `trimaran server` for every node, such as checkpoint-bytes=1000000
    #[arg(long = "with", value_name = "FLAG=VALUE")]
    pub(crate) more: Vec<String>,
    /// `auto`, or client and peer port of each node: C1,P1,C2,P2,…
    #[arg(long, hide = true, value_name = "PORTS")]
    pub(crate) ports: Option<String>,
    #[command(subcommand)]
    pub(crate) verb: Option<DevVerb>,
}

/// What is done to a cluster that is there.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub(crate) enum DevVerb {
    /// Show the nodes
    Ps,
    /// Stop every node; data is kept
    Stop,
    /// Delete data and logs of a stopped cluster
    Rm,
    /// Kill a node (SIGKILL) and say how long writes were out
    Kill {
        /// n1, n2, …
        node: String,
    },
    /// Start a node that is down
    Start {
        /// n1, n2, …
        node: String,
    },
    /// Freeze a node (SIGSTOP) and say how long writes were out
    Pause {
        /// n1, n2, …
        node: String,
    },
    /// Let a paused node go on (SIGCONT)
    Resume {
        /// n1, n2, …
        node: String,
    },
}
