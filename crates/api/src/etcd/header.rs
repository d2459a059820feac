//! What every answer begins with, and how our numbers and pairs look on the wire.

use crate::etcd::wire::{etcdserverpb, mvccpb};
use base::{ClusterId, NodeId, Revision};
use kv::command::KeyValue;

/// Who answers, and at which point of the history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The cluster; never 0 on the wire.
    pub cluster_id: ClusterId,
    /// The member that answers; never 0 on the wire.
    pub member_id: NodeId,
    /// The newest revision that the answering side knows of. An answer that
    /// carries its own revision shows that one instead.
    pub revision: Revision,
    /// The term that clients see; never 0 on the wire.
    pub raft_term: u64,
}

impl Header {
    /// The same answerer at another revision.
    #[must_use]
    pub const fn at(self, revision: Revision) -> Self {
        Self { revision, ..self }
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn wire(self) -> etcdserverpb::ResponseHeader {
        etcdserverpb::ResponseHeader {
            cluster_id: self.cluster_id.0,
            member_id: self.member_id.0,
            revision: signed(self.revision.0),
            raft_term: self.raft_term,
        }
    }
}

/// Our counts and revisions grow from zero by ones and never come near the
/// largest signed number; should one ever, it is shown as the largest.
#[must_use]
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A pair as it goes over the wire.
#[must_use]
pub fn pair(kv: KeyValue) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: kv.key,
        create_revision: signed(kv.create.0),
        mod_revision: signed(kv.modified.0),
        version: signed(kv.version),
        value: kv.value,
        lease: kv.lease,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_header_shows_who_answers_and_when() {
        let header = Header {
            cluster_id: ClusterId(7),
            member_id: NodeId(2),
            revision: Revision(40),
            raft_term: 3,
        };
        let wire = header.at(Revision(41)).wire();
        assert_eq!((wire.cluster_id, wire.member_id, wire.revision, wire.raft_term), (7, 2, 41, 3));
    }

    #[test]
    fn a_number_beyond_the_signed_ones_is_the_largest() {
        assert_eq!(signed(0), 0);
        assert_eq!(signed(i64::MAX as u64), i64::MAX);
        assert_eq!(signed(u64::MAX), i64::MAX);
    }

    #[test]
    fn a_pair_keeps_every_field() {
        let wire = pair(KeyValue {
            key: Bytes::from_static(b"k"),
            create: Revision(2),
            modified: Revision(5),
            version: 3,
            lease: 9,
            value: Bytes::from_static(b"v"),
            extension: Bytes::from_static(b"not etcd's"),
        });
        assert_eq!((&wire.key[..], &wire.value[..]), (&b"k"[..], &b"v"[..]));
        assert_eq!((wire.create_revision, wire.mod_revision), (2, 5));
        assert_eq!((wire.version, wire.lease), (3, 9));
    }
}
