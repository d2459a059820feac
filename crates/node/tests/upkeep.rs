//! Compaction, room and progress over whole clusters.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::{Revision, WatchKey};
use bytes::Bytes;
use harness::{Cluster, KEYSPACE, options, revision};
use kv::command::{Alarm, AlarmChange, AlarmKind, Command, Compact, Envelope, KeyRange, KvError};
use node::event::{Answer, Ask, Event, WatchEvent, WatchOpen};
use std::time::Duration;

fn write(command: Command) -> Ask {
    let envelope = Envelope { keyspace: KEYSPACE, ..Envelope::default() };
    Ask::Write { envelope, command }
}

fn result(answer: &Answer) -> Result<(), KvError> {
    match answer {
        Answer::Kv(reply) => reply.result.as_ref().map(|_| ()).map_err(|why| *why),
        other => panic!("no reply: {other:?}"),
    }
}

fn open(from: Option<u64>) -> WatchOpen {
    WatchOpen {
        keyspace: KEYSPACE,
        range: KeyRange::One(Bytes::from_static(b"k")),
        no_put: false,
        no_delete: false,
        want_previous: false,
        from: from.map(Revision),
        credit: 1,
    }
}

fn compact(revision: u64, physical: bool) -> Ask {
    write(Command::Compact(Compact { revision: Revision(revision), physical }))
}

#[test]
fn a_watch_that_wants_what_is_compacted_is_told_so() {
    let mut cluster = Cluster::new();
    for _ in 0..9 {
        cluster.put(0, "k", "v");
    }
    assert_eq!(result(&cluster.answer(1, compact(5, true))), Ok(()));
    assert!(result(&cluster.answer(1, compact(5, false))).is_err());
    assert_eq!(result(&cluster.answer(1, compact(50, false))), Err(KvError::FutureRevision));
    let key = WatchKey(1);
    cluster.step(1, Event::Watch { key, open: open(Some(2)) });
    let told = cluster.watched.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>();
    assert!(matches!(told[0], WatchEvent::Opened { .. }), "{told:?}");
    assert!(matches!(told[1], WatchEvent::Compacted { oldest: Revision(5) }), "{told:?}");
}

#[test]
fn progress_is_told_behind_all_events_and_only_when_there_are_no_more() {
    let mut cluster = Cluster::new();
    cluster.put(0, "k", "1");
    let key = WatchKey(1);
    cluster.step(0, Event::Watch { key, open: open(Some(2)) });
    cluster.step(0, Event::Progress { key, all: vec![key] });
    assert!(matches!(
        cluster.watched.last(),
        Some((_, WatchEvent::Progress { revision: Revision(2), .. }))
    ));
    cluster.put(0, "k", "2");
    let told = cluster.watched.len();
    cluster.step(0, Event::Progress { key, all: vec![key] });
    assert_eq!(cluster.watched.len(), told, "no credit, so an event is still to come");
    cluster.step(0, Event::Credit { keys: vec![key], batches: 1 });
    cluster.step(0, Event::Progress { key, all: vec![key] });
    assert!(matches!(
        cluster.watched.last(),
        Some((_, WatchEvent::Progress { revision: Revision(3), .. }))
    ));
}

#[test]
fn without_room_writes_are_refused_until_room_is_made_and_the_alarm_called_off() {
    let mut cluster = Cluster::started(|name, seed| {
        let mut options = options(name, seed);
        options.quota = Some(20_000);
        options
    });
    let refused = loop {
        let answer = cluster.put(0, "k", "v");
        if let Err(why) = result(&answer) {
            break why;
        }
    };
    assert_eq!(refused, KvError::NoSpace);
    let alarms = |cluster: &mut Cluster| match cluster.answer(1, Ask::Alarms { keyspace: KEYSPACE })
    {
        Answer::Alarms(alarms) => alarms,
        other => panic!("no alarms: {other:?}"),
    };
    while alarms(&mut cluster).is_empty() {}
    assert_eq!(result(&cluster.put(2, "other", "v")), Err(KvError::NoSpace));
    let Answer::Status(status) = cluster.answer(0, Ask::Status) else { panic!("no status") };
    assert_eq!(result(&cluster.answer(2, compact(status.revision.0, true))), Ok(()));
    for alarm in alarms(&mut cluster) {
        assert_eq!(alarm.kind, AlarmKind::NoSpace);
        let off = AlarmChange { alarm: Alarm { ..alarm }, raise: false };
        assert_eq!(result(&cluster.answer(2, write(Command::Alarm(off)))), Ok(()));
    }
    assert_eq!(result(&cluster.put(2, "other", "v")), Ok(()));
}

#[test]
fn history_that_is_older_than_the_period_is_forgotten_by_itself() {
    let mut cluster = Cluster::started(|name, seed| {
        let mut options = options(name, seed);
        options.keep_history = Some(Duration::from_secs(20));
        options
    });
    for _ in 0..5 {
        cluster.put(0, "k", "v");
    }
    let newest = revision(&cluster.put(0, "k", "v"));
    let compacted = |cluster: &mut Cluster| match cluster
        .answer(1, Ask::HashKv { keyspace: KEYSPACE, revision: None })
    {
        Answer::HashKv { compacted, .. } => compacted,
        other => panic!("no hash: {other:?}"),
    };
    let end = cluster.now + Duration::from_secs(25);
    cluster.run(|cluster| cluster.now >= end);
    assert_eq!(compacted(&mut cluster), Some(newest));
}

/// Ten minutes of full load met the quota: whether history takes too much of it was
/// looked at every tenth of the period only, however much was written meanwhile.
#[test]
fn history_goes_before_it_fills_the_quota_however_fast_it_grows() {
    let mut cluster = Cluster::started(|name, seed| {
        let mut options = options(name, seed);
        options.quota = Some(20_000);
        options.keep_history = Some(Duration::from_secs(3_600));
        options.sweep_per_turn = 1;
        options
    });
    let keys = ["a", "b", "c", "d", "e"];
    let before = base::check::Mark::HistoryCrowded.count();
    for key in keys.iter().cycle().take(500) {
        assert_eq!(result(&cluster.put(0, key, "v")), Ok(()), "nobody runs out of room");
    }
    assert!(cluster.now < base::Time::ZERO + Duration::from_secs(360), "before the first look");
    assert!(base::check::Mark::HistoryCrowded.count() > before + 5);
    for at in 0..3 {
        let Answer::Status(status) = cluster.answer(at, Ask::Status) else { panic!("no status") };
        assert!(status.bytes < 20_000 && status.alarms.is_empty(), "{status:?}");
        assert!(status.bytes > 2_000, "some history is kept: {status:?}");
    }
}
