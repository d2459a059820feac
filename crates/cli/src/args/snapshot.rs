//! The words of `snapshot`: those of etcdctl and etcdutl.

use clap::{Args, Subcommand};
use std::ffi::OsString;

/// `snapshot`.
#[derive(Subcommand, Debug)]
pub(crate) enum SnapshotVerb {
    /// Write everything that one member has to a file
    #[command(before_help = "Examples:
  trimaran snapshot save backup.snap
  trimaran --endpoints 10.0.0.2:2379 snapshot save backup.snap")]
    Save(File),
    /// Check a file, and say what it holds
    #[command(before_help = "Examples:
  trimaran snapshot status backup.snap -w table")]
    Status(File),
    /// Make the data directory of a member of a new cluster from a file
    #[command(before_help = "Examples:
  trimaran snapshot restore backup.snap --data-dir new --initial-cluster-token new
  trimaran server --data-dir new --initial-cluster-token new

  Of several members each is restored from the same file, with its own --name,
  --initial-advertise-peer-urls and --data-dir, and started with the same words.")]
    Restore(RestoreArgs),
}

/// One file. Counted by the verb itself, in etcdctl's words.
#[derive(Args, Debug)]
pub(crate) struct File {
    #[arg(value_name = "FILE")]
    pub(crate) words: Vec<OsString>,
}

/// `snapshot restore`.
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    #[arg(value_name = "FILE")]
    pub(crate) words: Vec<OsString>,
    /// The new data directory [default: NAME.trimaran]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// The member's name in the new cluster [default: default]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The members of the new cluster [default: this one alone]
    #[arg(long, value_name = "NAME=URL,…")]
    pub(crate) initial_cluster: Option<String>,
    /// Sets the new cluster apart from the old one [default: etcd-cluster]
    #[arg(long, value_name = "TEXT")]
    pub(crate) initial_cluster_token: Option<String>,
    /// Where the other members reach this one [default: http://localhost:2380]
    #[arg(long, value_name = "URL,…")]
    pub(crate) initial_advertise_peer_urls: Option<String>,
    /// etcdutl's, not there: the file is always checked.
    #[arg(long, hide = true)]
    pub(crate) skip_hash_check: bool,
    /// etcdutl's, not there: the log lives in the data directory.
    #[arg(long, hide = true)]
    pub(crate) wal_dir: Option<String>,
    /// etcdutl's, not there yet.
    #[arg(long, hide = true)]
    pub(crate) bump_revision: Option<String>,
    /// etcdutl's, not there yet.
    #[arg(long, hide = true)]
    pub(crate) mark_compacted: bool,
}
