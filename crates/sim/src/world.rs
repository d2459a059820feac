//! Imagined machines with the lane's own code, one queue of what happens next,
//! and a time that jumps to it.

mod faults;
mod turns;

use crate::agenda::Agenda;
use crate::check::Violation;
use crate::check::agree::Agree;
use crate::chronicle::{Chronicle, Line};
use crate::counts::Counts;
use crate::disk::Crash;
use crate::draw::Draw;
use crate::film::{Film, Kind, Reel, Shot};
use crate::history::{At, name};
use crate::host::Host;
use crate::net::{Net, Way};
use crate::script::{Act, Deed, Step};
use crate::story::Story;
use base::prng::Prng;
use base::{AskId, GroupId, Index, NodeId, Time, WatchKey};
use bytes::Bytes;
use core::time::Duration;
use journal::memory::Ticket;
use node::event::{Action, Answer, Ask, Event, WatchEvent, WatchOpen};
use std::collections::BTreeMap;

/// What will happen.
#[derive(Debug)]
enum Happening {
    Turn { node: usize, life: u64 },
    Deadline { node: usize, life: u64 },
    Disk { node: usize, life: u64, ticket: Ticket, fate: Fate, slot: Slot, begun: Time },
    Sync { node: usize, ticket: Ticket },
    Frame { way: Way, frame: Bytes, reel: Reel },
    Link { node: usize, peer: usize, up: bool },
    Crash { node: usize, life: u64, crash: Crash },
    Replace { node: usize, life: u64 },
    Alarm(Alarm),
}

/// For whom a disk operation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slot {
    /// The lane's log.
    Log,
    /// The first of its jobs.
    Work,
}

/// How a disk operation ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Well,
    /// It is said to be done and is not.
    Lie,
    Failed,
}

/// What those who play with the world asked to be reminded of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// A caller's pause is over.
    Caller(usize),
    /// A caller has waited long enough for this answer.
    Patience(AskId),
    /// A watcher looks after its watch.
    Watcher(usize),
    /// Somebody who was refused may ask again.
    Again,
    /// The next fault is due.
    Fault,
    /// A node comes back.
    Restart(usize),
    /// A cut ends.
    Mend(u64),
    /// A disk that is full has room again.
    Free(usize),
    /// A node is to crash in the middle of its next disk operation.
    Doom(usize),
    /// A node is to be cut off.
    Isolate(usize),
    /// The first leader of figure 8 falls for the second time.
    Figure8Turn,
    /// Figure 8 is over.
    Figure8End,
    /// The operator does something.
    Operator,
    /// A node is to lose its disk.
    Loss(usize),
    /// Much is written at a node that nobody hears.
    Flood(usize),
    /// The step of this number of a script is due.
    Step(usize),
    /// A scene of a scenario begins.
    Scene(usize),
    /// Whoever wants to know whether the cluster has settled asks again.
    Settle,
}

/// What the world tells callers.
#[derive(Debug)]
pub enum Told {
    /// An answer.
    Answer {
        /// To which ask.
        id: AskId,
        /// What it says.
        answer: Answer,
        /// Whether the node knew all that lives before this one have told.
        whole: bool,
    },
    /// News of a watch.
    Watch {
        /// Which watch.
        key: WatchKey,
        /// What it says.
        event: WatchEvent,
    },
    /// A node says that it leads the default group.
    Leads {
        /// Which node.
        node: usize,
    },
    /// A node takes over a checkpoint.
    Behind {
        /// Which node.
        node: usize,
    },
    /// A node that was asked to leave may be stopped.
    Left {
        /// Which node.
        node: usize,
    },
    /// A node is gone, with all its connections.
    Gone {
        /// Which node.
        node: usize,
    },
}

/// What is kept of a run beside its counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Keep {
    /// Every line of what happens.
    pub story: bool,
    /// What a picture needs.
    pub film: bool,
    /// What was done to the world, to do it again.
    pub steps: bool,
    /// What the judges looked at.
    pub evidence: bool,
}

/// The world.
#[derive(Debug)]
pub struct World {
    now: Time,
    /// Names what was queued, asked and stamped: each gets another number.
    last: u64,
    queue: Agenda<Happening>,
    hosts: Vec<Host>,
    nodes: BTreeMap<NodeId, usize>,
    net: Net,
    prng: Prng,
    turn: Duration,
    notice: u64,
    /// Whether disks may fail.
    fails: bool,
    /// No fault happens any more.
    healed: bool,
    /// Since when, and when letters came after it that were sent before.
    calm: Time,
    strays: Vec<Time>,
    /// Who has lost a disk.
    lost: Option<usize>,
    /// More may go bad than is promised to be survived.
    rotten: bool,
    agree: Agree,
    /// When the keyspace last had a new leader.
    led: Time,
    /// What the nodes applied.
    chronicle: Chronicle,
    told: Vec<Told>,
    /// What a turn wants done, kept for its room.
    actions: Vec<Action>,
    /// Everything that was done to it before it was healed, if that is kept.
    done: Option<Vec<Step>>,
    /// What can be seen of it.
    pub film: Film,
    /// What happened, as a number and as lines.
    pub story: Story,
    /// How much happened.
    pub counts: Counts,
    /// What must not be and was seen to be.
    pub found: Vec<Violation>,
}

impl World {
    /// A world where all nodes are off.
    #[must_use]
    pub fn new(draw: &Draw, mut prng: Prng, keep: Keep) -> Self {
        let hosts: Vec<Host> =
            (0..draw.nodes).map(|node| Host::new(draw, node, &mut prng)).collect();
        Self {
            now: Time(1),
            last: 0,
            queue: Agenda::default(),
            hosts,
            nodes: BTreeMap::new(),
            net: Net::new(draw.net.clone(), draw.faults.cut, prng.fork()),
            prng,
            turn: draw.turn,
            notice: draw.faults.notice,
            fails: draw.disk.fails > 0,
            healed: false,
            calm: Time::ZERO,
            strays: Vec::new(),
            lost: None,
            rotten: draw.faults.rotten,
            agree: Agree::default(),
            led: Time::ZERO,
            chronicle: Chronicle::default(),
            told: Vec::new(),
            actions: Vec::new(),
            done: keep.steps.then(Vec::new),
            film: Film::new(keep.film),
            story: Story::new(keep.story),
            counts: Counts::default(),
            found: Vec::new(),
        }
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// This moment, later than every other that was asked for.
    pub fn at(&mut self) -> At {
        At { time: self.now, order: self.number() }
    }

    /// How many nodes there are, up or down.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.hosts.len()
    }

    /// The nodes that are up.
    #[must_use]
    pub fn up(&self) -> Vec<usize> {
        (0..self.size()).filter(|node| self.host(*node).lane.is_some()).collect()
    }

    /// The id of a node; zero before its first start.
    #[must_use]
    pub fn id(&self, node: usize) -> NodeId {
        self.host(node).id
    }

    /// A node is to stop in good order; it says when it may.
    pub fn leave(&mut self, node: usize) {
        self.done(|| Act::Deed(Deed::Leave { node }));
        self.story.add(self.now, &[17, node as u64], || format!("leave {}", name(node)));
        self.give(node, Event::Leave);
    }

    /// What a node showed of its state at a place of the log is held against the others'.
    pub fn compare(&mut self, node: usize, state: (Index, u64)) {
        self.found.extend(self.agree.state(node, GroupId::DEFAULT, state));
    }

    /// Which life of a node this is.
    #[must_use]
    pub fn life(&self, node: usize) -> u64 {
        self.host(node).life
    }

    /// How far a node applied its groups, and the hashes of what it holds.
    #[must_use]
    pub fn states(&self, node: usize) -> Vec<(GroupId, Option<(Index, u64)>)> {
        let lane = self.host(node).lane.as_ref();
        let state = |group| (group, lane.and_then(|lane| lane.state_hash(group)));
        [GroupId::DIRECTORY, GroupId::DEFAULT].map(state).to_vec()
    }

    /// Whether nothing that a node promised is lost.
    #[must_use]
    pub fn is_whole(&self, node: usize) -> bool {
        let host = self.host(node);
        !host.checkpoints.hurt && host.lane.as_ref().is_some_and(|lane| !lane.is_healing())
    }

    /// When the keyspace last had a new leader.
    #[must_use]
    pub const fn led(&self) -> Time {
        self.led
    }

    /// When letters came in the healed world that were sent before: a cut may have
    /// held them back.
    #[must_use]
    pub fn strays(&self) -> Vec<Time> {
        self.strays.clone()
    }

    /// How many terms had a leader, how many states were compared, and how many
    /// checkpoints.
    #[must_use]
    pub fn agreed(&self) -> (u64, u64, u64) {
        let (elections, states) = (self.agree.elections() as u64, self.agree.states() as u64);
        (elections, states, self.agree.checkpoints())
    }

    /// What the nodes applied, taken away: nothing is applied after it.
    #[must_use]
    pub fn take_chronicle(&mut self) -> Vec<Line> {
        self.chronicle.take()
    }

    /// The log of the keyspace, as far as any node has applied it.
    #[must_use]
    pub const fn chronicle(&self) -> &Chronicle {
        &self.chronicle
    }

    /// How many entries any node has applied.
    #[must_use]
    pub const fn applied(&self) -> usize {
        self.chronicle.lines().len()
    }

    /// How far a node has applied the log of the keyspace in this life.
    #[must_use]
    pub fn applied_by(&self, node: usize) -> Index {
        self.host(node).applied
    }

    /// Asks a node; `None` if it is down.
    pub fn ask(&mut self, node: usize, ask: Ask) -> Option<AskId> {
        self.host(node).lane.as_ref()?;
        let id = AskId(self.number());
        self.story.add(self.now, &[1, node as u64, id.0], || {
            format!("ask   {} {id} {ask:?}", name(node))
        });
        self.give(node, Event::Ask { id, ask });
        Some(id)
    }

    /// An answer is no longer wanted.
    pub fn forget(&mut self, node: usize, id: AskId) {
        self.give(node, Event::Forget { id });
    }

    /// Opens a watch; `None` if the node is down.
    pub fn watch(&mut self, node: usize, open: WatchOpen) -> Option<WatchKey> {
        self.host(node).lane.as_ref()?;
        let key = WatchKey(self.number());
        self.give(node, Event::Watch { key, open });
        Some(key)
    }

    /// Gives a watch room for more.
    pub fn credit(&mut self, node: usize, key: WatchKey, batches: u32) {
        self.give(node, Event::Credit { keys: vec![key], batches });
    }

    /// Asks how far a watch is.
    pub fn progress(&mut self, node: usize, key: WatchKey) {
        self.give(node, Event::Progress { key, all: vec![key] });
    }

    /// Closes a watch.
    pub fn unwatch(&mut self, node: usize, key: WatchKey) {
        self.give(node, Event::Unwatch { key });
    }

    /// What callers were told since this was last asked.
    pub fn take_told(&mut self) -> Vec<Told> {
        core::mem::take(&mut self.told)
    }

    /// Reminds of something later.
    pub fn remind(&mut self, after: Duration, alarm: Alarm) {
        self.queue(after, Happening::Alarm(alarm));
    }

    /// Reminds of something then, behind all that happens at that time.
    pub fn remind_at(&mut self, at: Time, alarm: Alarm) {
        let last = (1 << 63) + self.number();
        self.queue.add(at.max(self.now), last, Happening::Alarm(alarm));
    }

    /// Something is done that a script can do again.
    pub fn done(&mut self, act: impl FnOnce() -> Act) {
        if let Some(done) = self.done.as_mut().filter(|_| !self.healed) {
            done.push(Step { at: self.now, act: act() });
        }
    }

    /// What was done before the healing, if it was kept.
    pub fn take_done(&mut self) -> Vec<Step> {
        self.done.take().unwrap_or_default()
    }

    /// Something can be seen at a node.
    pub(crate) fn show(&mut self, kind: Kind, node: usize, say: impl FnOnce() -> String) {
        let now = self.now;
        self.film.add(|| Shot::new(kind, now, Some(node), say()));
    }

    /// Lets the next thing happen, unless it is later than `end`; says whether
    /// it did, and of what it reminds.
    pub fn step(&mut self, end: Time) -> Option<Option<Alarm>> {
        let (at, happening) = self.queue.next(end)?;
        self.now = at;
        match happening {
            Happening::Turn { node, life } => self.on_turn(node, life),
            Happening::Deadline { node, life } => self.on_deadline(node, life),
            Happening::Disk { node, life, ticket, fate, slot, begun } => {
                self.on_disk(node, life, (ticket, fate, slot), begun);
            }
            Happening::Sync { node, ticket } => drop(self.host_mut(node).disk.finish(ticket)),
            Happening::Frame { way, frame, reel } => self.on_frame(way, frame, reel),
            Happening::Link { node, peer, up } => {
                let peer = self.host(peer).id;
                self.give(node, Event::Link { peer, up });
            }
            Happening::Crash { node, life, crash } => {
                if self.host(node).life == life && !self.healed {
                    self.crash_now(node, crash);
                }
            }
            Happening::Replace { node, life } => {
                if self.host(node).life == life {
                    self.replace(node);
                }
            }
            Happening::Alarm(alarm) => return Some(Some(alarm)),
        }
        Some(None)
    }

    fn host(&self, node: usize) -> &Host {
        self.hosts.get(node).expect("a world knows its nodes")
    }

    fn host_mut(&mut self, node: usize) -> &mut Host {
        self.hosts.get_mut(node).expect("a world knows its nodes")
    }

    const fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn queue(&mut self, after: Duration, happening: Happening) {
        let number = self.number();
        self.queue.add(self.now + after, number, happening);
    }

    fn queue_at(&mut self, at: Time, happening: Happening) {
        self.queue(at.since(self.now), happening);
    }
}
