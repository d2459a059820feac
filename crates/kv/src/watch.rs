//! What a watch is told: pages of history, read by a cursor.

use crate::command::{Change, Changes, KeyRange};
use crate::pair::Pair;
use crate::store::Store;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::Revision;
use base::limits::WATCH_BATCH_BYTES_MAX;

/// Which changes a watch wants. The order means nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct WatchFilter {
    /// Of which keys.
    pub range: KeyRange,
    /// Not the writes.
    pub no_put: bool,
    /// Not the deletions.
    pub no_delete: bool,
    /// With the pair as it was before.
    pub want_previous: bool,
}

impl WatchFilter {
    /// Whether the watch wants this change.
    #[must_use]
    pub fn wants(&self, change: &Change) -> bool {
        let unwanted = if change.deleted { self.no_delete } else { self.no_put };
        !unwanted && self.range.contains(change.kv.key())
    }

    /// What the watch wants of a revision: the revision's own list where all
    /// of it fits, so that a thousand watches share it; `None` if nothing.
    #[must_use]
    pub fn select(&self, changes: &Changes) -> Option<Changes> {
        let as_is = |change: &Change| {
            self.wants(change) && (self.want_previous || change.previous.is_none())
        };
        if changes.changes.iter().all(as_is) {
            return Some(changes.clone());
        }
        let chosen: Arc<[Change]> = changes
            .changes
            .iter()
            .filter(|change| self.wants(change))
            .map(|c| self.trim(c))
            .collect();
        (!chosen.is_empty()).then_some(Changes { revision: changes.revision, changes: chosen })
    }

    fn trim(&self, change: &Change) -> Change {
        Change {
            kv: change.kv.clone(),
            deleted: change.deleted,
            previous: change.previous.clone().filter(|_| self.want_previous),
        }
    }
}

/// A stretch of history as one watch sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangesPage {
    /// Revisions with at least one wanted change, whole, in ascending order.
    pub batches: Vec<Changes>,
    /// Where to go on. Beyond the current revision if everything was seen,
    /// even if nothing of it was wanted.
    pub next: Revision,
}

/// The history that is asked for is no longer kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compacted {
    /// The oldest revision that can be watched.
    pub oldest: Revision,
}

/// The wanted changes of at most `revisions_max` (at least one) revisions from
/// `from` on. The bound is on revisions looked at, wanted or not, so that a
/// page has a bounded price; a page may thus be empty though more is to come.
/// It ends early where its bytes would be too many for a client.
pub(crate) fn changes(
    store: &Store,
    filter: &WatchFilter,
    from: Revision,
    revisions_max: usize,
) -> Result<ChangesPage, Compacted> {
    if let Some(oldest) = store.compacted().filter(|oldest| from < *oldest) {
        return Err(Compacted { oldest });
    }
    if from > store.revision() {
        return Ok(ChangesPage { batches: Vec::new(), next: from });
    }
    let mut page = ChangesPage { batches: Vec::new(), next: store.revision().next() };
    let mut bytes = 0u64;
    for (seen, changes) in store.since(from).enumerate() {
        let wanted = filter.select(&changes);
        bytes = bytes.saturating_add(wanted.as_ref().map_or(0, size));
        let much = bytes > WATCH_BATCH_BYTES_MAX && !page.batches.is_empty();
        if seen >= revisions_max.max(1) || much {
            page.next = changes.revision;
            break;
        }
        page.batches.extend(wanted);
    }
    base::invariant!(I59, page.next > from);
    Ok(page)
}

/// Bytes of the keys and values that a client is told.
fn size(changes: &Changes) -> u64 {
    let of = |change: &Change| {
        change.kv.bytes().saturating_add(change.previous.as_ref().map_or(0, Pair::bytes))
    };
    changes.changes.iter().map(of).fold(0, u64::saturating_add)
}
