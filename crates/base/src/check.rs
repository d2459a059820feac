//! What must always hold, and what a run must have reached.
//!
//! `invariant!` stays on in release builds: a crash is cheaper than a lie.
//! `sometimes!` counts that a rare place was visited, so that a test which
//! never gets there cannot pass for proof.

use core::sync::atomic::{AtomicU64, Ordering};

/// Stops the process if our own computation broke rule `$name` of docs/invariants.md.
/// Never for what a peer, a client or a disk said: that is input.
#[macro_export]
macro_rules! invariant {
    ($name:ident, $holds:expr) => {
        assert!($holds, concat!("invariant ", stringify!($name), " broken: ", stringify!($holds)))
    };
    ($name:ident, $holds:expr, $($say:tt)+) => {
        assert!($holds, "invariant {} broken: {}", stringify!($name), format_args!($($say)+))
    };
}

/// Counts a visit to a place that test runs must reach: `sometimes!(TornTail)`.
#[macro_export]
macro_rules! sometimes {
    ($mark:ident) => {
        $crate::check::Mark::$mark.hit()
    };
}

macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The places that a swarm of simulated runs must reach.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(usize)]
        pub enum Mark {
            $($(#[$doc])* $name,)+
        }

        impl Mark {
            /// Every mark, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

marks! {
    /// A candidate won an election.
    ElectionWon,
    /// A pre-vote was refused because a leader is alive.
    PreVoteRefused,
    /// A leader stepped down because it heard no quorum.
    QuorumLost,
    /// A follower cut entries that conflicted with its leader's.
    LogTruncated,
    /// An append was rejected and the leader went back by a hint.
    AppendRejected,
    /// A follower needs entries that its leader's log does not hold any more.
    FollowerBehind,
    /// A log in memory forgot entries that a checkpoint holds.
    LogForgotten,
    /// A follower that was given a checkpoint held back too much of the log.
    PinAbandoned,
    /// A checkpoint took the place of a log that has the same place.
    RestoreKeptLog,
    /// A checkpoint took the place of a log that does not reach it or differs there.
    RestoreVoidedLog,
    /// The trigger let a replica claim a ballot.
    Claimed,
    /// A leader said that it leads no more.
    Abdicated,
    /// Nobody else could be elected: a log was completed before its owner stood.
    LogPulled,
    /// What was to be pulled was only in a checkpoint of the other log's owner.
    PullerBehind,
    /// A prospective leader fetched a history that was better than its own.
    HistoryPulled,
    /// A quorum accepted the history of a new leader.
    HistoryAccepted,
    /// A leader that hands over told a follower to stand.
    ToldToStand,
    /// A leader that wanted to hand over takes proposals again.
    TransferAbandoned,
    /// A leader was answered by a replica that is mute now.
    MuteHeard,
    /// The leader committed an entry that its own disk did not have yet.
    CommitWithoutOwnDisk,
    /// A read waited for the first commit of its leader's term.
    ReadWaitedForBarrier,
    /// A letter waited for its write to become durable.
    LetterGated,
    /// Recovery cut a torn tail.
    TornTail,
    /// Recovery found bytes of an earlier life behind the end of the log.
    StaleTail,
    /// The log went on in a new segment.
    SegmentOpened,
    /// The beginning of a log rose over segments that it no longer needs.
    SegmentRetired,
    /// A file that was no longer of the log became its next segment.
    SegmentReused,
    /// There was no room on the disk for a file of the log.
    SegmentWithoutRoom,
    /// There was no room on the disk for a checkpoint.
    CheckpointWithoutRoom,
    /// There was no room on the disk for a checkpoint of another node.
    FetchWithoutRoom,
    /// A disk that had no room has some again.
    RoomAgain,
    /// An idle lane wrote down what is durable.
    WitnessWritten,
    /// A follower forwarded a write to its leader.
    Forwarded,
    /// A forwarded write that was not proposed was tried again.
    TriedAgain,
    /// A request waited because no leader was known.
    AskParked,
    /// A request ended with an unknown outcome because leadership moved.
    OutcomeUnknown,
    /// A watch that was behind read history to catch up.
    WatchCaughtUp,
    /// A watch wanted history that was compacted.
    WatchCompacted,
    /// A watch heard that it was told everything up to now.
    ProgressTold,
    /// A lease ended because its time was over.
    LeaseExpired,
    /// A leader gave a lease its full time again.
    LeaseRenewed,
    /// A renewal came when the end of its lease was proposed already.
    LeaseEnding,
    /// History was compacted.
    HistoryCompacted,
    /// History was compacted because it took too much room.
    HistoryCrowded,
    /// A compaction was swept in more than one turn.
    SweepSliced,
    /// An alarm was raised.
    AlarmRaised,
    /// A numbered command was answered again and not done again.
    SequenceRepeated,
    /// Leadership was handed over because somebody asked for it.
    LeadershipMoved,
    /// A node learned that it had another disk before.
    DiskLost,
    /// A checkpoint was made.
    CheckpointMade,
    /// A node that was behind was offered a checkpoint.
    CheckpointOffered,
    /// A checkpoint of another node was taken over.
    CheckpointInstalled,
    /// A node started from the older checkpoint because the newest was damaged.
    CheckpointFellBack,
    /// A node set its damaged log aside.
    LogSetAside,
    /// A node whose log had lost something is whole again.
    Healed,
    /// A chunk was asked for a second time.
    ChunkAskedAgain,
    /// A chunk that was fetched was damaged when the state was built from it.
    FetchedChunkDamaged,
    /// A leader's disk was so far behind that it wanted to lead no more.
    DiskBehind,
    /// A read of a node's own state waited until it was as far as in an earlier life.
    WeakReadWaited,
    /// A crash came between taking over a checkpoint and the log's word of it.
    LogVoidAtBoot,
    /// A place where nobody of a majority had accepted anything got a no-op.
    HoleFilled,
    /// A new leader proposed again what was accepted under a lower ballot.
    EntryInherited,
    /// A new leader learned from another that something is chosen.
    ChosenInherited,
    /// A promise came in more than one part.
    PromiseInParts,
    /// An acceptor took a place and lacked the one before.
    AcceptedBeyondGap,
    /// A place was chosen by acceptors of whom one lacked an earlier one.
    ChosenAcrossGap,
}

static HITS: [AtomicU64; Mark::ALL.len()] = [const { AtomicU64::new(0) }; Mark::ALL.len()];

impl Mark {
    /// Counts one visit.
    pub fn hit(self) {
        if let Some(count) = HITS.get(self as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Visits in this process so far.
    #[must_use]
    pub fn count(self) -> u64 {
        HITS.get(self as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;

    #[test]
    fn marks_count() {
        let before = Mark::TornTail.count();
        sometimes!(TornTail);
        assert!(Mark::TornTail.count() > before);
    }

    #[test]
    #[should_panic(expected = "invariant I1 broken: two leaders in 4")]
    fn a_broken_invariant_says_its_name() {
        invariant!(I1, 1 + 1 == 3, "two leaders in {}", 4);
    }
}
