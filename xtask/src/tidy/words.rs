//! The project speaks of itself only, and every file says what it is for.

use super::Finding;
use super::tree::{File, Tree};

/// Words that belong to somebody's machine or afternoon. They are written in
/// two halves here, so that this file passes its own rule.
const FOREIGN: &[(&str, &str, &str)] = &[
    ("/wor", "k/", "a path of one machine; paths are relative to the root"),
    ("/roo", "t/", "a path of one machine; paths are relative to the root"),
    ("/tmp/", "t-", "a path of one machine; paths are relative to the root"),
    ("/home", "/", "a path of one machine; paths are relative to the root"),
    ("this ses", "sion of work", "the project has no memory of who wrote it"),
    ("in this con", "versation", "the project has no memory of who wrote it"),
    ("the bri", "ef says", "the project has no memory of who wrote it"),
    ("language ", "model", "the project has no memory of who wrote it"),
    ("clau", "de", "the project has no memory of who wrote it"),
    ("anthro", "pic", "the project has no memory of who wrote it"),
];

/// The only place that crates come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Reads every text file.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().flat_map(file).collect()
}

fn file(file: &File) -> Vec<Finding> {
    let mut found = foreign(file);
    found.extend(opening(file));
    found.extend(registries(file));
    found
}

fn foreign(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let lower = line.to_lowercase();
        for (head, tail, why) in FOREIGN {
            let word = format!("{head}{tail}");
            if lower.contains(&word) {
                let say = format!("`{word}`: {why}");
                found.push(Finding::fault(&file.path, number + 1, "words", say));
            }
        }
    }
    found
}

/// A Rust file's first words say what the room is for.
fn opening(file: &File) -> Option<Finding> {
    let first = file.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//! ").is_some_and(|rest| rest.trim().len() > 3);
    let say = "a file begins with `//!` and a sentence that says what it is for".to_string();
    (file.path.ends_with(".rs") && !says).then(|| Finding::fault(&file.path, 1, "words", say))
}

/// Nobody's private registry may be needed to build this.
fn registries(file: &File) -> Vec<Finding> {
    let lock = file.path.ends_with("Cargo.lock");
    let config = file.path.ends_with(".cargo/config.toml");
    let wrong = |line: &str| {
        let source = line.strip_prefix("source = \"").and_then(|rest| rest.strip_suffix('"'));
        (lock && source.is_some_and(|source| source != REGISTRY))
            || (config && (line.starts_with("[source") || line.starts_with("[registr")))
    };
    let lines = file.text.lines().enumerate().filter(|(_, line)| wrong(line));
    let say = "crates come from crates.io and nowhere else";
    lines.map(|(at, _)| Finding::fault(&file.path, at + 1, "words", say.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree;
    use super::{FOREIGN, REGISTRY, check};

    fn count(path: &str, text: &str) -> usize {
        check(&tree(&[(path, text)])).len()
    }

    #[test]
    fn foreign_words_are_told() {
        for (head, tail, _) in FOREIGN {
            assert_eq!(count("README.md", &format!("See {head}{tail}x.")), 1, "{head}{tail}");
        }
        assert_eq!(count("README.md", "Keys live under /var/lib; a session expires."), 0);
    }

    #[test]
    fn a_rust_file_says_what_it_is_for() {
        assert_eq!(count("crates/kv/src/a.rs", "//! Revisions.\n"), 0);
        assert_eq!(count("crates/kv/src/a.rs", "use b;\n"), 1);
        assert_eq!(count("crates/kv/src/a.rs", "//! x\n"), 1);
        assert_eq!(count("crates/kv/build.sh", "make\n"), 0);
    }

    #[test]
    fn crates_come_from_one_place() {
        assert_eq!(count("Cargo.lock", &format!("source = \"{REGISTRY}\"\n")), 0);
        assert_eq!(count("Cargo.lock", "source = \"registry+https://mirror.example\"\n"), 1);
        assert_eq!(count(".cargo/config.toml", "[source.crates-io]\n"), 1);
        assert_eq!(count(".cargo/config.toml", "[alias]\n"), 0);
    }
}
