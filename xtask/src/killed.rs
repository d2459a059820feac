//! Which deliberate bug was killed by what. The hunts write it down as they go;
//! in the end it is printed, with how many there are and how many died.

use crate::Outcome;
use crate::shell::root;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;

/// Where the hunts write a line for each bug that dies: its name, a tab, by what.
const FILE: &str = "target/mutants/killed.txt";

/// Where all of them stand.
const SOURCE: &str = "crates/base/src/mutant.rs";

/// Nothing is dead yet.
pub(crate) fn begin() -> Outcome {
    let file = root().join(FILE);
    let made = file.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&file, "")).map_err(|why| format!("{FILE}: {why}"))
}

/// One more is dead.
pub(crate) fn add(name: &str, by: &str) -> Outcome {
    let opened = fs::OpenOptions::new().append(true).open(root().join(FILE));
    let written = opened.and_then(|mut file| writeln!(file, "{name}\t{by}"));
    written.map_err(|why| format!("{FILE}: {why}"))
}

/// Prints who was killed by what, of those that are named or of all; whoever
/// survived is an error.
pub(crate) fn sum(names: &[&str]) -> Outcome {
    let read =
        |name: &str| fs::read_to_string(root().join(name)).map_err(|why| format!("{name}: {why}"));
    let (source, told) = (read(SOURCE)?, read(FILE)?);
    let all = if names.is_empty() { mutants(&source) } else { names.to_vec() };
    let table = table(&all, &told);
    println!("{}", table.text);
    println!("mutants: {} of {} killed", all.len() - table.survived.len(), all.len());
    if table.survived.is_empty() {
        Ok(())
    } else {
        Err(format!("survived: {}", table.survived.join(", ")))
    }
}

/// The names in the list of mutants.
fn mutants(source: &str) -> Vec<&str> {
    let list = source.split("\nmutants! {").nth(1).unwrap_or_default();
    let lines = list.lines().map(str::trim).take_while(|line| *line != "}");
    let name = |line: &str| !line.starts_with('/') && !line.is_empty();
    lines.filter(|line| name(line)).map(|line| line.trim_end_matches(',')).collect()
}

struct Table<'a> {
    text: String,
    survived: Vec<&'a str>,
}

fn table<'a>(all: &[&'a str], told: &str) -> Table<'a> {
    let mut killed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, by) in told.lines().filter_map(|line| line.split_once('\t')) {
        killed.entry(name).or_default().push(by);
    }
    let line = |name: &&str| {
        let by = killed.get(name).map_or_else(|| "SURVIVED".into(), |by| by.join("; "));
        format!("  {name:24} {by}")
    };
    let text = all.iter().map(line).collect::<Vec<_>>().join("\n");
    let survived = all.iter().copied().filter(|name| !killed.contains_key(name)).collect();
    Table { text, survived }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_named_nowhere_survived() {
        let source =
            "macro\nmutants! {\n    /// A doc, with words.\n    One,\n    /// Two.\n    Two,\n}\n";
        let all = mutants(source);
        assert_eq!(all, ["One", "Two"]);
        let table = table(&all, "One\tseed 7: linear\nOne\tone-read\n");
        assert!(table.text.contains("seed 7: linear; one-read"));
        assert_eq!(table.survived, ["Two"]);
    }

    #[test]
    fn the_list_can_be_read() {
        let source = fs::read_to_string(root().join(SOURCE)).expect("the list");
        let all = mutants(&source);
        assert!(all.contains(&"AckBeforeSync") && all.len() > 30, "{all:?}");
    }
}
