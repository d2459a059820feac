//! Imagined machines with the lane's own code, one queue of what happens next,
//! and a time that jumps to it.

use crate::check::Violation;
use crate::check::agree::Agree;
use crate::counts::Counts;
use crate::disk::{Crash, Moment, SimDisk};
use crate::draw::Draw;
use crate::history::At;
use crate::host::{Host, local};
use crate::net::{Cut, Net};
use crate::story::Story;
use base::checksum::hash64;
use base::prng::Prng;
use base::{AskId, GroupId, Index, NodeId, Time, WatchKey};
use bytes::Bytes;
use core::time::Duration;
use journal::disk::{DiskDone, DiskOp};
use journal::memory::Ticket;
use node::event::{Action, Answer, Ask, Class, Event, Note, WatchEvent, WatchOpen};
use std::collections::BTreeMap;

/// What will happen.
#[derive(Debug)]
enum Happening {
    Turn { node: usize, life: u64 },
    Deadline { node: usize, life: u64 },
    Disk { node: usize, life: u64, ticket: Ticket, lie: bool },
    Sync { node: usize, ticket: Ticket },
    Frame { from: usize, to: usize, frame: Bytes },
    Link { node: usize, peer: usize, up: bool },
    Crash { node: usize, life: u64, crash: Crash },
    Alarm(Alarm),
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
    /// The next fault is due.
    Fault,
    /// A node comes back.
    Restart(usize),
    /// A cut ends.
    Mend(u64),
    /// A node is to crash in the middle of its next disk operation.
    Doom(usize),
    /// A node is to be cut off.
    Isolate(usize),
    /// The first leader of figure 8 falls for the second time.
    Figure8Turn,
    /// Figure 8 is over.
    Figure8End,
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
    /// A node is gone, with all its connections.
    Gone {
        /// Which node.
        node: usize,
    },
}

/// The world.
#[derive(Debug)]
pub struct World {
    now: Time,
    /// Names what was queued, asked and stamped: each gets another number.
    last: u64,
    queue: BTreeMap<(Time, u64), Happening>,
    hosts: Vec<Host>,
    nodes: BTreeMap<NodeId, usize>,
    net: Net,
    prng: Prng,
    turn: Duration,
    notice: u64,
    /// No fault happens any more.
    healed: bool,
    agree: Agree,
    told: Vec<Told>,
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
    pub fn new(draw: &Draw, mut prng: Prng, told: bool) -> Self {
        let hosts: Vec<Host> =
            (0..draw.nodes).map(|node| Host::new(draw, node, &mut prng)).collect();
        Self {
            now: Time(1),
            last: 0,
            queue: BTreeMap::new(),
            hosts,
            nodes: BTreeMap::new(),
            net: Net::new(draw.net.clone(), draw.faults.cut, prng.fork()),
            prng,
            turn: draw.turn,
            notice: draw.faults.notice,
            healed: false,
            agree: Agree::default(),
            told: Vec::new(),
            story: Story::new(told),
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

    /// How many terms had a leader, and how many states were compared.
    #[must_use]
    pub fn agreed(&self) -> (u64, u64) {
        (self.agree.elections() as u64, self.agree.states() as u64)
    }

    /// Asks a node; `None` if it is down.
    pub fn ask(&mut self, node: usize, ask: Ask) -> Option<AskId> {
        self.host(node).lane.as_ref()?;
        let id = AskId(self.number());
        self.story.add(self.now, &[1, node as u64, id.0], || format!("ask   {node} {id} {ask:?}"));
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
        self.give(node, Event::Credit { key, batches });
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

    /// Lets the next thing happen, unless it is later than `end`; says whether
    /// it did, and of what it reminds.
    pub fn step(&mut self, end: Time) -> Option<Option<Alarm>> {
        let next = self.queue.first_entry().filter(|next| next.key().0 <= end)?;
        let ((at, _), happening) = next.remove_entry();
        self.now = at;
        match happening {
            Happening::Turn { node, life } => self.on_turn(node, life),
            Happening::Deadline { node, life } => self.on_deadline(node, life),
            Happening::Disk { node, life, ticket, lie } => self.on_disk(node, life, ticket, lie),
            Happening::Sync { node, ticket } => drop(self.host_mut(node).disk.finish(ticket)),
            Happening::Frame { from, to, frame } => self.on_frame(from, to, frame),
            Happening::Link { node, peer, up } => {
                let peer = self.host(peer).id;
                self.give(node, Event::Link { peer, up });
            }
            Happening::Crash { node, life, crash } => {
                if self.host(node).life == life && !self.healed {
                    self.crash_now(node, crash);
                }
            }
            Happening::Alarm(alarm) => return Some(Some(alarm)),
        }
        Some(None)
    }

    /// A node starts on what its disk holds. With a limit it crashes again
    /// after so many disk operations, if it needs as many.
    pub fn start(&mut self, node: usize, limit: Option<u64>) {
        let (now, seed) = (self.now, self.prng.next());
        let host = self.host_mut(node);
        if host.lane.is_some() {
            return;
        }
        match host.boot(now, seed, limit) {
            Ok((id, report)) => {
                let life = host.life;
                self.nodes.insert(id, node);
                self.story.add(now, &[2, node as u64, life], || {
                    format!("start {node} life {life}: {report}")
                });
                self.sockets(node, true);
                self.wake(node);
            }
            Err(None) => {
                self.counts.in_recovery += 1;
                let crash = if self.prng.chance(1, 2) { Crash::Kill } else { Crash::Power };
                let mut prng = self.prng.fork();
                self.host_mut(node).crash(crash, &mut prng);
                self.story.add(now, &[3, node as u64], || format!("crash {node} in recovery"));
            }
            Err(Some(why)) => {
                self.found
                    .push(Violation::new("start", format!("node {node} does not start: {why}")));
            }
        }
    }

    /// A node crashes.
    pub fn crash(&mut self, node: usize, crash: Crash, moment: Moment) {
        if moment == Moment::Now {
            self.crash_now(node, crash);
        } else {
            self.host_mut(node).doom = Some((crash, moment));
        }
    }

    /// A process stops for a while, like one that swaps.
    pub fn pause(&mut self, node: usize, span: Duration) {
        self.counts.pauses += 1;
        let until = self.now + span;
        self.host_mut(node).paused = until;
        self.story
            .add(self.now, &[4, node as u64, until.0], || format!("pause {node} for {span:.1?}"));
    }

    /// The network is cut until it is mended; the cut has this name.
    pub fn cut(&mut self, cut: Cut) -> u64 {
        let name = self.number();
        self.story.add(self.now, &[5, name], || format!("cut   {cut:?}"));
        self.net.cut(name, cut);
        name
    }

    /// Ends a cut.
    pub fn mend(&mut self, name: u64) {
        self.net.mend(name);
    }

    /// No more faults: everything runs, everything arrives.
    pub fn heal(&mut self) {
        self.story.add(self.now, &[6], || "heal".into());
        self.net.heal();
        self.notice = 10_000;
        self.healed = true;
        for node in 0..self.size() {
            let now = self.now;
            let host = self.host_mut(node);
            host.paused = host.paused.min(now);
            host.doom = None;
            self.start(node, None);
            self.wake(node);
        }
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
        let at = (self.now + after, self.number());
        self.queue.insert(at, happening);
    }

    fn queue_at(&mut self, at: Time, happening: Happening) {
        self.queue(at.since(self.now), happening);
    }

    /// Something happens to a node; it looks at it in its next turn.
    fn give(&mut self, node: usize, event: Event) {
        if self.host(node).lane.is_some() {
            self.host_mut(node).inbox.push(event);
            self.wake(node);
        }
    }

    /// A turn comes soon, so that what arrives meanwhile has company.
    fn wake(&mut self, node: usize) {
        let wait = self.prng.span(Duration::ZERO, self.turn);
        let host = self.host_mut(node);
        if host.lane.is_some() && !host.awake {
            host.awake = true;
            let life = host.life;
            self.queue(wait, Happening::Turn { node, life });
        }
    }

    fn on_turn(&mut self, node: usize, life: u64) {
        let now = self.now;
        let host = self.host_mut(node);
        if host.life != life {
            return;
        }
        if host.paused > now {
            let until = host.paused;
            return self.queue_at(until, Happening::Turn { node, life });
        }
        let mut actions = host.turn(now);
        let doom = host.doom.take_if(|(_, moment)| *moment == Moment::InTurn);
        self.counts.turns += 1;
        self.story.add(now, &[7, node as u64, actions.len() as u64], String::new);
        if doom.is_some() {
            self.counts.mid_turn += 1;
            let kept = self.prng.below(actions.len() as u64 + 1);
            actions.truncate(kept as usize);
        }
        actions.into_iter().for_each(|action| self.perform(node, life, action));
        self.watch_state(node);
        match doom {
            Some((crash, _)) => self.crash_now(node, crash),
            None => self.arm(node),
        }
    }

    fn perform(&mut self, node: usize, life: u64, action: Action) {
        match action {
            Action::Disk(op) => self.begin(node, life, op),
            Action::Send { to, class, frame } => self.send(node, to, class, &frame),
            Action::Reply { id, answer, .. } => {
                let say = || format!("reply {node} {id} {answer:?}");
                self.story.add(self.now, &[8, node as u64, id.0], say);
                self.told.push(Told::Answer { id, answer });
            }
            Action::Watch { key, event, .. } => {
                self.story.add(self.now, &[9, node as u64, key.0], || {
                    format!("watch {node} {key} {event:?}")
                });
                self.told.push(Told::Watch { key, event });
            }
            Action::Note(note) => self.on_note(node, &note),
            Action::Halt(why) => {
                self.found.push(Violation::new("halt", format!("node {node} stopped: {why:?}")));
            }
        }
    }

    fn begin(&mut self, node: usize, life: u64, op: DiskOp) {
        self.counts.disk_ops += 1;
        let mut prng = self.prng.fork();
        let host = self.host_mut(node);
        let begun = host.disk.begin(op, &mut prng);
        let (ticket, lie) = (begun.ticket, begun.lie.is_some());
        if let Some((crash, _)) = host.doom.take_if(|(_, moment)| *moment == Moment::InSync) {
            self.counts.in_sync += 1;
            let soon = prng.span(Duration::ZERO, begun.told);
            self.queue(soon, Happening::Crash { node, life, crash });
        }
        self.queue(begun.told, Happening::Disk { node, life, ticket, lie });
        if let Some(late) = begun.lie {
            self.queue(late, Happening::Sync { node, ticket });
        }
    }

    fn send(&mut self, from: usize, to: NodeId, class: Class, frame: &Bytes) {
        let Some(to) = self.nodes.get(&to).copied() else { return };
        let hash = hash64(frame);
        for at in self.net.send(self.now, (from, to, class), &mut self.counts) {
            self.story.add(self.now, &[10, from as u64, to as u64, at.0, hash], || {
                format!("send  {from} to {to} {class:?} {} bytes", frame.len())
            });
            self.queue_at(at, Happening::Frame { from, to, frame: frame.clone() });
        }
    }

    fn on_note(&mut self, node: usize, note: &Note) {
        self.story.add(self.now, &[11, node as u64], || format!("note  {node} {note:?}"));
        let id = self.host(node).id;
        if let Note::Lead { group, term, leader: Some(leader) } = note {
            self.found.extend(self.agree.leader(id, *group, *term, *leader));
            if *leader == id && *group == GroupId::DEFAULT {
                self.told.push(Told::Leads { node });
            }
        }
    }

    fn on_frame(&mut self, from: usize, to: usize, frame: Bytes) {
        if self.net.passes(from, to) {
            let from = self.host(from).id;
            self.give(to, Event::Frame { from, frame });
        } else {
            self.counts.lost += 1;
        }
    }

    fn on_disk(&mut self, node: usize, life: u64, ticket: Ticket, lie: bool) {
        if self.host(node).life == life {
            let disk: &mut SimDisk = &mut self.host_mut(node).disk;
            let done = if lie { DiskDone::Synced } else { disk.finish(ticket) };
            self.story.add(self.now, &[12, node as u64], || format!("disk  {node} {done:?}"));
            self.give(node, Event::Disk(done));
        }
    }

    fn on_deadline(&mut self, node: usize, life: u64) {
        let now = self.now;
        let host = self.host_mut(node);
        if host.life == life {
            host.armed = None;
            if host.deadline().is_some_and(|due| due <= local(now, host)) {
                self.give(node, Event::Timeout);
            }
            self.arm(node);
        }
    }

    /// Sees to it that the node's next deadline is not missed. A turn that is
    /// due anyway arms it itself.
    fn arm(&mut self, node: usize) {
        let now = self.now;
        let host = self.host_mut(node);
        if host.awake {
            return;
        }
        let Some(due) = host.deadline().map(|due| now + due.since(local(now, host))) else {
            return;
        };
        if host.armed.is_none_or(|armed| due < armed) {
            host.armed = Some(due);
            let life = host.life;
            self.queue_at(due, Happening::Deadline { node, life });
        }
    }

    fn watch_state(&mut self, node: usize) {
        let id = self.host(node).id;
        for (group, state) in self.states(node) {
            if let Some(state) = state {
                self.found.extend(self.agree.state(id, group, state));
            }
        }
    }

    fn crash_now(&mut self, node: usize, crash: Crash) {
        let mut prng = self.prng.fork();
        let host = self.host_mut(node);
        if host.lane.is_none() {
            return;
        }
        host.crash(crash, &mut prng);
        match crash {
            Crash::Kill => self.counts.kills += 1,
            Crash::Power => self.counts.power_losses += 1,
        }
        self.story.add(self.now, &[13, node as u64], || format!("crash {node} {crash:?}"));
        self.told.push(Told::Gone { node });
        self.sockets(node, false);
    }

    /// The others may hear that a node's sockets are open or closed; a node that
    /// starts may hear of them.
    fn sockets(&mut self, node: usize, up: bool) {
        for peer in (0..self.size()).filter(|peer| *peer != node) {
            for (hears, of) in [(peer, node), (node, peer)] {
                let there =
                    self.host(hears).lane.is_some() && (!up || self.host(of).lane.is_some());
                if there && self.prng.chance(self.notice, 10_000) {
                    let wait = self.prng.span(Duration::ZERO, Duration::from_millis(5));
                    self.queue(wait, Happening::Link { node: hears, peer: of, up });
                }
            }
        }
    }
}
