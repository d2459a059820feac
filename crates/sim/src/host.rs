//! One imagined machine: a disk that outlives its processes, and the lane that runs now.

use crate::disk::{Crash, Moment, SimDisk};
use crate::draw::Draw;
use crate::rot::Checkpoints;
use base::prng::Prng;
use base::{GroupId, Index, NodeId, Time};
use consensus::entry::Entry;
use core::time::Duration;
use node::boot::{self, BootOptions, Timing};
use node::bootstrap::MemberSpec;
use node::event::{Action, Event};
use node::job::Job;
use node::lane::Lane;
use std::collections::{BTreeMap, VecDeque};

/// One machine.
#[derive(Debug)]
pub(crate) struct Host {
    options: BootOptions,
    /// Its id; zero before its first start.
    pub(crate) id: NodeId,
    pub(crate) disk: SimDisk,
    /// What is known of the checkpoints on the disk.
    pub(crate) checkpoints: Checkpoints,
    /// Grows with every crash: what was meant for an earlier life comes to nothing.
    pub(crate) life: u64,
    /// The process, if it runs.
    pub(crate) lane: Option<Lane>,
    /// What happened to it since its last turn.
    pub(crate) inbox: Vec<Event>,
    /// The jobs of the lane, done in turns; the first has an operation under way.
    pub(crate) works: VecDeque<Job>,
    /// Whether a turn is on its way.
    pub(crate) awake: bool,
    /// Until when it does not run.
    pub(crate) paused: Time,
    /// How far it has applied the log of the keyspace in this life.
    pub(crate) applied: Index,
    /// How it will end, at the next occasion.
    pub(crate) doom: Option<(Crash, Moment)>,
    /// What it showed of its groups' states last, in this life.
    shown: BTreeMap<GroupId, (Index, u64)>,
    /// For when a deadline is queued.
    pub(crate) armed: Option<Time>,
    /// How far its clock is ahead: clocks of two machines have nothing in common.
    ahead: Duration,
    /// How fast its clock runs, in thousandths of the world's.
    rate: u64,
    /// A read failed in its last start.
    pub(crate) misread: bool,
    /// Its lane has stopped for good; somebody will notice.
    pub(crate) halted: bool,
    /// Whether it knew all that its lives before have told when its turn began.
    pub(crate) remembers: bool,
}

/// Why a node does not start.
#[derive(Debug)]
pub(crate) enum NoStart {
    /// It crashes while it reads its log.
    Crashed,
    /// A read failed; another one may not.
    Misread(String),
    /// There is no room for something that it must make. There will be.
    NoRoom(String),
    /// It refuses.
    Refused(String),
}

/// What a clock shows that began to run with its machine: nobody knows when.
fn any_clock(prng: &mut Prng) -> Duration {
    Duration::from_secs(prng.below(1 << 20))
}

/// The time as the machine's own clock has it.
pub(crate) fn local(now: Time, host: &Host) -> Time {
    Time(now.0 * host.rate / 1_000) + host.ahead
}

/// The first moment at which the machine's own clock shows `due`.
pub(crate) fn worldly(due: Time, host: &Host) -> Time {
    let passed = due.0.saturating_sub((Time::ZERO + host.ahead).0);
    Time(passed.saturating_mul(1_000).div_ceil(host.rate))
}

impl Host {
    /// A machine that is off, with an empty disk.
    pub(crate) fn new(draw: &Draw, node: usize, prng: &mut Prng) -> Self {
        Self {
            options: options(draw, node),
            id: NodeId::ZERO,
            disk: SimDisk::new(draw.disk.clone()),
            checkpoints: Checkpoints::default(),
            life: 0,
            lane: None,
            inbox: Vec::new(),
            works: VecDeque::new(),
            awake: false,
            paused: Time::ZERO,
            applied: Index::ZERO,
            doom: None,
            shown: BTreeMap::new(),
            armed: None,
            ahead: any_clock(prng),
            rate: prng.between(1_000 - draw.clocks, 1_000 + draw.clocks),
            misread: false,
            halted: false,
            remembers: false,
        }
    }

    /// Starts; returns its id and what recovery found. With a limit it may
    /// crash in between.
    pub(crate) fn boot(
        &mut self,
        now: Time,
        seed: u64,
        limit: Option<u64>,
    ) -> Result<(NodeId, String), NoStart> {
        self.options.seed = seed;
        self.options.incarnation = seed;
        self.disk.reopen();
        self.disk.limit(limit);
        let misread = self.disk.reads_badly();
        let here = local(now, self);
        let booted = boot::boot(&mut self.disk, &self.options, here);
        let crashed = self.disk.ran_out();
        self.disk.limit(None);
        self.misread = misread && !self.disk.read_well();
        if crashed {
            return Err(NoStart::Crashed);
        }
        let full = self.disk.is_limited();
        let booted = booted.map_err(|why| match why {
            _ if self.misread => NoStart::Misread(why.to_string()),
            _ if full && why.wants_room() => NoStart::NoRoom(why.to_string()),
            _ => NoStart::Refused(why.to_string()),
        })?;
        self.id = booted.me;
        self.lane = Some(booted.lane);
        Ok((booted.me, booted.report))
    }

    /// The process ends.
    pub(crate) fn crash(&mut self, crash: Crash, prng: &mut Prng) {
        self.lane = None;
        self.life += 1;
        self.inbox.clear();
        self.works.clear();
        self.awake = false;
        self.armed = None;
        self.doom = None;
        self.applied = Index::ZERO;
        self.shown.clear();
        self.paused = Time::ZERO;
        self.halted = false;
        self.disk.crash(crash, prng);
        if crash == Crash::Power {
            self.ahead = any_clock(prng);
        }
    }

    /// Its clock jumps ahead.
    pub(crate) fn jump(&mut self, span: Duration) {
        self.ahead += span;
    }

    /// Its disk is gone, and with it all that it knew.
    pub(crate) fn lose_disk(&mut self) {
        self.disk.lose();
        self.checkpoints = Checkpoints::default();
    }

    /// One turn with everything that arrived.
    pub(crate) fn turn(&mut self, now: Time, actions: &mut Vec<Action>) {
        let now = local(now, self);
        self.awake = false;
        let Some(lane) = &mut self.lane else { return };
        self.inbox.drain(..).for_each(|event| lane.step(now, event, actions));
        lane.step(now, Event::TurnEnd, actions);
    }

    /// Shows the entries that it has applied since this was last asked. What it has
    /// from a checkpoint it has not applied itself.
    pub(crate) fn applied_entries(&mut self, mut show: impl FnMut(&Entry)) {
        let Some(lane) = &self.lane else { return };
        let Some(applied) = lane.applied(GroupId::DEFAULT) else { return };
        while self.applied < applied {
            self.applied = self.applied.next();
            if let Some(entry) = lane.entry(GroupId::DEFAULT, self.applied) {
                show(entry);
            }
        }
    }

    /// Shows the states that are not as they were when this was last asked. The
    /// directory changes rarely and its hash is made anew each time, so that is
    /// looked at only where its log was applied further.
    pub(crate) fn new_states(&mut self, mut show: impl FnMut(GroupId, (Index, u64))) {
        let Some(lane) = &self.lane else { return };
        for group in [GroupId::DIRECTORY, GroupId::DEFAULT] {
            let shown = self.shown.get(&group).copied();
            let applied = lane.applied(group);
            if group == GroupId::DIRECTORY && shown.map(|(index, _)| index) == applied {
                continue;
            }
            let state = lane.state_hash(group);
            if let Some(state) = state.filter(|_| state != shown) {
                self.shown.insert(group, state);
                show(group, state);
            }
        }
    }

    /// When the lane must be stepped again, by its own clock.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.lane.as_ref()?.deadline()
    }
}

fn options(draw: &Draw, node: usize) -> BootOptions {
    let member = |node: usize| MemberSpec {
        name: format!("n{node}"),
        peer_urls: vec![format!("http://n{node}:2380")],
    };
    BootOptions {
        name: format!("n{node}"),
        token: "sim".into(),
        members: (0..draw.nodes).map(member).collect(),
        protocol: Some(draw.protocol),
        client_urls: vec![format!("http://n{node}:2379")],
        timing: Timing { heartbeat: draw.heartbeat, election: draw.election },
        request_timeout: draw.request_timeout,
        quota: draw.quota,
        keep_history: draw.keep_history,
        segment_bytes: draw.segment_bytes,
        checkpoint_bytes: draw.checkpoint_bytes,
        held_bytes: base::limits::HELD_BYTES,
        sweep_per_turn: draw.sweep_per_turn,
        // A disk that hangs is far behind soon.
        pending_bytes: pending_bytes(draw),
        seed: 0,
        incarnation: 0,
    }
}

/// Where disks hang, what waits for one must reach the limit in a second; elsewhere a
/// disk that is slow now and then must not.
const fn pending_bytes(draw: &Draw) -> usize {
    if draw.faults.sick > 0 {
        draw.segment_bytes as usize / 2
    } else {
        base::limits::LOG_PENDING_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_met_by_clocks_of_any_rate_and_not_before() {
        let mut prng = Prng::new(1);
        for seed in 0..200 {
            let draw = Draw { clocks: 100, ..Draw::new(&mut Prng::new(seed), None, false) };
            let host = Host::new(&draw, 0, &mut prng);
            let due = local(Time(prng.below(1 << 40)), &host) + Duration::from_nanos(seed);
            let at = worldly(due, &host);
            assert!(local(at, &host) >= due);
            assert!(local(Time(at.0 - 1), &host) < due);
        }
    }
}
