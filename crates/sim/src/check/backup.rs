//! Do the chunks of a backup make the state that was backed up?

use super::Violation;
use base::{Index, KeyspaceId};
use kv::snapshot::Thaw;
use node::snapshot::Snapshot;

/// The place of the backup and the hash of the state that its chunks make; what
/// other nodes have there must be the same.
pub fn thaw(mut snapshot: Snapshot, keyspace: KeyspaceId) -> Result<(Index, u64), Violation> {
    let mut thaw = Thaw::new(keyspace);
    let wrong = |what: String| Violation::new("backup", what);
    while let Some(chunk) = snapshot.next_chunk() {
        thaw.add(&chunk).map_err(|why| wrong(why.to_string()))?;
    }
    let machine = thaw.finish().map_err(|why| wrong(why.to_string()))?;
    machine.validate();
    let (got, place) = (machine.applied(), snapshot.place().index);
    if got == place {
        Ok((got, machine.state_hash()))
    } else {
        Err(wrong(format!("a backup of {place} holds the state of {got}")))
    }
}
