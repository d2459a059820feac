//! A node in one state is fed one input once, however many worlds it is in.

use crate::cue::Cue;
use crate::intern::{Interner, Map};
use crate::net::Flight;
use crate::node::{Node, Turn};
use crate::rules;
use crate::scope::Scope;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// What a cue makes of a node.
#[derive(Debug)]
pub struct Outcome {
    /// The node that comes of it, by number.
    pub node: u32,
    /// What else.
    pub turn: Turn,
    /// Whether what a recovery would find changed.
    pub disk: bool,
    /// Whether the observer must hear of it.
    pub news: bool,
}

/// All nodes and letters that were met, and what came of every cue.
#[derive(Debug, Default)]
pub struct Kernel {
    /// The nodes.
    pub nodes: Interner<Node>,
    /// The letters.
    pub letters: Interner<Flight>,
    outcomes: Map<(u32, Cue), Rc<Outcome>>,
}

impl Kernel {
    /// What `cue` makes of the node.
    pub fn outcome(&mut self, node: u32, cue: Cue, scope: &Scope) -> Rc<Outcome> {
        if let Some(outcome) = self.outcomes.get(&(node, cue)) {
            return Rc::clone(outcome);
        }
        let outcome = Rc::new(self.run(node, cue, scope));
        self.outcomes.insert((node, cue), Rc::clone(&outcome));
        outcome
    }

    /// How often the production code was run.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.outcomes.len()
    }

    fn run(&mut self, number: u32, cue: Cue, scope: &Scope) -> Outcome {
        let before = Rc::clone(self.nodes.get(number));
        let letters = &mut self.letters;
        let act = AssertUnwindSafe(|| {
            let mut after = before.as_ref().clone();
            let turn = after.act(&cue, scope, letters);
            (after, turn)
        });
        let (after, mut turn) = match catch_unwind(act) {
            Ok(done) => done,
            Err(panic) => {
                let fault = said(panic.as_ref());
                let turn = Turn::broken(fault);
                return Outcome { node: number, turn, disk: false, news: false };
            }
        };
        let asked = match cue {
            Cue::Letter { letter, .. } => Some(self.letters.get(letter).as_ref()),
            _ => None,
        };
        let fault = rules::of_step(&before, &after, asked, &turn);
        turn.fault = turn.fault.take().or(fault);
        let (old, new) = (before.replica.status(), after.replica.status());
        let leads = new.leads && (!old.leads || old.ballot != new.ballot);
        let told = !turn.committed.is_empty() || turn.restored.is_some();
        let news = leads || told || !turn.answers.is_empty();
        let disk = before.disk != after.disk || before.lost != after.lost;
        Outcome { node: self.nodes.number(after), turn, disk, news }
    }
}

/// What a panic said: an invariant's name and text, usually.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
