//! The walls of the house, checked by a machine that says why.

mod arrows;
mod banned;
mod circles;
mod invariants;
mod mask;
mod paths;
mod sizes;
mod tree;
mod words;

use crate::{Outcome, metadata};
use std::fmt;

/// The crates without clock, socket, file, thread, environment or luck.
const PURE_ROOMS: &[&str] = &["base", "consensus", "kv", "cluster", "journal", "node", "api"];

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    /// What is wrong and what to do.
    say: String,
    weight: Weight,
}

/// Whether a finding fails the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Fault,
    Warning,
}

impl Finding {
    fn fault(path: &str, line: usize, rule: &'static str, say: String) -> Self {
        Self { path: path.to_string(), line, rule, say, weight: Weight::Fault }
    }

    fn warning(path: &str, line: usize, rule: &'static str, say: String) -> Self {
        Self { weight: Weight::Warning, ..Self::fault(path, line, rule, say) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.weight == Weight::Warning { "warning: " } else { "" };
        write!(f, "{}:{}: {mark}{}: {}", self.path, self.line, self.rule, self.say)
    }
}

/// Reads the tree once and asks every rule.
pub(crate) fn run() -> Outcome {
    let tree = tree::Tree::read()?;
    let metadata = metadata::read()?;
    let mut found = Vec::new();
    found.extend(arrows::manifests(&metadata));
    found.extend(arrows::imports(&tree));
    found.extend(circles::check(&tree));
    found.extend(sizes::check(&tree));
    found.extend(banned::check(&tree));
    found.extend(banned::features(&metadata));
    found.extend(invariants::check(&tree));
    found.extend(words::check(&tree));
    found.sort();
    found.dedup();
    found.iter().for_each(|finding| println!("{finding}"));
    let faults = found.iter().filter(|finding| finding.weight == Weight::Fault).count();
    println!(
        "tidy: {} files, {faults} faults, {} warnings",
        tree.files.len(),
        found.len() - faults
    );
    if faults == 0 { Ok(()) } else { Err(format!("tidy: {faults} faults, listed above")) }
}

#[cfg(test)]
mod tests {
    use super::{Finding, Weight};

    #[test]
    fn a_finding_says_where_what_and_why() {
        let fault = Finding::fault("a.rs", 3, "sizes", "too long".into());
        assert_eq!(fault.to_string(), "a.rs:3: sizes: too long");
        let warning = Finding::warning("a.rs", 3, "sizes", "long".into());
        assert_eq!(warning.to_string(), "a.rs:3: warning: sizes: long");
        assert_eq!(warning.weight, Weight::Warning);
    }
}
