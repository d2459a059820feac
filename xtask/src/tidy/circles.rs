//! Inside a crate, files stand on each other and never in a ring.
//!
//! An arrow is a `use` path, or a path in the code that begins with `crate`,
//! `self` or `super`. `mod` lines, inherent impls and tests make no arrow.

use super::tree::{Source, Tree};
use super::{Finding, paths};
use std::collections::{BTreeMap, BTreeSet};

/// From a file to the files it imports, each with the line that says so.
type Arrows<'a> = BTreeMap<&'a str, BTreeMap<&'a str, usize>>;

/// Looks for one circle per crate: mending it shows the next.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut rooms: BTreeMap<&str, Vec<Source<'_>>> = BTreeMap::new();
    for source in tree.sources() {
        rooms.entry(source.room).or_default().push(source);
    }
    rooms.values().filter_map(|sources| circle(&arrows(sources))).collect()
}

fn arrows<'a>(sources: &[Source<'a>]) -> Arrows<'a> {
    let files: BTreeMap<String, &'a str> = sources
        .iter()
        .filter(|source| !source.file.path.ends_with("/main.rs"))
        .map(|source| (source.module.join("::"), source.file.path.as_str()))
        .collect();
    let mut arrows = Arrows::new();
    for source in sources {
        let from = source.file.path.as_str();
        for named in paths::named(&source.file.code) {
            let Some(full) = target(source, &named, &files) else { continue };
            let Some(to) = owner(&full, &files).filter(|to| *to != from) else { continue };
            arrows.entry(from).or_default().entry(to).or_insert(named.line);
        }
    }
    arrows
}

/// Where a path leads from the crate's root, if it stays inside.
fn target(
    source: &Source<'_>,
    named: &paths::Named,
    files: &BTreeMap<String, &str>,
) -> Option<Vec<String>> {
    if let Some(full) = paths::resolve(&source.module, &named.parts) {
        return Some(full);
    }
    // `use child::Name` in the file that declares `mod child`.
    let module = source.module.iter().map(ToString::to_string);
    let full: Vec<String> = module.chain(named.parts.iter().cloned()).collect();
    let child = full.get(..=source.module.len())?.join("::");
    (named.used && files.contains_key(&child)).then_some(full)
}

/// The file that holds what the path names: that of its longest known module.
fn owner<'a>(full: &[String], files: &BTreeMap<String, &'a str>) -> Option<&'a str> {
    (0..=full.len()).rev().find_map(|end| files.get(&full.get(..end)?.join("::")).copied())
}

fn circle(arrows: &Arrows<'_>) -> Option<Finding> {
    let mut done = BTreeSet::new();
    for start in arrows.keys() {
        if let Some(ring) = ring(arrows, start, &mut Vec::new(), &mut done) {
            return Some(describe(arrows, &ring));
        }
    }
    None
}

/// Walks down from `here`; a file met twice on one way closes a ring.
fn ring<'a>(
    arrows: &Arrows<'a>,
    here: &'a str,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(met) = way.iter().position(|file| *file == here) {
        return Some(way.split_off(met));
    }
    if !done.insert(here) {
        return None;
    }
    way.push(here);
    let next = arrows.get(here).into_iter().flat_map(|to| to.keys());
    let found = next.into_iter().find_map(|to| ring(arrows, to, way, done));
    if found.is_none() {
        way.pop();
    }
    found
}

fn describe(arrows: &Arrows<'_>, ring: &[&str]) -> Finding {
    let line = |from: &str, to: &str| arrows.get(from).and_then(|all| all.get(to)).copied();
    let next = ring.iter().cycle().skip(1);
    let steps: Vec<String> = ring
        .iter()
        .zip(next)
        .map(|(from, to)| format!("{from}:{} → {to}", line(from, to).unwrap_or(1)))
        .collect();
    let first = ring.first().copied().unwrap_or_default();
    let at = ring.get(1).or(ring.first()).and_then(|to| line(first, to)).unwrap_or(1);
    let say = format!("a circle of files: {}; move what they share below both", steps.join(", "));
    Finding::fault(first, at, "circles", say)
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree;
    use super::check;

    fn says(files: &[(&str, &str)]) -> Vec<String> {
        let owned: Vec<(String, &str)> =
            files.iter().map(|(name, text)| (format!("crates/kv/src/{name}"), *text)).collect();
        let files: Vec<(&str, &str)> = owned.iter().map(|(p, t)| (p.as_str(), *t)).collect();
        check(&tree(&files)).into_iter().map(|found| found.to_string()).collect()
    }

    #[test]
    fn a_circle_is_printed() {
        let found = says(&[
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "\nfn x() { super::c::y() }"),
            ("c/mod.rs", "use crate::{a::A, d};"),
            ("d.rs", ""),
        ]);
        assert_eq!(found.len(), 1);
        let ring = "crates/kv/src/a.rs:1 → crates/kv/src/b.rs, \
                    crates/kv/src/b.rs:2 → crates/kv/src/c/mod.rs, \
                    crates/kv/src/c/mod.rs:1 → crates/kv/src/a.rs";
        assert!(found[0].contains(ring), "{found:?}");
    }

    #[test]
    fn a_child_that_looks_at_its_parent_closes_one_if_the_parent_uses_it() {
        let child = ("raft/elect.rs", "use super::Raft;");
        assert_eq!(says(&[("raft/mod.rs", "mod elect; use elect::Vote;"), child]).len(), 1);
        assert_eq!(says(&[("raft/mod.rs", "mod elect; fn a() { elect::b() }"), child]).len(), 0);
    }

    #[test]
    fn what_only_tests_import_is_no_arrow() {
        let tests = "#[cfg(test)]\nmod tests { use crate::a::A; use super::*; }";
        assert_eq!(says(&[("a.rs", "use crate::b::B;"), ("b.rs", tests)]).len(), 0);
    }

    #[test]
    fn a_ladder_is_no_circle() {
        let files = [("lib.rs", "pub use a::A;"), ("a.rs", "use crate::b::B;"), ("b.rs", "")];
        assert_eq!(says(&files).len(), 0);
    }
}
