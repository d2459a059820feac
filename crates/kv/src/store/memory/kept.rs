//! The versions that can still be read or watched, whether or not a sweep has
//! taken out the others.

use super::Memory;
use super::line::Line;
use crate::store::kept::{Kept, Spot};
use crate::tree::Tree;
use base::Revision;

impl Memory {
    /// History would pin what a compaction takes out meanwhile, and is not walked over.
    pub(in crate::store) fn at_rest(&self) -> Self {
        Self { history: Tree::default(), ..self.clone() }
    }

    pub(in crate::store) fn forget_below(&mut self, key: &[u8]) {
        self.lines.forget_below(key);
    }

    pub(in crate::store) fn kept_from<'a>(
        &'a self,
        spot: &Spot,
    ) -> impl Iterator<Item = Kept<'a>> + use<'a> {
        let compacted = self.compacted;
        let lines = self.lines.iter_from(&spot.key);
        let mut from = spot.revision;
        lines.flat_map(move |line| {
            // Only in the first line does the walk begin behind its start.
            kept_of(line, core::mem::take(&mut from), compacted)
        })
    }
}

/// The versions of a line from `from` on, of those that are kept.
fn kept_of(
    line: &Line,
    from: Revision,
    compacted: Option<Revision>,
) -> impl Iterator<Item = Kept<'_>> {
    let compacted = compacted.unwrap_or_default();
    let reach = reach(line, compacted);
    let from = from.max(reach);
    let older = line.older.iter().flat_map(move |older| older.iter_from(&from));
    let last = Some(&line.last).filter(|last| last.modified() >= from);
    let first = first_at(line, reach);
    older.map(|older| &older.pair).chain(last).map(move |version| Kept {
        first: version.modified() == first,
        place: if version.modified() >= compacted { version.place() } else { 0 },
        version,
    })
}

/// From where on the versions of a line are kept: from the one that stood at
/// the compacted revision, or from the next if that is an older deletion.
fn reach(line: &Line, compacted: Revision) -> Revision {
    match line.version_at(compacted) {
        Some(version) if !version.is_deleted() || version.modified() == compacted => {
            version.modified()
        }
        _ => compacted.next(),
    }
}

fn first_at(line: &Line, reach: Revision) -> Revision {
    let older = line.older.as_ref().and_then(|older| older.iter_from(&reach).next());
    older.map_or_else(|| line.last.modified(), |older| older.pair.modified())
}
