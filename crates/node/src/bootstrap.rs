//! The bootstrap record: what every node of a new cluster computes alone, and
//! all compute alike: who is in it, and what everything is called.

use crate::ask::Member;
use alloc::string::String;
use alloc::vec::Vec;
use base::codec::Writer;
use base::limits::VOTERS_MAX;
use base::{ClusterId, NodeId};
use consensus::kind::ProtocolKind;
use core::fmt;

/// A node as its cluster is told of it at the start.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MemberSpec {
    /// Its name, unique in the cluster.
    pub name: String,
    /// Where other nodes reach it.
    pub peer_urls: Vec<String>,
}

/// Token, sorted members and their ids; the same on every node that was told the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bootstrap {
    /// Sets apart clusters that have the same members.
    pub token: String,
    /// What its groups speak.
    pub protocol: ProtocolKind,
    /// The members, ascending by id, without client addresses.
    pub members: Vec<Member>,
}

/// Why a list of members makes no cluster. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BootstrapError {
    /// No member is named.
    Empty,
    /// More members than may vote.
    TooMany(usize),
    /// Two members have this name.
    NameTwice(String),
    /// The node's own name is not among the members.
    NotAMember(String),
}

impl fmt::Display for BootstrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the initial cluster has no members"),
            Self::TooMany(count) => {
                write!(f, "{count} members were given, at most {VOTERS_MAX} can vote")
            }
            Self::NameTwice(name) => write!(f, "two members are called {name:?}"),
            Self::NotAMember(name) => {
                write!(f, "this node's name {name:?} is not in the initial cluster")
            }
        }
    }
}

impl core::error::Error for BootstrapError {}

impl Bootstrap {
    /// The record for these members.
    pub fn new(
        token: &str,
        protocol: ProtocolKind,
        specs: &[MemberSpec],
    ) -> Result<Self, BootstrapError> {
        let mut specs = specs.to_vec();
        specs.sort();
        if specs.is_empty() {
            return Err(BootstrapError::Empty);
        }
        if specs.len() > VOTERS_MAX {
            return Err(BootstrapError::TooMany(specs.len()));
        }
        let twice = specs.windows(2).find_map(|pair| match pair {
            [a, b] if a.name == b.name => Some(a.name.clone()),
            _ => None,
        });
        if let Some(name) = twice {
            return Err(BootstrapError::NameTwice(name));
        }
        let mut members: Vec<Member> = specs.iter().map(|spec| member(token, spec)).collect();
        members.sort_by_key(|member| member.id);
        Ok(Self { token: token.into(), protocol, members })
    }

    /// The member with this name.
    pub fn named(&self, name: &str) -> Result<&Member, BootstrapError> {
        let found = self.members.iter().find(|member| member.name == name);
        found.ok_or_else(|| BootstrapError::NotAMember(name.into()))
    }

    /// The id of the cluster: a hash of the whole record, never 0. Nodes that speak
    /// different protocols are no cluster. Raft's number is left out: its clusters
    /// were there before the others.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        let mut bytes = Vec::new();
        bytes.put_bytes(self.token.as_bytes());
        self.members.iter().for_each(|member| bytes.put_u64(member.id.0));
        if self.protocol != ProtocolKind::Raft {
            bytes.put_u8(self.protocol as u8);
        }
        ClusterId(base::checksum::hash64(&bytes).max(1))
    }

    /// The ids of all members, ascending.
    #[must_use]
    pub fn voters(&self) -> Vec<NodeId> {
        self.members.iter().map(|member| member.id).collect()
    }
}

/// A member's id is a hash of what it was called at the start: never 0.
fn member(token: &str, spec: &MemberSpec) -> Member {
    let mut bytes = Vec::new();
    bytes.put_bytes(token.as_bytes());
    bytes.put_bytes(spec.name.as_bytes());
    spec.peer_urls.iter().for_each(|url| bytes.put_bytes(url.as_bytes()));
    Member {
        id: NodeId(base::checksum::hash64(&bytes).max(1)),
        name: spec.name.clone(),
        peer_urls: spec.peer_urls.clone(),
        client_urls: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAFT: ProtocolKind = ProtocolKind::Raft;

    fn spec(name: &str) -> MemberSpec {
        MemberSpec { name: name.into(), peer_urls: vec![format!("http://{name}:2380")] }
    }

    #[test]
    fn every_node_computes_the_same_record() {
        let one = Bootstrap::new("t", RAFT, &[spec("a"), spec("b"), spec("c")]).unwrap();
        let two = Bootstrap::new("t", RAFT, &[spec("c"), spec("a"), spec("b")]).unwrap();
        assert_eq!(one, two);
        assert_eq!(one.cluster(), two.cluster());
        assert!(one.voters().is_sorted());
    }

    #[test]
    fn the_protocol_sets_clusters_apart() {
        let one = Bootstrap::new("t", RAFT, &[spec("a")]).unwrap();
        let two = Bootstrap::new("t", ProtocolKind::Paxos, &[spec("a")]).unwrap();
        assert_ne!(one.cluster(), two.cluster());
        assert_eq!(one.voters(), two.voters());
    }

    #[test]
    fn the_token_sets_clusters_apart() {
        let one = Bootstrap::new("t", RAFT, &[spec("a")]).unwrap();
        let two = Bootstrap::new("u", RAFT, &[spec("a")]).unwrap();
        assert_ne!(one.cluster(), two.cluster());
        assert_ne!(one.voters(), two.voters());
    }

    #[test]
    fn what_makes_no_cluster_is_refused() {
        assert_eq!(Bootstrap::new("t", RAFT, &[]), Err(BootstrapError::Empty));
        let twice = Bootstrap::new("t", RAFT, &[spec("a"), spec("a")]);
        assert_eq!(twice, Err(BootstrapError::NameTwice("a".into())));
        let many: Vec<_> = "abcdefgh".chars().map(|c| spec(&c.to_string())).collect();
        assert_eq!(Bootstrap::new("t", RAFT, &many), Err(BootstrapError::TooMany(8)));
        let one = Bootstrap::new("t", RAFT, &[spec("a")]).unwrap();
        assert_eq!(one.named("b"), Err(BootstrapError::NotAMember("b".into())));
    }
}
