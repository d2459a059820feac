//! After the healing, does the cluster get back to work in time?

use super::Violation;
use base::{GroupId, Index};
use core::time::Duration;

/// How many election timeouts the healed cluster may take for all of it.
pub const ELECTIONS_MAX: u32 = 20;

/// What one node showed after the healing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Healed {
    /// Whether it acknowledged a write.
    pub wrote: bool,
    /// How far it applied each group, and the hash of what it holds.
    pub states: Vec<(GroupId, Option<(Index, u64)>)>,
}

/// Whether nothing is left to be waited for.
#[must_use]
pub fn done(nodes: &[Healed]) -> bool {
    check(nodes, Duration::ZERO).is_empty()
}

/// What is still lacking after `waited`.
#[must_use]
pub fn check(nodes: &[Healed], waited: Duration) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut late =
        |what: String| found.push(Violation::new("live", format!("{what} within {waited:.1?}")));
    for (node, healed) in nodes.iter().enumerate() {
        if !healed.wrote {
            late(format!("node {node} acknowledged no write"));
        }
    }
    let Some(first) = nodes.first() else { return found };
    for (node, healed) in nodes.iter().enumerate().skip(1) {
        if healed.states != first.states {
            late(format!(
                "node {node} is at {:?}, node 0 at {:?}: not the same",
                healed.states, first.states
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healed(wrote: bool, applied: u64) -> Healed {
        Healed { wrote, states: vec![(GroupId::DEFAULT, Some((Index(applied), 1)))] }
    }

    #[test]
    fn a_cluster_that_works_passes() {
        assert!(done(&[healed(true, 5), healed(true, 5)]));
    }

    #[test]
    fn a_node_that_writes_nothing_is_seen() {
        let found = check(&[healed(true, 5), healed(false, 5)], Duration::from_secs(1));
        assert!(found[0].what.contains("node 1 acknowledged no write"));
    }

    #[test]
    fn a_node_that_stays_behind_is_seen() {
        assert!(!done(&[healed(true, 5), healed(true, 4)]));
    }
}
