//! Hundreds of worlds, each from its seed. `TRIMARAN_SEEDS=from..to` chooses others.

use base::check::Mark;
use sim::Options;
use sim::swarm::swarm_with;
use std::io::Write;
use std::ops::Range;

/// What the seeds must reach together, or they prove little.
const REACHED: &[Mark] = &[
    Mark::ElectionWon,
    Mark::PreVoteRefused,
    Mark::QuorumLost,
    Mark::LogTruncated,
    Mark::AppendRejected,
    Mark::CommitWithoutOwnDisk,
    Mark::ReadWaitedForBarrier,
    Mark::LetterGated,
    Mark::TornTail,
    Mark::SegmentOpened,
    Mark::WitnessWritten,
    Mark::Forwarded,
    Mark::TriedAgain,
    Mark::AskParked,
    Mark::OutcomeUnknown,
    Mark::WatchCaughtUp,
    Mark::WatchCompacted,
    Mark::ProgressTold,
    Mark::LeaseExpired,
    Mark::LeaseRenewed,
    Mark::LeaseEnding,
    Mark::HistoryCompacted,
    Mark::HistoryCrowded,
    Mark::AlarmRaised,
    Mark::SequenceRepeated,
    Mark::FollowerBehind,
    Mark::LogForgotten,
    Mark::RestoreVoidedLog,
    Mark::Abdicated,
    Mark::Claimed,
    Mark::ToldToStand,
    Mark::TransferAbandoned,
    Mark::MuteHeard,
    Mark::SegmentRetired,
    Mark::SegmentReused,
    Mark::SweepSliced,
    Mark::LeadershipMoved,
    Mark::DiskLost,
    Mark::CheckpointMade,
    Mark::CheckpointOffered,
    Mark::CheckpointInstalled,
    Mark::CheckpointFellBack,
    Mark::ChunkAskedAgain,
    Mark::LogSetAside,
    Mark::Healed,
];

fn seeds() -> Range<u64> {
    let chosen = std::env::var("TRIMARAN_SEEDS").ok();
    let parsed = chosen.as_deref().and_then(|text| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    parsed.unwrap_or(1_000..1_300)
}

#[test]
fn no_seed_breaks_a_promise() {
    let report = swarm_with(seeds(), &Options::default(), 2, &|_| ());
    // Past the harness, which hides what a passing test prints: a run that
    // injected little proves little, so everybody sees how much it was.
    writeln!(std::io::stdout(), "{report}").expect("a place to write to");
    assert!(report.passed(), "{report}");
    let missed: Vec<_> = REACHED.iter().filter(|mark| report.marks.count(**mark) == 0).collect();
    assert!(missed.is_empty() || seeds().count() < 300, "never reached: {missed:?}");
}
