//! What clients wait for: how much may be in hand, and for how long.

use crate::event::Refused;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use base::limits::{ASK_BYTES_MAX, ASKS_MAX};
use base::{AskId, GroupId, Time};
use core::time::Duration;

/// The asks that have no answer yet.
#[derive(Debug)]
pub(crate) struct Intake {
    timeout: Duration,
    /// I70: `bytes` is the sum over `held`.
    held: BTreeMap<AskId, Held>,
    bytes: usize,
    /// Every held ask is in here; answered ones may be, until they come to the front.
    deadlines: VecDeque<(Time, AskId)>,
}

#[derive(Debug)]
struct Held {
    group: GroupId,
    bytes: usize,
}

impl Intake {
    /// An intake where each ask may take `timeout`.
    pub(crate) const fn new(timeout: Duration) -> Self {
        Self { timeout, held: BTreeMap::new(), bytes: 0, deadlines: VecDeque::new() }
    }

    /// Takes an ask in hand, unless too much is.
    pub(crate) fn admit(
        &mut self,
        now: Time,
        id: AskId,
        group: GroupId,
        bytes: usize,
    ) -> Result<(), Refused> {
        if self.held.len() >= ASKS_MAX || self.bytes + bytes > ASK_BYTES_MAX {
            return Err(Refused::TooManyRequests);
        }
        self.bytes += bytes;
        self.held.insert(id, Held { group, bytes });
        self.deadlines.push_back((now + self.timeout, id));
        Ok(())
    }

    /// Ends an ask; false if nobody waits for it any more.
    pub(crate) fn finish(&mut self, id: AskId) -> bool {
        let Some(held) = self.held.remove(&id) else { return false };
        self.bytes -= held.bytes;
        while self.deadlines.front().is_some_and(|(_, id)| !self.held.contains_key(id)) {
            self.deadlines.pop_front();
        }
        base::invariant!(I70, !self.held.is_empty() || self.bytes == 0);
        true
    }

    /// Asks whose time is over; they are still in hand.
    pub(crate) fn expired(&mut self, now: Time) -> Vec<(GroupId, AskId)> {
        let mut expired = Vec::new();
        while let Some((deadline, id)) = self.deadlines.front().copied() {
            if let Some(held) = self.held.get(&id) {
                if deadline > now {
                    break;
                }
                expired.push((held.group, id));
            }
            self.deadlines.pop_front();
        }
        expired
    }

    /// How many asks are in hand, and their bytes.
    pub(crate) fn in_hand(&self) -> (usize, usize) {
        (self.held.len(), self.bytes)
    }

    /// When the next ask's time is over.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadlines.front().map(|(deadline, _)| *deadline)
    }

    /// Every ask in hand, all at once: the lane stops.
    pub(crate) fn drain(&mut self) -> Vec<AskId> {
        self.bytes = 0;
        self.deadlines.clear();
        core::mem::take(&mut self.held).into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn too_much_is_refused_and_room_comes_back() {
        let mut intake = Intake::new(SECOND);
        let half = ASK_BYTES_MAX / 2 + 1;
        let mut admit = |id, bytes| intake.admit(Time::ZERO, AskId(id), GroupId(1), bytes);
        assert_eq!(admit(1, half), Ok(()));
        assert_eq!(admit(2, half), Err(Refused::TooManyRequests));
        assert!(intake.finish(AskId(1)));
        assert!(!intake.finish(AskId(1)));
        assert_eq!(intake.admit(Time::ZERO, AskId(3), GroupId(1), half), Ok(()));
    }

    #[test]
    fn only_what_is_unanswered_expires() {
        let mut intake = Intake::new(SECOND);
        for id in 1..=3 {
            intake.admit(Time(id), AskId(id), GroupId(1), 10).unwrap();
        }
        intake.finish(AskId(2));
        assert_eq!(intake.deadline(), Some(Time(1) + SECOND));
        let expired = intake.expired(Time(3) + SECOND);
        assert_eq!(expired, [(GroupId(1), AskId(1)), (GroupId(1), AskId(3))]);
        assert_eq!(intake.deadline(), None);
    }
}
