//! After the healing, does the cluster get back to work in time?

use super::Violation;
use crate::history::name;
use base::{GroupId, Index};
use core::fmt;
use core::time::Duration;

/// How many election timeouts the healed cluster may take until it commits
/// the first write, wherever that is asked for.
pub const COMMIT_ELECTIONS_MAX: u32 = 10;

/// How many election timeouts the healed nodes may take until they hold the
/// same, though nobody asks for anything new.
pub const CALM_ELECTIONS_MAX: u32 = 20;

/// How many election timeouts it may take for all of it: a write
/// acknowledged at every node, and all states the same.
pub const ELECTIONS_MAX: u32 = 20;

/// How soon a healed cluster worked again, in thousandths of its election timeout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Until all nodes held the same, before anybody asked for anything new.
    pub level: Option<u64>,
    /// From then on until the first write was acknowledged anywhere; none was,
    /// if this is `None`.
    pub commit: Option<u64>,
    /// Until every node had acknowledged one and all held the same.
    pub all: Option<u64>,
}

impl Progress {
    /// What was reached after so long.
    #[must_use]
    pub fn thousandths(after: Duration, election: Duration) -> u64 {
        u64::try_from(after.as_nanos() * 1_000 / election.as_nanos().max(1)).unwrap_or(u64::MAX)
    }

    /// The later of both.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            level: self.level.max(other.level),
            commit: self.commit.max(other.commit),
            all: self.all.max(other.all),
        }
    }

    /// A first commit that came too late is a violation.
    #[must_use]
    pub fn late(&self) -> Option<Violation> {
        let max = u64::from(COMMIT_ELECTIONS_MAX) * 1_000;
        let what =
            || format!("the first commit took more than {COMMIT_ELECTIONS_MAX} election timeouts");
        let late = self.commit.is_none_or(|commit| commit > max);
        late.then(|| Violation::new("live", what()))
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |it: Option<u64>| match it {
            Some(it) => format!("{}.{:03}", it / 1_000, it % 1_000),
            None => "never".into(),
        };
        write!(
            f,
            "  after the healing, in election timeouts: all the same {} (at most {CALM_ELECTIONS_MAX}); then first commit {} (at most {COMMIT_ELECTIONS_MAX}) · all nodes {} (at most {ELECTIONS_MAX})",
            say(self.level),
            say(self.commit),
            say(self.all)
        )
    }
}

/// How far a node applied each group, and the hash of what it holds.
pub type States = Vec<(GroupId, Option<(Index, u64)>)>;

/// What one node showed after the healing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Healed {
    /// Whether it acknowledged a write.
    pub wrote: bool,
    /// Whether nothing that it promised is lost.
    pub whole: bool,
    /// How far it applied each group, and the hash of what it holds.
    pub states: States,
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
            late(format!("{} acknowledged no write", name(node)));
        }
        if !healed.whole {
            late(format!("{} is not whole again", name(node)));
        }
    }
    let states: Vec<States> = nodes.iter().map(|it| it.states.clone()).collect();
    found.extend(uneven(&states, waited));
    found
}

/// Which nodes do not hold what the first one holds after `waited`.
#[must_use]
pub fn uneven(states: &[States], waited: Duration) -> Vec<Violation> {
    let Some(first) = states.first() else { return Vec::new() };
    let others = states.iter().enumerate().skip(1).filter(|(_, held)| *held != first);
    let what = |(node, held): (usize, &States)| {
        let node = name(node);
        format!("{node} is at {held:?}, n1 at {first:?}: not the same within {waited:.1?}")
    };
    others.map(|it| Violation::new("live", what(it))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healed(wrote: bool, applied: u64) -> Healed {
        Healed { wrote, whole: true, states: vec![(GroupId::DEFAULT, Some((Index(applied), 1)))] }
    }

    #[test]
    fn a_cluster_that_works_passes() {
        assert!(done(&[healed(true, 5), healed(true, 5)]));
    }

    #[test]
    fn a_node_that_writes_nothing_is_seen() {
        let found = check(&[healed(true, 5), healed(false, 5)], Duration::from_secs(1));
        assert!(found[0].what.contains("n2 acknowledged no write"));
    }

    #[test]
    fn a_first_commit_that_is_late_is_seen() {
        let after = |millis| {
            let (after, election) = (Duration::from_millis(millis), Duration::from_millis(100));
            Progress { commit: Some(Progress::thousandths(after, election)), ..Progress::default() }
        };
        assert_eq!(after(1_000).late(), None);
        assert!(after(1_001).late().is_some());
        assert!(Progress::default().late().is_some(), "none at all");
        assert_eq!(after(250).max(after(170)).commit, Some(2_500));
        assert!(after(1_234).to_string().contains("first commit 12.340 (at most 10)"));
    }

    #[test]
    fn a_node_that_is_not_healed_is_seen() {
        let found =
            check(&[healed(true, 5), Healed { whole: false, ..healed(true, 5) }], Duration::ZERO);
        assert!(found[0].what.contains("n2 is not whole again"));
    }

    #[test]
    fn a_node_that_stays_behind_is_seen() {
        assert!(!done(&[healed(true, 5), healed(true, 4)]));
    }
}
