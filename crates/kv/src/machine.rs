//! The state machine of one keyspace: entries in, replies out.
//!
//! Everything it does is decided by the entries and their order. Two machines
//! that applied the same entries are in the same state and gave the same
//! replies, on whatever machine and build.

use crate::check::{check, check_range, check_txn};
use crate::command::{
    Alarm, Command, Envelope, KvError, Lease, LeaseGrant, OpReply, RangeQuery, Reply, Txn,
};
use crate::encode;
use crate::hash::digest;
use crate::range;
use crate::run;
use crate::sequence::{Sequences, Turn};
use crate::state::State;
use crate::store::Store;
use crate::watch::{self, ChangesPage, Compacted, WatchFilter};
use alloc::vec::Vec;
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
    pub(crate) keyspace: KeyspaceId,
    /// Grows with every entry (I54).
    pub(crate) applied: Index,
    /// The newest clock that an entry carried; never goes back.
    pub(crate) clock: u64,
    pub(crate) state: State,
    pub(crate) sequences: Sequences,
}

impl Machine {
    /// The empty keyspace, before the first entry.
    #[must_use]
    pub fn new(keyspace: KeyspaceId) -> Self {
        Self {
            keyspace,
            applied: Index::ZERO,
            clock: 0,
            state: State::new(),
            sequences: Sequences::default(),
        }
    }

    /// Applies the entry at `index`, whose leader's clock said `clock`. A
    /// command that is refused is applied too: its reply says why. One that
    /// was applied before, by its (client, sequence), is answered as it was.
    pub fn apply(
        &mut self,
        index: Index,
        clock: u64,
        body: &Bytes,
    ) -> Result<Reply, UnknownCommand> {
        let (envelope, command) = self.decode(body).map_err(|why| UnknownCommand { index, why })?;
        self.skip(index);
        self.clock = self.clock.max(clock);
        let sequence = base::mutant!(SequenceForgotten, envelope.sequence, None);
        let Some(sequence) = sequence else { return Ok(self.run(&command)) };
        Ok(match self.sequences.turn(sequence) {
            Turn::Again(reply) => {
                base::sometimes!(SequenceRepeated);
                reply
            }
            Turn::Refused(why) => self.reply(Err(why)),
            Turn::New => {
                let reply = self.run(&command);
                if reply.result.is_ok() || base::mutant!(RefusalNotRemembered, true, false) {
                    self.sequences.note(sequence, index, &reply);
                }
                reply
            }
        })
    }

    /// What this body may add to the keyspace ([`crate::quota::cost`]); `None` if
    /// [`Machine::apply`] will not understand it. Asked before a body that somebody
    /// else encoded is proposed: an entry that is not understood stops every replica.
    #[must_use]
    pub fn cost(&self, body: &Bytes) -> Option<u64> {
        let (_, command) = self.decode(body).ok()?;
        Some(crate::quota::cost(&command))
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
            .and_then(|()| range::check_window(&self.state.store, query))
            .map(|()| OpReply::Range(range::evaluate(&self.state.store, query, self.revision())));
        self.reply(result)
    }

    /// Answers a transaction for which [`Txn::is_read`] holds.
    #[must_use]
    pub fn read_txn(&self, txn: &Txn) -> Reply {
        base::invariant!(I60, txn.is_read());
        // The snapshot costs nothing and lets reads and writes share their code.
        let mut snapshot = self.state.clone();
        let result = check_txn(txn).and_then(|()| run::run_txn(&mut snapshot, txn));
        self.reply(result)
    }

    /// What a watch with this filter is told from revision `from` on, looking
    /// at no more than `revisions_max` revisions.
    pub fn changes(
        &self,
        filter: &WatchFilter,
        from: Revision,
        revisions_max: usize,
    ) -> Result<ChangesPage, Compacted> {
        watch::changes(&self.state.store, filter, from, revisions_max)
    }

    /// The keyspace.
    #[must_use]
    pub const fn keyspace(&self) -> KeyspaceId {
        self.keyspace
    }

    /// The newest revision; 1 if nothing was ever written.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.state.store.revision()
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

    /// The revision of the last compaction, if there was one.
    #[must_use]
    pub const fn compacted(&self) -> Option<Revision> {
        self.state.store.compacted()
    }

    /// Takes out what compactions made unreadable, by about `budget` changes;
    /// says whether there is more. Replicas may do it at any time and pace:
    /// no answer and no hash depends on it.
    pub fn sweep(&mut self, budget: usize) -> bool {
        self.state.store.sweep(budget)
    }

    /// Whether nothing unreadable is left.
    #[must_use]
    pub fn is_swept(&self) -> bool {
        self.state.store.is_swept()
    }

    /// The lease with this id.
    #[must_use]
    pub fn lease(&self, id: i64) -> Option<Lease> {
        self.state.leases.get(id)
    }

    /// Whether there is a lease with this id.
    #[must_use]
    pub fn has_lease(&self, id: i64) -> bool {
        self.state.leases.holds(id)
    }

    /// All leases as they were granted, by id.
    pub fn leases(&self) -> impl Iterator<Item = LeaseGrant> + '_ {
        self.state.leases.iter()
    }

    /// The alarms that stand.
    #[must_use]
    pub fn alarms(&self) -> Vec<Alarm> {
        self.state.alarms.list()
    }

    /// Equal on replicas whose clients can see no difference: the same versions
    /// at the same revision and compaction, leases, alarms and sequences.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        digest(&[
            self.state.store.hash(self.revision()),
            self.state.leases.digest(),
            self.state.alarms.digest(),
            self.sequences.digest(),
        ])
    }

    /// A hash of the pairs alone, as of a revision that can be read: equal on
    /// replicas that were compacted at the same revision.
    pub fn hash_at(&self, at: Revision) -> Result<u64, KvError> {
        range::check_revision(&self.state.store, at)?;
        Ok(self.state.store.hash(at))
    }

    /// What data, history, leases and remembered replies take, in bytes. What
    /// a compaction made unreadable does not count, swept or not.
    #[must_use]
    pub const fn bytes_held(&self) -> u64 {
        self.state.bytes_held() + self.sequences.bytes_held()
    }

    /// What of [`Machine::bytes_held`] a compaction at the newest revision would free.
    #[must_use]
    pub const fn bytes_of_history(&self) -> u64 {
        self.state.store.bytes_of_history()
    }

    /// The revision whose compaction halves the history, by its bytes.
    #[must_use]
    pub fn middle(&self) -> Revision {
        self.state.store.middle()
    }

    /// How many keys exist.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.state.store.keys()
    }

    /// The state as it is now, for a slow reader.
    #[must_use]
    pub fn snapshot(&self) -> Store {
        self.state.store.snapshot()
    }

    /// Walks the whole state and stops the process if it does not fit
    /// together. For tests and simulated worlds.
    pub fn validate(&self) {
        self.state.validate();
        self.sequences.validate();
    }

    /// The command and its envelope, if it is for this keyspace.
    fn decode(&self, body: &Bytes) -> Result<(Envelope, Command), CodecError> {
        let both = encode::decode(body.clone())?;
        if both.0.keyspace == self.keyspace {
            Ok(both)
        } else {
            Err(CodecError::Invalid { what: "keyspace", got: both.0.keyspace.0 })
        }
    }

    fn run(&mut self, command: &Command) -> Reply {
        let before = self.revision();
        let result = check(command).and_then(|()| run::run(&mut self.state, command, self.clock));
        base::invariant!(I55, result.is_ok() || self.revision() == before);
        self.reply(result)
    }

    const fn reply(&self, result: Result<OpReply, KvError>) -> Reply {
        Reply { revision: self.revision(), result }
    }
}
