//! How the workbench runs a program, and where the repository is.

use crate::Outcome;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository: the folder above this crate.
pub(crate) fn root() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.parent().unwrap_or(crate_dir).to_path_buf()
}

/// A program with its arguments and the environment it needs, shown the way a
/// person would type it.
#[derive(Clone, Copy)]
pub(crate) struct Program<'a> {
    /// Variables set for it.
    pub(crate) env: &'a [(&'a str, &'a str)],
    /// The program and its arguments.
    pub(crate) words: &'a [&'a str],
}

impl Program<'_> {
    /// The line that repeats it.
    pub(crate) fn line(self) -> String {
        let env = self.env.iter().map(|(name, value)| format!("{name}={value}"));
        env.chain(self.words.iter().map(ToString::to_string)).collect::<Vec<_>>().join(" ")
    }

    /// Runs it at the root with its output passed through.
    pub(crate) fn run(self) -> Outcome {
        let (name, args) = self.words.split_first().ok_or("no program named")?;
        let mut command = Command::new(name);
        command.args(args).envs(self.env.iter().copied()).current_dir(root());
        let status = command.status().map_err(|why| format!("{name} does not start: {why}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("`{}` ended with {status}", self.line()))
        }
    }
}

/// What a program prints, if it ends well.
pub(crate) fn output(words: &[&str]) -> Result<String, String> {
    let (name, args) = words.split_first().ok_or("no program named")?;
    let done = Command::new(name)
        .args(args)
        .current_dir(root())
        .output()
        .map_err(|why| format!("{name} does not start: {why}"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(format!("`{}` ended with {}:\n{said}", words.join(" "), done.status));
    }
    String::from_utf8(done.stdout).map_err(|_| format!("`{}` prints no text", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::Program;

    #[test]
    fn a_program_is_shown_as_typed() {
        let program = Program { env: &[("A", "1")], words: &["cargo", "test"] };
        assert_eq!(program.line(), "A=1 cargo test");
    }

    #[test]
    fn a_failing_program_says_its_line() {
        let program = Program { env: &[], words: &["false"] };
        assert!(program.run().unwrap_err().starts_with("`false` ended with"));
    }
}
