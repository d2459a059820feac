//! Breadth first through all states, so that the first way to a broken rule is a
//! shortest one.

mod begin;

use crate::cue::Cue;
use crate::ghost::Ghost;
use crate::intern::{Interner, Map, Set};
use crate::kernel::{Kernel, Outcome};
use crate::net::{Flight, Net};
use crate::node::{NODES, Node};
use crate::rules;
use crate::scope::Scope;
use consensus::heal::{Healing, SoFar};
use consensus::letter::Letter;
use consensus::raft::message::{Message, Say};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A state of the world, by the numbers of its parts. Equal states have equal numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct State {
    nodes: [u32; 3],
    net: u32,
    ghost: u32,
}

/// One step of the world: to which node what happens.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// Where the node stands among the nodes.
    pub at: usize,
    /// What happens to it.
    pub cue: Cue,
}

/// A way from the start to a broken rule.
#[derive(Debug)]
pub struct Violation {
    /// The rule's own words.
    pub what: String,
    /// The steps, the last of which breaks it.
    pub steps: Vec<Move>,
}

/// What an exploration came to.
#[derive(Debug)]
pub struct Report {
    /// Distinct states.
    pub states: usize,
    /// Steps that were looked at.
    pub transitions: u64,
    /// How many steps lead to the state that is farthest from the start.
    pub depth: u32,
    /// How long it took.
    pub took: Duration,
    /// Distinct nodes, letters, and steps of the production code.
    pub parts: (usize, usize, usize),
    /// Whether no state is left whose steps were not looked at.
    pub exhausted: bool,
    /// The first broken rule.
    pub violation: Option<Violation>,
}

impl Report {
    /// The figures in one line.
    #[must_use]
    pub fn line(&self, scope: &Scope) -> String {
        let (nodes, letters, runs) = self.parts;
        format!(
            "{:<16} {:>9} states {:>10} transitions, depth {:>2}, {:>6.1} s ({nodes} nodes, {letters} letters, {runs} runs of a replica)",
            scope.name,
            self.states,
            self.transitions,
            self.depth,
            self.took.as_secs_f64(),
        )
    }
}

/// An exploration of one scope.
#[derive(Debug)]
pub struct Search<'a> {
    scope: &'a Scope,
    kernel: Kernel,
    nets: Interner<Net>,
    ghosts: Interner<Ghost>,
    states: Vec<State>,
    /// How each state was reached first.
    ways: Vec<(u32, Move, u32)>,
    /// The nets that were met with these nodes and this memory, but for those
    /// that are within another.
    seen: Map<([u32; 3], u32), Vec<u32>>,
    matched: Set<(u32, u32)>,
    joined: Map<(u32, Box<[u32]>), u32>,
    transitions: u64,
    expanded: usize,
    /// What broke before the start was reached.
    broken: Option<Violation>,
}

impl<'a> Search<'a> {
    /// Nothing but the start is known.
    #[must_use]
    pub fn new(scope: &'a Scope) -> Self {
        let mut search = Self {
            scope,
            kernel: Kernel::default(),
            nets: Interner::default(),
            ghosts: Interner::default(),
            states: Vec::new(),
            ways: Vec::new(),
            seen: Map::default(),
            matched: Set::default(),
            joined: Map::default(),
            transitions: 0,
            expanded: 0,
            broken: None,
        };
        let cold = search.cold();
        let mut steps = Vec::new();
        match search.start(cold, &mut steps) {
            Ok(start) => search.push(start, 0, Move { at: 0, cue: Cue::Beat }),
            Err(what) => {
                search.push(cold, 0, Move { at: 0, cue: Cue::Beat });
                search.broken = Some(Violation { what, steps });
            }
        }
        search
    }

    /// Looks at everything, up to `states_max` states.
    pub fn run(&mut self, states_max: usize) -> Report {
        let begun = Instant::now();
        let mut violation = self.broken.take();
        let mut at = 0;
        while violation.is_none() && at < self.states.len() && self.states.len() <= states_max {
            if let Err((what, last)) = self.expand(at) {
                violation = Some(Violation { what, steps: self.way(at, last) });
            }
            at += 1;
        }
        let depth = self.ways.last().map(|(.., depth)| *depth);
        Report {
            states: self.expanded,
            transitions: self.transitions,
            depth: depth.unwrap_or(0),
            took: begun.elapsed(),
            parts: (self.kernel.nodes.count(), self.kernel.letters.count(), self.kernel.runs()),
            exhausted: violation.is_none() && at == self.states.len(),
            violation,
        }
    }

    /// The letter with this number.
    #[must_use]
    pub fn letter(&self, number: u32) -> Flight {
        self.kernel.letters.get(number).as_ref().clone()
    }

    /// Takes the steps again from the start, and says what each node did; with
    /// answers to letters that changed nothing, where a later step needs them.
    pub fn replay(&mut self, steps: &[Move]) -> Vec<(Move, Rc<Outcome>)> {
        let mut told = Vec::new();
        let Some(mut state) = self.states.first().copied() else { return Vec::new() };
        for step in steps {
            if let Ok((spoken, moves)) = self.saturate(state) {
                told.extend(moves.into_iter().map(|it| self.told(state, it, true)));
                state = spoken;
            }
            told.push(self.told(state, *step, false));
            state = self.step(state, *step).unwrap_or(state);
        }
        needed(told)
    }

    fn told(&mut self, state: State, step: Move, beside: bool) -> (Move, Rc<Outcome>, bool) {
        let node = state.nodes.get(step.at).copied().unwrap_or_default();
        (step, self.kernel.outcome(node, step.cue, self.scope), beside)
    }

    fn way(&self, mut at: usize, last: Move) -> Vec<Move> {
        let mut steps = vec![last];
        while at != 0 {
            let Some((from, step, _)) = self.ways.get(at) else { break };
            steps.push(*step);
            at = *from as usize;
        }
        steps.reverse();
        steps
    }

    fn expand(&mut self, at: usize) -> Result<(), (String, Move)> {
        let Some(state) = self.states.get(at).copied() else { return Ok(()) };
        if !self.is_greatest(state) {
            return Ok(());
        }
        let (state, _) = self.saturate(state)?;
        if !self.is_greatest(state) && !self.is_news(state) {
            return Ok(());
        }
        self.expanded += 1;
        for step in self.moves(state) {
            self.transitions += 1;
            let next = self.step(state, step).map_err(|what| (what, step))?;
            if next != state && self.is_news(next) {
                self.push(next, at, step);
            }
        }
        Ok(())
    }

    fn push(&mut self, state: State, from: usize, step: Move) {
        self.states.push(state);
        let depth = self.ways.get(from).map_or(0, |(.., depth)| depth + 1);
        self.ways.push((u32::try_from(from).unwrap_or(u32::MAX), step, depth));
        self.is_news(state);
    }

    /// Whether no state that was met has all its letters and more.
    fn is_greatest(&self, state: State) -> bool {
        let nets = self.seen.get(&(state.nodes, state.ghost));
        nets.is_some_and(|nets| nets.contains(&state.net))
    }

    /// Notes the state, unless one that was met has all its letters.
    fn is_news(&mut self, state: State) -> bool {
        let nets = self.seen.entry((state.nodes, state.ghost)).or_default();
        let net = self.nets.get(state.net);
        if nets.iter().any(|old| net.within(self.nets.get(*old))) {
            return false;
        }
        nets.retain(|old| !self.nets.get(*old).within(net));
        nets.push(state.net);
        true
    }

    /// Letters that change nothing where they come but are answered: the
    /// answers may as well be on their way.
    fn saturate(&mut self, mut state: State) -> Result<(State, Vec<Move>), (String, Move)> {
        let mut spoken = Vec::new();
        loop {
            let before = state.net;
            for step in self.moves(state) {
                if !matches!(step.cue, Cue::Letter { .. }) {
                    continue;
                }
                let next = self.step(state, step).map_err(|what| (what, step))?;
                if next.nodes == state.nodes && next.ghost == state.ghost && next.net != state.net {
                    state = next;
                    spoken.push(step);
                }
            }
            if state.net == before {
                return Ok((state, spoken));
            }
        }
    }

    /// Where a step leads, if it breaks no rule.
    fn step(&mut self, state: State, step: Move) -> Result<State, String> {
        let Move { at, cue } = step;
        let before = state.nodes.get(at).copied().unwrap_or_default();
        let outcome = self.kernel.outcome(before, cue, self.scope);
        if let Some(fault) = &outcome.turn.fault {
            return Err(fault.clone());
        }
        let mut next = state;
        if let Some(node) = next.nodes.get_mut(at) {
            *node = outcome.node;
        }
        next.net = self.join(state.net, &outcome.turn.letters)?;
        next.ghost = self.observe(&next, at, cue, &outcome)?;
        if next.nodes != state.nodes {
            self.match_logs(&next, at)?;
        }
        Ok(next)
    }

    /// The letters of a turn join those on their way.
    fn join(&mut self, net: u32, letters: &[u32]) -> Result<u32, String> {
        if letters.is_empty() {
            return Ok(net);
        }
        let key = (net, Box::from(letters));
        if let Some(joined) = self.joined.get(&key) {
            return Ok(*joined);
        }
        let old = Rc::clone(self.nets.get(net));
        let mut all = old.as_ref().clone();
        for letter in letters.iter().filter(|letter| !old.has(**letter)) {
            let others = old.letters().map(|old| self.kernel.letters.get(old).as_ref());
            if let Some(twice) = rules::voted_once(self.kernel.letters.get(*letter), others) {
                return Err(twice);
            }
            all.add(*letter);
        }
        let joined = self.nets.number(all);
        self.joined.insert(key, joined);
        Ok(joined)
    }

    /// What the observer makes of a step.
    fn observe(
        &mut self,
        next: &State,
        at: usize,
        cue: Cue,
        outcome: &Outcome,
    ) -> Result<u32, String> {
        let free = matches!(cue, Cue::Letter { .. } | Cue::Sync(_) | Cue::QuorumLost);
        if free && !outcome.news && !outcome.disk {
            return Ok(next.ghost);
        }
        let old = Rc::clone(self.ghosts.get(next.ghost));
        let mut ghost = old.as_ref().clone();
        pay(&mut ghost, cue);
        if let Cue::Read(number) = cue {
            let least = ghost.chosen.len() as u64;
            ghost.reads.push((crate::node::read_id(number).0, least));
        }
        let all = next.nodes.map(|node| Rc::clone(self.kernel.nodes.get(node)));
        let [a, b, c] = &all;
        let nodes: [&Node; 3] = [a, b, c];
        if outcome.news {
            let Some(node) = nodes.get(at) else { return Ok(next.ghost) };
            let broken = rules::note(&mut ghost, nodes, node, &outcome.turn);
            broken.or_else(|| rules::complete(node, &ghost)).map_or(Ok(()), Err)?;
        }
        if outcome.disk || ghost.chosen.len() > old.chosen.len() {
            rules::electable(nodes, &ghost).map_or(Ok(()), Err)?;
        }
        Ok(if ghost == *old { next.ghost } else { self.ghosts.number(ghost) })
    }

    fn match_logs(&mut self, next: &State, at: usize) -> Result<(), String> {
        let changed = next.nodes.get(at).copied().unwrap_or_default();
        for other in next.nodes {
            let pair = (changed.min(other), changed.max(other));
            if changed != other && self.matched.insert(pair) {
                let (a, b) = (self.kernel.nodes.get(changed), self.kernel.nodes.get(other));
                rules::matching(a, b).map_or(Ok(()), Err)?;
            }
        }
        Ok(())
    }

    /// Everything that can happen next.
    fn moves(&self, state: State) -> Vec<Move> {
        let mut moves = Vec::new();
        let net = self.nets.get(state.net);
        for (at, number) in state.nodes.into_iter().enumerate() {
            let node = self.kernel.nodes.get(number);
            for letter in net.letters() {
                let flight = self.kernel.letters.get(letter);
                if flight.to == node.id && !self.asked_often(net, flight) {
                    for late in lateness(&flight.letter) {
                        moves.push(Move { at, cue: Cue::Letter { letter, late: *late } });
                    }
                }
            }
            self.own_moves(&state, at, node, &mut moves);
        }
        moves
    }

    /// A question that comes again begins a round again, without end: a leader
    /// that has begun enough of them hears no more questions.
    fn asked_often(&self, net: &Net, flight: &Flight) -> bool {
        let Letter::Raft(Message { term, say, .. }) = &flight.letter else {
            unreachable!("Raft is spoken")
        };
        let round = |number| {
            let other = self.kernel.letters.get(number);
            let Letter::Raft(Message { term: then, say, .. }) = &other.letter else {
                unreachable!("Raft is spoken")
            };
            match say {
                Say::Heartbeat { round, .. } if other.from == flight.to && then == term => *round,
                _ => 0,
            }
        };
        matches!(say, Say::ReadAsk { .. })
            && net.letters().map(round).max() >= Some(u64::from(self.scope.budget.reads))
    }

    fn own_moves(&self, state: &State, at: usize, node: &Node, moves: &mut Vec<Move>) {
        let mut push = |cue| moves.push(Move { at, cue });
        let (scope, ghost) = (self.scope, self.ghosts.get(state.ghost));
        let (left, all) = (ghost.left, scope.budget);
        let (status, pending) = (node.replica.status(), pending(node));
        let least = if scope.sync == crate::scope::Sync::Each { 1 } else { pending };
        (least.max(1)..=pending).for_each(|count| push(Cue::Sync(count)));
        let stands = scope.standing.contains(&node.id.0) && left.stands > 0;
        if stands && !status.leads || status.transfer.is_some() {
            push(Cue::Timer);
        }
        if status.leads {
            push(Cue::QuorumLost);
        }
        if status.leads && left.proposals > 0 {
            push(Cue::Propose(NEXT_COMMAND + all.proposals - left.proposals));
        }
        if left.beats > 0 {
            push(Cue::Beat);
        }
        if left.reads > 0 && status.leader.is_some() && scope.reading.contains(&node.id.0) {
            push(Cue::Read(all.reads - left.reads + 1));
        }
        if status.leads && left.transfers > 0 {
            NODES.iter().filter(|to| **to != node.id.0).for_each(|to| push(Cue::Transfer(*to)));
        }
        if left.pulls > 0 && !status.leads {
            NODES.iter().filter(|of| **of != node.id.0).for_each(|of| push(Cue::Pull(*of)));
        }
        if left.checkpoints > 0 && node.told > node.disk.checkpoint.index {
            push(Cue::Checkpoint);
        }
        if left.installs > 0 {
            self.installs(state, node).into_iter().for_each(&mut push);
        }
        let frail = scope.frail.contains(&node.id.0);
        if frail && left.crashes > 0 {
            (0..=pending).for_each(|keep| push(Cue::Crash { keep }));
        }
        if frail && left.losses > 0 {
            push(Cue::LoseDisk);
        }
        if left.heals > 0 && node.mute() && self.is_whole(state, node) {
            push(Cue::Heal);
        }
    }

    /// Whether it is whole again, if all others answer at this moment.
    fn is_whole(&self, state: &State, node: &Node) -> bool {
        let mut healing = Healing::new(0, NODES.len() - 1);
        for other in state.nodes.iter().map(|number| self.kernel.nodes.get(*number)) {
            if other.id != node.id {
                healing.on_answer(other.id, SoFar::new(0, &other.replica.status()));
            }
        }
        healing.is_whole(&node.replica.status())
    }

    fn installs(&self, state: &State, node: &Node) -> Vec<Cue> {
        let others = state.nodes.iter().map(|number| self.kernel.nodes.get(*number));
        let offered = others.filter(|other| node.replica.takes(other.disk.checkpoint));
        offered.map(|it| Cue::Install { of: it.id.0, place: it.disk.checkpoint }).collect()
    }
}

/// What happened beside the way counts only if a letter of it came later.
fn needed(told: Vec<(Move, Rc<Outcome>, bool)>) -> Vec<(Move, Rc<Outcome>)> {
    let mut came: Set<u32> = Set::default();
    let mut kept = Vec::new();
    for (step, outcome, beside) in told.into_iter().rev() {
        if beside && !outcome.turn.letters.iter().any(|letter| came.contains(letter)) {
            continue;
        }
        if let Cue::Letter { letter, .. } = step.cue {
            came.insert(letter);
        }
        kept.push((step, outcome));
    }
    kept.reverse();
    kept
}

/// Two commands may have been given before the start.
const NEXT_COMMAND: u8 = 3;

fn pending(node: &Node) -> u8 {
    u8::try_from(node.pending.len()).unwrap_or(u8::MAX)
}

/// A vote, or a part of the log, is refused in silence while a leader is heard, so only the late one is
/// of interest; a pre-vote is refused with an answer.
const fn lateness(letter: &Letter) -> &'static [bool] {
    match letter {
        Letter::Raft(Message { say: Say::Vote { .. } | Say::Pull { .. }, .. }) => &[true],
        Letter::Raft(Message { say: Say::PreVote { .. }, .. }) => &[false, true],
        Letter::Raft(_) | Letter::Paxos(_) | Letter::Zab(_) => &[false],
    }
}

/// What happens is taken from what may happen.
const fn pay(ghost: &mut Ghost, cue: Cue) {
    let left = &mut ghost.left;
    let spent = match cue {
        Cue::Timer => &mut left.stands,
        Cue::Propose(_) => &mut left.proposals,
        Cue::Crash { .. } => &mut left.crashes,
        Cue::Beat => &mut left.beats,
        Cue::Read(_) => &mut left.reads,
        Cue::Transfer(_) => &mut left.transfers,
        Cue::Pull(_) => &mut left.pulls,
        Cue::Checkpoint => &mut left.checkpoints,
        Cue::Install { .. } => &mut left.installs,
        Cue::LoseDisk => &mut left.losses,
        Cue::Heal => &mut left.heals,
        Cue::Letter { .. } | Cue::Sync(_) | Cue::QuorumLost => return,
    };
    *spent = spent.saturating_sub(1);
}
