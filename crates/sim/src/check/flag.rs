//! Is there one order, in real time, in which a thing was there and not there
//! as everybody was told? Without any log: only what callers saw counts.
//!
//! This is the search of Wing and Gong ("Testing and verifying concurrent
//! objects", 1993) for one bit, done as Lowe does it ("Testing for
//! linearizability", 2017): call by call as they end, with all the states that
//! are possible then.

use crate::history::At;
use std::collections::BTreeSet;

/// More possible states than this are not followed.
const STATES_MAX: usize = 20_000;

/// What a call says of the thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// It was seen to be there, or not.
    See(bool),
    /// It came or went; it had been as `from` before.
    Turn {
        /// Whether it was there.
        from: bool,
    },
    /// It is there now, or not, whatever was before. With an end that nobody
    /// knows it may also never happen.
    Perhaps {
        /// Whether it is there now.
        to: bool,
    },
}

/// A call about the thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Its place in the history.
    pub place: usize,
    /// What it says.
    pub act: Act,
    /// When it began.
    pub begin: At,
    /// When it was answered, if it was.
    pub end: Option<At>,
}

/// The thing there or not, and the calls under way that took effect already.
type State = (bool, Taken);

/// Places of calls under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Taken([u64; PLACES_MAX / 64]);

/// More calls under way at one time are not followed: each that may take effect
/// doubles the states, so these are too many long before.
const PLACES_MAX: usize = 256;

impl Taken {
    fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    fn with(mut self, place: usize) -> Self {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
        self
    }

    fn without(mut self, place: usize) -> Self {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word &= !(1 << (place % 64));
        }
        self
    }
}

/// The first call that fits no order; the thing is not there at first, and goes
/// to `drift` by itself at any time.
#[must_use]
pub fn misfit(calls: &[Call], drift: bool) -> Option<Call> {
    let begins = calls.iter().enumerate().map(|(it, call)| (call.begin, false, it));
    let ends = calls.iter().enumerate().filter_map(|(it, call)| Some((call.end?, true, it)));
    let mut moments: Vec<(At, bool, usize)> = begins.chain(ends).collect();
    moments.sort_unstable();
    // Each call under way has a place of its own, which the next one gets after it.
    let mut under_way: [Option<usize>; PLACES_MAX] = [None; PLACES_MAX];
    let mut states: BTreeSet<State> = BTreeSet::from([(false, Taken::default())]);
    for (_, ends, it) in moments {
        let wanted = ends.then_some(it);
        let place = under_way.iter().position(|call| *call == wanted)?;
        if ends {
            states = ending(calls, place, &under_way, states, drift)?;
            if states.is_empty() {
                return calls.get(it).copied();
            }
        }
        let call = (!ends).then_some(it);
        under_way.iter_mut().skip(place).take(1).for_each(|here| *here = call);
    }
    None
}

/// The states that are possible when the call at this place has ended; `None` if
/// they are too many.
fn ending(
    calls: &[Call],
    ending: usize,
    under_way: &[Option<usize>],
    states: BTreeSet<State>,
    drift: bool,
) -> Option<BTreeSet<State>> {
    let acts = under_way.iter().enumerate().filter_map(|(place, it)| {
        let call = calls.get((*it)?)?;
        Some((place, call.act))
    });
    let acts: Vec<(usize, Act)> = acts.collect();
    let mut todo: Vec<State> = states.iter().copied().collect();
    let (mut after, mut seen) = (BTreeSet::new(), states);
    while let Some((there, taken)) = todo.pop() {
        if taken.has(ending) {
            after.insert((there, taken.without(ending)));
            continue;
        }
        for (place, act) in acts.iter().filter(|(place, _)| !taken.has(*place)) {
            for now in [there, drift].into_iter().filter_map(|before| does(*act, before)) {
                let next = (now, taken.with(*place));
                if seen.insert(next) {
                    todo.push(next);
                }
            }
        }
        if seen.len() > STATES_MAX {
            return None;
        }
    }
    Some(after)
}

fn does(act: Act, there: bool) -> Option<bool> {
    match act {
        Act::See(seen) => (seen == there).then_some(there),
        Act::Turn { from } => (from == there).then_some(!there),
        Act::Perhaps { to } => Some(to),
    }
}

#[cfg(test)]
mod tests {
    use super::super::made::at;
    use super::*;
    use Act::{Perhaps, See, Turn};

    fn call(act: Act, begin: u64, end: u64) -> Call {
        let end = (end > 0).then(|| at(end));
        Call { place: 0, act, begin: at(begin), end }
    }

    fn good(calls: &[Call]) -> bool {
        misfit(calls, false).is_none()
    }

    #[test]
    fn what_came_is_there_until_it_goes() {
        let came = call(Turn { from: false }, 1, 2);
        assert!(good(&[came, call(See(true), 3, 4), call(See(false), 5, 6)]));
        assert!(!good(&[call(See(true), 1, 2)]), "nothing came");
        assert!(!good(&[came, call(See(false), 3, 4), call(See(true), 5, 6)]), "it came back");
        assert!(!good(&[call(See(true), 3, 4), call(Turn { from: false }, 5, 6)]), "too late");
    }

    #[test]
    fn what_overlaps_may_be_in_any_order() {
        let came = call(Turn { from: false }, 1, 9);
        assert!(good(&[came, call(See(false), 2, 3), call(See(true), 4, 5)]));
        assert!(!good(&[
            came,
            call(See(true), 2, 3),
            call(See(false), 4, 5),
            call(See(true), 6, 7)
        ]));
        let gone = call(Turn { from: true }, 10, 20);
        assert!(good(&[came, gone, call(See(true), 11, 30), call(See(false), 12, 13)]));
    }

    #[test]
    fn what_nobody_knows_the_end_of_may_happen_late_or_never() {
        let came = call(Perhaps { to: true }, 1, 0);
        assert!(good(&[came, call(See(false), 5, 6), call(See(true), 7, 8)]));
        assert!(good(&[came, call(See(false), 5, 6)]));
        assert!(!good(&[
            came,
            call(See(true), 5, 6),
            call(See(false), 7, 8),
            call(See(true), 9, 10)
        ]));
    }

    #[test]
    fn what_comes_by_itself_goes_when_it_is_sent_away() {
        let alarm = |calls: &[Call]| misfit(calls, true).is_none();
        let gone = call(Turn { from: true }, 3, 4);
        assert!(alarm(&[call(See(true), 1, 2), gone, call(See(false), 5, 6)]));
        assert!(!alarm(&[call(See(true), 1, 2), call(See(false), 5, 6)]));
    }
}
