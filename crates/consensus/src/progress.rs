//! How far one follower is, and how much may be on its way to it.

use alloc::collections::VecDeque;
use base::limits::{INFLIGHT_BYTES_MAX, INFLIGHT_LETTERS_MAX};
use base::{Index, Time, invariant, mutant, sometimes};

/// A leader's knowledge of one follower.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Progress {
    /// The follower has the leader's log on its disk up to here. matched < next.
    matched: Index,
    /// The first entry of the next letter.
    next: Index,
    mode: Mode,
    /// The commit index that the letters so far have told it.
    pub told: Index,
    /// When it was heard last.
    pub heard: Time,
    voice: Voice,
    /// Whether its promises are lost: then what it says is no part of its voice.
    mute: bool,
}

/// What of a follower counts in quorums: what it said while it could keep promises.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Voice {
    /// It has the leader's log on its disk up to here.
    pub matched: Index,
    /// When it was heard last.
    pub heard: Time,
    /// The newest leadership round that it answered.
    pub round: u64,
}

/// How letters go out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Mode {
    /// Where the logs part is unknown: one letter, then wait for its answer.
    Probe {
        /// Beats since the letter left; none is on its way if there is no number.
        beats: Option<u8>,
    },
    /// The logs agree up to `next`: letters follow each other without waiting.
    Replicate(Window),
    /// The follower needs what is below the leader's log, which begins at
    /// `next`: no letter helps until a checkpoint was put in force there.
    Behind {
        /// The leader's newest checkpoint when this was found out: what the
        /// follower is given is not older, and the log goes on from there.
        pin: Index,
    },
}

/// Letters on their way.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Window {
    /// The last index of each letter and its bytes.
    letters: VecDeque<(Index, usize)>,
    bytes: usize,
    /// The end of what had been sent at the last beat, and at the one before:
    /// what had left before the older beat is there by now, or lost.
    beat: Index,
    older: Index,
}

impl Progress {
    /// A follower of which nothing is known but that the leader's log ends
    /// before `next`: it is tried there first.
    #[must_use]
    pub const fn new(next: Index, now: Time) -> Self {
        let (mode, matched) = (Mode::Probe { beats: None }, Index::ZERO);
        let voice = Voice { matched, heard: now, round: 0 };
        Self { matched, next, mode, told: Index::ZERO, heard: now, voice, mute: false }
    }

    /// An answer of the follower came, from a mute replica or not. One that
    /// becomes mute has lost its disk: what was known of that holds no more.
    pub fn hear(&mut self, now: Time, mute: bool) {
        let mute = mutant!(MuteCounts, mute, false);
        if mute && !self.mute {
            sometimes!(MuteHeard);
            self.start_over(self.next);
        }
        self.mute = mute;
        self.heard = now;
        if !mute {
            self.voice.heard = now;
        }
    }

    /// What counts in quorums.
    #[must_use]
    pub const fn voice(&self) -> Voice {
        self.voice
    }

    /// Whether the follower was mute when it was heard last.
    #[must_use]
    pub const fn is_mute(&self) -> bool {
        self.mute
    }

    /// Up to where the follower has the log on its disk.
    #[must_use]
    pub const fn matched(&self) -> Index {
        self.matched
    }

    /// The first entry of the next letter.
    #[must_use]
    pub const fn next(&self) -> Index {
        self.next
    }

    /// Whether a letter with entries may go now.
    #[must_use]
    pub fn ready(&self) -> bool {
        match &self.mode {
            Mode::Probe { beats } => beats.is_none(),
            Mode::Replicate(window) => {
                window.letters.len() < INFLIGHT_LETTERS_MAX && window.bytes < INFLIGHT_BYTES_MAX
            }
            Mode::Behind { .. } => false,
        }
    }

    /// Whether it is unknown that the logs agree before `next`, and nothing on
    /// its way will tell.
    #[must_use]
    pub fn unsure(&self) -> bool {
        matches!(self.mode, Mode::Probe { beats: None }) && self.matched < self.next.prev()
    }

    /// Whether it is known that the logs agree before `next`.
    #[must_use]
    pub fn agrees(&self) -> bool {
        match &self.mode {
            Mode::Probe { beats } => beats.is_none() && self.matched == self.next.prev(),
            Mode::Replicate(_) => true,
            Mode::Behind { .. } => false,
        }
    }

    /// A letter left that ends at `last` with `bytes` of entries.
    pub fn on_sent(&mut self, last: Index, bytes: usize) {
        match &mut self.mode {
            Mode::Probe { beats } => *beats = Some(0),
            Mode::Replicate(window) => {
                window.letters.push_back((last, bytes));
                window.bytes += bytes;
                self.next = last.next();
            }
            Mode::Behind { .. } => {}
        }
        self.check();
    }

    /// The follower answered this round of leadership.
    pub fn on_round(&mut self, round: u64) {
        if !self.mute {
            self.voice.round = self.voice.round.max(round);
        }
    }

    /// The follower has the log on disk up to `matched`. Says whether that is
    /// news for a quorum.
    pub fn on_matched(&mut self, matched: Index) -> bool {
        let news = !self.mute && matched > self.voice.matched;
        if news {
            self.voice.matched = matched;
        }
        self.matched = self.matched.max(matched);
        match &mut self.mode {
            Mode::Probe { .. } | Mode::Behind { .. } if matched >= self.next.prev() => {
                self.replicate(matched.next());
            }
            Mode::Probe { .. } | Mode::Behind { .. } => {}
            Mode::Replicate(window) => window.free(self.matched),
        }
        self.next = self.next.max(self.matched.next());
        self.check();
        news
    }

    /// The follower's answer to a heartbeat: it holds the log up to `held`, on
    /// disk or not. Finds letters that were lost.
    pub fn on_held(&mut self, held: Index) {
        if self.mute && held < self.matched {
            // It may have lost another disk: that costs letters and nothing else.
            self.start_over(held.next());
        }
        match &mut self.mode {
            Mode::Probe { beats: None } if held >= self.next.prev() => self.replicate(held.next()),
            // More than was asked for: the letter is there, its answer is late or lost.
            Mode::Probe { .. } if held >= self.next => self.replicate(held.next()),
            Mode::Probe { beats } => *beats = beats.filter(|beats| *beats < 2),
            Mode::Replicate(window) if held.max(self.matched) < window.older => {
                mutant!(LostLettersNotMissed, self.probe(held.next()), ());
            }
            Mode::Behind { .. } if held >= self.next.prev() => self.replicate(held.next()),
            Mode::Replicate(_) | Mode::Behind { .. } => {}
        }
        self.check();
    }

    /// The follower does not have the leader's entry at `tried`; the logs may
    /// agree up to `agree`. Says whether this was news.
    pub fn on_reject(&mut self, tried: Index, agree: Index) -> bool {
        let news = self.is_news(tried);
        if news {
            self.probe(agree.next().min(tried));
        }
        self.check();
        news
    }

    /// The follower has taken a letter behind `tried`, and lacks what is before that
    /// from behind `matched` on. That is news only of a first letter: what else is on
    /// its way may fill the gap.
    pub fn on_gap(&mut self, tried: Index, matched: Index) {
        if matches!(self.mode, Mode::Probe { .. }) && tried == self.next.prev() {
            self.probe(matched.next());
        }
        self.check();
    }

    /// The follower does not have the leader's entry at `tried`, and the logs
    /// cannot agree anywhere in the leader's, which begins at `first`; its
    /// newest checkpoint is at `newest`. Says whether this was news.
    pub fn on_behind(&mut self, tried: Index, first: Index, newest: Index) -> bool {
        let news = self.is_news(tried) && self.matched < first.prev();
        if news {
            self.next = first;
            self.mode = Mode::Behind { pin: newest };
        }
        self.check();
        news
    }

    /// Whether a reject of `tried` answers something that was asked.
    fn is_news(&self, tried: Index) -> bool {
        // Who denies what it confirmed is not asked again and again.
        tried > self.matched
            && match self.mode {
                Mode::Probe { .. } => tried == self.next.prev(),
                Mode::Replicate(_) => tried < self.next,
                Mode::Behind { .. } => false,
            }
    }

    /// The leader's log begins at `first` now, its newest checkpoint is at
    /// `newest`. Whether a follower that would need earlier entries really lacks
    /// them is for it to say: it is tried at the beginning of the log.
    pub fn on_trimmed(&mut self, first: Index, newest: Index) {
        if self.next < first {
            match &mut self.mode {
                Mode::Probe { .. } | Mode::Replicate(_) => self.probe(first),
                Mode::Behind { pin } => {
                    self.next = first;
                    *pin = if *pin < first.prev() { newest } else { *pin };
                }
            }
        }
        self.check();
    }

    /// The index that the log must go on from while this follower is given a
    /// checkpoint; nothing if it needs none.
    #[must_use]
    pub const fn pin(&self) -> Option<Index> {
        match self.mode {
            Mode::Behind { pin } => Some(pin),
            Mode::Probe { .. } | Mode::Replicate(_) => None,
        }
    }

    /// The connection to the follower changed: what was on its way may be lost.
    pub fn on_link(&mut self) {
        if self.pin().is_none() {
            self.probe(self.matched.next());
        }
    }

    /// A heartbeat leaves.
    pub fn on_beat(&mut self) {
        match &mut self.mode {
            Mode::Probe { beats } => *beats = beats.map(|beats| beats.saturating_add(1)),
            Mode::Replicate(window) => {
                window.older = window.beat;
                window.beat = self.next.prev();
            }
            Mode::Behind { .. } => {}
        }
    }

    /// As if it had just been heard.
    pub const fn timeless(&mut self, now: Time) {
        self.heard = now;
        self.voice.heard = now;
    }

    /// Nothing is known any more of what the follower has: it is tried at `next`. What
    /// it said while it could keep promises still counts.
    pub fn start_over(&mut self, next: Index) {
        (self.matched, self.told) = (Index::ZERO, Index::ZERO);
        self.probe(next);
    }

    fn probe(&mut self, next: Index) {
        self.next = next.max(self.matched.next());
        self.mode = Mode::Probe { beats: None };
    }

    fn replicate(&mut self, next: Index) {
        self.next = next;
        self.mode = Mode::Replicate(Window::default());
    }

    fn check(&self) {
        invariant!(I20, self.matched < self.next, "{} and {}", self.matched, self.next);
        if let Mode::Replicate(window) = &self.mode {
            invariant!(I21, window.letters.len() <= INFLIGHT_LETTERS_MAX);
        }
    }
}

impl Window {
    fn free(&mut self, matched: Index) {
        let there = self.letters.partition_point(|(last, _)| *last <= matched);
        self.bytes -= self.letters.drain(..there).map(|(_, bytes)| bytes).sum::<usize>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probing(progress: &Progress) -> bool {
        matches!(progress.mode, Mode::Probe { .. })
    }

    fn replicating() -> Progress {
        let mut progress = Progress::new(Index(5), Time::ZERO);
        progress.on_matched(Index(4));
        progress
    }

    #[test]
    fn a_probe_is_one_letter() {
        let mut progress = Progress::new(Index(5), Time::ZERO);
        assert!(progress.ready());
        progress.on_sent(Index(9), 100);
        assert_eq!((progress.ready(), progress.next()), (false, Index(5)));
        progress.on_matched(Index(9));
        assert_eq!(
            (progress.ready(), progress.next(), probing(&progress)),
            (true, Index(10), false)
        );
    }

    #[test]
    fn a_lost_probe_is_sent_again_after_two_beats() {
        let mut progress = Progress::new(Index(5), Time::ZERO);
        progress.on_sent(Index(9), 100);
        for expected in [false, true] {
            progress.on_beat();
            progress.on_held(Index(0));
            assert_eq!(progress.ready(), expected);
        }
    }

    #[test]
    fn the_window_closes_by_letters_and_by_bytes() {
        let mut progress = replicating();
        for last in 5..5 + INFLIGHT_LETTERS_MAX as u64 {
            assert!(progress.ready());
            progress.on_sent(Index(last), 1);
        }
        assert!(!progress.ready());
        progress.on_matched(Index(6));
        assert!(progress.ready());
        progress.on_sent(Index(99), INFLIGHT_BYTES_MAX);
        assert!(!progress.ready());
        progress.on_matched(Index(99));
        assert!(progress.ready());
    }

    #[test]
    fn a_reject_jumps_to_the_hint_and_a_stale_one_does_nothing() {
        let mut progress = Progress::new(Index(50), Time::ZERO);
        assert!(!progress.on_reject(Index(48), Index(2)));
        assert!(progress.on_reject(Index(49), Index(7)));
        assert_eq!(progress.next(), Index(8));
        let mut progress = replicating();
        assert!(!progress.on_reject(Index(4), Index(1)));
        assert_eq!((progress.next(), probing(&progress)), (Index(5), false));
    }

    #[test]
    fn letters_that_two_beats_have_overtaken_are_lost() {
        let mut progress = replicating();
        progress.on_sent(Index(7), 1);
        progress.on_beat();
        progress.on_held(Index(4));
        assert!(!probing(&progress), "they may still be on their way");
        progress.on_beat();
        progress.on_held(Index(7));
        assert!(!probing(&progress), "held, though not on disk");
        progress.on_held(Index(5));
        assert_eq!((probing(&progress), progress.next()), (true, Index(6)));
    }

    /// What it had is gone, what it says counts for nothing, and what it said
    /// before was true then.
    #[test]
    fn a_mute_follower_gets_letters_and_has_no_voice() {
        let mut progress = replicating();
        progress.on_round(3);
        progress.hear(Time(7), true);
        assert_eq!(
            (probing(&progress), progress.matched(), progress.next()),
            (true, Index(0), Index(5))
        );
        assert!(progress.on_reject(Index(4), Index(0)));
        progress.on_sent(Index(9), 1);
        assert!(!progress.on_matched(Index(9)));
        progress.on_round(4);
        let voice = progress.voice();
        assert_eq!((voice.matched, voice.round, voice.heard), (Index(4), 3, Time::ZERO));
        assert_eq!(
            (progress.matched(), progress.heard, progress.next()),
            (Index(9), Time(7), Index(10))
        );
        progress.on_held(Index(2));
        assert_eq!((progress.matched(), progress.next()), (Index(0), Index(3)), "lost again");
        progress.hear(Time(8), false);
        assert!(progress.on_matched(Index(9)), "a voter again");
        assert_eq!((progress.voice().matched, progress.voice().heard), (Index(9), Time(8)));
    }

    fn behind() -> Progress {
        let mut progress = Progress::new(Index(50), Time::ZERO);
        assert!(progress.on_behind(Index(49), Index(41), Index(45)));
        progress
    }

    #[test]
    fn who_is_behind_gets_nothing_until_the_logs_connect() {
        let mut progress = behind();
        assert_eq!(
            (progress.ready(), progress.next(), progress.pin()),
            (false, Index(41), Some(Index(45)))
        );
        progress.on_link();
        progress.on_held(Index(39));
        assert!(!progress.on_matched(Index(0)) && progress.on_matched(Index(39)));
        assert!(!progress.on_reject(Index(40), Index(3)), "nothing was asked");
        assert_eq!(progress.pin(), Some(Index(45)));
        progress.on_held(Index(40));
        assert_eq!((progress.ready(), progress.next(), progress.pin()), (true, Index(41), None));
        let mut progress = behind();
        progress.on_matched(Index(47));
        assert_eq!((progress.ready(), progress.next(), progress.pin()), (true, Index(48), None));
    }

    #[test]
    fn a_log_that_begins_later_is_tried_at_its_beginning() {
        let mut progress = replicating();
        progress.on_sent(Index(7), 1);
        progress.on_trimmed(Index(8), Index(9));
        assert!(!probing(&progress), "all that is on its way is in the log, or was");
        progress.on_trimmed(Index(12), Index(15));
        assert_eq!((probing(&progress), progress.next(), progress.pin()), (true, Index(12), None));
        assert!(progress.unsure(), "though there may be nothing to send");
        progress.on_sent(Index(11), 0);
        assert!(!progress.unsure());
    }

    /// A pin that the log has left behind is of no use; another checkpoint is.
    #[test]
    fn who_is_behind_for_long_is_given_a_newer_checkpoint() {
        let mut progress = behind();
        progress.on_trimmed(Index(46), Index(60));
        assert_eq!((progress.next(), progress.pin()), (Index(46), Some(Index(45))));
        progress.on_trimmed(Index(47), Index(60));
        assert_eq!((progress.next(), progress.pin()), (Index(47), Some(Index(60))));
    }

    #[test]
    fn a_late_answer_moves_a_probe_forward() {
        let mut progress = replicating();
        progress.on_sent(Index(9), 1);
        progress.on_link();
        assert_eq!(progress.next(), Index(5));
        assert!(progress.on_matched(Index(9)));
        assert_eq!((progress.next(), probing(&progress)), (Index(10), false));
    }
}
