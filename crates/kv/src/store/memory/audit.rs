//! A walk over everything that is kept, to see that it fits together.

use super::cost;
use super::line::Line;
use super::record::Sums;
use crate::command::Change;
use crate::store::page::REVISION_EMPTY;
use crate::tree::Item;
use base::Revision;

impl super::Memory {
    /// The views say the same, and so do the running sums.
    pub(in crate::store) fn validate(&self) {
        self.lines.validate();
        self.history.validate();
        self.lines.iter().for_each(|line| self.validate_line(line));
        let written = self.validate_history();
        let floor = self.compacted.unwrap_or(Revision::ZERO);
        let (digest, bytes) = self.state_at(floor);
        base::invariant!(I58, (digest, bytes) == (self.floor.live, self.floor.live_bytes));
        let (digest, bytes) = self.state_at(self.revision);
        base::invariant!(I58, (digest, bytes) == (self.sums.live, self.sums.live_bytes));
        let counted = self.sums.written.wrapping_sub(self.floor.written_before);
        base::invariant!(I58, written.written == counted);
        let counted = self.sums.written_bytes - self.floor.written_bytes;
        base::invariant!(I58, written.written_bytes == counted);
    }

    /// Dense, from the compacted revision at the latest, and each change is a
    /// version. Returns the digest from the compacted revision on, and the
    /// bytes behind it.
    fn validate_history(&self) -> Sums {
        let mut sums = Sums::default();
        let compacted = self.compacted.unwrap_or(Revision::ZERO);
        let first = self.history.first().map_or(self.revision.next(), |record| record.revision);
        base::invariant!(I61, first <= compacted.max(REVISION_EMPTY.next()));
        let mut expected = first;
        for record in self.history.iter() {
            base::invariant!(I53, record.revision == expected && !record.changes.is_empty());
            expected = expected.next();
            let changes = record.changes.iter().enumerate();
            for (place, change) in changes.filter(|_| record.revision >= compacted) {
                base::invariant!(I51, change.kv.modified() == record.revision);
                self.validate_change(place, change);
                sums.written = sums.written.wrapping_add(change.kv.computed_digest());
                if record.revision > compacted {
                    sums.written_bytes += cost::of_version(&change.kv) + cost::CHANGE;
                }
            }
        }
        base::invariant!(I50, expected == self.revision.next() && self.revision == self.newest);
        sums
    }

    fn validate_change(&self, place: usize, change: &Change) {
        let line = self.lines.get(change.kv.key());
        let version = line.and_then(|line| line.version_at(change.kv.modified()));
        base::invariant!(I91, version.is_some_and(|it| it.place() as usize == place));
        let same = version.is_some_and(|version| version.is_shared(&change.kv));
        base::invariant!(I57, same, "{change:?}");
        base::invariant!(I57, change.deleted == change.kv.is_deleted(), "{change:?}");
    }

    /// In order, and once the sweep is through, without anything unreadable.
    fn validate_line(&self, line: &Line) {
        let mut last = None;
        let mut old = 0;
        let compacted = self.compacted.unwrap_or(Revision::ZERO);
        for version in line.versions() {
            let revision = version.modified();
            base::invariant!(I57, last.is_none_or(|last| last < revision));
            base::invariant!(I57, line.key() == version.key());
            last = Some(revision);
            old += u32::from(revision <= compacted);
            let needed = !version.is_deleted() || revision >= compacted;
            base::invariant!(I62, needed || !self.is_swept(), "a deletion is kept: {version:?}");
        }
        base::invariant!(I62, old <= 1 || !self.is_swept(), "{old} old versions");
        base::invariant!(I57, line.weight() == u64::from(!line.last.is_deleted()));
    }

    fn state_at(&self, at: Revision) -> (u64, u64) {
        let (mut digest, mut bytes) = (0u64, 0);
        for kv in self.lines.iter().filter_map(|line| line.at(at)) {
            let fields = kv.fields();
            base::invariant!(I51, fields.create <= fields.modified && fields.modified <= at);
            base::invariant!(I52, fields.version >= 1);
            digest = digest.wrapping_add(kv.computed_digest());
            bytes += cost::of_version(kv);
        }
        (digest, bytes)
    }
}
