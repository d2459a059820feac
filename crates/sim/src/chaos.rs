//! What goes wrong, and when it is right again.

use crate::disk::{Crash, Moment, Sick};
use crate::draw::FaultDraw;
use crate::figure8::Figure8;
use crate::net::{Cut, Links};
use crate::rot::Rot;
use crate::script::{Act, Deed};
use crate::world::{Alarm, World};
use base::prng::Prng;
use core::time::Duration;

/// The maker of faults.
#[derive(Debug)]
pub struct Chaos {
    draw: FaultDraw,
    prng: Prng,
    /// Decides which logs go bad: beside everything else, so that the worlds where none
    /// does are what they were.
    harm: Prng,
    over: bool,
    figure8: Option<Figure8>,
    /// Who said last that it leads.
    leader: Option<usize>,
}

impl Chaos {
    /// Chaos that has not begun; its first alarm is set.
    pub fn new(draw: FaultDraw, prng: Prng, world: &mut World) -> Self {
        let harm = prng.clone().fork();
        let mut chaos = Self { draw, prng, harm, over: false, figure8: None, leader: None };
        chaos.again(world);
        chaos
    }

    /// No chaos at all: what goes wrong is written elsewhere.
    pub fn none(world: &mut World) -> Self {
        Self { over: true, ..Self::new(FaultDraw::none(), Prng::new(0), world) }
    }

    /// No more faults, also of a plan that is under way.
    pub const fn stop(&mut self) {
        self.over = true;
        self.figure8 = None;
    }

    /// The next fault is due.
    pub fn on_fault(&mut self, world: &mut World) {
        if self.over {
            return;
        }
        if self.figure8.is_some() {
            return self.again(world);
        }
        if self.prng.chance(self.draw.losses, 10_000) {
            self.lose_one(world);
            return self.again(world);
        }
        if self.prng.chance(self.draw.storms, 10_000) {
            self.storm(world);
            return self.again(world);
        }
        if self.draw.fills > 0 && self.prng.chance(self.draw.fills, 10_000) {
            self.fill(world);
            return self.again(world);
        }
        if self.prng.chance(self.draw.sick, 10_000) {
            self.sicken(world);
            return self.again(world);
        }
        if self.prng.chance(self.draw.jumps, 10_000) {
            self.jump(world);
            return self.again(world);
        }
        if let Some(leader) = self.leader.filter(|_| self.prng.chance(self.draw.isolated, 10_000)) {
            self.isolate(leader, world);
            return self.again(world);
        }
        let beyond = self.prng.chance(self.draw.beyond, 10_000);
        match self.prng.below(12) {
            5 if beyond => self.crash_all(world),
            6 if beyond => self.crash_majority(world),
            7 => self.pause(world),
            8..=11 => self.cut(world),
            _ => self.crash_one(world),
        }
        self.again(world);
    }

    /// A node comes back; sometimes it crashes while it reads its log.
    pub fn on_restart(&mut self, node: usize, world: &mut World) {
        if self.over || world.up().contains(&node) {
            return;
        }
        if self.prng.chance(self.draw.misreads, 10_000) {
            world.misread(node, self.prng.below(24));
        }
        let limit = self.prng.chance(1, 5).then(|| self.prng.between(1, 12));
        world.counts.restarts += 1;
        world.done(|| Act::Deed(Deed::Start { node, limit }));
        world.start(node, limit);
        if !world.up().contains(&node) {
            self.on_gone(node, world);
        }
    }

    /// A node is down: it comes back, at once or later.
    pub fn on_gone(&mut self, node: usize, world: &mut World) {
        if self.prng.chance(self.draw.rot_both, 10_000) {
            world.rot(node, Rot::Both);
        } else if self.harm.chance(self.draw.harm, 10_000) {
            world.rot(node, Rot::Log);
        } else if self.prng.chance(self.draw.rot, 10_000) {
            let older = self.prng.chance(1, 4);
            world.rot(node, if older { Rot::Older } else { Rot::Newest });
        }
        let most = if self.prng.chance(1, 3) { self.draw.down / 50 } else { self.draw.down };
        let wait = self.prng.span(Duration::from_millis(1), most);
        world.remind(wait, Alarm::Restart(node));
    }

    /// A new leader may be cut off as soon as it has told somebody something.
    pub fn on_leader(&mut self, node: usize, world: &mut World) {
        self.leader = Some(node);
        if let Some(figure8) = &mut self.figure8 {
            if figure8.on_leader(node, world) {
                let soon = self.prng.span(Duration::ZERO, self.draw.moment);
                world.remind(soon, Alarm::Figure8Turn);
            }
            return;
        }
        if !self.over && self.prng.chance(self.draw.figure8, 10_000) {
            self.figure8 = Some(Figure8::begin(node, world));
            return world.remind(self.draw.election * 12, Alarm::Figure8End);
        }
        if !self.over && self.prng.chance(self.draw.coups, 10_000) {
            world.counts.coups += 1;
            let soon = self.prng.span(Duration::ZERO, self.draw.election / 4);
            let soon = if self.prng.chance(1, 2) { Duration::ZERO } else { soon };
            world.remind(soon, Alarm::Isolate(node));
        }
    }

    /// The last scene of figure 8.
    pub fn on_figure8_turn(&mut self, world: &mut World) {
        if let Some(figure8) = self.figure8.as_mut().filter(|_| !self.over) {
            figure8.turn(world);
        }
    }

    /// Figure 8 is over.
    pub fn on_figure8_end(&mut self, world: &mut World) {
        if let Some(figure8) = self.figure8.take() {
            figure8.end(world);
        }
    }

    /// A node is cut off for a while.
    pub fn isolate(&mut self, node: usize, world: &mut World) {
        if !self.over {
            world.counts.isolations += 1;
            let name = world.cut(Cut::Isolate(node));
            if self.leader == Some(node) && self.prng.chance(self.draw.floods, 10_000) {
                world.remind(self.draw.election / 2, Alarm::Flood(node));
            }
            world.remind(self.prng.span(Duration::ZERO, self.draw.cut), Alarm::Mend(name));
        }
    }

    /// A node takes over a checkpoint, and may crash when it has it.
    pub fn on_behind(&mut self, node: usize, world: &mut World) {
        if !self.over && self.prng.chance(self.draw.flips, 10_000) {
            world.crash(node, self.power_or_kill(), Moment::InFlip);
        }
    }

    /// A node that followed while another one was cut off loses its disk, and
    /// the leader is cut off at once: who votes now must not forget what it held.
    pub fn on_loss(&mut self, node: usize, world: &mut World) {
        if !self.over && world.lose(node) {
            self.leader.into_iter().for_each(|leader| self.isolate(leader, world));
        }
    }

    /// Some disk is lost, at once or after another follower was away for a while.
    fn lose_one(&mut self, world: &mut World) {
        let up = world.up();
        let Some(node) = self.prng.pick(&up).copied() else { return };
        let others: Vec<usize> =
            up.into_iter().filter(|it| *it != node && Some(*it) != self.leader).collect();
        let plan = Some(node) != self.leader && self.prng.chance(2, 3);
        let Some(away) = self.prng.pick(&others).copied().filter(|_| plan) else {
            world.lose(node);
            return;
        };
        world.counts.isolations += 1;
        let name = world.cut(Cut::Isolate(away));
        world.remind(self.draw.election, Alarm::Mend(name));
        world.remind(self.draw.election * 9 / 10, Alarm::Loss(node));
    }

    /// A node crashes when it next writes, if enough others are up.
    pub fn on_doom(&mut self, node: usize, world: &mut World) {
        if !self.over && world.up().len() * 2 > world.size() + 1 {
            world.crash(node, self.power_or_kill(), Moment::InSync);
        }
    }

    fn again(&mut self, world: &mut World) {
        if self.draw.every > Duration::ZERO {
            let wait = self.prng.span(Duration::ZERO, self.draw.every * 2);
            world.remind(wait, Alarm::Fault);
        }
    }

    fn crash_one(&mut self, world: &mut World) {
        let up = world.up();
        let minority = (world.size() - 1) / 2;
        let few = world.size() - up.len() < minority.max(1);
        let allowed = few || self.prng.chance(self.draw.beyond, 10_000);
        if let Some(node) = self.prng.pick(&up).copied().filter(|_| allowed) {
            self.crash(node, world);
        }
    }

    /// A majority crashes, one node right after the other.
    fn crash_majority(&mut self, world: &mut World) {
        let up = world.up();
        for node in up.iter().take(world.size() / 2 + 1) {
            self.crash(*node, world);
        }
    }

    /// The power of the whole house.
    fn crash_all(&self, world: &mut World) {
        world.counts.blackouts += 1;
        for node in world.up() {
            world.crash(node, Crash::Power, Moment::Now);
        }
    }

    fn crash(&mut self, node: usize, world: &mut World) {
        let moments = [Moment::Now, Moment::InTurn, Moment::InSync, Moment::InSync];
        let moment = self.prng.pick(&moments).copied().unwrap_or(Moment::Now);
        world.crash(node, self.power_or_kill(), moment);
    }

    fn power_or_kill(&mut self) -> Crash {
        let power = self.prng.chance(self.draw.power, 10_000);
        if power { Crash::Power } else { Crash::Kill }
    }

    /// Nobody reaches anybody until all have lost their leader; then the nodes
    /// that vote are hit while they write their votes down.
    fn storm(&mut self, world: &mut World) {
        world.counts.storms += 1;
        let calm = self.prng.span(self.draw.election, self.draw.election * 3);
        for node in 0..world.size() {
            let name = world.cut(Cut::Isolate(node));
            world.remind(calm, Alarm::Mend(name));
        }
        for _ in 0..self.prng.below(world.size() as u64) {
            let node = self.prng.below(world.size() as u64) as usize;
            world.remind(calm * 9 / 10, Alarm::Doom(node));
        }
        if self.prng.chance(1, 2) {
            let (one, other) = self.pair(world);
            for cut in [Cut::OneWay(one, other), Cut::OneWay(other, one)] {
                let name = world.cut(cut);
                world.remind(calm * 2, Alarm::Mend(name));
            }
        }
    }

    /// One disk is full for a while, or all are.
    fn fill(&mut self, world: &mut World) {
        let all = self.prng.chance(1, 4);
        let one = self.prng.pick(&world.up()).copied();
        let up = world.up().into_iter().filter(|node| all || Some(*node) == one);
        let span = self.draw.election * 2;
        for node in up {
            world.fill(node, self.prng.below(24 << 10));
            world.remind(self.prng.span(span / 2, span * 3), Alarm::Free(node));
        }
    }

    /// Two that differ, if there are two.
    fn pair(&mut self, world: &World) -> (usize, usize) {
        let nodes = world.size() as u64;
        let (one, off) = (self.prng.below(nodes), self.prng.below((nodes - 1).max(1)));
        (one as usize, ((one + 1 + off) % nodes) as usize)
    }

    fn pause(&mut self, world: &mut World) {
        if let Some(node) = self.prng.pick(&world.up()).copied() {
            world.pause(node, self.prng.span(Duration::ZERO, self.draw.pause));
        }
    }

    /// A disk is slow, or does not answer at all: the leader's, more often than not.
    fn sicken(&mut self, world: &mut World) {
        let any = self.prng.pick(&world.up()).copied();
        let leader = self.leader.filter(|_| self.prng.chance(1, 2));
        if let Some(node) = leader.or(any) {
            let sick = if self.prng.chance(1, 2) { Sick::Slow } else { Sick::Hung };
            world.sicken(node, sick, self.prng.span(self.draw.election, self.draw.cut * 2));
        }
    }

    /// A clock jumps, by a little or by an hour.
    fn jump(&mut self, world: &mut World) {
        if let Some(node) = self.prng.pick(&world.up()).copied() {
            let far = self.prng.chance(1, 4);
            let most = if far { Duration::from_secs(3_600) } else { self.draw.election * 4 };
            world.jump(node, self.prng.span(Duration::ZERO, most));
        }
    }

    fn cut(&mut self, world: &mut World) {
        let (one, other) = self.pair(world);
        let cut = match self.prng.below(9) {
            _ if world.size() == 1 => return self.pause(world),
            0..=3 => return self.isolate(one, world),
            4 | 5 => {
                world.counts.partitions += 1;
                Cut::Links(self.links(world))
            }
            6 => {
                world.counts.flaps += 1;
                Cut::Flap(one, other, self.prng.span(self.draw.election / 8, self.draw.election))
            }
            7 => {
                world.counts.slow_links += 1;
                Cut::Slow(one, other, self.prng.span(self.draw.election / 8, self.draw.election))
            }
            _ => {
                world.counts.cuts += 1;
                Cut::OneWay(one, other)
            }
        };
        let name = world.cut(cut);
        world.remind(self.prng.span(Duration::ZERO, self.draw.cut), Alarm::Mend(name));
    }

    /// Any of all links, most often both ways.
    fn links(&mut self, world: &World) -> Links {
        let mut links = Links::default();
        let one_way = self.prng.chance(1, 3);
        for (one, other) in (0..world.size()).flat_map(|it| (0..it).map(move |other| (it, other))) {
            let (there, back) = (self.prng.chance(1, 2), self.prng.chance(1, 2));
            let back = if one_way { back } else { there };
            links = if there { links.and(one, other) } else { links };
            links = if back { links.and(other, one) } else { links };
        }
        links
    }
}
