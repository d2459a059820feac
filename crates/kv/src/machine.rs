//! The state machine of one keyspace: entries in, replies out.
//!
//! Everything it does is decided by the entries and their order. Two machines
//! that applied the same entries are in the same state and gave the same
//! replies, on whatever machine and build.

use crate::check::{check, check_range, check_txn};
use crate::command::{Command, KvError, OpReply, Put, RangeQuery, Reply, Txn};
use crate::encode;
use crate::range;
use crate::revision::Draft;
use crate::store::Store;
use crate::txn;
use crate::watch::{self, ChangesPage, WatchFilter};
use base::codec::CodecError;
use base::{Index, KeyspaceId, Revision};
use bytes::Bytes;
use core::fmt;

/// An entry of the log says something that this build does not understand.
/// Nothing was changed; the replica must stop, since to skip it would be to
/// disagree with those that do understand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownCommand {
    /// Where it stands.
    pub index: Index,
    /// What is not understood.
    pub why: CodecError,
}

impl fmt::Display for UnknownCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the command at {} is unknown: {}", self.index, self.why)
    }
}

impl core::error::Error for UnknownCommand {}

/// A keyspace and how far its log was applied.
#[derive(Clone, Debug)]
pub struct Machine {
    keyspace: KeyspaceId,
    /// Grows with every entry (I54).
    applied: Index,
    /// The newest clock that an entry carried; never goes back.
    clock: u64,
    store: Store,
}

impl Machine {
    /// The empty keyspace, before the first entry.
    #[must_use]
    pub fn new(keyspace: KeyspaceId) -> Self {
        Self { keyspace, applied: Index::ZERO, clock: 0, store: Store::memory() }
    }

    /// Applies the entry at `index`, whose leader's clock said `clock`. A
    /// command that is refused is applied too: its reply says why.
    pub fn apply(
        &mut self,
        index: Index,
        clock: u64,
        body: &Bytes,
    ) -> Result<Reply, UnknownCommand> {
        let command = self.decode(body).map_err(|why| UnknownCommand { index, why })?;
        self.skip(index);
        self.clock = self.clock.max(clock);
        let before = self.store.revision();
        let result = check(&command).and_then(|()| self.run(&command));
        base::invariant!(I55, result.is_ok() || self.store.revision() == before);
        Ok(self.reply(result))
    }

    /// Whether [`Machine::apply`] will understand this body. Asked before a
    /// body that somebody else encoded is proposed: an entry that is not
    /// understood stops every replica.
    #[must_use]
    pub fn understands(&self, body: &Bytes) -> bool {
        self.decode(body).is_ok()
    }

    /// Passes over the entry at `index`, which holds no command.
    pub fn skip(&mut self, index: Index) {
        base::invariant!(I54, index > self.applied, "{index} after {}", self.applied);
        self.applied = index;
    }

    /// Reads a range.
    #[must_use]
    pub fn query(&self, query: &RangeQuery) -> Reply {
        let result = check_range(&query.range)
            .and_then(|()| range::check_window(&self.store, query))
            .map(|()| OpReply::Range(range::evaluate(&self.store, query, self.revision())));
        self.reply(result)
    }

    /// Answers a transaction for which [`Txn::is_read`] holds.
    #[must_use]
    pub fn read_txn(&self, txn: &Txn) -> Reply {
        base::invariant!(I60, txn.is_read());
        // The snapshot costs nothing and lets reads and writes share their code.
        let mut snapshot = self.store.snapshot();
        let result = check_txn(txn).and_then(|()| run_txn(&mut snapshot, txn));
        self.reply(result)
    }

    /// What a watch with this filter is told from revision `from` on, looking
    /// at no more than `revisions_max` revisions.
    #[must_use]
    pub fn changes(
        &self,
        filter: &WatchFilter,
        from: Revision,
        revisions_max: usize,
    ) -> ChangesPage {
        watch::changes(&self.store, filter, from, revisions_max)
    }

    /// The keyspace.
    #[must_use]
    pub const fn keyspace(&self) -> KeyspaceId {
        self.keyspace
    }

    /// The newest revision; 1 if nothing was ever written.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.store.revision()
    }

    /// The last entry that was applied or skipped.
    #[must_use]
    pub const fn applied(&self) -> Index {
        self.applied
    }

    /// The newest clock that an applied entry carried.
    #[must_use]
    pub const fn clock(&self) -> u64 {
        self.clock
    }

    /// Equal on replicas that hold the same versions at the same revision.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        self.store.state_hash()
    }

    /// What data and history take, in bytes.
    #[must_use]
    pub const fn bytes_held(&self) -> u64 {
        self.store.bytes_held()
    }

    /// How many keys exist.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.store.keys()
    }

    /// The state as it is now, for a slow reader.
    #[must_use]
    pub fn snapshot(&self) -> Store {
        self.store.snapshot()
    }

    /// Walks the whole state and stops the process if it does not fit
    /// together. For tests and simulated worlds.
    pub fn validate(&self) {
        self.store.validate();
    }

    /// The command, if it is for this keyspace.
    fn decode(&self, body: &Bytes) -> Result<Command, CodecError> {
        let (envelope, command) = encode::decode(body.clone())?;
        if envelope.keyspace == self.keyspace {
            Ok(command)
        } else {
            Err(CodecError::Invalid { what: "keyspace", got: envelope.keyspace.0 })
        }
    }

    fn run(&mut self, command: &Command) -> Result<OpReply, KvError> {
        match command {
            Command::Put(put) => run_put(&mut self.store, put),
            Command::Txn(txn) => run_txn(&mut self.store, txn),
            Command::DeleteRange(delete) => {
                let mut draft = Draft::begin(&mut self.store);
                let reply = txn::run_delete(&mut draft, delete);
                draft.seal();
                Ok(reply)
            }
        }
    }

    const fn reply(&self, result: Result<OpReply, KvError>) -> Reply {
        Reply { revision: self.revision(), result }
    }
}

fn run_put(store: &mut Store, put: &Put) -> Result<OpReply, KvError> {
    txn::check_put(store, put)?;
    let mut draft = Draft::begin(store);
    let reply = txn::run_put(&mut draft, put);
    draft.seal();
    Ok(reply)
}

fn run_txn(store: &mut Store, txn: &Txn) -> Result<OpReply, KvError> {
    let plan = txn::plan(store, txn)?;
    let mut draft = Draft::begin(store);
    let reply = txn::run(&mut draft, &plan);
    draft.seal();
    Ok(OpReply::Txn(reply))
}
