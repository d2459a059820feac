//! Every numbered promise stands in the book, and every line of the book in the code.

use super::Finding;
use super::tree::Tree;
use std::collections::BTreeMap;

const BOOK: &str = "docs/invariants.md";

/// One row of the book: `| I7 | what holds | files that check it | its test |`.
struct Row {
    line: usize,
    /// The files that check it; one of them at least says the name.
    checkers: Vec<String>,
    /// The files of its tests.
    testers: Vec<String>,
    /// The test functions that it names in backquotes.
    tests: Vec<String>,
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
            let mut columns = line.trim_matches('|').split('|').map(str::trim);
            let name = name(columns.next()?)?;
            let (_, checkers, tests) = (columns.next()?, columns.next()?, columns.next()?);
            let row = Row {
                line: at + 1,
                checkers: paths(checkers),
                testers: paths(tests),
                tests: functions(tests),
            };
            Some((name, row))
        })
        .collect()
}

fn paths(column: &str) -> Vec<String> {
    let words = column.split(|c: char| c.is_whitespace() || "`,;()".contains(c));
    words
        .filter(|word| word.contains('/'))
        .filter_map(|word| Some(format!("{}.rs", word.split_once(".rs")?.0)))
        .collect()
}

fn functions(column: &str) -> Vec<String> {
    let quoted = column.split('`').skip(1).step_by(2);
    let plain = |text: &&str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    quoted.filter(plain).map(ToString::to_string).collect()
}

/// What a row says that is not so.
fn unkept(tree: &Tree, name: &str, row: &Row) -> Vec<Finding> {
    let all = row.checkers.iter().chain(&row.testers);
    let missing = all.filter(|path| tree.file(path).is_none());
    let mut says: Vec<String> =
        missing.map(|path| format!("{name} names `{path}`, which does not exist")).collect();
    let said = |path: &String| tree.file(path).is_some_and(|file| has_name(&file.text, name));
    if !row.checkers.iter().any(said) {
        says.push(format!(
            "{name} is in none of the files that should check it: name the right one"
        ));
    }
    if row.testers.is_empty() {
        says.push(format!("{name} has no test: name the file and the function"));
    }
    for test in &row.tests {
        let head = format!("fn {test}(");
        let mut testers = row.testers.iter().filter_map(|path| tree.file(path));
        if !testers.any(|file| file.text.contains(&head)) {
            says.push(format!("{name} names the test `{test}`, which is not in its file"));
        }
    }
    says.iter().map(|say| fault(BOOK, row.line, say)).collect()
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

    const ROW: &str =
        "| I7 | revisions grow | crates/kv/src/a.rs | crates/kv/src/a.rs `they_grow` |\n";

    fn code(name: &str) -> String {
        format!("base::invariant!(\n {name},\n a < b); fn they_grow() {{}}")
    }

    #[test]
    fn book_and_code_agree() {
        assert_eq!(says(&code("I7"), ROW), Vec::<String>::new());
        let quoted = ROW.replacen("crates/kv/src/a.rs", "`crates/kv/src/a.rs` (`step`)", 1);
        assert_eq!(says(&code("I7"), &quoted), Vec::<String>::new());
    }

    #[test]
    fn an_unwritten_invariant_is_told() {
        let found = says(&format!("\ninvariant!(I8, a);{}", code("I7")), ROW);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("crates/kv/src/a.rs:2: invariants: I8 has no row"));
    }

    #[test]
    fn an_unkept_row_is_told() {
        let both = format!("{ROW}{}", ROW.replace("I7", "I70"));
        assert!(says(&code("I70"), &both)[0].contains("I7 is in none of the files"));
        let gone = ROW.replace("kv/src/a.rs |", "kv/src/gone.rs |");
        assert!(says(&code("I7"), &gone)[0].contains("gone.rs`, which does not exist"));
        let other = ROW.replace("they_grow", "they_shrink");
        assert!(says(&code("I7"), &other)[0].contains("the test `they_shrink`"));
        let none = "| I7 | revisions grow | crates/kv/src/a.rs | |\n";
        assert!(says(&code("I7"), none)[0].contains("has no test"));
    }

    #[test]
    fn a_missing_book_is_told_once() {
        let code = "invariant!(I1, a);invariant!(I2, a);";
        assert_eq!(check(&tree(&[("crates/kv/src/a.rs", code)])).len(), 1);
    }
}
