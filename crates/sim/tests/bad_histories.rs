//! Bad histories first: one good history, made by hand, and what becomes of it
//! when one thing in it is wrong. All judges together must see each.
//!
//! What is judged while a run goes on (two leaders of a term, unequal states,
//! two entries at one index, no progress) has its bad histories beside it, in
//! `check/agree.rs`, `chronicle.rs` and `check/live.rs`.
#![allow(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the message"
)]

use base::{Ballot, Index, KeyspaceId, NodeId, Revision, Time};
use consensus::entry::{Entry, EntryKind};
use core::time::Duration;
use kv::command::{
    Command, Compact, Compare, CompareHow, CompareWith, Envelope, KeyRange, KeyValue, KvError,
    LeaseGrant, OpReply, Put, RangeQuery, Reply, Txn, TxnOp,
};
use node::event::{Answer, LeaseAsk, LeaseTold, Level, Query, Refused};
use sim::check::evidence::Evidence;
use sim::check::lease::Late;
use sim::check::linear::Rules;
use sim::check::model::Model;
use sim::check::replay;
use sim::chronicle::Line;
use sim::history::{At, History, Number, Op, Outcome, Tale, What};

fn at(millis: u64) -> At {
    At { time: Time(millis * 1_000_000), order: millis }
}

fn put(key: &'static str, value: &'static str) -> Put {
    Put { key: key.into(), value: Some(value.into()), lease: Some(0), want_previous: false }
}

fn range(range: KeyRange, revision: Option<u64>) -> RangeQuery {
    RangeQuery {
        range,
        revision: revision.map(Revision),
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        modified: (0, 0),
        create: (0, 0),
    }
}

/// Takes the lock if nobody has it, and writes down who has.
fn lock(owner: &'static str) -> Command {
    let free = Compare {
        range: KeyRange::One("lock".into()),
        how: CompareHow::Equal,
        with: CompareWith::Create(0),
    };
    let success = vec![TxnOp::Put(put("lock", owner)), TxnOp::Put(put("owner", owner))];
    let failure = vec![TxnOp::Range(range(KeyRange::One("lock".into()), None))];
    Command::Txn(Txn { compare: vec![free], success, failure })
}

const GRANT: Command = Command::LeaseGrant(LeaseGrant { id: 7, ttl_s: 1 });

/// A history that grows, with the answers of the naive keyspace.
#[derive(Default)]
struct Scribe {
    model: Model,
    lines: Vec<Line>,
    ops: Vec<Op>,
}

impl Scribe {
    fn op(&mut self, what: What, from: u64, to: u64, answer: Answer) {
        let (complete, outcome) = (Some(at(to)), Outcome::Ok(answer));
        let (client, node, life, top) = (0, 0, None, self.lines.len());
        let invoke = at(from);
        self.ops.push(Op { client, node, life, what, invoke, complete, top, outcome });
    }

    fn line(&mut self, asked: Option<usize>, number: Number, time: u64, command: &Command) {
        let envelope = Envelope {
            keyspace: KeyspaceId(1),
            wall_ms: asked.map_or(0, replay::tag),
            sequence: number,
            ..Envelope::default()
        };
        let entry = Entry {
            index: Index(self.lines.len() as u64 + 1),
            ballot: Ballot::new(1, NodeId(1)),
            kind: EntryKind::Command,
            clock: time,
            body: kv::encode::encode(&envelope, command),
        };
        self.lines.push(Line { entry, at: at(time) });
    }

    /// A write that is asked, done 5 ms later and answered 10 ms later.
    fn write(&mut self, number: Number, from: u64, command: Command) {
        let asked = self.ops.len();
        self.line(Some(asked), number, from + 5, &command);
        let reply = self.model.apply(number, from + 5, &command);
        self.op(What::Write(command, number), from, from + 10, Answer::Kv(reply));
    }

    fn read(&mut self, from: u64, query: RangeQuery, level: Level) {
        let query = Query::Range(query);
        let reply = self.model.read(self.model.revision(), &self.model.rest(), &query);
        self.op(What::Read(query, level), from, from + 10, Answer::Kv(reply));
    }

    fn lease(&mut self, from: u64, ttl_s: u64) {
        let told = LeaseTold { ttl_s, remaining_ms: ttl_s * 1_000 };
        let what = What::Lease(LeaseAsk { id: 7, renew: true });
        self.op(what, from, from + 10, Answer::Lease { told, keys: Vec::new() });
    }
}

// The places of the requests in the history.
const WROTE_B: usize = 1;
const READ_B: usize = 2;
const LOCKED: usize = 3;
const LOCKED_OUT: usize = 4;
const RENEWED: usize = 6;
const READ_OLD: usize = 7;
const READ_KEPT: usize = 9;
const FIRST_TRY: usize = 10;
const RETRY: usize = 11;
const READ_ALL: usize = 12;
const LOST: usize = 13;

fn good() -> Evidence {
    let mut scribe = Scribe::default();
    let (k, all) = (KeyRange::One("k".into()), KeyRange::From("\0".into()));
    let strict = Level::Linearizable;
    scribe.write(None, 10, Command::Put(put("k", "a")));
    scribe.write(None, 30, Command::Put(put("k", "b")));
    scribe.read(50, range(k.clone(), None), strict);
    scribe.write(None, 70, lock("one"));
    scribe.write(None, 90, lock("two"));
    scribe.write(None, 110, GRANT);
    scribe.lease(500, 1);
    scribe.read(520, range(k.clone(), Some(2)), strict);
    let compact = Compact { revision: Revision(3), physical: false };
    scribe.write(None, 540, Command::Compact(compact));
    scribe.read(560, range(k, Some(3)), strict);
    let numbered = Command::Put(put("k", "c"));
    scribe.write(Some((9, 1)), 580, numbered.clone());
    scribe.write(Some((9, 1)), 600, numbered);
    scribe.read(620, range(all.clone(), None), Level::Serializable);
    scribe.write(None, 640, Command::Put(put("k", "lost")));
    let lost = scribe.ops.last_mut().expect("it was asked");
    (lost.outcome, lost.complete) = (Outcome::Unknown, None);
    scribe.line(None, None, 1_510, &Command::LeaseExpire { ids: vec![7] });
    let mut tale = Tale::new(0, all, Some(Revision(2)));
    tale.told = scribe.model.history().to_vec();
    // At a compacted revision the pair before may be gone; it is told here.
    tale.progress = vec![(Revision(4), 3), (Revision(6), 5)];
    let mut ours = Tale::new(1, KeyRange::One("lock".into()), Some(Revision(2)));
    ours.told = vec![(Revision(4), vec![tale.told[2].1[0].clone()])];
    Evidence {
        held: vec![Index(scribe.lines.len() as u64); 3],
        history: History { ops: scribe.ops, tales: vec![tale, ours] },
        lines: scribe.lines,
        whole: vec![0, 1],
        rules: Rules::default(),
        fast: 1_000,
        late: Late {
            quiet: Time::ZERO,
            strays: Vec::new(),
            slow: 1_000,
            slack: Duration::from_millis(100),
        },
        filled: false,
    }
}

/// Who sees it, and all that is said.
fn says(damage: impl FnOnce(&mut Evidence)) -> String {
    let mut evidence = good();
    damage(&mut evidence);
    evidence.judge().iter().map(|it| format!("{it}\n")).collect()
}

fn answer(evidence: &mut Evidence, op: usize) -> &mut Reply {
    match &mut evidence.history.ops[op].outcome {
        Outcome::Ok(Answer::Kv(reply)) => reply,
        other => panic!("{other:?} is no answer of the keyspace"),
    }
}

fn pairs(evidence: &mut Evidence, op: usize) -> &mut Vec<KeyValue> {
    match &mut answer(evidence, op).result {
        Ok(OpReply::Range(range)) => &mut range.kvs,
        other => panic!("{other:?} is no range"),
    }
}

/// The log without one of its entries.
fn lose(evidence: &mut Evidence, place: usize) {
    drop(evidence.lines.remove(place));
    evidence.held = vec![Index(evidence.lines.len() as u64); 3];
}

fn pair(evidence: &mut Evidence, batch: usize, with: impl FnOnce(&mut KeyValue)) {
    let change = &mut evidence.history.tales[0].told[batch].1[0];
    let mut kv = KeyValue::from(change.kv.clone());
    with(&mut kv);
    change.kv = kv.into();
}

#[test]
fn the_good_history_passes() {
    assert_eq!(says(|_| ()), "");
}

#[test]
fn a_lost_write() {
    assert!(says(|it| lose(it, WROTE_B)).contains("linear: it is not in the log"));
    let seen = says(|it| lose(it, 8));
    assert!(seen.contains("watch: "), "its fate is unknown, and a watch told of it: {seen}");
    let unseen = says(|it| {
        lose(it, 8);
        it.history.tales[0].told.pop();
        it.history.tales[0].progress.pop();
    });
    assert_eq!(unseen, "", "what nobody heard of may never have been");
}

#[test]
fn a_write_that_one_node_does_not_hold_in_the_end() {
    assert!(says(|it| it.held[1] = Index(3)).contains("durable: n2 holds i3"));
}

#[test]
fn a_stale_read() {
    let stale = says(|it| {
        let old = answer(it, READ_OLD).clone();
        let OpReply::Range(old) = old.result.expect("a range") else { panic!("a range") };
        *answer(it, READ_B) = Reply { revision: Revision(2), result: Ok(OpReply::Range(old)) };
    });
    assert!(stale.contains("linear") && stale.contains("stale"), "{stale}");
}

#[test]
fn a_dirty_read() {
    let dirty = says(|it| pairs(it, READ_B)[0].value = "never".into());
    assert!(dirty.contains("no state gives this answer"), "{dirty}");
    let early = says(|it| it.history.ops[READ_B].top = 1);
    assert!(early.contains("no state gives this answer"), "nobody had applied it: {early}");
}

#[test]
fn a_write_that_is_done_twice() {
    let twice = says(|it| {
        let again = it.lines[WROTE_B].clone();
        it.lines.insert(2, again);
        it.held = vec![Index(it.lines.len() as u64); 3];
    });
    assert!(twice.contains("linear") && twice.contains("in the log twice"), "{twice}");
}

#[test]
fn a_number_that_is_done_twice() {
    let twice = says(|it| answer(it, RETRY).revision = Revision(6));
    assert!(twice.contains("numbers:") && twice.contains("was done before"), "{twice}");
    let other = says(|it| answer(it, FIRST_TRY).result = Err(KvError::NoSpace));
    assert!(other.contains("numbers:") && other.contains("was answered twice"), "{other}");
}

#[test]
fn a_write_that_was_said_not_to_be_done() {
    let there = says(|it| {
        it.history.ops[LOST].outcome = Outcome::Failed(Refused::NoLeader);
        it.history.ops[LOST].complete = Some(at(650));
    });
    assert!(there.contains("said not to be done"), "{there}");
}

#[test]
fn a_write_that_nobody_asked_for() {
    let there = says(|it| it.lines[0].entry.body = it.lines[1].entry.body.clone());
    assert!(there.contains("nobody asked for"), "{there}");
    let before = says(|it| it.lines[0].at = at(5));
    assert!(before.contains("nobody asked for"), "{before}");
}

#[test]
fn writes_against_real_time() {
    let turned = says(|it| it.lines.swap(0, 1));
    assert!(turned.contains("linear"), "{turned}");
}

#[test]
fn a_revision_that_goes_back() {
    let back = says(|it| {
        let old = pairs(it, READ_KEPT).clone();
        let kvs = pairs(it, READ_ALL);
        kvs.retain(|kv| kv.key != "k");
        kvs.splice(0..0, old);
        answer(it, READ_ALL).revision = Revision(4);
    });
    assert!(back.contains("linear") && back.contains("stale"), "a member told more before: {back}");
    let zero = says(|it| answer(it, WROTE_B).revision = Revision(2));
    assert!(zero.contains("should have been answered"), "{zero}");
}

#[test]
fn two_holders_of_a_lock() {
    let two = says(|it| answer(it, LOCKED_OUT).result = answer(it, LOCKED).result.clone());
    assert!(two.contains("linear") && two.contains("should have been answered"), "{two}");
}

#[test]
fn a_torn_transaction() {
    let read = says(|it| pairs(it, READ_ALL).retain(|kv| kv.key != "owner"));
    assert!(read.contains("no state gives this answer"), "{read}");
    let watched = says(|it| drop(it.history.tales[0].told[2].1.pop()));
    assert!(watched.contains("watch"), "{watched}");
}

#[test]
fn an_old_revision_that_is_not_as_it_was() {
    let wrong = says(|it| pairs(it, READ_OLD)[0].value = "b".into());
    assert!(wrong.contains("no state gives this answer"), "{wrong}");
}

#[test]
fn a_compaction_that_takes_a_kept_revision() {
    let taken = |it: &mut Evidence| {
        answer(it, READ_KEPT).result = Err(KvError::Compacted { oldest: Revision(4) });
    };
    assert!(says(taken).contains("no state gives this answer"));
    let broken = |oldest| {
        says(move |it| {
            let tale = &mut it.history.tales[0];
            tale.told.truncate(0);
            tale.progress.clear();
            tale.compacted = Some((Revision(oldest), usize::MAX));
        })
    };
    assert_eq!(broken(3), "", "a watch of what is gone is told so");
    assert!(broken(4).contains("watch") && broken(4).contains("said to be compacted"));
}

type Damage = fn(&mut Tale);

#[test]
fn watch_events_that_are_out_of_order_repeated_missing_or_of_others() {
    let kinds: [(&str, Damage); 12] = [
        ("out of order", |it| it.told.swap(0, 1)),
        ("repeated", |it| it.told.insert(1, it.told[0].clone())),
        ("missing", |it| drop(it.told.remove(1))),
        ("missing at the beginning", |it| drop(it.told.remove(0))),
        ("missing at the end", |it| {
            it.told.pop();
            it.progress.pop();
        }),
        ("torn over two batches", |it| {
            let rest = it.told[2].1.pop().expect("two changes");
            it.told.insert(3, (it.told[2].0, vec![rest]));
        }),
        ("turned inside a revision", |it| it.told[2].1.reverse()),
        ("of another key", |it| it.range = KeyRange::One("k".into())),
        ("filtered out", |it| it.no_put = true),
        ("a wrong kind", |it| it.told[1].1[0].deleted = true),
        ("of another revision", |it| it.told[1].0 = Revision(7)),
        ("from before the beginning", |it| it.from = Some(Revision(3))),
    ];
    for (name, damage) in kinds {
        let said = says(|it| damage(&mut it.history.tales[0]));
        assert!(said.contains("watch: "), "{name}: {said}");
    }
}

#[test]
fn a_wrong_pair_before() {
    for batch in [0, 1, 3, 4] {
        let said = says(|it| {
            let change = &mut it.history.tales[0].told[batch].1[0];
            let other = change.kv.clone();
            change.previous = change.previous.is_none().then_some(other);
        });
        let gone = batch == 1;
        assert!(said.contains("watch: ") != gone, "batch {batch}, compacted: {gone}: {said}");
    }
    let unasked = says(|it| it.history.tales[0].want_previous = false);
    assert!(unasked.contains("watch: "), "{unasked}");
}

#[test]
fn a_wrong_create_flag() {
    let created = says(|it| pair(it, 1, |kv| (kv.create, kv.version) = (kv.modified, 1)));
    assert!(created.contains("watch: "), "{created}");
    let changed = says(|it| pair(it, 2, |kv| (kv.create, kv.version) = (Revision(2), 2)));
    assert!(changed.contains("watch: "), "{changed}");
    let version = says(|it| pair(it, 1, |kv| kv.version += 1));
    assert!(version.contains("watch: "), "{version}");
}

#[test]
fn progress_that_is_told_too_early() {
    let early = says(|it| it.history.tales[0].progress[0] = (Revision(5), 3));
    assert!(early.contains("watch: ") && early.contains("progress at"), "{early}");
    let future = says(|it| it.history.tales[1].progress = vec![(Revision(99), 1)]);
    assert!(future.contains("progress at"), "{future}");
}

#[test]
fn the_early_death_of_a_lease() {
    let last = |it: &mut Evidence, millis| {
        let line = it.lines.last_mut().expect("the end of the lease");
        (line.at, line.entry.clock) = (at(millis), millis);
    };
    assert_eq!(says(|it| last(it, 1_500)), "");
    assert!(says(|it| last(it, 1_499)).contains("lease: it ended at"));
    let perhaps = says(|it| {
        it.history.ops[RENEWED].outcome = Outcome::Unknown;
        it.late.quiet = at(510).time;
    });
    assert_eq!(perhaps, "", "a renewal of unknown fate may have been one");
}

#[test]
fn a_lease_that_never_dies_or_too_late() {
    let left = says(|it| lose(it, 9));
    assert!(left.contains("lease: never ended"), "{left}");
    let late = says(|it| {
        let line = it.lines.last_mut().expect("the end of the lease");
        (line.at, line.entry.clock) = (at(1_620), 1_620);
    });
    assert!(late.contains("later than"), "{late}");
}

#[test]
fn a_lease_that_is_renewed_after_its_end() {
    let renewed = says(|it| {
        let mut late = it.history.ops[RENEWED].clone();
        (late.invoke, late.complete, late.top) = (at(1_600), Some(at(1_610)), it.lines.len());
        let mut seen = late.clone();
        (seen.invoke, seen.complete) = (at(1_520), Some(at(1_530)));
        seen.what = What::Leases;
        seen.outcome = Outcome::Ok(Answer::Leases(Vec::new()));
        it.history.ops.extend([seen, late]);
    });
    assert!(renewed.contains("linear: "), "{renewed}");
    assert!(renewed.contains("ephemeral: Lease(7)"), "without the log too: {renewed}");
}

#[test]
fn log_time_that_goes_back_or_is_too_fast() {
    assert!(says(|it| it.lines[4].entry.clock = 1).contains("clock: "));
    assert!(says(|it| it.lines[0].entry.clock = 20).contains("clock: "));
}

#[test]
fn a_refusal_without_a_reason() {
    let refused = says(|it| {
        let mut op = it.history.ops[LOST].clone();
        (op.outcome, op.complete) = (Outcome::Failed(Refused::NoSpace), Some(at(700)));
        it.history.ops.push(op);
    });
    assert!(refused.contains("refused: there was no reason"), "{refused}");
}
