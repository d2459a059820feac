//! What is said on stderr once a second, so that nobody looks at a silent terminal.

use super::plan::Plan;
use super::tally::Tally;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

const SECOND: Duration = Duration::from_secs(1);

/// Waits until then and says each second how it goes.
pub(crate) async fn until(end: Instant, note: &str, plan: &Plan, tally: &RefCell<Tally>) {
    let mut before = tally.borrow().total();
    let mut next = Instant::now() + SECOND;
    while next < end {
        sleep_until(next.into()).await;
        let total = tally.borrow().total();
        say(note, end, plan, total - before, tally);
        before = total;
        next += SECOND;
    }
    sleep_until(end.into()).await;
}

fn say(note: &str, end: Instant, plan: &Plan, last_second: u64, tally: &RefCell<Tally>) {
    let tally = tally.borrow();
    let left = end.saturating_duration_since(Instant::now()).as_secs_f64().round();
    let (all, errors) = (tally.all(), tally.errors().values().sum::<u64>());
    let mut line = format!("{} {left:.0} s left  {last_second}/s", plan.verb.name());
    if note.is_empty() {
        let ms = |nanos: u64| nanos as f64 / 1e6;
        line.push_str(&format!(
            "  p50 {:.3} ms  p99 {:.3} ms  errors {errors}",
            ms(all.p50),
            ms(all.p99)
        ));
    } else {
        line.push_str(&format!("  ({note})"));
    }
    eprintln!("{line}");
}

/// Says each second how many keys are written, until it is dropped.
pub(crate) async fn fill(tally: Rc<RefCell<Tally>>, keys: u64) {
    loop {
        tokio::time::sleep(SECOND).await;
        eprintln!("preload {} of {keys} keys", tally.borrow().total());
    }
}
