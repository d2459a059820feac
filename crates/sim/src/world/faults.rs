//! The ways in which a world goes wrong, and how it is healed.

use super::{Happening, Told, World};
use crate::check::Violation;
use crate::disk::{Crash, Moment, Sick};
use crate::film::{Kind, Shot};
use crate::history::name;
use crate::host::NoStart;
use crate::net::{Cut, Way};
use crate::rot::Rot;
use crate::script::{Act, Deed};
use base::Time;
use core::time::Duration;
use journal::memory::Toll;

impl World {
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
                let Toll { lost, torn } = core::mem::take(&mut host.disk.toll);
                let misread = host.misread;
                self.counts.lost_tails += u64::from(lost > 0 && torn == 0);
                self.counts.torn_tails += u64::from(torn > 0);
                self.counts.misreads += u64::from(misread);
                let host = self.host_mut(node);
                let found = host.checkpoints.on_start(&report);
                self.found.extend(found);
                self.nodes.insert(id, node);
                self.show(Kind::Start, node, || report.clone());
                self.story.add(now, &[2, node as u64, life], || {
                    format!("start {} life {life}: {report}", name(node))
                });
                self.sockets(node, true);
                self.wake(node);
            }
            Err(NoStart::Crashed) => {
                self.counts.in_recovery += 1;
                let crash = if self.prng.chance(1, 2) { Crash::Kill } else { Crash::Power };
                let mut prng = self.prng.fork();
                self.host_mut(node).crash(crash, &mut prng);
                self.show(Kind::Crash, node, || "crashes while it reads its log".into());
                self.story
                    .add(now, &[3, node as u64], || format!("crash {} in recovery", name(node)));
            }
            // Somebody starts it again, and then it can be read.
            Err(NoStart::Misread(why)) => {
                self.counts.misreads += 1;
                self.show(Kind::Disk, node, || format!("does not start: {why}"));
                self.story.add(now, &[23, node as u64], || format!("start {node} not: {why}"));
            }
            // The same, and it starts when there is room.
            Err(NoStart::NoRoom(why)) => {
                self.counts.no_start += 1;
                self.show(Kind::Disk, node, || format!("does not start: {why}"));
                self.story.add(now, &[24, node as u64], || format!("start {node} not: {why}"));
            }
            Err(NoStart::Refused(why)) => {
                self.found
                    .push(Violation::new("start", format!("{} does not start: {why}", name(node))));
            }
        }
    }

    /// A node crashes.
    pub fn crash(&mut self, node: usize, crash: Crash, moment: Moment) {
        self.done(|| Act::Deed(Deed::Crash { node, crash, moment }));
        if moment == Moment::Now {
            self.crash_now(node, crash);
        } else {
            self.host_mut(node).doom = Some((crash, moment));
        }
    }

    /// A process stops for a while, like one that swaps.
    pub fn pause(&mut self, node: usize, span: Duration) {
        self.done(|| Act::Deed(Deed::Pause { node, span }));
        self.counts.pauses += 1;
        let (now, until) = (self.now, self.now + span);
        self.film.add(|| Shot {
            end: Some(until),
            ..Shot::new(Kind::Pause, now, Some(node), format!("stands still for {span:.1?}"))
        });
        self.host_mut(node).paused = until;
        self.story.add(self.now, &[4, node as u64, until.0], || {
            format!("pause {} for {span:.1?}", name(node))
        });
    }

    /// A node's clock jumps ahead.
    pub fn jump(&mut self, node: usize, span: Duration) {
        self.done(|| Act::Deed(Deed::Jump { node, span }));
        self.counts.jumps += 1;
        self.host_mut(node).jump(span);
        self.show(Kind::Note, node, || format!("its clock jumps ahead by {span:.1?}"));
        self.story.add(self.now, &[21, node as u64], || format!("jump  {node} by {span:.1?}"));
        self.arm(node);
    }

    /// A node's disk is slow or hangs for a while.
    pub fn sicken(&mut self, node: usize, sick: Sick, span: Duration) {
        self.done(|| Act::Deed(Deed::Sicken { node, sick, span }));
        let (now, until) = (self.now, self.now + span);
        let (count, say) = match sick {
            Sick::Slow => (&mut self.counts.slow_disks, "its disk is slow"),
            Sick::Hung => (&mut self.counts.hung_disks, "its disk hangs"),
        };
        *count += 1;
        self.film.add(|| Shot {
            end: Some(until),
            ..Shot::new(Kind::Disk, now, Some(node), format!("{say} for {span:.1?}"))
        });
        self.host_mut(node).disk.sicken(sick, until);
        self.story.add(now, &[22, node as u64, until.0], || format!("sick  {node} {say}"));
    }

    /// A read fails when this node starts the next time.
    pub fn misread(&mut self, node: usize, after: u64) {
        self.done(|| Act::Deed(Deed::Misread { node, after }));
        self.host_mut(node).disk.misread(after);
    }

    /// A disk is gone, and its node is down. One node at most loses disks, only
    /// after the directory has the life of its first one, and only while enough
    /// others are up: more is not promised. Says whether it happened.
    pub fn lose(&mut self, node: usize) -> bool {
        let others: Vec<usize> = self.up().into_iter().filter(|it| *it != node).collect();
        let id = self.host(node).id;
        let known = others
            .iter()
            .any(|it| self.host(*it).lane.as_ref().is_some_and(|lane| lane.life(id).is_some()));
        let free = self.lost.is_none_or(|lost| lost == node);
        if !known || !free || !self.may_hurt(node) || others.len() * 2 <= self.size() {
            return false;
        }
        self.done(|| Act::Deed(Deed::Lose { node }));
        self.lost = Some(node);
        self.counts.losses += 1;
        self.show(Kind::Disk, node, || "its disk is lost, with all that it held".into());
        self.crash_now(node, Crash::Power);
        self.host_mut(node).lose_disk();
        self.story
            .add(self.now, &[18, node as u64], || format!("lose  the disk of {}", name(node)));
        true
    }

    /// Something on the disk of a node that is down goes bad.
    pub fn rot(&mut self, node: usize, rot: Rot) {
        self.done(|| Act::Deed(Deed::Rot { node, rot }));
        let mut prng = self.prng.fork();
        let allowed = matches!(rot, Rot::Newest | Rot::Older) || self.may_hurt(node);
        let host = self.host_mut(node);
        if host.lane.is_some() || !allowed {
            return;
        }
        let what = match rot {
            Rot::Log => host.checkpoints.rot_log(&mut host.disk, &mut prng),
            _ => host.checkpoints.rot(&mut host.disk, rot, &mut prng).map(|it| it.join(" ")),
        };
        let Some(what) = what else { return };
        self.counts.rots += u64::from(rot != Rot::Log);
        self.counts.harms += u64::from(rot == Rot::Log);
        let say = || format!("rot   {} {rot:?} {what}", name(node));
        self.show(Kind::Disk, node, say);
        self.story.add(self.now, &[19, node as u64], say);
    }

    /// Whether this node, with those that do not count already, is a minority: who has
    /// lost something, or has never been a voter yet.
    fn may_hurt(&self, node: usize) -> bool {
        let hurt = |it: &usize| self.host(*it).checkpoints.hurt || !self.host(*it).disk.votes();
        let others = (0..self.size()).filter(|it| *it != node && hurt(it)).count();
        self.rotten || others < (self.size() - 1) / 2
    }

    /// A node's disk is full, up to so many bytes, until it is freed.
    pub fn fill(&mut self, node: usize, rest: u64) {
        self.done(|| Act::Deed(Deed::Fill { node, rest }));
        self.counts.fills += 1;
        self.host_mut(node).disk.fill(rest);
        self.show(Kind::Disk, node, || "its disk is full".into());
        self.story.add(self.now, &[16, node as u64, rest], || format!("full  {}", name(node)));
    }

    /// A node's disk has room again.
    pub fn free(&mut self, node: usize) {
        self.done(|| Act::Deed(Deed::Free { node }));
        self.host_mut(node).disk.free();
        self.show(Kind::Disk, node, || "its disk has room again".into());
        self.story.add(self.now, &[17, node as u64], || format!("free  {}", name(node)));
    }

    /// The network is cut until it is mended; the cut has this name.
    pub fn cut(&mut self, cut: Cut) -> u64 {
        let name = self.number();
        self.cut_as(name, cut);
        name
    }

    fn cut_as(&mut self, name: u64, cut: Cut) {
        assert!(!self.healed, "a cut in a world that was healed: {cut:?}");
        self.done(|| Act::Deed(Deed::Cut { name, cut }));
        self.story.add(self.now, &[5, name], || format!("cut   {cut:?}"));
        let now = self.now;
        self.film.add(|| {
            let (node, to, say) = match cut {
                Cut::Isolate(node) => (node, None, "is cut off from all others".into()),
                Cut::OneWay(from, to) => {
                    (from, Some(to), "nothing gets through in this direction".into())
                }
                Cut::Flap(one, other, _) | Cut::Slow(one, other, _) => {
                    (one, Some(other), cut.to_string())
                }
                Cut::Links(_) => (cut.nodes().first().copied().unwrap_or(0), None, cut.to_string()),
            };
            Shot { to, term: name, ..Shot::new(Kind::Cut, now, Some(node), say) }
        });
        self.net.cut(name, cut);
    }

    /// Does what a script says, as it was done when it was recorded. What is
    /// asked of a node is the operator's.
    pub fn act(&mut self, deed: &Deed) {
        match *deed {
            Deed::Crash { node, crash, moment } => self.crash(node, crash, moment),
            Deed::Start { node, limit } => {
                self.counts.restarts += 1;
                self.start(node, limit);
            }
            Deed::Pause { node, span } => self.pause(node, span),
            Deed::Jump { node, span } => self.jump(node, span),
            Deed::Sicken { node, sick, span } => self.sicken(node, sick, span),
            Deed::Misread { node, after } => self.misread(node, after),
            Deed::Cut { name, cut } => {
                self.counts.isolations += 1;
                self.cut_as(name, cut);
            }
            Deed::Mend { name } => self.mend(name),
            Deed::Fill { node, rest } => self.fill(node, rest),
            Deed::Free { node } => self.free(node),
            Deed::Lose { node } => {
                self.lose(node);
            }
            Deed::Rot { node, rot } => self.rot(node, rot),
            Deed::Leave { node } => self.leave(node),
            Deed::Move { .. } | Deed::Backup { .. } => {}
        }
    }

    /// Ends a cut.
    pub fn mend(&mut self, name: u64) {
        self.done(|| Act::Deed(Deed::Mend { name }));
        let now = self.now;
        self.film.add(|| Shot { term: name, ..Shot::new(Kind::Cut, now, None, "mended".into()) });
        self.net.mend(name);
    }

    /// No more faults: everything runs, everything arrives.
    pub fn heal(&mut self) {
        self.story.add(self.now, &[6], || "heal".into());
        let now = self.now;
        self.film.add(|| Shot::new(Kind::Note, now, None, "no more faults: all is healed".into()));
        self.net.heal();
        self.notice = 10_000;
        (self.healed, self.calm) = (true, now);
        for node in 0..self.size() {
            let host = self.host_mut(node);
            // The next turn of a paused node is queued for the end of a pause.
            host.awake &= host.paused == Time::ZERO;
            host.paused = Time::ZERO;
            host.doom = None;
            host.disk.heal();
            if host.halted {
                self.crash_now(node, Crash::Kill);
            }
            self.start(node, None);
            self.wake(node);
        }
    }

    /// A process whose lane has stopped is ended; if nobody else starts it, it starts.
    pub(super) fn replace(&mut self, node: usize) {
        self.crash_now(node, Crash::Kill);
        if self.healed {
            self.start(node, None);
        }
    }

    pub(super) fn crash_now(&mut self, node: usize, crash: Crash) {
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
        let (kind, say) = match crash {
            Crash::Kill => (Kind::Crash, "is killed: the disk keeps what was written"),
            Crash::Power => (Kind::Power, "loses its power: what was not synced may be gone"),
        };
        self.show(kind, node, || say.into());
        self.story.add(self.now, &[13, node as u64], || format!("crash {} {crash:?}", name(node)));
        self.told.push(Told::Gone { node });
        self.sockets(node, false);
    }

    /// Both ends hear that a connection has ended, and that there is another one.
    pub(super) fn hang_up(&mut self, way: &Way) {
        self.net.end(self.now, way);
        for (node, peer) in [(way.from, way.to), (way.to, way.from)] {
            if self.prng.chance(self.notice, 10_000) {
                let wait = self.prng.span(Duration::ZERO, Duration::from_millis(5));
                self.queue(wait, Happening::Link { node, peer, up: false });
                let again = wait + self.prng.span(Duration::ZERO, Duration::from_millis(20));
                self.queue(again, Happening::Link { node, peer, up: true });
            }
        }
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
