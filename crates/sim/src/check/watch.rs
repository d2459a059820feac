//! Was every watcher told what it asked for: whole, in order, once, without a gap?

use super::Violation;
use super::model::inside;
use crate::history::{Batch, Tale};
use base::Revision;
use kv::command::Change;

/// Judges a watcher's tale against the final history of the keyspace.
#[must_use]
pub fn check(tale: &Tale, history: &[Batch]) -> Option<Violation> {
    let from = tale.from?;
    let last = tale.told.last().map_or(Revision::ZERO, |(revision, _)| *revision);
    let wanted: Vec<Batch> = history
        .iter()
        .filter(|(revision, _)| (from..=last).contains(revision))
        .filter_map(|batch| select(tale, batch))
        .collect();
    let differs = wanted.iter().zip(&tale.told).position(|(wanted, told)| wanted != told);
    let place = differs
        .or_else(|| (wanted.len() != tale.told.len()).then(|| wanted.len().min(tale.told.len())))?;
    let what = format!(
        "watcher {} from {from}, batch {place}: told {:?} instead of {:?}",
        tale.watcher,
        tale.told.get(place),
        wanted.get(place)
    );
    Some(Violation::new("watch", what))
}

fn select(tale: &Tale, (revision, changes): &Batch) -> Option<Batch> {
    let wants = |change: &&Change| {
        let unwanted = if change.deleted { tale.no_delete } else { tale.no_put };
        !unwanted && inside(&tale.range, &change.kv.key)
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
    use super::*;
    use bytes::Bytes;
    use kv::command::{KeyRange, KeyValue};

    fn change(key: &'static str, revision: u64) -> Change {
        let kv = KeyValue {
            key: key.into(),
            create: Revision(revision),
            modified: Revision(revision),
            version: 1,
            lease: 0,
            value: Bytes::from(revision.to_string()),
            extension: Bytes::new(),
        };
        Change { kv: kv.into(), deleted: false, previous: None }
    }

    fn batch(revision: u64, keys: &[&'static str]) -> Batch {
        (Revision(revision), keys.iter().map(|key| change(key, revision)).collect())
    }

    fn history() -> Vec<Batch> {
        vec![batch(2, &["a"]), batch(3, &["a", "b"]), batch(4, &["b"]), batch(5, &["a"])]
    }

    fn judge(told: Vec<Batch>) -> bool {
        let tale = Tale {
            watcher: 0,
            range: KeyRange::One("a".into()),
            no_put: false,
            no_delete: false,
            want_previous: false,
            from: Some(Revision(2)),
            told,
        };
        check(&tale, &history()).is_none()
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
        let mut tale = Tale {
            watcher: 0,
            range: crate::ask::everything(),
            no_put: false,
            no_delete: false,
            want_previous: false,
            from: Some(Revision(3)),
            told: vec![batch(3, &["a"])],
        };
        assert!(check(&tale, &history()).is_some());
        tale.told = vec![batch(3, &["a", "b"])];
        assert!(check(&tale, &history()).is_none());
    }
}
