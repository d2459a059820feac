//! Leases: what clients ask of them and what they are told.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use api::etcd::error::Status;
use api::etcd::header::Header;
use api::etcd::kv::Ask;
use api::etcd::lease::{self, LeaseInfo};
use api::etcd::wire::etcdserverpb::{LeaseGrantRequest, LeaseRevokeRequest};
use base::{ClusterId, NodeId, Revision};
use bytes::Bytes;
use kv::command::{Command, KvError, LeaseGrant, OpReply, Reply};

const HEADER: Header =
    Header { cluster_id: ClusterId(7), member_id: NodeId(2), revision: Revision(10), raft_term: 3 };

const FLOOR_S: u64 = 2;

fn reply(result: Result<OpReply, KvError>) -> Reply {
    Reply { revision: Revision(11), result }
}

fn asked(ttl: i64, id: i64) -> Result<LeaseGrant, Status> {
    match lease::grant(LeaseGrantRequest { ttl, id }, FLOOR_S)? {
        Ask::Write(Command::LeaseGrant(grant)) => Ok(grant),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lease_lives_no_shorter_than_the_floor() {
    for ttl in [i64::MIN, -1, 0, 1, 2] {
        assert_eq!(asked(ttl, 5), Ok(LeaseGrant { id: 5, ttl_s: FLOOR_S }));
    }
    assert_eq!(asked(3, 5), Ok(LeaseGrant { id: 5, ttl_s: 3 }));
}

#[test]
fn a_lease_lives_no_longer_than_etcd_allows() {
    assert_eq!(asked(9_000_000_000, 5), Ok(LeaseGrant { id: 5, ttl_s: 9_000_000_000 }));
    for ttl in [9_000_000_001, i64::MAX] {
        let refused = asked(ttl, 5).unwrap_err();
        let seen = (refused.code as u8, refused.text.as_ref());
        assert_eq!(seen, (11, "etcdserver: too large lease TTL"));
    }
}

#[test]
fn an_id_is_handed_on_as_it_is_and_zero_is_left_to_the_node() {
    for id in [0, 1, -1, i64::MAX, i64::MIN] {
        assert_eq!(asked(60, id).unwrap().id, id);
    }
}

#[test]
fn a_grant_is_answered_with_what_was_given() {
    let response =
        lease::granted(reply(Ok(OpReply::LeaseGrant { id: 5, ttl_s: 60 })), HEADER).unwrap();
    assert_eq!((response.id, response.ttl, response.error.as_str()), (5, 60, ""));
    assert_eq!(response.header.unwrap().revision, 11);
}

#[test]
fn a_revocation_is_answered_at_its_revision() {
    let ask = lease::revoke(LeaseRevokeRequest { id: -4 });
    assert_eq!(ask, Ask::Write(Command::LeaseRevoke { id: -4 }));
    let response = lease::revoked(reply(Ok(OpReply::LeaseRevoke)), HEADER).unwrap();
    assert_eq!(response.header.unwrap().revision, 11);
}

#[test]
fn refusals_have_etcds_codes() {
    let exists = lease::granted(reply(Err(KvError::LeaseExists)), HEADER);
    assert_eq!(exists, Err(Status::LEASE_EXISTS));
    let full = lease::granted(reply(Err(KvError::NoSpace)), HEADER);
    assert_eq!(full, Err(Status::NO_SPACE));
    let unknown = lease::revoked(reply(Err(KvError::LeaseNotFound)), HEADER);
    assert_eq!(unknown, Err(Status::LEASE_NOT_FOUND));
}

#[test]
fn an_answer_of_another_kind_is_a_mistake_of_ours() {
    let granted = lease::granted(reply(Ok(OpReply::LeaseRevoke)), HEADER);
    assert_eq!(granted, Err(Status::WRONG_ANSWER));
    let revoked = lease::revoked(reply(Ok(OpReply::Compact)), HEADER);
    assert_eq!(revoked, Err(Status::WRONG_ANSWER));
}

#[test]
fn a_lease_that_is_gone_is_kept_alive_for_zero_seconds() {
    for (ttl_s, shown) in [(60, 60), (0, 0), (-1, 0)] {
        let response = lease::kept_alive(5, ttl_s, HEADER);
        assert_eq!((response.id, response.ttl), (5, shown));
        assert_eq!(response.header.unwrap().revision, 10);
    }
}

#[test]
fn what_is_left_of_a_lease() {
    let keys = vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")];
    let info = LeaseInfo { id: 5, ttl_s: 60, remaining_s: 41, keys: keys.clone() };
    let response = lease::time_to_live(5, Some(info), HEADER);
    assert_eq!((response.id, response.ttl, response.granted_ttl), (5, 41, 60));
    assert_eq!(response.keys, keys);
    assert_eq!(response.header.unwrap().revision, 10);
}

#[test]
fn of_an_unknown_lease_minus_one_second_is_left() {
    let response = lease::time_to_live(5, None, HEADER);
    assert_eq!((response.id, response.ttl, response.granted_ttl), (5, -1, 0));
    assert!(response.keys.is_empty());
}

#[test]
fn leases_are_listed_in_the_order_given() {
    let response = lease::leases(vec![9, -3, 4], HEADER);
    let ids: Vec<_> = response.leases.iter().map(|lease| lease.id).collect();
    assert_eq!(ids, [9, -3, 4]);
    assert_eq!(response.header.unwrap().raft_term, 3);
}
