//! Are the pages true? Runs the commands that README and the guides show.
//!
//! A fenced block tagged `console` is run: lines that begin with `$ ` are
//! commands, `> ` goes on with the one before, anything else is what the
//! command must print, in this order. `…` or `...` stands for any text, and on
//! a line of its own for any lines. All blocks of a file share one shell, at
//! the root of the repository. Blocks with another tag are not run.

use crate::{Outcome, metadata, shell};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// For all the commands of one file, builds included.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Stands in the output before that of each command. No program prints it.
const MARK: &str = "\u{1e}xtask";

/// A command and what it must print.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
}

/// Runs the named files, or README.md, every guide and docs/simulator.md.
pub(crate) fn run(files: &[&str]) -> Outcome {
    let root = shell::root();
    let chosen =
        if files.is_empty() { pages(&root) } else { files.iter().map(PathBuf::from).collect() };
    let logs = Path::new(&metadata::read()?.target).join("xtask-docs");
    fs::create_dir_all(&logs).map_err(|why| format!("{}: {why}", logs.display()))?;
    for page in chosen {
        let text = fs::read_to_string(root.join(&page));
        let text = text.map_err(|why| format!("{}: {why}", page.display()))?;
        let shown = extract(&text);
        if !shown.is_empty() {
            let begun = Instant::now();
            play(&root, &page, &shown, &logs)?;
            let seconds = begun.elapsed().as_secs_f64();
            println!("docs: {}: {} commands ok ({seconds:.1} s)", page.display(), shown.len());
        }
    }
    Ok(())
}

fn pages(root: &Path) -> Vec<PathBuf> {
    let guides = fs::read_dir(root.join("docs/guides")).into_iter().flatten().flatten();
    let names = guides.map(|entry| Path::new("docs/guides").join(entry.file_name()));
    let mut pages: Vec<PathBuf> =
        names.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.sort();
    pages.insert(0, PathBuf::from("README.md"));
    pages.push(PathBuf::from("docs/simulator.md"));
    pages
}

/// The commands of a page, in order.
fn extract(text: &str) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    let mut inside = None;
    for (number, line) in text.lines().enumerate() {
        if let Some(tag) = line.trim_start().strip_prefix("```") {
            inside = if inside.is_some() { None } else { Some(tag.trim() == "console") };
        } else if inside == Some(true) {
            add(&mut shown, number + 1, line);
        }
    }
    shown
}

fn add(shown: &mut Vec<Shown>, line: usize, text: &str) {
    if let Some(command) = text.strip_prefix("$ ") {
        shown.push(Shown { line, command: command.to_string(), output: Vec::new() });
    } else if let Some(last) = shown.last_mut() {
        match text.strip_prefix("> ").filter(|_| last.output.is_empty()) {
            Some(more) => last.command = format!("{}\n{more}", last.command),
            None => last.output.push(text.trim_end().to_string()),
        }
    }
}

/// Runs a page's commands and compares what they print.
fn play(root: &Path, page: &Path, shown: &[Shown], logs: &Path) -> Outcome {
    let name = page.display().to_string();
    let log = logs.join(format!("{}.log", name.replace('/', "-")));
    let ended = perform(root, &script(shown), &log, LIMIT)?;
    let printed = fs::read_to_string(&log).map_err(|why| format!("{}: {why}", log.display()))?;
    let parts: Vec<&str> = printed.split(MARK).skip(1).collect();
    for (one, part) in shown.iter().zip(&parts) {
        compare(&one.output, part).map_err(|why| told(&name, one, &why, part))?;
    }
    let Some(last) = parts.len().checked_sub(1).and_then(|at| shown.get(at)) else {
        return Err(format!("{name}: the shell said nothing"));
    };
    let part = parts.last().copied().unwrap_or_default();
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(told(&name, last, &format!("it ended with {status}"), part)),
        None => Err(told(&name, last, &format!("no end after {} s", LIMIT.as_secs()), part)),
    }
}

fn told(name: &str, shown: &Shown, why: &str, printed: &str) -> String {
    let Shown { line, command, .. } = shown;
    format!("{name}:{line}: `{command}`: {why}\nit printed:\n{}", printed.trim())
}

fn script(shown: &[Shown]) -> String {
    let one = |shown: &Shown| format!("printf '{MARK}\\n'\n{}\n", shown.command);
    format!("set -e\n{}", shown.iter().map(one).collect::<String>())
}

/// Runs a script in a process group of its own and leaves nobody of it
/// behind. Nothing if it did not end in time.
fn perform(
    root: &Path,
    script: &str,
    log: &Path,
    limit: Duration,
) -> Result<Option<ExitStatus>, String> {
    use std::os::unix::process::CommandExt;
    let file = File::create(log).map_err(|why| format!("{}: {why}", log.display()))?;
    let errors = file.try_clone().map_err(|why| format!("{}: {why}", log.display()))?;
    let mut child = Command::new("bash")
        .args(["-c", script])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|why| format!("bash does not start: {why}"))?;
    let ended = wait(&mut child, limit);
    kill_group(child.id());
    ended.map_err(|why| format!("bash is lost: {why}"))
}

fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(None)
}

/// Whoever the script left running shares its group. That there is nobody is
/// the usual case and no fault.
fn kill_group(leader: u32) {
    let kill = format!("kill -KILL -- -{leader}");
    let _ = Command::new("bash").args(["-c", &kill]).stderr(Stdio::null()).status();
}

/// Every expected line must be found in the output, in order.
fn compare(expected: &[String], printed: &str) -> Outcome {
    let mut lines = printed.lines();
    for wanted in expected.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
        let pieces = pieces(wanted);
        if !pieces.is_empty() && !lines.any(|line| fits(line, &pieces)) {
            return Err(format!("`{wanted}` is not printed, or not after the lines before it"));
        }
    }
    Ok(())
}

fn pieces(wanted: &str) -> Vec<String> {
    let text = wanted.replace("...", "…");
    text.split('…').map(str::trim).filter(|piece| !piece.is_empty()).map(String::from).collect()
}

/// Whether the pieces stand in the line one after the other.
fn fits(line: &str, pieces: &[String]) -> bool {
    let mut rest = Some(line);
    for piece in pieces {
        rest = rest.and_then(|text| text.split_once(piece.as_str())).map(|(_, after)| after);
    }
    rest.is_some()
}

#[cfg(test)]
mod tests {
    use super::{Shown, compare, extract, perform, play};
    use std::path::Path;
    use std::time::Duration;

    const PAGE: &str = "Try it:\n\n```console\n$ echo one; echo two\none\ntwo\n$ echo \\\n> three\n\
        thr…\n```\n\n```text\n$ false\n```\n\n```\n$ false\n```\n";

    #[test]
    fn only_console_blocks_are_taken() {
        let shown = |line, command: &str, output: &[&str]| Shown {
            line,
            command: command.to_string(),
            output: output.iter().map(ToString::to_string).collect(),
        };
        let expected = [
            shown(4, "echo one; echo two", &["one", "two"]),
            shown(7, "echo \\\nthree", &["thr…"]),
        ];
        assert_eq!(extract(PAGE), expected);
    }

    #[test]
    fn output_is_compared_loosely_but_in_order() {
        let ok = |expected: &[&str], printed: &str| {
            let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
            compare(&expected, printed).is_ok()
        };
        assert!(ok(&["a", "c"], "a\nb\nc\n"));
        assert!(ok(&["ready in … ms", "…", "end"], "x\nready in 12 ms\ny\nend"));
        assert!(ok(&["revision: ..."], "revision: 7"));
        assert!(!ok(&["c", "a"], "a\nb\nc\n"));
        assert!(!ok(&["ready in … ms"], "ready in 12 s"));
    }

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn played(name: &str, page: &str) -> Result<(), String> {
        let folder = folder(name);
        let outcome = play(Path::new("/"), Path::new("docs/page.md"), &extract(page), &folder);
        std::fs::remove_dir_all(&folder).unwrap();
        outcome
    }

    #[test]
    fn a_true_page_passes() {
        assert_eq!(played("true", PAGE), Ok(()));
        assert_eq!(played("shell", "```console\n$ A=7\n$ echo $A\n7\n```\n"), Ok(()));
    }

    #[test]
    fn a_page_that_lies_is_told_by_line() {
        let fault = played("lie", "```console\n$ echo yes\nno\n```\n").unwrap_err();
        assert!(fault.starts_with("docs/page.md:2: `echo yes`: `no` is not printed"), "{fault}");
        let fault = played("fail", "```console\n$ true\n$ false\n$ true\n```\n").unwrap_err();
        assert!(fault.starts_with("docs/page.md:3: `false`: it ended with"), "{fault}");
    }

    #[test]
    fn a_script_without_end_is_stopped() {
        let folder = folder("endless");
        let limit = Duration::from_millis(50);
        let ended = perform(Path::new("/"), "sleep 1000", &folder.join("log"), limit).unwrap();
        assert!(ended.is_none());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn nobody_is_left_behind() {
        let folder = folder("kill");
        let log = folder.join("log");
        let script = "sleep 1000 & echo $!";
        let ended = perform(Path::new("/"), script, &log, super::LIMIT).unwrap();
        assert!(ended.unwrap().success());
        let child: u32 = std::fs::read_to_string(&log).unwrap().trim().parse().unwrap();
        let gone = |pid: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        while !gone(child) {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
