//! The worlds that are looked at whole: how much may happen in each.

/// How often things may happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Budget {
    /// Timers that make a node stand: each begins at most one ballot.
    pub stands: u8,
    /// Commands of clients.
    pub proposals: u8,
    /// Losses of power; what was not synced may be lost.
    pub crashes: u8,
    /// Pulses of a node.
    pub beats: u8,
    /// Linearizable reads.
    pub reads: u8,
    /// Transfers of leadership.
    pub transfers: u8,
    /// Logs that are completed before their owner stands.
    pub pulls: u8,
    /// Checkpoints that are taken.
    pub checkpoints: u8,
    /// Checkpoints that are put in force on another node.
    pub installs: u8,
    /// Disks that are lost.
    pub losses: u8,
    /// Replicas without their promises that are found whole again.
    pub heals: u8,
}

/// Where everything begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// Three empty disks.
    Cold,
    /// n1 leads the first ballot, and all know its opening entry as chosen.
    Led,
    /// Then n1 alone has two more commands on its disk, and n2, which leads the
    /// second ballot, alone its opening entry; all know of that ballot.
    Parted,
}

/// How disks end what they were asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sync {
    /// Everything that waits at once; a crash may keep any part of it.
    Whole,
    /// Any number of the writes that wait, in order.
    Each,
}

/// One world.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// What it is called.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Where it begins.
    pub start: Start,
    /// What may happen.
    pub budget: Budget,
    /// Who may stand for leader when its timer says so.
    pub standing: &'static [u64],
    /// Where clients may read.
    pub reading: &'static [u64],
    /// Who may lose its power or its disk.
    pub frail: &'static [u64],
    /// Whether pre-votes are asked by letters. If not, the first that is asked
    /// for is granted, whoever asks: that is more than any real voter grants.
    pub pre_votes: bool,
    /// Whose disk takes its time. What another writes is synced at the end of
    /// the turn.
    pub slow: &'static [u64],
    /// How disks answer.
    pub sync: Sync,
}

/// Nothing happens but what a scope adds.
const QUIET: Scope = Scope {
    name: "",
    about: "",
    start: Start::Led,
    budget: NOTHING,
    standing: &[2, 3],
    reading: &[1, 2],
    frail: &[1, 2, 3],
    pre_votes: false,
    slow: &[1, 2, 3],
    sync: Sync::Whole,
};

const NOTHING: Budget = Budget {
    stands: 0,
    proposals: 0,
    crashes: 0,
    beats: 0,
    reads: 0,
    transfers: 0,
    pulls: 0,
    checkpoints: 0,
    installs: 0,
    losses: 0,
    heals: 0,
};

/// The worlds of `cargo test`: some seconds together.
pub const SHORT: &[Scope] = &[
    Scope {
        name: "first-election",
        about: "three empty disks, pre-votes by letters, one candidate beside every other",
        start: Start::Cold,
        budget: Budget { stands: 2, ..NOTHING },
        standing: &[1, 2],
        pre_votes: true,
        ..QUIET
    },
    Scope {
        name: "one-command",
        about: "a command, a second ballot, disks that sync write by write",
        budget: Budget { stands: 1, proposals: 1, ..NOTHING },
        standing: &[2],
        sync: Sync::Each,
        ..QUIET
    },
    Scope {
        name: "one-crash",
        about: "a second ballot and a loss of power",
        budget: Budget { stands: 1, crashes: 1, ..NOTHING },
        sync: Sync::Each,
        ..QUIET
    },
    Scope {
        name: "one-transfer",
        about: "leadership handed over beside a command",
        budget: Budget { transfers: 1, proposals: 1, ..NOTHING },
        ..QUIET
    },
    Scope {
        name: "one-pull",
        about: "logs that differ, any is completed from any other, and n3 stands",
        start: Start::Parted,
        budget: Budget { pulls: 1, stands: 1, ..NOTHING },
        standing: &[3],
        slow: &[],
        ..QUIET
    },
    Scope {
        name: "one-restore",
        about: "a checkpoint taken over by a node whose log differs, which loses its power",
        start: Start::Parted,
        budget: Budget { proposals: 1, checkpoints: 1, installs: 1, crashes: 1, ..NOTHING },
        frail: &[1],
        slow: &[1],
        ..QUIET
    },
    Scope {
        name: "one-mute",
        about: "a disk is lost, and a second ballot",
        budget: Budget { losses: 1, stands: 1, ..NOTHING },
        frail: &[3],
        standing: &[2],
        ..QUIET
    },
    Scope {
        name: "one-heal",
        about: "a disk is lost, its node is healed, and a second ballot",
        budget: Budget { losses: 1, heals: 1, stands: 1, ..NOTHING },
        frail: &[3],
        standing: &[2],
        ..QUIET
    },
    Scope {
        name: "one-read",
        about: "a linearizable read beside a second ballot",
        budget: Budget { reads: 1, stands: 1, ..NOTHING },
        standing: &[2],
        reading: &[1],
        slow: &[],
        ..QUIET
    },
];

/// The worlds of `cargo xtask explore`, with the short ones.
pub const LONG: &[Scope] = &[
    Scope {
        name: "heal-and-stand",
        about: "a disk is lost beside a command, its node is healed, and two more ballots",
        budget: Budget { losses: 1, heals: 1, stands: 2, proposals: 1, ..NOTHING },
        frail: &[3],
        standing: &[1, 2],
        slow: &[3],
        ..QUIET
    },
    Scope {
        name: "two-candidates",
        about: "two more ballots of any two nodes",
        budget: Budget { stands: 2, ..NOTHING },
        standing: &[1, 2, 3],
        ..QUIET
    },
    Scope {
        name: "two-commands",
        about: "two commands and a second ballot, disks that are fast",
        budget: Budget { stands: 1, proposals: 2, ..NOTHING },
        standing: &[2],
        slow: &[],
        ..QUIET
    },
    Scope {
        name: "command-and-crash",
        about: "a command, a second ballot and a loss of power anywhere",
        budget: Budget { stands: 1, proposals: 1, crashes: 1, ..NOTHING },
        sync: Sync::Each,
        ..QUIET
    },
    Scope {
        name: "election-and-crash",
        about: "three empty disks, pre-votes by letters, two candidates, a loss of power",
        start: Start::Cold,
        budget: Budget { stands: 2, crashes: 1, ..NOTHING },
        standing: &[1, 2],
        frail: &[2],
        pre_votes: true,
        slow: &[2],
        ..QUIET
    },
    Scope {
        name: "figure-8",
        about: "n1 leads again with what it alone has from an earlier term (Raft, figure 8)",
        start: Start::Parted,
        budget: Budget { stands: 1, beats: 1, ..NOTHING },
        standing: &[1],
        slow: &[1, 3],
        sync: Sync::Each,
        ..QUIET
    },
    Scope {
        name: "transfer-and-crash",
        about: "leadership handed over beside a command and a loss of power",
        budget: Budget { transfers: 1, proposals: 1, crashes: 1, ..NOTHING },
        ..QUIET
    },
    Scope {
        name: "pull-and-ballot",
        about: "logs that differ, any is completed from any other, and anybody stands",
        start: Start::Parted,
        budget: Budget { pulls: 1, stands: 1, ..NOTHING },
        standing: &[1, 2, 3],
        slow: &[],
        ..QUIET
    },
    Scope {
        name: "pull-and-crash",
        about: "logs that differ, any is completed from any other, a loss of power",
        start: Start::Parted,
        budget: Budget { pulls: 1, stands: 1, crashes: 1, ..NOTHING },
        standing: &[1, 3],
        sync: Sync::Each,
        slow: &[1, 3],
        frail: &[1, 3],
        ..QUIET
    },
    Scope {
        name: "pull-and-command",
        about: "a command, a second ballot, and a log completed from any other",
        budget: Budget { pulls: 1, stands: 1, proposals: 1, ..NOTHING },
        standing: &[2],
        slow: &[3],
        ..QUIET
    },
    Scope {
        name: "two-pulls",
        about: "logs that differ, two are completed, and somebody stands",
        start: Start::Parted,
        budget: Budget { pulls: 2, stands: 1, ..NOTHING },
        standing: &[1, 2, 3],
        slow: &[],
        ..QUIET
    },
    Scope {
        name: "mute-and-command",
        about: "a disk is lost, a command and a second ballot",
        budget: Budget { losses: 1, stands: 1, proposals: 1, ..NOTHING },
        frail: &[3],
        standing: &[2],
        slow: &[2],
        ..QUIET
    },
    Scope {
        name: "restore-behind",
        about: "a checkpoint for a node that lags behind two commands, its loss of power",
        budget: Budget { proposals: 2, checkpoints: 1, installs: 1, crashes: 1, ..NOTHING },
        frail: &[3],
        slow: &[3],
        ..QUIET
    },
    Scope {
        name: "restore-and-ballot",
        about: "a checkpoint for a node whose log differs, and which stands",
        start: Start::Parted,
        budget: Budget { checkpoints: 1, installs: 1, stands: 1, ..NOTHING },
        standing: &[1],
        slow: &[1],
        ..QUIET
    },
    Scope {
        name: "two-reads",
        about: "two linearizable reads at the leaders beside a second ballot",
        budget: Budget { reads: 2, stands: 1, ..NOTHING },
        standing: &[2],
        reading: &[1, 2],
        slow: &[2],
        ..QUIET
    },
    Scope {
        name: "read-at-follower",
        about: "a linearizable read at a follower, a command and a second ballot",
        budget: Budget { reads: 1, stands: 1, proposals: 1, ..NOTHING },
        standing: &[2],
        reading: &[3],
        slow: &[2],
        ..QUIET
    },
];

/// Worlds that are too large to be looked at whole: bugs are hunted there.
pub const VAST: &[Scope] = &[Scope {
    name: "two-ballots",
    about: "two more ballots and a command, the second leader's disk syncs write by write",
    budget: Budget { stands: 2, proposals: 1, ..NOTHING },
    standing: &[1, 2],
    slow: &[2],
    sync: Sync::Each,
    ..QUIET
}];

/// The world of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Scope> {
    SHORT.iter().chain(LONG).chain(VAST).find(|scope| scope.name == name)
}
