//! Every numbered promise stands in the book, and every line of the book in the code.

use super::Finding;
use super::tree::Tree;
use std::collections::BTreeMap;

const BOOK: &str = "docs/invariants.md";

/// One row of the book: `| I7 | what holds | where it is checked | its test |`.
struct Row {
    line: usize,
    /// What stands between backquotes and looks like a path.
    paths: Vec<String>,
}

/// Compares the book with the sources, both ways.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let uses = uses(tree);
    let Some(book) = tree.file(BOOK) else {
        let say = format!("{BOOK} is missing, but the code names invariants");
        return uses.values().take(1).map(|(path, line)| fault(path, *line, &say)).collect();
    };
    let rows = rows(&book.text);
    let unwritten = uses.iter().filter(|(name, _)| !rows.contains_key(*name));
    let mut found: Vec<Finding> = unwritten
        .map(|(name, (path, line))| {
            fault(path, *line, &format!("{name} has no row in {BOOK}: write down what it promises"))
        })
        .collect();
    found.extend(rows.iter().flat_map(|(name, row)| unkept(tree, name, row)));
    found
}

fn fault(path: &str, line: usize, say: &str) -> Finding {
    Finding::fault(path, line, "invariants", say.to_string())
}

/// Where each invariant is first named in the sources.
fn uses(tree: &Tree) -> BTreeMap<String, (&str, usize)> {
    let mut uses = BTreeMap::new();
    for source in tree.sources().filter(|source| source.room != "xtask") {
        let code = source.file.code.as_str();
        for (at, call) in code.match_indices("invariant!(") {
            let rest = code.get(at + call.len()..).unwrap_or_default();
            let before = code.get(..at).unwrap_or_default();
            if let Some(name) = name(rest.trim_start()) {
                let line = before.matches('\n').count() + 1;
                uses.entry(name).or_insert((source.file.path.as_str(), line));
            }
        }
    }
    uses
}

/// `I` and a number, at the beginning of the text.
fn name(text: &str) -> Option<String> {
    let digits: String = text.strip_prefix('I')?.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| format!("I{digits}"))
}

fn rows(text: &str) -> BTreeMap<String, Row> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.starts_with('|'));
    lines
        .filter_map(|(at, line)| {
            let name = name(line.trim_start_matches('|').trim())?;
            Some((name, Row { line: at + 1, paths: quoted_paths(line) }))
        })
        .collect()
}

fn quoted_paths(line: &str) -> Vec<String> {
    let quoted = line.split('`').skip(1).step_by(2);
    let paths = quoted.filter(|text| text.contains('/') && text.contains(".rs"));
    paths.filter_map(|text| Some(format!("{}.rs", text.split(".rs").next()?))).collect()
}

/// What a row says that is not so.
fn unkept(tree: &Tree, name: &str, row: &Row) -> Vec<Finding> {
    let missing = row.paths.iter().filter(|path| tree.file(path).is_none());
    let mut found: Vec<Finding> = missing
        .map(|path| fault(BOOK, row.line, &format!("{name} names `{path}`, which does not exist")))
        .collect();
    let kept = row.paths.iter().filter_map(|path| tree.file(path));
    if !kept.into_iter().any(|file| has_name(&file.text, name)) {
        let say = format!("{name} is in none of the files of its row: name the one that checks it");
        found.push(fault(BOOK, row.line, &say));
    }
    found
}

fn has_name(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree;
    use super::{BOOK, check};

    fn says(code: &str, book: &str) -> Vec<String> {
        let tree = tree(&[("crates/kv/src/a.rs", code), (BOOK, book)]);
        check(&tree).into_iter().map(|found| found.to_string()).collect()
    }

    const ROW: &str = "| I7 | revisions grow | `crates/kv/src/a.rs` |\n";

    #[test]
    fn book_and_code_agree() {
        assert_eq!(says("invariant!(I7, a < b);", ROW), Vec::<String>::new());
        assert_eq!(says("base::invariant!(\n I7,\n a < b);", ROW), Vec::<String>::new());
    }

    #[test]
    fn an_unwritten_invariant_is_told() {
        let found = says("\ninvariant!(I8, a);invariant!(I7, b);", ROW);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("crates/kv/src/a.rs:2: invariants: I8 has no row"));
    }

    #[test]
    fn an_unkept_row_is_told() {
        assert_eq!(
            says("invariant!(I70, a);", &format!("{ROW}{}", ROW.replace("I7", "I70"))).len(),
            1
        );
        assert_eq!(says("invariant!(I7, a);", "| I7 | x | `crates/kv/src/gone.rs` |").len(), 2);
        assert_eq!(says("invariant!(I7, a);", "| I7 | no file |").len(), 1);
    }

    #[test]
    fn a_missing_book_is_told_once() {
        let code = "invariant!(I1, a);invariant!(I2, a);";
        assert_eq!(check(&tree(&[("crates/kv/src/a.rs", code)])).len(), 1);
    }
}
