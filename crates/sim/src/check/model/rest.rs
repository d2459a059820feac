//! What a keyspace holds beside its pairs.

use base::Revision;
use kv::command::Alarm;
use std::collections::{BTreeMap, BTreeSet};

/// What a keyspace holds beside its pairs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rest {
    /// The revision of the last compaction.
    pub compacted: Option<Revision>,
    /// The leases and their times in seconds.
    pub leases: BTreeMap<i64, u64>,
    /// By the log's clock, in milliseconds, when the newest lease of an id has had the
    /// time of its grant. Before that it is not meant by who ends what is over.
    pub over: BTreeMap<i64, u64>,
    /// The alarms that stand.
    pub alarms: BTreeSet<Alarm>,
}

impl Rest {
    pub(super) fn oldest(&self) -> Revision {
        self.compacted.map_or(Revision(1), |compacted| compacted.max(Revision(1)))
    }
}
