//! The Cluster service: who belongs to it.

use crate::etcd::header::Header;
use crate::etcd::wire::etcdserverpb as wire;
use alloc::string::String;
use alloc::vec::Vec;
use base::{NodeId, Revision};

/// A member of the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its id.
    pub id: NodeId,
    /// Its name; empty until it has started once.
    pub name: String,
    /// Where other nodes reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty until it has started once.
    pub client_urls: Vec<String>,
}

/// The answer to `MemberList`. Headers of this service show no revision.
#[must_use]
pub fn member_list(members: Vec<Member>, header: Header) -> wire::MemberListResponse {
    wire::MemberListResponse {
        header: Some(header.at(Revision::ZERO).wire()),
        members: members.into_iter().map(member).collect(),
    }
}

fn member(member: Member) -> wire::Member {
    wire::Member {
        id: member.id.0,
        name: member.name,
        peer_urls: member.peer_urls,
        client_urls: member.client_urls,
        is_learner: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::ClusterId;

    #[test]
    fn members_are_listed_under_a_header_without_a_revision() {
        let header = Header {
            cluster_id: ClusterId(7),
            member_id: NodeId(1),
            revision: Revision(9),
            raft_term: 2,
        };
        let one = Member {
            id: NodeId(1),
            name: "n1".into(),
            peer_urls: vec!["http://127.0.0.1:2380".into()],
            client_urls: vec!["http://127.0.0.1:2379".into()],
        };
        let response = member_list(vec![one], header);
        let shown = response.header.unwrap();
        assert_eq!((shown.cluster_id, shown.member_id, shown.raft_term), (7, 1, 2));
        assert_eq!(shown.revision, 0);
        assert_eq!(response.members.len(), 1);
        let member = &response.members[0];
        assert_eq!((member.id, member.name.as_str(), member.is_learner), (1, "n1", false));
        assert_eq!(member.peer_urls, ["http://127.0.0.1:2380"]);
        assert_eq!(member.client_urls, ["http://127.0.0.1:2379"]);
    }
}
