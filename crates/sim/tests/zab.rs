//! The same worlds under Zab: every promise is the same.

use base::check::Mark;
use sim::Options;
use sim::draw::ProtocolKind;
use sim::swarm::swarm_with;

/// What these seeds must get to, or they prove little.
const REACHED: &[Mark] = &[
    Mark::ElectionWon,
    Mark::QuorumLost,
    Mark::HistoryPulled,
    Mark::HistoryAccepted,
    Mark::LogTruncated,
    Mark::FollowerBehind,
    Mark::CheckpointInstalled,
    Mark::LeadershipMoved,
    Mark::MuteHeard,
];

#[test]
fn no_seed_breaks_a_promise() {
    let options = Options { protocol: ProtocolKind::Zab, ..Options::default() };
    let report = swarm_with(1_000..1_030, &options, 2, &|_| ());
    assert!(report.passed(), "{report}");
    let missed: Vec<_> = REACHED.iter().filter(|mark| report.marks.count(**mark) == 0).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}
