//! The files that git knows or would know, read once for all rules.

use super::mask;
use crate::shell;
use std::collections::BTreeSet;

/// The text files of the repository.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

/// One text file.
#[derive(Debug)]
pub(super) struct File {
    /// Its path from the root, with `/`.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
    /// For Rust: the text without comments, strings and tests.
    pub(super) code: String,
    /// Whether all of it is a test.
    pub(super) test: bool,
}

impl Tree {
    /// Reads every file that is tracked, or new and not ignored.
    pub(super) fn read() -> Result<Self, String> {
        let list = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = shell::output(&list)?;
        let root = shell::root();
        let paths: BTreeSet<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
        // What is not text, or was deleted since, has nothing to say here.
        let read =
            |path: &str| Some((path.to_string(), std::fs::read_to_string(root.join(path)).ok()?));
        Ok(Self::new(paths.into_iter().filter_map(read).collect()))
    }

    /// A tree of these paths and texts.
    pub(super) fn new(texts: Vec<(String, String)>) -> Self {
        let declared: BTreeSet<String> = texts.iter().flat_map(|(p, t)| test_files(p, t)).collect();
        let file = |(path, text): (String, String)| File {
            code: if path.ends_with(".rs") {
                mask::without_tests(&mask::code(&text))
            } else {
                String::new()
            },
            test: in_tests_folder(&path) || declared.contains(&path),
            path,
            text,
        };
        Self { files: texts.into_iter().map(file).collect() }
    }

    /// The sources that are compiled into a program or library.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        self.files.iter().filter(|file| !file.test).filter_map(Source::of)
    }

    /// The file at this path.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// A file under some crate's `src/`.
#[derive(Clone, Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a File,
    /// The crate it belongs to.
    pub(super) room: &'a str,
    /// Where its module stands in the crate; the root is empty.
    pub(super) module: Vec<&'a str>,
}

impl<'a> Source<'a> {
    fn of(file: &'a File) -> Option<Self> {
        let (home, inside) = file.path.split_once("/src/")?;
        let room = home.rsplit('/').next()?;
        let stem = inside.strip_suffix(".rs")?;
        let mut module: Vec<&str> = stem.split('/').collect();
        if matches!(module.last(), Some(&"mod")) || matches!(stem, "lib" | "main") {
            module.pop();
        }
        Some(Self { file, room, module })
    }
}

/// Integration tests, and modules whose name says that they are tests.
fn in_tests_folder(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
}

/// Where the files of this file's test modules may stand.
fn test_files(path: &str, text: &str) -> Vec<String> {
    let Some(stem) = path.strip_suffix(".rs") else { return Vec::new() };
    let folder = match stem.rsplit_once('/') {
        Some((folder, "mod" | "lib" | "main")) => folder,
        _ => stem,
    };
    let names = mask::test_modules(&mask::code(text));
    names.iter().map(|name| format!("{folder}/{name}.rs")).collect()
}

/// A tree for tests of rules.
#[cfg(test)]
pub(super) fn tree(texts: &[(&str, &str)]) -> Tree {
    Tree::new(texts.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect())
}

#[cfg(test)]
mod tests {
    use super::tree;

    #[test]
    fn sources_know_their_room_and_module() {
        let tree = tree(&[
            ("crates/kv/src/lib.rs", "#[cfg(test)]\nmod odd;"),
            ("crates/kv/src/odd.rs", ""),
            ("crates/kv/src/tests/x.rs", ""),
            ("crates/kv/tests/y.rs", ""),
            ("crates/consensus/src/raft/mod.rs", ""),
            ("crates/consensus/src/raft/elect.rs", ""),
            ("README.md", ""),
        ]);
        let found: Vec<_> = tree.sources().map(|source| (source.room, source.module)).collect();
        assert_eq!(
            found,
            [("kv", vec![]), ("consensus", vec!["raft"]), ("consensus", vec!["raft", "elect"]),]
        );
    }
}
