//! Watchers alone, in a process of their own: what they cost must not be taken
//! for what the servers cost.

use super::heard::Heard;
use super::json::Object;
use super::plan::Plan;
use super::run::ears;
use super::watch::Ear;
use crate::failure::Failure;
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{LocalSet, spawn_local};

/// How often a line is printed.
const EVERY: Duration = Duration::from_millis(500);

/// Prints a line of JSON now and then, the first when all watchers are there.
pub(crate) fn run(plan: &Plan) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("start the runtime", &error))?;
    LocalSet::new().block_on(&runtime, listen(plan))
}

async fn listen(plan: &Plan) -> Result<(), Failure> {
    let begin = |ear: Ear| {
        let last = ear.watchers().collect();
        let heard = Rc::new(RefCell::new(Heard { last, ..Heard::default() }));
        spawn_local(ear.count(Rc::clone(&heard)));
        heard
    };
    let all: Vec<_> = ears(plan, &plan.endpoints).await?.into_iter().map(begin).collect();
    let begun = Instant::now();
    loop {
        writeln!(std::io::stdout(), "{}", line(&all, begun.elapsed()))
            .map_err(|error| Failure::io("print", &error))?;
        if begun.elapsed() >= plan.measured {
            return Ok(());
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn line(all: &[Rc<RefCell<Heard>>], passed: Duration) -> String {
    let sum = |what: fn(&Heard) -> u64| all.iter().map(|it| what(&it.borrow())).sum::<u64>();
    let slowest = all.iter().filter_map(|it| it.borrow().last.values().min().copied()).min();
    let newest = all.iter().filter_map(|it| it.borrow().last.values().max().copied()).max();
    Object::default()
        .decimal("seconds", Some(passed.as_secs_f64()))
        .raw("connections", all.len())
        .raw("watchers", sum(|it| it.last.len() as u64))
        .raw("responses", sum(|it| it.responses))
        .raw("events", sum(|it| it.events))
        .raw("bytes", sum(|it| it.bytes))
        .raw("gaps", sum(|it| it.gaps))
        .raw("slowest", slowest.unwrap_or_default())
        .raw("newest", newest.unwrap_or_default())
        .end()
}
