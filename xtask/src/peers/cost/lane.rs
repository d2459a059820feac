//! Instructions and allocations of three lanes in one thread, which are the same
//! on every run: what a change costs is seen before any clock could tell.

use crate::shell::{self, Program};
use crate::{Outcome, metadata};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BUILD: Program = Program {
    env: &[],
    words: &["cargo", "build", "--release", "--locked", "-p", "node", "--example", "lane_cost"],
};

/// What was counted when somebody last said that it should stand.
const REFERENCE: &str = "crates/node/examples/lane_cost.txt";

/// What is asked, and how many at a time: alone, and as a turn under load has them.
const ASKS: &[(&str, u64)] = &[("put", 64), ("put", 1), ("get", 64), ("get", 1)];

/// How many are asked in the two runs: what the start costs is in both.
const COUNTS: [u64; 2] = [1_000, 4_000];

/// What to do with what was counted before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    Compare,
    Keep,
}

/// What one operation takes in all three lanes.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Taken {
    instructions: f64,
    allocations: f64,
    bytes: f64,
}

pub(super) fn run(reference: Reference) -> Outcome {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("the lanes are not counted: there is no valgrind (Debian: apt-get install it)");
        return Ok(());
    }
    println!("{}", BUILD.line());
    BUILD.run()?;
    let target = PathBuf::from(metadata::read()?.target);
    let program = target.join("release/examples/lane_cost");
    let path = shell::root().join(REFERENCE);
    let before = fs::read_to_string(&path).unwrap_or_default();
    let (mut kept, mut table) = (String::new(), String::new());
    for (verb, together) in ASKS {
        let taken = taken(&program, verb, *together)?;
        let name = format!("{verb} {together}");
        table.push_str(&line(&name, taken, find(&before, &name)));
        let Taken { instructions, allocations, bytes } = taken;
        kept.push_str(&format!("{name} {instructions:.0} {allocations:.2} {bytes:.0}\n"));
    }
    println!("three lanes in one thread, each operation (moved from {REFERENCE}):");
    println!("{:<26} {:>20} {:>20} {:>20}", "", "instructions", "allocations", "their bytes");
    print!("{table}");
    println!("each operation, in all three lanes:");
    for (verb, together) in ASKS {
        let words = [&program.display().to_string(), *verb, "4000", &together.to_string()];
        print!("  {together} at a time: {}", shell::output(&words)?);
    }
    if reference == Reference::Keep {
        fs::write(&path, kept).map_err(|why| format!("{REFERENCE}: {why}"))?;
    }
    Ok(())
}

fn taken(program: &Path, verb: &str, together: u64) -> Result<Taken, String> {
    let [few, many] = COUNTS;
    let count = |asked: u64| -> Result<[u64; 3], String> {
        let words = [verb, &asked.to_string(), &together.to_string()];
        let instructions = instructions(&valgrind("callgrind", program, &words)?);
        let heap = heap(&valgrind("dhat", program, &words)?);
        let (instructions, (bytes, blocks)) = instructions
            .zip(heap)
            .ok_or("valgrind says something else than it used to".to_string())?;
        Ok([instructions, blocks, bytes])
    };
    let (less, more) = (count(few)?, count(many)?);
    let each = |at: usize| {
        let [less, more] = [less, more].map(|counts| counts.get(at).copied().unwrap_or_default());
        more.saturating_sub(less) as f64 / (many - few) as f64
    };
    Ok(Taken { instructions: each(0), allocations: each(1), bytes: each(2) })
}

/// What a tool of valgrind says of a run.
fn valgrind(tool: &str, program: &Path, words: &[&str]) -> Result<String, String> {
    let done = Command::new("valgrind")
        .args([&format!("--tool={tool}"), &format!("--{tool}-out-file=/dev/null")])
        .arg(program)
        .args(words)
        .output()
        .map_err(|why| format!("valgrind: {why}"))?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if done.status.success() { Ok(said) } else { Err(format!("valgrind: {said}")) }
}

/// `==1== Collected : 242646262`.
fn instructions(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?.1;
    digits(line)
}

/// `==1== Total:     1,234 bytes in 56 blocks`.
fn heap(said: &str) -> Option<(u64, u64)> {
    let line = said.lines().find_map(|line| line.split_once("Total:"))?.1;
    let (bytes, blocks) = line.split_once("bytes in")?;
    Some((digits(bytes)?, digits(blocks)?))
}

fn digits(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What the file has for this ask: `put 64 42016 36.56 14358`.
fn find(kept: &str, name: &str) -> Option<Taken> {
    let line = kept.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    let mut numbers = line.split(' ').map(str::parse::<f64>);
    let mut next = || numbers.next()?.ok();
    Some(Taken { instructions: next()?, allocations: next()?, bytes: next()? })
}

fn line(name: &str, now: Taken, before: Option<Taken>) -> String {
    let one = |pick: fn(Taken) -> f64, digits: usize| {
        let moved = before.map(|before| (pick(now) / pick(before) - 1.0) * 100.0);
        let moved = moved.map_or("new".into(), |moved| format!("{moved:+.1} %"));
        format!("{:.digits$} ({moved})", pick(now))
    };
    let [instructions, allocations, bytes] =
        [one(|it| it.instructions, 0), one(|it| it.allocations, 2), one(|it| it.bytes, 0)];
    let name = format!("{name} at a time");
    format!("{name:<26} {instructions:>20} {allocations:>20} {bytes:>20}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_valgrind_says_is_read() {
        assert_eq!(instructions("==1== Events    : Ir\n==1== Collected : 2426\n"), Some(2426));
        assert_eq!(heap("==1== Total:     1,234 bytes in 56 blocks\n"), Some((1234, 56)));
        assert_eq!((instructions("no"), heap("no")), (None, None));
    }

    #[test]
    fn it_stands_beside_what_it_was() {
        let taken = Taken { instructions: 110.0, allocations: 9.0, bytes: 50.0 };
        let kept = "put 6 1 1 1\nput 64 100 10.00 50\n";
        let text = line("put 64", taken, find(kept, "put 64"));
        assert!(text.contains("110 (+10.0 %)"), "{text}");
        assert!(text.contains("9.00 (-10.0 %)") && text.contains("50 (+0.0 %)"), "{text}");
        assert!(line("get 1", taken, find(kept, "get 1")).contains("110 (new)"));
    }

    #[test]
    fn the_reference_can_be_read() {
        let kept = fs::read_to_string(shell::root().join(REFERENCE)).expect("it is committed");
        for (verb, together) in ASKS {
            assert!(find(&kept, &format!("{verb} {together}")).is_some(), "{verb} {together}");
        }
    }
}
