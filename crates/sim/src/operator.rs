//! One who runs the cluster: moves leadership about, stops nodes in good order
//! and takes backups, all while everything else goes on.

use crate::caller::KEYSPACE;
use crate::check::backup;
use crate::disk::{Crash, Moment};
use crate::script::{Act, Deed};
use crate::world::{Alarm, World};
use base::AskId;
use base::prng::Prng;
use core::time::Duration;
use node::event::{Answer, Ask};
use std::collections::BTreeMap;

/// The operator.
#[derive(Debug)]
pub struct Operator {
    prng: Prng,
    /// The time between two deeds, on average; zero is none at all.
    every: Duration,
    over: bool,
    /// Who said last that it leads.
    leader: Option<usize>,
    /// What was asked, and which node.
    waiting: BTreeMap<AskId, usize>,
}

impl Operator {
    /// An operator who has done nothing yet; the first alarm is set.
    pub fn new(every: Duration, prng: Prng, world: &mut World) -> Self {
        let (leader, waiting) = (None, BTreeMap::new());
        let mut operator = Self { prng, every, over: false, leader, waiting };
        operator.again(world);
        operator
    }

    /// Nothing more is done.
    pub const fn stop(&mut self) {
        self.over = true;
    }

    /// Somebody leads.
    pub const fn on_leader(&mut self, node: usize) {
        self.leader = Some(node);
    }

    /// The next deed is due.
    pub fn on_alarm(&mut self, world: &mut World) {
        if self.over {
            return;
        }
        match self.prng.below(4) {
            0 | 1 => self.move_leader(world),
            2 => self.back_up(world),
            _ => self.ask_to_leave(world),
        }
        self.again(world);
    }

    /// An answer came; says whether it was the operator's.
    pub fn on_answer(&mut self, id: AskId, answer: &Answer, world: &mut World) -> bool {
        let Some(node) = self.waiting.remove(&id) else { return false };
        if let Answer::Snapshot(snapshot) = answer {
            match backup::thaw(snapshot.clone(), KEYSPACE) {
                Ok(state) => {
                    world.counts.backups += 1;
                    world.compare(node, state);
                }
                Err(violation) => world.found.push(violation),
            }
        }
        true
    }

    /// A node has handed over what it led, or waited long enough for that.
    pub fn on_left(&mut self, node: usize, world: &mut World) {
        if !self.over {
            world.counts.stops += 1;
            world.crash(node, Crash::Kill, Moment::Now);
        }
    }

    /// Most often the one who can do it is asked, sometimes any other.
    fn move_leader(&mut self, world: &mut World) {
        let any = self.prng.pick(&world.up()).copied();
        let asked = self.leader.filter(|_| self.prng.chance(7, 8)).or(any);
        let to = self.prng.below(world.size() as u64) as usize;
        if let Some(node) = asked {
            self.act(&Deed::Move { node, to }, world);
        }
    }

    /// Does what a script says, if it is the operator's to do.
    pub fn act(&mut self, deed: &Deed, world: &mut World) {
        match *deed {
            Deed::Move { node, to } => {
                world.counts.moves += 1;
                let to = world.id(to);
                world.done(|| Act::Deed(deed.clone()));
                self.ask(node, Ask::MoveLeader { to }, world);
            }
            Deed::Backup { node } => {
                world.done(|| Act::Deed(deed.clone()));
                self.ask(node, Ask::Snapshot { keyspace: KEYSPACE }, world);
            }
            _ => {}
        }
    }

    fn back_up(&mut self, world: &mut World) {
        if let Some(node) = self.prng.pick(&world.up()).copied() {
            self.act(&Deed::Backup { node }, world);
        }
    }

    /// A node is to stop in good order, if enough others are up.
    fn ask_to_leave(&mut self, world: &mut World) {
        let up = world.up();
        if let Some(node) = self.prng.pick(&up).filter(|_| up.len() * 2 > world.size() + 1) {
            world.leave(*node);
        }
    }

    fn ask(&mut self, node: usize, ask: Ask, world: &mut World) {
        if let Some(id) = world.ask(node, ask) {
            self.waiting.insert(id, node);
        }
    }

    fn again(&mut self, world: &mut World) {
        if self.every > Duration::ZERO {
            let wait = self.prng.span(Duration::ZERO, self.every * 2);
            world.remind(wait, Alarm::Operator);
        }
    }
}
