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
