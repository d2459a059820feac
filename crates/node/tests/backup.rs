//! A cluster that begins with the state of another one.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod harness;

use base::sha256::Sha256;
use base::{GroupId, Revision, WatchKey};
use bytes::Bytes;
use harness::{Cluster, KEYSPACE, revision};
use journal::disk::{Disk, DiskOp};
use journal::memory::MemoryDisk;
use kv::command::{Command, Envelope, KeyRange, LeaseGrant, Put};
use node::backup::{BackupError, Found, Reading, Writing};
use node::boot::{BootError, BootOptions, ProtocolKind, boot};
use node::event::{Answer, Ask, Event, LeaseAsk, WatchEvent, WatchOpen};
use node::found::{FoundError, FoundOptions, Founded, Founding};

fn options(name: &str, seed: u64) -> BootOptions {
    BootOptions { token: "restored".into(), ..harness::options(name, seed) }
}

fn found_options(name: &str, token: &str) -> FoundOptions {
    let BootOptions { members, segment_bytes, .. } = options(name, 1);
    let incarnation = 70 + u64::from(name.as_bytes()[0]);
    FoundOptions {
        name: name.into(),
        token: token.into(),
        members,
        protocol: ProtocolKind::Raft,
        segment_bytes,
        incarnation,
    }
}

fn write(command: Command) -> Ask {
    let envelope = Envelope { keyspace: KEYSPACE, ..Envelope::default() };
    Ask::Write { envelope, command }
}

/// The backup that the node at `at` gives.
fn backup(cluster: &mut Cluster, at: usize) -> Vec<u8> {
    let asked = cluster.answer(at, Ask::Snapshot { keyspace: KEYSPACE });
    let Answer::Snapshot(snapshot) = asked else { panic!("no snapshot: {asked:?}") };
    let made_in = cluster.nodes[at].as_ref().unwrap().cluster;
    let mut writing = Writing::new(made_in, KEYSPACE, snapshot);
    let (mut file, mut sum) = (Vec::new(), Sha256::new());
    while let Some(part) = writing.next_part() {
        sum.add(&part);
        file.extend_from_slice(&part);
    }
    file.extend_from_slice(&sum.finish());
    file
}

fn restore(
    file: &[u8],
    disk: &mut dyn Disk,
    options: &FoundOptions,
) -> Result<Founded, FoundError> {
    let (mut reading, mut rest) = (Reading::new(), Bytes::copy_from_slice(file));
    let mut founding = None;
    loop {
        match reading.take(&rest.split_to(reading.wants())).unwrap() {
            Some(Found::Head(head)) => founding = Some(Founding::begin(disk, options, head)?),
            Some(Found::Chunk(chunk)) => founding.as_mut().unwrap().add(disk, &chunk)?,
            Some(Found::End(_)) => return founding.unwrap().finish(disk),
            None => {}
        }
    }
}

fn restored(file: &[u8]) -> Vec<MemoryDisk> {
    let one = |name| {
        let mut disk = MemoryDisk::new();
        restore(file, &mut disk, &found_options(name, "restored")).unwrap();
        disk
    };
    ["a", "b", "c"].map(one).into()
}

/// A cluster with some history, a lease and a key that hangs on it.
fn old_cluster() -> (Cluster, Vec<u8>) {
    let mut cluster = Cluster::new();
    for value in ["1", "2", "3"] {
        cluster.put(0, "k", value);
    }
    let grant = LeaseGrant { id: 77, ttl_s: 30 };
    cluster.answer(0, write(Command::LeaseGrant(grant)));
    let put = Put {
        key: Bytes::from_static(b"hangs"),
        value: Some(Bytes::from_static(b"x")),
        lease: Some(77),
        want_previous: false,
    };
    let newest = revision(&cluster.answer(0, write(Command::Put(put))));
    assert_eq!(newest, Revision(5));
    // Some of its time has gone by.
    let end = cluster.now + std::time::Duration::from_secs(20);
    cluster.run(|cluster| cluster.now >= end);
    let file = backup(&mut cluster, 0);
    (cluster, file)
}

fn watch(cluster: &mut Cluster, at: usize, from: u64) -> Vec<u64> {
    let key = WatchKey(1);
    let open = WatchOpen {
        keyspace: KEYSPACE,
        range: KeyRange::One(Bytes::from_static(b"k")),
        no_put: false,
        no_delete: false,
        want_previous: false,
        from: Some(Revision(from)),
        credit: 9,
    };
    cluster.step(at, Event::Watch { key, open });
    let told = |cluster: &Cluster| -> Vec<u64> {
        let batches = cluster.watched.iter().filter_map(|(_, event)| match event {
            WatchEvent::Changes { batches, .. } => Some(batches.iter()),
            _ => None,
        });
        batches.flatten().map(|changes| changes.revision.0).collect()
    };
    cluster.run(|cluster| told(cluster).len() >= 3);
    told(cluster)
}

#[test]
fn three_members_that_begin_with_a_backup_are_a_cluster_that_goes_on_from_it() {
    let (old, file) = old_cluster();
    let mut new = Cluster::with(restored(&file), options);
    let report = &new.nodes[0].as_ref().unwrap().report;
    assert!(report.contains("from a checkpoint at"), "{report}");
    assert_ne!(
        new.nodes[0].as_ref().unwrap().cluster,
        old.nodes[0].as_ref().unwrap().cluster,
        "it is another cluster"
    );
    // What is read is what was, and revisions go on from there.
    assert_eq!(new.get(1, "k").as_deref(), Some(&b"3"[..]));
    let LeaseLeft { ttl_s, remaining_ms, keys } = lease(&mut new, 2);
    assert_eq!((ttl_s, keys), (30, vec![Bytes::from_static(b"hangs")]));
    assert!(remaining_ms > 28_000, "it begins anew: {remaining_ms} ms are left");
    assert_eq!(revision(&new.put(2, "k", "4")), Revision(6));
    assert_eq!(watch(&mut new, 1, 3), [3, 4, 6]);
    // And they are there after another start.
    for at in 0..3 {
        new.kill(at);
    }
    for at in 0..3 {
        new.start(at);
    }
    assert_eq!(new.get(0, "k").as_deref(), Some(&b"4"[..]));
    new.run(|new| {
        let state = |at: usize| new.nodes[at].as_ref().unwrap().lane.state_hash(GroupId::DEFAULT);
        state(0) == state(1) && state(1) == state(2)
    });
}

struct LeaseLeft {
    ttl_s: u64,
    remaining_ms: u64,
    keys: Vec<Bytes>,
}

fn lease(cluster: &mut Cluster, at: usize) -> LeaseLeft {
    let ask = LeaseAsk { id: 77, renew: false };
    match cluster.answer(at, Ask::Lease { keyspace: KEYSPACE, ask }) {
        Answer::Lease { told, keys } => {
            LeaseLeft { ttl_s: told.ttl_s, remaining_ms: told.remaining_ms, keys }
        }
        other => panic!("no lease: {other:?}"),
    }
}

#[test]
fn a_lease_that_came_along_ends_after_its_full_time() {
    let (_, file) = old_cluster();
    let mut new = Cluster::with(restored(&file), options);
    let begun = new.now;
    assert!(new.get(0, "hangs").is_some());
    while new.get(0, "hangs").is_some() {
        let next = new.now + std::time::Duration::from_millis(500);
        new.run(|cluster| cluster.now >= next);
    }
    assert!(new.now.since(begun) >= std::time::Duration::from_secs(30));
}

#[test]
fn one_member_alone_begins_with_the_backup_of_three() {
    let (_, file) = old_cluster();
    let mut alone = found_options("a", "alone");
    alone.members.truncate(1);
    let mut disk = MemoryDisk::new();
    restore(&file, &mut disk, &alone).unwrap();
    let BootOptions { members, .. } = options("a", 1);
    let options =
        BootOptions { token: "alone".into(), members: members[..1].into(), ..options("a", 1) };
    let booted = boot(&mut disk, &options, base::Time::ZERO).unwrap();
    assert!(booted.peers.is_empty());
}

#[test]
fn what_would_not_be_a_new_member_of_a_new_cluster_is_refused() {
    let (mut old, file) = old_cluster();
    let made_in = old.nodes[0].as_ref().unwrap().cluster;
    let mut disk = MemoryDisk::new();
    let same = restore(&file, &mut disk, &found_options("a", "test"));
    assert_eq!(same, Err(FoundError::SameCluster(made_in)));
    let stranger = restore(&file, &mut disk, &found_options("z", "restored"));
    assert!(matches!(stranger, Err(FoundError::Bootstrap(_))), "{stranger:?}");
    assert_eq!(disk.list().unwrap(), [], "nothing was written");
    let used = restore(&file, &mut old.disks[0], &found_options("a", "restored"));
    assert_eq!(used, Err(FoundError::NotEmpty));
}

#[test]
fn chunks_that_make_no_state_make_no_member() {
    let (mut cluster, _) = old_cluster();
    let asked = cluster.answer(0, Ask::Snapshot { keyspace: KEYSPACE });
    let Answer::Snapshot(mut snapshot) = asked else { panic!("no snapshot: {asked:?}") };
    let file = backup(&mut cluster, 0);
    let mut reading = Reading::new();
    let head = reading.take(&Bytes::copy_from_slice(&file[..reading.wants()]));
    let Ok(Some(Found::Head(head))) = head else { panic!("{head:?}") };
    let mut disk = MemoryDisk::new();
    let mut founding = Founding::begin(&mut disk, &found_options("a", "restored"), head).unwrap();
    founding.add(&mut disk, &snapshot.next_chunk().unwrap()).unwrap();
    let ended = founding.finish(&mut disk);
    assert!(matches!(ended, Err(FoundError::State(_))), "{ended:?}");
    assert_eq!(reading.take(&Bytes::new()), Err(BackupError::Short));
}

/// The log says that it begins behind a checkpoint. A member without that one neither
/// votes nor leads before the others have given it what it lacks; and where there are
/// none it does not start.
#[test]
fn a_member_whose_state_is_lost_does_not_begin_with_nothing() {
    let (_, file) = old_cluster();
    let lost = || DiskOp::Remove { file: "state-1-a.manifest".into() };
    let mut disks = restored(&file);
    disks.iter_mut().for_each(|disk| disk.sync(lost()).unwrap());
    let mut halted = Cluster::with(disks, options);
    let end = halted.now + std::time::Duration::from_secs(20);
    halted.run(|cluster| cluster.now > end);
    let nobody = |at| match halted.answer(at, Ask::Status) {
        Answer::Status(status) => status.leader.is_none() && status.healing.is_some(),
        other => panic!("no status: {other:?}"),
    };
    assert!((0..3).all(nobody), "nobody has it, and somebody leads");

    let mut new = Cluster::with(restored(&file), options);
    assert_eq!(new.get(0, "k").as_deref(), Some(b"3".as_slice()));
    new.kill(0);
    new.disks[0].sync(lost()).unwrap();
    new.start(0);
    assert!(new.nodes[0].as_ref().unwrap().lane.is_healing());
    new.run(|cluster| !cluster.nodes[0].as_ref().unwrap().lane.is_healing());
    assert_eq!(new.get(0, "k").as_deref(), Some(b"3".as_slice()));

    let alone = |name: &str| {
        let mut options = options(name, 1);
        options.members.retain(|it| it.name == name);
        options
    };
    let mut disk = MemoryDisk::new();
    let founded = FoundOptions { members: alone("a").members, ..found_options("a", "restored") };
    restore(&file, &mut disk, &founded).unwrap();
    disk.sync(lost()).unwrap();
    let booted = boot(&mut disk, &alone("a"), base::Time::ZERO);
    assert!(matches!(booted, Err(BootError::Log { .. })), "{:?}", booted.map(|it| it.report));
}
