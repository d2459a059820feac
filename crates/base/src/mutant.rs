//! Small deliberate bugs, to prove that the checkers can see.
//!
//! `mutant!(AckBeforeSync, right, wrong)` is `right` in every build but the
//! one that `cargo xtask mutants` makes (feature `mutants` of this crate,
//! which nothing else may turn on); there the harness picks one at run time.

use core::sync::atomic::{AtomicUsize, Ordering};

/// `right`, unless the named mutant is switched on in a mutants build.
#[macro_export]
macro_rules! mutant {
    ($name:ident, $right:expr, $wrong:expr) => {
        if $crate::mutant::Mutant::$name.on() { $wrong } else { $right }
    };
}

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The deliberate bugs. Each must be caught by some seed.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(usize)]
        pub enum Mutant {
            /// No bug: the code as it ships.
            None,
            $($(#[$doc])* $name,)+
        }

        impl Mutant {
            /// Every bug, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

mutants! {
    /// A write counts as durable when it is handed to the disk, not when it is synced.
    AckBeforeSync,
    /// A vote leaves before it is on disk.
    VoteBeforeSync,
    /// A leader commits an entry of an earlier term by counting copies (Raft, figure 8).
    CommitEarlierTerm,
    /// A promise is written without the vote that it is about.
    VoteNotWritten,
    /// A vote that was given is given again to whoever asks.
    VoteTwice,
    /// A vote is given to a log that lacks entries.
    VoteIgnoresLog,
    /// A vote that a leader asked for is given to a log that lacks entries.
    TransferIgnoresLog,
    /// A pre-vote raises the term of who is asked.
    PreVoteRaisesTerm,
    /// A log is pulled in the term that its owner is in.
    PullKeepsTerm,
    /// What was pulled is confirmed to the leader whose it is.
    PullerConfirms,
    /// Entries are cut for a log that ends in an earlier term.
    PullCutsNewer,
    /// A vote of a term that is over counts in the next.
    StaleVoteCounts,
    /// A follower confirms entries that its disk does not have.
    AppendAckBeforeSync,
    /// What follows a letter's entries is cut, though it agrees.
    AppendCutsWhatFollows,
    /// A leader counts its own copy before its disk has it.
    OwnDiskCountsEarly,
    /// What a rewritten log had on disk counts as the new one's.
    DurableNotTakenBack,
    /// A round of leadership is answered by the answers to the one before.
    RoundUsedTwice,
    /// A new leader answers reads before it knows what is committed.
    ReadBeforeOpening,
    /// A checkpoint that the log does not contain leaves the log as it is.
    RestoreKeepsLog,
    /// What a crash left of a log that a checkpoint replaced is not made void.
    RestoreForgetsStale,
    /// A log in memory begins behind its newest checkpoint.
    TrimBeyondCheckpoint,
    /// A leader counts the answers of a replica that lost its promises.
    MuteCounts,
    /// A replica that lost its promises votes.
    MuteVotes,
    /// A node whose log lost something is not known to be mute.
    HealingUnmarked,
    /// A replica that lost part of its log counts as soon as it knows a leader.
    WholeWithoutLog,
    /// A replica that lost part of its log counts in a term older than its promises.
    WholeInOldTerm,
    /// A watch loses its place when a checkpoint is taken over.
    WatchSkipsInstall,
    /// A checkpoint says that it holds one entry more than it does.
    CheckpointPlaceAhead,
    /// A checkpoint is current before its last chunk is on disk.
    ManifestBeforeChunks,
    /// The log goes as soon as the newest checkpoint holds it.
    LogReleasedToNewest,
    /// A snapshot holds nothing of the numbers under which clients asked.
    SnapshotWithoutSequences,
    /// A state that is made of chunks does not know which keys hang on a lease.
    LeaseKeysNotThawed,
    /// A promise goes with the segment that it was written in.
    FloorForgetsPromise,
    /// A checkpoint is taken over, and the state stays as it was.
    InstallKeepsMachine,
    /// A read is answered without asking whether this node still leads.
    ReadWithoutQuorum,
    /// A renewal is acknowledged without asking whether this node still leads.
    RenewedWithoutQuorum,
    /// A lease is renewed though its end is proposed.
    RenewedWhileEnding,
    /// The end of a lease ends the one that was granted anew under its id as well.
    ExpiresAnother,
    /// A new leader counts a lease from its grant, not from its own beginning.
    LeaseNotExtended,
    /// A leader says that it did not propose what it did propose for another node.
    ProposedAndDenied,
    /// A compaction forgets the revision at which history should begin.
    CompactedRevisionLost,
    /// A retry under the same number is done again.
    SequenceForgotten,
    /// History may take all the room that there is.
    CrowdNotSeen,
    /// A watch hears that it was told everything when it was not.
    ProgressTooEarly,
    /// A read in a transaction does not see what the transaction wrote before it
    /// (etcd issue 14490, of whose revision such an answer is). Breaks P2.
    TxnReadsBefore,
    /// A put that keeps the pair's lease takes the key off it (etcd's `ignore_lease`):
    /// the key outlives its owner. Breaks P2 and P5.
    KeptLeaseLost,
    /// A compaction sweeps a deletion that stands at its own revision (etcd issue
    /// 18089): who takes the state over never tells of it. Breaks P4.
    DeletionSweptTooFar,
    /// The revision right below a compaction is still answered, with what the sweep
    /// has left of it (Kubernetes pages through such reads). Breaks P2.
    CompactedIsRead,
    /// The count of a range stops one behind the limit (etcd issue 6145). Breaks P2.
    CountStopsAtLimit,
    /// History that was made of chunks knows no pair before its changes (etcd issue
    /// 10681, without a compaction). Breaks P4.
    PreviousNotThawed,
    /// A refusal is not remembered under its number: the client who goes on is told of
    /// a gap, and a late copy is done after it was refused (Raft, dissertation 6.3).
    /// Breaks P3.
    RefusalNotRemembered,
    /// The newest of the forwarded commands that came in order is let in once more
    /// (raft-rs and etcd forward proposals without a number). Breaks P3.
    ForwardTakenTwice,
    /// Who waits at an index is answered by whatever is applied there (copycat issue
    /// 265, seen from the client): a write that is gone is acknowledged. Breaks P1.
    AnsweredByPlaceAlone,
    /// A write of which a lost leader said nothing goes to the next one as well (blind
    /// retries; FoundationDB's unknown result). Breaks P3.
    DoubtTriedAgain,
    /// A read is answered as soon as its index is known, not when it is applied (the
    /// wait in etcd's `linearizableReadLoop`). Breaks P2.
    ReadNotApplied,
    /// A node that starts serves its own state at once, though it was further before it
    /// stopped (etcd members serve nobody before they applied an entry of their own).
    /// Breaks P2.
    WeakReadForgets,
    /// A watch that was without room goes on with what is new (etcd issue 17529).
    /// Breaks P4.
    SlowWatchSkips,
    /// A renewal asks the leader's count and not the state: a revoked lease is renewed
    /// (etcd pull request 20590). Breaks P5.
    RenewedAfterRevoke,
    /// A directory that was made of its chunk knows no disk's life: who lost its disk
    /// is taken for whom it was (NATS issue 7567). Breaks P1.
    LivesNotThawed,
    /// What is missing below the witness is cut like a torn end (etcd issue 6191 and
    /// Protocol-Aware Recovery, FAST'18). Breaks P1 and P6.
    DamageTakenForTear,
    /// A record vouches for those before it in its own write (etcd issue 11488): what a
    /// power loss tore is called damage, and the node stays down. Breaks P1 and P7.
    TearTakenForDamage,
    /// What a process that died left in the page cache counts as durable when the next
    /// one reads it (`PostgreSQL`'s fsync, 2018; ATC'20). Breaks P1.
    PageCacheBelieved,
    /// Clearing up behind a checkpoint takes the chunks of the other one too
    /// (`ZooKeeper`'s purge of snapshots in use, Keeper issue 60537). Breaks P6.
    LeftoversOfBoth,
    /// A heartbeat tells everybody all that is chosen, agreed or not (tinykv issue 191).
    /// Breaks P1 and P2.
    HeartbeatCommitsAll,
    /// Letters that were lost are never sent again (a paused peer of etcd's raft).
    /// Breaks P7.
    LostLettersNotMissed,
    /// A leader that no majority answers goes on leading those who hear it (Cloudflare,
    /// 2020-11-02; hashicorp/raft issue 503). Breaks P7.
    LeadsUnheard,
    /// A follower takes for chosen what stands behind the letter's entries (copycat
    /// issue 265, `ScyllaDB` issue 9965). Breaks P1 and P2.
    CommitBeyondLetter,
    /// A ballot is asked for before its owner's promise is on disk.
    PrepareBeforeSync,
    /// A promise leaves before it is on disk.
    PromiseBeforeSync,
    /// A new leader takes over with the promises of less than a majority.
    PromisesOfAMinority,
    /// Of what was accepted at a place, the lowest ballot counts.
    LowestBallotWins,
    /// What is inherited counts as proposed by the new leader.
    InheritedAsNew,
    /// An acceptor confirms what its disk does not have.
    AcceptedBeforeSync,
    /// What a leader says is chosen is believed of places accepted under other ballots.
    CommitOfAnyBallot,
    /// Zab's leader counts its own acceptance of the history before its disk has it.
    ZabOwnSyncEarly,
    /// A promise of an epoch is not in the record that is about it.
    ZabPromiseNotWritten,
    /// ACKEPOCH leaves before the promise is on disk.
    ZabAckEpochBeforeSync,
    /// An epoch that was promised to one is promised to another who claims it too.
    ZabEqualEpochTwice,
    /// The longest log is taken for the best, whatever epoch it was accepted in.
    ZabLongestWins,
    /// A new leader begins with its own log, whatever others have.
    ZabLeadsWithoutHistory,
    /// What follows the leader's history is not cut.
    ZabNoTrunc,
    /// NEWLEADER is accepted before the history is there (`ZooKeeper` issues 3911, 4643).
    ZabAcceptsBeforeLog,
    /// NEWLEADER is acknowledged before that is on disk (`ZooKeeper` issue 4646).
    ZabAckNewLeaderEarly,
    /// A leader serves before a quorum has accepted its history (`ZooKeeper` issue 4394).
    ZabServesUnaccepted,
    /// Who promised an epoch says that its log is in sync, whatever it holds.
    ZabPongUnsynced,
    /// A proposal is acknowledged before it is on disk.
    ZabAckBeforeSync,
}

static CHOSEN: AtomicUsize = AtomicUsize::new(0);

impl Mutant {
    /// Whether this bug is switched on; always false in a normal build.
    #[must_use]
    #[inline]
    pub fn on(self) -> bool {
        cfg!(feature = "mutants") && CHOSEN.load(Ordering::Relaxed) == self as usize
    }

    /// Switches this bug on, and every other off. Without the feature nothing happens.
    pub fn choose(self) {
        CHOSEN.store(self as usize, Ordering::Relaxed);
    }
}
