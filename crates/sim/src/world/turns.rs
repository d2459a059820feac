//! The turns of imagined nodes: what reaches a lane, and what it wants done.

use super::{Fate, Happening, Slot, Told, World};
use crate::check::Violation;
use crate::disk::{Begun, Moment, SimDisk};
use crate::film::{Kind, Reel, Shot};
use crate::history::name;
use crate::host::{local, worldly};
use crate::net::Way;
use base::checksum::{crc32c, hash64};
use base::{GroupId, Index, NodeId, Time};
use bytes::Bytes;
use core::time::Duration;
use journal::disk::{DiskDone, DiskOp};
use journal::memory::Ticket;
use node::event::{Action, Class, Event, Halt, Note};
use node::job::Job;

/// How soon an operation on a disk that hung is done when the disk is back.
const HUNG_POLL: Duration = Duration::from_millis(10);

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
        let steps = host.inbox.len() as u64 + 1;
        let mut actions = core::mem::take(&mut self.actions);
        let host = self.host_mut(node);
        host.remembers = host.lane.as_ref().is_some_and(|it| it.remembers(GroupId::DEFAULT));
        host.turn(now, &mut actions);
        let doom = host.doom.take_if(|(_, moment)| *moment == Moment::InTurn);
        self.counts.turns += 1;
        self.counts.steps += steps;
        self.story.add(now, &[7, node as u64, actions.len() as u64], String::new);
        if doom.is_some() {
            self.counts.mid_turn += 1;
            let kept = self.prng.below(actions.len() as u64 + 1);
            actions.truncate(kept as usize);
        }
        actions.drain(..).for_each(|action| self.perform(node, life, action));
        self.actions = actions;
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
                let say = || format!("reply {} {id} {answer:?}", name(node));
                self.story.add(self.now, &[8, node as u64, id.0], say);
                let whole = self.host(node).remembers;
                self.told.push(Told::Answer { id, answer, whole });
            }
            Action::Watch { key, event, .. } => {
                self.story.add(self.now, &[9, node as u64, key.0], || {
                    format!("watch {} {key} {event:?}", name(node))
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
        self.show(Kind::Disk, node, || format!("stops for good: {why:?}"));
        self.story.add(self.now, &[14, node as u64], || format!("halt  {} {why:?}", name(node)));
        if self.fails && matches!(why, Halt::Disk(_)) {
            self.counts.halts += 1;
            self.host_mut(node).halted = true;
            let wait = self.prng.span(Duration::ZERO, Duration::from_millis(500));
            self.queue(wait, Happening::Replace { node, life });
        } else {
            self.found.push(Violation::new("halt", format!("{} stopped: {why:?}", name(node))));
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
        let (now, mut prng) = (self.now, self.prng.fork());
        let host = self.host_mut(node);
        let reads = matches!(op, DiskOp::Read { .. });
        let begun = host.disk.begin(op, now, &mut prng);
        let ticket = begun.ticket;
        if begun.fails {
            let failed =
                if reads { &mut self.counts.bad_reads } else { &mut self.counts.bad_syncs };
            *failed += 1;
        }
        let host = self.host_mut(node);
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
        let begins = self.now;
        let disk = Happening::Disk { node, life, ticket, fate, slot, begun: begins };
        self.queue(begun.told, disk);
        if let Some(late) = begun.lie.filter(|_| fate == Fate::Lie) {
            self.queue(late, Happening::Sync { node, ticket });
        }
    }

    fn send(&mut self, from: usize, to: NodeId, class: Class, frame: &Bytes) {
        let Some(to) = self.nodes.get(&to).copied() else { return };
        let hash = hash64(frame);
        let arrivals = self.net.send(self.now, (from, to, class), &mut self.counts);
        if arrivals.is_empty() {
            self.film.sent((from, to), (self.now, None), frame);
        }
        for at in arrivals {
            let spoilt = self.net.spoil(frame);
            let sum = spoilt.as_ref().map(|_| crc32c(frame));
            let way = Way { from, to, class, sent: self.now, sum };
            self.story.add(self.now, &[10, from as u64, to as u64, at.0, hash], || {
                format!("send  {} to {} {class:?} {} bytes", name(from), name(to), frame.len())
            });
            let reel = self.film.sent((from, to), (self.now, Some(at)), frame);
            let frame = spoilt.unwrap_or_else(|| frame.clone());
            self.queue_at(at, Happening::Frame { way, frame, reel });
        }
    }

    fn on_note(&mut self, node: usize, note: &Note) {
        self.story.add(self.now, &[11, node as u64], || format!("note  {} {note:?}", name(node)));
        let id = self.host(node).id;
        self.show_note(node, id, note);
        match note {
            Note::Lead { group, term, leader: Some(leader) } => {
                if let Some(leader) = self.nodes.get(leader) {
                    self.found.extend(self.agree.leader(node, *group, *term, *leader));
                }
                if *leader == id && self.host(node).checkpoints.hurt {
                    let what = format!("{} leads {group}, and is not whole", name(node));
                    self.found.push(Violation::new("whole", what));
                }
                if *leader == id && *group == GroupId::DEFAULT {
                    self.led = self.now;
                    self.told.push(Told::Leads { node });
                }
            }
            Note::Checkpoint { group, index, .. } | Note::Installed { group, index, .. } => {
                let own = matches!(note, Note::Checkpoint { .. });
                self.counts.installs += u64::from(!own);
                let host = self.host_mut(node);
                host.checkpoints.on_current(*group, *index, own, &host.disk);
                let lane = host.lane.as_ref();
                let hash = lane.and_then(|lane| lane.checkpoint_hash(*group));
                let found = hash.map(|state| self.agree.checkpoint(node, *group, state));
                self.found.extend(found.flatten());
            }
            Note::Healed => {
                self.counts.repairs += 1;
                self.host_mut(node).checkpoints.hurt = false;
            }
            Note::Behind { .. } => self.told.push(Told::Behind { node }),
            Note::Left => self.told.push(Told::Left { node }),
            Note::Unreadable { group, why } => {
                let what = format!("{} cannot read a checkpoint of {group}: {why}", name(node));
                self.found.push(Violation::new("checkpoint", what));
            }
            _ => {}
        }
    }

    fn show_note(&mut self, node: usize, id: NodeId, note: &Note) {
        let (now, nodes) = (self.now, &self.nodes);
        let known = |id: &NodeId| nodes.get(id).copied();
        self.film.add(|| {
            let at = |kind, say: String| Shot::new(kind, now, Some(node), say);
            match note {
                Note::Lead { group, term, leader } => {
                    let (kind, say) = match leader {
                        Some(leader) if *leader == id => (Kind::Lead, format!("leads term {term}")),
                        Some(leader) => {
                            let leader = known(leader).map(name);
                            let leader = leader.unwrap_or_default();
                            (Kind::Follow, format!("follows {leader} in term {term}"))
                        }
                        None => (Kind::Follow, format!("knows no leader in term {term}")),
                    };
                    Shot { group: Some(*group), term: *term, ..at(kind, say) }
                }
                Note::Checkpoint { group, index, bytes, .. } => {
                    let say = format!("has a checkpoint of index {}, {bytes} bytes", index.0);
                    Shot { group: Some(*group), ..at(Kind::Checkpoint, say) }
                }
                Note::Installed { group, index, .. } => {
                    let say = format!("has taken over a checkpoint of index {}", index.0);
                    Shot { group: Some(*group), ..at(Kind::Checkpoint, say) }
                }
                Note::Dropped { from, why } => {
                    let from = known(from).map(name).unwrap_or_default();
                    at(Kind::Note, format!("drops a message of {from}: {why}"))
                }
                Note::Ready => {
                    at(Kind::Note, "every group has a leader: clients are served".into())
                }
                note => at(Kind::Note, format!("{note:?}")),
            }
        });
    }

    /// What arrives is looked at as the real server does: a frame whose checksum
    /// does not fit is dropped, and the connection with it.
    pub(super) fn on_frame(&mut self, way: Way, frame: Bytes, reel: Reel) {
        let Way { from, to, sum, .. } = way;
        if self.host(to).lane.is_none() {
            self.film.lost(reel);
        }
        if !self.net.passes(self.now, from, to) || self.net.ended(&way) {
            self.film.lost(reel);
            self.counts.lost += 1;
        } else if sum.is_some_and(|sum| crc32c(&frame) != sum) {
            self.film.lost(reel);
            self.counts.corrupted += 1;
            self.story.add(self.now, &[20, from as u64, to as u64], || {
                format!("spoil {from} to {to}: the checksum does not fit")
            });
            self.hang_up(&way);
        } else {
            if self.healed && way.sent < self.calm {
                self.strays.push(self.now);
            }
            let from = self.host(from).id;
            self.give(to, Event::Frame { from, frame });
        }
    }

    pub(super) fn on_disk(
        &mut self,
        node: usize,
        life: u64,
        (ticket, fate, slot): (Ticket, Fate, Slot),
        begun: Time,
    ) {
        if self.host(node).life == life && self.host(node).disk.hangs(self.now) {
            let disk = Happening::Disk { node, life, ticket, fate, slot, begun };
            return self.queue(HUNG_POLL, disk);
        }
        if self.host(node).life == life {
            self.show_disk(node, fate, slot, begun);
            let disk: &mut SimDisk = &mut self.host_mut(node).disk;
            let done = match fate {
                Fate::Well => disk.finish(ticket),
                Fate::Lie => DiskDone::Synced,
                Fate::Failed => disk.fail(ticket),
            };
            if slot == Slot::Log {
                self.story
                    .add(self.now, &[12, node as u64], || format!("disk  {} {done:?}", name(node)));
                return self.give(node, Event::Disk(done));
            }
            self.story.add(self.now, &[15, node as u64], || format!("work  {}", name(node)));
            let works = &mut self.host_mut(node).works;
            if let Some(mut job) = works.pop_front() {
                job.on_done(done);
                works.push_back(job);
            }
            self.work(node, life);
        }
    }

    fn show_disk(&mut self, node: usize, fate: Fate, slot: Slot, begun: Time) {
        let now = self.now;
        if slot == Slot::Log {
            let say = match fate {
                Fate::Well => "the log is on disk",
                Fate::Lie => "the disk says that the log is on it, and lies",
                Fate::Failed => "the disk fails",
            };
            self.film.add(|| Shot {
                end: Some(now),
                lost: fate != Fate::Well,
                ..Shot::new(Kind::Sync, begun, Some(node), say.into())
            });
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
    pub(super) fn arm(&mut self, node: usize) {
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

    /// What the turn changed of the node's state is held against the others'.
    fn watch_state(&mut self, node: usize) {
        let at = self.at();
        let Self { hosts, chronicle, film, found, agree, .. } = self;
        let Some(host) = hosts.get_mut(node) else { return };
        let before = host.applied;
        host.applied_entries(|entry| found.extend(chronicle.tell(node, entry, at)));
        let applied = host.applied;
        if applied > before {
            film.add(|| Shot {
                group: Some(GroupId::DEFAULT),
                ..Shot::new(Kind::Commit, at.time, Some(node), committed(before, applied))
            });
        }
        host.new_states(|group, state| found.extend(agree.state(node, group, state)));
    }
}

fn committed(before: Index, applied: Index) -> String {
    match applied.0 - before.0 {
        1 => format!("entry {} is committed and applied", applied.0),
        _ => format!("entries {} to {} are committed and applied", before.0 + 1, applied.0),
    }
}
