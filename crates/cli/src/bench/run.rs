//! A run from the first connection to the last answer.

use super::cpu;
use super::fault::Fault;
use super::lane::Lane;
use super::machine::Machine;
use super::pace::{Pace, Schedule};
use super::plan::{Plan, Verb};
use super::report::{Cpu, Report};
use super::tally::{Kind, Tally};
use super::timer::Timer;
use super::watch::Ear;
use super::workload::{Known, Workload};
use super::{progress, targets};
use crate::failure::Failure;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, spawn_local};

/// How long after the end an answer may still come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long writing every key may take.
const FILL_PATIENCE: Duration = Duration::from_secs(3600);
/// Between the last preparation and the first operation.
const RUN_UP: Duration = Duration::from_millis(20);

type Shared = Rc<RefCell<Tally>>;

/// What all lanes of a run share.
struct Course<'a> {
    plan: &'a Plan,
    targets: &'a [String],
    tally: Shared,
    patience: Instant,
}

/// Runs the plan. Must be called inside a `LocalSet`.
pub(crate) async fn run(plan: &Plan) -> Result<Report, Failure> {
    let targets = targets::find(plan).await?;
    if plan.preload {
        fill(plan, &targets).await?;
    }
    let ears = ears(plan, &targets).await?;
    let start = Instant::now() + RUN_UP;
    let from = start + plan.warmup;
    let to = from + plan.measured;
    let tally = Rc::new(RefCell::new(Tally::new(from, to)));
    let listening: Vec<_> =
        ears.into_iter().map(|ear| spawn_local(ear.listen(Rc::clone(&tally), start))).collect();
    let course = Course { plan, targets: &targets, tally, patience: to + PATIENCE };
    let lanes = course.load(start, to)?;
    let cpu = measure(&course, from, to).await?;
    join(lanes).await?;
    course.hear_the_last().await;
    listening.iter().for_each(JoinHandle::abort);
    let tally = course.tally.borrow();
    let machine = Machine::here();
    Ok(Report::new(plan.clone(), targets.clone(), &tally, cpu, machine))
}

impl Course<'_> {
    /// Starts the lanes of the run.
    fn load(&self, start: Instant, end: Instant) -> Result<Vec<JoinHandle<()>>, Failure> {
        let known = Known::default();
        let lanes = self.plan.conns as u64;
        let spawn = |lane: u64| {
            let pace = match self.plan.rate {
                None => Pace::Closed { end },
                Some(rate) => {
                    Pace::Open { schedule: Schedule { start, rate, lane, lanes, next: 0 }, end }
                }
            };
            let workload = Workload::new(self.plan, lane, Rc::clone(&known), start);
            self.spawn(lane, workload.ok_or_else(no_template)?, pace)
        };
        (0..lanes).map(spawn).collect()
    }

    fn spawn(
        &self,
        number: u64,
        workload: Workload,
        pace: Pace,
    ) -> Result<JoinHandle<()>, Failure> {
        let at = usize::try_from(number).unwrap_or_default();
        let endpoint = self.targets.get(at % self.targets.len().max(1)).cloned();
        let endpoint = endpoint.ok_or_else(|| Failure::arguments("there is nobody to ask"))?;
        let lane = Lane {
            endpoint,
            workload,
            pace,
            slots: share(self.plan.clients, self.plan.conns, at),
            timer: Timer::new().map_err(|error| Failure::io("make a timer", &error))?,
            tally: Rc::clone(&self.tally),
            connection: None,
        };
        Ok(spawn_local(lane.run(self.patience)))
    }

    /// Waits until each watcher has heard of each write that was acknowledged.
    async fn hear_the_last(&self) {
        let Verb::Watch { watchers } = self.plan.verb else { return };
        let missing = || {
            let tally = self.tally.borrow();
            let wanted = tally.count(Kind::Put).saturating_mul(watchers as u64);
            wanted.saturating_sub(tally.count(Kind::Event))
        };
        while missing() > 0 && Instant::now() < self.patience {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let missing = missing();
        self.tally.borrow_mut().add_errors(Fault::Unheard, missing);
    }
}

/// Writes every key once.
async fn fill(plan: &Plan, targets: &[String]) -> Result<(), Failure> {
    let start = Instant::now();
    let tally = Rc::new(RefCell::new(Tally::new(start, start + 2 * FILL_PATIENCE)));
    let course =
        Course { plan, targets, tally: Rc::clone(&tally), patience: start + FILL_PATIENCE };
    let lanes = plan.conns as u64;
    let spawn = |lane| {
        let (workload, left) = Workload::fill(plan, lane, lanes).ok_or_else(no_template)?;
        course.spawn(lane, workload, Pace::Count { left })
    };
    let lanes: Vec<_> = (0..lanes).map(spawn).collect::<Result<_, Failure>>()?;
    let progress = spawn_local(progress::fill(Rc::clone(&tally), plan.keys));
    join(lanes).await?;
    progress.abort();
    let tally = tally.borrow();
    match tally.errors().iter().next() {
        None => Ok(()),
        Some((fault, count)) => {
            Err(Failure::error(format!("--preload: {count} keys were not written: {fault}")))
        }
    }
}

/// The streams of the watchers, if there are any.
pub(crate) async fn ears(plan: &Plan, targets: &[String]) -> Result<Vec<Ear>, Failure> {
    let Verb::Watch { watchers } = plan.verb else { return Ok(Vec::new()) };
    let streams = plan.conns.min(watchers);
    let mut ears = Vec::new();
    for (at, endpoint) in targets.iter().cycle().take(streams).enumerate() {
        let ear = Ear::open(endpoint, share(watchers, streams, at)).await;
        let fault = |fault| Failure::error(format!("{endpoint}: cannot watch: {fault}"));
        ears.push(ear.map_err(fault)?);
    }
    Ok(ears)
}

/// Shows the progress, and looks at the processes when the window opens and closes.
async fn measure(course: &Course<'_>, from: Instant, to: Instant) -> Result<Cpu, Failure> {
    let own = [std::process::id()];
    let look = || Ok::<_, Failure>((cpu::used(&course.plan.pids)?, cpu::used(&own)?));
    progress::until(from, "warm-up", course.plan, &course.tally).await;
    let (servers_before, own_before) = look()?;
    progress::until(to, "", course.plan, &course.tally).await;
    let (servers, own) = look()?;
    let servers = servers.saturating_sub(servers_before);
    Ok(Cpu {
        servers: (!course.plan.pids.is_empty()).then_some(servers),
        client: own.saturating_sub(own_before),
    })
}

async fn join(lanes: Vec<JoinHandle<()>>) -> Result<(), Failure> {
    for lane in lanes {
        lane.await
            .map_err(|error| Failure::error(format!("a connection's task ended: {error}")))?;
    }
    Ok(())
}

/// So many of `whole` fall to number `at` of `parts`.
fn share(whole: usize, parts: usize, at: usize) -> usize {
    whole.saturating_sub(at).div_ceil(parts.max(1))
}

fn no_template() -> Failure {
    Failure::arguments("no request can be made with this --val-size")
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_even_and_make_the_whole() {
        for (whole, parts) in [(256, 16), (7, 3), (3, 3), (5, 1)] {
            let shares: Vec<usize> = (0..parts).map(|at| share(whole, parts, at)).collect();
            assert_eq!(shares.iter().sum::<usize>(), whole);
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
