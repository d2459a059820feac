//! One seed: chaos, then healing, then progress is demanded, then everything is judged.

mod ending;

use crate::caller::Callers;
use crate::chaos::Chaos;
use crate::check::Violation;
use crate::check::evidence::Evidence;
use crate::check::live::Progress;
use crate::director::Director;
use crate::draw::{Draw, ProtocolKind, Theme};
use crate::history::{History, Op};
use crate::operator::Operator;
use crate::report::{Marks, Report, VERSION};
use crate::scenario::Scenario;
use crate::script::{Act, Step};
use crate::settle::Settle;
use crate::watcher::Watchers;
use crate::world::{Alarm, Keep, Told, World};
use base::prng::Prng;
use base::{AskId, Time};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Writes of a flood: more than the others agree on meanwhile.
const FLOOD: usize = 80;
/// How much longer than was drawn a world goes on that has not done enough.
const LONGER_MAX: Duration = Duration::from_secs(120);

/// What a run is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Decides everything.
    pub seed: u64,
    /// What the world is about; `None` lets the seed choose.
    pub theme: Option<Theme>,
    /// What the groups of the world speak.
    pub protocol: ProtocolKind,
    /// A deliberate bug of the world: its disks say "synced" too early.
    pub lying_disk: bool,
    /// Damage that no promise covers: both checkpoints of a node go bad.
    pub rotten_disk: bool,
    /// Nodes of the cluster; `None` lets the seed choose.
    pub nodes: Option<usize>,
    /// How long faults are injected; `None` lets the seed choose.
    pub time: Option<Duration>,
    /// A plan that a person wrote, in place of the misfortunes that the seed draws.
    pub scenario: Option<Scenario>,
    /// What is kept beside the counts.
    pub keep: Keep,
}

impl Options {
    /// The words after `sim run` that ask for this with this seed.
    #[must_use]
    pub fn again(&self, seed: u64) -> String {
        let mut words = self.scenario.as_ref().map_or_else(String::new, |it| it.name.clone() + " ");
        words.push_str(&format!("--seed {VERSION}-{seed}"));
        for (flag, value) in [
            (" --theme ", self.theme.map(|theme| theme.word().to_owned())),
            (" --protocol ", self.spoken().map(|kind| kind.name().to_owned())),
            (" --nodes ", self.nodes.map(|nodes| nodes.to_string())),
            (" --time ", self.time.map(|time| format!("{}ms", time.as_millis()))),
            (" --lying-disk", self.lying_disk.then(String::new)),
        ] {
            words.extend(value.map(|value| format!("{flag}{value}")));
        }
        words
    }

    /// The protocol, if it is not the usual one.
    fn spoken(&self) -> Option<ProtocolKind> {
        Some(self.protocol).filter(|kind| *kind != ProtocolKind::default())
    }

    /// What the seed draws, with what is asked for instead.
    #[must_use]
    pub fn draw(&self, prng: &mut Prng) -> Draw {
        let theme = self.scenario.as_ref().and_then(|it| it.theme).or(self.theme);
        let mut draw = Draw::new(prng, theme, self.lying_disk);
        draw.protocol = self.protocol;
        if self.rotten_disk {
            draw.faults.rotten = true;
            draw.faults.rot_both = 3_000;
            draw.faults.harm = 5_000;
        }
        if let Some(scenario) = &self.scenario {
            scenario.set(&mut draw);
        }
        draw.nodes = self.nodes.unwrap_or(draw.nodes);
        draw.chaos = self.time.unwrap_or(draw.chaos);
        draw
    }
}

/// Runs one seed. A rule of the house that is broken inside (a panic) is a
/// violation like the others.
#[must_use]
pub fn run(options: Options) -> Report {
    let mut prng = Prng::new(options.seed);
    let draw = options.draw(&mut prng);
    let again = options.again(options.seed);
    let least = options.time.is_none() && options.scenario.is_none();
    let plan = Plan { keep: options.keep, scenario: options.scenario, script: None, least };
    Report { again, ..play(options.seed, draw, prng, plan) }
}

/// Plays a script in a world that was drawn before: nothing is drawn that is
/// done to it, and nothing is asked but what the script says.
#[must_use]
pub fn run_script(seed: u64, draw: Draw, keep: Keep, script: Vec<Step>) -> Report {
    let mut prng = Prng::new(seed);
    // The world's own chances are those of the run that the script is from.
    drop(Draw::new(&mut prng, Some(draw.theme), draw.disk.lies));
    play(seed, draw, prng, Plan { keep, script: Some(script), ..Plan::default() })
}

/// What is done beside what is drawn.
#[derive(Clone, Debug, Default)]
struct Plan {
    /// Whether it goes on until it has done enough to prove something.
    least: bool,
    keep: Keep,
    scenario: Option<Scenario>,
    script: Option<Vec<Step>>,
}

fn play(seed: u64, mut draw: Draw, prng: Prng, plan: Plan) -> Report {
    let before = Marks::now();
    let keeps_evidence = plan.keep.evidence;
    let mut game = Game::new(&draw, prng, plan);
    let ended = catch_unwind(AssertUnwindSafe(|| game.play(&draw)));
    if let Err(panic) = ended {
        game.world.found.push(Violation::new("invariant", words(panic.as_ref())));
    }
    draw.chaos = game.lasted;
    let mut counts = game.world.counts;
    (counts.elections, counts.states, counts.checkpoints) = game.world.agreed();
    let history = game.evidence.as_ref().map_or(&game.history, |it| &it.history);
    counts.millis = u64::try_from(game.world.now().since(Time::ZERO).as_millis()).unwrap_or(0);
    let (trace, steps) = (game.world.story.hash(), game.world.take_done());
    Report {
        seed,
        again: format!("--seed {VERSION}-{seed}"),
        draw,
        counts,
        marks: Marks::now().since(&before),
        trace,
        steps,
        settled: game.settle.and_then(|settle| settle.percent()),
        film: game.world.film.develop(history),
        progress: game.progress,
        evidence: game.evidence.filter(|_| keeps_evidence),
        story: game.world.story.into_lines(),
        violations: game.world.found,
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

/// A world and those who play with it.
struct Game {
    world: World,
    callers: Callers,
    watchers: Watchers,
    chaos: Chaos,
    operator: Operator,
    director: Director,
    settle: Option<Settle>,
    history: History,
    /// What is done instead of what would be drawn.
    script: Option<Vec<Step>>,
    /// How soon the healed cluster worked again.
    progress: Progress,
    /// When everything was healed and nobody asked for anything any more.
    quiet: Time,
    /// What the judges looked at.
    evidence: Option<Evidence>,
    /// Whether it goes on until it has done enough to prove something.
    least: bool,
    /// How long faults were injected.
    lasted: Duration,
}

impl Game {
    fn new(draw: &Draw, mut prng: Prng, plan: Plan) -> Self {
        let mut history = History::default();
        let mut world = World::new(draw, prng.fork(), plan.keep);
        let quota = draw.is_short();
        let callers = Callers::new(draw.callers.clone(), quota, prng.fork(), &mut world);
        let watchers = Watchers::new(&draw.callers, prng.fork(), &mut world, &mut history);
        let mut chaos = Chaos::new(draw.faults.clone(), prng.fork(), &mut world);
        if plan.scenario.is_some() {
            // Who crashes stays down until the scenario says so.
            chaos = Chaos::none(&mut world);
        }
        let operator = Operator::new(draw.faults.operator, prng.fork(), &mut world);
        let scenario = plan.scenario.unwrap_or_default();
        let settle = Settle::new(&scenario, draw.election, &mut world);
        let director = Director::new(scenario, &mut world);
        let (script, least, lasted) = (plan.script, plan.least, draw.chaos);
        let (progress, evidence) = (Progress::default(), None);
        let mut game = Self {
            world,
            callers,
            watchers,
            chaos,
            operator,
            director,
            settle,
            history,
            script,
            progress,
            quiet: Time::ZERO,
            evidence,
            least,
            lasted,
        };
        game.follow_script();
        game
    }

    /// Whoever would do something of their own does nothing, and every step of
    /// the script is due at its time.
    fn follow_script(&mut self) {
        let Some(steps) = &self.script else { return };
        self.chaos = Chaos::none(&mut self.world);
        self.operator.stop();
        self.callers.stop();
        self.callers.number_apart();
        for (number, step) in steps.iter().enumerate() {
            self.world.remind_at(step.at, Alarm::Step(number));
        }
    }

    fn on_step(&mut self, number: usize) {
        let Self { world, callers, operator, history, script, .. } = self;
        match script.as_ref().and_then(|steps| steps.get(number)).map(|step| &step.act) {
            Some(Act::Deed(deed)) => {
                world.act(deed);
                operator.act(deed, world);
            }
            Some(Act::Call { client, node, what }) => {
                callers.ask(*client, *node, what.clone(), world, history);
            }
            None => {}
        }
    }

    fn play(&mut self, draw: &Draw) {
        (0..self.world.size()).for_each(|node| self.world.start(node, None));
        let end = self.suffer(draw);
        let unsettled = self.settle.as_mut().and_then(|settle| settle.check(end));
        self.world.found.extend(unsettled);
        self.chaos.stop();
        self.director.stop();
        self.operator.stop();
        self.callers.stop();
        if self.world.found.is_empty() {
            self.world.heal();
            self.calm_down(draw.election);
            self.recover(draw.election);
        }
        if self.world.found.is_empty() {
            self.outlive(draw);
            self.judge(draw);
        }
    }

    /// Lets one thing happen, if there is one, and tells whoever wants to know
    /// whether the cluster has settled.
    fn play_on(&mut self, end: Time) -> bool {
        let Some(answered) = self.step(end) else { return false };
        if let Some(settle) = &mut self.settle {
            let now = self.world.now();
            answered
                .into_iter()
                .for_each(|(id, place)| settle.on_answer(now, id, &self.history, place));
        }
        true
    }

    /// Everything goes wrong for as long as was drawn, and on until enough was
    /// done and suffered, within a bound; returns when that was.
    fn suffer(&mut self, draw: &Draw) -> Time {
        let begun = self.world.now();
        let mut end = begun + draw.chaos;
        let most = end + LONGER_MAX;
        while self.world.found.is_empty() {
            if self.play_on(end) {
                continue;
            }
            let enough = !self.least || self.world.counts.are_enough();
            if enough || end >= most {
                self.world.counts.short += u64::from(!enough);
                break;
            }
            end += draw.election;
        }
        self.lasted = end.since(begun);
        end
    }

    /// Lets one thing happen; returns the requests that were answered.
    fn step(&mut self, end: Time) -> Option<Vec<(AskId, usize)>> {
        let alarm = self.world.step(end)?;
        let Self { world, callers, watchers, chaos, operator, director, settle, history, .. } =
            self;
        match alarm {
            Some(Alarm::Step(number)) => self.on_step(number),
            Some(Alarm::Settle) => {
                if let Some(settle) = settle {
                    settle.on_alarm(callers, world, history);
                }
            }
            Some(Alarm::Scene(number)) => director.on_scene(number, world, operator),
            Some(Alarm::Caller(caller)) => callers.on_alarm(caller, world, history),
            Some(Alarm::Patience(id)) => callers.on_patience(id, world, history),
            Some(Alarm::Watcher(watcher)) => watchers.on_alarm(watcher, world, history),
            Some(Alarm::Fault) => chaos.on_fault(world),
            Some(Alarm::Restart(node)) => chaos.on_restart(node, world),
            Some(Alarm::Mend(name)) => world.mend(name),
            Some(Alarm::Free(node)) => world.free(node),
            Some(Alarm::Doom(node)) => chaos.on_doom(node, world),
            Some(Alarm::Figure8Turn) => chaos.on_figure8_turn(world),
            Some(Alarm::Figure8End) => chaos.on_figure8_end(world),
            Some(Alarm::Isolate(node)) => chaos.isolate(node, world),
            Some(Alarm::Operator) => operator.on_alarm(world),
            Some(Alarm::Flood(node)) => {
                for _ in 0..FLOOD {
                    callers.prove(usize::MAX, node, world, history);
                }
            }
            Some(Alarm::Loss(node)) => chaos.on_loss(node, world),
            Some(Alarm::Again) | None => {}
        }
        Some(self.tell())
    }

    /// Those who play hear what the world tells; returns what was answered.
    fn tell(&mut self) -> Vec<(AskId, usize)> {
        let Self { world, callers, watchers, chaos, operator, director, settle, history, .. } =
            self;
        let mut answered = Vec::new();
        for told in world.take_told() {
            match told {
                Told::Answer { id, answer, .. } if operator.on_answer(id, &answer, world) => {}
                Told::Answer { id, answer, whole } => {
                    let place = callers.on_answer(id, (answer, whole), world, history);
                    let op = place.and_then(|place| history.ops.get(place));
                    let compacted = op.is_some_and(Op::compacted) && watchers.any_open();
                    world.counts.compactions += u64::from(compacted);
                    answered.extend(place.map(|place| (id, place)));
                }
                Told::Watch { key, event } => watchers.on_told(key, event, world, history),
                Told::Leads { node } => {
                    operator.on_leader(node);
                    director.on_leader(node);
                    if let Some(settle) = settle {
                        settle.on_leader(world.now());
                    }
                    chaos.on_leader(node, world);
                }
                Told::Behind { node } => chaos.on_behind(node, world),
                Told::Left { node } => operator.on_left(node, world),
                Told::Gone { node } => {
                    callers.on_gone(node, world, history);
                    watchers.on_gone(node);
                    chaos.on_gone(node, world);
                }
            }
        }
        answered
    }
}
