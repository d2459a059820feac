//! What can be refused without looking at the state: empty keys, too many
//! operations, keys written twice, leases that live too long.
//!
//! Asked by the proposer, so that nonsense costs no log entry, and asked again
//! by apply, so that no proposer needs to be trusted.

mod spans;

use crate::command::{Command, KeyRange, KvError, LeaseGrant, Txn, TxnOp};
use alloc::collections::BTreeSet;
use base::limits::{LEASE_TTL_S_MAX, TXN_DEPTH_MAX, TXN_OPS_MAX};
use spans::Spans;

/// Refuses a command that no state would accept.
pub fn check(command: &Command) -> Result<(), KvError> {
    match command {
        Command::Put(put) => check_key(&put.key),
        Command::DeleteRange(delete) => check_range(&delete.range),
        Command::Txn(txn) => check_txn(txn),
        Command::LeaseGrant(grant) => check_grant(grant),
        Command::Compact(_)
        | Command::LeaseRevoke { .. }
        | Command::LeaseExpire { .. }
        | Command::Alarm(_) => Ok(()),
    }
}

fn check_grant(grant: &LeaseGrant) -> Result<(), KvError> {
    if grant.ttl_s > LEASE_TTL_S_MAX {
        Err(KvError::LeaseTtlTooLarge)
    } else if grant.id == 0 {
        Err(KvError::LeaseExists)
    } else {
        Ok(())
    }
}

/// Refuses a range that starts at the empty key, which is no key.
pub fn check_range(range: &KeyRange) -> Result<(), KvError> {
    check_key(range.start())
}

/// Refuses a transaction that is too big, names an empty key, or would change
/// a key twice in one revision.
pub fn check_txn(txn: &Txn) -> Result<(), KvError> {
    check_size(txn, TXN_OPS_MAX, TXN_DEPTH_MAX)?;
    writes(txn).map(|_| ())
}

fn check_key(key: &[u8]) -> Result<(), KvError> {
    if key.is_empty() { Err(KvError::EmptyKey) } else { Ok(()) }
}

/// The longest of the three lists counts; a nested transaction gets what it
/// leaves of the room.
fn check_size(txn: &Txn, room: usize, depth: usize) -> Result<(), KvError> {
    let size = txn.compare.len().max(txn.success.len()).max(txn.failure.len());
    let left = room.checked_sub(size).ok_or(KvError::TooManyOps)?;
    let deeper = depth.checked_sub(1).ok_or(KvError::TooManyOps)?;
    txn.compare.iter().try_for_each(|compare| check_range(&compare.range))?;
    txn.success.iter().chain(&txn.failure).try_for_each(|op| match op {
        TxnOp::Range(query) => check_range(&query.range),
        TxnOp::Put(put) => check_key(&put.key),
        TxnOp::DeleteRange(delete) => check_range(&delete.range),
        TxnOp::Txn(txn) => check_size(txn, left, deeper),
    })
}

/// What some operations write: keys put, ranges deleted.
#[derive(Default)]
struct Writes<'a> {
    puts: BTreeSet<&'a [u8]>,
    deletes: Spans<'a>,
}

/// The writes of both branches. Only one of them runs, so they may share keys.
fn writes(txn: &Txn) -> Result<Writes<'_>, KvError> {
    let mut either = branch(&txn.success)?;
    either.add(branch(&txn.failure)?);
    Ok(either)
}

/// The writes of one branch, all of which run: no key is put twice, or put and
/// deleted, whatever the order. Two deletions of one key are one.
fn branch(ops: &[TxnOp]) -> Result<Writes<'_>, KvError> {
    let mut all = Writes::default();
    for op in ops {
        let part = match op {
            TxnOp::Range(_) => continue,
            TxnOp::Put(put) => Writes { puts: [&put.key[..]].into(), ..Writes::default() },
            TxnOp::DeleteRange(delete) => {
                Writes { deletes: Spans::of(&delete.range), ..Writes::default() }
            }
            TxnOp::Txn(txn) => writes(txn)?,
        };
        if all.collides(&part) {
            return Err(KvError::DuplicateKey);
        }
        all.add(part);
    }
    Ok(all)
}

impl<'a> Writes<'a> {
    fn collides(&self, part: &Self) -> bool {
        part.puts.iter().any(|key| self.puts.contains(key) || self.deletes.contains(key))
            || part.deletes.iter().any(|span| span.first_of(&self.puts).is_some())
    }

    fn add(&mut self, part: Self) {
        self.puts.extend(part.puts);
        part.deletes.iter().for_each(|span| self.deletes.insert(span));
    }
}
