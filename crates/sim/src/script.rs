//! What may be done to a world, as data: recorded from a run, written by a
//! person, or what is left of a run that was made small.

use crate::disk::{Crash, Moment, Sick};
use crate::history::{What, name};
use crate::net::Cut;
use crate::rot::Rot;
use base::Time;
use core::fmt;
use core::time::Duration;

/// Something that is done to the world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// A node crashes.
    Crash {
        /// Which node.
        node: usize,
        /// What is left of what it wrote.
        crash: Crash,
        /// When, exactly.
        moment: Moment,
    },
    /// A node starts; with a limit it crashes again after so many disk operations.
    Start {
        /// Which node.
        node: usize,
        /// After how many operations.
        limit: Option<u64>,
    },
    /// A process stops for a while.
    Pause {
        /// Which node.
        node: usize,
        /// For how long.
        span: Duration,
    },
    /// A clock jumps ahead.
    Jump {
        /// Whose.
        node: usize,
        /// By how much.
        span: Duration,
    },
    /// A disk is slow or hangs for a while.
    Sicken {
        /// Whose.
        node: usize,
        /// How.
        sick: Sick,
        /// For how long.
        span: Duration,
    },
    /// A read fails when a node starts the next time.
    Misread {
        /// Which node.
        node: usize,
        /// Behind how many others.
        after: u64,
    },
    /// The network is cut.
    Cut {
        /// What the cut is called.
        name: u64,
        /// What does not come through.
        cut: Cut,
    },
    /// A cut ends.
    Mend {
        /// What it is called.
        name: u64,
    },
    /// A disk is full, up to so many bytes.
    Fill {
        /// Whose.
        node: usize,
        /// How many bytes are left.
        rest: u64,
    },
    /// A disk has room again.
    Free {
        /// Whose.
        node: usize,
    },
    /// A disk is gone, and all that it held.
    Lose {
        /// Whose.
        node: usize,
    },
    /// A checkpoint goes bad on the disk of a node that is down.
    Rot {
        /// Whose.
        node: usize,
        /// Which checkpoint.
        rot: Rot,
    },
    /// A node is to stop in good order.
    Leave {
        /// Which node.
        node: usize,
    },
    /// A node is asked to hand leadership to another one.
    Move {
        /// Which node is asked.
        node: usize,
        /// Who is to lead.
        to: usize,
    },
    /// A backup is taken.
    Backup {
        /// At which node.
        node: usize,
    },
}

/// Something that is done, by the world or by those who call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// To the world.
    Deed(Deed),
    /// A request.
    Call {
        /// Whose.
        client: usize,
        /// At which node.
        node: usize,
        /// What is asked.
        what: What,
    },
}

/// An act and when it is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// When.
    pub at: Time,
    /// What.
    pub act: Act,
}

/// Steps that belong together, like a cut and its end.
pub type Unit = Vec<Step>;

/// Puts together what is senseless apart: a crash and the next start of its
/// node, a cut and its end, a full disk and its room.
#[must_use]
pub fn units(steps: Vec<Step>) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for step in steps {
        let open = units.iter_mut().rev().find(|unit| {
            unit.len() == 1 && unit.first().is_some_and(|first| ends(&first.act, &step.act))
        });
        match open {
            Some(unit) => unit.push(step),
            None => units.push(vec![step]),
        }
    }
    units
}

/// Whether the second act ends what the first began.
fn ends(first: &Act, second: &Act) -> bool {
    let (Act::Deed(first), Act::Deed(second)) = (first, second) else { return false };
    match (first, second) {
        (Deed::Crash { node, .. } | Deed::Lose { node }, Deed::Start { node: again, .. })
        | (Deed::Fill { node, .. }, Deed::Free { node: again }) => node == again,
        (Deed::Cut { name, .. }, Deed::Mend { name: again }) => name == again,
        _ => false,
    }
}

/// All steps of the units, in their order.
#[must_use]
pub fn steps<'a>(units: impl IntoIterator<Item = &'a Unit>) -> Vec<Step> {
    let mut steps: Vec<Step> = units.into_iter().flatten().cloned().collect();
    steps.sort_by_key(|step| step.at);
    steps
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { node, crash, moment } => {
                let how = match crash {
                    Crash::Kill => "is killed",
                    Crash::Power => "loses its power",
                };
                let when = match moment {
                    Moment::Now => "",
                    Moment::InTurn => " in the middle of its next turn",
                    Moment::InSync => " during its next disk operation",
                    Moment::InFlip => " as its next checkpoint becomes current",
                };
                write!(f, "{} {how}{when}", name(*node))
            }
            Self::Start { node, limit: None } => write!(f, "{} starts", name(*node)),
            Self::Start { node, limit: Some(_) } => {
                write!(f, "{} starts, and may crash while it reads its log", name(*node))
            }
            Self::Pause { node, span } => write!(f, "{} stands still for {span:.1?}", name(*node)),
            Self::Jump { node, span } => {
                write!(f, "the clock of {} jumps ahead by {span:.1?}", name(*node))
            }
            Self::Sicken { node, sick: Sick::Slow, span } => {
                write!(f, "the disk of {} is slow for {span:.1?}", name(*node))
            }
            Self::Sicken { node, sick: Sick::Hung, span } => {
                write!(f, "the disk of {} hangs for {span:.1?}", name(*node))
            }
            Self::Misread { node, .. } => {
                write!(f, "a read fails when {} starts the next time", name(*node))
            }
            Self::Cut { cut, .. } => cut.fmt(f),
            Self::Mend { .. } => f.write_str("a cut is mended"),
            Self::Fill { node, .. } => write!(f, "the disk of {} is full", name(*node)),
            Self::Free { node } => write!(f, "the disk of {} has room again", name(*node)),
            Self::Lose { node } => write!(f, "the disk of {} is lost", name(*node)),
            Self::Rot { node, rot } => {
                let which = match rot {
                    Rot::Newest => "the newest checkpoint",
                    Rot::Older => "the older checkpoint",
                    Rot::Both => "both checkpoints",
                    Rot::Log => "some of the log",
                };
                write!(f, "{which} on the disk of {} rot", name(*node))
            }
            Self::Leave { node } => write!(f, "{} is to stop in good order", name(*node)),
            Self::Move { node, to } => {
                write!(f, "{} is asked to let {} lead", name(*node), name(*to))
            }
            Self::Backup { node } => write!(f, "a backup is taken at {}", name(*node)),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Isolate(node) => write!(f, "{} is cut off", name(node)),
            Self::OneWay(from, to) => {
                write!(f, "nothing gets from {} to {}", name(from), name(to))
            }
            Self::Links(links) => {
                let said: Vec<String> = links
                    .all()
                    .map(|(from, to)| format!("{} to {}", name(from), name(to)))
                    .collect();
                write!(f, "nothing gets from {}", said.join(", "))
            }
            Self::Flap(one, other, turn) => {
                write!(f, "the link of {} and {} flaps every {turn:.1?}", name(one), name(other))
            }
            Self::Slow(one, other, late) => {
                write!(f, "the link of {} and {} is late by {late:.1?}", name(one), name(other))
            }
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deed(deed) => deed.fmt(f),
            Self::Call { client, node, what } => {
                let who = match *client {
                    usize::MAX => "somebody".into(),
                    client => format!("caller {}", client + 1),
                };
                write!(f, "{who} asks {}: {what}", name(*node))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(at: u64, deed: Deed) -> Step {
        Step { at: Time(at), act: Act::Deed(deed) }
    }

    #[test]
    fn what_belongs_together_stays_together() {
        let crash = |node| Deed::Crash { node, crash: Crash::Kill, moment: Moment::Now };
        let start = |node| Deed::Start { node, limit: None };
        let cut = |name| Deed::Cut { name, cut: Cut::Isolate(0) };
        let all = vec![
            step(1, crash(0)),
            step(2, cut(7)),
            step(3, start(0)),
            step(4, crash(0)),
            step(5, Deed::Mend { name: 7 }),
            step(6, start(0)),
        ];
        let units = units(all.clone());
        let times: Vec<Vec<u64>> =
            units.iter().map(|unit| unit.iter().map(|it| it.at.0).collect()).collect();
        assert_eq!(times, [vec![1, 3], vec![2, 5], vec![4, 6]]);
        assert_eq!(steps(&units), all);
    }
}
