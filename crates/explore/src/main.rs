//! `cargo xtask explore`: every world, or the one that is named.

use explore::rules::RULES;
use explore::scope::{LONG, SHORT, Scope};
use explore::search::{Report, Search};
use explore::story;
use std::io::Write as _;
use std::process::ExitCode;

/// The bound on memory: a state takes about 150 bytes with all that belongs to it.
const STATES_MAX: usize = 16_000_000;

/// Where the way to a broken rule is written.
const STORY: &str = "target/explore.txt";

const ABSTRACTED: &str = "\
Left out: clocks and chance (a timer may be over at any time; every leader that was
ever heard was heard just now, or long ago where a vote is asked for; log time stands
still), bounds on bytes and counts, turns of more than one input, the bytes of
letters and records. Letters: each may be lost, repeated and overtaken. Pre-votes are
granted to whoever asks, but in the worlds that say otherwise.";

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let known = |name: &&String| SHORT.iter().chain(LONG).any(|scope| scope.name == **name);
    let unknown = names.iter().find(|name| !known(name));
    if let Some(name) = unknown {
        let known: Vec<&str> = SHORT.iter().chain(LONG).map(|scope| scope.name).collect();
        say(&format!("no world is called `{name}`; there are {}", known.join(", ")));
        return ExitCode::FAILURE;
    }
    say(ABSTRACTED);
    say("Asked in every state and of every step:");
    RULES.iter().for_each(|rule| say(&format!("  - {rule}")));
    let all = SHORT.iter().chain(LONG);
    let wanted = all.filter(|scope| names.is_empty() || names.iter().any(|it| it == scope.name));
    let broken = wanted.map(explore).filter(|well| !well).count();
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether no rule breaks and no state is left.
fn explore(scope: &Scope) -> bool {
    say(&format!("{}: {}\n  {:?}", scope.name, scope.about, scope.budget));
    let mut search = Search::new(scope);
    let report = search.run(STATES_MAX);
    say(&report.line(scope));
    tell(&mut search, &report);
    if !report.exhausted && report.violation.is_none() {
        say(&format!("  NOT EXHAUSTED: more than {STATES_MAX} states"));
    }
    report.exhausted && report.violation.is_none()
}

fn tell(search: &mut Search<'_>, report: &Report) {
    let Some(violation) = &report.violation else { return };
    let told = story::tell(search, &violation.steps, &violation.what);
    say(&told);
    match std::fs::write(STORY, told) {
        Ok(()) => say(&format!("written to {STORY}")),
        Err(why) => say(&format!("{STORY} cannot be written: {why}")),
    }
}

fn say(line: &str) {
    // Nobody listens any more: there is nothing else to do about it.
    let _ = writeln!(std::io::stdout(), "{line}");
}
