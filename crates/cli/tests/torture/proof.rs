//! Did what the torture promises to exercise really happen? A run in which it
//! did not is no proof, and a long one fails for that alone.

use crate::clients::World;
use crate::history::{History, Outcome, Step};
use crate::nodes::Nodes;
use std::sync::atomic::Ordering;

/// Rounds after which all of it must have happened but what needs long absences.
pub(crate) const ENOUGH: u64 = 20;
/// Rounds after which a checkpoint must have been taken over.
pub(crate) const MANY: u64 = 100;

/// What happened, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) checkpoints: usize,
    /// Checkpoints of others that a node took over because it lagged behind.
    pub(crate) taken_over: usize,
    pub(crate) compactions: usize,
    pub(crate) resumed: usize,
    /// Watches that began where history was gone.
    pub(crate) compacted: usize,
    /// Leases whose key was there, and how often they were renewed.
    pub(crate) leases: usize,
    pub(crate) renewals: usize,
    /// Keys that went because nobody renewed their lease.
    pub(crate) expired: usize,
    /// Linearizable reads that were answered, and writes that were.
    pub(crate) reads: usize,
    pub(crate) writes: usize,
    /// Writes of which nobody knows whether they happened.
    pub(crate) unknown: usize,
}

impl Proof {
    /// What clients and the logs of the nodes say.
    pub(crate) fn of(world: &World, nodes: &Nodes) -> Self {
        let count = |counter: &std::sync::atomic::AtomicU64| {
            usize::try_from(counter.load(Ordering::Relaxed)).expect("small")
        };
        let seen = world.notes.with(|history| seen(history));
        Self {
            checkpoints: nodes.said("made a checkpoint"),
            taken_over: nodes.said("took over a checkpoint"),
            compactions: count(&world.compactions),
            resumed: count(&world.resumed_watches),
            compacted: count(&world.compacted_watches),
            ..seen
        }
    }

    /// What is known while it runs: watches and leases are written down at their end.
    pub(crate) fn so_far(&self) -> String {
        let Self { writes, unknown, checkpoints, taken_over, compactions, resumed, .. } = self;
        format!(
            "{writes} writes ({unknown} unknown), {checkpoints} checkpoints made, {taken_over} \
             taken over, {compactions} compactions, watches resumed {resumed} times"
        )
    }

    /// What should have happened in so many rounds and did not.
    pub(crate) fn missing(&self, rounds: u64) -> Vec<&'static str> {
        let must = |from: u64, count: usize, what| (rounds >= from && count == 0).then_some(what);
        let all = [
            must(1, self.writes, "no write was acknowledged"),
            must(1, self.reads, "no linearizable read was answered"),
            must(ENOUGH, self.checkpoints, "no checkpoint was made"),
            must(ENOUGH, self.compactions, "nothing was compacted"),
            must(ENOUGH, self.resumed, "no watch was resumed"),
            must(ENOUGH, self.compacted, "no watch began where history was gone"),
            must(ENOUGH, self.leases, "no lease held a key"),
            must(ENOUGH, self.renewals, "no lease was renewed"),
            must(ENOUGH, self.expired, "no lease came to its end"),
            must(MANY, self.taken_over, "no checkpoint was taken over"),
        ];
        all.into_iter().flatten().collect()
    }
}

fn seen(history: &History) -> Proof {
    let told = history.watches.iter().flat_map(|watch| &watch.steps);
    let gone = told.filter_map(|step| match step {
        Step::Told(event, _) if event.value.is_none() => Some(event.key.as_str()),
        _ => None,
    });
    let gone: std::collections::BTreeSet<&str> = gone.collect();
    let with = |outcome: fn(&Outcome) -> bool| {
        history.writes.iter().filter(|write| outcome(&write.outcome)).count()
    };
    Proof {
        leases: history.leases.iter().filter(|lease| lease.revision > 0).count(),
        // The first is the grant itself.
        renewals: history.leases.iter().map(|lease| lease.renewals.len() - 1).sum(),
        expired: history.leases.iter().filter(|lease| gone.contains(&*lease.key)).count(),
        reads: history.reads.iter().filter(|read| read.linearizable).count(),
        writes: with(|outcome| matches!(outcome, Outcome::Done(_))),
        unknown: with(|outcome| matches!(outcome, Outcome::Unknown)),
        ..Proof::default()
    }
}

impl std::fmt::Display for Proof {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            to,
            "{} writes ({} unknown), {} reads, {} checkpoints made, {} taken over, \
             {} compactions, watches resumed {} times and {} times because of compaction, \
             {} leases renewed {} times, {} ended",
            self.writes,
            self.unknown,
            self.reads,
            self.checkpoints,
            self.taken_over,
            self.compactions,
            self.resumed,
            self.compacted,
            self.leases,
            self.renewals,
            self.expired
        )
    }
}

#[test]
fn a_run_in_which_nothing_happened_is_no_proof() {
    let nothing = Proof::default();
    assert_eq!(nothing.missing(1).len(), 2);
    assert!(nothing.missing(ENOUGH).contains(&"no checkpoint was made"));
    assert!(!nothing.missing(MANY - 1).contains(&"no checkpoint was taken over"));
    assert!(nothing.missing(MANY).contains(&"no checkpoint was taken over"));
    let all = Proof {
        checkpoints: 1,
        taken_over: 1,
        compactions: 1,
        resumed: 1,
        compacted: 1,
        leases: 1,
        renewals: 1,
        expired: 1,
        reads: 1,
        writes: 1,
        unknown: 0,
    };
    assert_eq!(all.missing(MANY), [""; 0]);
}
