//! Keys that end with their lease.

use crate::build::{Keyspace, all, delete, one, op_put, put, query, story, text, txn};
use base::Revision;
use base::limits::LEASE_TTL_S_MAX;
use kv::command::{Command, KvError, LeaseGrant, OpReply, Put, Reply};
use kv::watch::WatchFilter;

fn grant(keyspace: &mut Keyspace, id: i64) -> Reply {
    keyspace.apply(&Command::LeaseGrant(LeaseGrant { id, ttl_s: 10 }))
}

fn revoke(keyspace: &mut Keyspace, id: i64) -> Reply {
    keyspace.apply(&Command::LeaseRevoke { id })
}

fn on(lease: i64, key: &str) -> Put {
    Put { lease: Some(lease), ..put(key, "x") }
}

fn keys(keyspace: &Keyspace, id: i64) -> String {
    let keys = keyspace.0.lease(id).unwrap().keys;
    keys.iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_lease_is_granted_once_with_an_id_and_a_time_that_may_be() {
    let mut keyspace = Keyspace::new();
    let reply = grant(&mut keyspace, 7);
    assert_eq!(reply.result, Ok(OpReply::LeaseGrant { id: 7, ttl_s: 10 }));
    assert_eq!(reply.revision, Revision(1), "no revision");
    assert_eq!(grant(&mut keyspace, 7).result, Err(KvError::LeaseExists));
    assert_eq!(grant(&mut keyspace, 0).result, Err(KvError::LeaseExists));
    let mut grant = |ttl_s| keyspace.apply(&Command::LeaseGrant(LeaseGrant { id: 8, ttl_s }));
    assert_eq!(grant(LEASE_TTL_S_MAX + 1).result, Err(KvError::LeaseTtlTooLarge));
    assert!(grant(LEASE_TTL_S_MAX).result.is_ok());
}

#[test]
fn a_put_needs_the_lease_and_moves_the_key() {
    let mut keyspace = Keyspace::new();
    assert_eq!(keyspace.put(on(1, "a")).result, Err(KvError::LeaseNotFound));
    let early = keyspace.txn(txn([op_put("b", "1"), kv::command::TxnOp::Put(on(1, "a"))]));
    assert_eq!(early.result, Err(KvError::LeaseNotFound));
    for id in [1, 2] {
        grant(&mut keyspace, id);
    }
    for key in ["b", "a", "c"] {
        assert!(keyspace.put(on(1, key)).result.is_ok());
    }
    assert_eq!(keys(&keyspace, 1), "a b c");
    keyspace.put(on(2, "a"));
    keyspace.put(Put { lease: None, ..put("b", "kept") });
    keyspace.put(put("c", "free"));
    assert_eq!((keys(&keyspace, 1), keys(&keyspace, 2)), ("b".into(), "a".into()));
    keyspace.delete(delete(one("b")));
    assert_eq!(keys(&keyspace, 1), "", "a deletion detaches");
}

#[test]
fn the_keys_of_a_lease_go_under_one_revision_in_their_order() {
    let mut keyspace = Keyspace::with(&[("z", "1")]);
    for id in [5, 6] {
        grant(&mut keyspace, id);
    }
    for key in ["c", "a", "b"] {
        keyspace.put(on(5, key));
    }
    let reply = revoke(&mut keyspace, 5);
    assert_eq!((reply.result, reply.revision), (Ok(OpReply::LeaseRevoke), Revision(6)));
    let filter = WatchFilter { range: all(), no_put: true, no_delete: false, want_previous: false };
    let page = keyspace.0.changes(&filter, Revision(2), 100).unwrap();
    assert_eq!(story(&page.batches), ["6: -a -b -c"]);
    assert_eq!(revoke(&mut keyspace, 6).revision, Revision(6), "no keys, no revision");
    assert_eq!(revoke(&mut keyspace, 6).result, Err(KvError::LeaseNotFound));
    assert_eq!(text(&keyspace.range(&query(all())).kvs), "z=1");
}

#[test]
fn an_expiry_passes_over_what_is_gone_and_takes_a_revision_for_each_lease() {
    let mut keyspace = Keyspace::new();
    for id in [1, 2, 3] {
        grant(&mut keyspace, id);
        keyspace.put(on(id, &format!("key {id}")));
    }
    revoke(&mut keyspace, 2);
    assert_eq!(keyspace.0.revision(), Revision(5));
    let reply = keyspace.apply_at(10_000, &Command::LeaseExpire { ids: vec![3, 9, 2, 1, 3] });
    assert_eq!(reply.result, Ok(OpReply::LeaseExpire { ended: vec![3, 1] }));
    assert_eq!((reply.revision, keyspace.0.keys()), (Revision(7), 0));
    assert_eq!(keyspace.0.leases().count(), 0);
}

#[test]
fn an_expiry_does_not_mean_a_lease_that_was_granted_anew() {
    let mut keyspace = Keyspace::new();
    grant(&mut keyspace, 1);
    let expire = Command::LeaseExpire { ids: vec![1] };
    assert_eq!(
        keyspace.apply_at(9_999, &expire).result,
        Ok(OpReply::LeaseExpire { ended: vec![] })
    );
    revoke(&mut keyspace, 1);
    grant(&mut keyspace, 1);
    keyspace.put(on(1, "key"));
    let reply = keyspace.apply_at(10_004, &expire);
    assert_eq!(reply.result, Ok(OpReply::LeaseExpire { ended: vec![] }), "granted at 9,999");
    assert_eq!(keyspace.0.keys(), 1);
    let reply = keyspace.apply_at(19_999, &expire);
    assert_eq!(reply.result, Ok(OpReply::LeaseExpire { ended: vec![1] }));
}

#[test]
fn leases_count_in_hash_and_bytes() {
    let mut keyspace = Keyspace::new();
    let (hash, held) = (keyspace.0.state_hash(), keyspace.0.bytes_held());
    grant(&mut keyspace, 1);
    assert_ne!(keyspace.0.state_hash(), hash);
    assert!(keyspace.0.bytes_held() > held);
    revoke(&mut keyspace, 1);
    assert_eq!((keyspace.0.state_hash(), keyspace.0.bytes_held()), (hash, held));
    assert!(!keyspace.0.has_lease(1));
    assert_eq!(keyspace.0.lease(1), None);
}
