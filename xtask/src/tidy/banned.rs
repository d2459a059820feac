//! What must not be reached, and from where.

use super::tree::{Source, Tree};
use super::{Finding, PURE_ROOMS};
use crate::metadata::Metadata;

/// Refused in the pure rooms, tests apart: the name, the reason.
const PURE: &[(&str, &str)] = &[
    ("std::", "use core or alloc: a pure room has no clock, socket, disk or thread"),
    ("extern crate std", "a pure room has no clock, socket, disk or thread"),
    ("HashMap", "its order differs between runs; use BTreeMap"),
    ("HashSet", "its order differs between runs; use BTreeSet"),
    ("f32", "use integers, so that a seed means the same on every machine"),
    ("f64", "use integers, so that a seed means the same on every machine"),
    ("SystemTime", "time is an argument: base::Time"),
    ("Instant", "time is an argument: base::Time"),
    ("thread", "a pure room is stepped; threads belong to server"),
    ("unsafe", "no room needs it"),
];

/// Refused in every source file, tests apart.
const EVERYWHERE: &[(&str, &str)] = &[
    ("todo!", "finish it, or leave it out and say so in ARCHITECTURE.md"),
    ("unimplemented!", "finish it, or leave it out and say so in ARCHITECTURE.md"),
    ("dbg!", "a trace for one afternoon; log where you handle"),
];

/// Refused where other programs link the code: only cli speaks to a terminal.
const LIBRARIES: &[(&str, &str)] = &[
    ("println!", "return text or log it; only cli prints"),
    ("print!", "return text or log it; only cli prints"),
];

/// The crates that speak to a terminal.
const TALKERS: &[&str] = &["cli", "xtask"];

/// Refused in every Rust file, tests too.
const IGNORED: &str = "#[ignore";

/// The first lines that fence a pure room.
const HEAD: &str = "#![cfg_attr(not(test), no_std)]";

/// Reads the sources for banned names and the crate heads for their fence.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found: Vec<Finding> = tree.sources().flat_map(|source| calls(&source)).collect();
    found.extend(tree.sources().filter_map(|source| head(&source)));
    found.extend(tree.files.iter().flat_map(|file| ignored(&file.path, &file.text)));
    found.extend(tree.files.iter().filter_map(|file| lints(&file.path, &file.text)));
    found
}

fn calls(source: &Source<'_>) -> Vec<Finding> {
    let mut bans: Vec<&(&str, &str)> = EVERYWHERE.iter().collect();
    if PURE_ROOMS.contains(&source.room) {
        bans.extend(PURE);
    }
    if !TALKERS.contains(&source.room) {
        bans.extend(LIBRARIES);
    }
    let mut found = Vec::new();
    for (number, line) in source.file.code.lines().enumerate() {
        for (name, why) in bans.iter().filter(|(name, _)| has_word(line, name)) {
            let say = format!("`{name}` is banned here: {why}");
            found.push(Finding::fault(&source.file.path, number + 1, "banned", say));
        }
    }
    found
}

fn head(source: &Source<'_>) -> Option<Finding> {
    let crate_head = source.module.is_empty() && PURE_ROOMS.contains(&source.room);
    let say = || format!("the head of a pure room says `{HEAD}`");
    (crate_head && !source.file.text.lines().any(|line| line == HEAD))
        .then(|| Finding::fault(&source.file.path, 1, "banned", say()))
}

fn ignored(path: &str, text: &str) -> Vec<Finding> {
    if !path.ends_with(".rs") {
        return Vec::new();
    }
    let masked = super::mask::code(text);
    let lines = masked.lines().enumerate().filter(|(_, line)| line.contains(IGNORED));
    let say = "a test runs or is removed: no ignored tests";
    lines.map(|(at, _)| Finding::fault(path, at + 1, "banned", say.to_string())).collect()
}

/// Every crate takes the lints of the workspace, `unsafe_code = "forbid"` among them.
fn lints(path: &str, text: &str) -> Option<Finding> {
    let manifest = path.ends_with("/Cargo.toml") && text.contains("[package]");
    let say = || "`[lints] workspace = true` is missing: no crate is outside the fence".to_string();
    (manifest && !text.contains("[lints]\nworkspace = true"))
        .then(|| Finding::fault(path, 1, "banned", say()))
}

/// No manifest may build the deliberate bugs in.
pub(super) fn features(metadata: &Metadata) -> Vec<Finding> {
    let mut found = Vec::new();
    for package in metadata.packages.iter().filter(|package| package.member) {
        let asked = package.dependencies.iter().flat_map(|dependency| &dependency.features);
        let given = package.features.iter().filter(|(name, _)| name != MUTANTS);
        let turned_on = asked
            .chain(given.flat_map(|(_, on)| on))
            .any(|feature| feature == MUTANTS || feature.ends_with(&format!("/{MUTANTS}")));
        if turned_on {
            let say = format!("the feature `{MUTANTS}` is for `cargo xtask {MUTANTS}` alone");
            let path = format!("crates/{}/Cargo.toml", package.name);
            found.push(Finding::fault(&path, 1, "banned", say));
        }
    }
    found
}

const MUTANTS: &str = "mutants";

/// Whether the text stands in the line with no letter joined to either end.
fn has_word(line: &str, word: &str) -> bool {
    let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        let open_end = !word.ends_with(|c: char| c.is_alphanumeric());
        !joined(before) && (open_end || !joined(after))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree;
    use super::{HEAD, check, features};
    use crate::metadata::{Dependency, Metadata, Package};

    fn count(path: &str, text: &str) -> usize {
        check(&tree(&[(path, text)])).len()
    }

    #[test]
    fn a_pure_room_reaches_nothing_real() {
        let pure = "crates/kv/src/machine.rs";
        for bad in [
            "use std::fs;",
            "let m: HashMap<u8, u8>;",
            "let x = 1 as f64;",
            "Instant::now()",
            "unsafe { x }",
            "core::thread::x()",
        ] {
            assert_eq!(count(pure, bad), 1, "{bad}");
            assert_eq!(count(pure, &format!("#[cfg(test)]\nmod tests {{ {bad} }}")), 0, "{bad}");
            assert_eq!(count(pure, &format!("// {bad}\nconst A: &str = {bad:?};")), 0, "{bad}");
        }
        assert_eq!(count(pure, "use core::fmt; struct InstantLike; fn std_like() {}"), 0);
        assert_eq!(count("crates/server/src/disk.rs", "use std::fs;"), 0);
    }

    #[test]
    fn unfinished_code_is_refused_everywhere() {
        assert_eq!(count("crates/server/src/a.rs", "fn a() { todo!() }"), 1);
        assert_eq!(count("crates/cli/src/a.rs", "fn a() { unimplemented!() }"), 1);
        assert_eq!(count("xtask/src/a.rs", "fn a() { dbg!(1); }"), 1);
        assert_eq!(count("crates/server/tests/a.rs", "#[ignore = \"slow\"]\nfn a() {}"), 1);
        assert_eq!(count("crates/server/tests/a.rs", "// #[ignore]\nfn a() {}"), 0);
    }

    #[test]
    fn only_talkers_print() {
        assert_eq!(count("crates/server/src/a.rs", "println!(\"a\")"), 1);
        assert_eq!(count("crates/cli/src/a.rs", "println!(\"a\")"), 0);
    }

    #[test]
    fn a_pure_room_has_its_head() {
        assert_eq!(count("crates/kv/src/lib.rs", "//! Kv.\n"), 1);
        assert_eq!(count("crates/kv/src/lib.rs", &format!("//! Kv.\n{HEAD}\n")), 0);
        assert_eq!(count("crates/server/src/lib.rs", "//! Server.\n"), 0);
    }

    #[test]
    fn a_manifest_takes_the_lints() {
        assert_eq!(count("crates/kv/Cargo.toml", "[package]\n"), 1);
        assert_eq!(count("crates/kv/Cargo.toml", "[package]\n[lints]\nworkspace = true\n"), 0);
    }

    #[test]
    fn no_manifest_builds_the_mutants() {
        let asks = |features: &[&str], own: (&str, &[&str])| {
            let owned = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
            let dependency = Dependency { features: owned(features), ..Dependency::default() };
            let package = Package {
                member: true,
                dependencies: vec![dependency],
                features: vec![(own.0.to_string(), owned(own.1))],
                ..Package::default()
            };
            super::features(&Metadata { packages: vec![package], ..Metadata::default() }).len()
        };
        assert_eq!(asks(&["mutants"], ("a", &[])), 1);
        assert_eq!(asks(&[], ("default", &["base/mutants"])), 1);
        assert_eq!(asks(&["std"], ("mutants", &["base/mutants"])), 0);
        assert!(features(&Metadata::default()).is_empty());
    }
}
