//! The only doors of a lane: what happens to it, and what it wants done.

pub use crate::ask::{
    Answer, Ask, LeaseAsk, LeaseTold, Level, Member, Query, Queues, Refused, Status, WatchEvent,
    WatchOpen,
};
use crate::job::{Job, JobDone};
use alloc::string::String;
use alloc::vec::Vec;
use base::{AskId, GroupId, Index, NodeId, WatchKey};
use bytes::Bytes;
use journal::disk::{DiskDone, DiskError, DiskOp};

/// What happens to a lane.
///
/// A driver hands over everything that has arrived, one event after another,
/// then [`Event::TurnEnd`]; only then are letters, disk operations and watch
/// events put together, so that whatever arrives together is written, synced
/// and sent together.
#[derive(Clone, Debug)]
pub enum Event {
    /// The deadline may have passed.
    Timeout,
    /// The turn is over.
    TurnEnd,
    /// The disk operation in flight ended.
    Disk(DiskDone),
    /// A job of [`Action::Job`] has ended.
    JobDone(JobDone),
    /// A frame from another node, over a connection whose handshake passed.
    Frame {
        /// The node at the other end.
        from: NodeId,
        /// The frame, without its length.
        frame: Bytes,
    },
    /// The connections to a peer are open, or closed or refused.
    Link {
        /// The peer.
        peer: NodeId,
        /// Whether frames can be sent.
        up: bool,
    },
    /// A client asks. Answered by exactly one [`Action::Reply`].
    Ask {
        /// Names the answer; never used twice.
        id: AskId,
        /// What is asked.
        ask: Ask,
    },
    /// The client has gone: the answer is no longer wanted. What was asked may
    /// still take effect.
    Forget {
        /// The ask.
        id: AskId,
    },
    /// Opens a watch.
    Watch {
        /// Names its events; never used twice.
        key: WatchKey,
        /// What is watched.
        open: WatchOpen,
    },
    /// Allows each of these watches so many further batches of events. Those that
    /// are given room together stay together, and share what they are told.
    Credit {
        /// The watches.
        keys: Vec<WatchKey>,
        /// How many batches.
        batches: u32,
    },
    /// Asks how far watches are: told as [`WatchEvent::Progress`] on `key` at the
    /// end of the turn, behind all events, if every one of `all` has been told
    /// everything there is; not at all otherwise.
    Progress {
        /// The watch that is told.
        key: WatchKey,
        /// The watches that must be up to date.
        all: Vec<WatchKey>,
    },
    /// The node is about to stop in good order: it hands over what it leads, and
    /// notes [`Note::Left`] when that is done or has taken too long.
    Leave,
    /// Closes a watch: nothing is said about it any more.
    Unwatch {
        /// The watch.
        key: WatchKey,
    },
}

/// What a lane wants done.
#[derive(Debug)]
pub enum Action {
    /// Perform this disk operation; there is never more than one in flight.
    Disk(DiskOp),
    /// Do this job beside everything else, and tell [`Event::JobDone`] how it
    /// ended. Jobs may be done in any order; how many there are is bounded.
    Job(Job),
    /// Send this frame; it may be lost.
    Send {
        /// To whom.
        to: NodeId,
        /// Over which connection.
        class: Class,
        /// The frame, without its length.
        frame: Bytes,
    },
    /// Answer a client.
    Reply {
        /// Which ask.
        id: AskId,
        /// The term that clients see.
        term: u64,
        /// The answer.
        answer: Answer,
    },
    /// Tell a watch.
    Watch {
        /// Which watch.
        key: WatchKey,
        /// The term that clients see.
        term: u64,
        /// What to tell.
        event: WatchEvent,
    },
    /// Something people should know.
    Note(Note),
    /// The lane has stopped for good: it acknowledges nothing any more.
    Halt(Halt),
}

/// Which connection to a peer a frame takes, so that bulk never delays an election.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Class {
    /// Votes, pulses, reads, small answers.
    Urgent = 0,
    /// Log entries.
    Bulk = 1,
}

impl Class {
    /// Both, urgent first.
    pub const ALL: [Self; 2] = [Self::Urgent, Self::Bulk];
}

/// Something people should know; the world writes it to its log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// Who leads a group, or that nobody is known to.
    Lead {
        /// The group.
        group: GroupId,
        /// The term that clients see.
        term: u64,
        /// The leader, if known.
        leader: Option<NodeId>,
    },
    /// A frame or letter was dropped.
    Dropped {
        /// From whom it came.
        from: NodeId,
        /// Why.
        why: &'static str,
    },
    /// Every group of this node knows a leader, for the first time, and the directory
    /// knows this node: clients can be served, and can be told of it.
    Ready,
    /// The node had another disk before, and with it made promises that it has
    /// forgotten: it follows and serves, and neither votes nor counts.
    Mute,
    /// The node's log had lost something, and is whole again: it votes and counts.
    Healed,
    /// The node leads nothing any more, or waited long enough for that, after
    /// [`Event::Leave`]: it may stop.
    Left,
    /// The disk has no room for something that must be made: as long as that is
    /// so, writes that need room are refused here, and all else goes on.
    NoRoom {
        /// What found none.
        why: DiskError,
    },
    /// The disk has room again.
    Room,
    /// A checkpoint was made.
    Checkpoint {
        /// Of which group.
        group: GroupId,
        /// Of which place of its log.
        index: Index,
        /// How many chunks it has.
        chunks: usize,
        /// Their plain bytes.
        bytes: u64,
    },
    /// The log of the others begins behind what this node has: it takes over a checkpoint.
    Behind {
        /// Of which group.
        group: GroupId,
        /// Of which place of its log.
        index: Index,
        /// Its plain bytes.
        bytes: u64,
        /// Who has it.
        from: NodeId,
    },
    /// A checkpoint of another node was taken over.
    Installed {
        /// Of which group.
        group: GroupId,
        /// Of which place of its log.
        index: Index,
        /// Its plain bytes.
        bytes: u64,
    },
    /// A checkpoint of another node cannot be read by this version.
    Unreadable {
        /// Of which group.
        group: GroupId,
        /// Why.
        why: String,
    },
}

/// Why a lane stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Halt {
    /// The disk failed; it is never asked again.
    Disk(DiskError),
    /// The log holds a command that this version does not know.
    UnknownCommand {
        /// In which group.
        group: GroupId,
        /// Where.
        index: Index,
    },
}
