//! Was every watcher told what it asked for: whole, in order, once, without a gap?

use super::Violation;
use super::model::inside;
use super::replay::Replay;
use crate::history::{Batch, Tale};
use base::Revision;
use kv::command::Change;
use std::collections::BTreeSet;

/// Judges a watcher's tale against the log.
#[must_use]
pub fn check(tale: &Tale, replay: &Replay) -> Option<Violation> {
    let from = tale.from?;
    let last = tale.told.last().map_or(Revision::ZERO, |(revision, _)| *revision);
    let wanted = wanted(tale, replay, from, last);
    let compacted: BTreeSet<Revision> = replay.compactions().map(|(_, at)| at).collect();
    let fits = |wanted: &Batch, told: &Batch| is(wanted, told, compacted.contains(&told.0));
    let differs = wanted.iter().zip(&tale.told).position(|(wanted, told)| !fits(wanted, told));
    let place = differs
        .or_else(|| (wanted.len() != tale.told.len()).then(|| wanted.len().min(tale.told.len())));
    if let Some(place) = place {
        return wrong(
            tale,
            format!("batch {place}: {:?} instead of {:?}", tale.told.get(place), wanted.get(place)),
        );
    }
    progress(tale, replay, from).or_else(|| broken_off(tale, replay, from))
}

/// Judges whether a watcher was told everything up to the end.
#[must_use]
pub fn whole(tale: &Tale, replay: &Replay) -> Option<Violation> {
    let from = tale.from.filter(|_| tale.compacted.is_none())?;
    let count = wanted(tale, replay, from, replay.model.revision()).len();
    let what = || format!("{} batches of {count}", tale.told.len());
    (count != tale.told.len()).then(|| wrong(tale, what())).flatten()
}

fn wrong(tale: &Tale, what: String) -> Option<Violation> {
    Some(Violation::new("watch", format!("watcher {} from {:?}: {what}", tale.watcher, tale.from)))
}

/// What this watcher must be told of the revisions from one to another.
fn wanted(tale: &Tale, replay: &Replay, from: Revision, to: Revision) -> Vec<Batch> {
    let inside = |(revision, _): &&Batch| (from..=to).contains(revision);
    replay.model.history().iter().filter(inside).filter_map(|it| select(tale, it)).collect()
}

/// Whether it is this batch that was told. At a compacted revision the pairs
/// before may not be kept any more.
fn is(wanted: &Batch, told: &Batch, compacted: bool) -> bool {
    let same = |(wanted, told): (&Change, &Change)| {
        let known = told.previous.is_none() && compacted || told.previous == wanted.previous;
        known && told.kv == wanted.kv && told.deleted == wanted.deleted
    };
    wanted.0 == told.0 && wanted.1.len() == told.1.len() && wanted.1.iter().zip(&told.1).all(same)
}

/// "Everything up to here was told" is true.
fn progress(tale: &Tale, replay: &Replay, from: Revision) -> Option<Violation> {
    tale.progress.iter().find_map(|(revision, told)| {
        let count = wanted(tale, replay, from, *revision).len();
        let exists = *revision <= replay.model.revision();
        let what = || format!("progress at {revision} after {told} batches of {count}");
        (!exists || count > *told).then(|| wrong(tale, what())).flatten()
    })
}

/// A tale breaks off only where history was compacted beyond it.
fn broken_off(tale: &Tale, replay: &Replay, from: Revision) -> Option<Violation> {
    let (oldest, top) = tale.compacted?;
    let next = tale.resume().unwrap_or(from);
    let true_then = replay.compactions().any(|(place, at)| at == oldest && place <= top);
    let what = || format!("said to be compacted at {oldest}, wanted {next}");
    (!true_then || next >= oldest).then(|| wrong(tale, what())).flatten()
}

fn select(tale: &Tale, (revision, changes): &Batch) -> Option<Batch> {
    let wants = |change: &&Change| {
        let unwanted = if change.deleted { tale.no_delete } else { tale.no_put };
        !unwanted && inside(&tale.range, change.kv.key())
    };
    let trim = |change: &Change| {
        let mut change = change.clone();
        change.previous = change.previous.filter(|_| tale.want_previous);
        change
    };
    let chosen: Vec<Change> = changes.iter().filter(wants).map(trim).collect();
    (!chosen.is_empty()).then_some((*revision, chosen))
}

#[cfg(test)]
mod tests {
    use super::super::made::{line, replay};
    use super::*;
    use crate::chronicle::Line;
    use kv::command::{Command, Compact, KeyRange, Put, Txn, TxnOp};

    fn put(key: &'static str) -> TxnOp {
        let value = Some("v".into());
        TxnOp::Put(Put { key: key.into(), value, lease: Some(0), want_previous: false })
    }

    /// Revisions 2 to 5, then a compaction at 3 if it is wanted.
    fn history(compacted: bool) -> Replay {
        let revisions = [vec!["a"], vec!["a", "b"], vec!["b"], vec!["a"]];
        let txn = |keys: &Vec<&'static str>| {
            let success = keys.iter().map(|key| put(key)).collect();
            Command::Txn(Txn { compare: vec![], success, failure: vec![] })
        };
        let mut lines: Vec<Line> =
            revisions.iter().map(|keys| line(None, None, 1, &txn(keys))).collect();
        let compact = Command::Compact(Compact { revision: Revision(3), physical: false });
        lines.extend(compacted.then(|| line(None, None, 2, &compact)));
        replay(&lines)
    }

    fn batch(revision: u64, keys: &[&'static str]) -> Batch {
        let replay = history(false);
        let real = replay.model.history().iter().find(|(at, _)| at.0 == revision.min(5)).unwrap();
        let mut changes: Vec<Change> = real
            .1
            .iter()
            .filter(|it| keys.iter().any(|key| key.as_bytes() == it.kv.key()))
            .cloned()
            .collect();
        changes.iter_mut().for_each(|change| change.previous = None);
        (Revision(revision), changes)
    }

    fn tale(told: Vec<Batch>) -> Tale {
        let tale = Tale::new(0, KeyRange::One("a".into()), Some(Revision(2)));
        Tale { want_previous: false, told, ..tale }
    }

    fn judge(told: Vec<Batch>) -> bool {
        check(&tale(told), &history(false)).is_none()
    }

    #[test]
    fn a_true_tale_passes() {
        assert!(judge(vec![]));
        assert!(judge(vec![batch(2, &["a"]), batch(3, &["a"])]));
        assert!(judge(vec![batch(2, &["a"]), batch(3, &["a"]), batch(5, &["a"])]));
    }

    #[test]
    fn a_gap_is_seen() {
        assert!(!judge(vec![batch(3, &["a"])]));
        assert!(!judge(vec![batch(2, &["a"]), batch(5, &["a"])]));
    }

    #[test]
    fn a_repetition_is_seen() {
        assert!(!judge(vec![batch(2, &["a"]), batch(2, &["a"]), batch(3, &["a"])]));
    }

    #[test]
    fn a_wrong_order_is_seen() {
        assert!(!judge(vec![batch(3, &["a"]), batch(2, &["a"])]));
    }

    #[test]
    fn a_change_of_another_key_is_seen() {
        assert!(!judge(vec![batch(2, &["a"]), batch(3, &["a", "b"])]));
    }

    #[test]
    fn a_change_that_never_was_is_seen() {
        assert!(!judge(vec![batch(2, &["a"]), batch(3, &["a"]), batch(9, &["a"])]));
    }

    #[test]
    fn a_torn_revision_is_seen() {
        let (range, from) = (crate::ask::everything(), Some(Revision(3)));
        let mut tale = Tale { want_previous: false, ..Tale::new(0, range, from) };
        tale.told = vec![batch(3, &["a"])];
        assert!(check(&tale, &history(false)).is_some());
        tale.told = vec![batch(3, &["a", "b"])];
        assert!(check(&tale, &history(false)).is_none());
        assert!(whole(&tale, &history(false)).is_some());
    }

    #[test]
    fn the_pair_before_may_be_gone_at_a_compacted_revision_only() {
        let mut tale = tale(vec![batch(2, &["a"]), batch(3, &["a"])]);
        tale.want_previous = true;
        assert!(check(&tale, &history(false)).is_some());
        assert!(check(&tale, &history(true)).is_none());
        tale.told.push(batch(5, &["a"]));
        assert!(check(&tale, &history(true)).is_some());
    }

    #[test]
    fn progress_that_overtakes_events_is_seen() {
        let mut tale = tale(vec![batch(2, &["a"]), batch(3, &["a"])]);
        tale.progress = vec![(Revision(2), 1), (Revision(4), 2)];
        assert!(check(&tale, &history(false)).is_none());
        tale.progress = vec![(Revision(3), 1)];
        assert!(check(&tale, &history(false)).is_some());
        tale.progress = vec![(Revision(9), 2)];
        assert!(check(&tale, &history(false)).is_some(), "there is no such revision");
    }

    #[test]
    fn only_what_is_compacted_is_said_to_be() {
        let mut tale = tale(vec![]);
        tale.compacted = Some((Revision(3), 5));
        assert!(check(&tale, &history(true)).is_none());
        assert!(check(&tale, &history(false)).is_some());
        tale.compacted = Some((Revision(3), 4));
        assert!(check(&tale, &history(true)).is_some(), "not yet");
        tale.compacted = Some((Revision(3), 5));
        tale.from = Some(Revision(3));
        assert!(check(&tale, &history(true)).is_some(), "what it wanted is still there");
    }
}
