//! What is wrong with the members, as far as writes must know it.
//!
//! An alarm is raised and called off by entries of the log, so every replica
//! refuses the same commands.

use crate::command::{Alarm, AlarmChange, AlarmKind, Command, KvError};
use crate::hash::digest;
use crate::quota::cost;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The alarms that stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Alarms(BTreeSet<Alarm>);

impl Alarms {
    /// Raises an alarm or calls it off; says which ones now stand or fell.
    pub(crate) fn change(&mut self, change: &AlarmChange) -> Vec<Alarm> {
        let done = if change.raise {
            base::sometimes!(AlarmRaised);
            self.0.insert(change.alarm);
            true
        } else {
            self.0.remove(&change.alarm)
        };
        done.then_some(change.alarm).into_iter().collect()
    }

    pub(crate) fn list(&self) -> Vec<Alarm> {
        self.0.iter().copied().collect()
    }

    /// Whether the command may run: without space nothing that takes some, with
    /// corrupt data nothing that writes. Calling off is always allowed.
    pub(crate) fn admit(&self, command: &Command) -> Result<(), KvError> {
        let stands = |kind| self.0.iter().any(|alarm| alarm.kind == kind);
        if self.0.is_empty() {
            Ok(())
        } else if stands(AlarmKind::Corrupt) && writes(command) {
            Err(KvError::Corrupt)
        } else if stands(AlarmKind::NoSpace) && cost(command) > 0 {
            Err(KvError::NoSpace)
        } else {
            Ok(())
        }
    }

    pub(crate) fn digest(&self) -> u64 {
        let one = |alarm: &Alarm| digest(&[alarm.member, alarm.kind as u64]);
        self.0.iter().map(one).fold(0, u64::wrapping_add)
    }
}

fn writes(command: &Command) -> bool {
    match command {
        Command::Alarm(_) => false,
        Command::Txn(txn) => !txn.is_read(),
        _ => true,
    }
}
