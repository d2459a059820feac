//! What is demanded of a world when nothing goes wrong any more: that its nodes
//! come to hold the same, that they serve, and that all judges are content.

use super::Game;
use crate::check::evidence::Evidence;
use crate::check::lease::{self, Late};
use crate::check::linear::Rules;
use crate::check::live::{self, Healed, Progress};
use crate::check::replay::Replay;
use crate::draw::Draw;
use crate::history::Outcome;
use crate::person::TTL_S_MAX;
use crate::world::Alarm;
use base::{AskId, GroupId, Index, Revision, Time};
use core::time::Duration;
use node::event::Answer;

/// How fast a clock may run that jumps, in thousandths: of time nothing is promised then.
const ANY_RATE: u64 = 1 << 40;
/// How often a node that refuses is asked again within an election timeout.
const ASKS_PER_ELECTION: u32 = 16;

/// Whether a node acknowledged a write after the healing.
#[derive(Clone, Debug, Default)]
struct Proof {
    asked: Option<AskId>,
    wrote: bool,
    /// When it may be asked again.
    again: Time,
}

impl Game {
    /// Though nobody asks for anything new, the healed nodes must come to hold
    /// the same: what was lost on its way is missed without a later write.
    pub(super) fn calm_down(&mut self, election: Duration) {
        let healed = self.world.now();
        let limit = election * live::CALM_ELECTIONS_MAX;
        let level = |game: &Self| {
            if !game.even() {
                return false;
            }
            let mut states = (0..game.world.size()).map(|node| game.world.states(node));
            let first = states.next();
            let here = |it: &[(GroupId, Option<(Index, u64)>)]| it.iter().all(|it| it.1.is_some());
            first.as_deref().is_some_and(here) && states.all(|it| Some(it) == first)
        };
        while !level(self) {
            if self.step(healed + limit).is_none() {
                let states: Vec<_> =
                    (0..self.world.size()).map(|it| self.world.states(it)).collect();
                return self.world.found.extend(live::uneven(&states, limit));
            }
        }
        self.progress.level = Some(Progress::thousandths(self.world.now().since(healed), election));
    }

    /// The healed cluster must serve a write at every node and agree, in time.
    pub(super) fn recover(&mut self, election: Duration) {
        let limit = election * live::ELECTIONS_MAX;
        let healed = self.world.now();
        let end = healed + limit;
        let mut proofs: Vec<Proof> = vec![Proof::default(); self.world.size()];
        loop {
            self.prove(&mut proofs);
            let now = self.world.now();
            let wrote = proofs.iter().all(|proof| proof.wrote);
            let waited = Progress::thousandths(now.since(healed), election);
            if self.progress.commit.is_none() && proofs.iter().any(|proof| proof.wrote) {
                self.progress.commit = Some(waited);
            }
            if wrote && live::done(&self.healed(&proofs)) && self.callers.idle() {
                self.progress.all = Some(waited);
                self.world.found.extend(self.progress.late());
                self.quiet = now;
                return;
            }
            let Some(answered) = self.step(end) else { break };
            for (id, place) in answered {
                let ok = self.history.ops.get(place).is_some_and(
                    |op| matches!(&op.outcome, Outcome::Ok(Answer::Kv(reply)) if reply.result.is_ok()),
                );
                for proof in proofs.iter_mut().filter(|it| it.asked == Some(id)) {
                    // A node that refuses at once refuses as fast as one can ask.
                    let again = now + election / ASKS_PER_ELECTION;
                    *proof = Proof { asked: None, wrote: ok, again };
                    self.world.remind(election / ASKS_PER_ELECTION, Alarm::Again);
                }
            }
        }
        let found = live::check(&self.healed(&proofs), limit);
        self.world.found.extend(found);
        self.world.found.extend(self.progress.late());
    }

    /// Every node that has acknowledged nothing yet is asked, again and again.
    fn prove(&mut self, proofs: &mut [Proof]) {
        let Self { world, callers, history, .. } = self;
        for (node, proof) in proofs.iter_mut().enumerate() {
            let due = !proof.wrote && proof.again <= world.now();
            if due && !proof.asked.is_some_and(|id| callers.waits(id)) {
                proof.asked = callers.prove(usize::MAX, node, world, history);
            }
        }
    }

    fn healed(&self, proofs: &[Proof]) -> Vec<Healed> {
        let healed = |(node, proof): (usize, &Proof)| Healed {
            wrote: proof.wrote,
            whole: self.world.is_whole(node),
            states: self.world.states(node),
        };
        proofs.iter().enumerate().map(healed).collect()
    }

    /// Nobody renews any more: what is left of all leases passes.
    pub(super) fn outlive(&mut self, draw: &Draw) {
        if draw.callers.holders > 0 {
            let longest = lease::least(TTL_S_MAX, 1_000 - draw.clocks);
            let end = self.world.now() + longest + draw.election * (live::ELECTIONS_MAX / 2);
            while self.step(end).is_some() {}
        }
    }

    /// Whether all nodes have applied as much.
    fn even(&self) -> bool {
        let last = self.world.chronicle().last();
        (0..self.world.size()).all(|node| self.world.applied_by(node) == last)
    }

    /// The log is done again; every node tells what it keeps of its history;
    /// everything is held against it.
    pub(super) fn judge(&mut self, draw: &Draw) {
        let Self { world, watchers, history, .. } = self;
        let now = Replay::new(world.chronicle().lines());
        let compacted = now.ok().and_then(|replay| replay.end().compacted);
        let from = compacted.unwrap_or_default().max(Revision(2));
        let mut whole: Vec<usize> =
            (0..world.size()).map(|node| watchers.witness(node, from, world, history)).collect();
        let settled = watchers.settle(world);
        let end = self.world.now() + draw.election * 2;
        while self.step(end).is_some() {}
        // What a node itself proposed just now is on its way to the others.
        let end = end + draw.election * live::ELECTIONS_MAX;
        while !self.even() && self.step(end).is_some() {}
        whole.extend(self.watchers.still_open(&settled));
        let world = &mut self.world;
        let evidence = Evidence {
            held: (0..world.size()).map(|node| world.applied_by(node)).collect(),
            lines: world.take_chronicle(),
            history: core::mem::take(&mut self.history),
            whole,
            rules: Rules { quota: draw.is_short(), keeps: draw.keep_history.is_some() },
            fast: if world.counts.jumps > 0 { ANY_RATE } else { 1_000 + draw.clocks },
            late: Late {
                quiet: self.quiet.max(world.led()),
                strays: world.strays(),
                slow: 1_000 - draw.clocks,
                slack: draw.election * lease::LATE_ELECTIONS_MAX,
            },
            filled: world.counts.fills > 0,
        };
        world.found.extend(evidence.judge());
        self.evidence = Some(evidence);
    }
}
