//! A backup as clients are sent it: whole, countable, and nobody's burden.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod world;

use api::etcd::wire::etcdserverpb as wire;
use base::sha256::Sha256;
use bytes::Bytes;
use node::backup::{Found, Reading};
use tonic::{Code, Streaming};
use world::stub::maintenance_client::MaintenanceClient;
use world::{World, put};

/// Backups that a node streams at one time.
const AT_ONCE: usize = 4;

async fn begin(world: &World) -> Result<Streaming<wire::SnapshotResponse>, tonic::Status> {
    let mut client = MaintenanceClient::new(world.channel(0));
    client.snapshot(wire::SnapshotRequest {}).await.map(tonic::Response::into_inner)
}

/// More than waits on the way to a client that takes nothing.
fn fill(world: &World, values: u8) {
    world.ready();
    world.run(async {
        for number in 0..values {
            let value = vec![number; 1 << 20];
            let put = wire::PutRequest { value: value.into(), ..put(&format!("k{number}"), "") };
            world.kv(0).put(put).await.unwrap();
        }
    });
}

#[test]
fn a_backup_counts_down_and_ends_with_the_sum_of_itself() {
    let world = World::new("backup", 1);
    fill(&world, 5);
    let file = world.run(async {
        let mut blobs = begin(&world).await.unwrap();
        let (mut file, mut left) = (Vec::new(), None);
        while let Some(part) = blobs.message().await.unwrap() {
            assert!(part.blob.len() <= 32 << 10 && part.version == "3.5.0");
            match left {
                Some(0) => assert_eq!((part.blob.len(), part.remaining_bytes), (32, 0)),
                Some(left) => assert_eq!(left - part.blob.len() as u64, part.remaining_bytes),
                None => assert!(part.remaining_bytes > 4 << 20),
            }
            left = Some(part.remaining_bytes);
            file.extend_from_slice(&part.blob);
        }
        file
    });
    assert_eq!(file.len() % 512, 32);
    let (before, sum) = file.split_at(file.len() - 32);
    let mut expected = Sha256::new();
    expected.add(before);
    assert_eq!(sum, expected.finish());
    let (mut reading, mut rest) = (Reading::new(), Bytes::from(file));
    let mut found = Vec::new();
    while reading.wants() > 0 {
        found.extend(reading.take(&rest.split_to(reading.wants())).unwrap());
    }
    assert!(rest.is_empty());
    let Some(Found::Head(head)) = found.first() else { panic!("{found:?}") };
    assert_eq!((head.keys, head.revision.0), (5, 6));
}

#[test]
fn whoever_takes_nothing_holds_up_nobody_and_too_many_are_refused() {
    let world = World::new("backups", 1);
    fill(&world, 5);
    world.run(async {
        let mut open = Vec::new();
        for _ in 0..AT_ONCE {
            let mut blobs = begin(&world).await.unwrap();
            blobs.message().await.unwrap().unwrap();
            open.push(blobs);
        }
        let refused = begin(&world).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
        world.kv(0).put(put("k", "v")).await.unwrap();
        // Those that leave make room for others.
        open.clear();
        while begin(&world).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
}
