//! What callers did and were told: the evidence that the checkers judge.

use base::{Revision, Time};
use kv::command::{Change, Command, KeyRange, OpReply, Reply};
use node::event::{Level, Query, Refused};

/// A moment of a run: the world does one thing after another, so even what
/// happens at one time has an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct At {
    /// The time.
    pub time: Time,
    /// How many things happened before, in the whole run.
    pub order: u64,
}

/// What a caller asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A change.
    Write(Command),
    /// A question.
    Read(Query, Level),
}

/// What a caller knows of its request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was answered.
    Ok(Reply),
    /// Nothing was done.
    Failed(Refused),
    /// It may have been done, or be done later.
    Unknown,
}

/// One request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Op {
    /// Which caller.
    pub client: usize,
    /// Which node was asked.
    pub node: usize,
    /// Which life of it.
    pub life: u64,
    /// What was asked.
    pub what: What,
    /// When it was asked.
    pub invoke: At,
    /// When the caller knew its outcome; an unknown one stays open for ever.
    pub complete: Option<At>,
    /// What came of it.
    pub outcome: Outcome,
}

impl Op {
    /// The answer, if there was one that is no refusal, and when it came.
    #[must_use]
    pub const fn answered(&self) -> Option<(At, &Reply)> {
        match (&self.outcome, self.complete) {
            (Outcome::Ok(reply), Some(at)) => Some((at, reply)),
            _ => None,
        }
    }

    /// The command, if it is a write.
    #[must_use]
    pub const fn command(&self) -> Option<&Command> {
        match &self.what {
            What::Write(command) => Some(command),
            What::Read(..) => None,
        }
    }

    /// The revision that this request made, as far as its answer says.
    #[must_use]
    pub fn made(&self) -> Option<Revision> {
        let (_, reply) = self.answered()?;
        self.command()?;
        reply.result.as_ref().is_ok_and(changed).then_some(reply.revision)
    }
}

/// Whether an operation with this answer changed something.
fn changed(reply: &OpReply) -> bool {
    match reply {
        OpReply::Put { .. } => true,
        OpReply::DeleteRange { deleted, .. } => *deleted > 0,
        // The end of a lease may have changed something; no scenario asks for one yet.
        OpReply::Range(_)
        | OpReply::Compact
        | OpReply::LeaseGrant { .. }
        | OpReply::LeaseRevoke
        | OpReply::LeaseExpire { .. }
        | OpReply::Alarm(_) => false,
        OpReply::Txn(txn) => txn.replies.iter().any(changed),
    }
}

/// One revision of a keyspace, as a watch tells it.
pub type Batch = (Revision, Vec<Change>);

/// What one watcher was told, over all the watches it opened one after another.
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
}

impl Tale {
    /// Where the next watch goes on.
    #[must_use]
    pub fn resume(&self) -> Option<Revision> {
        self.told.last().map(|(revision, _)| revision.next()).or(self.from)
    }
}

/// Everything that callers did and were told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// The requests, in the order in which they were made.
    pub ops: Vec<Op>,
    /// The watchers.
    pub tales: Vec<Tale>,
}
