//! What a command may add to a keyspace, by etcd's rule of thumb.
//!
//! Asked by whoever proposes, against what is held and what is allowed; a
//! command without a cost runs even when nothing more is allowed.

use crate::command::{Command, Put, Txn, TxnOp};

/// A put beside its key and value.
const PUT: u64 = 256;

/// A lease.
const LEASE: u64 = 64;

/// The bytes that the command may add at most, estimated.
#[must_use]
pub fn cost(command: &Command) -> u64 {
    match command {
        Command::Put(put) => of_put(put),
        Command::Txn(txn) => of_txn(txn),
        Command::LeaseGrant(_) => LEASE,
        Command::DeleteRange(_)
        | Command::Compact(_)
        | Command::LeaseRevoke { .. }
        | Command::LeaseExpire { .. }
        | Command::Alarm(_) => 0,
    }
}

fn of_put(put: &Put) -> u64 {
    PUT + (put.key.len() + put.value.as_ref().map_or(0, |value| value.len())) as u64
}

/// The larger branch.
fn of_txn(txn: &Txn) -> u64 {
    let branch = |ops: &[TxnOp]| ops.iter().map(of_op).sum::<u64>();
    let failure = base::mutant!(QuotaForgetsElse, branch(&txn.failure), 0);
    branch(&txn.success).max(failure)
}

fn of_op(op: &TxnOp) -> u64 {
    match op {
        TxnOp::Put(put) => of_put(put),
        TxnOp::Txn(txn) => of_txn(txn),
        TxnOp::Range(_) | TxnOp::DeleteRange(_) => 0,
    }
}
