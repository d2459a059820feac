//! Who should claim a ballot, and when: one clock and one order for all replicas
//! of a group, in place of chance (ballot leader election, after Omni-Paxos, 5).
//!
//! Each replica tells the others at every beat whom it follows, how long that
//! leader has been silent, and whether it reaches a majority. From that follows
//! who claims. Nothing here decides who leads: votes do. A wrong word costs an
//! election, and never safety; so nobody is believed about ballots, and none is
//! taken over from hearsay.
//!
//! ```text
//!   leader's last word          all know that nobody hears it
//!        |--------- election timeout ---------|-- half a beat --|- two beats -|
//!                                                         first claims    the next
//! ```

use crate::contract::Timing;
use crate::entry::Place;
use crate::quorum::majority;
use alloc::vec::Vec;
use base::{Ballot, NodeId, Time, sometimes};
use core::cmp::Reverse;
use core::time::Duration;

/// What one replica tells another at every beat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pulse {
    /// The ballot in force at the sender.
    pub ballot: Ballot,
    /// Whether the sender leads.
    pub leads: bool,
    /// Whether the sender hears a majority, and is heard by it.
    pub quorum: bool,
    /// How long the leader that it follows has been silent, if it follows one.
    pub silence: Option<Duration>,
    /// Where its log ends.
    pub last: Place,
}

/// What a replica knows of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Own {
    /// The ballot in force.
    pub ballot: Ballot,
    /// Who leads, if known.
    pub leader: Option<NodeId>,
    /// When that leader was heard.
    pub heard: Option<Time>,
    /// Where the log ends.
    pub last: Place,
}

/// What a replica was told by another, last.
#[derive(Clone, Copy, Debug)]
struct Told {
    from: NodeId,
    at: Time,
    /// Whether the sender hears this node.
    both_ways: bool,
    pulse: Pulse,
}

/// The trigger of one replica.
#[derive(Clone, Debug)]
pub struct Trigger {
    me: NodeId,
    voters: usize,
    timing: Timing,
    told: Vec<Told>,
    /// Until when it is not known yet who is there.
    young: Option<Time>,
    /// Since when no leader is known.
    without: Option<Time>,
    /// Whether a majority is reached, as was said last.
    reach: bool,
    /// When to ask again whether to claim, if nothing is heard before that.
    due: Option<Time>,
    /// No claim before this.
    after: Time,
}

impl Trigger {
    /// The trigger of `me`, one of so many voters.
    #[must_use]
    pub const fn new(me: NodeId, voters: usize, timing: Timing) -> Self {
        Self {
            me,
            voters,
            timing,
            told: Vec::new(),
            young: None,
            without: None,
            reach: true,
            due: None,
            after: Time::ZERO,
        }
    }

    /// A voter's pulse came over a link that works both ways, or does not. Says
    /// whether the leader that was followed does not lead any more.
    pub fn on_pulse(
        &mut self,
        now: Time,
        from: NodeId,
        both_ways: bool,
        pulse: Pulse,
        own: &Own,
    ) -> bool {
        let told = Told { from, at: now, both_ways, pulse };
        match self.told.iter_mut().find(|known| known.from == from) {
            Some(known) => *known = told,
            None => self.told.push(told),
        }
        let abdicated = own.leader == Some(from) && !pulse.leads;
        abdicated && pulse.ballot.round >= own.ballot.round
    }

    /// What the others are to be told now.
    #[must_use]
    pub fn pulse(&self, now: Time, own: &Own) -> Pulse {
        let leads = own.leader == Some(self.me);
        let silence = own.leader.and(own.heard).map(|heard| now.since(heard));
        Pulse { ballot: own.ballot, leads, quorum: self.reaches(now), silence, last: own.last }
    }

    /// A beat: says whether a majority is reached, if that is news.
    pub fn beat(&mut self, now: Time, own: &Own) -> Option<bool> {
        let young = *self.young.get_or_insert(now + self.timing.election);
        if own.leader.is_some() {
            self.without = None;
        } else {
            self.without.get_or_insert(now);
        }
        self.plan(now, own);
        // Who has never heard a pulse speaks to nodes that have none.
        let reach = self.reaches(now) || now < young || self.told.is_empty();
        let news = reach != self.reach;
        self.reach = reach;
        news.then_some(reach)
    }

    /// When to ask whether to claim.
    #[must_use]
    pub const fn deadline(&self) -> Option<Time> {
        self.due
    }

    /// Whether it is time to claim: no leader was heard for an election timeout
    /// here, nor by anybody who is there, a majority is, and it is this node's turn.
    pub fn claims(&mut self, now: Time, own: &Own) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        // What was planned may not be so any more: a leader was heard since.
        self.plan(now, own);
        if self.due.take_if(|due| *due <= now).is_none() || self.content(now) {
            return false;
        }
        sometimes!(Claimed);
        self.after = now + self.timing.heartbeat * 3 + self.turn(now, own);
        true
    }

    /// Sets when it is this node's turn, as far as is known now.
    fn plan(&mut self, now: Time, own: &Own) {
        let silent = match (own.leader, own.heard) {
            (Some(leader), _) if leader == self.me => None,
            (Some(_), Some(heard)) => Some(heard + self.timing.election),
            _ => self.without.map(|since| since + self.timing.heartbeat),
        };
        let open = silent.filter(|_| self.voters > 1 && self.reaches(now));
        let beat = self.timing.heartbeat;
        let due = open.map(|silent| (silent + beat / 2 + self.turn(now, own)).max(self.after));
        // What is further away will be planned anew before.
        self.due = due.filter(|due| *due <= now + beat);
    }

    /// How long this node lets others go first who are there and have more: whoever
    /// has the longest log needs nothing.
    fn turn(&self, now: Time, own: &Own) -> Duration {
        let mine = (own.last, Reverse(self.me));
        let before = self.there(now).filter(|told| {
            let unhappy = !self.is_content(now, told);
            told.pulse.quorum && unhappy && (told.pulse.last, Reverse(told.from)) > mine
        });
        self.timing.heartbeat * 2 * u32::try_from(before.count()).unwrap_or(0)
    }

    /// Whether somebody who is there hears a leader.
    fn content(&self, now: Time) -> bool {
        self.there(now).any(|told| self.is_content(now, told))
    }

    /// How long a leader was silent goes on to be counted here.
    fn is_content(&self, now: Time, told: &Told) -> bool {
        let silence = told.pulse.silence.map(|silence| silence + now.since(told.at));
        told.pulse.leads || silence.is_some_and(|silence| silence < self.timing.election)
    }

    fn reaches(&self, now: Time) -> bool {
        self.there(now).count() + 1 >= majority(self.voters)
    }

    /// Who was heard lately, and hears this node.
    fn there(&self, now: Time) -> impl Iterator<Item = &Told> {
        let lately = lately(self.timing);
        self.told.iter().filter(move |told| told.both_ways && now.since(told.at) < lately)
    }
}

/// How long a pulse is good for.
#[must_use]
pub fn lately(timing: Timing) -> Duration {
    timing.election / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Index;

    const TIMING: Timing =
        Timing { heartbeat: Duration::from_millis(100), election: Duration::from_millis(1000) };

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    fn place(index: u64) -> Place {
        Place { ballot: Ballot::new(1, NodeId(3)), index: Index(index) }
    }

    fn own(heard: u64, last: u64) -> Own {
        let ballot = Ballot::new(1, NodeId(3));
        Own { ballot, leader: Some(NodeId(3)), heard: Some(at(heard)), last: place(last) }
    }

    fn pulse(silence: u64, last: u64) -> Pulse {
        Pulse {
            ballot: Ballot::new(1, NodeId(3)),
            leads: false,
            quorum: true,
            silence: Some(Duration::from_millis(silence)),
            last: place(last),
        }
    }

    /// When of the beats from `from` on this node claims, if the other tells so much.
    fn claimed(me: u64, own: &Own, told: impl Fn(u64) -> Option<(bool, Pulse)>) -> Option<u64> {
        let mut trigger = Trigger::new(NodeId(me), 3, TIMING);
        let other = NodeId(3 - me);
        for beat in 0..40 {
            let ms = beat * 100;
            if let Some((both, pulse)) = told(ms) {
                trigger.on_pulse(at(ms), other, both, pulse, own);
            }
            trigger.beat(at(ms), own);
            for step in 0..100 {
                if trigger.claims(at(ms + step), own) {
                    return Some(ms + step);
                }
            }
        }
        None
    }

    #[test]
    fn whoever_has_the_longest_log_claims_half_a_beat_after_the_silence_and_the_other_two_beats_later()
     {
        let told = |last| move |ms: u64| Some((true, pulse(ms, last)));
        assert_eq!(claimed(1, &own(0, 7), told(7)), Some(1_050), "the lower number first");
        assert_eq!(claimed(2, &own(0, 7), told(7)), Some(1_250));
        assert_eq!(claimed(2, &own(0, 8), told(7)), Some(1_050), "the longer log first");
    }

    #[test]
    fn nobody_claims_who_reaches_no_majority_or_knows_somebody_who_is_content() {
        assert_eq!(claimed(1, &own(0, 7), |_| None), None);
        assert_eq!(claimed(1, &own(0, 7), |ms| Some((false, pulse(ms, 7)))), None);
        assert_eq!(claimed(1, &own(0, 7), |_| Some((true, pulse(0, 7)))), None);
        let leads = Pulse { leads: true, silence: None, ..pulse(0, 7) };
        assert_eq!(claimed(1, &own(0, 7), |_| Some((true, leads))), None);
    }

    #[test]
    fn a_leader_that_leads_no_more_is_forgotten_and_an_older_word_is_not_believed() {
        let mut trigger = Trigger::new(NodeId(1), 3, TIMING);
        let over = Pulse { silence: None, ..pulse(0, 7) };
        let older = Pulse { ballot: Ballot::default(), ..over };
        assert!(!trigger.on_pulse(at(0), NodeId(2), true, over, &own(0, 7)), "it never led");
        assert!(!trigger.on_pulse(at(0), NodeId(3), true, older, &own(0, 7)));
        assert!(trigger.on_pulse(at(0), NodeId(3), true, over, &own(0, 7)));
    }

    #[test]
    fn reach_is_told_once_it_changes() {
        let mut trigger = Trigger::new(NodeId(1), 3, TIMING);
        assert_eq!(trigger.beat(at(0), &own(0, 7)), None, "nobody is known yet");
        trigger.on_pulse(at(10), NodeId(2), true, pulse(0, 7), &own(0, 7));
        assert_eq!(trigger.beat(at(100), &own(0, 7)), None);
        assert_eq!(trigger.beat(at(1_100), &own(0, 7)), Some(false));
        assert_eq!(trigger.beat(at(1_200), &own(0, 7)), None);
        trigger.on_pulse(at(1_210), NodeId(2), true, pulse(0, 7), &own(0, 7));
        assert_eq!(trigger.beat(at(1_300), &own(0, 7)), Some(true));
    }
}
