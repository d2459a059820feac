//! The network between imagined nodes: slow, lossy, cut for a while.
//!
//! A class of frames between two nodes is a connection of its own, in order
//! unless a frame is drawn to overtake.

use crate::counts::Counts;
use crate::draw::NetDraw;
use base::Time;
use base::prng::Prng;
use core::time::Duration;
use node::event::Class;
use std::collections::BTreeMap;

/// What does not come through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Nothing to or from this node.
    Isolate(usize),
    /// Nothing in this direction.
    OneWay(usize, usize),
}

impl Cut {
    const fn stops(self, from: usize, to: usize) -> bool {
        match self {
            Self::Isolate(node) => node == from || node == to,
            Self::OneWay(a, b) => a == from && b == to,
        }
    }
}

/// The network.
#[derive(Debug)]
pub struct Net {
    draw: NetDraw,
    prng: Prng,
    /// How long a frame may be held back by a cut.
    hold: Duration,
    cuts: BTreeMap<u64, Cut>,
    last: BTreeMap<(usize, usize, Class), Time>,
}

impl Net {
    /// A whole network.
    #[must_use]
    pub fn new(draw: NetDraw, hold: Duration, prng: Prng) -> Self {
        Self { draw, prng, hold, cuts: BTreeMap::new(), last: BTreeMap::new() }
    }

    /// When a frame that is sent now arrives: never, once or twice.
    pub fn send(
        &mut self,
        now: Time,
        (from, to, class): (usize, usize, Class),
        counts: &mut Counts,
    ) -> Vec<Time> {
        counts.frames += 1;
        if !self.passes(from, to) {
            return self.stopped(now, counts);
        }
        if self.prng.chance(self.draw.loss, 10_000) {
            counts.lost += 1;
            return Vec::new();
        }
        let mut arrivals = vec![self.arrival(now, (from, to, class), counts)];
        if self.prng.chance(self.draw.twice, 10_000) {
            counts.twice += 1;
            arrivals.push(self.arrival(now, (from, to, class), counts));
        }
        arrivals
    }

    /// Whether a frame that arrives now gets through.
    #[must_use]
    pub fn passes(&self, from: usize, to: usize) -> bool {
        !self.cuts.values().any(|cut| cut.stops(from, to))
    }

    /// Cuts until [`Net::mend`] is called with this name.
    pub fn cut(&mut self, name: u64, cut: Cut) {
        self.cuts.insert(name, cut);
    }

    /// Ends a cut.
    pub fn mend(&mut self, name: u64) {
        self.cuts.remove(&name);
    }

    /// From now on everything arrives, once and in order.
    pub fn heal(&mut self) {
        self.cuts.clear();
        self.draw = NetDraw { loss: 0, twice: 0, reorder: 0, ..self.draw.clone() };
    }

    /// A connection that hangs may deliver late what it took before.
    fn stopped(&mut self, now: Time, counts: &mut Counts) -> Vec<Time> {
        if self.prng.chance(1, 4) {
            counts.held += 1;
            return vec![now + self.prng.span(Duration::ZERO, self.hold)];
        }
        counts.lost += 1;
        Vec::new()
    }

    fn arrival(&mut self, now: Time, link: (usize, usize, Class), counts: &mut Counts) -> Time {
        let delay = self.prng.span(self.draw.delay_min, self.draw.delay_max);
        if self.prng.chance(self.draw.reorder, 10_000) {
            counts.reordered += 1;
            return now + delay * u32::try_from(self.prng.below(8)).unwrap_or(1);
        }
        let last = self.last.entry(link).or_default();
        *last = (*last + Duration::from_nanos(1)).max(now + delay);
        *last
    }
}
