//! The words of `bench`, raw.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What `bench` can be told.
#[derive(Parser, Debug)]
#[command(
    name = "trimaran bench",
    about = "Load against any server that speaks etcd's API, and what it costs",
    disable_help_subcommand = true,
    before_help = "Examples:
  trimaran bench put                              as many puts as 256 clients can do
  trimaran bench get --preload                    linearizable gets of keys that are there
  trimaran bench put --rate 1000 --seconds 30     so many a second, late ones counted as late
  trimaran bench put --endpoints 127.0.0.1:2379 --pids 4242 --json
  trimaran bench watch --watchers 1000 --rate 500
  trimaran bench floor get                        the door alone: no log, no disk, no peers
  trimaran bench gap --kill 4242 --endpoints A,B,C   how long writes are out when a server dies"
)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) verb: BenchVerb,
}

/// What is asked of the servers.
#[derive(Subcommand, Debug)]
pub(crate) enum BenchVerb {
    /// Write keys drawn from --keys
    Put(LoadArgs),
    /// Read keys that are there
    Get(ReadArgs),
    /// Half of put, half of get
    Mixed(ReadArgs),
    /// Write a key if nobody else has since it was last looked at
    Txn(LoadArgs),
    /// Write keys that many watch, and measure how late they hear of it
    Watch(WatchArgs),
    /// Only watch the keys that others write, and print what is heard as lines of JSON
    Listen(WatchArgs),
    /// Load our own door with nothing behind it: the ceiling of what a node can do
    Floor(FloorArgs),
    /// Kill or stop a server under a load of puts: for how long is none taken?
    Gap(GapArgs),
}

/// `gap`.
#[derive(Args, Debug)]
pub(crate) struct GapArgs {
    /// Members of the cluster, all of which are tried all the time
    #[arg(long, value_name = "HOST:PORT,…", value_delimiter = ',', required = true)]
    pub(crate) endpoints: Vec<String>,
    /// End this process with SIGKILL
    #[arg(long, value_name = "PID", conflicts_with = "stop")]
    pub(crate) kill: Option<u32>,
    /// Freeze this process with SIGSTOP; whoever asked must send it SIGCONT
    #[arg(long, value_name = "PID")]
    pub(crate) stop: Option<u32>,
    /// Print the result as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `floor`.
#[derive(Args, Debug)]
pub(crate) struct FloorArgs {
    /// What the door is asked
    #[arg(value_enum, default_value = "put")]
    pub(crate) what: FloorVerb,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Be the process with the door
    #[arg(long, hide = true)]
    pub(crate) serve: bool,
}

/// What is answered at once.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FloorVerb {
    /// Puts
    Put,
    /// Gets
    Get,
}

/// The load, whatever is asked.
#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    /// Members of the cluster [default: those of the dev cluster that runs, or 127.0.0.1:2379]
    #[arg(long, value_name = "HOST:PORT,…", value_delimiter = ',')]
    pub(crate) endpoints: Vec<String>,
    /// Which of them are asked
    #[arg(long, value_enum, default_value = "all")]
    pub(crate) to: To,
    /// So many operations are under way at once, at most
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    pub(crate) clients: usize,
    /// Over so many connections [default: 16, or as many as clients]
    #[arg(long, value_name = "COUNT")]
    pub(crate) conns: Option<usize>,
    /// Operations a second, begun on time whether or not earlier ones have ended; or `closed`:
    /// each client begins when its last one has ended
    #[arg(long, value_name = "RATE", default_value = "closed")]
    pub(crate) rate: String,
    /// How long to measure
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) seconds: u64,
    /// How long to load before that
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    pub(crate) warmup: u64,
    /// Bytes of a value
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    pub(crate) val_size: usize,
    /// Keys are bench/0000000000 to bench/COUNT-1
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub(crate) keys: u64,
    /// Write every key once before anything is measured
    #[arg(long)]
    pub(crate) preload: bool,
    /// Decides which keys are drawn
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The servers' processes, for their CPU [default: the dev cluster's, if it is the one asked]
    #[arg(long, value_name = "PID,…", value_delimiter = ',')]
    pub(crate) pids: Vec<u32>,
    /// The directory of the dev cluster
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Print the result as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whom to ask.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum To {
    /// Connections are spread over all endpoints
    All,
    /// All connections go to the leader
    Leader,
}

/// `get` and `mixed`.
#[derive(Args, Debug)]
pub(crate) struct ReadArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// l: sees every write that was acknowledged before; s: the member's own state
    #[arg(long, value_enum, default_value = "l")]
    pub(crate) consistency: Consistency,
}

/// What a read promises.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Consistency {
    /// Linearizable
    L,
    /// Serializable
    S,
}

/// `watch` and `listen`.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// So many watchers of the one prefix, spread over --conns streams of their own
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub(crate) watchers: usize,
}
