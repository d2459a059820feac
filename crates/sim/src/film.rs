//! What can be seen of a run: one shot for everything that a picture shows.

mod paxos;
mod zab;

use crate::history::{History, Outcome};
use base::{GroupId, Time};
use bytes::Bytes;
use consensus::entry::Place;
use consensus::letter::Letter;
use consensus::raft::message::{Message, Say};
use node::event::Answer;
use node::peek::{Peek, What, peek};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $word:literal,)+) => {
        /// What a shot shows.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Kind {
            $($(#[$doc])* $name,)+
        }

        impl Kind {
            /// Every kind, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name in legends and tables.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

kinds! {
    /// Entries for a follower, and what it says to them.
    Append "AppendEntries",
    /// AppendEntries without entries, and the answer.
    Heartbeat "heartbeats",
    /// Who stands for leader, and who is for it.
    Vote "RequestVote",
    /// From which index on a read may be served.
    Read "reads",
    /// A client's command on its way to the leader.
    Forward "forwards",
    /// A state on its way to one who is behind.
    Transfer "InstallSnapshot",
    /// Everything else that nodes say.
    Other "other messages",
    /// A node leads.
    Lead "leaderships",
    /// A node follows, or knows no leader.
    Follow "followers",
    /// A node knows entries to be chosen and has applied them.
    Commit "commits",
    /// A disk operation of the log.
    Sync "disk syncs",
    /// A checkpoint was made or taken over.
    Checkpoint "checkpoints",
    /// What a client asked.
    Call "client calls",
    /// A process is killed.
    Crash "crashes",
    /// The power goes.
    Power "power losses",
    /// A process starts.
    Start "starts",
    /// A process stands still.
    Pause "pauses",
    /// Something does not come through.
    Cut "partitions",
    /// Something is wrong with a disk.
    Disk "disk faults",
    /// What people should know, and what was wrong.
    Note "notes",
}

/// One thing that can be seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shot {
    /// What it is.
    pub kind: Kind,
    /// When it was or began.
    pub at: Time,
    /// When it ended or arrived; `None`: at once, or never.
    pub end: Option<Time>,
    /// It did not arrive, or did not go well.
    pub lost: bool,
    /// At which node.
    pub node: Option<usize>,
    /// For which node.
    pub to: Option<usize>,
    /// Of which group.
    pub group: Option<GroupId>,
    /// In which term; 0 is none.
    pub term: u64,
    /// What it says.
    pub say: String,
}

impl Shot {
    /// Something at a node.
    #[must_use]
    pub const fn new(kind: Kind, at: Time, node: Option<usize>, say: String) -> Self {
        Self { kind, at, end: None, lost: false, node, to: None, group: None, term: 0, say }
    }
}

/// Names the shots of one frame, for when it is lost on its way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reel {
    from: usize,
    to: usize,
}

/// The film of a run, if one is made.
#[derive(Clone, Debug, Default)]
pub struct Film {
    shots: Option<Vec<Shot>>,
}

impl Film {
    /// A film that is made only if `rolls`.
    #[must_use]
    pub fn new(rolls: bool) -> Self {
        Self { shots: rolls.then(Vec::new) }
    }

    /// Something can be seen.
    pub fn add(&mut self, shot: impl FnOnce() -> Shot) {
        if let Some(shots) = &mut self.shots {
            shots.push(shot());
        }
    }

    /// A frame leaves; `arrives` is `None` if it is lost at once.
    pub fn sent(
        &mut self,
        (from, to): (usize, usize),
        (at, arrives): (Time, Option<Time>),
        frame: &Bytes,
    ) -> Reel {
        let Some(shots) = &mut self.shots else { return Reel::default() };
        let begin = shots.len();
        shots.extend(peek(frame).into_iter().map(|it| {
            let (kind, term, say) = words(&it);
            Shot {
                end: arrives,
                lost: arrives.is_none(),
                to: Some(to),
                group: Some(it.group),
                term,
                ..Shot::new(kind, at, Some(from), say)
            }
        }));
        Reel { from: begin, to: shots.len() }
    }

    /// A frame is lost on its way.
    pub fn lost(&mut self, reel: Reel) {
        let shots = self.shots.iter_mut().flat_map(|all| all.get_mut(reel.from..reel.to));
        shots.flatten().for_each(|shot| shot.lost = true);
    }

    /// All shots with the callers' requests, in the order of their times.
    #[must_use]
    pub fn develop(self, history: &History) -> Vec<Shot> {
        let Some(mut shots) = self.shots else { return Vec::new() };
        shots.extend(history.ops.iter().map(|op| {
            let (lost, came) = match &op.outcome {
                Outcome::Ok(Answer::Kv(reply)) => match &reply.result {
                    Ok(_) => (false, format!("done, revision {}", reply.revision.0)),
                    Err(why) => (true, format!("refused: {why:?}")),
                },
                Outcome::Ok(_) => (false, "answered".into()),
                Outcome::Failed(why) => (true, format!("not done: {why:?}")),
                Outcome::Unknown => (true, "nobody knows whether it was done".into()),
            };
            let say = match op.client {
                usize::MAX => format!("{} → {came}", op.what),
                client => format!("caller {}: {} → {came}", client + 1, op.what),
            };
            Shot {
                end: op.complete.map(|at| at.time),
                lost,
                group: Some(GroupId::DEFAULT),
                ..Shot::new(Kind::Call, op.invoke.time, Some(op.node), say)
            }
        }));
        shots.sort_by_key(|shot| shot.at);
        shots
    }
}

fn words(peek: &Peek) -> (Kind, u64, String) {
    match &peek.what {
        What::Letter(Letter::Raft(message)) => letter(message),
        What::Letter(Letter::Paxos(message)) => paxos::letter(message),
        What::Letter(Letter::Zab(message)) => zab::letter(message),
        What::Forward { bytes } => {
            (Kind::Forward, 0, format!("a client's command for the leader, {bytes} bytes"))
        }
        What::Forwarded(Some(index)) => {
            (Kind::Forward, 0, format!("the command stands at index {}", index.0))
        }
        What::Forwarded(None) => {
            (Kind::Forward, 0, "this letter did not get the command proposed".into())
        }
        What::NotProposed => {
            (Kind::Forward, 0, "the command is not proposed and never will be".into())
        }
        What::Lease => (Kind::Forward, 0, "about a lease".into()),
        What::Offer(index) => {
            (Kind::Transfer, 0, format!("take my checkpoint of index {}", index.0))
        }
        What::Want => (Kind::Transfer, 0, "send me a part of the checkpoint".into()),
        What::Part { bytes } => {
            (Kind::Transfer, 0, format!("a part of the checkpoint, {bytes} bytes"))
        }
        What::Gone => (Kind::Transfer, 0, "that part is not here any more".into()),
        What::Pulse => (Kind::Heartbeat, 0, "a beat: whom I hear, and whom I follow".into()),
        What::Healing => (Kind::Other, 0, "how far are you?".into()),
        What::Standing => (Kind::Other, 0, "whose disk is this?".into()),
    }
}

fn letter(message: &Message) -> (Kind, u64, String) {
    let Message { term, mute, say } = message;
    let (kind, text) = match say {
        Say::PreVote { last } => {
            (Kind::Vote, format!("PreVote: would you vote for me? My log {}", ends(*last)))
        }
        Say::PreVoteAnswer { granted, last } => {
            (Kind::Vote, format!("PreVote reply: {}; my log {}", yes(*granted), ends(*last)))
        }
        Say::Vote { last } => (Kind::Vote, format!("RequestVote: my log {}", ends(*last))),
        Say::VoteForced { last } => {
            (Kind::Vote, format!("RequestVote, told to stand: my log {}", ends(*last)))
        }
        Say::VoteAnswer { granted, last } => {
            (Kind::Vote, format!("RequestVote reply: {}; my log {}", yes(*granted), ends(*last)))
        }
        Say::Append { prev, commit, entries } => {
            let what = match (entries.first(), entries.last()) {
                (Some(first), Some(last)) if first.index == last.index => {
                    format!("entry {}", first.index.0)
                }
                (Some(first), Some(last)) => {
                    format!("entries {} to {}", first.index.0, last.index.0)
                }
                _ => "no entries".into(),
            };
            let (index, round) = (prev.index.0, prev.ballot.round);
            (
                Kind::Append,
                format!("AppendEntries: {what} behind {index} (term {round}), commit {}", commit.0),
            )
        }
        Say::AppendAnswer { matched } => {
            (Kind::Append, format!("AppendEntries reply: success, on my disk up to {}", matched.0))
        }
        Say::Reject { tried, near } => (
            Kind::Append,
            format!(
                "AppendEntries reply: no entry like yours at {}, try {}",
                tried.0, near.index.0
            ),
        ),
        Say::Heartbeat { commit, .. } => (
            Kind::Heartbeat,
            format!("heartbeat (AppendEntries without entries): commit {}", commit.0),
        ),
        Say::HeartbeatAnswer { held, matched, .. } => (
            Kind::Heartbeat,
            format!("heartbeat reply: I hold up to {}, on disk up to {}", held.0, matched.0),
        ),
        Say::ReadAsk { .. } => (Kind::Read, "ReadIndex: from which index on may I read?".into()),
        Say::ReadAnswer { index, .. } => {
            (Kind::Read, format!("ReadIndex reply: from index {}", index.0))
        }
        Say::Pull { near } => {
            (Kind::Vote, format!("Pull: what do you have behind {}?", near.index.0))
        }
        Say::Pulled { prev, entries, .. } => {
            let (count, index) = (entries.len(), prev.index.0);
            (Kind::Append, format!("Pull reply: {count} entries behind {index}"))
        }
        Say::TermOver => (Kind::Other, "your term is over".into()),
        Say::TimeoutNow => (Kind::Vote, "TimeoutNow: stand for leader at once".into()),
    };
    let mute = if *mute { " (from a node without a vote)" } else { "" };
    (kind, *term, format!("{text}{mute}"))
}

fn ends(last: Place) -> String {
    format!("ends at {} (term {})", last.index.0, last.ballot.round)
}

const fn yes(granted: bool) -> &'static str {
    if granted { "granted" } else { "refused" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Index;

    #[test]
    fn no_film_no_shots() {
        let mut film = Film::default();
        film.add(|| unreachable!("nobody looks"));
        assert!(film.develop(&History::default()).is_empty());
    }

    #[test]
    fn letters_have_their_names_from_the_paper() {
        let place = Place { index: Index(7), ..Place::default() };
        let say = |say| letter(&Message { term: 3, mute: false, say });
        let (kind, term, text) = say(Say::Vote { last: place });
        assert_eq!((kind, term), (Kind::Vote, 3));
        assert_eq!(text, "RequestVote: my log ends at 7 (term 0)");
        let append = Say::Append { prev: place, commit: Index(6), entries: Vec::new() };
        assert_eq!(say(append).2, "AppendEntries: no entries behind 7 (term 0), commit 6");
    }

    #[test]
    fn what_is_lost_on_its_way_is_marked() {
        let mut film = Film::new(true);
        let shot = |say: &str| Shot::new(Kind::Note, Time(1), Some(0), say.into());
        film.add(|| shot("a"));
        film.add(|| shot("b"));
        film.lost(Reel { from: 1, to: 2 });
        let lost: Vec<bool> =
            film.develop(&History::default()).iter().map(|shot| shot.lost).collect();
        assert_eq!(lost, [false, true]);
    }
}
