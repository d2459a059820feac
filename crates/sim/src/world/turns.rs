//! The turns of imagined nodes: what reaches a lane, and what it wants done.

use super::{Fate, Happening, Slot, Told, World};
use crate::check::Violation;
use crate::disk::{Begun, Moment, SimDisk};
use crate::host::{local, worldly};
use base::checksum::hash64;
use base::{GroupId, NodeId};
use bytes::Bytes;
use core::time::Duration;
use journal::disk::{DiskDone, DiskOp};
use journal::memory::Ticket;
use node::event::{Action, Class, Event, Halt, Note};
use node::job::Job;

impl World {
    /// Something happens to a node; it looks at it in its next turn.
    pub(super) fn give(&mut self, node: usize, event: Event) {
        if self.host(node).lane.is_some() {
            self.host_mut(node).inbox.push(event);
            self.wake(node);
        }
    }

    /// A turn comes soon, so that what arrives meanwhile has company.
    pub(super) fn wake(&mut self, node: usize) {
        let wait = self.prng.span(Duration::ZERO, self.turn);
        let host = self.host_mut(node);
        if host.lane.is_some() && !host.awake {
            host.awake = true;
            let life = host.life;
            self.queue(wait, Happening::Turn { node, life });
        }
    }

    pub(super) fn on_turn(&mut self, node: usize, life: u64) {
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
            Action::Disk(op) => self.begin(node, life, op, Slot::Log),
            Action::Job(work) => self.hire(node, life, work),
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
            Action::Halt(why) => self.on_halt(node, life, &why),
        }
    }

    /// A lane that stops because its disk failed does what it should; the
    /// process is replaced when somebody has noticed.
    fn on_halt(&mut self, node: usize, life: u64, why: &Halt) {
        self.story.add(self.now, &[14, node as u64], || format!("halt  {node} {why:?}"));
        if self.fails && matches!(why, Halt::Disk(_)) {
            self.counts.halts += 1;
            self.host_mut(node).halted = true;
            let wait = self.prng.span(Duration::ZERO, Duration::from_millis(500));
            self.queue(wait, Happening::Replace { node, life });
        } else {
            self.found.push(Violation::new("halt", format!("node {node} stopped: {why:?}")));
        }
    }

    /// A job is added to those that are done in turns.
    fn hire(&mut self, node: usize, life: u64, work: Job) {
        let works = &mut self.host_mut(node).works;
        works.push_back(work);
        if works.len() == 1 {
            self.work(node, life);
        }
    }

    /// Begins the next operation of the first job; a job that wants none is done.
    pub(super) fn work(&mut self, node: usize, life: u64) {
        while let Some(mut job) = self.host_mut(node).works.pop_front() {
            if let Some(op) = job.next_op() {
                self.host_mut(node).works.push_front(job);
                return self.begin(node, life, op, Slot::Work);
            }
            self.counts.works += 1;
            self.give(node, Event::JobDone(job.finish()));
        }
    }

    fn begin(&mut self, node: usize, life: u64, op: DiskOp, slot: Slot) {
        self.counts.disk_ops += 1;
        let mut prng = self.prng.fork();
        let host = self.host_mut(node);
        let begun = host.disk.begin(op, &mut prng);
        let ticket = begun.ticket;
        let fate = match begun {
            Begun { fails: true, .. } => Fate::Failed,
            Begun { lie: Some(_), .. } => Fate::Lie,
            Begun { .. } => Fate::Well,
        };
        let sync = host.doom.take_if(|(_, moment)| *moment == Moment::InSync);
        let flip = host.doom.take_if(|(_, moment)| *moment == Moment::InFlip && begun.flips);
        if let Some((crash, _)) = sync {
            self.counts.in_sync += 1;
            let soon = prng.span(Duration::ZERO, begun.told);
            self.queue(soon, Happening::Crash { node, life, crash });
        }
        if let Some((crash, _)) = flip {
            self.counts.in_flip += 1;
            let soon = begun.told + prng.span(Duration::ZERO, begun.told);
            self.queue(soon, Happening::Crash { node, life, crash });
        }
        self.queue(begun.told, Happening::Disk { node, life, ticket, fate, slot });
        if let Some(late) = begun.lie.filter(|_| fate == Fate::Lie) {
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
        match note {
            Note::Lead { group, term, leader: Some(leader) } => {
                self.found.extend(self.agree.leader(id, *group, *term, *leader));
                if *leader == id && *group == GroupId::DEFAULT {
                    self.told.push(Told::Leads { node });
                }
            }
            Note::Checkpoint { group, index, .. } | Note::Installed { group, index, .. } => {
                let own = matches!(note, Note::Checkpoint { .. });
                let host = self.host_mut(node);
                host.checkpoints.on_current(*group, *index, own, &host.disk);
            }
            Note::Behind { .. } => self.told.push(Told::Behind { node }),
            Note::Left => self.told.push(Told::Left { node }),
            Note::Unreadable { group, why } => {
                let what = format!("node {node} cannot read a checkpoint of {group}: {why}");
                self.found.push(Violation::new("checkpoint", what));
            }
            _ => {}
        }
    }

    pub(super) fn on_frame(&mut self, from: usize, to: usize, frame: Bytes) {
        if self.net.passes(from, to) {
            let from = self.host(from).id;
            self.give(to, Event::Frame { from, frame });
        } else {
            self.counts.lost += 1;
        }
    }

    pub(super) fn on_disk(
        &mut self,
        node: usize,
        life: u64,
        ticket: Ticket,
        fate: Fate,
        slot: Slot,
    ) {
        if self.host(node).life == life {
            let disk: &mut SimDisk = &mut self.host_mut(node).disk;
            let done = match fate {
                Fate::Well => disk.finish(ticket),
                Fate::Lie => DiskDone::Synced,
                Fate::Failed => disk.fail(ticket),
            };
            if slot == Slot::Log {
                self.story.add(self.now, &[12, node as u64], || format!("disk  {node} {done:?}"));
                return self.give(node, Event::Disk(done));
            }
            self.story.add(self.now, &[15, node as u64], || format!("work  {node}"));
            let works = &mut self.host_mut(node).works;
            if let Some(mut job) = works.pop_front() {
                job.on_done(done);
                works.push_back(job);
            }
            self.work(node, life);
        }
    }

    pub(super) fn on_deadline(&mut self, node: usize, life: u64) {
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
        let Some(due) = host.deadline().map(|due| worldly(due, host).max(now)) else {
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
        let at = self.at();
        let Self { hosts, chronicle, found, .. } = self;
        if let Some(host) = hosts.get_mut(node) {
            host.applied_entries(|entry| found.extend(chronicle.tell(node, entry, at)));
        }
        for (group, state) in self.states(node) {
            if let Some(state) = state {
                self.found.extend(self.agree.state(id, group, state));
            }
        }
    }
}
