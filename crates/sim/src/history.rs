//! What callers did and were told: the evidence that the checkers judge.

use base::{Revision, Time};
use core::fmt;
use kv::command::{Change, Command, KeyRange};
use node::event::{Answer, LeaseAsk, Level, Query, Refused};

/// A node's name for people: they count from 1.
#[must_use]
pub fn name(node: usize) -> String {
    format!("n{}", node + 1)
}

/// A moment of a run: the world does one thing after another, so even what
/// happens at one time has an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct At {
    /// The time.
    pub time: Time,
    /// How many things happened before, in the whole run.
    pub order: u64,
}

/// Under which (client, sequence) a write is asked, if its caller numbers.
pub type Number = Option<(u64, u64)>;

/// What a caller asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A change.
    Write(Command, Number),
    /// A question.
    Read(Query, Level),
    /// The renewal of a lease, or a question about it.
    Lease(LeaseAsk),
    /// Which leases there are.
    Leases,
    /// Which alarms stand.
    Alarms,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(command, number) => {
                command_words(f, command)?;
                match number {
                    Some((client, sequence)) => write!(f, " (number {client}.{sequence})"),
                    None => Ok(()),
                }
            }
            Self::Read(query, level) => {
                let weak =
                    if *level == Level::Serializable { ", its own state will do" } else { "" };
                match query {
                    Query::Range(range) => write!(f, "get {}{weak}", keys(&range.range)),
                    Query::Txn(_) => write!(f, "a transaction that reads{weak}"),
                }
            }
            Self::Lease(LeaseAsk { id, renew: true }) => write!(f, "renew lease {id:x}"),
            Self::Lease(LeaseAsk { id, renew: false }) => write!(f, "how long has lease {id:x}"),
            Self::Leases => f.write_str("which leases are there"),
            Self::Alarms => f.write_str("which alarms stand"),
        }
    }
}

fn command_words(f: &mut fmt::Formatter<'_>, command: &Command) -> fmt::Result {
    match command {
        Command::Put(put) => {
            let key = String::from_utf8_lossy(&put.key);
            let value = put.value.as_deref().unwrap_or_default();
            let value: String = String::from_utf8_lossy(value).chars().take(12).collect();
            write!(f, "put {key} {}", value.trim_end_matches(['.', '-']))
        }
        Command::DeleteRange(delete) => write!(f, "delete {}", keys(&delete.range)),
        Command::Txn(txn) => write!(
            f,
            "a transaction: {} compares, {} or {} operations",
            txn.compare.len(),
            txn.success.len(),
            txn.failure.len()
        ),
        Command::Compact(compact) => write!(f, "compact history before {}", compact.revision),
        Command::LeaseGrant(grant) => write!(f, "grant a lease of {} s", grant.ttl_s),
        Command::LeaseRevoke { id } => write!(f, "revoke lease {id:x}"),
        other => {
            let text: String = format!("{other:?}").chars().take(60).collect();
            f.write_str(&text)
        }
    }
}

fn keys(range: &KeyRange) -> String {
    let text = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
    match range {
        KeyRange::One(key) => text(key),
        KeyRange::Span { start, end } => format!("{:?} to {:?}", text(start), text(end)),
        KeyRange::From(start) if start.iter().all(|byte| *byte == 0) => "everything".into(),
        KeyRange::From(start) => format!("{:?} and all behind it", text(start)),
    }
}

/// What a caller knows of its request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was answered.
    Ok(Answer),
    /// Nothing was done.
    Failed(Refused),
    /// It may have been done, or be done later.
    Unknown,
}

/// One request. Its place in the history travels with it, so that the log says
/// who asked for what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Op {
    /// Which caller.
    pub client: usize,
    /// Which node was asked.
    pub node: usize,
    /// Which life of it, if that does not know all that lives before it have told.
    pub life: Option<u64>,
    /// What was asked.
    pub what: What,
    /// When it was asked.
    pub invoke: At,
    /// When the caller knew its outcome; an unknown one stays open for ever.
    pub complete: Option<At>,
    /// How much of the log was applied somewhere at that moment.
    pub top: usize,
    /// What came of it.
    pub outcome: Outcome,
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, node, life, what, invoke, complete, top, outcome } = self;
        let mut out = f.debug_struct("Op");
        out.field("client", client).field("node", &format_args!("{}", name(*node)));
        out.field("life", life).field("what", what).field("invoke", invoke);
        out.field("complete", complete).field("top", top).field("outcome", outcome).finish()
    }
}

impl Op {
    /// Whether it was a compaction that was done.
    #[must_use]
    pub fn compacted(&self) -> bool {
        let Outcome::Ok(Answer::Kv(reply)) = &self.outcome else { return false };
        matches!(self.what, What::Write(Command::Compact(_), _)) && reply.result.is_ok()
    }
}

impl Op {
    /// The answer, if there was one that is no refusal, and when it came.
    #[must_use]
    pub const fn answered(&self) -> Option<(At, &Answer)> {
        match (&self.outcome, self.complete) {
            (Outcome::Ok(answer), Some(at)) => Some((at, answer)),
            _ => None,
        }
    }
}

/// One revision of a keyspace, as a watch tells it.
pub type Batch = (Revision, Vec<Change>);

/// What one watcher was told without a gap, over all the watches it opened one
/// after another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tale {
    /// Which watcher.
    pub watcher: usize,
    /// Which keys.
    pub range: KeyRange,
    /// Without puts.
    pub no_put: bool,
    /// Without deletions.
    pub no_delete: bool,
    /// With the pair before.
    pub want_previous: bool,
    /// The first revision that it must be told; `None` while no watch was ever opened.
    pub from: Option<Revision>,
    /// Everything it was told, in order.
    pub told: Vec<Batch>,
    /// Up to where everything was told, and how many batches that were.
    pub progress: Vec<(Revision, usize)>,
    /// The oldest revision that could be told when the tale broke off, and how
    /// much of the log was applied somewhere at that moment.
    pub compacted: Option<(Revision, usize)>,
}

impl Tale {
    /// A tale that has not begun.
    #[must_use]
    pub const fn new(watcher: usize, range: KeyRange, from: Option<Revision>) -> Self {
        Self {
            watcher,
            range,
            no_put: false,
            no_delete: false,
            want_previous: true,
            from,
            told: Vec::new(),
            progress: Vec::new(),
            compacted: None,
        }
    }

    /// The tale of the same watcher that begins where this one broke off.
    #[must_use]
    pub fn after(&self, oldest: Revision) -> Self {
        let Self { no_put, no_delete, want_previous, .. } = *self;
        let next = Self::new(self.watcher, self.range.clone(), Some(oldest));
        Self { no_put, no_delete, want_previous, ..next }
    }

    /// Where the next watch goes on.
    #[must_use]
    pub fn resume(&self) -> Option<Revision> {
        let told = self.told.last().map(|(revision, _)| revision.next());
        let progress = self.progress.last().map(|(revision, _)| revision.next());
        self.from.max(told).max(progress)
    }
}

/// Everything that callers did and were told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// The requests, in the order in which they were made.
    pub ops: Vec<Op>,
    /// The tales of the watchers.
    pub tales: Vec<Tale>,
}
