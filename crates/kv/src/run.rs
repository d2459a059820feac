//! What each command does to the state.

use crate::command::{Command, Compact, KvError, OpReply, Put, Txn};
use crate::revision::Draft;
use crate::state::State;
use crate::store::Store;
use crate::txn;
use alloc::vec::Vec;

/// Runs a command that was checked. One that is refused changes nothing.
pub(crate) fn run(state: &mut State, command: &Command, clock: u64) -> Result<OpReply, KvError> {
    state.alarms.admit(command)?;
    match command {
        Command::Put(put) => run_put(state, put),
        Command::Txn(txn) => run_txn(state, txn),
        Command::DeleteRange(delete) => {
            let mut draft = Draft::begin(state);
            let reply = txn::run_delete(&mut draft, delete);
            draft.seal();
            Ok(reply)
        }
        Command::Compact(compact) => run_compact(&mut state.store, compact),
        Command::LeaseGrant(grant) => state
            .leases
            .grant(grant, clock)
            .map(|()| OpReply::LeaseGrant { id: grant.id, ttl_s: grant.ttl_s }),
        Command::LeaseRevoke { id } if end_lease(state, *id) => Ok(OpReply::LeaseRevoke),
        Command::LeaseRevoke { .. } => Err(KvError::LeaseNotFound),
        Command::LeaseExpire { ids } => {
            Ok(OpReply::LeaseExpire { ended: run_expire(state, ids, clock) })
        }
        Command::Alarm(change) => Ok(OpReply::Alarm(state.alarms.change(change))),
    }
}

fn run_put(state: &mut State, put: &Put) -> Result<OpReply, KvError> {
    txn::check_put(state, put)?;
    let mut draft = Draft::begin(state);
    let reply = txn::run_put(&mut draft, put);
    draft.seal();
    Ok(reply)
}

/// Also for a transaction that only reads: then the state stays as it is.
pub(crate) fn run_txn(state: &mut State, txn: &Txn) -> Result<OpReply, KvError> {
    let plan = txn::plan(state, txn)?;
    let mut draft = Draft::begin(state);
    let reply = txn::run(&mut draft, &plan);
    draft.seal();
    Ok(OpReply::Txn(reply))
}

/// Before the first compaction even zero may be named, as with etcd, where
/// clients use it to learn whether there was one.
fn run_compact(store: &mut Store, compact: &Compact) -> Result<OpReply, KvError> {
    if store.compacted().is_some_and(|last| compact.revision <= last) {
        return Err(KvError::Compacted { oldest: store.oldest() });
    }
    if compact.revision > store.revision() {
        return Err(KvError::FutureRevision);
    }
    store.compact(compact.revision);
    base::sometimes!(HistoryCompacted);
    Ok(OpReply::Compact)
}

/// Each lease that still exists and has had its time ends, with a revision of its
/// own. What was named may have been revoked meanwhile and granted anew: that one
/// was not meant, and by the log's clock its time cannot be over.
fn run_expire(state: &mut State, ids: &[i64], clock: u64) -> Vec<i64> {
    let mut ended = Vec::new();
    for id in ids.iter().copied() {
        let over = base::mutant!(ExpiresAnother, state.leases.is_over(id, clock), true);
        if over && end_lease(state, id) {
            ended.push(id);
        }
    }
    if !ended.is_empty() {
        base::sometimes!(LeaseExpired);
    }
    ended
}

/// Ends a lease and deletes its keys, in order, all under one revision; without
/// keys there is none. Says whether there was such a lease.
fn end_lease(state: &mut State, id: i64) -> bool {
    let Some(keys) = state.leases.end(id) else { return false };
    let before = state.store.revision();
    let mut draft = Draft::begin(state);
    for key in &keys {
        let gone = draft.delete_key(key);
        base::invariant!(I63, gone.is_some_and(|kv| kv.lease() == id));
    }
    draft.seal();
    base::invariant!(I65, state.store.revision() <= before.next());
    true
}
