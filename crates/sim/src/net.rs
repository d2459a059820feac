//! The network between imagined nodes: slow, lossy, cut for a while.
//!
//! A class of frames between two nodes is a connection of its own, in order
//! unless a frame is drawn to overtake.

use crate::counts::Counts;
use crate::draw::NetDraw;
use base::Time;
use base::prng::Prng;
use bytes::Bytes;
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
    /// Nothing over any of these.
    Links(Links),
    /// Between these two everything or nothing, in turns of this length.
    Flap(usize, usize, Duration),
    /// Everything between these two comes later, by this at the most.
    Slow(usize, usize, Duration),
}

/// Some of the directed links of a cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Links(u64);

impl Links {
    /// With this one.
    #[must_use]
    pub const fn and(self, from: usize, to: usize) -> Self {
        Self(self.0 | Self::bit(from, to))
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn has(self, from: usize, to: usize) -> bool {
        self.0 & Self::bit(from, to) != 0
    }

    /// All of them.
    pub fn all(self) -> impl Iterator<Item = (usize, usize)> {
        (0..64).filter(move |bit| self.0 & (1 << bit) != 0).map(|bit| (bit / 8, bit % 8))
    }

    /// A cluster has at most seven nodes.
    const fn bit(from: usize, to: usize) -> u64 {
        1 << (from * 8 + to)
    }
}

impl Cut {
    fn stops(self, now: Time, from: usize, to: usize) -> bool {
        match self {
            Self::Isolate(node) => node == from || node == to,
            Self::OneWay(a, b) => a == from && b == to,
            Self::Links(links) => links.has(from, to),
            Self::Flap(a, b, turn) => {
                let turns = u128::from(now.0) / turn.as_nanos().max(1);
                joins((a, b), (from, to)) && turns % 2 == 1
            }
            Self::Slow(..) => false,
        }
    }

    fn delays(self, from: usize, to: usize) -> Option<Duration> {
        match self {
            Self::Slow(a, b, late) if joins((a, b), (from, to)) => Some(late),
            _ => None,
        }
    }

    /// All nodes that are part of it.
    #[must_use]
    pub fn nodes(self) -> Vec<usize> {
        match self {
            Self::Isolate(node) => vec![node],
            Self::OneWay(a, b) | Self::Flap(a, b, _) | Self::Slow(a, b, _) => vec![a, b],
            Self::Links(links) => links.all().flat_map(|(from, to)| [from, to]).collect(),
        }
    }
}

fn joins(pair: (usize, usize), link: (usize, usize)) -> bool {
    pair == link || (pair.1, pair.0) == link
}

/// What is said of a frame on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Way {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) class: Class,
    pub(crate) sent: Time,
    /// The checksum that it was sent with, if it is not the same any more.
    pub(crate) sum: Option<u32>,
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
    /// When a connection ended last: what was on its way then is lost.
    ended: BTreeMap<(usize, usize, Class), Time>,
}

impl Net {
    /// A whole network.
    #[must_use]
    pub fn new(draw: NetDraw, hold: Duration, prng: Prng) -> Self {
        let (cuts, last, ended) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { draw, prng, hold, cuts, last, ended }
    }

    /// When a frame that is sent now arrives: never, once or twice.
    pub fn send(
        &mut self,
        now: Time,
        (from, to, class): (usize, usize, Class),
        counts: &mut Counts,
    ) -> Vec<Time> {
        counts.frames += 1;
        if !self.passes(now, from, to) {
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
    pub fn passes(&self, now: Time, from: usize, to: usize) -> bool {
        !self.cuts.values().any(|cut| cut.stops(now, from, to))
    }

    /// Some frames are changed on their way: this one, if it is returned, and one
    /// or a few of its bits.
    pub(crate) fn spoil(&mut self, frame: &Bytes) -> Option<Bytes> {
        if self.draw.corrupt == 0 || !self.prng.chance(self.draw.corrupt, 10_000) {
            return None;
        }
        let mut bytes = frame.to_vec();
        for _ in 0..self.prng.between(1, 3) {
            let (at, bit) = (self.prng.below(bytes.len().max(1) as u64), self.prng.below(8));
            bytes.get_mut(at as usize).into_iter().for_each(|byte| *byte ^= 1 << bit);
        }
        Some(bytes.into())
    }

    /// A connection ends.
    pub(crate) fn end(&mut self, now: Time, way: &Way) {
        self.ended.insert((way.from, way.to, way.class), now);
    }

    /// Whether the connection has ended since this was sent.
    pub(crate) fn ended(&self, way: &Way) -> bool {
        let ended = self.ended.get(&(way.from, way.to, way.class));
        ended.is_some_and(|ended| *ended >= way.sent)
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
        self.draw = NetDraw { loss: 0, twice: 0, reorder: 0, corrupt: 0, ..self.draw.clone() };
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
        let (from, to, _) = link;
        let late = self.cuts.values().filter_map(|cut| cut.delays(from, to)).max();
        let late = late.map_or(Duration::ZERO, |late| self.prng.span(late / 2, late));
        let delay = late + self.prng.span(self.draw.delay_min, self.draw.delay_max);
        if self.prng.chance(self.draw.reorder, 10_000) {
            counts.reordered += 1;
            return now + delay * u32::try_from(self.prng.below(8)).unwrap_or(1);
        }
        let last = self.last.entry(link).or_default();
        *last = (*last + Duration::from_nanos(1)).max(now + delay);
        *last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::checksum::crc32c;

    const MS: Duration = Duration::from_millis(1);

    fn net(corrupt: u64) -> Net {
        let draw = NetDraw { delay_min: MS, delay_max: MS, loss: 0, twice: 0, reorder: 0, corrupt };
        Net::new(draw, MS, Prng::new(1))
    }

    #[test]
    fn a_cut_stops_what_it_names_and_nothing_else() {
        let mut net = net(0);
        net.cut(1, Cut::Links(Links::default().and(0, 1).and(2, 0)));
        let passes = |net: &Net, from, to| net.passes(Time(5), from, to);
        assert!(!passes(&net, 0, 1) && passes(&net, 1, 0));
        assert!(!passes(&net, 2, 0) && passes(&net, 0, 2) && passes(&net, 1, 2));
        net.mend(1);
        assert!(passes(&net, 0, 1) && passes(&net, 2, 0));
    }

    #[test]
    fn a_flapping_link_is_there_in_turns_and_a_slow_one_late() {
        let mut net = net(0);
        net.cut(1, Cut::Flap(0, 1, MS));
        let at = |net: &Net, ms: u32| net.passes(Time::ZERO + MS * ms, 1, 0);
        assert_eq!([0, 1, 2, 3].map(|ms| at(&net, ms)), [true, false, true, false]);
        assert!(net.passes(Time::ZERO + MS, 0, 2));
        net.mend(1);
        net.cut(2, Cut::Slow(0, 1, MS * 100));
        let mut counts = Counts::default();
        let mut arrives = |from, to| {
            let link = (from, to, Class::Urgent);
            net.send(Time::ZERO, link, &mut counts).first().copied().expect("it arrives")
        };
        assert!(arrives(1, 0) >= Time::ZERO + MS * 51);
        assert_eq!(arrives(1, 2), Time::ZERO + MS);
    }

    #[test]
    fn a_spoilt_frame_has_another_checksum() {
        let frame = Bytes::from_static(b"any frame at all");
        let mut net = net(10_000);
        for _ in 0..200 {
            let spoilt = net.spoil(&frame).expect("every frame is spoilt");
            assert!(spoilt == frame || crc32c(&spoilt) != crc32c(&frame));
        }
    }
}
