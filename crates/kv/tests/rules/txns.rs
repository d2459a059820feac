//! What a transaction does.

use crate::build::{
    Keyspace, all, at, bytes, compare, delete, one, op_delete, op_put, put, query, span, text, txn,
    when,
};
use base::Revision;
use kv::command::{
    Compare, CompareHow, CompareWith, KvError, OpReply, Put, RangeReply, Txn, TxnOp,
};

use CompareHow::{Equal, Greater, Less, NotEqual};

fn holds(keyspace: &Keyspace, compare: Compare) -> bool {
    match keyspace.0.read_txn(&when(compare, vec![], vec![])).result {
        Ok(OpReply::Txn(reply)) => reply.succeeded,
        other => panic!("{other:?}"),
    }
}

/// `a` was created at 2, written at 4: version 2, value "m", no lease.
fn sample() -> Keyspace {
    Keyspace::with(&[("a", "x"), ("b", "n"), ("a", "m")])
}

#[test]
fn every_target_and_operator() {
    let keyspace = sample();
    let number = |with: fn(i64) -> CompareWith, stored: i64| {
        [stored - 1, stored, stored + 1].map(|given| {
            [Equal, NotEqual, Greater, Less]
                .map(|how| holds(&keyspace, compare(one("a"), how, with(given))))
        })
    };
    let wanted =
        [[false, true, true, false], [true, false, false, false], [false, true, false, true]];
    assert_eq!(number(CompareWith::Version, 2), wanted);
    assert_eq!(number(CompareWith::Create, 2), wanted);
    assert_eq!(number(CompareWith::Modified, 4), wanted);
    assert_eq!(number(CompareWith::Lease, 0), wanted);
    let values = ["l", "m", "n"].map(|given| {
        [Equal, NotEqual, Greater, Less]
            .map(|how| holds(&keyspace, compare(one("a"), how, CompareWith::Value(bytes(given)))))
    });
    assert_eq!(values, wanted);
}

#[test]
fn a_missing_key_is_all_zeros_and_its_value_compares_false() {
    let keyspace = sample();
    for missing in [one("x"), span("x", "z"), span("z", "x")] {
        let is = |how, with| holds(&keyspace, compare(missing.clone(), how, with));
        assert!(is(Equal, CompareWith::Version(0)) && is(Equal, CompareWith::Create(0)));
        assert!(is(Equal, CompareWith::Modified(0)) && is(Equal, CompareWith::Lease(0)));
        assert!(is(Greater, CompareWith::Version(-1)) && !is(NotEqual, CompareWith::Version(0)));
        for how in [Equal, NotEqual, Greater, Less] {
            assert!(!is(how, CompareWith::Value(bytes(""))));
        }
    }
}

#[test]
fn a_range_must_hold_for_every_key() {
    let keyspace = sample();
    assert!(holds(&keyspace, compare(all(), Greater, CompareWith::Version(0))));
    assert!(!holds(&keyspace, compare(all(), Greater, CompareWith::Version(1))), "b has 1");
    assert!(holds(&keyspace, compare(span("a", "b"), Greater, CompareWith::Version(1))));
}

#[test]
fn all_conditions_together_choose_the_branch() {
    let mut keyspace = sample();
    let yes = compare(one("a"), Equal, CompareWith::Version(2));
    let no = compare(one("b"), Equal, CompareWith::Version(2));
    let choice = |compare| Txn {
        compare,
        success: vec![op_put("r", "yes")],
        failure: vec![op_put("r", "no")],
    };
    assert!(keyspace.txn_ok(choice(vec![yes.clone()])).succeeded);
    assert_eq!(keyspace.get("r").unwrap().value, "yes");
    assert!(!keyspace.txn_ok(choice(vec![yes, no])).succeeded);
    assert_eq!(keyspace.get("r").unwrap().value, "no");
    assert!(keyspace.txn_ok(choice(vec![])).succeeded, "no condition holds");
}

#[test]
fn operations_see_earlier_ones_and_answer_one_by_one() {
    let mut keyspace = sample();
    let read = || TxnOp::Range(query(all()));
    let reply = keyspace.txn_ok(txn([
        read(),
        op_put("c", "1"),
        read(),
        op_delete(one("a")),
        read(),
        TxnOp::Range(at(4, all())),
    ]));
    let texts: Vec<_> = reply
        .replies
        .iter()
        .map(|reply| match reply {
            OpReply::Range(RangeReply { kvs, .. }) => text(kvs),
            OpReply::Put { .. } => "put".into(),
            OpReply::DeleteRange { deleted, .. } => format!("deleted {deleted}"),
            _ => unreachable!(),
        })
        .collect();
    let wanted = ["a=m b=n", "put", "a=m b=n c=1", "deleted 1", "b=n c=1", "a=m b=n"];
    assert_eq!(texts, wanted);
    assert_eq!(keyspace.0.revision(), Revision(5));
}

#[test]
fn all_changes_carry_one_revision() {
    let mut keyspace = sample();
    keyspace.txn_ok(txn([op_put("x", "1"), op_put("y", "1"), op_put("a", "2")]));
    let modified = ["x", "y", "a"].map(|key| keyspace.get(key).unwrap().modified.0);
    assert_eq!(modified, [5, 5, 5]);
}

#[test]
fn every_condition_sees_the_state_before_nested_ones_too() {
    let mut keyspace = sample();
    let absent = compare(one("new"), Equal, CompareWith::Version(0));
    let inner = when(absent.clone(), vec![op_put("saw", "before")], vec![op_put("saw", "after")]);
    let outer = when(absent, vec![op_put("new", "1"), TxnOp::Txn(inner)], vec![]);
    keyspace.txn_ok(outer);
    assert_eq!(keyspace.get("saw").unwrap().value, "before");
}

#[test]
fn checks_are_made_on_the_state_before_and_refuse_the_whole() {
    let refused = |op: TxnOp| {
        let mut keyspace = sample();
        let hash = keyspace.0.state_hash();
        let error = keyspace.txn(txn([op_put("new", "1"), op])).result.unwrap_err();
        assert_eq!(keyspace.0.state_hash(), hash);
        error
    };
    let keep = |key: &str| TxnOp::Put(Put { value: None, ..put(key, "") });
    assert_eq!(refused(keep("x")), KvError::KeyNotFound);
    assert_eq!(refused(TxnOp::Txn(txn([keep("x")]))), KvError::KeyNotFound);
    assert_eq!(refused(TxnOp::Range(at(5, all()))), KvError::FutureRevision, "its own revision");
    let compacted = KvError::Compacted { oldest: Revision(1) };
    assert_eq!(refused(TxnOp::Range(at(0, all()))), compacted);
    let leased = TxnOp::Put(Put { lease: Some(1), ..put("y", "") });
    assert_eq!(refused(leased), KvError::LeaseNotFound);
}

#[test]
fn the_branch_not_taken_is_not_checked_against_the_state() {
    let mut keyspace = sample();
    let impossible = vec![TxnOp::Range(at(99, all()))];
    let no = compare(one("a"), Equal, CompareWith::Version(0));
    assert!(keyspace.txn(when(no, impossible, vec![])).result.is_ok());
}

#[test]
fn reads_alone_are_a_read() {
    let read = || TxnOp::Range(query(all()));
    assert!(txn([]).is_read() && txn([read(), TxnOp::Txn(txn([read()]))]).is_read());
    assert!(!txn([read(), op_put("a", "1")]).is_read());
    assert!(!txn([TxnOp::Txn(txn([op_delete(all())]))]).is_read());
    let either =
        when(compare(one("a"), Equal, CompareWith::Version(0)), vec![], vec![op_put("a", "")]);
    assert!(!either.is_read(), "the other branch counts too");
}

#[test]
fn a_read_transaction_answers_from_one_state_and_changes_nothing() {
    let keyspace = sample();
    let reply =
        keyspace.0.read_txn(&txn([TxnOp::Range(query(one("a"))), TxnOp::Range(at(2, all()))]));
    let Ok(OpReply::Txn(txn)) = reply.result else { panic!("{reply:?}") };
    assert_eq!(reply.revision, Revision(4));
    let texts: Vec<_> = txn
        .replies
        .iter()
        .map(|reply| if let OpReply::Range(range) = reply { text(&range.kvs) } else { "?".into() })
        .collect();
    assert_eq!(texts, ["a=m", "a=x"]);
}

#[test]
#[should_panic(expected = "invariant I60 broken")]
fn a_write_is_never_asked_as_a_read() {
    let _ = sample().0.read_txn(&txn([op_put("a", "1")]));
}

#[test]
fn a_deletion_in_a_transaction_sees_earlier_puts_of_nobody() {
    let mut keyspace = sample();
    let refused = keyspace.txn(txn([op_put("c", "1"), op_delete(all())]));
    assert_eq!(refused.result, Err(KvError::DuplicateKey));
    keyspace.delete(delete(all()));
    assert_eq!(keyspace.0.keys(), 0);
}
