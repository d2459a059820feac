//! The words of the verbs that look after leases, members and history.

use clap::{Args, Subcommand};
use std::ffi::OsString;

/// `lease`.
#[derive(Subcommand, Debug)]
pub(crate) enum LeaseVerb {
    /// A new lease that lives TTL seconds
    Grant(Words),
    /// End a lease; the keys that hang on it are deleted
    Revoke(Words),
    /// What is left of a lease
    Timetolive(TimeToLiveArgs),
    /// Every lease that lives
    List,
    /// Renew a lease until it is gone
    KeepAlive(KeepAliveArgs),
}

/// Words that are counted by the verb itself, in etcdctl's words.
#[derive(Args, Debug)]
pub(crate) struct Words {
    #[arg(value_name = "TTL|ID", allow_negative_numbers = true)]
    pub(crate) words: Vec<String>,
}

/// `lease timetolive`.
#[derive(Args, Debug)]
pub(crate) struct TimeToLiveArgs {
    /// The lease, as a hexadecimal number
    #[arg(value_name = "ID")]
    pub(crate) words: Vec<String>,
    /// List the keys that hang on it
    #[arg(long)]
    pub(crate) keys: bool,
}

/// `lease keep-alive`.
#[derive(Args, Debug)]
pub(crate) struct KeepAliveArgs {
    /// The lease, as a hexadecimal number
    #[arg(value_name = "ID")]
    pub(crate) words: Vec<String>,
    /// Renew it once and return
    #[arg(long)]
    pub(crate) once: bool,
}

/// `compaction`.
#[derive(Args, Debug)]
pub(crate) struct CompactionArgs {
    /// The oldest revision that stays readable
    #[arg(value_name = "REVISION", allow_negative_numbers = true)]
    pub(crate) words: Vec<String>,
    /// Return only when the room is free again
    #[arg(long)]
    pub(crate) physical: bool,
}

/// `alarm`.
#[derive(Subcommand, Debug)]
pub(crate) enum AlarmVerb {
    /// The alarms that are raised
    List,
    /// Call every alarm off
    Disarm,
}

/// `move-leader`.
#[derive(Args, Debug)]
pub(crate) struct MoveLeaderArgs {
    /// The member that shall lead, as a hexadecimal number
    #[arg(value_name = "MEMBER_ID")]
    pub(crate) words: Vec<String>,
}

/// `endpoint`.
#[derive(Args, Debug)]
pub(crate) struct EndpointArgs {
    /// Every member of the cluster, not only those of --endpoints
    #[arg(long, global = true)]
    pub(crate) cluster: bool,
    #[command(subcommand)]
    pub(crate) verb: EndpointVerb,
}

/// `endpoint …`.
#[derive(Subcommand, Debug)]
pub(crate) enum EndpointVerb {
    /// Version, size, leader, term and index of each member
    Status,
    /// Whether each member commits
    Health,
    /// A sum over the history of each member
    Hashkv(HashKvArgs),
}

/// `endpoint hashkv`.
#[derive(Args, Debug)]
pub(crate) struct HashKvArgs {
    /// Up to this revision; 0 is the newest
    #[arg(long, default_value_t = 0)]
    pub(crate) rev: i64,
}

/// `defrag`.
#[derive(Args, Debug)]
pub(crate) struct DefragArgs {
    /// Every member of the cluster, not only those of --endpoints
    #[arg(long)]
    pub(crate) cluster: bool,
}

/// `member`.
#[derive(Subcommand, Debug)]
pub(crate) enum MemberVerb {
    /// The members of the cluster
    List(Ignored),
}

/// Words that etcdctl takes and does not read.
#[derive(Args, Debug)]
pub(crate) struct Ignored {
    #[arg(hide = true)]
    pub(crate) words: Vec<OsString>,
}

/// `check`.
#[derive(Subcommand, Debug)]
pub(crate) enum CheckVerb {
    /// Whether the cluster bears a steady load of puts
    Perf(CheckPerfArgs),
}

/// `check perf`.
#[derive(Args, Debug)]
pub(crate) struct CheckPerfArgs {
    /// s(mall): 150 puts/s, m(edium): 1000, l(arge): 8000, xl(arge): 15000
    #[arg(long, default_value = "s")]
    pub(crate) load: String,
    /// What the keys that are written begin with; they are deleted afterwards
    #[arg(long, default_value = "/etcdctl-check-perf/")]
    pub(crate) prefix: String,
    /// Drop the history when it is done
    #[arg(long)]
    pub(crate) auto_compact: bool,
    /// Give unused room back when it is done
    #[arg(long)]
    pub(crate) auto_defrag: bool,
    /// How long (not in etcdctl)
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
}
