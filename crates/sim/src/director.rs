//! Who sees to it that what a scenario says is done, at the nodes that it means.

use crate::disk::{Crash, Moment, Sick};
use crate::net::Cut;
use crate::operator::Operator;
use crate::scenario::{Order, Scenario, Scene, Who};
use crate::script::{Act, Deed};
use crate::world::{Alarm, World};

/// The director.
#[derive(Debug)]
pub struct Director {
    scenes: Vec<Scene>,
    over: bool,
    /// Who said last that it leads.
    leader: Option<usize>,
    /// The cuts that stand, each with those whom it was ordered for.
    cuts: Vec<(u64, Vec<usize>)>,
}

impl Director {
    /// Nothing is done yet; the scenes are due at their times.
    pub fn new(scenario: Scenario, world: &mut World) -> Self {
        for (number, scene) in scenario.scenes.iter().enumerate() {
            world.remind_at(base::Time::ZERO + scene.at, Alarm::Scene(number));
        }
        Self { scenes: scenario.scenes, over: false, leader: None, cuts: Vec::new() }
    }

    /// Nothing more is done.
    pub const fn stop(&mut self) {
        self.over = true;
    }

    /// Somebody leads.
    pub const fn on_leader(&mut self, node: usize) {
        self.leader = Some(node);
    }

    /// A scene begins.
    pub fn on_scene(&mut self, number: usize, world: &mut World, operator: &mut Operator) {
        let Some(scene) = self.scenes.get(number).cloned().filter(|_| !self.over) else { return };
        match scene.order {
            Order::Kill(who) => self.crash(&who, Crash::Kill, world),
            Order::Power(who) => self.crash(&who, Crash::Power, world),
            Order::Start(who) => self.each(&who, world, |node, world| {
                world.done(|| Act::Deed(Deed::Start { node, limit: None }));
                world.act(&Deed::Start { node, limit: None });
            }),
            Order::Pause(who, span) => {
                self.each(&who, world, |node, world| world.pause(node, span))
            }
            Order::Slow(who, span) => {
                self.each(&who, world, |node, world| world.sicken(node, Sick::Slow, span))
            }
            Order::Hang(who, span) => {
                self.each(&who, world, |node, world| world.sicken(node, Sick::Hung, span))
            }
            Order::Jump(who, span) => self.each(&who, world, |node, world| world.jump(node, span)),
            Order::Isolate(who) => self.isolate(&who, world),
            Order::Between(one, other) => {
                self.one_way(&one, &other, world);
                self.one_way(&other, &one, world);
            }
            Order::OneWay(from, to) => self.one_way(&from, &to, world),
            Order::Mend(who) => self.mend(who.as_ref(), world),
            Order::Fill(who) => self.each(&who, world, |node, world| world.fill(node, 4 << 10)),
            Order::Free(who) => self.each(&who, world, |node, world| world.free(node)),
            Order::Lose(who) => self.each(&who, world, |node, world| {
                world.lose(node);
            }),
            Order::Leave(who) => self.each(&who, world, |node, world| world.leave(node)),
            Order::Move(who) => {
                let from = self.nodes(&Who::Leader, world).first().copied().unwrap_or_default();
                let to = self.nodes(&who, world).first().copied().unwrap_or_default();
                operator.act(&Deed::Move { node: from, to }, world);
            }
        }
    }

    /// Who is meant: a leader that is not known yet is the first node.
    fn nodes(&self, who: &Who, world: &World) -> Vec<usize> {
        let leader = self.leader.unwrap_or(0);
        match who {
            Who::Node(node) => vec![*node],
            Who::Leader => vec![leader],
            Who::Follower(number) => {
                (0..world.size()).filter(|it| *it != leader).skip(*number).take(1).collect()
            }
            Who::Others => (0..world.size()).filter(|it| *it != leader).skip(1).collect(),
            Who::All => (0..world.size()).collect(),
        }
    }

    fn each(&self, who: &Who, world: &mut World, act: impl Fn(usize, &mut World)) {
        self.nodes(who, world).into_iter().for_each(|node| act(node, world));
    }

    fn crash(&self, who: &Who, crash: Crash, world: &mut World) {
        self.each(who, world, |node, world| world.crash(node, crash, Moment::Now));
    }

    fn isolate(&mut self, who: &Who, world: &mut World) {
        for node in self.nodes(who, world) {
            world.counts.isolations += 1;
            let name = world.cut(Cut::Isolate(node));
            self.cuts.push((name, vec![node]));
        }
    }

    fn one_way(&mut self, from: &Who, to: &Who, world: &mut World) {
        for from in self.nodes(from, world) {
            for to in self.nodes(to, world).into_iter().filter(|to| *to != from) {
                world.counts.cuts += 1;
                let name = world.cut(Cut::OneWay(from, to));
                self.cuts.push((name, vec![from, to]));
            }
        }
    }

    /// Ends the cuts of some node, or all.
    fn mend(&mut self, who: Option<&Who>, world: &mut World) {
        let nodes = who.map(|who| self.nodes(who, world));
        let ends = |cut: &[usize]| {
            nodes.as_ref().is_none_or(|nodes| cut.iter().any(|node| nodes.contains(node)))
        };
        self.cuts.retain(|(name, cut)| {
            let over = ends(cut);
            if over {
                world.mend(*name);
            }
            !over
        });
    }
}
