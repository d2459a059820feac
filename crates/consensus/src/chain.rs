//! Entries of a letter that are to follow on a log: what of them is news, and
//! whether they may.

use crate::entry::{Entry, Place};
use crate::log::Log;
use alloc::vec::Vec;
use base::Index;

/// What of a letter is behind the base of `log`: all of it, usually. What is
/// below is chosen, hence known already; nothing if the letter contradicts that.
pub(crate) fn behind_base(
    log: &Log,
    prev: Place,
    mut entries: Vec<Entry>,
) -> Option<(Place, Vec<Entry>)> {
    let base = log.base();
    if prev.index >= base.index {
        return Some((prev, entries));
    }
    let at_base = entries.iter().find(|entry| entry.index == base.index);
    if at_base.is_some_and(|entry| entry.ballot != base.ballot) {
        return None;
    }
    entries.retain(|entry| entry.index > base.index);
    Some((base, entries))
}

/// What a letter says is input, not our own computation: a chain that no
/// honest leader sends is refused before anything of it is taken. Nothing in it may
/// have a later round than `round`, nor differ from `log` up to `held`.
pub(crate) fn check_entries(
    log: &Log,
    held: Index,
    round: u64,
    prev: Place,
    entries: &[Entry],
) -> Result<(), &'static str> {
    let mut before = prev;
    let mut clock = log.clock_at(prev.index).unwrap_or(0);
    for entry in entries {
        if entry.index != before.index.next() || entry.ballot < before.ballot {
            return Err("entries out of order");
        }
        if entry.ballot.round > round || entry.clock < clock {
            return Err("an entry from the future or the past");
        }
        let mine = log.entry(entry.index);
        let known = mine.filter(|mine| mine.ballot == entry.ballot);
        if mine.is_some() && known.is_none() && entry.index <= held {
            return Err("contradicts what was chosen or agreed");
        }
        before = Place { ballot: entry.ballot, index: entry.index };
        clock = known.map_or(entry.clock, |mine| mine.clock);
    }
    Ok(())
}

/// A part of another log.
pub(crate) struct Piece {
    /// The place right before the entries.
    pub(crate) prev: Place,
    /// Where that log ends.
    pub(crate) last: Place,
    pub(crate) entries: Vec<Entry>,
}
