//! A run told step by step, for somebody who reads it from top to bottom.

use sim::film::{Kind, Shot};
use sim::history::name;
use sim::report::Report;

/// Everything that can be seen, a line each; without `all`, the keyspace alone
/// and no heartbeats and no syncs.
pub(super) fn tell(report: &Report, all: bool) -> String {
    let mut lines = vec![format!("seed {} of trimaran {}", report.seed, sim::report::VERSION)];
    lines.push(report.draw.to_string());
    let wanted = |shot: &&Shot| {
        all || shot.group.is_none_or(|group| group.0 == 1)
            && !matches!(shot.kind, Kind::Heartbeat | Kind::Sync)
    };
    lines.extend(report.film.iter().filter(wanted).map(line));
    lines.push(super::passed(report));
    lines.join("\n")
}

fn line(shot: &Shot) -> String {
    let place = |node: Option<usize>| node.map(name).unwrap_or_default();
    let way = match (shot.node, shot.to) {
        (Some(_), Some(_)) => format!("{} → {}", place(shot.node), place(shot.to)),
        _ => place(shot.node),
    };
    let message = shot.kind < Kind::Lead;
    let term =
        if message && shot.term > 0 { format!("term {}, ", shot.term) } else { String::new() };
    let lost = if message && shot.lost { " (does not arrive)" } else { "" };
    let until = match shot.end {
        Some(end) if message => {
            format!(" (arrives {}.{:03} ms)", end.0 / 1_000_000, end.0 / 1_000 % 1_000)
        }
        _ => String::new(),
    };
    let (ms, us) = (shot.at.0 / 1_000_000, shot.at.0 / 1_000 % 1_000);
    let until = if lost.is_empty() { until } else { String::new() };
    format!("{ms:>6}.{us:03} ms  {way:<8} {term}{}{lost}{until}", shot.say)
}
