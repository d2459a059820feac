//! What is refused without looking at the state.

use crate::build::{all, at, compare, delete, one, op_delete, op_put, put, query, span, txn, when};
use base::limits::{TXN_DEPTH_MAX, TXN_OPS_MAX};
use kv::check::check;
use kv::command::{Command, CompareHow, CompareWith, KeyRange, KvError, Txn, TxnOp};

fn asked(txn: Txn) -> Result<(), KvError> {
    check(&Command::Txn(txn))
}

fn nest(ops: impl Into<Vec<TxnOp>>) -> TxnOp {
    TxnOp::Txn(txn(ops))
}

/// Both branches of a nested transaction.
fn fork(success: Vec<TxnOp>, failure: Vec<TxnOp>) -> TxnOp {
    let condition = compare(one("k"), CompareHow::Equal, CompareWith::Version(0));
    TxnOp::Txn(when(condition, success, failure))
}

#[test]
fn no_key_is_empty() {
    let condition = compare(one(""), CompareHow::Equal, CompareWith::Version(0));
    let table = [
        Command::Put(put("", "1")),
        Command::DeleteRange(delete(one(""))),
        Command::DeleteRange(delete(span("", "z"))),
        Command::DeleteRange(delete(KeyRange::From("".into()))),
        Command::Txn(when(condition, vec![], vec![])),
        Command::Txn(txn([TxnOp::Range(query(one("")))])),
        Command::Txn(txn([op_put("", "1")])),
        Command::Txn(txn([nest([op_delete(one(""))])])),
        Command::Txn(Txn { compare: vec![], success: vec![], failure: vec![op_put("", "1")] }),
    ];
    for command in table {
        assert_eq!(check(&command), Err(KvError::EmptyKey), "{command:?}");
    }
    assert_eq!(asked(txn([TxnOp::Range(at(99, all()))])), Ok(()), "the state is not asked");
}

#[test]
fn the_longest_list_counts_and_nested_ones_get_what_is_left() {
    let reads = |count| vec![TxnOp::Range(query(all())); count];
    let max = TXN_OPS_MAX;
    assert_eq!(asked(txn(reads(max))), Ok(()));
    assert_eq!(asked(txn(reads(max + 1))), Err(KvError::TooManyOps));
    let three = |compares, failure| Txn {
        compare: vec![compare(all(), CompareHow::Equal, CompareWith::Version(1)); compares],
        success: reads(max),
        failure: reads(failure),
    };
    assert_eq!(asked(three(max, max)), Ok(()), "not their sum");
    assert_eq!(asked(three(max + 1, 0)), Err(KvError::TooManyOps));
    assert_eq!(asked(three(0, max + 1)), Err(KvError::TooManyOps));
    assert_eq!(asked(txn([nest(reads(max - 1))])), Ok(()));
    assert_eq!(asked(txn([nest(reads(max))])), Err(KvError::TooManyOps));
    assert_eq!(asked(txn([nest(reads(max - 2)), nest(reads(max - 2))])), Ok(()), "each alone");
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth| (1..depth).fold(txn([]), |inner, _| txn([TxnOp::Txn(inner)]));
    assert_eq!(asked(nested(TXN_DEPTH_MAX)), Ok(()));
    assert_eq!(asked(nested(TXN_DEPTH_MAX + 1)), Err(KvError::TooManyOps));
}

#[test]
fn one_branch_writes_a_key_once() {
    let put = || op_put("k", "1");
    let refused = [
        vec![put(), put()],
        vec![put(), op_delete(one("k"))],
        vec![op_delete(one("k")), put()],
        vec![op_delete(all()), put()],
        vec![op_delete(span("a", "k")), op_delete(span("b", "z")), put()],
        vec![put(), nest([put()])],
        vec![nest([put()]), put()],
        vec![nest([put()]), nest([put()])],
        vec![nest([put()]), nest([op_delete(all())])],
        vec![nest([op_delete(all())]), nest([put()])],
        vec![nest([op_delete(one("k"))]), put()],
        vec![fork(vec![], vec![put()]), op_delete(span("a", "z"))],
        vec![fork(vec![put()], vec![]), fork(vec![], vec![put()])],
        vec![fork(vec![put(), put()], vec![])],
    ];
    for ops in refused {
        let other = Txn { compare: vec![], success: vec![], failure: ops.clone() };
        assert_eq!(asked(other), Err(KvError::DuplicateKey), "{ops:?}");
        assert_eq!(asked(txn(ops.clone())), Err(KvError::DuplicateKey), "{ops:?}");
    }
}

#[test]
fn branches_may_share_keys_and_deletions_may_overlap() {
    let put = || op_put("k", "1");
    let condition = compare(one("k"), CompareHow::Equal, CompareWith::Version(0));
    assert_eq!(asked(when(condition.clone(), vec![put()], vec![put()])), Ok(()));
    assert_eq!(asked(when(condition, vec![put()], vec![op_delete(all())])), Ok(()));
    let allowed = [
        vec![op_delete(all()), op_delete(one("k")), op_delete(span("a", "z"))],
        vec![fork(vec![put()], vec![put()])],
        vec![fork(vec![put()], vec![op_delete(one("k"))])],
        vec![op_delete(span("a", "k")), put(), op_delete(span("k\0", "z"))],
        vec![op_delete(span("z", "a")), put()],
        vec![TxnOp::Range(query(all())), put(), TxnOp::Range(query(one("k")))],
        vec![op_delete(span("a", "c")), op_delete(span("x", "z")), put()],
    ];
    for ops in allowed {
        assert_eq!(asked(txn(ops.clone())), Ok(()), "{ops:?}");
    }
}
