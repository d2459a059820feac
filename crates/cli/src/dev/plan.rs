//! The nodes of a dev cluster: names and ports.

use super::node::Node;
use super::ports;
use crate::failure::Failure;

/// How many nodes may vote.
const NODES_MAX: usize = 7;

/// The nodes that were asked for, on etcd's ports unless told otherwise.
pub(crate) fn make(count: usize, given: Option<&str>) -> Result<Vec<Node>, Failure> {
    if !(1..=NODES_MAX).contains(&count) {
        return Err(Failure::arguments(format!(
            "-n {count}: a cluster has 1 to {NODES_MAX} nodes; 3 survive one loss, 5 two"
        )));
    }
    let ports = match given {
        None => ports::usual(count),
        Some("auto") => ports::free(count)?,
        Some(list) => ports::read(count, list)?,
    };
    let numbered = ports.into_iter().zip(1..);
    let node = |((client_port, peer_port), number)| Node {
        name: format!("n{number}"),
        client_port,
        peer_port,
    };
    Ok(numbered.map(node).collect())
}

/// The endpoints as clients want them.
pub(crate) fn endpoints(nodes: &[Node]) -> String {
    nodes.iter().map(Node::client).collect::<Vec<_>>().join(",")
}

/// How many are enough to decide.
pub(crate) fn majority(nodes: usize) -> usize {
    nodes / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_nodes_stand_on_the_ports_of_etcds_local_cluster() {
        let nodes = make(3, None).expect("a plan");
        assert_eq!(endpoints(&nodes), "127.0.0.1:2379,127.0.0.1:22379,127.0.0.1:32379");
        let peers: Vec<String> = nodes.iter().map(Node::peer).collect();
        assert_eq!(peers, ["127.0.0.1:2380", "127.0.0.1:22380", "127.0.0.1:32380"]);
        assert_eq!(make(5, None).expect("a plan").last().map(|node| node.client_port), Some(52379));
    }

    #[test]
    fn no_node_and_too_many_are_refused() {
        assert!(make(0, None).is_err());
        assert!(make(8, None).is_err());
        assert!(make(2, Some("1,2,3")).is_err());
    }

    #[test]
    fn more_than_half_decide() {
        assert_eq!([1, 2, 3, 4, 5].map(majority), [1, 2, 2, 3, 3]);
    }
}
