//! What a seed draws before its world begins: sizes, speeds and misfortunes, all printed.

use base::prng::Prng;
pub use consensus::kind::ProtocolKind;
use core::fmt;
use core::time::Duration;

/// What a world is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Theme {
    /// A little of everything.
    Mixed,
    /// Leaders fall as soon as they stand, votes are hit on their way to the
    /// disk, and logs are too long for one letter.
    Elections,
    /// Checkpoints all the time, nodes that are away for long, and disks that go
    /// bad or are lost.
    Checkpoints,
    /// Many leases, and leaders who are cut off while their holders renew.
    Leases,
}

impl Theme {
    /// Every theme.
    pub const ALL: &[Self] = &[Self::Mixed, Self::Elections, Self::Checkpoints, Self::Leases];

    /// Its name for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Elections => "elections",
            Self::Checkpoints => "checkpoints",
            Self::Leases => "leases",
        }
    }
}

/// The shape of one world. Rates are in parts of 10 000.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draw {
    /// What it is about.
    pub theme: Theme,
    /// What its groups speak. Not drawn: the same seed is the same world under each.
    pub protocol: ProtocolKind,
    /// Nodes of the cluster.
    pub nodes: usize,
    /// How long faults are injected, at the least, before everything heals.
    pub chaos: Duration,
    /// The pulse of the nodes.
    pub heartbeat: Duration,
    /// The shortest silence after which a follower stands.
    pub election: Duration,
    /// How long a node keeps an ask.
    pub request_timeout: Duration,
    /// The size of a log segment: small, so that switches happen.
    pub segment_bytes: u64,
    /// Bytes of the log that make a checkpoint due.
    pub checkpoint_bytes: u64,
    /// Changes that one turn takes out of a compacted keyspace.
    pub sweep_per_turn: usize,
    /// How much faster or slower than the world a node's clock may run, in thousandths.
    pub clocks: u64,
    /// Bytes that the keyspace may hold.
    pub quota: Option<u64>,
    /// How long history is kept before it is compacted by itself.
    pub keep_history: Option<Duration>,
    /// History would fill the quota, data never does: nobody may run out of room.
    pub crowds: bool,
    /// What the network does.
    pub net: NetDraw,
    /// What the disks do.
    pub disk: DiskDraw,
    /// How long an event waits for company before a node's turn, at most.
    pub turn: Duration,
    /// What the callers do.
    pub callers: CallerDraw,
    /// What goes wrong.
    pub faults: FaultDraw,
}

/// What a network does to frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetDraw {
    /// The least delay.
    pub delay_min: Duration,
    /// The greatest usual delay.
    pub delay_max: Duration,
    /// Frames that are lost.
    pub loss: u64,
    /// Frames that arrive twice.
    pub twice: u64,
    /// Frames that overtake or are overtaken.
    pub reorder: u64,
    /// Frames of which some bits change on the way.
    pub corrupt: u64,
}

/// How long disks take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiskDraw {
    /// At the least.
    pub min: Duration,
    /// Usually at the most.
    pub max: Duration,
    /// Operations that take twenty times as long.
    pub slow: u64,
    /// Operations that fail, and stop the lane.
    pub fails: u64,
    /// The disk says "synced" when a write was only begun.
    pub lies: bool,
}

/// What callers do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallerDraw {
    /// How many callers put, get and delete.
    pub callers: usize,
    /// How many watch.
    pub watchers: usize,
    /// How many hold leases.
    pub holders: usize,
    /// Callers who number their writes, and ask again until they know.
    pub numbered: u64,
    /// Writes that compact history.
    pub compactions: u64,
    /// How many keys they share.
    pub keys: u64,
    /// Of 10 000 values, those that fill most of a letter between nodes.
    pub large: u64,
    /// How long a caller pauses between two requests, at most.
    pub think: Duration,
    /// How long a caller waits for an answer.
    pub patience: Duration,
}

/// What goes wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultDraw {
    /// The time between two faults, on average; zero is no fault at all.
    pub every: Duration,
    /// How long a node stays down, at most.
    pub down: Duration,
    /// The shortest silence after which a follower stands.
    pub election: Duration,
    /// How long a cut of the network lasts, at most.
    pub cut: Duration,
    /// How long a pause of a process lasts, at most.
    pub pause: Duration,
    /// Crashes that are power losses, the others being `kill -9`.
    pub power: u64,
    /// Crashes that may take the majority with them.
    pub beyond: u64,
    /// Faults that are storms.
    pub storms: u64,
    /// Faults that fill a node's disk for a while.
    pub fills: u64,
    /// Faults that cut the leader off, if one is known.
    pub isolated: u64,
    /// New leaders that are cut off at once.
    pub coups: u64,
    /// Faults that make a disk slow, or hang, for a while.
    pub sick: u64,
    /// Faults that make a clock jump ahead.
    pub jumps: u64,
    /// Starts in which a read fails.
    pub misreads: u64,
    /// New leaders with whom figure 8 of the Raft paper is played.
    pub figure8: u64,
    /// Nodes that are down, of whose disks a checkpoint goes bad.
    pub rot: u64,
    /// The same, and both checkpoints do.
    pub rot_both: u64,
    /// More disks than a minority may lose something: more than is promised.
    pub rotten: bool,
    /// The same, and something durable of the log does.
    pub harm: u64,
    /// Faults that take a disk away.
    pub losses: u64,
    /// Leaders who are cut off at whom much is written that nobody hears of.
    pub floods: u64,
    /// Nodes that take over a checkpoint and crash when they have it.
    pub flips: u64,
    /// The time between two deeds of the operator, on average; zero: there is none.
    pub operator: Duration,
    /// The time that some letters and writes take.
    pub moment: Duration,
    /// The closing of a dead node's sockets that its peers hear of.
    pub notice: u64,
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

const fn us(count: u64) -> Duration {
    Duration::from_micros(count)
}

impl Draw {
    /// What this seed's generator draws; a theme that is given is not drawn.
    #[must_use]
    pub fn new(prng: &mut Prng, theme: Option<Theme>, lying_disk: bool) -> Self {
        let drawn = match prng.below(16) {
            0 | 1 => Theme::Elections,
            2 => Theme::Leases,
            3..=5 => Theme::Checkpoints,
            _ => Theme::Mixed,
        };
        let theme = theme.unwrap_or(drawn);
        let heartbeat = prng.span(ms(15), ms(50));
        let election = heartbeat * some(prng.between(5, 10));
        let mut draw = Self {
            theme,
            protocol: ProtocolKind::default(),
            nodes: one_of(prng, &[1, 3, 3, 3, 3, 3, 3, 3, 3, 5, 5, 7]),
            chaos: prng.span(ms(500), ms(2_000)),
            heartbeat,
            election,
            request_timeout: election * some(prng.between(2, 6)),
            segment_bytes: one_of(prng, &[16 << 10, 32 << 10, 64 << 10]),
            checkpoint_bytes: one_of(prng, &[2 << 10, 8 << 10, 1 << 30]),
            sweep_per_turn: one_of(prng, &[1, 10, 2_048]),
            clocks: one_of(prng, &[0, 0, 1, 50, 100]),
            quota: prng.chance(1, 8).then(|| prng.between(40_000, 200_000)),
            keep_history: prng.chance(1, 8).then(|| prng.span(ms(200), ms(1_500))),
            crowds: false,
            net: NetDraw::new(prng, heartbeat),
            disk: DiskDraw::new(prng, lying_disk),
            turn: one_of(prng, &[us(1), us(50), us(500), us(3_000)]),
            callers: CallerDraw::new(prng, election),
            faults: FaultDraw::new(prng, election),
        };
        draw.faults.moment = (draw.net.delay_max + draw.disk.max) * 6;
        match theme {
            Theme::Mixed => {
                draw.fill_disks(prng);
                draw.crowd(prng);
            }
            Theme::Elections => draw.unsettle(prng),
            Theme::Leases => draw.lease_out(prng),
            Theme::Checkpoints => {
                draw.fall_behind(prng);
                draw.fill_disks(prng);
            }
        }
        draw.harm_disks(prng);
        draw.keep_in_proportion();
        draw
    }

    /// Disks that lose what stands in the log. Drawn beside everything else too.
    fn harm_disks(&mut self, prng: &Prng) {
        let mut prng = prng.clone().fork().fork().fork();
        self.faults.harm = one_of(&mut prng, &[0, 1_000, 3_000]);
        self.faults.rot_both = one_of(&mut prng, &[0, 0, 0, 300]);
    }

    /// What would prove nothing, or take long and show little: clocks that jump
    /// where time matters, many nodes for few callers, and a checkpoint of all that
    /// is large for every value that is.
    fn keep_in_proportion(&mut self) {
        self.callers.callers += 2 * self.nodes.saturating_sub(3);
        if self.callers.holders > 0 || self.keep_history.is_some() {
            // Nothing is promised of time when clocks jump.
            self.faults.jumps = 0;
        }
        if self.callers.large > 0 {
            self.checkpoint_bytes = self.checkpoint_bytes.max(4 << 20);
        }
    }

    /// Disks that are full now and then. Drawn beside everything else, so that the
    /// worlds without them are what they were.
    fn fill_disks(&mut self, prng: &Prng) {
        self.faults.fills = one_of(&mut prng.clone().fork(), &[0, 0, 1_000]);
    }

    /// Many small writes over few keys and a small quota, now and then, with
    /// nobody there who makes room. Drawn beside everything else too.
    fn crowd(&mut self, prng: &Prng) {
        let mut prng = prng.clone().fork().fork();
        self.crowds = prng.chance(1, 8);
        if self.crowds {
            // Room for what many callers write while the log carries out a compaction.
            self.quota = Some(prng.between(160_000, 320_000));
            self.keep_history = Some(Duration::from_secs(3_600));
            (self.callers.callers, self.callers.think) = (6, prng.span(ms(2), ms(10)));
            (self.callers.compactions, self.callers.large, self.callers.holders) = (0, 0, 0);
        }
    }

    /// Whether data may come to need more room than there is.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.quota.is_some() && !self.crowds
    }

    /// Nothing goes wrong by itself: the network and the disks are well, and no
    /// fault is drawn.
    pub(crate) fn quiet(&mut self) {
        self.net.quiet();
        (self.disk.slow, self.disk.fails) = (0, 0);
        (self.clocks, self.quota, self.keep_history) = (0, None, None);
        self.crowds = false;
        (self.callers.large, self.callers.compactions) = (0, 0);
        self.faults = FaultDraw { election: self.election, ..FaultDraw::none() };
    }

    /// Three nodes with true clocks, of which one after the other is cut off.
    fn lease_out(&mut self, prng: &mut Prng) {
        (self.nodes, self.clocks, self.quota) = (3, 0, None);
        (self.net.loss, self.callers.large) = (0, 0);
        (self.callers.callers, self.callers.holders) = (8, 12);
        self.faults.every = self.election * some(prng.between(2, 6));
        (self.faults.storms, self.faults.coups, self.faults.isolated) = (0, 0, 9_000);
        (self.faults.cut, self.faults.jumps) = (self.election * 5, 0);
    }

    /// Three nodes that write much, of which one is away for long.
    fn fall_behind(&mut self, prng: &mut Prng) {
        self.nodes = 3;
        self.checkpoint_bytes = 2 << 10;
        (self.disk.fails, self.net.loss, self.callers.large) = (0, 0, 0);
        self.callers.think = prng.span(ms(2), ms(10));
        (self.callers.callers, self.callers.watchers) = (8, 2);
        self.faults.every = self.election * some(prng.between(2, 6));
        self.faults.down = self.election * some(prng.between(4, 12));
        self.faults.rot = one_of(prng, &[0, 3_000, 10_000]);
        self.faults.losses = one_of(prng, &[0, 2_000, 5_000]);
        self.faults.floods = one_of(prng, &[0, 5_000, 10_000]);
        if self.faults.floods > 0 {
            (self.faults.isolated, self.faults.cut) = (5_000, self.election * 8);
        }
    }

    /// Three nodes, few other troubles.
    fn unsettle(&mut self, prng: &mut Prng) {
        self.nodes = 3;
        (self.clocks, self.disk.fails) = (0, 0);
        (self.quota, self.keep_history) = (None, None);
        self.net.loss = 0;
        (self.callers.holders, self.callers.numbered, self.callers.compactions) = (0, 0, 0);
        self.callers.large = one_of(prng, &[0, 300]);
        self.faults.every = self.election * some(prng.between(3, 6));
        self.faults.storms = 8_000;
        self.faults.coups = one_of(prng, &[0, 2_000, 8_000]);
        self.faults.figure8 = one_of(prng, &[0, 5_000]);
        self.faults.cut = self.election * 4;
    }
}

fn one_of<T: Copy + Default>(prng: &mut Prng, items: &[T]) -> T {
    prng.pick(items).copied().unwrap_or_default()
}

fn some(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(1)
}

impl NetDraw {
    fn new(prng: &mut Prng, heartbeat: Duration) -> Self {
        let delay_min = prng.span(us(20), ms(2));
        Self {
            delay_min,
            delay_max: delay_min + prng.span(us(10), heartbeat / 3),
            loss: one_of(prng, &[0, 0, 10, 100, 500]),
            twice: one_of(prng, &[0, 0, 10, 100]),
            reorder: one_of(prng, &[0, 0, 100, 1_000]),
            corrupt: one_of(prng, &[0, 0, 0, 5, 20]),
        }
    }

    /// Every frame arrives, once, in order and as it was sent.
    pub(crate) const fn quiet(&mut self) {
        (self.loss, self.twice, self.reorder, self.corrupt) = (0, 0, 0, 0);
    }
}

impl DiskDraw {
    fn new(prng: &mut Prng, lies: bool) -> Self {
        let min = prng.span(us(20), ms(1));
        let slow = one_of(prng, &[0, 10, 100]);
        let fails = one_of(prng, &[0, 0, 0, 0, 0, 20]);
        Self { min, max: min + prng.span(us(10), ms(6)), slow, fails, lies }
    }
}

impl CallerDraw {
    fn new(prng: &mut Prng, election: Duration) -> Self {
        Self {
            callers: one_of(prng, &[4, 8, 16]),
            watchers: one_of(prng, &[0, 1, 2]),
            holders: one_of(prng, &[0, 0, 1, 3]),
            numbered: one_of(prng, &[0, 5_000, 10_000]),
            compactions: one_of(prng, &[0, 100, 1_000]),
            keys: one_of(prng, &[1, 3, 6]),
            large: if prng.chance(1, 10) { 100 } else { 0 },
            think: prng.span(ms(1), ms(20)),
            patience: election * some(prng.between(2, 4)),
        }
    }
}

impl FaultDraw {
    /// Nothing goes wrong, and everybody hears of what ends.
    pub(crate) const fn none() -> Self {
        let zero = Duration::ZERO;
        Self {
            every: zero,
            down: zero,
            election: zero,
            cut: zero,
            pause: zero,
            power: 0,
            beyond: 0,
            storms: 0,
            fills: 0,
            isolated: 0,
            coups: 0,
            sick: 0,
            jumps: 0,
            misreads: 0,
            figure8: 0,
            rot: 0,
            rot_both: 0,
            harm: 0,
            rotten: false,
            losses: 0,
            floods: 0,
            flips: 0,
            operator: zero,
            moment: zero,
            notice: 10_000,
        }
    }

    fn new(prng: &mut Prng, election: Duration) -> Self {
        let every: u32 = one_of(prng, &[1, 2, 4]);
        Self {
            every: election * every,
            election,
            down: election * some(prng.between(1, 6)),
            cut: election * some(prng.between(1, 5)),
            pause: if prng.chance(1, 6) { ms(4_000) } else { election * 4 },
            power: prng.pick(&[2_000, 5_000, 10_000]).copied().unwrap_or(5_000),
            beyond: one_of(prng, &[0, 500, 3_000]),
            storms: 1_500,
            fills: 0,
            isolated: 0,
            figure8: 0,
            rot: one_of(prng, &[0, 0, 1_000, 3_000]),
            rot_both: 0,
            rotten: false,
            harm: 0,
            losses: one_of(prng, &[0, 0, 0, 500, 1_500]),
            floods: 0,
            flips: one_of(prng, &[0, 3_000]),
            operator: election * one_of(prng, &[0, 2, 5]),
            moment: Duration::ZERO,
            coups: one_of(prng, &[0, 0, 0, 2_000, 6_000]),
            sick: one_of(prng, &[0, 1_000, 2_000]),
            jumps: one_of(prng, &[0, 1_000]),
            misreads: one_of(prng, &[0, 0, 1_000, 3_000]),
            notice: prng.pick(&[0, 5_000, 10_000]).copied().unwrap_or(5_000),
        }
    }
}

impl fmt::Display for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { theme, nodes, chaos, heartbeat, election, segment_bytes, turn, .. } = self;
        let Self { clocks, quota, keep_history, checkpoint_bytes, sweep_per_turn, .. } = self;
        let protocol = self.protocol.name();
        writeln!(
            f,
            "  {theme:?}: {nodes} nodes that speak {protocol}, faults for {chaos:.1?}, then healing"
        )?;
        writeln!(
            f,
            "  heartbeat {heartbeat:.1?}, election {election:.1?}, turn {turn:.1?}, segments of {segment_bytes} bytes"
        )?;
        writeln!(
            f,
            "  clocks off by {clocks} of 1000, quota {quota:?}, history kept for {keep_history:?}"
        )?;
        let NetDraw { delay_min, delay_max, loss, twice, reorder, corrupt } = self.net;
        writeln!(
            f,
            "  net    delay {delay_min:.1?} to {delay_max:.1?}; of 10000 frames {loss} lost, {twice} twice, {reorder} out of order, {corrupt} corrupted"
        )?;
        let DiskDraw { min, max, slow, fails, lies } = self.disk;
        let honest = if lies { "lying" } else { "honest" };
        writeln!(
            f,
            "  disk   {honest}, {min:.1?} to {max:.1?}; {slow} of 10000 slow, {fails} fail"
        )?;
        let CallerDraw { callers, watchers, keys, large, think, patience, .. } = self.callers;
        let CallerDraw { holders, numbered, compactions, .. } = self.callers;
        writeln!(
            f,
            "  ask    {callers} callers and {watchers} watchers on {keys} keys, {large} of 10000 values large, pause {think:.1?}, patience {patience:.1?}"
        )?;
        writeln!(
            f,
            "         {holders} hold leases; of 10000 callers {numbered} number their writes, of 10000 writes {compactions} compact"
        )?;
        let FaultDraw { rot, rot_both, harm, losses, operator, .. } = self.faults;
        writeln!(
            f,
            "  disks  of 10000 nodes that are down {rot} find a damaged checkpoint, {rot_both} two of them, {harm} a damaged log, of 10000 faults {losses} take a disk; checkpoints every {checkpoint_bytes} bytes, sweeps of {sweep_per_turn}; an operator every {operator:.1?}"
        )?;
        let FaultDraw { every, down, cut, pause, power, beyond, .. } = self.faults;
        let FaultDraw { storms, fills, coups, notice, sick, jumps, misreads, .. } = self.faults;
        write!(
            f,
            "  fault  every {every:.1?}, down {down:.1?}, cut {cut:.1?}, pause {pause:.1?}; of 10000 crashes {power} cut the power, {beyond} may take a majority, {notice} are noticed; of 10000 faults {storms} are storms, {fills} fill a disk, {sick} make one slow or hang, {jumps} a clock jump; of 10000 starts {misreads} fail to read; of 10000 leaders {coups} are cut off"
        )
    }
}
