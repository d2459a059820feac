//! Transactions: first everything is decided and checked on the state before,
//! then the operations of the taken branches run in order.
//!
//! So nothing can fail half way, and there is nothing to undo.

use crate::command::{
    Compare, CompareHow, CompareWith, DeleteRange, KeyValue, KvError, OpReply, Put, RangeQuery,
    Txn, TxnOp, TxnReply,
};
use crate::pair::Fields;
use crate::range;
use crate::revision::Draft;
use crate::state::State;
use crate::store::Store;
use alloc::vec::Vec;
use base::Revision;
use core::cmp::Ordering;

impl Txn {
    /// Whether it can change nothing, whichever branch is taken: such a one
    /// needs no log entry.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.success.iter().chain(&self.failure).all(|op| match op {
            TxnOp::Range(_) => true,
            TxnOp::Txn(txn) => txn.is_read(),
            TxnOp::Put(_) | TxnOp::DeleteRange(_) => false,
        })
    }
}

/// A transaction whose branches are chosen and whose operations cannot fail.
pub(crate) struct Plan<'a> {
    succeeded: bool,
    steps: Vec<Step<'a>>,
}

enum Step<'a> {
    Range(&'a RangeQuery),
    Put(&'a Put),
    Delete(&'a DeleteRange),
    Txn(Plan<'a>),
}

/// Chooses the branches, nested ones too, and makes the checks of the taken
/// ones, all on the state before.
pub(crate) fn plan<'a>(state: &State, txn: &'a Txn) -> Result<Plan<'a>, KvError> {
    let succeeded = txn.compare.iter().all(|compare| holds(&state.store, compare));
    let taken = if succeeded { &txn.success } else { &txn.failure };
    let steps = taken.iter().map(|op| step(state, op)).collect::<Result<_, _>>()?;
    Ok(Plan { succeeded, steps })
}

fn step<'a>(state: &State, op: &'a TxnOp) -> Result<Step<'a>, KvError> {
    Ok(match op {
        TxnOp::Range(query) => {
            range::check_window(&state.store, query)?;
            Step::Range(query)
        }
        TxnOp::Put(put) => {
            check_put(state, put)?;
            Step::Put(put)
        }
        TxnOp::DeleteRange(delete) => Step::Delete(delete),
        TxnOp::Txn(txn) => Step::Txn(plan(state, txn)?),
    })
}

/// What a put needs of the state: the key, if it keeps a part of the pair, and
/// the lease.
pub(crate) fn check_put(state: &State, put: &Put) -> Result<(), KvError> {
    let keeps = put.value.is_none() || put.lease.is_none();
    if keeps && state.store.get(&put.key, state.store.revision()).is_none() {
        return Err(KvError::KeyNotFound);
    }
    match put.lease {
        Some(lease) if lease != 0 && !state.leases.holds(lease) => Err(KvError::LeaseNotFound),
        _ => Ok(()),
    }
}

/// Runs a plan. Operations see what earlier ones did.
pub(crate) fn run(draft: &mut Draft<'_>, plan: &Plan<'_>) -> TxnReply {
    let replies = plan.steps.iter().map(|step| run_step(draft, step)).collect();
    TxnReply { succeeded: plan.succeeded, replies }
}

fn run_step(draft: &mut Draft<'_>, step: &Step<'_>) -> OpReply {
    match step {
        Step::Range(query) => {
            let before = draft.store().revision();
            let newest = base::mutant!(TxnReadsBefore, draft.revision(), before);
            OpReply::Range(range::evaluate(draft.store(), query, newest))
        }
        Step::Put(put) => run_put(draft, put),
        Step::Delete(delete) => run_delete(draft, delete),
        Step::Txn(plan) => OpReply::Txn(run(draft, plan)),
    }
}

/// A put whose checks were made.
pub(crate) fn run_put(draft: &mut Draft<'_>, put: &Put) -> OpReply {
    let previous = draft.put(put).filter(|_| put.want_previous);
    OpReply::Put { previous: previous.map(KeyValue::from) }
}

/// A deletion; it has nothing to check.
pub(crate) fn run_delete(draft: &mut Draft<'_>, delete: &DeleteRange) -> OpReply {
    let gone = draft.delete(&delete.range);
    let deleted = gone.len() as u64;
    let previous = gone.into_iter().filter(|_| delete.want_previous);
    OpReply::DeleteRange { deleted, previous: previous.map(KeyValue::from).collect() }
}

/// Whether a condition holds for every key of its range. A range without a key
/// counts as one pair of zeros; a value that does not exist compares with
/// nothing, not even as different.
fn holds(store: &Store, compare: &Compare) -> bool {
    let page = store.range(&compare.range, store.revision(), usize::MAX);
    if page.pairs.is_empty() {
        return !matches!(compare.with, CompareWith::Value(_)) && holds_for(compare, &NOTHING);
    }
    page.pairs.iter().all(|kv| holds_for(compare, &kv.fields()))
}

const NOTHING: Fields<'_> = Fields {
    key: &[],
    create: Revision::ZERO,
    modified: Revision::ZERO,
    version: 0,
    lease: 0,
    value: &[],
    extension: &[],
};

fn holds_for(compare: &Compare, kv: &Fields<'_>) -> bool {
    let order = match &compare.with {
        CompareWith::Version(given) => signed(kv.version, *given),
        CompareWith::Create(given) => signed(kv.create.0, *given),
        CompareWith::Modified(given) => signed(kv.modified.0, *given),
        CompareWith::Value(given) => kv.value.cmp(&given[..]),
        CompareWith::Lease(given) => kv.lease.cmp(given),
    };
    match compare.how {
        CompareHow::Equal => order == Ordering::Equal,
        CompareHow::Greater => order == Ordering::Greater,
        CompareHow::Less => order == Ordering::Less,
        CompareHow::NotEqual => order != Ordering::Equal,
    }
}

/// Clients may ask about negative numbers; no stored one is.
fn signed(stored: u64, given: i64) -> Ordering {
    i128::from(stored).cmp(&i128::from(given))
}
