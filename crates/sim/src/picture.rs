//! Pictures of a run: a page that holds everything it needs, and a still.

mod still;
mod window;

use crate::film::{Kind, Shot};
use crate::json::quoted;
use crate::report::{Report, VERSION};
use base::Time;
use core::fmt::Write;
pub use still::svg;
pub use window::Window;
use window::escaped;

/// Shots that a page holds at most: more would make it slow to open.
const SHOTS_MAX: usize = 30_000;

/// What is left out first if there are too many.
const DISPENSABLE: &[Kind] = &[Kind::Heartbeat, Kind::Sync, Kind::Forward, Kind::Read];

/// The page of a run whose film was kept. It loads nothing from anywhere.
#[must_use]
pub fn html(report: &Report, window: Window) -> String {
    let (shots, left) = cut(&report.film);
    let title = format!("trimaran sim: seed {} of version {}", report.seed, VERSION);
    let verdict = match report.violations.as_slice() {
        [] => "Every promise was kept.".into(),
        violations => {
            let said: Vec<String> = violations.iter().map(ToString::to_string).collect();
            said.join("\n")
        }
    };
    let passed = if report.passed() { "yes" } else { "no" };
    let data = data(report, &shots, left, window);
    let mut page = include_str!("picture/page.html").to_owned();
    for (place, text) in [
        ("{{TITLE}}", escaped(&title).as_str()),
        ("{{PASSED}}", passed),
        ("{{VERDICT}}", &escaped(&verdict)),
        ("{{DRAW}}", &escaped(&report.draw.to_string())),
        ("{{CSS}}", include_str!("picture/page.css").trim()),
        ("{{JS}}", include_str!("picture/page.js").trim()),
        ("{{DATA}}", &data),
    ] {
        page = page.replace(place, text);
    }
    page
}

/// As many shots as a page can hold, and what is said of the others.
fn cut(film: &[Shot]) -> (Vec<&Shot>, Option<String>) {
    let mut shots: Vec<&Shot> = film.iter().collect();
    let mut left = Vec::new();
    for kind in DISPENSABLE {
        if shots.len() > SHOTS_MAX {
            shots.retain(|shot| shot.kind != *kind);
            left.push(format!("all {}", kind.word()));
        }
    }
    if let Some(shot) = shots.get(SHOTS_MAX) {
        left.push(format!("everything after {}", shot.at));
        shots.truncate(SHOTS_MAX);
    }
    let say = || {
        let (all, left) = (film.len(), left.join(", "));
        format!("This run has {all} events, too many for a page. Left out: {left}.")
    };
    let say = (!left.is_empty()).then(say);
    (shots, say)
}

fn data(report: &Report, shots: &[&Shot], left: Option<String>, window: Window) -> String {
    let kinds: Vec<String> = Kind::ALL.iter().map(|kind| quoted(kind.word())).collect();
    let end = shots.iter().map(|shot| shot.end.unwrap_or(shot.at).max(shot.at)).max();
    let mut json = format!(
        "{{\"seed\":{},\"nodes\":{},\"end\":{},\"view\":[{},{}],\"left\":{},\"kinds\":[{}],\"shots\":[",
        report.seed,
        report.draw.nodes,
        micros(end.unwrap_or_default()),
        micros(window.from),
        micros(window.to),
        left.map_or_else(|| "null".into(), |text| quoted(&text)),
        kinds.join(",")
    );
    for (number, shot) in shots.iter().enumerate() {
        let comma = if number > 0 { ",\n" } else { "\n" };
        let place = |node: Option<usize>| node.map_or_else(|| "-1".into(), |it| it.to_string());
        // Writing into a string cannot fail.
        let _ = write!(
            json,
            "{comma}[{},{},{},{},{},{},{},{},{}]",
            shot.kind as usize,
            micros(shot.at),
            shot.end.map_or_else(|| "-1".into(), |end| micros(end).to_string()),
            u8::from(shot.lost),
            place(shot.node),
            place(shot.to),
            shot.group.map_or_else(|| "-1".into(), |group| group.0.to_string()),
            shot.term,
            quoted(&shot.say)
        );
    }
    json.push_str("]}");
    json
}

const fn micros(time: Time) -> u64 {
    time.0 / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Options, run};
    use crate::world::Keep;
    use core::time::Duration;

    fn report() -> Report {
        let keep = Keep { film: true, ..Keep::default() };
        let time = Some(Duration::from_millis(600));
        run(Options { seed: 7, time, keep, ..Options::default() })
    }

    #[test]
    fn a_page_holds_all_it_needs() {
        let report = report();
        let page = html(&report, Window::first_election(&report));
        for wanted in ["seed 7 of version ", "RequestVote", "leads term", "\"nodes\":"] {
            assert!(page.contains(wanted), "{wanted}");
        }
        for unwanted in ["http://", "https://", "src=", "@import", "{{", "url("] {
            let found = page.find(unwanted).and_then(|at| page.get(at..at + 60));
            assert_eq!(found, None, "a page loads nothing");
        }
    }

    #[test]
    fn what_is_too_much_is_left_out_and_said() {
        let shot = |kind, at| Shot::new(kind, Time(at), Some(0), String::new());
        let mut film: Vec<Shot> =
            (0..SHOTS_MAX as u64).map(|at| shot(Kind::Append, at * 1_000_000)).collect();
        assert_eq!(cut(&film).1, None);
        film.push(shot(Kind::Heartbeat, 0));
        let (shots, left) = cut(&film);
        assert_eq!(shots.len(), SHOTS_MAX);
        assert!(left.expect("said").ends_with("Left out: all heartbeats."));
        film.extend([shot(Kind::Vote, 1 << 50), shot(Kind::Vote, 1 << 51)]);
        let (shots, left) = cut(&film);
        assert_eq!(shots.len(), SHOTS_MAX);
        assert!(
            left.expect("said").contains("all disk syncs, all forwards, all reads, everything")
        );
    }

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(quoted("</script>\"\n"), "\"\\u003c/script>\\\"\\u000a\"");
        assert_eq!(escaped("<a&\">"), "&lt;a&amp;&quot;&gt;");
    }

    #[test]
    fn a_still_shows_the_election() {
        let report = report();
        let picture = svg(&report, Window::first_election(&report));
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
        assert!(picture.contains("leader of term") && picture.contains("RequestVote"));
    }
}
