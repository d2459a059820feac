//! Which ports a dev cluster stands on, and whether they are free.

use super::node::Node;
use crate::failure::Failure;
use std::net::{Ipv4Addr, TcpListener};

/// Client and peer port of one node.
pub(super) type Pair = (u16, u16);

/// Nodes after the third go on by so many.
const STRIDE: u16 = 10_000;
/// Where free ports are looked for: below those that the system gives to
/// outgoing connections, so that a node that comes back finds its own still free.
const FREE_FROM: u16 = 11_000;
const FREE_TO: u16 = 32_000;

/// etcd's own local cluster: 2379, 22379, 32379, then on by 10000. Seven nodes
/// would leave the range of ports, so the sixth stands on the gap at 12379 and
/// the seventh beside the first.
pub(super) fn usual(count: usize) -> Vec<Pair> {
    let clients =
        [2379, 2379 + 2 * STRIDE, 2379 + 3 * STRIDE, 2379 + 4 * STRIDE, 2379 + 5 * STRIDE];
    let rest = [2379 + STRIDE, 2389];
    clients.into_iter().chain(rest).take(count).map(|client| (client, client + 1)).collect()
}

/// `C1,P1,C2,P2,…`.
pub(super) fn read(count: usize, list: &str) -> Result<Vec<Pair>, Failure> {
    let bad = || Failure::arguments(format!("--ports {list}: write `auto` or two per node"));
    let ports: Vec<u16> =
        list.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| bad())?;
    if ports.len() != 2 * count {
        return Err(bad());
    }
    let pair = |pair: &[u16]| Some((*pair.first()?, *pair.get(1)?));
    ports.chunks(2).map(pair).collect::<Option<_>>().ok_or_else(bad)
}

/// Ports that nobody listens on now. Where to begin differs per process, so that
/// two clusters that start together seldom look at the same ones.
pub(super) fn free(count: usize) -> Result<Vec<Pair>, Failure> {
    let span = u32::from(FREE_TO - FREE_FROM);
    let start = std::process::id().wrapping_mul(37) % span;
    let candidates = (0..span).filter_map(|step| u16::try_from((start + step) % span).ok());
    let mut held = Vec::new();
    for candidate in candidates.map(|offset| FREE_FROM + offset) {
        if held.len() == 2 * count {
            break;
        }
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, candidate)) {
            held.push((candidate, listener));
        }
    }
    let ports: Vec<String> = held.iter().map(|(port, _)| port.to_string()).collect();
    read(count, &ports.join(","))
}

/// Names the first port that somebody else listens on.
pub(super) fn check_free(nodes: &[Node]) -> Result<(), Failure> {
    for node in nodes {
        for (port, what) in [(node.client_port, "clients"), (node.peer_port, "peers")] {
            if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                return Err(Failure::error(format!(
                    "port {port}, where {} would listen for {what}, is taken: {error}\n  \
                     try: stop what listens there (`ss -ltnp 'sport = :{port}'` names it); if it is \
                     another dev cluster, `trimaran dev stop`",
                    node.name
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_all_different_and_free() {
        let ports = free(3).expect("ports");
        let mut all: Vec<u16> = ports.iter().flat_map(|(client, peer)| [*client, *peer]).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn a_taken_port_is_named_with_its_node() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let taken = holder.local_addr().expect("its number").port();
        let (_, peer_port) = free(1).expect("ports").remove(0);
        let node = Node { name: "n1".into(), client_port: taken, peer_port };
        let said = check_free(&[node]).expect_err("it is taken").words();
        assert!(
            said.contains(&format!("port {taken}, where n1 would listen for clients")),
            "{said}"
        );
    }

    #[test]
    fn seven_nodes_have_fourteen_ports() {
        let mut all: Vec<u16> =
            usual(7).iter().flat_map(|(client, peer)| [*client, *peer]).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 14);
    }
}
