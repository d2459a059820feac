//! Three nodes over real sockets: followers forward, one may die and come back.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod world;

use api::etcd::wire::etcdserverpb as wire;
use std::io::{Read, Write};
use std::net::TcpStream;
use world::World;
use world::stub::maintenance_client::MaintenanceClient;

/// Which node leads: what a node that runs says of it.
fn leader(world: &World) -> usize {
    let running: Vec<usize> =
        (0..world.nodes.len()).filter(|n| world.nodes[*n].server.is_some()).collect();
    world.run(async {
        loop {
            for &node in &running {
                let mut asked = MaintenanceClient::new(world.channel(node));
                let Ok(status) = asked.status(wire::StatusRequest::default()).await else {
                    continue;
                };
                let status = status.into_inner();
                if status.leader == status.header.expect("a header").member_id {
                    return node;
                }
            }
        }
    })
}

#[test]
fn every_node_takes_writes_and_every_node_reads_them() {
    let world = World::new("forward", 3);
    world.ready();
    for node in 0..3 {
        world.put(node, &format!("from{node}"), "v");
    }
    for node in 0..3 {
        for from in 0..3 {
            assert_eq!(world.get(node, &format!("from{from}")).as_deref(), Some("v"));
        }
    }
}

#[test]
fn the_leader_dies_and_nothing_acknowledged_is_lost() {
    let mut world = World::new("leader", 3);
    world.ready();
    for n in 0..50 {
        world.put(n % 3, &format!("k{n}"), &n.to_string());
    }
    for round in 0..2 {
        let dead = leader(&world);
        world.nodes[dead].kill();
        let alive = (dead + 1) % 3;
        world.put(alive, &format!("after{round}"), "v");
        for n in 0..50 {
            assert_eq!(world.get(alive, &format!("k{n}")), Some(n.to_string()));
        }
        world.nodes[dead].start();
        assert_eq!(world.get(dead, &format!("after{round}")).as_deref(), Some("v"));
    }
}

#[test]
fn a_follower_that_was_away_catches_up() {
    let mut world = World::new("follower", 3);
    world.ready();
    let away = (leader(&world) + 1) % 3;
    world.nodes[away].stop();
    let large = "v".repeat(100_000);
    for n in 0..60 {
        world.put((away + 1) % 3, &format!("k{n}"), &large);
    }
    world.nodes[away].start();
    assert_eq!(world.get(away, "k59").as_deref(), Some(large.as_str()));
}

#[test]
fn all_nodes_stop_and_all_come_back() {
    let mut world = World::new("all", 3);
    world.ready();
    world.put(0, "k", "v");
    world.nodes.iter_mut().for_each(world::Node::kill);
    world.nodes.iter_mut().for_each(world::Node::start);
    world.ready();
    assert_eq!(world.get(2, "k").as_deref(), Some("v"));
}

#[test]
fn strangers_on_the_peer_port_are_turned_away() {
    let world = World::new("stranger", 3);
    world.ready();
    for words in
        [&b"GET / HTTP/1.1\r\nHost: here, and then some more to make it long\r\n\r\n"[..], b""]
    {
        let mut line = TcpStream::connect(world.nodes[0].config.listen_peer[0]).unwrap();
        line.set_read_timeout(Some(world::LONG)).unwrap();
        line.write_all(words).unwrap();
        let mut said = Vec::new();
        // Closed, by an end or a reset, and without a word.
        if let Ok(count) = line.read_to_end(&mut said) {
            assert_eq!(count, 0);
        }
    }
    world.put(1, "k", "v");
}
