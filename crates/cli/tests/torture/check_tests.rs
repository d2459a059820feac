//! Each checker is first shown histories that cannot be.

use crate::check::faults;
use crate::history::{Event, History, Leased, Outcome, Read, Step, Watched, Write};

fn write(key: &str, value: &str, at: u64, outcome: Outcome) -> Write {
    let value = (!value.is_empty()).then(|| value.to_owned());
    Write { key: key.into(), value, begun: at, ended: at + 5, outcome }
}

fn told(revision: i64, key: &str, value: &str, at: u64) -> Step {
    let value = (!value.is_empty()).then(|| value.to_owned());
    Step::Told(Event { revision, key: key.into(), value }, at)
}

fn read(key: &str, at: u64, revision: i64, held: Option<(&str, i64)>) -> Read {
    let held = held.map(|(value, revision)| (value.to_owned(), revision));
    Read { key: key.into(), begun: at, ended: at + 5, linearizable: true, revision, held }
}

/// Three writes and a deletion, a watch that saw all of them, and a read of each kind.
fn good() -> History {
    let steps = vec![
        Step::From(2),
        told(2, "t/a", "1", 8),
        Step::From(3),
        told(3, "t/b", "2", 18),
        told(4, "t/a", "3", 28),
        told(5, "t/b", "", 38),
    ];
    let serializable = Read { linearizable: false, ..read("t/a", 52, 3, Some(("1", 2))) };
    History {
        writes: vec![
            write("t/a", "1", 0, Outcome::Done(2)),
            write("t/b", "2", 10, Outcome::Unknown),
            write("t/a", "3", 20, Outcome::Done(4)),
            write("t/b", "", 30, Outcome::Done(5)),
            write("t/c", "4", 40, Outcome::Unknown),
        ],
        reads: vec![read("t/a", 50, 5, Some(("3", 4))), read("t/b", 50, 5, None), serializable],
        watches: vec![Watched { prefix: "t/".into(), steps, upto: 5 }],
        leases: Vec::new(),
    }
}

/// The good one with one thing changed must have a fault with these words.
fn shows(words: &str, change: impl FnOnce(&mut History)) {
    let mut history = good();
    change(&mut history);
    let faults = faults(&history);
    assert!(faults.iter().any(|fault| fault.contains(words)), "{words:?} is not in {faults:#?}");
}

#[test]
fn a_good_history_has_no_fault() {
    assert_eq!(faults(&good()), Vec::<String>::new());
}

#[test]
fn a_lost_write_is_seen() {
    shows("lost: t/c", |history| history.writes[4].outcome = Outcome::Done(6));
    shows("lost: t/a", |history| history.writes[0].outcome = Outcome::Done(3));
    shows("lost: t/b", |history| history.writes[3].outcome = Outcome::Done(6));
}

#[test]
fn a_write_that_happened_twice_or_without_a_cause_is_seen() {
    shows("happened twice", |history| {
        history.watches[0].steps.push(told(6, "t/b", "2", 48));
    });
    shows("its write came to None", |history| {
        history.watches[0].steps.push(told(6, "t/b", "9", 48));
    });
    shows("came to Some(Nothing)", |history| history.writes[1].outcome = Outcome::Nothing);
    shows("nobody deleted t/a", |history| {
        history.watches[0].steps.push(told(6, "t/a", "", 60));
    });
}

#[test]
fn a_stale_read_is_seen() {
    shows("stale: a linearizable read", |history| {
        history.reads.push(read("t/b", 60, 4, Some(("2", 3))));
    });
    shows("stale: a write", |history| {
        history.writes[0] = write("t/a", "1", 27, Outcome::Done(2));
    });
}

#[test]
fn a_read_of_what_was_never_there_is_seen() {
    shows("shows Some((\"1\", 2))", |history| history.reads[0].held = Some(("1".into(), 2)));
    shows("shows None", |history| history.reads[2].held = None);
}

#[test]
fn a_repeated_event_is_seen() {
    shows("told twice", |history| history.watches[0].steps.push(told(5, "t/b", "", 48)));
}

#[test]
fn a_step_back_is_seen() {
    shows("went back", |history| history.watches[0].steps.swap(1, 4));
}

#[test]
fn a_gap_is_seen() {
    let lagging = |steps| Watched { prefix: "t/".into(), steps, upto: 5 };
    shows("never told of t/b at revision 3", |history| {
        let steps = vec![
            Step::From(2),
            told(2, "t/a", "1", 8),
            told(4, "t/a", "3", 28),
            told(5, "t/b", "", 38),
        ];
        history.watches.push(lagging(steps));
    });
    // An end that was promised but not told is a gap too.
    shows("never told of t/b at revision 5", |history| {
        let steps = vec![Step::From(4), told(4, "t/a", "3", 28)];
        history.watches.push(lagging(steps));
    });
    // After a resume as well.
    shows("never told of t/a at revision 4", |history| {
        let steps =
            vec![Step::From(3), told(3, "t/b", "2", 18), Step::From(5), told(5, "t/b", "", 38)];
        history.watches.push(lagging(steps));
    });
}

#[test]
fn only_compaction_excuses_a_gap_and_only_up_to_its_revision() {
    let lagging = |steps| Watched { prefix: "t/".into(), steps, upto: 5 };
    let mut history = good();
    let steps = vec![
        Step::From(2),
        Step::Compacted(4),
        Step::From(4),
        told(4, "t/a", "3", 28),
        told(5, "t/b", "", 38),
    ];
    history.watches.push(lagging(steps));
    assert_eq!(faults(&history), Vec::<String>::new());
    shows("never told of t/a at revision 4", |history| {
        let steps = vec![Step::From(2), Step::Compacted(4), Step::From(4), told(5, "t/b", "", 38)];
        history.watches.push(lagging(steps));
    });
}

#[test]
fn a_counter_that_skips_or_repeats_is_seen() {
    let counts = |values: [&str; 2]| {
        let mut history = good();
        for (revision, value) in (6..).zip(values) {
            history.watches[0].steps.push(told(revision, "t/own/0", value, 60));
            history.writes.push(write("t/own/0", value, 40, Outcome::Unknown));
        }
        faults(&history)
    };
    assert_eq!(counts(["1.0", "2.3"]), Vec::<String>::new());
    assert!(counts(["1.0", "3.1"])[0].contains("counts Some(3) at revision 7, not 2"));
    assert!(counts(["1.0", "1.1"])[0].contains("counts Some(1) at revision 7, not 2"));
}

#[test]
fn two_watches_must_agree() {
    shows("differently", |history| {
        let steps = vec![Step::From(4), told(4, "t/a", "1", 28), told(5, "t/b", "", 38)];
        history.watches.push(Watched { prefix: "t/".into(), steps, upto: 5 });
    });
}

#[test]
fn a_lease_that_ends_early_is_seen() {
    let lease = |renewals| Leased { key: "t/b".into(), revision: 3, ttl: 30, renewals };
    let mut history = good();
    history.leases.push(lease(vec![(0, 5)]));
    assert_eq!(faults(&history), Vec::<String>::new(), "it lived its time");
    shows("renewed until 50", |history| history.leases.push(lease(vec![(0, 5), (20, 25)])));
    shows("renewed after that", |history| history.leases.push(lease(vec![(0, 5), (39, 44)])));
}
