//! Small histories for the tests of the checkers: a log made by hand, and who asked for it.

use super::replay::{Replay, tag};
use crate::chronicle::Line;
use crate::history::{At, Number, Op, Outcome, What};
use base::{Ballot, Index, KeyspaceId, NodeId, Time};
use consensus::entry::{Entry, EntryKind};
use kv::command::{Command, Envelope, Put};
use node::event::Answer;

/// The moment of this number of milliseconds.
pub(crate) fn at(millis: u64) -> At {
    At { time: Time(millis * 1_000_000), order: millis }
}

/// An entry that the request at a place of the history asked for.
pub(crate) fn line(asked: Option<usize>, number: Number, millis: u64, command: &Command) -> Line {
    let envelope = Envelope {
        keyspace: KeyspaceId(1),
        wall_ms: asked.map_or(0, tag),
        sequence: number,
        ..Envelope::default()
    };
    let entry = Entry {
        index: Index(1),
        ballot: Ballot::new(1, NodeId(1)),
        kind: EntryKind::Command,
        // Far ahead of the world's, so that a lease that a test wants to see end too
        // early has had its time by the log's clock.
        clock: millis * 1_000,
        body: kv::encode::encode(&envelope, command),
    };
    Line { entry, at: at(millis) }
}

/// A log that can be read.
pub(crate) fn replay(lines: &[Line]) -> Replay {
    Replay::new(lines).expect("commands")
}

/// A request that was asked and answered then.
pub(crate) fn op(what: What, from: u64, to: u64, answer: Answer) -> Op {
    let (complete, outcome) = (Some(at(to)), Outcome::Ok(answer));
    let (invoke, top) = (at(from), usize::MAX);
    Op { client: 0, node: 0, life: None, what, invoke, complete, top, outcome }
}

/// A request whose outcome nobody knows.
pub(crate) fn unknown(what: What, from: u64) -> Op {
    let (invoke, outcome) = (at(from), Outcome::Unknown);
    Op { client: 0, node: 0, life: None, what, invoke, complete: None, top: 0, outcome }
}

/// A put of the key `k`.
pub(crate) fn put(value: &'static str) -> Command {
    let value = Some(value.into());
    Command::Put(Put { key: "k".into(), value, lease: Some(0), want_previous: false })
}
