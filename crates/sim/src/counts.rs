//! How much happened in a run, by kind.

use core::fmt;
use core::ops::AddAssign;

/// Requests that every world of a swarm does at the least: in one that did fewer,
/// little could have gone wrong.
pub const OPERATIONS_LEAST: u64 = 1_000;

/// Faults that every world of a swarm meets at the least.
pub const FAULTS_LEAST: u64 = 10;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident $say:literal,)+) => {
        /// How often each kind of thing happened.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Counts {
            /// Requests whose outcomes were checked.
            #[must_use]
            pub const fn operations(&self) -> u64 {
                self.ok + self.failed + self.unknown
            }

            /// Every kind with its name for people.
            #[must_use]
            pub const fn all(&self) -> [(&'static str, u64); [$($say),+].len()] {
                [$(($say, self.$name)),+]
            }
        }

        impl AddAssign for Counts {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)+
            }
        }
    };
}

counts! {
    /// Turns of lanes.
    turns "turns",
    /// Events that lanes were stepped with.
    steps "machine steps",
    /// Frames sent.
    frames "frames",
    /// Frames that were lost, by chance or by a cut.
    lost "frames lost",
    /// Frames that arrived twice.
    twice "frames doubled",
    /// Frames that arrived out of order.
    reordered "frames reordered",
    /// Frames that a cut held back and delivered later.
    held "frames held",
    /// Frames that changed on their way; the checksum told, and the connection ended.
    corrupted "frames corrupted",
    /// Lanes that stopped because a disk operation failed.
    halts "lanes stopped",
    /// Disk operations.
    disk_ops "disk operations",
    /// Jobs beside the lanes: checkpoints, chunks, files of the log.
    works "jobs",
    /// Crashes that left the page cache.
    kills "kills",
    /// Crashes that took it.
    power_losses "power losses",
    /// Crashes in the middle of a turn's actions.
    mid_turn "crashes in a turn",
    /// Crashes in the middle of a disk operation.
    in_sync "crashes in a sync",
    /// Crashes between a checkpoint and the log's word of it.
    in_flip "crashes at a checkpoint",
    /// Crashes while a node read its log back.
    in_recovery "crashes in recovery",
    /// Crashes of all nodes at once.
    blackouts "blackouts",
    /// Starts after a crash.
    restarts "restarts",
    /// Starts after a loss of power that took the last writes wholly.
    lost_tails "lost tails",
    /// Starts after a loss of power that left a part of a write.
    torn_tails "torn tails",
    /// Starts in which a read failed.
    misreads "failed reads at a start",
    /// Reads of a node that ran which failed.
    bad_reads "failed reads",
    /// Writes, with their syncs, that failed.
    bad_syncs "failed syncs",
    /// Disks that were slow for a while.
    slow_disks "slow disks",
    /// Disks that did not answer for a while.
    hung_disks "hung disks",
    /// Clocks that jumped ahead.
    jumps "clock jumps",
    /// Disks that were lost.
    losses "lost disks",
    /// Checkpoints that went bad.
    rots "rotten checkpoints",
    /// Logs that went bad.
    harms "rotten records",
    /// Starts refused for want of room.
    no_start "starts refused for want of room",
    /// Nodes that lost part of their log and are whole again.
    repairs "repairs",
    /// Leaders asked to hand over.
    moves "moves asked for",
    /// Nodes stopped in good order.
    stops "orderly stops",
    /// Backups that were taken and read again.
    backups "backups",
    /// Processes stopped for a while.
    pauses "pauses",
    /// Disks that were full for a while.
    fills "full disks",
    /// Nodes cut off for a while.
    isolations "isolations",
    /// New leaders that were cut off at once.
    coups "coups",
    /// Times at which nobody reached anybody.
    storms "storms",
    /// Links cut in one direction for a while.
    cuts "one-way cuts",
    /// Times at which some links of some nodes were cut.
    partitions "partial partitions",
    /// Links that came and went for a while.
    flaps "flapping links",
    /// Links that were slow for a while.
    slow_links "slow links",
    /// Worlds that ended before they had done enough to prove much.
    short "worlds too short",
    /// Checkpoints taken over from another node.
    installs "checkpoints taken over",
    /// Compactions while somebody watched.
    compactions "compactions under open watches",
    /// Requests that were refused at once for want of room on a disk.
    no_room "refused for want of room",
    /// Requests that were answered.
    ok "ok",
    /// Requests that were refused and not done.
    failed "failed",
    /// Requests whose outcome is unknown.
    unknown "unknown",
    /// Batches that watchers were told.
    told "watch batches",
    /// Terms that had a leader.
    elections "elections",
    /// States that were compared.
    states "states compared",
    /// Checkpoints of one place that two nodes had.
    checkpoints "checkpoints compared",
    /// Milliseconds of simulated time.
    millis "simulated ms",
}

impl Counts {
    /// Everything that went wrong because the world wanted it; single frames that
    /// were lost, doubled, reordered, held back or corrupted are not counted.
    #[must_use]
    pub const fn faults(&self) -> u64 {
        self.halts
            + self.kills
            + self.power_losses
            + self.in_recovery
            + self.misreads
            + self.bad_reads
            + self.slow_disks
            + self.hung_disks
            + self.jumps
            + self.losses
            + self.rots
            + self.harms
            + self.pauses
            + self.fills
            + self.isolations
            + self.storms
            + self.cuts
            + self.partitions
            + self.flaps
            + self.slow_links
    }

    /// Whether this is enough to prove something.
    #[must_use]
    pub const fn are_enough(&self) -> bool {
        self.operations() >= OPERATIONS_LEAST && self.faults() >= FAULTS_LEAST
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said: Vec<String> =
            self.all().iter().map(|(name, count)| format!("{name} {count}")).collect();
        let lines: Vec<String> =
            said.chunks(6).map(|line| format!("  {}", line.join(" · "))).collect();
        f.write_str(&lines.join("\n"))
    }
}
