//! Every bound of the pure rooms in one place; the asserts below are the proof
//! that they fit together.

use core::time::Duration;

/// What one disk operation carries at most, in bytes.
pub const DISK_OP_BYTES_MAX: usize = 1 << 20;

/// What a client may send in one request, in bytes (etcd's default).
pub const REQUEST_BYTES_MAX: usize = 3 << 19;

/// What gRPC framing and field tags may add to a request, in bytes (etcd's margin).
pub const REQUEST_OVERHEAD_BYTES_MAX: usize = 512 << 10;

/// The body of one log entry, in bytes: a request and its envelope.
pub const ENTRY_BYTES_MAX: usize = REQUEST_BYTES_MAX + (64 << 10);

/// Operations in one transaction (etcd's default).
pub const TXN_OPS_MAX: usize = 128;

/// Transactions inside one another; deeper ones are refused, so that recursion is bounded.
pub const TXN_DEPTH_MAX: usize = 32;

/// Entry bytes in one letter between replicas; a single larger entry still goes, alone.
pub const LETTER_BYTES_MAX: usize = 1 << 20;

/// Entries in one letter between replicas.
pub const LETTER_ENTRIES_MAX: usize = 4096;

/// A frame between nodes, in bytes.
pub const FRAME_BYTES_MAX: usize = 8 << 20;

/// Letters with entries on their way to one follower.
pub const INFLIGHT_LETTERS_MAX: usize = 64;

/// Entry bytes on their way to one follower.
pub const INFLIGHT_BYTES_MAX: usize = 8 << 20;

/// Entry bytes a leader holds uncommitted before it answers "busy".
pub const UNCOMMITTED_BYTES_MAX: usize = 64 << 20;

/// Record bytes that wait for the disk before a leader hands over and proposes nothing
/// more. More than what is uncommitted: only a log that cannot be written gets there.
pub const LOG_PENDING_BYTES_MAX: usize = 2 * UNCOMMITTED_BYTES_MAX;

/// Places of a Multi-Paxos log that are open at one time: nothing is proposed further
/// beyond what is chosen, nor accepted further beyond what is held. As many as
/// requests that a lane has in hand, so that it is not felt.
pub const WINDOW_SLOTS_MAX: u64 = 65_536;

/// Stretches of accepted places beyond a gap that one answer names.
pub const STRETCHES_MAX: usize = 32;

/// Reads that wait in one replica for a leadership round.
pub const READS_WAITING_MAX: usize = 65_536;

/// Requests that one lane has in hand.
pub const ASKS_MAX: usize = 65_536;

/// Request bytes that one lane has in hand.
pub const ASK_BYTES_MAX: usize = 256 << 20;

/// Watches open on one lane.
pub const WATCHES_MAX: usize = 1 << 20;

/// Revisions handed to a watch that is catching up, per batch: enough that a
/// batch costs little more than its events, and few enough that ten thousand
/// watches at many places hold little.
pub const WATCH_BATCH_REVISIONS_MAX: usize = 256;

/// Bytes of keys and values handed to a watch at once, unless one revision alone
/// has more: clients refuse messages that are too large, many above 4 MiB.
pub const WATCH_BATCH_BYTES_MAX: u64 = 1 << 20;

/// The longest life of a lease, in seconds (etcd's).
pub const LEASE_TTL_S_MAX: u64 = 9_000_000_000;

/// Leases that one entry of the log ends (etcd's bound of one round).
pub const LEASES_PER_EXPIRE_MAX: usize = 500;

/// Clients whose last sequence number a keyspace remembers.
pub const SEQUENCES_MAX: usize = 10_000;

/// What their replies take together, in bytes.
pub const SEQUENCE_BYTES_MAX: u64 = 64 << 20;

/// The largest reply that is kept for a client who asks again, in bytes.
pub const SEQUENCE_REPLY_BYTES_MAX: u64 = 64 << 10;

/// How long an idle lane waits before it writes down what is durable (DESIGN: witness).
pub const WITNESS_DELAY: Duration = Duration::from_millis(100);

/// Bytes of one segment of a lane's log, unless the options say otherwise.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// Plain bytes of a chunk of a checkpoint: another run of keys begins before it
/// would grow beyond this. One item that is larger alone has a chunk of its own.
pub const CHUNK_BYTES_AIM: usize = 1 << 20;

/// Bytes of the log behind a group's newest checkpoint that make another one due,
/// unless it was told otherwise.
pub const CHECKPOINT_BYTES: u64 = 64 << 20;

/// Changes that one turn of a lane takes out of a compacted keyspace.
pub const SWEEP_PER_TURN: usize = 2048;

/// The same at most, where writers bring so much that less would not keep pace.
pub const SWEEP_SLICE_MAX: usize = 8 * SWEEP_PER_TURN;

/// Chunks that are read for other nodes at one time: with [`CHUNK_BYTES_MAX`] the
/// bound on the memory that stragglers cost.
pub const LOADS_MAX: usize = 8;

/// Plain bytes of the largest chunk: one item, as large as an entry can make it.
pub const CHUNK_BYTES_MAX: usize = ENTRY_BYTES_MAX + (64 << 10);

/// Entries that a log in memory keeps below its newest checkpoint, for slow followers.
pub const TAIL_ENTRIES: usize = 4096;

/// What these take together at most, in bytes.
pub const TAIL_BYTES: usize = 4 << 20;

/// Bytes of entries that a log in memory keeps behind its newest checkpoint though
/// everybody has them: a new leader serves slow followers with these.
pub const HELD_BYTES: usize = 32 << 20;

/// What a leader keeps beyond that while a follower is given a checkpoint, in bytes.
pub const PINNED_BYTES_MAX: usize = 128 << 20;

/// Chunks of one checkpoint: its manifest, which lists them, is one file.
pub const CHUNKS_MAX: usize = 40_000;

/// What replaces or is read of one file at once, in bytes: the largest chunk, or
/// the longest list of chunks, with the head that stands before it.
pub const DISK_FILE_BYTES_MAX: usize = CHUNK_BYTES_MAX + (4 << 10);

/// Nodes of one cluster that vote in one group.
pub const VOTERS_MAX: usize = 7;

const _: () = assert!(REQUEST_BYTES_MAX < ENTRY_BYTES_MAX, "a request fits in an entry");
const _: () = assert!(ENTRY_BYTES_MAX < FRAME_BYTES_MAX / 2, "an entry fits in a frame");
const _: () = assert!(LETTER_BYTES_MAX + ENTRY_BYTES_MAX < FRAME_BYTES_MAX, "so does a letter");
const _: () = assert!(LETTER_BYTES_MAX <= INFLIGHT_BYTES_MAX, "a window holds a letter");
const _: () = assert!(INFLIGHT_BYTES_MAX <= UNCOMMITTED_BYTES_MAX, "the log holds a window");
const _: () = assert!(ENTRY_BYTES_MAX < SEGMENT_BYTES as usize / 2, "a segment holds an entry");
const _: () = assert!(ENTRY_BYTES_MAX <= UNCOMMITTED_BYTES_MAX, "no entry is refused for ever");
const _: () = assert!(CHUNK_BYTES_AIM <= CHUNK_BYTES_MAX, "a chunk holds any item");
const _: () = assert!(CHUNK_BYTES_MAX < FRAME_BYTES_MAX / 2, "a chunk fits in a frame");
const _: () = assert!(DISK_OP_BYTES_MAX <= DISK_FILE_BYTES_MAX, "a file is read as one or more");
const _: () = assert!(CHUNKS_MAX * 36 + 256 <= DISK_FILE_BYTES_MAX, "a manifest is one file");
