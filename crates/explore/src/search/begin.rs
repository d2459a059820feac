//! Where a search begins: cold, or behind what a scope wants to have happened
//! already. That is made by the same steps as everything else.

use super::{Move, Search, State, pending};
use crate::cue::Cue;
use crate::ghost::Ghost;
use crate::intern::Set;
use crate::net::Net;
use crate::node::{NODES, Node};
use crate::scope::Start;
use consensus::letter::Letter;
use consensus::raft::message::{Message, Say};

impl Search<'_> {
    pub(super) fn cold(&mut self) -> State {
        let nodes = NODES.map(|id| self.kernel.nodes.number(Node::new(id)));
        let net = self.nets.number(Net::default());
        let ghost = Ghost { left: self.scope.budget, ..Ghost::default() };
        State { nodes, net, ghost: self.ghosts.number(ghost) }
    }

    /// The start is made by the same steps as everything else.
    pub(super) fn start(&mut self, cold: State, steps: &mut Vec<Move>) -> Result<State, String> {
        let mut state = cold;
        if self.scope.start == Start::Cold {
            return Ok(state);
        }
        for cue in [Cue::Timer, Cue::Beat, Cue::Beat] {
            self.settle(&mut state, cue, steps)?;
        }
        state = self.quiet(state);
        if self.scope.start == Start::Parted {
            self.part(&mut state, steps)?;
            state = self.pause(state);
        }
        Ok(state)
    }

    /// n1 alone has two commands of the first ballot, n2 alone the opening entry
    /// of the second, which n1 knows of.
    fn part(&mut self, state: &mut State, steps: &mut Vec<Move>) -> Result<(), String> {
        let script = [
            (0, Cue::Propose(1)),
            (0, Cue::Propose(2)),
            (0, Cue::Sync(2)),
            (1, Cue::Timer),
            (1, Cue::Sync(1)),
        ];
        for (at, cue) in script {
            self.take(state, Move { at, cue }, steps)?;
        }
        self.take_votes(state, 2, steps)?;
        self.take(state, Move { at: 0, cue: Cue::QuorumLost }, steps)?;
        self.take_votes(state, 0, steps)
    }

    /// The node gets every letter about votes, the second node its answers, and
    /// all disks sync.
    fn take_votes(
        &mut self,
        state: &mut State,
        voter: usize,
        steps: &mut Vec<Move>,
    ) -> Result<(), String> {
        let mut done: Set<(usize, Cue)> = Set::default();
        loop {
            let next = self.moves(*state).into_iter().find(|step| match step.cue {
                Cue::Letter { letter, .. } => {
                    let Letter::Raft(Message { say, .. }) = &self.kernel.letters.get(letter).letter
                    else {
                        unreachable!("Raft is spoken")
                    };
                    let asked = step.at == voter && matches!(say, Say::Vote { .. });
                    let told = step.at == 1 && matches!(say, Say::VoteAnswer { .. });
                    (asked || told) && !done.contains(&(step.at, step.cue))
                }
                Cue::Sync(_) => true,
                _ => false,
            });
            let Some(step) = next else { return Ok(()) };
            if matches!(step.cue, Cue::Letter { .. }) {
                done.insert((step.at, step.cue));
            }
            self.take(state, step, steps)?;
        }
    }

    fn take(&mut self, state: &mut State, step: Move, steps: &mut Vec<Move>) -> Result<(), String> {
        steps.push(step);
        *state = self.step(*state, step)?;
        Ok(())
    }

    /// The first node does something, and all that follows happens at once.
    fn settle(&mut self, state: &mut State, cue: Cue, steps: &mut Vec<Move>) -> Result<(), String> {
        let mut next = Some(Move { at: 0, cue });
        let mut done: Set<(usize, Cue)> = Set::default();
        while let Some(step) = next {
            self.take(state, step, steps)?;
            done.insert((step.at, step.cue));
            let synced = |step: &Move, count| {
                let node = state.nodes.get(step.at).copied().unwrap_or_default();
                count == pending(self.kernel.nodes.get(node))
            };
            let follows = self.moves(*state).into_iter().filter(|step| match step.cue {
                Cue::Sync(count) => synced(step, count),
                Cue::Letter { .. } => !done.contains(&(step.at, step.cue)),
                _ => false,
            });
            next = follows.max_by_key(|step| matches!(step.cue, Cue::Sync(_)));
        }
        Ok(())
    }

    /// All letters are lost, and nothing is spent.
    fn quiet(&mut self, state: State) -> State {
        let net = self.nets.number(Net::default());
        State { net, ..self.pause(state) }
    }

    /// Nothing is spent.
    fn pause(&mut self, state: State) -> State {
        let mut ghost = self.ghosts.get(state.ghost).as_ref().clone();
        ghost.left = self.scope.budget;
        State { ghost: self.ghosts.number(ghost), ..state }
    }
}
