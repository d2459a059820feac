//! The Maintenance service: how one member is, and its upkeep.

use crate::etcd::alarm;
use crate::etcd::error::Status;
use crate::etcd::header::{Header, signed};
use crate::etcd::range::{self, Place};
use crate::etcd::wire::etcdserverpb as wire;
use crate::etcd::{STORAGE_VERSION, VERSION};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::{Index, NodeId, Revision};
use kv::command::Alarm;

/// What `Status` says of a disk that is full.
const NO_ROOM: &str = "no room on the disk of this member";

const HEALING: &str = "this member lost part of its log and does not count until it is healed";

/// What `HashKV` shows as the last compaction before there was one.
const NEVER_COMPACTED: i64 = -1;

/// How a member is, seen from itself. Known without asking anybody.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    /// The alarms that stand, whoever's they are.
    pub alarms: Vec<Alarm>,
    /// The disk has no room for what must be written: no alarm, for it is this
    /// member's trouble alone, and ends by itself when there is room.
    pub no_room: bool,
    /// What this member has lost of its log and does not have again: it neither votes
    /// nor counts until then.
    pub healing: Option<String>,
}

/// The hash of a keyspace's history, equal on all members that have compacted alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HashOfKv {
    /// The hash.
    pub hash: u32,
    /// The last compaction, if there was one.
    pub compacted: Option<Revision>,
    /// The revision up to which was hashed.
    pub revision: Revision,
}

/// The answer to `Status`.
#[must_use]
pub fn status(status: &NodeStatus, header: Header) -> wire::StatusResponse {
    wire::StatusResponse {
        header: Some(header.wire()),
        version: VERSION.into(),
        db_size: size(status.bytes),
        leader: status.leader.map_or(0, |leader| leader.0),
        raft_index: status.commit.0,
        raft_term: status.term,
        raft_applied_index: status.applied.0,
        errors: errors(status),
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

/// The answer to `Hash`. Clients take a hash of zero for none.
#[must_use]
pub fn hash(hash: u32, header: Header) -> wire::HashResponse {
    wire::HashResponse { header: Some(header.wire()), hash: hash.max(1) }
}

/// The revision that `HashKV` asks for; `None` is the newest.
#[must_use]
pub fn hash_kv(request: wire::HashKvRequest) -> Option<Revision> {
    range::revision(request.revision, Place::Alone)
}

/// The answer to `HashKV`. The header shows the present, whatever was hashed;
/// a compaction is never shown as zero.
#[must_use]
pub fn hashed_kv(of: HashOfKv, header: Header) -> wire::HashKvResponse {
    let compacted = of.compacted.map_or(0, |revision| signed(revision.0));
    wire::HashKvResponse {
        header: Some(header.at(header.revision.max(of.revision)).wire()),
        hash: of.hash,
        compact_revision: if compacted == 0 { NEVER_COMPACTED } else { compacted },
        hash_revision: signed(of.revision.0),
    }
}

/// The member to which `MoveLeader` shall give leadership.
#[must_use]
pub const fn move_leader(request: wire::MoveLeaderRequest) -> NodeId {
    NodeId(request.target_id)
}

/// The answer to `MoveLeader`, which has no header.
#[must_use]
pub const fn moved_leader() -> wire::MoveLeaderResponse {
    wire::MoveLeaderResponse { header: None }
}

/// Clients take a size of zero for a member that did not answer.
fn size(bytes: u64) -> i64 {
    signed(bytes.max(1))
}

fn errors(status: &NodeStatus) -> Vec<String> {
    let leaderless = status.leader.is_none().then(|| Status::NO_LEADER.text.to_string());
    let no_room = status.no_room.then(|| NO_ROOM.to_string());
    let alarms = status.alarms.iter().map(alarm::text);
    let healing = status.healing.as_ref().map(|what| format!("{HEALING}: {what}"));
    leaderless.into_iter().chain(no_room).chain(healing).chain(alarms).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::ClusterId;
    use kv::command::AlarmKind;

    const HEADER: Header = Header {
        cluster_id: ClusterId(7),
        member_id: NodeId(1),
        revision: Revision(9),
        raft_term: 4,
    };

    fn led() -> NodeStatus {
        NodeStatus {
            leader: Some(NodeId(3)),
            term: 4,
            commit: Index(12),
            applied: Index(11),
            bytes: 500,
            bytes_in_use: 400,
            bytes_quota: 2000,
            alarms: Vec::new(),
            no_room: false,
            healing: None,
        }
    }

    #[test]
    fn a_member_with_a_leader_shows_everything_and_no_error() {
        let response = status(&led(), HEADER);
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
        let response = status(&NodeStatus { leader: None, ..led() }, HEADER);
        assert_eq!(response.leader, 0);
        assert_eq!(response.errors, ["etcdserver: no leader"]);
    }

    #[test]
    fn alarms_are_errors_behind_that_of_no_leader() {
        let alarms = vec![
            Alarm { member: 5, kind: AlarmKind::NoSpace },
            Alarm { member: u64::MAX, kind: AlarmKind::Corrupt },
        ];
        let response = status(&NodeStatus { leader: None, alarms, no_room: true, ..led() }, HEADER);
        let expected = [
            "etcdserver: no leader",
            NO_ROOM,
            "memberID:5 alarm:NOSPACE",
            "memberID:18446744073709551615 alarm:CORRUPT",
        ];
        assert_eq!(response.errors, expected);
    }

    #[test]
    fn a_hash_of_everything_is_never_zero() {
        assert_eq!((hash(0, HEADER).hash, hash(9, HEADER).hash), (1, 9));
        assert_eq!(hash(0, HEADER).header.unwrap().revision, 9);
    }

    #[test]
    fn zero_and_less_hash_the_newest_revision() {
        let asked = |revision| hash_kv(wire::HashKvRequest { revision });
        assert_eq!((asked(0), asked(-3), asked(7)), (None, None, Some(Revision(7))));
    }

    #[test]
    fn a_hash_of_history_names_what_was_hashed_under_a_header_of_now() {
        let of = HashOfKv { hash: 0, compacted: Some(Revision(3)), revision: Revision(7) };
        let response = hashed_kv(of, HEADER);
        assert_eq!(response.header.unwrap().revision, 9);
        let shown = (response.hash, response.compact_revision, response.hash_revision);
        assert_eq!(shown, (0, 3, 7));
        let newer = hashed_kv(HashOfKv { revision: Revision(12), ..of }, HEADER);
        assert_eq!(newer.header.unwrap().revision, 12);
    }

    #[test]
    fn a_compaction_is_never_shown_as_zero() {
        for compacted in [None, Some(Revision::ZERO)] {
            let of = HashOfKv { hash: 5, compacted, revision: Revision(7) };
            assert_eq!(hashed_kv(of, HEADER).compact_revision, -1);
        }
    }

    #[test]
    fn some_answers_have_no_header() {
        assert_eq!(defragment().header, None);
        assert_eq!(moved_leader().header, None);
        assert_eq!(move_leader(wire::MoveLeaderRequest { target_id: 4 }), NodeId(4));
    }

    #[test]
    fn an_empty_store_still_has_a_size() {
        let response = status(&NodeStatus { bytes: 0, bytes_in_use: 0, ..led() }, HEADER);
        assert_eq!((response.db_size, response.db_size_in_use), (1, 1));
    }

    #[test]
    fn the_version_is_one_whose_progress_notices_kubernetes_trusts() {
        let numbers: Vec<u32> = VERSION.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(numbers >= vec![3, 5, 13], "{VERSION}");
    }
}
