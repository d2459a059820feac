//! Alarms, and commands that come twice.

use crate::build::{Keyspace, all, delete, one, op_delete, op_put, put, query, txn};
use base::Revision;
use kv::command::{
    Alarm, AlarmChange, AlarmKind, Command, Compact, Envelope, KvError, LeaseGrant, OpReply, Reply,
};
use kv::encode::encode;
use kv::quota::cost;

fn change(keyspace: &mut Keyspace, kind: AlarmKind, raise: bool) -> Vec<Alarm> {
    let alarm = Alarm { member: 3, kind };
    match keyspace.apply(&Command::Alarm(AlarmChange { alarm, raise })).result {
        Ok(OpReply::Alarm(alarms)) => alarms,
        other => panic!("{other:?}"),
    }
}

fn compact(revision: u64) -> Command {
    Command::Compact(Compact { revision: Revision(revision), physical: false })
}

#[test]
fn without_space_nothing_that_takes_some_is_accepted() {
    let mut keyspace = Keyspace::with(&[("a", "1"), ("b", "1")]);
    keyspace.apply(&Command::LeaseGrant(LeaseGrant { id: 1, ttl_s: 1 }));
    assert_eq!(change(&mut keyspace, AlarmKind::NoSpace, true).len(), 1);
    let grant = Command::LeaseGrant(LeaseGrant { id: 2, ttl_s: 1 });
    let writes = txn([op_delete(one("a")), kv::command::TxnOp::Txn(txn([op_put("c", "1")]))]);
    for command in [Command::Put(put("a", "2")), Command::Txn(writes), grant] {
        let before = keyspace.0.bytes_held();
        assert_eq!(keyspace.apply(&command).result, Err(KvError::NoSpace), "{command:?}");
        assert_eq!(keyspace.0.bytes_held(), before);
        assert!(cost(&command) > 0);
    }
    assert_eq!(keyspace.range(&query(all())).count, 2, "reads go on");
    let frees = [
        Command::Txn(txn([op_delete(one("a"))])),
        Command::DeleteRange(delete(all())),
        compact(4),
        Command::LeaseRevoke { id: 1 },
    ];
    for command in frees {
        assert!(keyspace.apply(&command).result.is_ok(), "{command:?}");
        assert_eq!(cost(&command), 0);
    }
    assert_eq!(keyspace.0.alarms().len(), 1);
    assert_eq!(change(&mut keyspace, AlarmKind::NoSpace, false).len(), 1);
    assert_eq!(change(&mut keyspace, AlarmKind::NoSpace, false), [], "it has fallen before");
    assert!(keyspace.put(put("a", "2")).result.is_ok());
}

#[test]
fn with_corrupt_data_nothing_is_written() {
    let mut keyspace = Keyspace::with(&[("a", "1")]);
    change(&mut keyspace, AlarmKind::Corrupt, true);
    for command in [
        Command::Put(put("a", "2")),
        Command::DeleteRange(delete(all())),
        compact(2),
        Command::LeaseRevoke { id: 1 },
    ] {
        assert_eq!(keyspace.apply(&command).result, Err(KvError::Corrupt), "{command:?}");
    }
    change(&mut keyspace, AlarmKind::Corrupt, false);
    assert!(keyspace.delete(delete(all())).result.is_ok());
}

#[test]
fn the_estimate_is_that_of_the_larger_branch() {
    let one = cost(&Command::Put(put("key", "value")));
    assert_eq!(one, 256 + 3 + 5);
    let mut both = txn([op_put("key", "value")]);
    both.failure = vec![op_put("key", "value"), op_put("kez", "value")];
    assert_eq!(cost(&Command::Txn(both)), 2 * one);
}

fn say(keyspace: &mut Keyspace, client: u64, sequence: u64, value: &str) -> Reply {
    let sequence = Some((client, sequence));
    let body =
        encode(&Envelope { sequence, ..Envelope::default() }, &Command::Put(put("a", value)));
    let reply = keyspace.0.apply(keyspace.0.applied().next(), 0, &body).unwrap();
    keyspace.0.validate();
    reply
}

#[test]
fn a_retry_is_answered_as_before_and_takes_effect_once() {
    let mut keyspace = Keyspace::new();
    let first = say(&mut keyspace, 7, 1, "1");
    keyspace.put(put("a", "2"));
    let hash = keyspace.0.state_hash();
    assert_eq!(say(&mut keyspace, 7, 1, "1"), first, "with the revision of then");
    assert_eq!(keyspace.0.state_hash(), hash);
    assert_eq!(keyspace.get("a").unwrap().value, "2");
    assert_eq!(say(&mut keyspace, 7, 3, "3").result, Err(KvError::SequenceGap { expected: 2 }));
    assert!(say(&mut keyspace, 7, 2, "3").result.is_ok());
    assert_eq!(say(&mut keyspace, 7, 1, "1").result, Err(KvError::SequenceOld { last: 2 }));
    assert_eq!(keyspace.get("a").unwrap().value, "3");
    assert_ne!(keyspace.0.state_hash(), hash);
}

#[test]
fn a_refusal_is_an_answer_too() {
    let mut keyspace = Keyspace::new();
    change(&mut keyspace, AlarmKind::NoSpace, true);
    let refused = say(&mut keyspace, 7, 1, "1");
    assert_eq!(refused.result, Err(KvError::NoSpace));
    change(&mut keyspace, AlarmKind::NoSpace, false);
    assert_eq!(say(&mut keyspace, 7, 1, "1"), refused);
}
