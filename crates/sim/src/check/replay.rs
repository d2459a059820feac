//! The log done again by the naive keyspace: what every entry must have
//! changed and answered.

use super::model::{Model, Rest};
use crate::chronicle::Line;
use crate::history::{At, Number};
use base::Revision;
use kv::command::{Command, Reply};
use std::rc::Rc;

/// The keyspace after an entry.
#[derive(Clone, Debug)]
pub struct Step {
    /// When the entry was first applied.
    pub at: At,
    /// The entry's log time, in milliseconds.
    pub clock: u64,
    /// The command and what it must be answered; `None` at a leader's first entry.
    pub done: Option<Done>,
    /// The revision after it.
    pub revision: Revision,
    /// What the keyspace holds beside its pairs.
    pub rest: Rc<Rest>,
}

/// A command of the log.
#[derive(Clone, Debug)]
pub struct Done {
    /// Which request it was, by its place in the history; `None` if a node
    /// itself asked.
    pub asked: Option<usize>,
    /// Its number.
    pub number: Number,
    /// The command.
    pub command: Command,
    /// What it must be answered.
    pub reply: Reply,
}

/// The log done again.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The keyspace in the end.
    pub model: Model,
    /// The state before the first entry, then the one after each.
    pub steps: Vec<Step>,
}

impl Replay {
    /// Does the log again; says what is wrong with it if a body cannot be read.
    pub fn new(lines: &[Line]) -> Result<Self, String> {
        let mut model = Model::default();
        let first = Step {
            at: At::default(),
            clock: 0,
            done: None,
            revision: model.revision(),
            rest: model.rest(),
        };
        let mut steps = vec![first];
        for Line { entry, at } in lines {
            let done = match entry.kind {
                consensus::entry::EntryKind::Open => None,
                consensus::entry::EntryKind::Command => {
                    let both = kv::encode::decode(entry.body.clone());
                    let (envelope, command) =
                        both.map_err(|why| format!("{} is no command: {why}", entry.index))?;
                    let number = envelope.sequence;
                    let reply = model.apply(number, entry.clock, &command);
                    Some(Done { asked: asked(envelope.wall_ms), number, command, reply })
                }
            };
            let (revision, rest) = (model.revision(), model.rest());
            steps.push(Step { at: *at, clock: entry.clock, done, revision, rest });
        }
        Ok(Self { model, steps })
    }

    /// Every revision at which history was ever compacted, with how many
    /// entries were applied then.
    pub fn compactions(&self) -> impl Iterator<Item = (usize, Revision)> + '_ {
        let pairs = self.steps.iter().zip(self.steps.iter().skip(1)).enumerate();
        pairs.filter_map(|(place, (before, after))| {
            let compacted = after.rest.compacted?;
            (before.rest.compacted != after.rest.compacted).then_some((place + 1, compacted))
        })
    }

    /// The keyspace in the end, beside its pairs.
    #[must_use]
    pub fn end(&self) -> Rc<Rest> {
        self.model.rest()
    }
}

/// Requests travel under their place in the history, counted from 1, in the
/// field that is for people only; what nodes propose has nothing there.
#[must_use]
pub const fn tag(place: usize) -> u64 {
    place as u64 + 1
}

fn asked(tag: u64) -> Option<usize> {
    usize::try_from(tag).ok()?.checked_sub(1)
}
