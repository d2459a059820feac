//! Random schedules: letters are lost, doubled and reordered, disks are late,
//! nodes lose power. Nothing that was chosen is ever lost or changed; and once
//! the faults end, the cluster makes progress. A failure names its seed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the message"
)]

mod world;

use base::check::Mark;
use base::mutant::Mutant;
use base::prng::Prng;
use base::{Ballot, Index, NodeId, Serial};
use consensus::contract::{Answer, Input, Retention, Write};
use consensus::entry::Entry;
use consensus::protocol::ProtocolKind;
use std::collections::BTreeMap;
use std::time::Duration;
use world::{Checkpoint, Output, World};

const SEEDS: u64 = 1500;
const STEPS: u64 = 4000;

/// `TRIMARAN_PROTOCOL=name` looks at one protocol alone.
#[test]
fn what_is_chosen_stays_and_the_healed_cluster_goes_on() {
    choose_mutant();
    let named = std::env::var("TRIMARAN_PROTOCOL").unwrap_or_default();
    for kind in ProtocolKind::ALL.iter().filter(|kind| named.is_empty() || kind.name() == named) {
        for seed in 0..SEEDS {
            let run = std::panic::catch_unwind(|| Run::new(*kind, seed).go());
            assert!(run.is_ok(), "{} fails with seed {seed}", kind.name());
        }
    }
    if !named.is_empty() {
        return;
    }
    let wanted = [
        Mark::ElectionWon,
        Mark::PreVoteRefused,
        Mark::QuorumLost,
        Mark::LogTruncated,
        Mark::HistoryPulled,
        Mark::HistoryAccepted,
        Mark::AppendRejected,
        Mark::CommitWithoutOwnDisk,
        Mark::ReadWaitedForBarrier,
        Mark::MuteHeard,
        Mark::ToldToStand,
        Mark::TransferAbandoned,
        Mark::FollowerBehind,
        Mark::LogForgotten,
        Mark::PinAbandoned,
        Mark::RestoreKeptLog,
        Mark::RestoreVoidedLog,
        Mark::HoleFilled,
        Mark::EntryInherited,
        Mark::ChosenInherited,
        Mark::AcceptedBeyondGap,
        Mark::ChosenAcrossGap,
    ];
    for mark in wanted {
        println!("{mark:?}: {}", mark.count());
        assert!(mark.count() > 0, "no seed reached {mark:?}");
    }
}

/// `TRIMARAN_MUTANT=Name` with the feature `mutants` of `base` says which seed catches that bug.
fn choose_mutant() {
    let name = std::env::var("TRIMARAN_MUTANT").unwrap_or_default();
    let wanted = Mutant::ALL.iter().find(|mutant| format!("{mutant:?}") == name);
    wanted.copied().unwrap_or(Mutant::None).choose();
}

/// How often each thing happens (see `act`): on a working day; in a storm, in
/// which elections are many and the power is bad; and with disks so slow that
/// an election and a crash fit between two entries of one letter.
const TEMPERS: [[u64; 16]; 3] = [
    [600, 150, 50, 60, 40, 50, 5, 10, 3, 20, 2, 10, 30, 10, 4, 1],
    [300, 40, 20, 20, 10, 10, 20, 30, 20, 80, 2, 10, 10, 30, 4, 1],
    [300, 80, 40, 15, 2, 20, 30, 20, 30, 60, 1, 10, 10, 10, 4, 1],
];

struct Run {
    world: World,
    prng: Prng,
    /// The chosen log: what any node has committed.
    chosen: Vec<Entry>,
    /// Who led each round.
    leaders: BTreeMap<u64, NodeId>,
    /// How much was chosen when each read began.
    reads: BTreeMap<u64, usize>,
    faults: bool,
    weights: [u64; 16],
    /// Whom nobody hears at the moment.
    cut: Option<NodeId>,
}

impl Run {
    fn new(kind: ProtocolKind, seed: u64) -> Self {
        let mut prng = Prng::new(seed);
        let count = *prng.pick(&[1, 3, 3, 3, 5]).unwrap();
        let mut world = World::new(kind, count, seed);
        let entries = prng.between(0, 9) as usize;
        let pinned_bytes = *prng.pick(&[0, 1_000, 1 << 20]).unwrap();
        world.retain(Retention { entries, pinned_bytes, ..Retention::default() });
        world.nodes.values_mut().for_each(|node| node.slow_disk = true);
        let weights = *prng.pick(&TEMPERS).unwrap();
        let (chosen, leaders, reads) = Default::default();
        Self { world, prng, chosen, leaders, reads, faults: true, weights, cut: None }
    }

    fn go(mut self) {
        for _ in 0..STEPS {
            self.act();
        }
        self.heal();
    }

    /// One of the things that can happen, by the weights of this run.
    fn act(&mut self) {
        let id = 1 + self.prng.below(self.world.nodes.len() as u64);
        let mut dice = self.prng.below(self.weights.iter().sum());
        let drawn = self.weights.iter().position(|weight| {
            let here = dice < *weight;
            dice = dice.saturating_sub(*weight);
            here
        });
        match drawn.unwrap() {
            0 => self.network(),
            1 => self.sync(id),
            2 => self.pass(),
            3 => self.propose(id),
            4 => self.read(id),
            5 => self.feed(id, Input::Beat),
            6 => self.feed(id, Input::Campaign),
            7 => self.link(id),
            8 => self.crash(id),
            9 => self.restart(id),
            10 => self.cut = Some(NodeId(id)),
            11 => self.cut = None,
            12 => self.checkpoint(id),
            13 => self.offer(Some(id)),
            14 => self.transfer(id),
            _ => self.lose_disk(id),
        }
    }

    /// One input, and then everything that must be true.
    fn feed(&mut self, id: u64, input: Input) {
        let mut seen = Vec::new();
        self.world.step(id, input, &mut seen);
        self.check(id, &seen);
        // Proposals gather now and then, as they do in one turn of a node.
        if self.prng.chance(3, 4) || !self.faults {
            let mut seen = Vec::new();
            self.world.step(id, Input::Flush, &mut seen);
            self.check(id, &seen);
        }
    }

    fn network(&mut self) {
        if self.world.net.is_empty() {
            return;
        }
        let any = self.prng.chance(1, 3);
        let at = if any { self.prng.below(self.world.net.len() as u64) } else { 0 };
        let flight = self.world.net.remove(at as usize);
        if self.faults && self.prng.chance(1, 20) {
            self.world.net.push(flight.clone());
        }
        let cut = self.cut.is_some_and(|cut| cut == flight.from || cut == flight.to);
        let lost = cut || self.faults && self.prng.chance(1, 12);
        if !lost {
            self.feed(flight.to.0, Input::Letter { from: flight.from, letter: flight.letter });
        }
    }

    fn sync(&mut self, id: u64) {
        let node = self.world.node(id);
        let next = node.durable.next().0.min(node.serial.0);
        let most = if self.prng.chance(1, 2) { next } else { node.serial.0 };
        let upto = self.prng.between(next, most);
        self.feed(id, Input::Durable(Serial(upto)));
    }

    fn pass(&mut self) {
        self.world.now += self.prng.span(Duration::ZERO, Duration::from_millis(150));
        for id in self.world.due() {
            self.feed(id, Input::Timeout);
        }
    }

    fn propose(&mut self, id: u64) {
        let id = self.world.leader().filter(|_| self.prng.chance(7, 8)).unwrap_or(id);
        let ask = self.world.ask();
        let body = format!("{ask} {}", "x".repeat(self.prng.below(20) as usize)).into();
        let kind = consensus::entry::EntryKind::Command;
        self.feed(id, Input::Propose { id: ask, kind, body });
    }

    fn read(&mut self, id: u64) {
        let ask = self.world.ask();
        self.reads.insert(ask.0, self.chosen.len());
        self.feed(id, Input::Read { id: ask });
    }

    fn link(&mut self, id: u64) {
        let peer = NodeId(1 + self.prng.below(self.world.nodes.len() as u64));
        let up = self.prng.chance(1, 2);
        self.feed(id, Input::Link { peer, up });
    }

    fn crash(&mut self, id: u64) {
        let node = self.world.node(id);
        if node.replica.is_some() {
            let unsynced = node.serial.0 - node.durable.0;
            let keep = self.prng.between(0, unsynced);
            self.world.crash(id, keep as usize);
        }
    }

    /// A minority may lose their disks, over and over; the promises of the rest suffice.
    fn lose_disk(&mut self, id: u64) {
        let mute = |node: &&world::Node| node.setup.mute;
        let lost = self.world.nodes.values().filter(mute).count();
        let spare = 2 * (lost + 1) < self.world.nodes.len();
        if (spare || self.world.node(id).setup.mute) && self.prng.chance(1, 3) {
            self.world.lose_disk(id);
            self.world.node(id).setup.mute = true;
        }
    }

    fn restart(&mut self, id: u64) {
        if self.world.node(id).replica.is_none() {
            self.world.restart(id);
        }
    }

    /// All that is applied is in a checkpoint now; or an older one is named again.
    fn checkpoint(&mut self, id: u64) {
        let mut seen = Vec::new();
        if self.prng.chance(2, 3) {
            self.world.take_checkpoint(id);
        }
        let upto = self.world.node(id).checkpoint.place.index;
        self.world.step(id, Input::Trim { upto }, &mut seen);
        self.check(id, &seen);
    }

    fn transfer(&mut self, id: u64) {
        let id = self.world.leader().unwrap_or(id);
        let to = NodeId(1 + self.prng.below(self.world.nodes.len() as u64));
        let to = Some(to).filter(|_| self.prng.chance(1, 2));
        self.feed(id, Input::Transfer { to });
    }

    /// A checkpoint comes to somebody who was found behind; the power
    /// may go between the disk and the machine.
    /// `also` somebody who did not ask may get it, however its log stands.
    fn offer(&mut self, also: Option<u64>) {
        let mut offers: Vec<(u64, NodeId)> = Vec::new();
        for node in self.world.nodes.values_mut() {
            let from = node.id.0;
            offers.extend(std::mem::take(&mut node.behind).into_iter().map(|(to, _)| (from, to)));
        }
        offers.dedup();
        let also = also.zip(self.world.leader()).map(|(to, leader)| (leader, NodeId(to)));
        for (from, to) in offers.into_iter().chain(also) {
            let checkpoint = self.world.node(from).checkpoint;
            let lost = self.faults && self.prng.chance(1, 4);
            if lost || self.cut == Some(to) || !self.world.flip(to.0, checkpoint) {
                continue;
            }
            if self.faults && self.prng.chance(1, 4) {
                self.crash(to.0);
                continue;
            }
            let Checkpoint { place, clock } = checkpoint;
            self.world.node(to.0).commit = place.index;
            self.feed(to.0, Input::Restore { place, clock });
        }
    }

    fn check(&mut self, id: u64, seen: &[Output]) {
        for output in seen {
            match output {
                Output::Commit(index) => self.check_commit(id, *index),
                Output::Answer(Answer::ReadAt { id, index }) => {
                    let least = self.reads.remove(&id.0).expect("a read is answered once");
                    assert!(index.0 >= least as u64, "{id} read at {index}, {least} were chosen");
                }
                _ => {}
            }
        }
        let node = self.world.node(id);
        let Some(replica) = &node.replica else { return };
        let (status, held) = (replica.status(), node.checkpoint.place.index);
        assert!(status.first <= held.next(), "n{id} forgot what its checkpoint at {held} lacks");
        if status.leads {
            let leader = *self.leaders.entry(status.ballot.round).or_insert(NodeId(id));
            assert_eq!(leader, NodeId(id), "two leaders in round {}", status.ballot.round);
            // Leader completeness: it has all that was chosen before its round.
            let old = self.chosen.iter().filter(|entry| entry.ballot.round < status.ballot.round);
            for entry in old.filter(|entry| entry.index >= status.first) {
                let here = replica.entry(entry.index).is_some_and(|here| same(here, entry));
                assert!(here, "the leader n{id} lacks {entry:?}");
            }
        }
    }

    /// What is committed is what was committed, and what came from a majority's disks.
    fn check_commit(&mut self, id: u64, upto: Index) {
        let log = self.world.node(id).log();
        assert!(log.last().is_some_and(|last| last.index >= upto), "committed and not there");
        for entry in log.into_iter().filter(|entry| entry.index <= upto) {
            match self.chosen.get(entry.index.0 as usize - 1) {
                Some(chosen) => assert_eq!(*chosen, entry, "n{id} commits something else"),
                None => {
                    assert_eq!(entry.index.0, self.chosen.len() as u64 + 1);
                    self.check_on_disks(&entry);
                    self.chosen.push(entry);
                }
            }
        }
    }

    fn check_on_disks(&self, entry: &Entry) {
        let nodes = self.world.nodes.values();
        // A lost disk was one of those that made it chosen; what came after it is none.
        let has = |node: &&world::Node| {
            let synced = node.disk.iter().take_while(|(serial, _)| *serial <= node.durable);
            let synced = synced.map(|(_, write)| write).filter(|_| !node.setup.mute);
            let mut here = false;
            for write in synced.chain(node.lost.iter().filter(|_| node.setup.mute)) {
                match write {
                    Write::Entry { entry: written, cut } => {
                        here |= written == entry;
                        here &= !(*cut && written.index <= entry.index && written != entry);
                    }
                    Write::Cut { from } => here &= entry.index < *from,
                    Write::Slot { entry: written, .. } if written.index == entry.index => {
                        here = same(written, entry);
                    }
                    Write::Slot { .. } => {}
                    Write::Restore { keep: false, .. } => here = false,
                    Write::Restore { .. } | Write::Vote { .. } => {}
                }
            }
            here || !node.setup.mute && node.checkpoint.place.index >= entry.index
        };
        let copies = nodes.filter(has).count();
        assert!(2 * copies > self.world.nodes.len(), "{entry:?} is on {copies} disks");
    }

    fn check_matching(&self) {
        let logs: Vec<Vec<Entry>> = self.world.nodes.values().map(world::Node::log).collect();
        for (a, b) in logs.iter().flat_map(|a| logs.iter().map(move |b| (a, b))) {
            let (a, b) = common(a, b);
            let same = |(a, b): &(&Entry, &Entry)| a.ballot == b.ballot;
            if self.world.kind.has_gaps() {
                let named = a.iter().zip(b).filter(same);
                named.for_each(|(a, b)| assert!(self::same(a, b), "one name, {a:?} and {b:?}"));
                continue;
            }
            let Some(agree) = a.iter().zip(b).rposition(|pair| same(&pair)) else { continue };
            assert_eq!(a[..=agree], b[..=agree], "two logs agree at a place and not before it");
        }
    }

    /// What a log in memory does not hold was chosen: `check` saw it.
    fn check_one_log(&self) {
        let statuses =
            self.world.nodes.values().map(|node| node.replica.as_ref().unwrap().status());
        let ends: Vec<(Index, Index)> = statuses.map(|it| (it.last, it.commit)).collect();
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "all logs are one: {ends:?}");
        // What an acceptor holds beyond that was left by a leader that is gone.
        let (last, _) = ends[0];
        let logs = self.world.nodes.values().map(world::Node::log);
        let upto = |log: Vec<Entry>| log.into_iter().filter(|it| it.index <= last).collect();
        let logs: Vec<Vec<Entry>> = logs.map(upto).collect();
        for pair in logs.windows(2) {
            let (a, b) = common(&pair[0], &pair[1]);
            assert_eq!(a, b, "all logs are one");
        }
    }

    /// No more faults: within a bounded time everyone has everything.
    fn heal(&mut self) {
        self.check_matching();
        (self.faults, self.cut) = (false, None);
        for id in 1..=self.world.nodes.len() as u64 {
            self.restart(id);
        }
        let mut last = None;
        for _ in 0..200 {
            self.calm();
            last = last.or_else(|| self.last_proposal());
            let done = |node: &world::Node| last.is_some_and(|(_, index)| node.commit >= index);
            if self.world.nodes.values().all(done) {
                break;
            }
            let gone = |(ballot, _): &(Ballot, Index)| {
                self.world.leader().is_none_or(|id| {
                    let leader = self.world.nodes[&NodeId(id)].replica.as_ref().unwrap();
                    leader.status().ballot != *ballot
                })
            };
            last = last.filter(|last| !gone(last));
        }
        let (_, index) = last.expect("a leader took a proposal");
        for node in self.world.nodes.values() {
            assert!(node.commit >= index, "{} stays behind at {}", node.id, node.commit);
        }
        self.check_one_log();
        self.check_matching();
    }

    /// A beat's worth of time in which everything works.
    fn calm(&mut self) {
        self.world.now += Duration::from_millis(100);
        for id in self.world.due() {
            self.feed(id, Input::Timeout);
        }
        for id in 1..=self.world.nodes.len() as u64 {
            self.feed(id, Input::Beat);
        }
        self.offer(None);
        for _ in 0..10_000 {
            for id in 1..=self.world.nodes.len() as u64 {
                let all = self.world.node(id).serial;
                if all > self.world.node(id).durable {
                    self.feed(id, Input::Durable(all));
                }
            }
            if self.world.net.is_empty() {
                return;
            }
            self.network();
        }
        panic!("letters without end");
    }

    fn last_proposal(&mut self) -> Option<(Ballot, Index)> {
        let id = self.world.leader()?;
        self.propose(id);
        let leader = self.world.leader()?;
        let status = self.world.replica(leader).status();
        Some((status.ballot, status.last))
    }
}

/// Whether two are one entry: a log whose places are filled in any order gives an
/// entry its log time when it is chosen.
fn same(a: &Entry, b: &Entry) -> bool {
    (a.index, a.ballot, a.kind, &a.body) == (b.index, b.ballot, b.kind, &b.body)
}

/// The part of two logs that both have in memory.
fn common<'a>(a: &'a [Entry], b: &'a [Entry]) -> (&'a [Entry], &'a [Entry]) {
    let first = |log: &[Entry]| log.first().map_or(u64::MAX, |entry| entry.index.0);
    let from = first(a).max(first(b));
    let part = |log: &'a [Entry]| {
        let skip = from.saturating_sub(first(log)).min(log.len() as u64);
        &log[skip as usize..]
    };
    (part(a), part(b))
}
