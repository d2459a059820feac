//! Many watches at once: each is told everything, a bounded number in a turn.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::prng::Prng;
use base::{Revision, WatchKey};
use bytes::Bytes;
use harness::{Cluster, KEYSPACE, revision};
use kv::command::KeyRange;
use node::event::{Event, WatchEvent, WatchOpen};
use std::collections::BTreeMap;

/// More than one turn tells.
const MANY: u64 = 2000;
const PLENTY: u32 = 1000;

fn open(range: KeyRange, from: Option<u64>, credit: u32) -> WatchOpen {
    WatchOpen {
        keyspace: KEYSPACE,
        range,
        no_put: false,
        no_delete: false,
        want_previous: false,
        from: from.map(Revision),
        credit,
    }
}

fn one(key: &'static str) -> KeyRange {
    KeyRange::One(Bytes::from_static(key.as_bytes()))
}

fn all() -> KeyRange {
    KeyRange::Span { start: Bytes::from_static(b"a"), end: Bytes::from_static(b"z") }
}

/// The revisions that each watch was told of, in order.
fn told(cluster: &Cluster) -> BTreeMap<WatchKey, Vec<u64>> {
    let mut told = BTreeMap::<_, Vec<u64>>::new();
    for (key, event) in &cluster.watched {
        if let WatchEvent::Changes { batches, .. } = event {
            told.entry(*key).or_default().extend(batches.iter().map(|it| it.revision.0));
        }
    }
    told
}

fn put_at(cluster: &mut Cluster, key: &'static str) -> u64 {
    let answer = cluster.put(0, key, "v");
    revision(&answer).0
}

/// Whether the lane has something to do without being asked.
fn is_due(cluster: &Cluster) -> bool {
    let lane = &cluster.nodes[0].as_ref().unwrap().lane;
    lane.deadline().is_some_and(|deadline| deadline <= cluster.now)
}

fn pages(cluster: &Cluster) -> usize {
    let page = |(_, event): &&(_, WatchEvent)| matches!(event, WatchEvent::Changes { .. });
    cluster.watched.iter().filter(page).count()
}

#[test]
fn a_turn_tells_a_bounded_number_and_the_next_ones_the_others() {
    let mut cluster = Cluster::new();
    let revision = put_at(&mut cluster, "k");
    for key in 0..MANY {
        let open = open(all(), Some(revision + 1), PLENTY);
        cluster.step(0, Event::Watch { key: WatchKey(key), open });
    }
    cluster.watched.clear();
    let revision = put_at(&mut cluster, "k");
    let first = pages(&cluster);
    assert!(first < MANY as usize, "one turn told {first}");
    let mut before = first;
    while pages(&cluster) < MANY as usize {
        assert!(is_due(&cluster), "somebody was forgotten");
        cluster.step(0, Event::Timeout);
        let now = pages(&cluster);
        assert!(now > before && now - before <= 512, "{before} then {now}");
        before = now;
    }
    assert!(told(&cluster).values().all(|told| *told == [revision]));
    // All that were told in one turn were told the same, made once.
    let [(_, WatchEvent::Changes { batches: a, .. }), (_, WatchEvent::Changes { batches: b, .. })] =
        &cluster.watched[..2]
    else {
        panic!("events")
    };
    assert!(std::ptr::eq(a.as_ptr(), b.as_ptr()));
}

#[test]
fn few_watches_are_not_starved_by_many() {
    let mut cluster = Cluster::new();
    let mut next = put_at(&mut cluster, "k") + 1;
    for key in 0..MANY {
        let open = open(all(), Some(next), PLENTY);
        cluster.step(0, Event::Watch { key: WatchKey(key), open });
    }
    let lonely = WatchKey(MANY);
    cluster.step(0, Event::Watch { key: lonely, open: open(one("rare"), Some(next), PLENTY) });
    // Puts go on without a turn between them in which nothing else happens.
    for _ in 0..8 {
        put_at(&mut cluster, "k");
    }
    next = put_at(&mut cluster, "rare");
    for _ in 0..4 {
        put_at(&mut cluster, "k");
    }
    assert_eq!(told(&cluster).get(&lonely), Some(&vec![next]));
}

#[test]
fn each_watch_is_told_everything_once_whatever_opens_and_closes_beside_it() {
    let mut cluster = Cluster::new();
    let mut prng = Prng::new(7);
    let (mut open_now, mut opened) = (BTreeMap::<u64, (usize, u64, u32)>::new(), 0);
    let ranges = [one("a"), one("b"), all(), one("never")];
    let names = ["a", "b"];
    let (mut written, mut newest) = (Vec::new(), put_at(&mut cluster, "x"));
    for _ in 0..600 {
        match prng.below(5) {
            0 => {
                let (kind, back) = (prng.below(4) as usize, prng.below(4));
                let (from, credit) = (newest + 2 - back.min(newest), prng.below(3) as u32);
                let key = WatchKey(opened);
                let open = open(ranges[kind].clone(), Some(from), credit);
                cluster.step(0, Event::Watch { key, open });
                open_now.insert(opened, (kind, from, credit));
                opened += 1;
            }
            1 => {
                let at = prng.below(opened.max(1));
                if prng.chance(1, 4) && open_now.remove(&at).is_some() {
                    cluster.step(0, Event::Unwatch { key: WatchKey(at) });
                    cluster.watched.retain(|(key, _)| key.0 != at);
                } else if open_now.contains_key(&at) {
                    cluster.step(0, Event::Credit { keys: vec![WatchKey(at)], batches: 2 });
                }
            }
            _ => {
                let name = prng.below(2) as usize;
                newest = put_at(&mut cluster, names[name]);
                written.push((newest, name));
            }
        }
    }
    let keys = open_now.keys().copied().map(WatchKey).collect();
    cluster.step(0, Event::Credit { keys, batches: PLENTY });
    while is_due(&cluster) {
        cluster.step(0, Event::Timeout);
    }
    let told = told(&cluster);
    assert!(open_now.len() > 20, "{}", open_now.len());
    for (at, (kind, from, _)) in open_now {
        let wants = |name: usize| kind == 2 || kind == name;
        let wanted = written.iter().filter(|(revision, name)| *revision >= from && wants(*name));
        let wanted: Vec<u64> = wanted.map(|(revision, _)| *revision).collect();
        // What was written before the first put here is on no list.
        let heard = told.get(&WatchKey(at)).cloned().unwrap_or_default();
        let heard: Vec<u64> = heard.into_iter().filter(|it| *it >= written[0].0).collect();
        assert_eq!(heard, wanted, "watch {at} of {kind} from {from}");
    }
}

#[test]
fn those_whose_turn_comes_later_are_told_the_same_whatever_was_written_meanwhile() {
    let mut cluster = Cluster::new();
    let revision = put_at(&mut cluster, "k");
    for key in 0..MANY {
        cluster
            .step(0, Event::Watch { key: WatchKey(key), open: open(all(), Some(revision + 1), 1) });
    }
    cluster.watched.clear();
    while pages(&cluster) < MANY as usize {
        put_at(&mut cluster, "k");
    }
    let page = |(_, event): &(_, WatchEvent)| match event {
        WatchEvent::Changes { batches, .. } => batches.as_ptr(),
        other => panic!("{other:?}"),
    };
    let pages: Vec<_> = cluster.watched.iter().map(page).collect();
    assert_eq!(pages.len(), MANY as usize, "nobody had room for more");
    assert!(pages.iter().all(|page| std::ptr::eq(*page, pages[0])), "made once");
}

/// Many watches have used up what an idle node has saved, which ended in the middle
/// of a page, and the clock stands still.
fn spent() -> Cluster {
    let mut cluster = Cluster::new();
    let revision = put_at(&mut cluster, "k");
    for key in 0..MANY {
        let open = open(all(), Some(revision + 1), PLENTY);
        cluster.step(0, Event::Watch { key: WatchKey(key), open });
    }
    for _ in 0..20 {
        put_at(&mut cluster, "k");
        while is_due(&cluster) {
            cluster.step(0, Event::Timeout);
        }
    }
    cluster
}

#[test]
fn watches_take_what_time_they_are_given_and_no_more() {
    let mut cluster = spent();
    let told = pages(&cluster);
    put_at(&mut cluster, "k");
    assert_eq!(pages(&cluster), told, "a write goes on, and watches wait");
    let lane = &cluster.nodes[0].as_ref().unwrap().lane;
    assert!(lane.deadline().is_some_and(|at| at > cluster.now), "for some time only");
    while pages(&cluster) < 21 * MANY as usize && self::told(&cluster).len() == MANY as usize {
        let at = cluster.nodes[0].as_ref().unwrap().lane.deadline().unwrap();
        cluster.now = cluster.now.max(at);
        cluster.step(0, Event::Timeout);
        if self::told(&cluster).values().all(|told| told.len() == 21) {
            return;
        }
    }
    panic!("somebody was forgotten");
}

#[test]
fn a_short_page_is_not_left_to_those_for_whom_there_is_much_more() {
    let mut cluster = spent();
    cluster.watched.clear();
    for _ in 0..100 {
        put_at(&mut cluster, "k");
    }
    assert_eq!(pages(&cluster), 0);
    let lane = &cluster.nodes[0].as_ref().unwrap().lane;
    cluster.now = cluster.now.max(lane.deadline().unwrap());
    cluster.now.0 += 10_000_000;
    cluster.step(0, Event::Timeout);
    assert!(pages(&cluster) > 0);
    for (_, event) in &cluster.watched {
        let WatchEvent::Changes { batches, .. } = event else { panic!("{event:?}") };
        assert!(batches.len() >= 64, "{}", batches.len());
    }
}
