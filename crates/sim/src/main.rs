//! `cargo xtask soak`: the big swarm, for minutes or for a range of seeds.

use sim::Options;
use sim::draw::ProtocolKind;
use sim::soak::{Soak, progress};
use sim::swarm::swarm_while;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Far from the seeds that every `cargo test` runs.
const FROM: u64 = 1_000_000;

/// How often it says how far it is.
const TICK: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Asked {
    seeds: Range<u64>,
    most: Option<Duration>,
    jobs: usize,
    ledger: Option<String>,
    commit: String,
    protocol: ProtocolKind,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = match read(&words) {
        Ok(asked) => asked,
        Err(why) => return fail(&why),
    };
    // Whoever cannot have the line wants to know before the run.
    let ledger = asked.ledger.as_ref().map(|file| {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .map_err(|why| format!("{file}: {why}"))
    });
    let ledger = match ledger.transpose() {
        Ok(ledger) => ledger,
        Err(why) => return fail(&why),
    };
    let soak = soak(&asked);
    say(&soak.to_string());
    if let Some(mut file) = ledger
        && let Err(why) = writeln!(file, "{}", soak.line(&asked.commit))
    {
        return fail(&format!("the ledger: {why}"));
    }
    if soak.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(words: &[String]) -> Result<Asked, String> {
    let mut asked = Asked {
        seeds: FROM..u64::MAX,
        most: None,
        jobs: 2,
        ledger: None,
        commit: "unknown".into(),
        protocol: ProtocolKind::default(),
    };
    let (mut from, mut range) = (None, None);
    let mut words = words.iter();
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} {value}: no number"));
        match flag.as_str() {
            "--minutes" => asked.most = Some(Duration::from_secs(60 * number()?)),
            "--from" => from = Some(number()?),
            "--seeds" => range = Some(seeds(value).ok_or(format!("--seeds {value}: write A..B"))?),
            "--jobs" => asked.jobs = usize::try_from(number()?.clamp(1, 64)).unwrap_or(1),
            "--ledger" => asked.ledger = Some(value.clone()),
            "--protocol" => {
                let kind = ProtocolKind::named(value);
                asked.protocol = kind.ok_or_else(|| format!("{flag} {value}: no protocol"))?;
            }
            "--commit" => asked.commit.clone_from(value),
            _ => return Err(format!("{flag} is not known")),
        }
    }
    asked.seeds = match (range, from) {
        (Some(_), Some(_)) => return Err("--seeds says all: --from is one too many".into()),
        (Some(range), None) => range,
        (None, _) if asked.most.is_none() => return Err("--minutes M or --seeds A..B".into()),
        (None, from) => from.unwrap_or(FROM)..u64::MAX,
    };
    Ok(asked)
}

fn seeds(text: &str) -> Option<Range<u64>> {
    let (from, to) = text.split_once("..")?;
    let range = from.parse().ok()?..to.parse().ok()?;
    (!range.is_empty()).then_some(range)
}

fn soak(asked: &Asked) -> Soak {
    let begun = Instant::now();
    let said = Mutex::new(begun);
    let options = Options { protocol: asked.protocol, ..Options::default() };
    let swarm = swarm_while(asked.seeds.clone(), &options, asked.jobs, &|now| {
        let passed = begun.elapsed();
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.elapsed() >= TICK {
            *said = Instant::now();
            // Nobody reads it: there is nothing else to do about it.
            let _ = writeln!(io::stderr(), "{}", progress(&now, passed, asked.most));
        }
        asked.most.is_none_or(|most| passed < most)
    });
    Soak { swarm, cpu: cpu(), wall: begun.elapsed(), jobs: asked.jobs }
}

/// Of all threads of this process, user and system, as the kernel tells it: the
/// 14th and 15th word, in hundredths of a second. The second word is the name of
/// the program in parentheses, and may have spaces.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let words = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = words.skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

fn fail(why: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "soak: {why}");
    ExitCode::FAILURE
}

fn say(text: &str) {
    // Nobody listens any more: there is nothing else to do about it.
    let _ = writeln!(io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Asked, String> {
        read(&text.split_whitespace().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn it_does_what_was_asked() {
        let it = asked("--seeds 5..9 --jobs 3 --ledger here").expect("words");
        assert_eq!((it.seeds, it.jobs, it.ledger.as_deref()), (5..9, 3, Some("here")));
        let it = asked("--minutes 2 --from 7").expect("words");
        assert_eq!((it.seeds.start, it.most), (7, Some(Duration::from_secs(120))));
        for wrong in ["", "--seeds 9..5", "--seeds 1..2 --from 3", "--minutes", "--dance 1"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }
}
