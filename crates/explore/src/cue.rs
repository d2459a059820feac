//! What can happen next to one node.

use consensus::entry::Place;

/// One thing that happens to one node. Everything is followed by the end of its turn.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cue {
    /// It gets this letter, which stays on its way: it may come again.
    Letter {
        /// Its number.
        letter: u32,
        /// Whether no leader has been heard for an election timeout. Only
        /// requests for votes are judged by that.
        late: bool,
    },
    /// Its disk has synced this many of the writes that wait, in order.
    Sync(u8),
    /// Its timer says that it should stand for leader; or that a leader should
    /// take proposals again, because a transfer came to nothing.
    Timer,
    /// It leads, and has heard no majority for an election timeout.
    QuorumLost,
    /// A client wants something written: the n-th of all.
    Propose(u8),
    /// The pulse of the node.
    Beat,
    /// A client wants to read: the n-th of all.
    Read(u8),
    /// Somebody wants it to hand its leadership over to this node.
    Transfer(u64),
    /// The trigger lets it claim, this node refuses it for what its log lacks, true
    /// or not, and it asks that node for that.
    Pull(u64),
    /// All that it applied is in a checkpoint on its disk now, and its log in
    /// memory goes.
    Checkpoint,
    /// The newest checkpoint of that node was fetched and is put in force.
    Install {
        /// Whose.
        of: u64,
        /// Where it stands.
        place: Place,
    },
    /// Its power goes, and comes back. Of the writes that were not synced this
    /// many happen to be on the disk.
    Crash {
        /// How many.
        keep: u8,
    },
    /// It comes back on an empty disk, and knows it.
    LoseDisk,
    /// It lost its disk, and is what the rule calls whole again.
    Heal,
}
