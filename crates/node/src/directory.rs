//! The state machine of group 0: the directory of the cluster. For now it
//! knows the members; keyspaces, shards and users come to live here too.

use crate::ask::Member;
use crate::bootstrap::Bootstrap;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use base::codec::{CodecError, Reader, Writer};
use base::limits::VOTERS_MAX;
use base::{Incarnation, Index, NodeId};
use bytes::Bytes;
use consensus::kind::ProtocolKind;
use journal::record::Owner;

const VERSION: u8 = 1;
const KIND_BOOTSTRAP: u8 = 1;
/// The same with the protocol, if that is not Raft.
const KIND_BOOTSTRAP_OF: u8 = 4;
const KIND_PUBLISH: u8 = 2;
const KIND_LIFE: u8 = 3;
const URLS_MAX: usize = 16;
/// The version of the chunk that a checkpoint of the directory is.
const CHUNK_VERSION: u8 = 1;

/// A change of the directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// The first entry of every cluster: the record it was started from.
    Bootstrap(Bootstrap),
    /// A member says where clients reach it.
    Publish {
        /// Which member.
        node: NodeId,
        /// Where clients reach it.
        client_urls: Vec<String>,
    },
    /// A member says which life its disk has: from now on a node with its id and
    /// another disk is known to have lost this one.
    Life {
        /// Which member.
        node: NodeId,
        /// The life.
        life: Incarnation,
    },
}

impl Change {
    /// The entry's bytes.
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = Vec::new();
        bytes.put_u8(VERSION);
        match self {
            Self::Bootstrap(record) => {
                if record.protocol == ProtocolKind::Raft {
                    bytes.put_u8(KIND_BOOTSTRAP);
                } else {
                    bytes.put_u8(KIND_BOOTSTRAP_OF);
                    bytes.put_u8(record.protocol as u8);
                }
                bytes.put_bytes(record.token.as_bytes());
                bytes.put_varint(record.members.len() as u64);
                record.members.iter().for_each(|member| put_member(&mut bytes, member));
            }
            Self::Publish { node, client_urls } => {
                bytes.put_u8(KIND_PUBLISH);
                bytes.put_u64(node.0);
                put_strings(&mut bytes, client_urls);
            }
            Self::Life { node, life } => {
                bytes.put_u8(KIND_LIFE);
                bytes.put_u64(node.0);
                bytes.put_u64(life.0);
            }
        }
        bytes.into()
    }

    /// Reads an entry's bytes.
    pub(crate) fn decode(body: &Bytes) -> Result<Self, CodecError> {
        let mut reader = Reader::new(body.clone());
        let version = reader.u8()?;
        if version != VERSION {
            return Err(CodecError::Invalid { what: "version", got: u64::from(version) });
        }
        let change = match reader.u8()? {
            KIND_BOOTSTRAP => take_bootstrap(&mut reader, ProtocolKind::Raft)?,
            KIND_BOOTSTRAP_OF => {
                let got = reader.u8()?;
                let invalid = CodecError::Invalid { what: "protocol", got: got.into() };
                take_bootstrap(&mut reader, ProtocolKind::from_u8(got).ok_or(invalid)?)?
            }
            KIND_PUBLISH => Self::Publish {
                node: NodeId(reader.u64()?),
                client_urls: take_list(&mut reader, URLS_MAX, take_string)?,
            },
            KIND_LIFE => {
                Self::Life { node: NodeId(reader.u64()?), life: Incarnation(reader.u64()?) }
            }
            kind => return Err(CodecError::Invalid { what: "kind", got: u64::from(kind) }),
        };
        reader.finish().map(|()| change)
    }
}

fn put_strings(bytes: &mut Vec<u8>, strings: &[String]) {
    bytes.put_varint(strings.len() as u64);
    strings.iter().for_each(|string| bytes.put_bytes(string.as_bytes()));
}

fn put_member(bytes: &mut Vec<u8>, member: &Member) {
    bytes.put_u64(member.id.0);
    bytes.put_bytes(member.name.as_bytes());
    put_strings(bytes, &member.peer_urls);
}

fn take_string(reader: &mut Reader) -> Result<String, CodecError> {
    let bytes = reader.bytes()?;
    let invalid = CodecError::Invalid { what: "text", got: bytes.len() as u64 };
    String::from_utf8(bytes.to_vec()).map_err(|_| invalid)
}

fn take_bootstrap(reader: &mut Reader, protocol: ProtocolKind) -> Result<Change, CodecError> {
    let token = take_string(reader)?;
    let members = take_list(reader, VOTERS_MAX, take_member)?;
    Ok(Change::Bootstrap(Bootstrap { token, protocol, members }))
}

fn take_member(reader: &mut Reader) -> Result<Member, CodecError> {
    Ok(Member {
        id: NodeId(reader.u64()?),
        name: take_string(reader)?,
        peer_urls: take_list(reader, URLS_MAX, take_string)?,
        client_urls: Vec::new(),
    })
}

fn take_list<T>(
    reader: &mut Reader,
    most: usize,
    item: impl Fn(&mut Reader) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    let count = reader.varint()?;
    if count > most as u64 {
        return Err(CodecError::Invalid { what: "count", got: count });
    }
    (0..count).map(|_| item(reader)).collect()
}

/// The directory as this node has applied it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Directory {
    members: BTreeMap<NodeId, Member>,
    /// The life of each member's disk, as it first said. Never changes.
    lives: BTreeMap<NodeId, Incarnation>,
    applied: Index,
}

impl Directory {
    /// How far the log is applied.
    pub(crate) const fn applied(&self) -> Index {
        self.applied
    }

    /// The members, ascending by id.
    pub(crate) fn members(&self) -> Vec<Member> {
        self.members.values().cloned().collect()
    }

    /// Applies the entry at `index`; `None` is an entry without a command.
    /// A second bootstrap record, and a word of an unknown member, change nothing.
    pub(crate) fn apply(&mut self, index: Index, change: Option<Change>) {
        self.applied = index;
        match change {
            Some(Change::Bootstrap(record)) if self.members.is_empty() => {
                self.members = record.members.into_iter().map(|it| (it.id, it)).collect();
            }
            Some(Change::Publish { node, client_urls }) => {
                if let Some(member) = self.members.get_mut(&node) {
                    member.client_urls = client_urls;
                }
            }
            Some(Change::Life { node, life }) if self.members.contains_key(&node) => {
                self.lives.entry(node).or_insert(life);
            }
            Some(Change::Bootstrap(_) | Change::Life { .. }) | None => {}
        }
    }

    /// The life of a member's disk, if it has said so.
    pub(crate) fn life(&self, node: NodeId) -> Option<Incarnation> {
        self.lives.get(&node).copied()
    }

    /// What the directory still lacks and this node can add: the bootstrap
    /// record if it leads, then the life of its disk, then its addresses.
    pub(crate) fn lacks(&self, own: &Own, leads: bool) -> Option<Change> {
        if self.members.is_empty() {
            return leads.then(|| Change::Bootstrap(own.bootstrap.clone()));
        }
        if self.life(own.me).is_none() {
            return Some(Change::Life { node: own.me, life: own.owner.incarnation });
        }
        let published = &self.members.get(&own.me)?.client_urls;
        let change = || Change::Publish { node: own.me, client_urls: own.client_urls.clone() };
        (*published != own.client_urls).then(change)
    }

    /// A hash of everything applied.
    pub(crate) fn state_hash(&self) -> u64 {
        let mut bytes = Vec::new();
        self.put_members(&mut bytes);
        base::checksum::hash64(&bytes)
    }

    /// The one chunk of its checkpoint: equal on every node that applied as much.
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = Vec::new();
        bytes.put_u8(CHUNK_VERSION);
        bytes.put_u64(self.applied.0);
        bytes.put_varint(self.members.len() as u64);
        self.put_members(&mut bytes);
        bytes.into()
    }

    /// Reads the chunk of a checkpoint.
    pub(crate) fn decode(chunk: &Bytes) -> Result<Self, CodecError> {
        let mut reader = Reader::new(chunk.clone());
        let version = reader.u8()?;
        if version != CHUNK_VERSION {
            return Err(CodecError::Invalid { what: "version", got: u64::from(version) });
        }
        let applied = Index(reader.u64()?);
        let members = take_list(&mut reader, VOTERS_MAX, |reader| {
            let member = take_member(reader)?;
            let client_urls = take_list(reader, URLS_MAX, take_string)?;
            Ok((Member { client_urls, ..member }, Incarnation(reader.u64()?)))
        })?;
        reader.finish()?;
        let known = members.iter().filter(|(_, life)| *life > Incarnation::ZERO);
        let lives = known.map(|(member, life)| (member.id, *life)).collect();
        let lives = base::mutant!(LivesNotThawed, lives, BTreeMap::new());
        let members = members.into_iter().map(|(member, _)| (member.id, member)).collect();
        Ok(Self { members, lives, applied })
    }

    fn put_members(&self, bytes: &mut Vec<u8>) {
        for member in self.members.values() {
            put_member(bytes, member);
            put_strings(bytes, &member.client_urls);
            bytes.put_u64(self.life(member.id).unwrap_or_default().0);
        }
    }
}

/// What this node can tell the directory about itself and its cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Own {
    /// This node.
    pub(crate) me: NodeId,
    /// Whose files its disk holds.
    pub(crate) owner: Owner,
    /// Where clients reach it.
    pub(crate) client_urls: Vec<String>,
    /// What its cluster was started from.
    pub(crate) bootstrap: Bootstrap,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::MemberSpec;

    fn own() -> Own {
        let spec = MemberSpec { name: "a".into(), peer_urls: vec!["http://a:1".into()] };
        let bootstrap = Bootstrap::new("t", ProtocolKind::Raft, &[spec]).unwrap();
        let me = bootstrap.voters()[0];
        let owner = Owner { cluster: bootstrap.cluster(), node: me, incarnation: Incarnation(3) };
        Own { me, owner, client_urls: vec!["http://a:2".into()], bootstrap }
    }

    #[test]
    fn changes_are_read_back_and_truncations_refused() {
        let own = own();
        let publish = Change::Publish { node: own.me, client_urls: own.client_urls };
        let life = Change::Life { node: own.me, life: own.owner.incarnation };
        let spoken = Bootstrap { protocol: ProtocolKind::Paxos, ..own.bootstrap.clone() };
        let records = [own.bootstrap, spoken].map(Change::Bootstrap);
        for change in records.into_iter().chain([publish, life]) {
            let bytes = change.encode();
            assert_eq!(Change::decode(&bytes), Ok(change));
            for cut in 0..bytes.len() {
                assert!(Change::decode(&bytes.slice(..cut)).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_node_adds_what_is_missing_until_nothing_is() {
        let (own, mut directory) = (own(), Directory::default());
        assert_eq!(directory.lacks(&own, false), None);
        for index in 1..=3 {
            let change = directory.lacks(&own, true).unwrap();
            directory.apply(Index(index), Some(change));
        }
        assert_eq!(directory.lacks(&own, true), None);
        assert_eq!(directory.members()[0].client_urls, own.client_urls);
        let chunk = directory.encode();
        assert_eq!(Directory::decode(&chunk).as_ref(), Ok(&directory));
        for cut in 0..chunk.len() {
            assert!(Directory::decode(&chunk.slice(..cut)).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn only_the_first_bootstrap_record_counts() {
        let (own, mut directory) = (own(), Directory::default());
        directory.apply(Index(1), Some(Change::Bootstrap(own.bootstrap.clone())));
        let before = directory.members();
        let other = MemberSpec { name: "z".into(), peer_urls: vec![] };
        let other = Bootstrap::new("t", ProtocolKind::Raft, &[other]).unwrap();
        directory.apply(Index(2), Some(Change::Bootstrap(other)));
        assert_eq!(directory.members(), before);
        assert_eq!(directory.applied(), Index(2));
    }
}
