//! How long writes were out after a node was lost.

use super::node::Node;
use super::nodes::{Leader, Nurse, leader};
use super::plan::majority;
use crate::failure::Failure;
use crate::outage::{LIMIT, PATIENCE, first_write};
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// A loss, and who is left.
pub(super) struct Loss<'a> {
    /// When it was done.
    pub(super) at: Instant,
    /// Who led before.
    pub(super) before: Option<Leader>,
    /// The nodes that run.
    pub(super) left: &'a [Node],
    /// How many nodes the cluster has.
    pub(super) size: usize,
}

/// Says when somebody leads again and when writes are accepted again.
pub(super) async fn tell(loss: Loss<'_>, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let needed = majority(loss.size);
    if loss.left.len() < needed {
        let (left, size) = (loss.left.len(), loss.size);
        return say(
            out,
            &format!(
                "          writes are out: {left} of {size} nodes run and {needed} are needed; \
             `start` one"
            ),
        );
    }
    let nurses: Vec<Nurse> = loss.left.iter().map(|node| Nurse::new(node, PATIENCE)).collect();
    let (own, at) = (nurses.clone(), loss.at);
    let writes = tokio::spawn(async move {
        let tries: Vec<_> = own.iter().map(|nurse| || writes(nurse.clone())).collect();
        first_write(&tries, at).await
    });
    let leads = match loss.before {
        Some(ref before) if loss.left.iter().any(|node| node.name == before.name) => None,
        ref before => timeout(LIMIT, next_leader(&nurses, before.as_ref())).await.ok(),
    };
    let led_at = loss.at.elapsed();
    let leads = leads.map(|Leader { name, term }| format!("{name} leads (term {term})"));
    match (writes.await.ok().flatten(), leads) {
        (Some(took), Some(leads)) if took < led_at => {
            // It was seen late: nobody's word for when it began.
            say(out, &format!("{} writes accepted again; {leads}", stamp(took)))
        }
        (took, leads) => {
            if let Some(leads) = leads {
                say(out, &format!("{} {leads}", stamp(led_at)))?;
            }
            match took {
                Some(took) => say(out, &format!("{} writes accepted again", stamp(took))),
                None => say(out, &format!("{} no write was accepted so far", since(loss.at))),
            }
        }
    }
}

async fn writes(nurse: Nurse) -> bool {
    nurse.writes().await
}

/// Waits for a leader other than the one before.
async fn next_leader(nurses: &[Nurse], before: Option<&Leader>) -> Leader {
    loop {
        match leader(nurses).await {
            Some(found) if Some(&found) != before => return found,
            _ => sleep(Duration::from_millis(2)).await,
        }
    }
}

/// `+331 ms  `, as wide as it takes for columns to stand.
pub(super) fn stamp(took: Duration) -> String {
    format!("{:<9}", format!("+{} ms", took.as_millis()))
}

fn since(at: Instant) -> String {
    stamp(at.elapsed())
}

fn say(out: &mut (dyn Write + Send), line: &str) -> Result<(), Failure> {
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| Failure::io("print", &error))
}
