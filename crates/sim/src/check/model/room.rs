//! What takes room: commands that may add something, and replies that are kept.

use kv::command::{Command, KeyValue, OpReply, Reply, Txn, TxnOp};

/// Whether a command may add something.
#[must_use]
pub fn takes_room(command: &Command) -> bool {
    fn in_txn(txn: &Txn) -> bool {
        txn.success.iter().chain(&txn.failure).any(|op| match op {
            TxnOp::Put(_) => true,
            TxnOp::Txn(txn) => in_txn(txn),
            TxnOp::Range(_) | TxnOp::DeleteRange(_) => false,
        })
    }
    match command {
        Command::Put(_) | Command::LeaseGrant(_) => true,
        Command::Txn(txn) => in_txn(txn),
        _ => false,
    }
}

/// What it takes to keep a reply; larger ones are not kept.
pub(super) fn size(reply: &Reply) -> u64 {
    fn pair(kv: &KeyValue) -> u64 {
        128 + (kv.key.len() + kv.value.len()) as u64
    }
    fn of(reply: &OpReply) -> u64 {
        128 + match reply {
            OpReply::Range(it) => it.kvs.iter().map(pair).sum(),
            OpReply::Put { previous } => previous.iter().map(pair).sum(),
            OpReply::DeleteRange { previous, .. } => previous.iter().map(pair).sum(),
            OpReply::Txn(it) => it.replies.iter().map(of).sum(),
            OpReply::LeaseExpire { ended } => 8 * ended.len() as u64,
            OpReply::Alarm(alarms) => 16 * alarms.len() as u64,
            OpReply::Compact | OpReply::LeaseGrant { .. } | OpReply::LeaseRevoke => 0,
        }
    }
    reply.result.as_ref().map_or(0, of)
}
