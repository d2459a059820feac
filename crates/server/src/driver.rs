//! What is a turn of the wheel? Everything that waits goes in, the turn ends, and
//! what the lane wants done is done. It decides nothing.

use crate::clock;
use crate::error::ServerError;
use crate::face::Face;
use crate::item::{Item, News, Told};
use crate::metrics::Metrics;
use crate::page::Newest;
use crate::peer::Peers;
use crate::replies::{Addressee, Answered, Replies};
use crate::wheel::{Hand, Next, Wheel};
use base::{AskId, GroupId, Time, WatchKey};
use journal::disk::DiskOp;
use node::event::{Action, Answer, Event, Note, WatchEvent};
use node::job::Job;
use node::lane::Lane;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tracing::{debug, info, warn};

/// With more than this under way, what comes next has company.
const ALONE_ASKS_MAX: usize = 4;
const ALONE_WRITE_BYTES_MAX: usize = 1 << 10;
/// For so long after company was seen it is expected again: under load there are
/// moments in which little is under way, and a turn for that little makes the next
/// write, and all after it, smaller and dearer for each put.
const COMPANY_STAYS: Duration = Duration::from_millis(10);

/// A lane and everything that its actions need.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) lane: Lane,
    pub(crate) log: SyncSender<DiskOp>,
    pub(crate) work: Sender<Job>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) face: Arc<Face>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ready: watch::Sender<bool>,
    pub(crate) left: watch::Sender<bool>,
    pub(crate) waiting: Waiting,
    /// Bytes of the write that is under way.
    pub(crate) writing: usize,
    /// Until then what comes is not expected to come alone.
    pub(crate) company: Time,
    /// When it was turned last.
    pub(crate) turned: Time,
    /// What a turn wants done; kept for its memory.
    pub(crate) out: Vec<Action>,
}

/// Who waits for the lane.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    asks: HashMap<AskId, Addressee>,
    /// Queues that were answered to in this turn and not rung yet.
    bells: Vec<Arc<Replies>>,
    watches: HashMap<WatchKey, mpsc::UnboundedSender<Told>>,
    /// What watches were told last in this turn.
    page: Newest,
}

impl Wheel for Driver {
    fn turn(&mut self, batch: &mut VecDeque<Item>) -> Result<Next, ServerError> {
        let now = clock::now();
        for item in batch.drain(..) {
            let Some(event) = self.waiting.admit(item) else { return Ok(Next::Stop) };
            if let Event::Disk(_) = event {
                self.writing = 0;
            }
            self.lane.step(now, event, &mut self.out);
        }
        if self.lane.deadline().is_some_and(|deadline| deadline <= now) {
            self.lane.step(now, Event::Timeout, &mut self.out);
        }
        self.lane.step(now, Event::TurnEnd, &mut self.out);
        self.perform()?;
        self.turned = now;
        if self.waiting.asks.len() > ALONE_ASKS_MAX || self.writing > ALONE_WRITE_BYTES_MAX {
            self.company = now + COMPANY_STAYS;
        }
        Ok(Next::Turn)
    }

    fn deadline(&self) -> Option<Time> {
        self.lane.deadline()
    }

    fn is_crowded(&self) -> bool {
        self.company > self.turned
    }
}

impl Driver {
    /// Everything of the turn, and then the end if the lane has halted.
    fn perform(&mut self) -> Result<(), ServerError> {
        let mut halted = Ok(());
        // Under load the lane has better to do than to write to sockets.
        let hand = if self.is_crowded() { Hand::Busy } else { Hand::Free };
        let mut out = std::mem::take(&mut self.out);
        for action in out.drain(..) {
            match action {
                // There is never a second one under way, so this never waits. It
                // fails only when the log's thread broke down, which that tells.
                Action::Disk(op) => {
                    self.writing = written_by(&op);
                    drop(self.log.send(op));
                }
                Action::Job(work) => drop(self.work.send(work)),
                Action::Send { to, class, frame } => self.peers.send(hand, to, class, frame),
                Action::Reply { id, term, answer } => {
                    self.face.heard(term, revision_of(&answer));
                    if let Answer::Refused(why) = answer {
                        self.metrics.counted.refused(why);
                    }
                    self.waiting.answer(id, Answered { term, answer });
                }
                Action::Watch { key, term, event } => {
                    // Whoever was answered need not wait for many watches.
                    self.waiting.ring();
                    self.face.heard(term, revision_told(&event));
                    self.waiting.tell(key, term, event);
                }
                Action::Note(note) => self.note(&note),
                Action::Halt(halt) => halted = Err(halt.into()),
            }
        }
        self.out = out;
        self.waiting.ring();
        self.waiting.page.end();
        halted
    }

    fn note(&self, note: &Note) {
        if let Note::Lead { group: GroupId::DEFAULT, leader, .. } = note {
            self.face.leads(leader.is_some());
        }
        match note {
            Note::Lead { group, term, leader: Some(leader) } => {
                info!(%group, term, %leader, "a leader is known");
                if *group == GroupId::DEFAULT {
                    self.metrics.leads(*leader);
                }
            }
            Note::Lead { group, term, leader: None } => info!(%group, term, "no leader is known"),
            Note::Dropped { from, why } => {
                self.metrics.counted.dropped(why);
                debug!(%from, why, "dropped a letter");
            }
            Note::Checkpoint { group, index, chunks, bytes } => {
                info!(%group, %index, chunks, bytes, "made a checkpoint");
            }
            Note::Behind { group, index, bytes, from } => {
                info!(%group, %index, bytes, %from, "behind the others: takes over a checkpoint");
            }
            Note::Installed { group, index, bytes } => {
                info!(%group, %index, bytes, "took over a checkpoint");
            }
            Note::Unreadable { group, why } => warn!(%group, why, "cannot take over a checkpoint"),
            Note::NoRoom { why } => {
                warn!(%why, "no room on the disk: takes no writes until there is room again");
            }
            Note::Room => info!("there is room on the disk again"),
            Note::Mute => warn!(
                "this node had another disk before: it follows and serves, but does not vote, \
                 for it has forgotten what it promised"
            ),
            Note::Healed => info!("healed: the log is whole again, and this node votes and counts"),
            Note::Left => {
                info!("leads nothing any more");
                self.left.send_replace(true);
            }
            Note::Ready => {
                info!("ready to serve client requests");
                self.ready.send_replace(true);
            }
        }
    }
}

impl Waiting {
    /// The event in an item, after whoever waits for its answer is noted.
    pub(crate) fn admit(&mut self, item: Item) -> Option<Event> {
        Some(match item {
            Item::Event(event) => event,
            Item::Ask { id, ask, answer, .. } => {
                self.asks.insert(id, answer);
                Event::Ask { id, ask }
            }
            Item::Forget(id) => {
                self.asks.remove(&id);
                Event::Forget { id }
            }
            Item::Watch { key, open, events } => {
                self.watches.insert(key, events);
                Event::Watch { key, open }
            }
            Item::Unwatch(key) => {
                self.watches.remove(&key);
                Event::Unwatch { key }
            }
            Item::Stop => return None,
        })
    }

    /// What is said to a connection is taken when it is rung, once a turn.
    pub(crate) fn answer(&mut self, id: AskId, answered: Answered) {
        let addressee = self.asks.remove(&id);
        self.bells.extend(addressee.and_then(|addressee| addressee.say(answered)));
    }

    pub(crate) fn ring(&mut self) {
        self.bells.drain(..).for_each(|bell| bell.ring());
    }

    fn tell(&mut self, key: WatchKey, term: u64, event: WatchEvent) {
        let last = matches!(event, WatchEvent::Compacted { .. } | WatchEvent::Refused(_));
        if let Some(stream) = self.watches.get(&key) {
            let news = match event {
                WatchEvent::Changes { revision, batches } => {
                    News::Page(revision, self.page.of(batches))
                }
                event => News::Event(event),
            };
            let _ = stream.send(Told { key, term, news });
        }
        if last {
            self.watches.remove(&key);
        }
    }
}

fn written_by(op: &DiskOp) -> usize {
    match op {
        DiskOp::Write { parts, .. } => parts.iter().map(|part| part.len()).sum(),
        _ => 0,
    }
}

fn revision_of(answer: &Answer) -> base::Revision {
    match answer {
        Answer::Kv(reply) => reply.revision,
        Answer::Status(status) => status.revision,
        Answer::HashKv { revision, .. } => *revision,
        _ => base::Revision::ZERO,
    }
}

fn revision_told(event: &WatchEvent) -> base::Revision {
    match event {
        WatchEvent::Opened { revision }
        | WatchEvent::Progress { revision, .. }
        | WatchEvent::Changes { revision, .. } => *revision,
        WatchEvent::Compacted { .. } | WatchEvent::Refused(_) => base::Revision::ZERO,
    }
}
