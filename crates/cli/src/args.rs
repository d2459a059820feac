//! The words of the client verbs, raw: etcdctl's names and flags.

mod snapshot;
mod upkeep;

use clap::{Args, Parser, Subcommand};
pub(crate) use snapshot::{RestoreArgs, SnapshotVerb};
use std::ffi::OsString;
pub(crate) use upkeep::{
    AlarmVerb, CheckPerfArgs, CheckVerb, CompactionArgs, DefragArgs, EndpointArgs, EndpointVerb,
    Ignored, KeepAliveArgs, LeaseVerb, MemberVerb, MoveLeaderArgs, TimeToLiveArgs,
};

/// The whole command line, except what `server`, `dev`, `sim` and `bench` read themselves.
#[derive(Parser, Debug)]
#[command(
    name = "trimaran",
    version,
    infer_subcommands = true,
    disable_help_subcommand = true,
    before_help = "Examples:
  trimaran dev                     a local cluster of three nodes and a prompt
  trimaran put greeting hello      write a key
  trimaran get greeting            read it
  trimaran server                  one durable node on 2379/2380
  trimaran sim run --seed 7        the same code in a world made from a seed",
    about = "A fault-tolerant, replicated key-value store that speaks etcd's API"
)]
pub(crate) struct Root {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Whom to call, and how to print.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Client options")]
pub(crate) struct CallerArgs {
    /// Members of the cluster, separated by commas [default: 127.0.0.1:2379]
    #[arg(long, global = true, value_name = "HOST:PORT,…")]
    pub(crate) endpoints: Option<String>,
    /// How long to wait for a connection [default: 2s]
    #[arg(long, global = true, value_name = "DURATION")]
    pub(crate) dial_timeout: Option<String>,
    /// How long to wait for the answer to a short command [default: 5s]
    #[arg(long, global = true, value_name = "DURATION")]
    pub(crate) command_timeout: Option<String>,
    /// simple, table, json or fields [default: simple]
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub(crate) write_out: Option<String>,
    /// Print keys and values as hexadecimal numbers
    #[arg(long, global = true)]
    pub(crate) hex: bool,
}

/// One verb.
#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Write a key
    #[command(before_help = "Examples:
  trimaran put greeting hello
  trimaran put greeting < file      the value comes from stdin
  trimaran put --prev-kv -- -k -v   a key or value that begins with a dash")]
    Put(PutArgs),
    /// Read a key or a range of keys
    #[command(before_help = "Examples:
  trimaran get greeting
  trimaran get a c                       every key from a up to, but without, c
  trimaran get --prefix user/ --keys-only
  trimaran get greeting --rev 5          as it was at revision 5
  trimaran get --prefix '' -w json       everything")]
    Get(GetArgs),
    /// Delete a key or a range of keys; prints how many there were
    #[command(before_help = "Examples:
  trimaran del greeting
  trimaran del a c                 every key from a up to, but without, c
  trimaran del --prefix user/ --prev-kv")]
    Del(DelArgs),
    /// Print changes as they happen
    #[command(before_help = "Examples:
  trimaran watch greeting
  trimaran watch --prefix user/ --prev-kv
  trimaran watch greeting --rev 5        from revision 5 on, then as they happen
  trimaran watch greeting -- sh -c 'echo $ETCD_WATCH_VALUE'
  trimaran watch -i                      watch and progress, from stdin")]
    Watch(WatchArgs),
    /// Compare, then do one of two things, at one revision; read from stdin
    #[command(before_help = "Examples:
  trimaran txn -i                  asks for each part; an empty line ends it
  trimaran txn < file              compares, an empty line, what to do if all hold,
                                   an empty line, what to do otherwise, an empty line

  value(\"k\") = \"v\" · mod(\"k\") > \"5\" · create, version and lease likewise
  put k v · get k · del k, with their options")]
    Txn(TxnArgs),
    /// Keys that live only as long as somebody renews their lease
    #[command(subcommand)]
    Lease(LeaseVerb),
    /// Drop the history before a revision
    Compaction(CompactionArgs),
    /// Alarms that are raised
    #[command(subcommand)]
    Alarm(AlarmVerb),
    /// Make another member lead
    MoveLeader(MoveLeaderArgs),
    /// How single members are
    Endpoint(EndpointArgs),
    /// Who belongs to the cluster
    #[command(subcommand)]
    Member(MemberVerb),
    /// Give unused room back
    Defrag(DefragArgs),
    /// A backup of everything, and a new cluster from it
    #[command(subcommand)]
    Snapshot(SnapshotVerb),
    /// Whether the cluster is good enough
    #[command(subcommand)]
    Check(CheckVerb),
    /// Which trimaran and which API this is
    Version(Ignored),
    /// Run one node [`trimaran server --help`]
    #[command(disable_help_flag = true)]
    Server(Elsewhere),
    /// Run a local cluster and break it [`trimaran dev --help`]
    #[command(disable_help_flag = true)]
    Dev(Elsewhere),
    /// Run the cluster in a world made from a seed [`trimaran sim --help`]
    #[command(disable_help_flag = true)]
    Sim(Elsewhere),
    /// Load a cluster and measure it [`trimaran bench --help`]
    #[command(disable_help_flag = true)]
    Bench(Elsewhere),
}

/// Words that another parser has read, if they stood first.
#[derive(Args, Debug)]
pub(crate) struct Elsewhere {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) words: Vec<OsString>,
}

/// `put`.
#[derive(Args, Debug)]
pub(crate) struct PutArgs {
    /// KEY and VALUE; without VALUE it is read from stdin
    #[arg(value_name = "KEY VALUE")]
    pub(crate) words: Vec<OsString>,
    /// Print what was there before
    #[arg(long)]
    pub(crate) prev_kv: bool,
    /// Keep the value that is there
    #[arg(long)]
    pub(crate) ignore_value: bool,
    /// Keep the lease that is there
    #[arg(long)]
    pub(crate) ignore_lease: bool,
    /// The lease that the key hangs on, as a hexadecimal number
    #[arg(long, value_name = "ID")]
    pub(crate) lease: Option<String>,
}

/// `get`.
#[derive(Args, Debug)]
pub(crate) struct GetArgs {
    /// KEY, and the end of a range
    #[arg(value_name = "KEY [RANGE_END]")]
    pub(crate) words: Vec<OsString>,
    /// Every key that begins with KEY
    #[arg(long)]
    pub(crate) prefix: bool,
    /// Every key that is KEY or comes after it
    #[arg(long)]
    pub(crate) from_key: bool,
    /// So many keys at most; 0 is all
    #[arg(long, default_value_t = 0)]
    pub(crate) limit: i64,
    /// As it was at this revision; 0 is now
    #[arg(long, default_value_t = 0)]
    pub(crate) rev: i64,
    /// Leave the values out
    #[arg(long)]
    pub(crate) keys_only: bool,
    /// Leave the keys out (with -w simple)
    #[arg(long)]
    pub(crate) print_value_only: bool,
    /// Only how many keys there are (with -w fields)
    #[arg(long)]
    pub(crate) count_only: bool,
    /// ASCEND or DESCEND
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) order: String,
    /// CREATE, KEY, MODIFY, VALUE or VERSION
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) sort_by: String,
    /// l: sees every write that was acknowledged before; s: this member's own state
    #[arg(long, default_value = "l")]
    pub(crate) consistency: String,
}

/// `del`.
#[derive(Args, Debug)]
pub(crate) struct DelArgs {
    /// KEY, and the end of a range
    #[arg(value_name = "KEY [RANGE_END]")]
    pub(crate) words: Vec<OsString>,
    /// Every key that begins with KEY
    #[arg(long)]
    pub(crate) prefix: bool,
    /// Every key that is KEY or comes after it
    #[arg(long)]
    pub(crate) from_key: bool,
    /// Print what was deleted
    #[arg(long)]
    pub(crate) prev_kv: bool,
}

/// `watch`.
#[derive(Args, Debug, Default)]
pub(crate) struct WatchArgs {
    /// KEY, and the end of a range
    #[arg(value_name = "KEY [RANGE_END]")]
    pub(crate) words: Vec<OsString>,
    /// A command to run for every change; ETCD_WATCH_KEY and the like tell it which
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
    /// Read watches and "progress" from stdin, a line each
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// Every key that begins with KEY
    #[arg(long)]
    pub(crate) prefix: bool,
    /// The revision to begin with; 0 is from now on
    #[arg(long, default_value_t = 0)]
    pub(crate) rev: i64,
    /// Print what was there before
    #[arg(long)]
    pub(crate) prev_kv: bool,
    /// Print now and then how far the watch has come
    #[arg(long)]
    pub(crate) progress_notify: bool,
}

/// `txn`.
#[derive(Args, Debug)]
pub(crate) struct TxnArgs {
    /// Say which part is read
    #[arg(short, long)]
    pub(crate) interactive: bool,
    #[arg(hide = true)]
    pub(crate) words: Vec<OsString>,
}
