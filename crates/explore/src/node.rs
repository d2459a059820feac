//! One node: a replica of `consensus`, its disk, and what waits for the disk.

use crate::cue::Cue;
use crate::disk::Disk;
use crate::intern::Interner;
use crate::net::Flight;
use crate::scope::Scope;
use crate::vouch;
use base::{AskId, Ballot, Index, NodeId, Serial, Time};
use bytes::Bytes;
use consensus::contract::{Answer, Input, Outbox, Parcel, Retention, Setup, Stable, Timing, Write};
use consensus::entry::{Entry, EntryKind, Place};
use consensus::letter::Letter;
use consensus::protocol::{Protocol, ProtocolKind};
use consensus::raft::message::{Message, Say};
use core::time::Duration;

const TIMING: Timing =
    Timing { heartbeat: Duration::from_millis(100), election: Duration::from_millis(1000) };

/// When everything happens.
pub const NOW: Time = Time(10_000_000_000);

/// The nodes of every world.
pub const NODES: [u64; 3] = [1, 2, 3];

/// One node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Node {
    /// Its number.
    pub id: NodeId,
    /// The production code.
    pub replica: Protocol,
    /// What a crash leaves.
    pub disk: Disk,
    /// Written and not synced, in order.
    pub pending: Vec<Write>,
    /// Letters by number that wait for the k-th of these.
    pub gated: Vec<(Serial, u32)>,
    /// Up to where it has told what is committed.
    pub told: Index,
    /// Which life this is.
    pub life: u8,
    /// What was on the disk that it lost.
    pub lost: Option<Disk>,
}

/// What one turn of a node does to the world.
#[derive(Debug, Default)]
pub struct Turn {
    /// Letters that leave, by number.
    pub letters: Vec<u32>,
    /// What it wants written.
    pub writes: Vec<Write>,
    /// Entries that it tells as committed.
    pub committed: Vec<Entry>,
    /// The place of a checkpoint that it put in force.
    pub restored: Option<Place>,
    /// What it answers.
    pub answers: Vec<Answer>,
    /// Why it dropped something.
    pub dropped: Option<&'static str>,
    /// Which rule was broken.
    pub fault: Option<String>,
    /// Writes that were synced in this turn.
    synced: u64,
}

impl Turn {
    /// A turn that broke a rule before it ended.
    #[must_use]
    pub fn broken(fault: String) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }
}

impl Node {
    /// A node on an empty disk.
    #[must_use]
    pub fn new(id: u64) -> Self {
        let id = NodeId(id);
        let opened = open(id, id.0, false, Stable::default());
        let mut replica = opened.expect("an empty disk is a first start");
        // The first step of a life learns the time.
        replica.step(NOW, Input::Flush, &mut Outbox::default());
        replica.timeless(NOW, id.0);
        Self {
            id,
            replica,
            disk: Disk::default(),
            pending: Vec::new(),
            gated: Vec::new(),
            told: Index::ZERO,
            life: 0,
            lost: None,
        }
    }

    /// What happens to it, to the end of its turn.
    pub fn act(&mut self, cue: &Cue, scope: &Scope, letters: &mut Interner<Flight>) -> Turn {
        let mut turn = Turn::default();
        self.begin(cue, scope, letters, &mut turn);
        self.feed(NOW, Input::Flush, scope, letters, &mut turn);
        while !scope.slow.contains(&self.id.0) && !self.pending.is_empty() {
            self.sync(u8::MAX, scope, letters, &mut turn);
            self.feed(NOW, Input::Flush, scope, letters, &mut turn);
        }
        let counted = self.replica.timeless(NOW, self.seed());
        assert!(counted.0 == turn.synced, "the replica counts writes as its driver does");
        for (after, _) in &mut self.gated {
            *after = Serial(after.0 - counted.0);
        }
        // One that leaves stays on its way: that it leaves again is no difference.
        self.gated.sort_unstable_by_key(|(after, letter)| (*letter, *after));
        self.gated.dedup_by_key(|(_, letter)| *letter);
        turn.letters.sort_unstable();
        turn.letters.dedup();
        turn
    }

    fn begin(&mut self, cue: &Cue, scope: &Scope, letters: &mut Interner<Flight>, turn: &mut Turn) {
        let (now, input) = match *cue {
            Cue::Letter { letter, late } => {
                let Flight { from, letter, .. } = letters.get(letter).as_ref().clone();
                let now = if late { NOW + TIMING.election } else { NOW };
                (now, Input::Letter { from, letter })
            }
            Cue::Sync(count) => return self.sync(count, scope, letters, turn),
            Cue::Timer => return self.timer(scope, letters, turn),
            Cue::QuorumLost => (NOW + TIMING.election, Input::Timeout),
            Cue::Propose(number) => {
                let (id, kind) = (AskId(u64::from(number)), EntryKind::Command);
                (NOW, Input::Propose { id, kind, body: Bytes::from(vec![number]) })
            }
            Cue::Beat => (NOW, Input::Beat),
            Cue::Read(number) => (NOW, Input::Read { id: read_id(number) }),
            Cue::Pull(of) => return self.pull(NodeId(of), scope, letters, turn),
            Cue::Transfer(to) => (NOW, Input::Transfer { to: Some(NodeId(to)) }),
            Cue::Checkpoint => {
                let place = self.place(self.told).unwrap_or(self.disk.checkpoint);
                self.disk.checkpoint = place;
                (NOW, Input::Trim { upto: place.index })
            }
            Cue::Install { place, .. } => {
                self.disk.checkpoint = place;
                self.told = place.index;
                turn.restored = Some(place);
                (NOW, Input::Restore { place, clock: 0 })
            }
            Cue::Crash { keep } => return self.crash(keep, turn),
            Cue::LoseDisk => return self.lose_disk(turn),
            Cue::Heal => {
                self.feed(NOW, Input::Vow, scope, letters, turn);
                self.sync(u8::MAX, scope, letters, turn);
                self.lost = None;
                (NOW, Input::Unmute)
            }
        };
        self.feed(now, input, scope, letters, turn);
    }

    /// One input of the replica, and all that it wants.
    fn feed(
        &mut self,
        now: Time,
        input: Input,
        scope: &Scope,
        letters: &mut Interner<Flight>,
        turn: &mut Turn,
    ) {
        let serial = Serial(turn.synced + self.pending.len() as u64);
        let mut out = Outbox { serial, ..Outbox::default() };
        self.replica.step(now, input, &mut out);
        turn.writes.extend(out.writes.iter().cloned());
        self.pending.append(&mut out.writes);
        turn.dropped = turn.dropped.or(out.dropped);
        turn.answers.append(&mut out.answers);
        if let Some(commit) = out.commit {
            self.tell(commit, turn);
        }
        for parcel in out.parcels {
            self.post(parcel, scope, letters, turn);
        }
    }

    fn tell(&mut self, commit: Index, turn: &mut Turn) {
        let entries = (self.told.0 + 1..=commit.0).map(Index);
        for index in entries {
            match self.replica.entry(index) {
                Some(entry) => turn.committed.push(entry.clone()),
                None => turn.fault = Some(format!("{} commits {index} and lacks it", self.id)),
            }
        }
        self.told = commit;
    }

    fn post(
        &mut self,
        parcel: Parcel,
        scope: &Scope,
        letters: &mut Interner<Flight>,
        turn: &mut Turn,
    ) {
        let after = parcel.after();
        let Ok((to, letter)) = parcel.release(Serial(u64::MAX)) else { return };
        let Letter::Raft(Message { say, .. }) = &letter else { unreachable!("Raft is spoken") };
        if !scope.pre_votes && matches!(say, Say::PreVote { .. } | Say::PreVoteAnswer { .. }) {
            return;
        }
        let flight = Flight { from: self.id, to, letter };
        if after.0 > turn.synced {
            self.gated.push((after, letters.number(flight)));
        } else {
            self.leave(flight, letters, turn);
        }
    }

    fn leave(&self, flight: Flight, letters: &mut Interner<Flight>, turn: &mut Turn) {
        let fault = vouch::broken(self.id, &self.disk, &flight);
        turn.fault = turn.fault.take().or(fault);
        turn.letters.push(letters.number(flight));
    }

    /// The writes reach the disk one by one, and letters leave as soon as theirs
    /// is there; then the replica is told.
    fn sync(&mut self, count: u8, scope: &Scope, letters: &mut Interner<Flight>, turn: &mut Turn) {
        for _ in 0..usize::from(count).min(self.pending.len()) {
            let write = self.pending.remove(0);
            self.disk.put(&write);
            turn.synced += 1;
            let serial = turn.synced;
            let free = |(after, letter): (Serial, u32)| (after.0 <= serial).then_some(letter);
            let leaving: Vec<u32> = self.gated.iter().copied().filter_map(free).collect();
            self.gated.retain(|(after, _)| after.0 > serial);
            for letter in leaving {
                let flight = letters.get(letter).as_ref().clone();
                self.leave(flight, letters, turn);
            }
        }
        self.feed(NOW, Input::Durable(Serial(turn.synced)), scope, letters, turn);
    }

    fn timer(&mut self, scope: &Scope, letters: &mut Interner<Flight>, turn: &mut Turn) {
        self.feed(NOW, Input::Timeout, scope, letters, turn);
        let status = self.replica.status();
        if scope.pre_votes || status.leads {
            return;
        }
        let from = NODES.into_iter().map(NodeId).find(|id| *id != self.id).unwrap_or(NodeId::ZERO);
        let say = Say::PreVoteAnswer { granted: true, last: Place::default() };
        let message = Message { term: status.ballot.round + 1, mute: false, say };
        let input = Input::Letter { from, letter: Letter::Raft(message) };
        self.feed(NOW, input, scope, letters, turn);
    }

    fn pull(
        &mut self,
        from: NodeId,
        scope: &Scope,
        letters: &mut Interner<Flight>,
        turn: &mut Turn,
    ) {
        self.feed(NOW, Input::Claim, scope, letters, turn);
        if turn.dropped.is_some() {
            return;
        }
        let far = Place { ballot: Ballot::new(u64::MAX, from), index: Index(u64::MAX) };
        let term = self.replica.status().ballot.round;
        let say = Say::PreVoteAnswer { granted: false, last: far };
        let letter = Letter::Raft(Message { term, mute: false, say });
        self.feed(NOW, Input::Letter { from, letter }, scope, letters, turn);
        self.feed(NOW + TIMING.election, Input::Timeout, scope, letters, turn);
    }

    fn crash(&mut self, keep: u8, turn: &mut Turn) {
        for write in self.pending.drain(..).take(usize::from(keep)).collect::<Vec<_>>() {
            self.disk.put(&write);
        }
        self.restart(turn);
    }

    fn lose_disk(&mut self, turn: &mut Turn) {
        let disk = std::mem::take(&mut self.disk);
        // What a mute replica wrote never counted.
        self.lost.get_or_insert(disk);
        self.restart(turn);
    }

    fn restart(&mut self, turn: &mut Turn) {
        self.pending.clear();
        self.gated.clear();
        self.life += 1;
        let stable = self.disk.stable();
        self.told = stable.base.index;
        match open(self.id, self.seed(), self.lost.is_some(), stable) {
            Ok(replica) => self.replica = replica,
            Err(why) => turn.fault = Some(format!("{} cannot start again: {why}", self.id)),
        }
    }

    /// Every life has a chance of its own: it stands for the moment of the start.
    fn seed(&self) -> u64 {
        u64::from(self.life) * 16 + self.id.0
    }

    /// Whether its promises are lost.
    #[must_use]
    pub const fn mute(&self) -> bool {
        self.lost.is_some()
    }

    /// The log in memory.
    pub fn log(&self) -> impl Iterator<Item = &Entry> {
        let first = self.replica.status().first.0;
        (first..).map_while(|index| self.replica.entry(Index(index)))
    }

    fn place(&self, index: Index) -> Option<Place> {
        let entry = self.replica.entry(index)?;
        Some(Place { ballot: entry.ballot, index })
    }
}

/// The name of the n-th read; commands have the numbers below.
#[must_use]
pub const fn read_id(number: u8) -> AskId {
    AskId(100 + number as u64)
}

fn open(
    me: NodeId,
    seed: u64,
    mute: bool,
    stable: Stable,
) -> Result<Protocol, consensus::protocol::OpenError> {
    let retention = Retention { entries: 0, bytes: 0, pinned_bytes: 0, held_bytes: usize::MAX };
    let voters = NODES.map(NodeId).to_vec();
    let setup = Setup { me, voters, timing: TIMING, retention, seed, mute };
    Protocol::open(ProtocolKind::Raft, setup, stable)
}
