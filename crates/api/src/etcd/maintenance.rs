//! The Maintenance service: how one member is.

use crate::etcd::error::Status;
use crate::etcd::header::{Header, signed};
use crate::etcd::wire::etcdserverpb as wire;
use crate::etcd::{STORAGE_VERSION, VERSION};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::{Index, NodeId};

/// How a member is, seen from itself. Known without asking anybody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeStatus {
    /// Who leads, if known.
    pub leader: Option<NodeId>,
    /// The term that clients see.
    pub term: u64,
    /// The last index of the log that is known to be chosen.
    pub commit: Index,
    /// The last index that the state has applied.
    pub applied: Index,
    /// Bytes held for the data.
    pub bytes: u64,
    /// Bytes of these that the data really uses.
    pub bytes_in_use: u64,
    /// Bytes the data may grow to; 0 is unbounded.
    pub bytes_quota: u64,
}

/// The answer to `Status`.
#[must_use]
pub fn status(status: NodeStatus, header: Header) -> wire::StatusResponse {
    wire::StatusResponse {
        header: Some(header.wire()),
        version: VERSION.into(),
        db_size: size(status.bytes),
        leader: status.leader.map_or(0, |leader| leader.0),
        raft_index: status.commit.0,
        raft_term: status.term,
        raft_applied_index: status.applied.0,
        errors: errors(&status),
        db_size_in_use: size(status.bytes_in_use),
        is_learner: false,
        storage_version: STORAGE_VERSION.into(),
        db_size_quota: signed(status.bytes_quota),
        downgrade_info: Some(wire::DowngradeInfo::default()),
    }
}

/// The answer to `Defragment`, which has no header.
#[must_use]
pub const fn defragment() -> wire::DefragmentResponse {
    wire::DefragmentResponse { header: None }
}

/// Clients take a size of zero for a member that did not answer.
fn size(bytes: u64) -> i64 {
    signed(bytes.max(1))
}

fn errors(status: &NodeStatus) -> Vec<String> {
    let leaderless = status.leader.is_none().then(|| Status::NO_LEADER.text.to_string());
    leaderless.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{ClusterId, Revision};

    const HEADER: Header = Header {
        cluster_id: ClusterId(7),
        member_id: NodeId(1),
        revision: Revision(9),
        raft_term: 4,
    };

    const LED: NodeStatus = NodeStatus {
        leader: Some(NodeId(3)),
        term: 4,
        commit: Index(12),
        applied: Index(11),
        bytes: 500,
        bytes_in_use: 400,
        bytes_quota: 2000,
    };

    #[test]
    fn a_member_with_a_leader_shows_everything_and_no_error() {
        let response = status(LED, HEADER);
        assert_eq!(response.header.unwrap().revision, 9);
        assert_eq!((response.leader, response.raft_term), (3, 4));
        assert_eq!((response.raft_index, response.raft_applied_index), (12, 11));
        assert_eq!((response.db_size, response.db_size_in_use), (500, 400));
        assert_eq!((response.db_size_quota, response.is_learner), (2000, false));
        assert_eq!(response.downgrade_info, Some(wire::DowngradeInfo::default()));
        assert!(response.errors.is_empty());
    }

    #[test]
    fn a_member_without_a_leader_says_so() {
        let response = status(NodeStatus { leader: None, ..LED }, HEADER);
        assert_eq!(response.leader, 0);
        assert_eq!(response.errors, ["etcdserver: no leader"]);
    }

    #[test]
    fn an_empty_store_still_has_a_size() {
        let response = status(NodeStatus { bytes: 0, bytes_in_use: 0, ..LED }, HEADER);
        assert_eq!((response.db_size, response.db_size_in_use), (1, 1));
    }

    #[test]
    fn the_version_is_one_whose_progress_notices_kubernetes_trusts() {
        let numbers: Vec<u32> = VERSION.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(numbers >= vec![3, 5, 13], "{VERSION}");
    }
}
